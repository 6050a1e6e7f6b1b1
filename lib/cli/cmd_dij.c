// SPDX-License-Identifier: Apache-2.0
// pencone dij: plan in, influence matrix out.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "mask.h"
#include "report.h"

static const cli_usage usage = {
    .command = "dij",
    .summary = "influence matrix: dose of every beamlet or spot",
    .synopsis = "PLAN.yaml [-o MATRIX.h5] [options]",
    .about =
        "Calculates the dose of every beamlet by itself: column j of the matrix A is the dose\n"
        "of beamlet j per unit of its weight, so that dose = A w. Planning programs look for\n"
        "weights w. Beamlets are the bixels of photon fields, whose width the plan gives\n"
        "(bixel_mm: 5, or [5, 2.5] along x and y; it must divide the field; with fluence_map\n"
        "the map's pixels, without bixel_mm), unit Gy per photon/cm2; or the\n"
        "spots of proton beams, unit Gy per proton.\n\n"
        "Entries below a share of their column's largest (--threshold, 1e-5) are left out;\n"
        "the dose lost by that is told. --sample keeps some of them, larger, so that the\n"
        "total is right in the mean.\n\n"
        "The matrix is written while it is calculated and never stands in memory. It grows\n"
        "in MATRIX.h5.part and gets its name when it is whole. After Ctrl-C, a full disk or a\n"
        "crash, the same command with --resume goes on, and ends with the same matrix.\n\n"
        "Formats (docs/formats.md):\n"
        "  pencone  HDF5, compressed sparse columns; 'pencone run --from-dij' and any HDF5\n"
        "           library read it\n"
        "  portpy   a folder for PortPy, with CT, structures and beams\n"
        "  fred     FRED's ij file 2.0, which matRad, pyRadPlan and FREDtools read",
    .examples =
        "  pencone dij plan.yaml -o m.h5\n"
        "  pencone dij plan.yaml -o m.h5 --resume              # after an interruption\n"
        "  pencone dij plan.yaml -o m.h5 --threshold 1e-3 --structure target --structure core\n"
        "  pencone dij plan.yaml -o Head_Patient_1 --format portpy\n"
        "  pencone run plan.yaml --from-dij m.h5 --weights w.csv -o d.h5\n"
        "  pencone info m.h5",
    .operands_min = 1,
    .operands_max = 1,
};

/// The formats as words, their file endings, and the library's names.
static const struct form {
  const char *word, *ending;
  pencone_dij_format format;
} forms[] = {{"pencone", ".dij.h5", PENCONE_DIJ_PENCONE},
             {"portpy", ".Patient_1", PENCONE_DIJ_PORTPY},
             {"fred", ".dij.bin", PENCONE_DIJ_FRED}};

/// What is read, made and written.
typedef struct job {
  cli_input in;
  const char *format;
  const struct form *form;
  cli_texts structures;
  int resume, sample, seed;
  double threshold;
  pencone_dij_options options;
  uint8_t *mask;
  pencone_dij_writer *writer;
  pencone_dij_report report;  ///< of this run
  uint64_t memory_bytes;
  int64_t entries;  ///< expected
  double seconds, stream_s;
} job;

// --- telling -----------------------------------------------------------------------------------

static void tell_before(const cli_session *session, const job *j) {
  if (session->common.quiet || session->common.json) {
    return;
  }
  char memory[32], options[512];
  const int64_t done = pencone_dij_writer_done_columns(j->writer);
  cli_line("plan", "%s (%s)", pencone_plan_name(j->in.plan), j->in.plan_path);
  cli_line("phantom", "%s", j->in.phantom_path);
  cli_line("engine", "%s, %s, %s", pencone_plan_engine(j->in.plan),
           cli_engine_options(options, sizeof options, j->in.plan),
           cli_quantity(pencone_plan_quantity(j->in.plan)));
  cli_put_grid("dose grid", pencone_engine_grid(j->in.engine));
  cli_line("columns", "%lld in %d beam%s, some %.2g entries", (long long)pencone_dij_columns(j->in.plan),
           pencone_plan_beam_count(j->in.plan), pencone_plan_beam_count(j->in.plan) == 1 ? "" : "s",
           (double)j->entries);
  if (done > 0) {
    cli_line("", "%lld are there, from an earlier run", (long long)done);
  }
  cli_line("memory", "%s estimated, %d thread%s", cli_bytes(memory, sizeof memory, j->memory_bytes),
           pencone_context_threads(session->ctx), pencone_context_threads(session->ctx) == 1 ? "" : "s");
  fflush(stdout);  // to be read while the calculation runs
}

static double lost_pct(double lost, double sum) {
  return sum > 0 ? 100 * lost / sum : 0;
}

/// Of what this run has calculated, without what the engine does before the first column.
static double ns_per_entry(const job *j) {
  return j->report.entries > 0 ? 1e9 * j->stream_s / (double)j->report.entries : 0;
}

static void tell_after(const cli_session *session, const void *the_job) {
  (void)session;
  const job *j = the_job;
  char size[32];
  uint64_t bytes = 0;
  const pencone_dij_report all = pencone_dij_writer_report(j->writer, &bytes);
  cli_line("matrix", "%lld columns, %lld entries, %.4g per column", (long long)all.columns,
           (long long)all.entries, (double)all.entries / (double)all.columns);
  if (all.empty > 0) {
    cli_line("", "%lld columns are empty: their beamlets miss the dose grid or what is wanted of it",
             (long long)all.empty);
  }
  cli_line("lost dose", "%.3g %% of all, %.3g %% of the worst column (threshold %g%s)",
           lost_pct(all.lost, all.sum), 100 * all.worst_lost, j->options.threshold,
           j->options.sampling ? ", sampled" : "");
  cli_line("time", "%.2f s, %.2f s of them for the columns: %.3g ns per entry", j->seconds, j->stream_s,
           ns_per_entry(j));
  cli_line("written", "%s, %s", j->in.output, cli_bytes(size, sizeof size, bytes));
}

static void tell_json(const cli_session *session, const void *the_job) {
  const job *j = the_job;
  uint64_t bytes = 0;
  const pencone_dij_report all = pencone_dij_writer_report(j->writer, &bytes);
  char options[512];
  cli_json json = {.out = stdout};
  cli_json_object(&json, NULL);
  cli_json_text(&json, "plan", pencone_plan_name(j->in.plan));
  cli_json_text(&json, "plan_file", j->in.plan_path);
  cli_json_text(&json, "phantom", j->in.phantom_path);
  cli_json_text(&json, "engine", pencone_plan_engine(j->in.plan));
  cli_json_text(&json, "options", cli_engine_options(options, sizeof options, j->in.plan));
  cli_json_grid(&json, "grid", pencone_engine_grid(j->in.engine));
  cli_json_integer(&json, "columns", all.columns);
  cli_json_integer(&json, "columns_resumed", all.columns - j->report.columns);
  cli_json_integer(&json, "columns_empty", all.empty);
  cli_json_integer(&json, "entries", all.entries);
  cli_json_number(&json, "threshold", j->options.threshold, 9);
  cli_json_boolean(&json, "sampling", j->options.sampling);
  cli_json_integer(&json, "seed", (int64_t)j->options.seed);
  cli_json_number(&json, "lost_pct", lost_pct(all.lost, all.sum), 9);
  cli_json_number(&json, "lost_worst_column_pct", 100 * all.worst_lost, 9);
  cli_json_integer(&json, "memory_bytes", (int64_t)j->memory_bytes);
  cli_json_integer(&json, "threads", pencone_context_threads(session->ctx));
  cli_json_number(&json, "seconds", j->seconds, 6);
  cli_json_number(&json, "ns_per_entry", ns_per_entry(j), 6);
  cli_json_text(&json, "format", j->form->word);
  cli_json_integer(&json, "bytes", (int64_t)bytes);
  cli_json_text(&json, "output", j->in.output);
  cli_json_end(&json);
}

// --- before the work ---------------------------------------------------------------------------

/// PortPy builds its maps of beamlets on a lattice of 2.5 mm and compares positions exactly.
static int warn_of_lattice(cli_session *session, const job *j, const pencone_beamlet *beamlets,
                           int64_t count) {
  const double lattice_mm = 2.5;
  int64_t astray = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double left_mm = beamlets[i].x_mm - beamlets[i].width_mm[0] / 2;
    const double top_mm = beamlets[i].y_mm + beamlets[i].width_mm[1] / 2;
    astray += fabs(remainder(left_mm, lattice_mm)) > 1e-6 || fabs(remainder(top_mm, lattice_mm)) > 1e-6;
  }
  if (j->form->format == PENCONE_DIJ_PORTPY && astray > 0) {
    cli_progress_clear(session);
    fprintf(stderr,
            "pencone: warning: %lld of %lld beamlets have edges off PortPy's lattice of %g mm, on which its "
            "leaves and maps of beamlets stand\n",
            (long long)astray, (long long)count, lattice_mm);
  }
  return CLI_GO_ON;
}

/// The plan has beamlets that fit their fields.
static int check_beamlets(cli_session *session, const job *j) {
  const int64_t columns = pencone_dij_columns(j->in.plan);
  pencone_beamlet *beamlets = malloc((size_t)(columns > 0 ? columns : 1) * sizeof *beamlets);
  if (beamlets == NULL) {
    return cli_error(session, CLI_RUN, "no memory left");
  }
  const pencone_status status = pencone_dij_beamlets(session->ctx, j->in.plan, beamlets);
  const int outcome = status == PENCONE_OK ? warn_of_lattice(session, j, beamlets, columns)
                                           : cli_report_file(session, status, j->in.plan_path);
  free(beamlets);
  return outcome;
}

static int prepare(cli_session *session, job *j) {
  const pencone_dij_writer_options wanted = {sizeof wanted, j->resume, j->in.plan_text, j->in.phantom_path};
  const char *inputs[2] = {j->in.plan_path, j->in.phantom_path};
  cli_guard(session);
  // A folder for PortPy must not be there yet; the writer says so.
  const int is_new = access(j->in.output, F_OK) != 0;
  int outcome = is_new || j->form->format != PENCONE_DIJ_PORTPY
                    ? cli_check_output(session, j->in.output, inputs, 2)
                    : CLI_GO_ON;
  outcome = outcome == CLI_GO_ON ? check_beamlets(session, j) : outcome;
  outcome = outcome == CLI_GO_ON ? cli_input_phantom(session, &j->in) : outcome;
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  const pencone_status status =
      pencone_dij_writer_create(session->ctx, j->in.output, j->form->format, &wanted, &j->writer);
  if (status == PENCONE_E_FILE && !j->resume && access(j->in.output, F_OK) != 0) {
    return cli_error(session, CLI_INPUT, "%s; --resume goes on with it", pencone_context_error(session->ctx));
  }
  return status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
}

// --- the work ----------------------------------------------------------------------------------

static pencone_status calculate(cli_session *session, job *j) {
  const double start_s = cli_seconds();
  const pencone_dij_sink sink = pencone_dij_writer_sink(j->writer);
  j->options.first_column = pencone_dij_writer_done_columns(j->writer);
  CLI_TRY(pencone_dij_estimate(session->ctx, j->in.engine, &j->options, &j->memory_bytes, &j->entries));
  cli_progress_clear(session);
  tell_before(session, j);
  const double stream_start_s = cli_seconds();
  const pencone_status status =
      pencone_dij_stream(session->ctx, j->in.engine, &j->options, &sink, &j->report);
  j->stream_s = cli_seconds() - stream_start_s;
  j->seconds += cli_seconds() - start_s;
  return status;
}

/// Tells what failed and what of the matrix is there.
static int failed(cli_session *session, const job *j, pencone_status status) {
  const long long done = (long long)pencone_dij_writer_done_columns(j->writer);
  const long long all = (long long)pencone_dij_columns(j->in.plan);
  cli_progress_clear(session);
  if (status == PENCONE_E_CANCELLED) {
    return done > 0 ? cli_error(session, CLI_RUN,
                                "interrupted; %lld of %lld columns are in %s.part, --resume goes on", done,
                                all, j->in.output)
                    : cli_error(session, CLI_RUN, "interrupted; nothing was written");
  }
  if (status == PENCONE_E_FILE) {
    return done > 0 ? cli_error(session, CLI_RUN, "%s; %lld of %lld columns are in %s.part, --resume goes on",
                                pencone_context_error(session->ctx), done, all, j->in.output)
                    : cli_error(session, CLI_RUN, "%s", pencone_context_error(session->ctx));
  }
  if (status == PENCONE_E_NUMERIC) {
    return cli_error(session, CLI_INPUT, "%s: %s", j->in.plan_path, pencone_context_error(session->ctx));
  }
  return status == PENCONE_E_FORMAT ? cli_report(session, status)
                                    : cli_report_file(session, status, j->in.plan_path);
}

static int run(cli_session *session, void *the_job) {
  job *j = the_job;
  int outcome = cli_input_plan(session, &j->in);
  outcome = outcome == CLI_GO_ON ? prepare(session, j) : outcome;
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  const double start_s = cli_seconds();
  pencone_status status = cli_interrupted(session)
                              ? PENCONE_E_CANCELLED
                              : pencone_engine_create(session->ctx, j->in.plan, j->in.phantom, &j->in.engine);
  if (status != PENCONE_OK) {
    return failed(session, j, status);
  }
  outcome =
      cli_mask_make(session, j->in.phantom, pencone_engine_grid(j->in.engine), &j->structures, &j->mask);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  j->options.mask = j->mask;
  j->seconds = cli_seconds() - start_s;
  status = calculate(session, j);
  if (status != PENCONE_OK) {
    return failed(session, j, status);
  }
  return CLI_GO_ON;
}

static void clean(void *the_job) {
  job *j = the_job;
  pencone_dij_writer_destroy(j->writer);
  free(j->mask);
}

// --- the command -------------------------------------------------------------------------------

static int choose_form(job *j) {
  const char *words[] = {forms[0].word, forms[1].word, forms[2].word};
  for (int i = 0; i < 3; ++i) {
    if (strcmp(j->format, forms[i].word) == 0) {
      j->form = &forms[i];
      return CLI_GO_ON;
    }
  }
  const char *nearest = cli_nearest(j->format, words, 3);
  return cli_wrong_use(usage.command, "--format: got '%s', expected pencone, portpy or fred%s%s%s", j->format,
                       nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                       nearest != NULL ? "'?" : "");
}

int cli_dij(int argc, char **argv) {
  cli_common common = {0};
  job j = {.format = "pencone", .options = PENCONE_DIJ_OPTIONS_DEFAULT, .report = PENCONE_DIJ_REPORT_DEFAULT};
  j.threshold = j.options.threshold;
  j.seed = (int)j.options.seed;
  const cli_option options[] = {
      {"output", 'o', CLI_TEXT, "FILE",
       "the file or folder to write (default: PLAN with .dij.h5, .Patient_1 or .dij.bin in place of its ending)",
       &j.in.output, 0, 0},
      {"format", 'f', CLI_TEXT, "WORD", "pencone (default), portpy or fred", &j.format, 0, 0},
      {"threshold", 0, CLI_NUMBER, "F",
       "leave out entries below F times the largest of their column, 0 to 1 (default: 1e-5)", &j.threshold, 0,
       1},
      {"sample", 0, CLI_FLAG, NULL,
       "keep an entry below the threshold with a probability, raised to the threshold: right in the mean",
       &j.sample, 0, 0},
      {"seed", 0, CLI_COUNT, "N", "of --sample: the same entries for the same seed (default: 1)", &j.seed, 0,
       2147483647},
      {"structure", 's', CLI_TEXTS, "NAME",
       "only voxels that this structure of the phantom touches; every use adds one (default: all voxels)",
       &j.structures, 0, 0},
      {"resume", 'r', CLI_FLAG, NULL, "go on with the part that an interrupted run has left, if there is one",
       &j.resume, 0, 0},
      CLI_OPTION_PHANTOM(&j.in),
      CLI_OPTION_QUALITY(&j.in),
      CLI_OPTION_JSON(&common),
      CLI_OPTION_THREADS(&common),
      CLI_OPTION_MEMORY(&common),
      CLI_OPTION_QUIET(&common),
  };
  char **operands = NULL;
  int count = 0;
  int outcome = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &operands, &count);
  outcome = outcome == CLI_GO_ON ? choose_form(&j) : outcome;
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  j.in.plan_path = operands[0];
  j.options.threshold = j.threshold;
  j.options.sampling = j.sample;
  j.options.seed = (uint64_t)j.seed;
  cli_calculation calculation = {&j.in, j.form->ending, run, tell_after, tell_json, clean, &j};
  return cli_calculate(&common, &calculation);
}

// SPDX-License-Identifier: Apache-2.0
// pencone run: plan in, dose out.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "report.h"
#include "weigh.h"

static const cli_usage usage = {
    .command = "run",
    .summary = "calculate the dose of a plan",
    .synopsis = "PLAN.yaml [-o DOSE.h5] [options]",
    .about =
        "Reads a plan (YAML: phantom, engine, dose grid, beams), calculates the dose in\n"
        "every voxel and writes it as HDF5, with the plan, the machine's fingerprint and the\n"
        "version in it. Without -o the dose of plan.yaml goes to plan.dose.h5 beside it.\n\n"
        "Dose is in Gy (energy per mass; to the medium in the voxel unless the plan says\n"
        "dose-to-water), lengths in mm along the patient's axes (DICOM LPS). The plan says\n"
        "how many photons per cm2 cross the isocentre plane, or protons go into each spot.\n"
        "docs/formats.md explains every key of a plan; 'pencone info engines' and 'pencone\n"
        "info machines' list the choices.\n\n"
        "The dose file also opens in ITK, VTK (ParaView) and Octave. It appears when it is\n"
        "complete: an error or Ctrl-C leaves an older file of that name as it was.\n\n"
        "A plan, in full:\n"
        "  plan: my first beam\n"
        "  phantom: water.h5               # beside the plan\n"
        "  engine: {name: photon-collapsed-cone}\n"
        "  beams:\n"
        "    - name: AP\n"
        "      machine: ideal-mohan-6mv\n"
        "      isocenter_mm: [0, 0, 0]\n"
        "      gantry_deg: 0               # from anterior\n"
        "      field_mm: {x: [-50, 50], y: [-50, 50]}   # in the isocentre plane\n"
        "      fluence_per_cm2: 1.0e+10    # photons\n"
        "      control_points:             # optional: segments, arcs\n"
        "        - {gantry_deg: 0, weight: 0.7}\n"
        "        - {gantry_deg: 0, field_mm: {x: [-20, 20], y: [-50, 50]}, weight: 0.3}\n"
        "Or, in place of control_points,\n"
        "      fluence_map: map.h5         # /fluence_map [y][x], weights of pixels\n\n"
        "A beam of protons has layers of spots in place of field and fluence; 'pencone sobp'\n"
        "makes such a plan. With the engine\n"
        "  engine: {name: proton-pencil-beam, let: yes, rbe: wedenberg, alpha_beta_gy: 2}\n"
        "LET (keV/um) and RBE-weighted dose (Gy (RBE)) lie in the file beside the dose.",
    .examples =
        "  pencone run plan.yaml                        # writes plan.dose.h5\n"
        "  pencone run plan.yaml -o d.h5 --beams        # keeps the dose of each beam too\n"
        "  pencone run plan.yaml --quality fast         # a first look\n"
        "  pencone run plan.yaml -o d.h5 --threads 2 --memory 2G\n"
        "  pencone run plan.yaml --from-dij m.h5 --weights w.csv -o d.h5\n"
        "  pencone profile d.h5 --from 0,-150,0 --to 0,150,0",
    .operands_min = 1,
    .operands_max = 1,
};

/// What is read, made and written in one run.
typedef struct job {
  cli_input in;
  int keep_beams;
  cli_weighing weighing;  ///< the dose by a matrix, if one is given
  pencone_dose *dose;
  pencone_dose_writer *writer;  ///< begun before the calculation; NULL: the dose comes from a matrix
  pencone_estimate_info estimate;
  double seconds, read_seconds, write_seconds;  ///< calculation with its tables; the input; the dose file
} job;

// --- telling -----------------------------------------------------------------------------------

static void tell_before(const cli_session *session, const job *j) {
  if (session->common.quiet || session->common.json) {
    return;
  }
  char memory[32];
  char options[512];
  const pencone_grid *grid = &pencone_phantom_describe(j->in.phantom)->grid;
  cli_line("plan", "%s (%s)", pencone_plan_name(j->in.plan), j->in.plan_path);
  cli_line("phantom", "%s, %lld x %lld x %lld voxels of %g x %g x %g mm", j->in.phantom_path,
           (long long)grid->size[0], (long long)grid->size[1], (long long)grid->size[2], grid->spacing_mm[0],
           grid->spacing_mm[1], grid->spacing_mm[2]);
  cli_line("engine", "%s, %s, %s", pencone_plan_engine(j->in.plan),
           cli_engine_options(options, sizeof options, j->in.plan),
           cli_quantity(pencone_plan_quantity(j->in.plan)));
  for (int i = 0; i < pencone_plan_beam_count(j->in.plan); ++i) {
    cli_put_beam(pencone_plan_beam(j->in.plan, i));
  }
  cli_put_grid("dose grid", &j->estimate.grid);
  cli_line("memory", "%s estimated, %d thread%s", cli_bytes(memory, sizeof memory, j->estimate.bytes),
           pencone_context_threads(session->ctx), pencone_context_threads(session->ctx) == 1 ? "" : "s");
  fflush(stdout);  // to be read while the calculation runs
}

static void tell_after(const cli_session *session, const void *the_job) {
  (void)session;
  const job *j = the_job;
  double at[3];
  const double maximum = cli_maximum(pencone_dose_grid_of(j->dose), pencone_dose_values_const(j->dose), at);
  if (j->weighing.matrix_path != NULL) {
    cli_line("matrix", "%s", j->weighing.matrix_path);
    cli_line("weights", "%s", j->weighing.weights_path != NULL ? j->weighing.weights_path : "the plan's own");
  }
  cli_line("time", "%.2f s", j->seconds);
  cli_line("largest dose", "%.5g %s at x %g, y %g, z %g mm (%s)", maximum, pencone_dose_units(j->dose), at[0],
           at[1], at[2], pencone_dose_quantity(j->dose));
  cli_line("written", "%s", j->in.output);
}

static void tell_json(const cli_session *session, const void *the_job) {
  const job *j = the_job;
  double at[3];
  const double maximum = cli_maximum(pencone_dose_grid_of(j->dose), pencone_dose_values_const(j->dose), at);
  cli_json json = {.out = stdout};
  cli_json_object(&json, NULL);
  cli_json_text(&json, "plan", pencone_plan_name(j->in.plan));
  cli_json_text(&json, "plan_file", j->in.plan_path);
  cli_json_text(&json, "phantom", j->in.phantom_path);
  cli_json_text(&json, "engine", pencone_plan_engine(j->in.plan));
  char options[512];
  cli_json_text(&json, "options", cli_engine_options(options, sizeof options, j->in.plan));
  cli_json_array(&json, "beams");
  for (int i = 0; i < pencone_plan_beam_count(j->in.plan); ++i) {
    cli_json_beam(&json, pencone_plan_beam(j->in.plan, i));
  }
  cli_json_end(&json);
  cli_json_grid(&json, "grid", pencone_dose_grid_of(j->dose));
  cli_json_integer(&json, "voxels", (int64_t)pencone_grid_voxels(pencone_dose_grid_of(j->dose)));
  cli_json_integer(&json, "memory_bytes", (int64_t)j->estimate.bytes);
  cli_json_integer(&json, "threads", pencone_context_threads(session->ctx));
  cli_json_number(&json, "seconds", j->seconds, 6);
  cli_json_number(&json, "read_seconds", j->read_seconds, 6);
  cli_json_number(&json, "write_seconds", j->write_seconds, 6);
  cli_json_number(&json, "max_dose", maximum, 9);
  cli_json_numbers(&json, "max_position_mm", at, 3, 12);
  cli_json_text(&json, "units", pencone_dose_units(j->dose));
  cli_json_text(&json, "quantity", pencone_dose_quantity(j->dose));
  cli_json_text(&json, "normalisation", pencone_dose_normalisation(j->dose));
  cli_json_text(&json, "matrix", j->weighing.matrix_path);
  cli_json_text(&json, "weights", j->weighing.weights_path);
  cli_json_text(&json, "output", j->in.output);
  cli_json_end(&json);
}

// --- the run -----------------------------------------------------------------------------------

/// Plan and phantom, and whether the output can be written: all that may go wrong before the work.
static int prepare(cli_session *session, job *j) {
  const double start_s = cli_seconds();
  int outcome = cli_input_plan(session, &j->in);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  cli_guard(session);
  const char *inputs[4] = {j->in.plan_path, j->in.phantom_path, j->weighing.matrix_path,
                           j->weighing.weights_path};
  outcome = cli_check_output(session, j->in.output, inputs, 4);
  outcome = outcome == CLI_GO_ON ? cli_input_phantom(session, &j->in) : outcome;
  j->read_seconds = cli_seconds() - start_s;
  if (outcome != CLI_GO_ON || j->weighing.matrix_path != NULL) {
    return outcome;
  }
  const pencone_status status = pencone_estimate(session->ctx, j->in.plan, j->in.phantom, &j->estimate);
  return status == PENCONE_OK ? CLI_GO_ON : cli_report_file(session, status, j->in.plan_path);
}

static pencone_status make_tables(cli_session *session, job *j) {
  const double start_s = cli_seconds();
  CLI_TRY(pencone_engine_create(session->ctx, j->in.plan, j->in.phantom, &j->in.engine));
  CLI_TRY(pencone_dose_create(session->ctx, pencone_engine_grid(j->in.engine), &j->dose));
  j->seconds = cli_seconds() - start_s;
  cli_progress_clear(session);
  tell_before(session, j);
  return PENCONE_OK;
}

static pencone_status calculate(cli_session *session, job *j) {
  const double start_s = cli_seconds();
  CLI_TRY(pencone_engine_compute(session->ctx, j->in.engine, j->keep_beams, j->dose));
  j->seconds += cli_seconds() - start_s;
  if (j->in.plan_text != NULL) {
    CLI_TRY(pencone_dose_set_provenance(session->ctx, j->dose, "plan", j->in.plan_text));
  }
  return pencone_dose_set_provenance(session->ctx, j->dose, "phantom", j->in.phantom_path);
}

/// The phantom goes to the disk while the dose is calculated. @return CLI_GO_ON or, after a message, an exit
/// status
static int begin_output(cli_session *session, job *j) {
  const double start_s = cli_seconds();
  const pencone_status status = pencone_dose_writer_create(
      session->ctx, j->in.output, pencone_dose_grid_of(j->dose), j->in.phantom, &j->writer);
  j->write_seconds = cli_seconds() - start_s;
  if (status != PENCONE_OK) {
    cli_report(session, status);
    return CLI_RUN;
  }
  return CLI_GO_ON;
}

static int end_output(cli_session *session, job *j) {
  const double start_s = cli_seconds();
  const pencone_status status = j->writer != NULL
                                    ? pencone_dose_writer_finish(session->ctx, j->writer, j->dose)
                                    : pencone_dose_write(session->ctx, j->in.output, j->dose, j->in.phantom);
  j->write_seconds += cli_seconds() - start_s;
  if (status != PENCONE_OK) {
    cli_report(session, status);
    return CLI_RUN;
  }
  return CLI_GO_ON;
}

/// What comes after a step of the calculation. @return as begin_output()
static int outcome_of(cli_session *session, const job *j, pencone_status status) {
  cli_progress_clear(session);
  if (status == PENCONE_E_CANCELLED) {
    return cli_error(session, CLI_RUN, "interrupted; nothing was written");
  }
  return status == PENCONE_OK ? CLI_GO_ON : cli_report_file(session, status, j->in.plan_path);
}

/// The dose, calculated or weighed. @return as begin_output()
static int make_dose(cli_session *session, job *j) {
  if (j->weighing.matrix_path != NULL) {
    const double start_s = cli_seconds();
    const int outcome = cli_weigh(session, &j->weighing, &j->in, &j->dose);
    j->seconds = cli_seconds() - start_s;
    return outcome;
  }
  int outcome =
      outcome_of(session, j, cli_interrupted(session) ? PENCONE_E_CANCELLED : make_tables(session, j));
  outcome = outcome == CLI_GO_ON ? begin_output(session, j) : outcome;
  return outcome == CLI_GO_ON ? outcome_of(session, j, calculate(session, j)) : outcome;
}

static int run(cli_session *session, void *the_job) {
  job *j = the_job;
  int outcome = prepare(session, j);
  outcome = outcome == CLI_GO_ON ? make_dose(session, j) : outcome;
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  if (cli_interrupted(session)) {
    return cli_error(session, CLI_RUN, "interrupted; nothing was written");
  }
  return end_output(session, j);
}

static void clean(void *the_job) {
  job *j = the_job;
  pencone_dose_writer_destroy(j->writer);
  pencone_dose_destroy(j->dose);
}

int cli_run(int argc, char **argv) {
  cli_common common = {0};
  job j = {.estimate = PENCONE_ESTIMATE_DEFAULT};
  const cli_option options[] = {
      {"output", 'o', CLI_TEXT, "FILE",
       "the dose file to write (default: PLAN with .dose.h5 in place of its "
       "ending)",
       &j.in.output, 0, 0},
      CLI_OPTION_PHANTOM(&j.in),
      CLI_OPTION_QUALITY(&j.in),
      {"beams", 'b', CLI_FLAG, NULL, "also write the dose of each beam", &j.keep_beams, 0, 0},
      {"from-dij", 0, CLI_TEXT, "MATRIX.h5",
       "no calculation: the dose is this influence matrix of the plan ('pencone dij') times weights",
       &j.weighing.matrix_path, 0, 0},
      {"weights", 'w', CLI_TEXT, "FILE.csv",
       "with --from-dij: one weight per column (photons/cm2, or protons), one per line or in a column headed "
       "'weight' (default: the plan's own)",
       &j.weighing.weights_path, 0, 0},
      CLI_OPTION_JSON(&common),
      CLI_OPTION_THREADS(&common),
      CLI_OPTION_MEMORY(&common),
      CLI_OPTION_QUIET(&common),
  };
  char **operands = NULL;
  int count = 0;
  const int outcome =
      cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &operands, &count);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  if (j.weighing.matrix_path == NULL && j.weighing.weights_path != NULL) {
    return cli_wrong_use(usage.command,
                         "--weights needs the matrix that they belong to: --from-dij MATRIX.h5");
  }
  if (j.weighing.matrix_path != NULL && (j.keep_beams || j.in.quality != NULL)) {
    return cli_wrong_use(usage.command, "--beams and --quality belong to a calculation, not to --from-dij");
  }
  j.in.plan_path = operands[0];
  cli_calculation calculation = {&j.in, ".dose.h5", run, tell_after, tell_json, clean, &j};
  return cli_calculate(&common, &calculation);
}

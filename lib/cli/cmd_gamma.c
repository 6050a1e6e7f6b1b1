// SPDX-License-Identifier: Apache-2.0
// pencone gamma: an evaluated dose against a reference.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "report.h"
#include "volume.h"

static const cli_usage usage = {
    .command = "gamma",
    .summary = "compare two doses by the gamma index",
    .synopsis = "EVALUATED.h5 REFERENCE.h5 --dose 2% --distance 2mm [options]",
    .about =
        "For every voxel of the reference above the threshold, gamma is the shortest way to\n"
        "the evaluated dose, in dose and distance, each in units of its criterion; the voxel\n"
        "passes when gamma is 1 or less (Low et al. 1998, doi:10.1118/1.598248). The two\n"
        "roles are not alike: only the evaluated dose is interpolated, and the points and the\n"
        "criterion come from the reference. The grids may differ. The reference may be a dose\n"
        "or a Monte Carlo reference (pencone-reference), whose uncertainty then widens the\n"
        "dose criterion and whose voxels are compared with means, as 'pencone validate' does.\n\n"
        "With --from and --to both doses are taken along a line, and gamma is that of it.\n"
        "With --volume or --beam that volume of both files is compared.\n\n"
        "Exit status 1 when --pass is given and fewer points pass.",
    .examples =
        "  pencone gamma dose.h5 other.h5 --dose 3% --distance 3mm --threshold 10%\n"
        "  pencone gamma dose.h5 reference.h5 --dose 2% --distance 2mm --local --pass 95%\n"
        "  pencone gamma dose.h5 other.h5 -o map.h5        the map opens in viewers",
    .operands_min = 2,
    .operands_max = 2,
};

/// What is compared, and how.
typedef struct job {
  const char *evaluated_path, *reference_path, *map_path;
  cli_volume volume;  ///< of both files
  pencone_gamma_options options;
  int steps;        ///< 0: as the kind of reference asks
  int lattice;      ///< 1: no closed-form last step
  double pass_pct;  ///< NaN: nothing is demanded
  cli_point from, to;
  double step_mm;
  pencone_dose *evaluated, *dose;  ///< dose: the reference when it is a dose file
  pencone_reference *reference;    ///< else
  pencone_gamma_result result;
  double absolute_ratio;  ///< NaN without a Monte Carlo reference
} job;

// --- telling -----------------------------------------------------------------------------------

static const char *reference_units(const job *j) {
  return j->dose != NULL ? pencone_dose_units(j->dose) : pencone_reference_describe(j->reference)->units;
}

static void put_histogram(const pencone_gamma_result *r) {
  enum { WIDTH = 50 };
  uint64_t most = 1;
  int last = 0;
  for (int i = 0; i < PENCONE_GAMMA_BINS; ++i) {
    most = r->histogram[i] > most ? r->histogram[i] : most;
    last = r->histogram[i] > 0 ? i : last;
  }
  for (int i = 0; i <= last; ++i) {
    const int length = (int)(WIDTH * (double)r->histogram[i] / (double)most + 0.5);
    printf("  %4.2f %9llu ", i * r->bin_width, (unsigned long long)r->histogram[i]);
    for (int n = 0; n < length; ++n) {
      putchar('#');
    }
    putchar('\n');
  }
}

static void put_text(const cli_session *session, const job *j) {
  const pencone_gamma_result *r = &j->result;
  if (session->common.quiet) {
    printf("%.3f\n", r->pass_rate_pct);
    return;
  }
  cli_line("evaluated", "%s", j->evaluated_path);
  cli_line("reference", "%s", j->reference_path);
  cli_line("quantity", "%s", pencone_dose_quantity(j->evaluated));
  cli_line("criterion", "%g %% (%s) / %g mm, threshold %g %% of %.5g %s", j->options.dose_pct,
           j->options.local ? "local" : "global", j->options.distance_mm, j->options.threshold_pct,
           r->normalisation, reference_units(j));
  if (!isnan(j->absolute_ratio)) {
    cli_line("ratio", "%.5f evaluated over reference in the high dose region", j->absolute_ratio);
  }
  cli_line("points", "%zu, of which %zu pass", r->points, r->passed);
  if (r->outside > 0) {
    cli_line("not judged", "%zu points above the threshold lie outside the evaluated dose", r->outside);
  }
  cli_line("pass rate", "%.3f %%", r->pass_rate_pct);
  cli_line("gamma", "mean %.4f, largest %.4f%s", r->mean, r->max,
           r->max >= j->options.max_gamma ? " (the search ends there)" : "");
  printf("  gamma    points\n");
  put_histogram(r);
  if (j->map_path != NULL) {
    cli_line("written", "%s", j->map_path);
  }
}

static void put_json(const job *j) {
  const pencone_gamma_result *r = &j->result;
  double counts[PENCONE_GAMMA_BINS];
  for (int i = 0; i < PENCONE_GAMMA_BINS; ++i) {
    counts[i] = (double)r->histogram[i];
  }
  cli_json json = {.out = stdout};
  cli_json_object(&json, NULL);
  cli_json_text(&json, "evaluated", j->evaluated_path);
  cli_json_text(&json, "reference", j->reference_path);
  cli_json_number(&json, "dose_pct", j->options.dose_pct, 9);
  cli_json_number(&json, "distance_mm", j->options.distance_mm, 9);
  cli_json_boolean(&json, "local", j->options.local);
  cli_json_number(&json, "threshold_pct", j->options.threshold_pct, 9);
  cli_json_number(&json, "normalisation", r->normalisation, 9);
  cli_json_text(&json, "units", reference_units(j));
  cli_json_text(&json, "quantity", pencone_dose_quantity(j->evaluated));
  cli_json_number(&json, "absolute_ratio", j->absolute_ratio, 9);
  cli_json_integer(&json, "points", (int64_t)r->points);
  cli_json_integer(&json, "passed", (int64_t)r->passed);
  cli_json_integer(&json, "outside", (int64_t)r->outside);
  cli_json_number(&json, "pass_rate_pct", r->pass_rate_pct, 9);
  cli_json_number(&json, "mean", r->mean, 9);
  cli_json_number(&json, "max", r->max, 9);
  cli_json_number(&json, "bin_width", r->bin_width, 9);
  cli_json_numbers(&json, "histogram", counts, PENCONE_GAMMA_BINS, 17);
  cli_json_text(&json, "map", j->map_path);
  cli_json_end(&json);
}

// --- the comparison ----------------------------------------------------------------------------

static int read_reference(cli_session *session, job *j) {
  if (j->volume.name != NULL) {
    return cli_error(session, CLI_INPUT,
                     "%s: --volume: got a Monte Carlo reference, which holds dose, expected a dose file",
                     j->reference_path);
  }
  const pencone_status status = pencone_reference_read(session->ctx, j->reference_path, &j->reference);
  return status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
}

static int read_inputs(cli_session *session, job *j) {
  pencone_file_kind kind = PENCONE_FILE_DOSE;
  const pencone_status status = pencone_file_identify(session->ctx, j->reference_path, &kind);
  if (status != PENCONE_OK) {
    return cli_report(session, status);
  }
  const int outcome = kind == PENCONE_FILE_REFERENCE
                          ? read_reference(session, j)
                          : cli_volume_read(session, j->reference_path, &j->volume, &j->dose);
  return outcome == CLI_GO_ON ? cli_volume_read(session, j->evaluated_path, &j->volume, &j->evaluated)
                              : outcome;
}

/// cGy beside Gy, or dose beside dose per fluence, is compared as it is asked for, but not without a word.
static void warn_of_units(const job *j) {
  const char *evaluated = pencone_dose_units(j->evaluated), *reference = reference_units(j);
  if (strcmp(evaluated, reference) != 0) {
    fprintf(stderr, "pencone: warning: %s is in %s, %s in %s: numbers are compared as they are\n",
            j->evaluated_path, evaluated, j->reference_path, reference);
  }
}

/// Writes gamma as a dose file on the reference's grid, -1 where it was not judged.
static pencone_status write_map(pencone_context *ctx, const job *j, float *map) {
  const pencone_grid *grid = pencone_dose_grid_of(j->dose);
  for (size_t i = 0; i < pencone_grid_voxels(grid); ++i) {
    map[i] = isnan(map[i]) ? -1 : map[i];
  }
  char text[96];
  snprintf(text, sizeof text, "%g %% %s, %g mm, threshold %g %%", j->options.dose_pct,
           j->options.local ? "local" : "global", j->options.distance_mm, j->options.threshold_pct);
  pencone_dose *out = NULL;
  pencone_status status = pencone_dose_borrow(ctx, grid, map, &out);
  if (status == PENCONE_OK) {
    status = pencone_dose_set_units(ctx, out, "1", "gamma index, -1: not judged", text);
  }
  if (status == PENCONE_OK) {
    status = pencone_dose_write(ctx, j->map_path, out, NULL);
  }
  pencone_dose_destroy(out);
  return status;
}

static int compare_doses(cli_session *session, job *j) {
  float *map = NULL;
  if (j->map_path != NULL) {
    map = malloc(pencone_grid_voxels(pencone_dose_grid_of(j->dose)) * sizeof *map);
    if (map == NULL) {
      return cli_error(session, CLI_RUN, "no memory left for the gamma map");
    }
  }
  pencone_status status =
      pencone_gamma_compute(session->ctx, j->evaluated, j->dose, &j->options, map, &j->result);
  int outcome = status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
  if (outcome == CLI_GO_ON && map != NULL) {
    status = write_map(session->ctx, j, map);
    if (status != PENCONE_OK) {
      cli_report(session, status);
      outcome = CLI_RUN;  // the output was looked at before: what fails now is no wrong input
    }
  }
  free(map);
  return outcome;
}

static int compare_with_reference(cli_session *session, job *j) {
  pencone_compare_options options = PENCONE_COMPARE_OPTIONS_DEFAULT;
  pencone_compare_result result = PENCONE_COMPARE_RESULT_INIT;
  const int steps = options.gamma.steps, refine = options.gamma.refine;
  options.gamma = j->options;
  options.gamma.steps = j->steps > 0 ? j->steps : steps;
  options.gamma.refine = refine;
  const pencone_status status =
      pencone_reference_compare(session->ctx, j->reference, j->evaluated, &options, NULL, &result);
  if (status != PENCONE_OK) {
    return cli_report(session, status);
  }
  j->result = result.gamma;
  j->absolute_ratio = result.absolute_ratio;
  return CLI_GO_ON;
}

/// Samples of both doses along the line in one array: distance, evaluated, reference.
static int compare_profiles(cli_session *session, job *j) {
  double length2 = 0;
  for (int axis = 0; axis < 3; ++axis) {
    length2 += pow(j->to.mm[axis] - j->from.mm[axis], 2);
  }
  const size_t count = (size_t)fmax(1, ceil(sqrt(length2) / j->step_mm - 1e-9)) + 1;
  double *samples = malloc(3 * count * sizeof *samples);
  if (samples == NULL) {
    return cli_error(session, CLI_RUN, "no memory left for %zu samples", count);
  }
  double *distance = samples, *evaluated = samples + count, *reference = samples + 2 * count;
  pencone_status status =
      pencone_profile_sample(session->ctx, j->evaluated, j->from.mm, j->to.mm, count, distance, evaluated);
  if (status == PENCONE_OK) {
    status = pencone_profile_sample(session->ctx, j->dose, j->from.mm, j->to.mm, count, NULL, reference);
  }
  if (status == PENCONE_OK) {
    const pencone_curve e = {count, distance, evaluated}, r = {count, distance, reference};
    status = pencone_gamma_compute_profile(session->ctx, &e, &r, &j->options, NULL, &j->result);
  }
  free(samples);
  return status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
}

static int compare(cli_session *session, job *j) {
  int outcome = read_inputs(session, j);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  if (j->dose == NULL && (j->from.given || j->map_path != NULL)) {
    return cli_error(session, CLI_INPUT, "%s: got a rectilinear reference, expected a dose file for %s",
                     j->reference_path, j->from.given ? "a profile" : "a map");
  }
  if (j->from.given) {
    outcome = compare_profiles(session, j);
  } else {
    outcome = j->dose != NULL ? compare_doses(session, j) : compare_with_reference(session, j);
  }
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  cli_progress_clear(session);
  warn_of_units(j);
  if (session->common.json) {
    put_json(j);
  } else {
    put_text(session, j);
  }
  return !isnan(j->pass_pct) && j->result.pass_rate_pct < j->pass_pct ? CLI_FAILED : CLI_OK;
}

static int work(cli_session *session, void *the_job) {
  job *j = the_job;
  const char *inputs[] = {j->evaluated_path, j->reference_path};
  int outcome = j->map_path != NULL ? cli_check_output(session, j->map_path, inputs, 2) : CLI_GO_ON;
  if (outcome == CLI_GO_ON) {
    cli_guard(session);
    outcome = compare(session, j);
  }
  pencone_dose_destroy(j->evaluated);
  pencone_dose_destroy(j->dose);
  pencone_reference_destroy(j->reference);
  return outcome;
}

static int check_use(const job *j) {
  if (j->from.given != j->to.given) {
    return cli_wrong_use(usage.command, "no %s; give both ends of the line",
                         j->from.given ? "--to" : "--from");
  }
  if (j->from.given && j->map_path != NULL) {
    return cli_wrong_use(usage.command, "--output and --from exclude each other: a profile has no map");
  }
  return CLI_GO_ON;
}

int cli_gamma(int argc, char **argv) {
  cli_common common = {0};
  job j = {.options = PENCONE_GAMMA_OPTIONS_DEFAULT,
           .pass_pct = NAN,
           .step_mm = 1,
           .absolute_ratio = NAN,
           .result = PENCONE_GAMMA_RESULT_INIT};
  const cli_option options[] = {
      {"dose", 'd', CLI_PERCENT, "PCT", "dose criterion (default: 3%)", &j.options.dose_pct, 0, 0},
      {"distance", 'r', CLI_LENGTH, "MM", "distance criterion (default: 3mm)", &j.options.distance_mm, 0, 0},
      {"local", 'l', CLI_FLAG, NULL, "the dose criterion is a share of the reference dose at each point",
       &j.options.local, 0, 0},
      {"threshold", 0, CLI_PERCENT, "PCT", "points below this share of 100 % are not judged (default: 10%)",
       &j.options.threshold_pct, 0, 0},
      {"normalisation", 0, CLI_NUMBER, "GY", "dose that is 100 % (default: the reference's maximum)",
       &j.options.normalisation_gy, 0, 1e9},
      {"max-gamma", 0, CLI_NUMBER, "G", "largest gamma that is searched for (default: 2)",
       &j.options.max_gamma, 1.01, 5},
      {"steps", 0, CLI_COUNT, "N",
       "lattice steps per distance criterion (default: 10; with a Monte Carlo reference 5)", &j.steps, 1, 50},
      {"lattice", 0, CLI_FLAG, NULL,
       "take the best lattice position as it is, as programs do that sample; else a "
       "closed-form step follows, exact on straight gradients",
       &j.lattice, 0, 0},
      {"pass", 0, CLI_PERCENT, "PCT", "exit with status 1 when fewer points pass", &j.pass_pct, 0, 0},
      {"from", 'f', CLI_POINT, "X,Y,Z", "first point of a profile, mm", &j.from, 0, 0},
      {"to", 0, CLI_POINT, "X,Y,Z", "last point of a profile, mm", &j.to, 0, 0},
      {"step", 's', CLI_NUMBER, "MM", "distance between samples of a profile (default: 1)", &j.step_mm, 1e-3,
       1e3},
      CLI_OPTION_VOLUME(&j.volume),
      CLI_OPTION_BEAM(&j.volume),
      {"output", 'o', CLI_TEXT, "MAP.h5", "write gamma in every reference voxel (-1: not judged)",
       &j.map_path, 0, 0},
      CLI_OPTION_THREADS(&common),
      CLI_OPTION_JSON(&common),
      {"quiet", 'q', CLI_FLAG, NULL, "print the pass rate only", &common.quiet, 0, 0},
  };
  char **operands = NULL;
  int count = 0;
  int outcome = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &operands, &count);
  outcome = outcome == CLI_GO_ON ? check_use(&j) : outcome;
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  j.options.steps = j.steps > 0 ? j.steps : j.options.steps;
  j.options.refine = !j.lattice;
  j.evaluated_path = operands[0];
  j.reference_path = operands[1];
  return cli_with_session(&common, work, &j);
}

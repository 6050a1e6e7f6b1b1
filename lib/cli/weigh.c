// SPDX-License-Identifier: Apache-2.0
// A dose from an influence matrix and weights.
#include "weigh.h"

#include <math.h>
#include <stdlib.h>

/// What is known of the columns: those of the file and those of the plan.
typedef struct columns {
  int64_t count;  ///< of the file
  pencone_beamlet *of_file, *of_plan;
} columns;

/// Lengths in mm, energies in MeV: those of one plan agree to the bit, those of a file from elsewhere nearly.
static int is_same(const pencone_beamlet *a, const pencone_beamlet *b) {
  const double near = 1e-6;
  return a->beam == b->beam && a->layer == b->layer && fabs(a->x_mm - b->x_mm) < near &&
         fabs(a->y_mm - b->y_mm) < near && fabs(a->width_mm[0] - b->width_mm[0]) < near &&
         fabs(a->width_mm[1] - b->width_mm[1]) < near && fabs(a->energy_mev - b->energy_mev) < near;
}

static int check_plan(cli_session *session, const cli_weighing *weighing, const cli_input *in,
                      const columns *c) {
  const pencone_status status = pencone_dij_beamlets(session->ctx, in->plan, c->of_plan);
  if (status != PENCONE_OK) {
    return cli_report_file(session, status, in->plan_path);
  }
  for (int64_t i = 0; i < c->count; ++i) {
    if (!is_same(&c->of_file[i], &c->of_plan[i])) {
      return cli_error(
          session, CLI_INPUT,
          "%s: column %lld: got a beamlet at %g, %g mm of beam %d, expected %g, %g mm of beam %d as in %s",
          weighing->matrix_path, (long long)i, c->of_file[i].x_mm, c->of_file[i].y_mm, c->of_file[i].beam,
          c->of_plan[i].x_mm, c->of_plan[i].y_mm, c->of_plan[i].beam, in->plan_path);
    }
  }
  return CLI_GO_ON;
}

static int read_columns(cli_session *session, const cli_weighing *weighing, const cli_input *in, columns *c) {
  pencone_dij_file_info info = PENCONE_DIJ_FILE_INFO_DEFAULT;
  const int64_t wanted = pencone_dij_columns(in->plan);
  pencone_status status = pencone_dij_file_describe(session->ctx, weighing->matrix_path, &info);
  if (status != PENCONE_OK) {
    return cli_report(session, status);
  }
  c->count = info.columns;
  if (info.columns != wanted) {
    return cli_error(session, CLI_INPUT,
                     "%s: got a matrix of %lld columns, expected %lld, the beamlets of %s",
                     weighing->matrix_path, (long long)info.columns, (long long)wanted, in->plan_path);
  }
  c->of_file = malloc((size_t)c->count * sizeof *c->of_file);
  c->of_plan = malloc((size_t)c->count * sizeof *c->of_plan);
  if (c->of_file == NULL || c->of_plan == NULL) {
    return cli_error(session, CLI_RUN, "no memory left");
  }
  status = pencone_dij_file_beamlets(session->ctx, weighing->matrix_path, c->count, c->of_file);
  if (status == PENCONE_OK) {
    status = pencone_dij_file_match(session->ctx, weighing->matrix_path, in->plan);
  }
  return status == PENCONE_OK ? check_plan(session, weighing, in, c) : cli_report(session, status);
}

static int set_notes(cli_session *session, const cli_weighing *weighing, const cli_input *in,
                     pencone_dose *dose) {
  const char *weights = weighing->weights_path != NULL ? weighing->weights_path : "the plan's own";
  const char *const notes[][2] = {{"matrix", weighing->matrix_path},
                                  {"weights", weights},
                                  {"plan", in->plan_text},
                                  {"phantom", in->phantom_path}};
  for (int i = 0; i < 4; ++i) {
    const pencone_status status = pencone_dose_set_provenance(session->ctx, dose, notes[i][0], notes[i][1]);
    if (status != PENCONE_OK) {
      return cli_report(session, status);
    }
  }
  return CLI_GO_ON;
}

static int multiply(cli_session *session, const cli_weighing *weighing, int64_t count, const double *weights,
                    pencone_dose **dose) {
  const pencone_status status =
      pencone_dij_file_dose(session->ctx, weighing->matrix_path, count, weights, dose);
  cli_progress_clear(session);
  if (status == PENCONE_E_CANCELLED) {
    return cli_error(session, CLI_RUN, "interrupted; nothing was written");
  }
  if (status == PENCONE_E_RANGE && weighing->weights_path != NULL) {
    return cli_report_file(session, status, weighing->weights_path);
  }
  return status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
}

/// Reads the weights, or takes the plan's, and multiplies.
static int weigh(cli_session *session, const cli_weighing *weighing, const columns *c, pencone_dose **dose) {
  int64_t count = c->count;
  double *weights = NULL;
  if (weighing->weights_path != NULL) {
    const pencone_status status =
        pencone_weights_read(session->ctx, weighing->weights_path, &count, &weights);
    if (status != PENCONE_OK) {
      return cli_report(session, status);
    }
    const int outcome =
        count == c->count
            ? multiply(session, weighing, count, weights, dose)
            : cli_error(session, CLI_INPUT, "%s: got %lld weights, expected %lld, one for each column of %s",
                        weighing->weights_path, (long long)count, (long long)c->count, weighing->matrix_path);
    pencone_numbers_free(weights);
    return outcome;
  }
  weights = malloc((size_t)count * sizeof *weights);
  if (weights == NULL) {
    return cli_error(session, CLI_RUN, "no memory left");
  }
  for (int64_t i = 0; i < count; ++i) {
    weights[i] = c->of_plan[i].weight;
  }
  const int outcome = multiply(session, weighing, count, weights, dose);
  free(weights);
  return outcome;
}

int cli_weigh(cli_session *session, const cli_weighing *weighing, const cli_input *in, pencone_dose **dose) {
  columns c = {0, NULL, NULL};
  int outcome = read_columns(session, weighing, in, &c);
  outcome = outcome == CLI_GO_ON ? weigh(session, weighing, &c, dose) : outcome;
  free(c.of_file);
  free(c.of_plan);
  return outcome == CLI_GO_ON ? set_notes(session, weighing, in, *dose) : outcome;
}

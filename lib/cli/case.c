// SPDX-License-Identifier: Apache-2.0
// Reads, calculates and judges a validation case.
#include "case.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/// What counts where a folder has a reference but no criteria.yaml; named in the output.
static const pencone_limit built_in[] = {
    {"gamma_pass_pct", 95, INFINITY,
     "built in (no criteria.yaml): the 95 % of AAPM TG-218, doi:10.1002/mp.12810"},
    {"mean_pct", -2, 2,
     "built in (no criteria.yaml): Venselaar 2001 delta1, doi:10.1016/S0167-8140(01)00377-2"}};

// --- files -------------------------------------------------------------------------------------

/// "folder/name". @return text to free, NULL without memory
static char *join(const char *folder, const char *name) {
  const size_t length = strlen(folder) + strlen(name) + 2;
  char *path = malloc(length);
  if (path != NULL) {
    const size_t used = strlen(folder);
    snprintf(path, length, "%s%s%s", folder, used > 0 && folder[used - 1] == '/' ? "" : "/", name);
  }
  return path;
}

static int is_file(const char *folder, const char *name) {
  struct stat info;
  char *path = join(folder, name);
  const int found = path != NULL && stat(path, &info) == 0 && S_ISREG(info.st_mode);
  free(path);
  return found;
}

static int add_folder(char ***folders, int *count, char *folder) {
  char **larger = folder != NULL ? realloc(*folders, (size_t)(*count + 1) * sizeof **folders) : NULL;
  if (larger == NULL) {
    free(folder);
    return 0;
  }
  *folders = larger;
  (*folders)[(*count)++] = folder;
  return 1;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

int cli_case_find(cli_session *session, const char *operand, char ***folders, int *count) {
  const int first = *count;
  int memory = 1;
  if (is_file(operand, "plan.yaml")) {
    char *copy = malloc(strlen(operand) + 1);
    memory = add_folder(folders, count, copy != NULL ? strcpy(copy, operand) : NULL);
    return memory ? CLI_GO_ON : cli_error(session, CLI_RUN, "no memory left");
  }
  DIR *directory = opendir(operand);
  if (directory == NULL) {
    return cli_error(session, CLI_INPUT, "%s: case: got no such folder, expected one with plan.yaml",
                     operand);
  }
  for (struct dirent *entry = readdir(directory); entry != NULL && memory; entry = readdir(directory)) {
    char *inner = entry->d_name[0] != '.' ? join(operand, entry->d_name) : NULL;
    if (inner != NULL && is_file(inner, "plan.yaml")) {
      memory = add_folder(folders, count, inner);
    } else {
      free(inner);
    }
  }
  closedir(directory);
  if (!memory) {
    return cli_error(session, CLI_RUN, "no memory left");
  }
  if (*count == first) {
    return cli_error(session, CLI_INPUT,
                     "%s: case: got a folder without plan.yaml, expected a case or a folder of cases",
                     operand);
  }
  qsort(*folders + first, (size_t)(*count - first), sizeof **folders, by_name);
  return CLI_GO_ON;
}

void cli_case_free_list(char **folders, int count) {
  for (int i = 0; i < count; ++i) {
    free(folders[i]);
  }
  free(folders);
}

// --- reading -----------------------------------------------------------------------------------

static int read_criteria(cli_session *session, cli_case *c) {
  const pencone_compare_options defaults = PENCONE_COMPARE_OPTIONS_DEFAULT;
  c->compare = defaults;
  c->limits = built_in;
  c->limit_count = (int)(sizeof built_in / sizeof built_in[0]);
  if (!is_file(c->folder, "criteria.yaml")) {
    return CLI_GO_ON;
  }
  char *path = join(c->folder, "criteria.yaml");
  const pencone_status status =
      path != NULL ? pencone_criteria_read(session->ctx, path, &c->criteria) : PENCONE_E_MEMORY;
  free(path);
  if (status != PENCONE_OK) {
    return cli_report(session, status);
  }
  const pencone_criteria_desc *d = pencone_criteria_describe(c->criteria);
  c->name = d->name;
  c->compare = d->compare;
  c->limits = d->limits;
  c->limit_count = d->limit_count;
  return CLI_GO_ON;
}

/// A Monte Carlo reference, or a dose file in its place.
static pencone_status read_reference(pencone_context *ctx, const char *path, pencone_reference **out) {
  pencone_file_kind kind = PENCONE_FILE_REFERENCE;
  pencone_status status = pencone_file_identify(ctx, path, &kind);
  if (status != PENCONE_OK || kind != PENCONE_FILE_DOSE) {
    return status == PENCONE_OK ? pencone_reference_read(ctx, path, out) : status;
  }
  pencone_dose *dose = NULL;
  status = pencone_dose_read(ctx, path, &dose);
  if (status == PENCONE_OK) {
    status = pencone_reference_from_dose(ctx, dose, out);
  }
  pencone_dose_destroy(dose);
  return status;
}

static int read_known_dose(cli_session *session, cli_case *c) {
  const pencone_criteria_desc *d = cli_case_criteria(c);
  if (is_file(c->folder, "reference.h5")) {
    char *path = join(c->folder, "reference.h5");
    const pencone_status status =
        path != NULL ? read_reference(session->ctx, path, &c->reference) : PENCONE_E_MEMORY;
    free(path);
    return status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
  }
  if (d == NULL || d->expectation_count == 0 || d->limit_count > 0) {
    return cli_error(session, CLI_INPUT, "%s: reference.h5: missing, expected it%s", c->folder,
                     d != NULL && d->limit_count > 0 ? " for the limits in criteria.yaml"
                                                     : ", or expected doses in criteria.yaml");
  }
  return CLI_GO_ON;
}

// --- calculating -------------------------------------------------------------------------------

static pencone_status compute_on(pencone_context *ctx, const pencone_plan *plan,
                                 const pencone_phantom *phantom, cli_case *c) {
  pencone_engine *engine = NULL;
  const double start = cli_seconds();
  pencone_status status = pencone_engine_create(ctx, plan, phantom, &engine);
  if (status == PENCONE_OK) {
    status = pencone_dose_create(ctx, pencone_engine_grid(engine), &c->dose);
  }
  if (status == PENCONE_OK) {
    status = pencone_engine_compute(ctx, engine, 0, c->dose);
  }
  pencone_engine_destroy(engine);
  c->seconds = cli_seconds() - start;
  return status;
}

/// The axis along which a picture shows the depth dose.
static void find_axis(const pencone_plan *plan, cli_case *c) {
  const pencone_beam *beam = pencone_plan_beam(plan, 0);
  double source[3], most = 0;
  pencone_beam_source(beam, source);
  for (int axis = 0; axis < 3; ++axis) {
    const double along = beam->isocenter_mm[axis] - source[axis];
    c->isocenter_mm[axis] = beam->isocenter_mm[axis];
    if (fabs(along) > most) {
      most = fabs(along);
      c->depth_axis = axis;
      c->depth_sign = along > 0 ? 1 : -1;
    }
  }
}

static int calculate(cli_session *session, cli_case *c) {
  pencone_plan *plan = NULL;
  pencone_phantom *phantom = NULL;
  char *phantom_path = NULL;
  char *path = join(c->folder, "plan.yaml");
  pencone_status status =
      path != NULL ? pencone_plan_read(session->ctx, path, &plan, &phantom_path, NULL) : PENCONE_E_MEMORY;
  int outcome = status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
  if (outcome == CLI_GO_ON && phantom_path == NULL) {
    outcome = cli_error(session, CLI_INPUT, "%s: phantom: got none, expected the key 'phantom'", path);
  }
  if (outcome == CLI_GO_ON) {
    status = pencone_phantom_read(session->ctx, phantom_path, &phantom);
    outcome = status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
  }
  if (outcome == CLI_GO_ON) {
    find_axis(plan, c);
    status = compute_on(session->ctx, plan, phantom, c);
    outcome = status == PENCONE_OK ? CLI_GO_ON : cli_report_file(session, status, path);
  }
  free(path);
  pencone_string_free(phantom_path);
  pencone_phantom_destroy(phantom);
  pencone_plan_destroy(plan);
  return outcome;
}

// --- judging -----------------------------------------------------------------------------------

const pencone_criteria_desc *cli_case_criteria(const cli_case *c) {
  return pencone_criteria_describe(c->criteria);
}

int cli_case_meets(const cli_case *c, int limit) {
  const double value = pencone_compare_figure(&c->result, c->limits[limit].figure);
  return value >= c->limits[limit].min && value <= c->limits[limit].max;  // NaN meets nothing
}

static int judge(cli_session *session, cli_case *c) {
  const pencone_criteria_desc *d = cli_case_criteria(c);
  const pencone_compare_result empty = PENCONE_COMPARE_RESULT_INIT;
  pencone_status status = PENCONE_OK;
  c->result = empty;
  if (c->reference != NULL) {
    status = pencone_reference_compare(session->ctx, c->reference, c->dose, &c->compare, NULL, &c->result);
    for (int i = 0; i < c->limit_count && status == PENCONE_OK; ++i) {
      c->failed += !cli_case_meets(c, i);
    }
  }
  if (status == PENCONE_OK && d != NULL && d->expectation_count > 0) {
    c->findings = calloc((size_t)d->expectation_count, sizeof *c->findings);
    if (c->findings == NULL) {
      return cli_error(session, CLI_RUN, "no memory left for %d expectations", d->expectation_count);
    }
    status = pencone_expectation_compare(session->ctx, c->dose, &d->normalisation, d->expectations,
                                         (size_t)d->expectation_count, c->findings);
    for (int i = 0; i < d->expectation_count && status == PENCONE_OK; ++i) {
      c->failed += !c->findings[i].passed;
    }
  }
  if (status != PENCONE_OK) {
    return cli_report_file(session, status, c->folder);
  }
  return c->failed > 0 ? CLI_FAILED : CLI_OK;
}

int cli_case_run(cli_session *session, const char *folder, cli_case *c) {
  memset(c, 0, sizeof *c);
  c->folder = malloc(strlen(folder) + 1);
  if (c->folder == NULL) {
    return cli_error(session, CLI_RUN, "no memory left");
  }
  strcpy(c->folder, folder);
  for (size_t end = strlen(c->folder); end > 1 && c->folder[end - 1] == '/'; --end) {
    c->folder[end - 1] = '\0';
  }
  const char *slash = strrchr(c->folder, '/');
  c->name = slash != NULL && slash[1] != '\0' ? slash + 1 : c->folder;
  int outcome = read_criteria(session, c);
  outcome = outcome == CLI_GO_ON ? read_known_dose(session, c) : outcome;
  outcome = outcome == CLI_GO_ON ? calculate(session, c) : outcome;
  return outcome == CLI_GO_ON ? judge(session, c) : outcome;
}

void cli_case_free(cli_case *c) {
  pencone_criteria_destroy(c->criteria);
  pencone_reference_destroy(c->reference);
  pencone_dose_destroy(c->dose);
  free(c->findings);
  free(c->folder);
  memset(c, 0, sizeof *c);
}

// SPDX-License-Identifier: Apache-2.0
#include "volume.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

int cli_volume_is_let(const cli_volume *volume) {
  return volume->name != NULL && strcmp(volume->name, "let") == 0;
}

const char *cli_volume_label(const cli_volume *volume) {
  if (volume->name == NULL) {
    return "dose";
  }
  if (strcmp(volume->name, "rbe_dose") == 0) {
    return "RBE-weighted dose";
  }
  return cli_volume_is_let(volume) ? "LET" : volume->name;
}

/// What takes the place of the dose.
typedef struct source {
  const float *values;
  const char *units, *quantity;
} source;

/// Puts the values in the place of the dose, those of LET only where there is dose enough.
static void take(pencone_dose *dose, const source *s, const float *dose_values, double least_share) {
  double at[3];
  const pencone_grid *grid = pencone_dose_grid_of(dose);
  const double least = least_share > 0 ? least_share * cli_maximum(grid, dose_values, at) : -HUGE_VAL;
  float *out = pencone_dose_values(dose);
  for (size_t i = 0; i < pencone_grid_voxels(grid); ++i) {
    out[i] = (double)dose_values[i] >= least ? s->values[i] : 0;
  }
}

static int is_same(const char *a, const char *b) {
  return a != NULL && b != NULL ? strcmp(a, b) == 0 : a == b;
}

static source find_part(const pencone_dose *dose, const char *beam) {
  source s = {NULL, pencone_dose_units(dose), pencone_dose_quantity(dose)};
  for (int i = 0; i < pencone_dose_part_count(dose); ++i) {
    s.values = is_same(pencone_dose_part_name(dose, i), beam) ? pencone_dose_part_values(dose, i) : s.values;
  }
  return s;
}

static source find_volume(const pencone_dose *dose, const cli_volume *volume) {
  source s = {NULL, NULL, NULL};
  for (int i = 0; i < pencone_dose_volume_count(dose); ++i) {
    if (is_same(pencone_dose_volume_beam(dose, i), volume->beam) &&
        is_same(pencone_dose_volume_name(dose, i), volume->name)) {
      s.values = pencone_dose_volume_values(dose, i);
      s.units = pencone_dose_volume_units(dose, i);
      s.quantity = pencone_dose_volume_quantity(dose, i);
    }
  }
  return s;
}

static int is_beam(const pencone_dose *dose, const char *beam) {
  return beam == NULL || find_part(dose, beam).values != NULL;
}

static int missing(cli_session *session, const pencone_dose *dose, const char *file,
                   const cli_volume *volume) {
  if (!is_beam(dose, volume->beam)) {
    char known[512] = "";
    for (int i = 0; i < pencone_dose_part_count(dose); ++i) {
      const size_t used = strlen(known);
      snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", pencone_dose_part_name(dose, i));
    }
    return cli_error(session, CLI_INPUT, "%s: --beam: got '%s', expected %s%s", file, volume->beam,
                     known[0] != '\0' ? "one of: " : "a file with beams, as 'pencone run --beams' writes it",
                     known);
  }
  return cli_error(
      session, CLI_INPUT,
      "%s: --volume: got '%s'%s%s, expected a volume of the file ('pencone info' lists them; the plan's "
      "options let and rbe make them)",
      file, volume->name, volume->beam != NULL ? " of beam " : "", volume->beam != NULL ? volume->beam : "");
}

int cli_volume_read(cli_session *session, const char *file, const cli_volume *volume, pencone_dose **dose) {
  pencone_status status = pencone_dose_read(session->ctx, file, dose);
  if (status != PENCONE_OK) {
    return cli_report(session, status);
  }
  if (volume->name == NULL && volume->beam == NULL) {
    return CLI_GO_ON;
  }
  const source s = volume->name != NULL ? find_volume(*dose, volume) : find_part(*dose, volume->beam);
  if (s.values == NULL) {
    return missing(session, *dose, file, volume);
  }
  char quantity[512];
  snprintf(quantity, sizeof quantity, "%s%s%s", s.quantity, volume->beam != NULL ? ", beam " : "",
           volume->beam != NULL ? volume->beam : "");
  const float *below =
      volume->beam != NULL ? find_part(*dose, volume->beam).values : pencone_dose_values_const(*dose);
  take(*dose, &s, below, cli_volume_is_let(volume) ? volume->least_share : 0);
  status = pencone_dose_set_units(session->ctx, *dose, s.units, quantity, pencone_dose_normalisation(*dose));
  return status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
}

// SPDX-License-Identifier: Apache-2.0
// A dose distribution: voxel values on a grid, parts per beam, units and provenance.
#include "dose.h"

#include <float.h>
#include <math.h>
#include <pencone/dose.h>
#include <string.h>

#include "base/base.h"

/// Dose of one beam.
typedef struct dose_part {
  char *name;
  float *values;
} dose_part;

/// One line of the provenance.
typedef struct dose_note {
  char *name;
  char *text;
} dose_note;

struct pencone_dose {
  pencone_grid grid;
  float *values;
  int owns_values;
  char *units, *quantity, *normalisation;
  dose_note *notes;
  int note_count, note_room;
  dose_part *parts;
  int part_count, part_room;
  pcn_dose_volumes *volumes;  ///< owned
};

/// Makes room for one more element. New elements are cleared.
static pencone_status reserve_one(pencone_context *ctx, void **array, int count, int *room, size_t size) {
  if (count < *room) {
    return PENCONE_OK;
  }
  const int larger = *room == 0 ? 8 : 2 * *room;
  void *copy = pcn_calloc(ctx, (size_t)larger, size);
  if (copy == NULL) {
    return PENCONE_E_MEMORY;
  }
  if (count > 0) {
    memcpy(copy, *array, (size_t)count * size);
  }
  pcn_free(*array);
  *array = copy;
  *room = larger;
  return PENCONE_OK;
}

static pencone_status dose_make(pencone_context *ctx, const pencone_grid *grid, float *values,
                                pencone_dose **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "dose: the place for the result is NULL");
  *out = NULL;
  PCN_TRY(pencone_grid_check(ctx, grid));
  pencone_dose *dose = pcn_calloc(ctx, 1, sizeof *dose);
  if (dose == NULL) {
    return PENCONE_E_MEMORY;
  }
  dose->grid = *grid;
  dose->owns_values = values == NULL;
  dose->values = values != NULL ? values : pcn_calloc(ctx, pencone_grid_voxels(grid), sizeof(float));
  dose->volumes = pcn_calloc(ctx, 1, sizeof *dose->volumes);
  pencone_status status = dose->values != NULL && dose->volumes != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    status = pencone_dose_set_units(ctx, dose, "Gy", "unspecified", "unspecified");
  }
  if (status != PENCONE_OK) {
    pencone_dose_destroy(dose);
    return status;
  }
  *out = dose;
  return PENCONE_OK;
}

pencone_status pencone_dose_create(pencone_context *ctx, const pencone_grid *grid, pencone_dose **out) {
  return dose_make(ctx, grid, NULL, out);
}

pencone_status pencone_dose_borrow(pencone_context *ctx, const pencone_grid *grid, float *values,
                                   pencone_dose **out) {
  if (out != NULL) {
    *out = NULL;
  }
  PCN_CHECK(ctx, values != NULL, PENCONE_E_ARGUMENT, "dose: the array of values is NULL");
  return dose_make(ctx, grid, values, out);
}

void pcn_dose_clear_parts(pencone_dose *dose) {
  for (int i = 0; i < dose->part_count; ++i) {
    pcn_free(dose->parts[i].name);
    pcn_free(dose->parts[i].values);
  }
  dose->part_count = 0;
  pcn_dose_volumes_clear(dose->volumes);
}

/// One pass without a branch, which compilers do in lanes; where is looked for only after a failure.
pencone_status pcn_dose_check_values(pencone_context *ctx, const pencone_grid *grid, const float *values) {
  const size_t voxels = pencone_grid_voxels(grid);
  const size_t nx = (size_t)grid->size[0], ny = (size_t)grid->size[1];
  int bad = 0;
  for (size_t v = 0; v < voxels; ++v) {
    bad |= !(fabsf(values[v]) <= FLT_MAX);
  }
  for (size_t v = 0; bad && v < voxels; ++v) {
    PCN_CHECK(
        ctx, fabsf(values[v]) <= FLT_MAX, PENCONE_E_RANGE,
        "dose: voxel (%zu, %zu, %zu): got %g Gy, expected a finite dose, below %.3g Gy: the weights are too large",
        v % nx, v / nx % ny, v / nx / ny, (double)values[v], (double)FLT_MAX);
  }
  return PENCONE_OK;
}

pencone_status pcn_dose_check(pencone_context *ctx, const pencone_dose *dose) {
  return pcn_dose_check_values(ctx, &dose->grid, dose->values);
}

pcn_dose_volumes *pcn_dose_volumes_of(const pencone_dose *dose) {
  return dose->volumes;
}

void pencone_dose_destroy(pencone_dose *dose) {
  if (dose == NULL) {
    return;
  }
  for (int i = 0; i < dose->note_count; ++i) {
    pcn_free(dose->notes[i].name);
    pcn_free(dose->notes[i].text);
  }
  pcn_dose_clear_parts(dose);
  if (dose->owns_values) {
    pcn_free(dose->values);
  }
  pcn_free(dose->volumes);
  pcn_free(dose->notes);
  pcn_free(dose->parts);
  pcn_free(dose->units);
  pcn_free(dose->quantity);
  pcn_free(dose->normalisation);
  pcn_free(dose);
}

const pencone_grid *pencone_dose_grid_of(const pencone_dose *dose) {
  return dose != NULL ? &dose->grid : NULL;
}

float *pencone_dose_values(pencone_dose *dose) {
  return dose != NULL ? dose->values : NULL;
}

const float *pencone_dose_values_const(const pencone_dose *dose) {
  return dose != NULL ? dose->values : NULL;
}

/// Replaces an owned text by a copy made before.
static void adopt_text(char **place, char *copy) {
  if (copy != NULL) {
    pcn_free(*place);
    *place = copy;
  }
}

pencone_status pencone_dose_set_units(pencone_context *ctx, pencone_dose *dose, const char *units,
                                      const char *quantity, const char *normalisation) {
  PCN_CHECK(ctx, dose != NULL, PENCONE_E_ARGUMENT, "dose units: the dose is NULL");
  // All copies first: a failure leaves the three texts as they were.
  char *u = pcn_strdup(ctx, units);
  char *q = pcn_strdup(ctx, quantity);
  char *n = pcn_strdup(ctx, normalisation);
  if ((units != NULL && u == NULL) || (quantity != NULL && q == NULL) ||
      (normalisation != NULL && n == NULL)) {
    pcn_free(u);
    pcn_free(q);
    pcn_free(n);
    return PENCONE_E_MEMORY;
  }
  adopt_text(&dose->units, u);
  adopt_text(&dose->quantity, q);
  adopt_text(&dose->normalisation, n);
  return PENCONE_OK;
}

const char *pencone_dose_units(const pencone_dose *dose) {
  return dose != NULL ? dose->units : NULL;
}

const char *pencone_dose_quantity(const pencone_dose *dose) {
  return dose != NULL ? dose->quantity : NULL;
}

const char *pencone_dose_normalisation(const pencone_dose *dose) {
  return dose != NULL ? dose->normalisation : NULL;
}

pencone_status pencone_dose_set_provenance(pencone_context *ctx, pencone_dose *dose, const char *name,
                                           const char *text) {
  PCN_CHECK(ctx, dose != NULL && name != NULL && name[0] != '\0' && text != NULL, PENCONE_E_ARGUMENT,
            "dose provenance: got dose %s, name '%s', text %s, expected all three", dose ? "given" : "NULL",
            name ? name : "", text ? "given" : "NULL");
  char *copy = pcn_strdup(ctx, text);
  if (copy == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int i = 0; i < dose->note_count; ++i) {
    if (strcmp(dose->notes[i].name, name) == 0) {
      adopt_text(&dose->notes[i].text, copy);
      return PENCONE_OK;
    }
  }
  void *notes = dose->notes;
  char *key = pcn_strdup(ctx, name);
  if (key == NULL ||
      reserve_one(ctx, &notes, dose->note_count, &dose->note_room, sizeof(dose_note)) != PENCONE_OK) {
    pcn_free(key);
    pcn_free(copy);
    return PENCONE_E_MEMORY;
  }
  dose->notes = notes;
  dose->notes[dose->note_count].name = key;
  dose->notes[dose->note_count++].text = copy;
  return PENCONE_OK;
}

int pencone_dose_provenance_count(const pencone_dose *dose) {
  return dose != NULL ? dose->note_count : 0;
}

const char *pencone_dose_provenance_name(const pencone_dose *dose, int i) {
  return dose != NULL && i >= 0 && i < dose->note_count ? dose->notes[i].name : NULL;
}

const char *pencone_dose_provenance_text(const pencone_dose *dose, int i) {
  return dose != NULL && i >= 0 && i < dose->note_count ? dose->notes[i].text : NULL;
}

pencone_status pencone_dose_add_part(pencone_context *ctx, pencone_dose *dose, const char *beam,
                                     float **values) {
  if (values != NULL) {
    *values = NULL;
  }
  PCN_CHECK(ctx, dose != NULL && beam != NULL && beam[0] != '\0', PENCONE_E_ARGUMENT,
            "dose part: got dose %s, beam name '%s', expected both", dose ? "given" : "NULL",
            beam ? beam : "");
  for (int i = 0; i < dose->part_count; ++i) {
    PCN_CHECK(ctx, strcmp(dose->parts[i].name, beam) != 0, PENCONE_E_ARGUMENT,
              "dose part: got a second beam '%s', expected another name for each beam", beam);
  }
  void *parts = dose->parts;
  PCN_TRY(reserve_one(ctx, &parts, dose->part_count, &dose->part_room, sizeof(dose_part)));
  dose->parts = parts;
  char *name = pcn_strdup(ctx, beam);
  float *zeros = pcn_calloc(ctx, pencone_grid_voxels(&dose->grid), sizeof(float));
  if (name == NULL || zeros == NULL) {
    pcn_free(name);
    pcn_free(zeros);
    return PENCONE_E_MEMORY;
  }
  dose->parts[dose->part_count].name = name;
  dose->parts[dose->part_count++].values = zeros;
  if (values != NULL) {
    *values = zeros;
  }
  return PENCONE_OK;
}

int pencone_dose_part_count(const pencone_dose *dose) {
  return dose != NULL ? dose->part_count : 0;
}

const char *pencone_dose_part_name(const pencone_dose *dose, int i) {
  return dose != NULL && i >= 0 && i < dose->part_count ? dose->parts[i].name : NULL;
}

const float *pencone_dose_part_values(const pencone_dose *dose, int i) {
  return dose != NULL && i >= 0 && i < dose->part_count ? dose->parts[i].values : NULL;
}

/// Lower neighbour and weight of the upper one along an axis. @return 0 outside the grid, else 1.
static int locate(double x, double origin, double spacing, int64_t size, int64_t *lower, double *weight) {
  const double rounding = 1e-9;  // voxels: a point meant to lie on the outer face counts as inside
  double u = (x - origin) / spacing;
  const double last = (double)(size - 1);
  if (!(u >= -0.5 - rounding && u <= last + 0.5 + rounding)) {
    return 0;
  }
  u = fmin(fmax(u, 0.0), last);
  const int64_t floor_u = (int64_t)u;
  *lower = floor_u < size - 1 ? floor_u : (size > 1 ? size - 2 : 0);
  *weight = u - (double)*lower;
  return 1;
}

double pencone_dose_at(const pencone_dose *dose, const double xyz_mm[3]) {
  if (dose == NULL || xyz_mm == NULL) {
    return NAN;
  }
  const pencone_grid *g = &dose->grid;
  int64_t lower[3];
  double weight[3];
  for (int axis = 0; axis < 3; ++axis) {
    if (!locate(xyz_mm[axis], g->origin_mm[axis], g->spacing_mm[axis], g->size[axis], &lower[axis],
                &weight[axis])) {
      return NAN;
    }
  }
  double sum = 0;
  for (int corner = 0; corner < 8; ++corner) {
    double w = 1;
    int64_t index[3];
    for (int axis = 0; axis < 3; ++axis) {
      const int upper = (corner >> axis) & 1;
      w *= upper ? weight[axis] : 1 - weight[axis];
      index[axis] = lower[axis] + upper;
    }
    if (w > 0) {  // also keeps indices of axes with one voxel inside
      sum += w * (double)dose->values[(index[2] * g->size[1] + index[1]) * g->size[0] + index[0]];
    }
  }
  return sum;
}

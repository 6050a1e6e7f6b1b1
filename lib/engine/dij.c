// SPDX-License-Identifier: Apache-2.0
// An influence matrix in memory: compressed sparse columns, filled by a stream.
#include <math.h>
#include <pencone/dij.h>
#include <string.h>

#include "base/base.h"
#include "dose.h"

struct pencone_dij {
  pencone_grid grid;
  int64_t columns, filled;  ///< of the matrix; those that have come
  pencone_beamlet *beamlets;
  int64_t *first;
  int64_t room;  ///< entries
  int32_t *voxel;
  float *value;
};

pencone_status pencone_dij_create(pencone_context *ctx, pencone_dij **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "pencone_dij_create: out is NULL");
  *out = pcn_calloc(ctx, 1, sizeof **out);
  return *out != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

static void clear(pencone_dij *dij) {
  pcn_free(dij->beamlets);
  pcn_free(dij->first);
  pcn_free(dij->voxel);
  pcn_free(dij->value);
  memset(dij, 0, sizeof *dij);
}

void pencone_dij_destroy(pencone_dij *dij) {
  if (dij != NULL) {
    clear(dij);
    pcn_free(dij);
  }
}

// --- sink --------------------------------------------------------------------------------------

static pencone_status begin(void *data, pencone_context *ctx, const pencone_dij_info *info) {
  pencone_dij *dij = data;
  const size_t columns = (size_t)info->columns;
  PCN_CHECK(ctx, info->options->first_column == 0, PENCONE_E_RANGE,
            "influence matrix in memory: first column: got %lld, expected 0",
            (long long)info->options->first_column);
  clear(dij);
  dij->grid = info->grid;
  dij->columns = info->columns;
  dij->beamlets = pcn_alloc(ctx, columns, sizeof *dij->beamlets);
  dij->first = pcn_calloc(ctx, columns + 1, sizeof *dij->first);
  if (dij->beamlets == NULL || dij->first == NULL) {
    return PENCONE_E_MEMORY;
  }
  memcpy(dij->beamlets, info->beamlets, columns * sizeof *dij->beamlets);
  return PENCONE_OK;
}

static pencone_status grow(pencone_context *ctx, pencone_dij *dij, int64_t wanted) {
  if (wanted <= dij->room) {
    return PENCONE_OK;
  }
  const int64_t room = wanted > dij->room + dij->room / 2 ? wanted : dij->room + dij->room / 2;
  int32_t *voxel = pcn_alloc(ctx, (size_t)room, sizeof *voxel);
  float *value = pcn_alloc(ctx, (size_t)room, sizeof *value);
  if (voxel == NULL || value == NULL) {
    pcn_free(voxel);
    pcn_free(value);
    return PENCONE_E_MEMORY;
  }
  const size_t entries = (size_t)dij->first[dij->filled];
  if (entries > 0) {
    memcpy(voxel, dij->voxel, entries * sizeof *voxel);
    memcpy(value, dij->value, entries * sizeof *value);
  }
  pcn_free(dij->voxel);
  pcn_free(dij->value);
  dij->voxel = voxel;
  dij->value = value;
  dij->room = room;
  return PENCONE_OK;
}

static pencone_status put(void *data, pencone_context *ctx, const pencone_dij_column *columns, int count) {
  pencone_dij *dij = data;
  int64_t entries = dij->first[dij->filled], wanted = entries;
  for (int c = 0; c < count; c++) {
    wanted += columns[c].count;
  }
  PCN_TRY(grow(ctx, dij, wanted));
  for (int c = 0; c < count; c++) {
    const size_t n = (size_t)columns[c].count;
    if (n > 0) {
      memcpy(dij->voxel + entries, columns[c].voxel, n * sizeof *dij->voxel);
      memcpy(dij->value + entries, columns[c].value, n * sizeof *dij->value);
    }
    entries += columns[c].count;
    dij->first[++dij->filled] = entries;
  }
  return PENCONE_OK;
}

pencone_dij_sink pencone_dij_fill(pencone_dij *dij) {
  const pencone_dij_sink sink = {dij, begin, put, NULL};
  return sink;
}

// --- what it holds -----------------------------------------------------------------------------

pencone_dij_view pencone_dij_view_of(const pencone_dij *dij) {
  pencone_dij_view view = {.struct_size = sizeof view};
  if (dij != NULL) {
    view.grid = dij->grid;
    view.columns = dij->filled;
    view.beamlets = dij->beamlets;
    view.first = dij->first;
    view.voxel = dij->voxel;
    view.value = dij->value;
  }
  return view;
}

pencone_status pencone_dij_dose(pencone_context *ctx, const pencone_dij *dij, int64_t count,
                                const double *weights, float *dose) {
  PCN_CHECK(ctx, dij != NULL && weights != NULL && dose != NULL, PENCONE_E_ARGUMENT,
            "pencone_dij_dose: an argument is NULL");
  PCN_CHECK(ctx, dij->first != NULL && dij->filled == dij->columns, PENCONE_E_ARGUMENT,
            "pencone_dij_dose: the matrix has %lld of its %lld columns, expected a stream to have filled it",
            (long long)dij->filled, (long long)dij->columns);
  PCN_CHECK(ctx, count == dij->columns, PENCONE_E_SHAPE,
            "weights: got %lld, expected %lld, one for each column", (long long)count,
            (long long)dij->columns);
  for (int64_t j = 0; j < count; j++) {
    PCN_CHECK(ctx, isfinite(weights[j]) && weights[j] >= 0, PENCONE_E_RANGE,
              "weight %lld: got %g, expected 0 or more", (long long)j + 1, weights[j]);
  }
  const size_t voxels = pencone_grid_voxels(&dij->grid);
  double *sum = pcn_calloc(ctx, voxels, sizeof *sum);
  if (sum == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int64_t j = 0; j < count; j++) {
    for (int64_t e = dij->first[j]; weights[j] > 0 && e < dij->first[j + 1]; e++) {
      sum[dij->voxel[e]] += weights[j] * (double)dij->value[e];
    }
  }
  for (size_t i = 0; i < voxels; i++) {
    dose[i] = (float)sum[i];
  }
  pcn_free(sum);
  return pcn_dose_check_values(ctx, &dij->grid, dose);
}

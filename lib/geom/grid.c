// SPDX-License-Identifier: Apache-2.0
// The voxel grid: checks, size, voxel centres.
#include <inttypes.h>
#include <math.h>
#include <pencone/grid.h>

#include "base/base.h"

static const int64_t axis_max = 32767;
static const int64_t voxels_max = INT32_MAX;  // voxel indices fit an int32 in the influence matrix
static const double same_mm = 1e-6;

pencone_status pencone_grid_check(pencone_context *ctx, const pencone_grid *grid) {
  PCN_CHECK(ctx, grid != NULL, PENCONE_E_ARGUMENT, "grid: got NULL, expected a grid");
  int64_t voxels = 1;
  for (int a = 0; a < 3; a++) {
    const int axis = "xyz"[a];
    PCN_CHECK(ctx, grid->size[a] >= 1 && grid->size[a] <= axis_max, PENCONE_E_RANGE,
              "grid size %c: got %" PRId64 ", expected 1 to %" PRId64, axis, grid->size[a], axis_max);
    PCN_CHECK(ctx, isfinite(grid->spacing_mm[a]) && grid->spacing_mm[a] > 0, PENCONE_E_RANGE,
              "grid spacing %c: got %g mm, expected a finite value above 0", axis, grid->spacing_mm[a]);
    PCN_CHECK(ctx, isfinite(grid->origin_mm[a]), PENCONE_E_RANGE,
              "grid origin %c: got %g mm, expected a finite value", axis, grid->origin_mm[a]);
    voxels *= grid->size[a];  // at most 2^45
  }
  PCN_CHECK(ctx, voxels <= voxels_max, PENCONE_E_RANGE,
            "grid: got %" PRId64 " voxels, expected at most %" PRId64, voxels, voxels_max);
  return PENCONE_OK;
}

size_t pencone_grid_voxels(const pencone_grid *grid) {
  return (size_t)(grid->size[0] * grid->size[1] * grid->size[2]);
}

void pencone_grid_centre(const pencone_grid *grid, int64_t i, int64_t j, int64_t k, double xyz_mm[3]) {
  const int64_t index[3] = {i, j, k};
  for (int a = 0; a < 3; a++) {
    xyz_mm[a] = grid->origin_mm[a] + (double)index[a] * grid->spacing_mm[a];
  }
}

int pencone_grid_equal(const pencone_grid *a, const pencone_grid *b) {
  if (a == NULL || b == NULL) {
    return 0;
  }
  int equal = 1;
  for (int i = 0; i < 3; i++) {
    equal = equal && a->size[i] == b->size[i] && fabs(a->spacing_mm[i] - b->spacing_mm[i]) <= same_mm &&
            fabs(a->origin_mm[i] - b->origin_mm[i]) <= same_mm;
  }
  return equal;
}

// SPDX-License-Identifier: Apache-2.0
// The loop of pencil_row.c as its theory page has it (docs/theory/pencil-beam.md, eq. 6), in double
// precision.
#include <math.h>

#include "simd/pencil_row.h"

static double pixel(const pcn_pencil_table *t, int slab, int j, int i, int term) {
  const size_t at = ((size_t)slab * (size_t)t->size[1] + (size_t)j) * (size_t)t->size[0] + (size_t)i;
  return (double)t->value[at * 2 * PCN_PENCIL_VALUES + (size_t)term];
}

void pcn_pencil_row_reference(const pcn_pencil_table *t, const pcn_pencil_voxels *voxels, size_t n,
                              float *out) {
  const double c = (double)t->turn[0], s = (double)t->turn[1];
  for (size_t k = 0; k < n; k++) {
    const double vx = (double)voxels->x[k], vy = (double)voxels->y[k];
    const double x = fabs(c * vx + s * vy - (double)t->centre[0]) * (double)t->per_mm[0];
    const double y = fabs(c * vy - s * vx - (double)t->centre[1]) * (double)t->per_mm[1];
    double sum = 0;
    if (x < t->size[0] - 1 && y < t->size[1] - 1) {
      const int i = (int)x, j = (int)y, p = (int)fmin((double)voxels->plane[k], t->slabs - 1);
      const double u = x - i, v = y - j, h = (double)voxels->plane[k] - p;
      for (int term = 0; term < PCN_PENCIL_VALUES; term++) {
        double plane[2];
        for (int q = 0; q < 2; q++) {
          const int which = q * PCN_PENCIL_VALUES + term;
          const double below = (1 - u) * pixel(t, p, j, i, which) + u * pixel(t, p, j, i + 1, which);
          const double above = (1 - u) * pixel(t, p, j + 1, i, which) + u * pixel(t, p, j + 1, i + 1, which);
          plane[q] = (1 - v) * below + v * above;
        }
        sum += ((1 - h) * plane[0] + h * plane[1]) *
               (double)voxels->weight[k * PCN_PENCIL_VALUES + (size_t)term];
      }
    }
    out[k] = (float)sum;
  }
}

// SPDX-License-Identifier: Apache-2.0
// What tilt_row.c does, in double precision.
#include <math.h>

#include "simd/tilt_row.h"

void pcn_tilt_row_reference(const pcn_tilt_table *table, const pcn_tilt_line *line, size_t n,
                            float *const weight[3]) {
  const size_t wide = 2 * (size_t)table->nodes + 1;
  for (size_t i = 0; i < n; i++) {
    const double inverse =
        (double)table->per_tangent / ((double)line->depth + (double)i * (double)line->depth_step);
    const double along =
        ((double)line->along + (double)i * (double)line->along_step) * inverse + table->nodes;
    const double across = fabs(((double)line->across + (double)i * (double)line->across_step) * inverse);
    const double x = fmin(2 * table->nodes - 1e-6, fmax(0, along)), y = fmin(table->nodes - 1e-6, across);
    const size_t ix = (size_t)x, iy = (size_t)y;
    const double u = x - (double)ix, v = y - (double)iy;
    const float *a = table->value + (iy * wide + ix) * PCN_TILT_NODE, *b = a + wide * PCN_TILT_NODE;
    for (int k = 0; k < 3 && weight[k] != NULL; k++) {
      const double top = (1 - u) * (double)a[k] + u * (double)a[k + PCN_TILT_NODE];
      const double bottom = (1 - u) * (double)b[k] + u * (double)b[k + PCN_TILT_NODE];
      weight[k][i] = (float)((1 - v) * top + v * bottom);
    }
  }
}

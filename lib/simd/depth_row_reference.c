// SPDX-License-Identifier: Apache-2.0
// What depth_row.c does, in double precision.
#include <math.h>

#include "simd/depth_row.h"

void pcn_depth_row_reference(const pcn_depth_rays *rays, const pcn_depth_line *line, size_t n,
                             float *const out[2]) {
  for (size_t i = 0; i < n; i++) {
    const double at = (double)i, depth = (double)line->depth + at * (double)line->depth_step;
    const double along = ((double)line->along + at * (double)line->along_step) / depth;
    const double across = ((double)line->across + at * (double)line->across_step) / depth;
    const double x = fmin(rays->along - 1 - 1e-6, fmax(0, along)),
                 y = fmin(rays->across - 1 - 1e-6, fmax(0, across));
    const ptrdiff_t ix = (ptrdiff_t)x, iy = (ptrdiff_t)y;
    const double u = x - (double)ix, v = y - (double)iy;
    const float *a =
        rays->integral + (ptrdiff_t)i * line->plane_step + iy * rays->across_step + ix * rays->values;
    const float *b = a + rays->across_step;
    for (int k = 0; k < rays->values; k++) {
      const double top = (1 - u) * (double)a[k] + u * (double)a[k + rays->values];
      const double bottom = (1 - u) * (double)b[k] + u * (double)b[k + rays->values];
      out[k][i] = (float)((1 - v) * top + v * bottom);
    }
  }
}

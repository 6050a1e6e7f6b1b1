// SPDX-License-Identifier: Apache-2.0
// What volume_row.c does, one point at a time.
#include <math.h>

#include "simd/volume_row.h"

void pcn_volume_row_reference(const pcn_volume *volume, const pcn_volume_line *line, size_t first, size_t n,
                              float *out) {
  for (size_t i = 0; i < n; i++) {
    ptrdiff_t low = 0, way[3];
    double u[3], sum = 0;
    for (int a = 0; a < 3; a++) {
      const int last = volume->size[a] - 1;
      const double at = line->at[a] + (double)(first + i) * line->step[a], inside = fmin(fmax(at, 0), last);
      const int cell = (int)fmin(inside, last > 0 ? last - 1 : 0);
      way[a] = last > 0 ? volume->step[a] : 0;
      u[a] = inside - cell;
      low += (ptrdiff_t)cell * volume->step[a];
    }
    for (int corner = 0; corner < 8; corner++) {
      double weight = 1;
      ptrdiff_t at = low;
      for (int a = 0; a < 3; a++) {
        const int upper = corner >> a & 1;
        weight *= upper ? u[a] : 1 - u[a];
        at += upper ? way[a] : 0;
      }
      sum += weight * (double)volume->value[at];
    }
    out[i] = (float)sum;
  }
}

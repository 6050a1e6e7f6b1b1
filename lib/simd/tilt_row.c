// SPDX-License-Identifier: Apache-2.0
#include "simd/tilt_row.h"

#include "simd/isa.h"
#include <math.h>

static const float below_one = 0.9999999f; // keeps the last cell's index inside

void PCN_ISA_NAME(pcn_tilt_row)(const pcn_tilt_table *table, const pcn_tilt_line *line, size_t n,
                                float *const weight[3]) {
  const size_t wide = 2 * (size_t)table->nodes + 1;
  const float last_along = 2 * (float)table->nodes, last_across = (float)table->nodes;
  for (size_t i = 0; i < n; i++) {
    const float at = (float)i, inverse = table->per_tangent / (line->depth + at * line->depth_step);
    const float along = (line->along + at * line->along_step) * inverse + last_across;
    const float across = fabsf((line->across + at * line->across_step) * inverse);
    const float x = fminf(last_along * below_one, fmaxf(0, along)), y = fminf(last_across * below_one, across);
    const int ix = (int)x, iy = (int)y;
    const float u = x - (float)ix, v = y - (float)iy;
    const float *a = table->value + ((size_t)iy * wide + (size_t)ix) * PCN_TILT_VALUES;
    const float *b = a + wide * PCN_TILT_VALUES;
    float value[PCN_TILT_VALUES];
    for (int k = 0; k < PCN_TILT_VALUES; k++) { // one vector of four
      const float top = a[k] + u * (a[k + PCN_TILT_VALUES] - a[k]);
      const float bottom = b[k] + u * (b[k + PCN_TILT_VALUES] - b[k]);
      value[k] = top + v * (bottom - top);
    }
    weight[0][i] = value[PCN_TILT_PRIMARY];
    weight[1][i] = value[PCN_TILT_SCATTER];
    weight[2][i] = value[PCN_TILT_SPREAD];
  }
}

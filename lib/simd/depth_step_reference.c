// SPDX-License-Identifier: Apache-2.0
// What depth_step.c does, in double precision: overlap with each voxel of the row.
#include <math.h>

#include "simd/depth_step.h"

void pcn_depth_step_reference(const pcn_depth_step *s, size_t n, float *const sum[2]) {
  for (size_t i = 0; i < n; i++) {
    const double a = (double)s->from + (double)i * (double)s->from_step,
                 b = (double)s->to + (double)i * (double)s->to_step;
    const double low = fmin(a, b), high = fmax(a, b), first = fmax(0, floor(low));
    for (double voxel = first; voxel <= high && voxel < s->voxels; voxel++) {
      const double inside = fmin(high, voxel + 1) - fmax(low, voxel);
      const double share = high > low ? inside / (high - low) : (low >= voxel && low < voxel + 1 ? 1 : 0);
      for (int v = 0; v < 2 && share > 0; v++) {
        if (s->value[v] != NULL) {
          sum[v][i] += (float)((double)s->length * share * (double)s->value[v][(ptrdiff_t)voxel * s->stride]);
        }
      }
    }
  }
}

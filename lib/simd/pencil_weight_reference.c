// SPDX-License-Identifier: Apache-2.0
// What pencil_weight.c does, in double precision.
#include <math.h>

#include "simd/pencil_weight.h"

enum { V = PCN_PENCIL_VALUES };

void pcn_pencil_weight_reference(const pcn_pencil_depth_table *table, const float *depth_mm,
                                 const float *scale, size_t n, float *weight) {
  const int last = table->count - 1;
  const float *end = table->value + last * V;
  const double fall = (double)end[0] / (double)end[-V];
  for (size_t i = 0; i < n; i++) {
    const double depth = fmin((double)depth_mm[i], last), behind = (double)depth_mm[i] - depth;
    const int node = depth < last ? (int)depth : last - 1;
    const float *value = table->value + node * V;
    for (int t = 0; t < V; t++) {
      const double near = (double)value[t], far = (double)value[t + V];
      weight[i * V + (size_t)t] =
          (float)((double)scale[i] * pow(fall, behind) * (near + (depth - node) * (far - near)));
    }
  }
}

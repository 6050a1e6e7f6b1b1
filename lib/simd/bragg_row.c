// SPDX-License-Identifier: Apache-2.0
// In double: a cell's dose is a small difference of integrals.
#include "simd/bragg_row.h"

#include "simd/isa.h"

static inline __attribute__((always_inline)) double sum_at(const double *sum, double per_step, double end,
                                                           double depth_mm) {
  const double inside = depth_mm > 0 ? depth_mm * per_step : 0, at = inside < end ? inside : end;
  const double below = at < end - 1 ? at : end - 1;
  const int32_t i = (int32_t)below;
  return sum[i] + (at - (double)i) * (sum[i + 1] - sum[i]);
}

void PCN_ISA_NAME(pcn_bragg_row)(const pcn_bragg_table *table, const float *from_mm, const float *to_mm,
                                 size_t n, float *out) {
  const double thin = 0.1, before = table->before_mm, per_step = table->per_step, scale = table->scale;
  const double end = (double)(table->count - 1);
  const double *restrict sum = table->sum;
  float *restrict to = out;
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    const double near = before + (double)from_mm[i], far = before + (double)to_mm[i];
    const double middle = 0.5 * (near + far), own = 0.5 * (far - near), half = own > thin ? own : thin;
    const double part = sum_at(sum, per_step, end, middle + half) - sum_at(sum, per_step, end, middle - half);
    const double deep = half + (middle < half ? middle : half);
    to[i] = (float)(scale * (part > 0 ? part : 0) / deep);
  }
}

// SPDX-License-Identifier: Apache-2.0
// One exponential is computed, that of the longest term over half a step, where three terms of its series are
// enough; the others are its squares.
#include "simd/lateral_row.h"

#include "simd/isa.h"

enum { TERMS = PCN_LATERAL_TERMS, LONG = PCN_LATERAL_LONG };

static inline __attribute__((always_inline)) float half_of(float x) {
  return 1 + x * (1 + x * (0.5f + x * (1.0f / 6)));
}

void PCN_ISA_NAME(pcn_lateral_row)(const pcn_lateral_step *step, const pcn_lateral_row *row, size_t n) {
  const pcn_lateral_step s = *step;
  const size_t stride = row->stride;
  const float per_density = -0.5f * s.length_mm / (float)PCN_LATERAL_LONGEST_MM;
  const float *restrict fluence = row->fluence, *restrict share = row->share;
  const float *restrict density = row->density[0], *restrict density_near = row->density[1];
  const float *in = row->in, *in_water = row->in_water;
  const float *beside = in + s.from, *beside_water = in_water + s.from;
  float *restrict out = row->out, *restrict out_water = row->out_water;
  float *restrict sum = row->sum, *restrict sum_water = row->sum_water;
#pragma omp simd
  for (size_t q = 0; q < n; q++) {
    float half = half_of(per_density * density[q]), near = half_of(per_density * density_near[q]);
    const float source = fluence[q];
    float dose = 0, dose_water = 0;
    for (size_t i = 0; i < LONG; i++) {
      near *= near;
    }
#pragma GCC unroll 10
    for (size_t i = 0; i < TERMS; i++) {
      const size_t at = i * stride + q;
      half = i == LONG ? near : half;
      const float term = share[at], released = source * term, whole = half * half;
      const float comes = in[at] + s.aside * (beside[at] - in[at]) - released;
      const float comes_water = in_water[at] + s.aside * (beside_water[at] - in_water[at]) - source;
      dose += released + half * comes;
      dose_water += term * (source + s.half[i] * comes_water);
      out[at] = released + whole * comes;
      out_water[at] = source + s.half[i + 1] * comes_water;
      half = whole;
    }
    sum[q] += s.weight * dose;
    sum_water[q] += s.weight * dose_water;
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "simd/blend_row.h"

#include "simd/isa.h"

enum { LANES = PCN_BLEND_LANES };

void PCN_ISA_NAME(pcn_blend_row)(const pcn_blend *blend, size_t n, float *out) {
  const float *restrict near = blend->near, *restrict far = blend->far, *restrict dose = blend->dose;
  const float u = blend->u;
  const size_t whole = n / LANES * LANES;
  for (size_t first = 0; first < whole; first += LANES) {
#pragma omp simd
    for (size_t i = first; i < first + LANES; i++) {
      out[i] = (near[i] + u * (far[i] - near[i])) * dose[i];
    }
  }
  if (whole < n) {
    for (size_t i = whole; i < whole + LANES; i++) {
      out[i] = 0;
    }
    for (size_t i = whole; i < n; i++) {
      out[i] = (near[i] + u * (far[i] - near[i])) * dose[i];
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// What blend_row.c does, in double precision.
#include "simd/blend_row.h"

void pcn_blend_row_reference(const pcn_blend *blend, size_t n, float *out) {
  for (size_t i = 0; i < (n + PCN_BLEND_LANES - 1) / PCN_BLEND_LANES * PCN_BLEND_LANES; i++) {
    const double near = i < n ? (double)blend->near[i] : 0, far = i < n ? (double)blend->far[i] : 0;
    out[i] = i < n ? (float)((near + (double)blend->u * (far - near)) * (double)blend->dose[i]) : 0;
  }
}

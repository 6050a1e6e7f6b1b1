// SPDX-License-Identifier: Apache-2.0
// Gamma search of 16 neighbours in step. Sixteen points share the offset and its weights, so that the dose
// comes in unit-stride loads; the block ends when the last of them is done. Compiled once per instruction
// set (isa.h).
#include "simd/gamma.h"

#include "simd/isa.h"

static float largest(const float best[PCN_GAMMA_LANES]) {
  float most = best[0];
  for (int lane = 1; lane < PCN_GAMMA_LANES; ++lane) {
    most = best[lane] > most ? best[lane] : most;
  }
  return most;
}

void PCN_ISA_NAME(pcn_gamma_search)(const float *own, const ptrdiff_t corner[8],
                                    const pcn_gamma_offset *offsets, size_t count, pcn_gamma_lanes *lanes) {
  float shell = -1;  // distance2 of the offsets that were last asked whether to go on
  for (size_t n = 0; n < count; ++n) {
    const pcn_gamma_offset *o = &offsets[n];
    if (o->distance2 > shell) {
      shell = o->distance2;
      if (shell >= largest(lanes->best)) {
        return;
      }
    }
    const float *restrict cell = own + o->shift;
    const float *restrict p1 = cell + corner[1], *restrict p2 = cell + corner[2],
                          *restrict p3 = cell + corner[3];
    const float *restrict p4 = cell + corner[4], *restrict p5 = cell + corner[5],
                          *restrict p6 = cell + corner[6];
    const float *restrict p7 = cell + corner[7];
    const float *w = o->weight;
    const float distance2 = o->distance2;
    const float w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3], w4 = w[4], w5 = w[5], w6 = w[6], w7 = w[7];
    const int32_t number = (int32_t)n;
#pragma omp simd
    for (int lane = 0; lane < PCN_GAMMA_LANES; ++lane) {
      const float low = (w0 * cell[lane] + w1 * p1[lane]) + (w2 * p2[lane] + w3 * p3[lane]);
      const float high = (w4 * p4[lane] + w5 * p5[lane]) + (w6 * p6[lane] + w7 * p7[lane]);
      const float difference = ((low + high) - lanes->reference[lane]) * lanes->inverse[lane];
      const float gamma2 = difference * difference + distance2;
      const float before = lanes->best[lane];
      const int32_t better = -(int32_t)(gamma2 < before);  // all bits or none
      lanes->best[lane] = gamma2 < before ? gamma2 : before;
      lanes->which[lane] = (number & better) | (lanes->which[lane] & ~better);
    }
  }
}

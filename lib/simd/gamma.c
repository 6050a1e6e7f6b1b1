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
    const float *p[8];
    for (int c = 0; c < 8; ++c) {
      p[c] = own + o->shift + corner[c];
    }
    const float *w = o->weight;
#pragma omp simd
    for (int lane = 0; lane < PCN_GAMMA_LANES; ++lane) {
      const float low = (w[0] * p[0][lane] + w[1] * p[1][lane]) + (w[2] * p[2][lane] + w[3] * p[3][lane]);
      const float high = (w[4] * p[4][lane] + w[5] * p[5][lane]) + (w[6] * p[6][lane] + w[7] * p[7][lane]);
      const float difference = ((low + high) - lanes->reference[lane]) * lanes->inverse[lane];
      const float gamma2 = difference * difference + o->distance2;
      const float before = lanes->best[lane];
      const int32_t better = -(int32_t)(gamma2 < before);  // all bits or none
      lanes->best[lane] = gamma2 < before ? gamma2 : before;
      lanes->which[lane] = ((int32_t)n & better) | (lanes->which[lane] & ~better);
    }
  }
}

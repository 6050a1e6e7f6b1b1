// SPDX-License-Identifier: Apache-2.0
// The gamma search as it is defined, one point after the other: what the loops in gamma.c are tested against.
#include "simd/gamma.h"

static double dose_at(const float *cell, const ptrdiff_t corner[8], const float weight[8]) {
  double sum = 0;
  for (int c = 0; c < 8; c++) {
    sum += (double)weight[c] * (double)cell[corner[c]];
  }
  return sum;
}

void pcn_gamma_search_reference(const float *own, const ptrdiff_t corner[8], const pcn_gamma_offset *offsets,
                                size_t count, pcn_gamma_lanes *lanes) {
  for (int lane = 0; lane < PCN_GAMMA_LANES; lane++) {
    for (size_t n = 0; n < count && offsets[n].distance2 < lanes->best[lane]; n++) {
      const double dose = dose_at(own + lane + offsets[n].shift, corner, offsets[n].weight);
      const double difference = (dose - (double)lanes->reference[lane]) * (double)lanes->inverse[lane];
      const double gamma2 = difference * difference + (double)offsets[n].distance2;
      if (gamma2 < (double)lanes->best[lane]) {
        lanes->best[lane] = (float)gamma2;
        lanes->which[lane] = (int32_t)n;
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// What lateral_row.c does, in double precision.
#include <math.h>

#include "simd/lateral_row.h"

static double arriving(const float *in, size_t at, const pcn_lateral_step *s) {
  const double own = (double)in[at], beside = (double)(in + s->from)[at];
  return own + (double)s->aside * (beside - own);
}

void pcn_lateral_row_reference(const pcn_lateral_step *step, const pcn_lateral_row *row, size_t n) {
  for (size_t q = 0; q < n; q++) {
    double length_mm = PCN_LATERAL_LONGEST_MM, dose = 0, dose_water = 0;
    for (size_t i = 0; i < PCN_LATERAL_TERMS; i++, length_mm *= 0.5) {
      const size_t at = i * row->stride + q;
      const double share = (double)row->share[at], source = (double)row->fluence[q],
                   released = share * source;
      const double half =
          exp(-0.5 * (double)step->length_mm * (double)row->density[i >= PCN_LATERAL_LONG][q] / length_mm);
      const double comes = arriving(row->in, at, step) - released,
                   comes_water = arriving(row->in_water, at, step) - source;
      dose += released + half * comes;
      dose_water += share * (source + (double)step->half[i] * comes_water);
      row->out[at] = (float)(released + half * half * comes);
      row->out_water[at] = (float)(source + (double)step->half[i + 1] * comes_water);
    }
    row->sum[q] += (float)((double)step->weight * dose);
    row->sum_water[q] += (float)((double)step->weight * dose_water);
  }
}

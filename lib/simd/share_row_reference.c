// SPDX-License-Identifier: Apache-2.0
// What share_row.c does, in double precision.
#include <math.h>

#include "simd/share_row.h"

static double below(const pcn_share_line *line, size_t i) {
  const double u = (double)line->edge + (double)i * (double)line->step, cut = (double)line->cut;
  return 0.5 * erf(fmin(fmax(u, -cut), cut) / sqrt(2));
}

void pcn_share_row_reference(const pcn_share_line *line, size_t n, float *out) {
  for (size_t i = 0; i < n; i++) {
    out[i] = (float)((double)line->scale * (below(line, i + 1) - below(line, i)));
  }
}

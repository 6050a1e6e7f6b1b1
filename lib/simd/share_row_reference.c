// SPDX-License-Identifier: Apache-2.0
// What share_row.c does, cell by cell, in double precision.
#include <math.h>

#include "simd/share_row.h"

static double below(const pcn_share_lines *lines, int64_t line, int64_t i) {
  const double u = lines->edge - lines->apart * (double)line + lines->step * (double)i,
               cut = (double)lines->cut;
  return 0.5 * erf(fmin(fmax(u, -cut), cut) / sqrt(2));
}

void pcn_share_row_reference(const pcn_share_lines *lines, float *out) {
  for (int64_t line = 0; line < lines->lines; line++) {
    for (int64_t i = 0; i < lines->stride; i++) {
      const double part = i < lines->cells ? below(lines, line, i + 1) - below(lines, line, i) : 0;
      out[line * lines->stride + i] = (float)((double)lines->scale * part);
    }
  }
}

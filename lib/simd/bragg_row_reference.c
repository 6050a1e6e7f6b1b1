// SPDX-License-Identifier: Apache-2.0
// What bragg_row.c does, one cell at a time.
#include <math.h>

#include "simd/bragg_row.h"

static double sum_at(const pcn_bragg_table *table, double depth_mm) {
  const double at = fmin(fmax(depth_mm * table->per_step, 0), table->count - 1);
  const int i = (int)fmin(at, table->count - 2);
  return table->sum[i] + (at - i) * (table->sum[i + 1] - table->sum[i]);
}

void pcn_bragg_row_reference(const pcn_bragg_table *table, const float *from_mm, const float *to_mm, size_t n,
                             float *out) {
  for (size_t i = 0; i < n; i++) {
    const double near = table->before_mm + (double)from_mm[i], far = table->before_mm + (double)to_mm[i];
    const double middle = 0.5 * (near + far), half = fmax(0.5 * (far - near), 0.1);
    const double part = fmax(sum_at(table, middle + half) - sum_at(table, middle - half), 0);
    out[i] = (float)(table->scale * part / (half + fmin(middle, half)));
  }
}

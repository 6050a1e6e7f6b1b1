// SPDX-License-Identifier: Apache-2.0
// What sift_row.c does, value by value.
#include <math.h>

#include "simd/sift_row.h"

size_t pcn_sift_row_reference(const float *value, size_t n, int32_t first, float least, float *to_value,
                              int32_t *to_place, pcn_sift *sift) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    sift->sum += (double)value[i];
    sift->largest = value[i] > sift->largest ? value[i] : sift->largest;
    if (fabsf(value[i]) >= least) {
      to_value[kept] = value[i];
      to_place[kept++] = first + (int32_t)i;
    } else {
      sift->below += (double)value[i];
    }
  }
  return kept;
}

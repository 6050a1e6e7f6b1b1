// SPDX-License-Identifier: Apache-2.0
// Sieves a row of values: the large ones are kept with their places, all are added up.
#ifndef PCN_SIFT_ROW_H
#define PCN_SIFT_ROW_H

#include <stddef.h>
#include <stdint.h>

/// Values come in whole vectors of so many, the last one filled up with zeros; and the loops may write so
/// many entries behind those that they keep.
enum { PCN_SIFT_LANES = 16 };

/// What went through a sieve.
typedef struct pcn_sift {
  double sum, below;  ///< of all values, of those that were dropped
  float largest;      ///< 0 where none is above 0
} pcn_sift;

/// Keeps the values of a size of `least` (above 0) on. @param first  place of value 0; the others follow
/// @param sift  the row is added to it. @return how many are kept
typedef size_t (*pcn_sift_row_loop)(const float *value, size_t n, int32_t first, float least, float *to_value,
                                    int32_t *to_place, pcn_sift *sift);

/// Slow twin of the loops.
size_t pcn_sift_row_reference(const float *value, size_t n, int32_t first, float least, float *to_value,
                              int32_t *to_place, pcn_sift *sift);

#endif

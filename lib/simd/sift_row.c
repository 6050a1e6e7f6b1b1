// SPDX-License-Identifier: Apache-2.0
// Sixteen values at a time: mostly all of them are large or none is.
#include "simd/sift_row.h"

#include <math.h>
#include <string.h>

#include "simd/isa.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define PCN_INLINE static inline __attribute__((always_inline))

enum { LANES = PCN_SIFT_LANES };

/// Sums and largest values of each place of the runs.
typedef struct lanes {
  float sum[LANES], below[LANES], largest[LANES];
} lanes;

// Writes LANES entries, of which those that are returned count.
#ifdef __AVX512F__
PCN_INLINE size_t keep_run(const float *value, int32_t first, float least, float *to_value, int32_t *to_place) {
  const __m512i up = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512 v = _mm512_loadu_ps(value);
  const __m512i place = _mm512_add_epi32(_mm512_set1_epi32(first), up);
  const __mmask16 large = _mm512_cmp_ps_mask(_mm512_abs_ps(v), _mm512_set1_ps(least), _CMP_GE_OQ);
  // Into a register first: compressing into memory is slow on some processors.
  _mm512_storeu_ps(to_value, _mm512_maskz_compress_ps(large, v));
  _mm512_storeu_si512(to_place, _mm512_maskz_compress_epi32(large, place));
  return (size_t)__builtin_popcount(large);
}
#else
PCN_INLINE size_t keep_run(const float *value, int32_t first, float least, float *to_value, int32_t *to_place) {
  int32_t large = 0;
#pragma omp simd reduction(+ : large)
  for (int32_t i = 0; i < LANES; i++) {
    large += fabsf(value[i]) >= least;
  }
  if (large == LANES) {
    memcpy(to_value, value, LANES * sizeof *value);
#pragma omp simd
    for (int32_t i = 0; i < LANES; i++) {
      to_place[i] = first + i;
    }
    return LANES;
  }
  size_t count = 0;
  for (int32_t i = 0; large > 0 && i < LANES; i++) {  // no branch to mispredict
    to_value[count] = value[i];
    to_place[count] = first + i;
    count += fabsf(value[i]) >= least;
  }
  return count;
}
#endif

PCN_INLINE void add_run(const float *value, float least, lanes *sums) {
#pragma omp simd
  for (int32_t i = 0; i < LANES; i++) {
    const float v = value[i];
    sums->sum[i] += v;
    sums->below[i] += fabsf(v) < least ? v : 0.0f;
    sums->largest[i] = v > sums->largest[i] ? v : sums->largest[i];
  }
}

size_t PCN_ISA_NAME(pcn_sift_row)(const float *value, size_t n, int32_t first, float least, float *to_value,
                                  int32_t *to_place, pcn_sift *sift) {
  const size_t whole = n / LANES * LANES;
  lanes sums = {{0}, {0}, {0}};
  size_t kept = 0;
  for (size_t i = 0; i < whole; i += LANES) {
    kept += keep_run(value + i, first + (int32_t)i, least, to_value + kept, to_place + kept);
    add_run(value + i, least, &sums);
  }
  if (whole < n) {
    float rest[LANES] = {0};  // zeros are not kept
    memcpy(rest, value + whole, (n - whole) * sizeof *rest);
    kept += keep_run(rest, first + (int32_t)whole, least, to_value + kept, to_place + kept);
    add_run(rest, least, &sums);
  }
  float sum = 0, below = 0, largest = sift->largest;
  for (int32_t i = 0; i < LANES; i++) {
    sum += sums.sum[i];
    below += sums.below[i];
    largest = sums.largest[i] > largest ? sums.largest[i] : largest;
  }
  sift->sum += (double)sum;
  sift->below += (double)below;
  sift->largest = largest;
  return kept;
}

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

/// Sums and the largest value of the runs.
typedef struct totals {
  float sum, below, largest;
} totals;

#ifdef __AVX512F__

// By intrinsics, as compilers do not find the compression. Into registers: into memory it is slow on some
// processors.
PCN_INLINE size_t sift_runs(const float *value, size_t runs, int32_t first, float least, float *to_value,
                            int32_t *to_place, totals *out) {
  const __m512i up = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i place = _mm512_add_epi32(_mm512_set1_epi32(first), up);
  __m512 sum = _mm512_setzero_ps(), below = sum, largest = sum;
  size_t kept = 0;
  for (size_t r = 0; r < runs; r++) {
    const __m512 v = _mm512_loadu_ps(value + r * LANES);
    const __mmask16 large = _mm512_cmp_ps_mask(_mm512_abs_ps(v), _mm512_set1_ps(least), _CMP_GE_OQ);
    _mm512_storeu_ps(to_value + kept, _mm512_maskz_compress_ps(large, v));
    _mm512_storeu_si512(to_place + kept, _mm512_maskz_compress_epi32(large, place));
    kept += (size_t)__builtin_popcount(large);
    place = _mm512_add_epi32(place, _mm512_set1_epi32(LANES));
    sum = _mm512_add_ps(sum, v);
    below = _mm512_mask_add_ps(below, (__mmask16)~large, below, v);
    largest = _mm512_max_ps(largest, v);
  }
  out->sum = _mm512_reduce_add_ps(sum);
  out->below = _mm512_reduce_add_ps(below);
  out->largest = _mm512_reduce_max_ps(largest);
  return kept;
}

#else

// Writes LANES entries, of which those that are returned count.
PCN_INLINE size_t keep_run(const float *restrict value, int32_t first, float least, float *restrict to_value,
                           int32_t *restrict to_place) {
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

PCN_INLINE size_t sift_runs(const float *value, size_t runs, int32_t first, float least, float *to_value,
                            int32_t *to_place, totals *out) {
  float sum[LANES] = {0}, below[LANES] = {0}, largest[LANES] = {0};
  size_t kept = 0;
  for (size_t r = 0; r < runs; r++, value += LANES, first += LANES) {
    kept += keep_run(value, first, least, to_value + kept, to_place + kept);
#pragma omp simd
    for (int32_t i = 0; i < LANES; i++) {
      const float v = value[i];
      sum[i] += v;
      below[i] += fabsf(v) < least ? v : 0.0f;
      largest[i] = v > largest[i] ? v : largest[i];
    }
  }
  totals all = {0, 0, 0};
  for (int32_t i = 0; i < LANES; i++) {
    all.sum += sum[i];
    all.below += below[i];
    all.largest = largest[i] > all.largest ? largest[i] : all.largest;
  }
  *out = all;
  return kept;
}

#endif

size_t PCN_ISA_NAME(pcn_sift_row)(const float *value, size_t n, int32_t first, float least, float *to_value,
                                  int32_t *to_place, pcn_sift *sift) {
  totals all;
  const size_t kept = sift_runs(value, (n + LANES - 1) / LANES, first, least, to_value, to_place, &all);
  sift->sum += (double)all.sum;
  sift->below += (double)all.below;
  sift->largest = all.largest > sift->largest ? all.largest : sift->largest;
  return kept;
}

// SPDX-License-Identifier: Apache-2.0
// Windows are narrow, a dozen rays: with masks a row is one vector.
#include "simd/class_row.h"

#include "simd/isa.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define PCN_INLINE static inline __attribute__((always_inline))

#ifdef __AVX512F__

enum { LANES = 16 };

PCN_INLINE __m512 load(__mmask16 lanes, const float *from) {
  return _mm512_maskz_loadu_ps(lanes, from);
}

// Shares of rays from i of a row on.
PCN_INLINE __m512 shares(const pcn_class_window *w, int32_t which, ptrdiff_t i, __mmask16 lanes) {
  if (w->sort == NULL) {
    return which == 0 ? load(lanes, w->node[1] + i) : _mm512_setzero_ps();
  }
  const __m512i sort = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(lanes, w->sort + i));
  const __mmask16 below = _mm512_mask_cmpeq_epi32_mask(lanes, sort, _mm512_set1_epi32(which + 1));
  const __mmask16 above = _mm512_mask_cmpeq_epi32_mask(lanes, sort, _mm512_set1_epi32(which - 1));
  const __m512 in = load(_mm512_mask_cmpeq_epi32_mask(lanes, sort, _mm512_set1_epi32(which)), w->node[1] + i);
  return _mm512_mask_loadu_ps(_mm512_mask_loadu_ps(in, below, w->node[0] + i), above, w->node[2] + i);
}

PCN_INLINE void fill(const pcn_class_window *w, int32_t which, float *value, pcn_class_extent *out) {
  __m512 sum = _mm512_setzero_ps(), largest = sum;
  for (int32_t y = 0; y < w->count[1]; y++) {
    for (int32_t x = 0; x < w->count[0]; x += LANES) {
      const int32_t left = w->count[0] - x;
      const __mmask16 lanes = (__mmask16)(left < LANES ? (1u << left) - 1 : 0xffffu);
      const __m512 one = _mm512_mul_ps(load(lanes, w->weight + y * w->weight_row + x),
                                       shares(w, which, y * w->row + x, lanes));
      _mm512_mask_storeu_ps(value + y * w->count[0] + x, lanes, one);
      sum = _mm512_add_ps(sum, one);
      largest = _mm512_max_ps(largest, one);
    }
  }
  out->sum = _mm512_reduce_add_ps(sum);
  out->largest = _mm512_reduce_max_ps(largest);
}

#else

PCN_INLINE void fill(const pcn_class_window *w, int32_t which, float *value, pcn_class_extent *out) {
  const int32_t n = w->count[0];
  float sum = 0, largest = 0;
  for (int32_t y = 0; y < w->count[1]; y++) {
    const float *restrict weight = w->weight + y * w->weight_row, *restrict in = w->node[1] + y * w->row;
    float *restrict to = value + y * n;
    if (w->sort == NULL) {
      const float part = which == 0 ? 1 : 0;
#pragma omp simd
      for (int32_t x = 0; x < n; x++) {
        to[x] = part * weight[x] * in[x];
      }
    } else {
      const int8_t *restrict sort = w->sort + y * w->row;
      const float *restrict below = w->node[0] + y * w->row, *restrict above = w->node[2] + y * w->row;
#pragma omp simd
      for (int32_t x = 0; x < n; x++) {
        const int32_t away = which - sort[x];
        const float a = below[x], b = in[x], c = above[x];
        to[x] = weight[x] * ((away == -1 ? a : 0) + (away == 0 ? b : 0) + (away == 1 ? c : 0));
      }
    }
#pragma omp simd reduction(+ : sum)
    for (int32_t x = 0; x < n; x++) {
      sum += to[x];
    }
    for (int32_t x = 0; x < n; x++) {
      largest = to[x] > largest ? to[x] : largest;
    }
  }
  out->sum = sum;
  out->largest = largest;
}

#endif

void PCN_ISA_NAME(pcn_class_image)(const pcn_class_window *window, int32_t which, float *value,
                                   pcn_class_extent *out) {
  const int32_t *n = window->count;
  int32_t first[2] = {n[0], 0}, last[2] = {0, 0};
  fill(window, which, value, out);
  for (int32_t y = 0; y < n[1]; y++) {
    const float *row = value + y * n[0];
    int32_t low = 0, high = n[0];
    while (low < high && row[low] == 0) {
      low++;
    }
    while (high > low && row[high - 1] == 0) {
      high--;
    }
    if (low < high) {
      first[0] = low < first[0] ? low : first[0];
      last[0] = high > last[0] ? high : last[0];
      first[1] = last[1] == 0 ? y : first[1];
      last[1] = y + 1;
    }
  }
  for (int a = 0; a < 2; a++) {
    out->first[a] = last[a] > 0 ? first[a] : 0;
    out->last[a] = last[a];
  }
}

PCN_INLINE int any_protons(const pcn_class_window *w) {
  for (int32_t y = 0; y < w->count[1]; y++) {
    for (int32_t x = 0; x < w->count[0]; x++) {
      if (w->weight[y * w->weight_row + x] > 0) {
        return 1;
      }
    }
  }
  return 0;
}

void PCN_ISA_NAME(pcn_class_range)(const pcn_class_window *window, int32_t range[2]) {
  int32_t low = range[0], high = range[1];
  if (window->sort == NULL && any_protons(window)) {
    low = low < 0 ? low : 0;
    high = high > 0 ? high : 0;
  }
  for (int32_t y = 0; y < window->count[1] && window->sort != NULL; y++) {
    const ptrdiff_t first = y * window->row;
    const float *restrict weight = window->weight + y * window->weight_row;
    const int8_t *restrict sort = window->sort + first;
    const float *restrict below = window->node[0] + first, *restrict above = window->node[2] + first;
    for (int32_t x = 0; x < window->count[0]; x++) {
      const int32_t least = sort[x] - (below[x] != 0), most = sort[x] + (above[x] != 0);
      low = weight[x] > 0 && least < low ? least : low;
      high = weight[x] > 0 && most > high ? most : high;
    }
  }
  range[0] = low;
  range[1] = high;
}

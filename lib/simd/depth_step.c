// SPDX-License-Identifier: Apache-2.0
// A step crosses one face of the row at most: two voxels for each ray, and the share of the first.
#include "simd/depth_step.h"

#include "simd/isa.h"

#ifdef __AVX512F__
#include <immintrin.h>
#include <math.h>
#endif

#define PCN_INLINE static inline __attribute__((always_inline))

// Voxel of a coordinate, -1 below the row and voxels above it.
PCN_INLINE int32_t voxel_at(float at, float voxels) {
  const float low = at > -1.0f ? at : -1.0f, inside = low < voxels ? low : voxels;
  return (int32_t)(inside + 1.0f) - 1;  // positive: truncation rounds down
}

// Known when this is compiled: two, there is a second value; unit, the stride is 1.
PCN_INLINE void step_rays(int two, int unit, const pcn_depth_step *s, size_t n, float *const sum[2]) {
  const float from = s->from, from_step = s->from_step, to = s->to, to_step = s->to_step, length = s->length;
  const float voxels = (float)s->voxels;
  const int32_t count = s->voxels, stride = unit ? 1 : s->stride;
  const float *restrict first = s->value[0], *restrict second = two ? s->value[1] : NULL;
  float *restrict sum_0 = sum[0], *restrict sum_1 = two ? sum[1] : NULL;
#pragma omp simd
  for (size_t k = 0; k < n; k++) {
    const float i = (float)(int32_t)k, a = from + i * from_step, b = to + i * to_step;
    const int32_t va = voxel_at(a, voxels), vb = voxel_at(b, voxels);
    const float face = (float)(va > vb ? va : vb), way = va == vb ? 1.0f : b - a;
    const float near = va == vb ? 1.0f : (face - a) / way;
    const int32_t in_a = va >= 0 && va < count, in_b = vb >= 0 && vb < count;
    const int32_t pa = in_a ? va * stride : 0, pb = in_b ? vb * stride : 0;
    const float weight_a = in_a ? length * near : 0.0f, weight_b = in_b ? length * (1.0f - near) : 0.0f;
    sum_0[k] += weight_a * first[pa] + weight_b * first[pb];
    if (two) {
      sum_1[k] += weight_a * second[pa] + weight_b * second[pb];
    }
  }
}

#ifdef __AVX512F__

enum { LANES = 16, WINDOW = 2 * LANES };

// Rays of a register that meet no more than so many voxels of the row, with places to spare for rounding.
PCN_INLINE int is_narrow(const pcn_depth_step *s) {
  const float pitch = fmaxf(fabsf(s->from_step), fabsf(s->to_step));
  return s->stride == 1 && (LANES - 1) * pitch + 4 < WINDOW;
}

PCN_INLINE __m512i voxels_at(__m512 at, __m512 voxels) {
  const __m512 one = _mm512_set1_ps(1),
               inside = _mm512_min_ps(_mm512_max_ps(at, _mm512_sub_ps(_mm512_setzero_ps(), one)), voxels);
  return _mm512_sub_epi32(_mm512_cvttps_epi32(_mm512_add_ps(inside, one)), _mm512_set1_epi32(1));
}

/// The voxels that a register's rays meet, and what is before and behind them in the row: 0.
typedef struct window {
  int32_t first;
  __mmask16 in[2];
} window;

PCN_INLINE window window_of(const pcn_depth_step *s, size_t k) {
  const float at = (float)k, last = at + LANES - 1;
  const float a = fminf(s->from + at * s->from_step, s->from + last * s->from_step);
  const float b = fminf(s->to + at * s->to_step, s->to + last * s->to_step), low = fminf(a, b) - 1;
  window w;
  w.first = low > 0 ? (int32_t)fminf(low, (float)s->voxels) : 0;
  const uint32_t left = (uint32_t)(s->voxels - w.first), bits = left < WINDOW ? (1u << left) - 1 : ~0u;
  w.in[0] = (__mmask16)(bits & 0xffff);
  w.in[1] = (__mmask16)(bits >> LANES);
  return w;
}

// The same as step_rays() with two loads in place of two gathers, which take most of its time.
PCN_INLINE void step_narrow(int two, const pcn_depth_step *s, size_t n, float *const sum[2]) {
  const __m512 up = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
               one = _mm512_set1_ps(1);
  const __m512 voxels = _mm512_set1_ps((float)s->voxels);
  const __m512i count = _mm512_set1_epi32(s->voxels);
  for (size_t k = 0; k < n; k += LANES) {
    const window w = window_of(s, k);
    const __mmask16 rays = (__mmask16)(n - k < LANES ? (1u << (n - k)) - 1 : 0xffffu);
    const __m512 i = _mm512_add_ps(_mm512_set1_ps((float)k), up);
    const __m512 a = _mm512_fmadd_ps(i, _mm512_set1_ps(s->from_step), _mm512_set1_ps(s->from));
    const __m512 b = _mm512_fmadd_ps(i, _mm512_set1_ps(s->to_step), _mm512_set1_ps(s->to));
    const __m512i va = voxels_at(a, voxels), vb = voxels_at(b, voxels), first = _mm512_set1_epi32(w.first);
    const __mmask16 crosses = _mm512_cmpneq_epi32_mask(va, vb);
    const __m512 face = _mm512_cvtepi32_ps(_mm512_max_epi32(va, vb));
    const __m512 near = _mm512_mask_div_ps(one, crosses, _mm512_sub_ps(face, a), _mm512_sub_ps(b, a));
    const __m512 length = _mm512_set1_ps(s->length), part = _mm512_mul_ps(length, near);
    const __m512 weight_a = _mm512_maskz_mov_ps(_mm512_cmplt_epu32_mask(va, count), part);
    const __m512 weight_b = _mm512_maskz_sub_ps(_mm512_cmplt_epu32_mask(vb, count), length, part);
    const __m512i pa = _mm512_sub_epi32(va, first), pb = _mm512_sub_epi32(vb, first);
    for (int v = 0; v <= two; v++) {
      const float *value = s->value[v] + w.first;
      const __m512 low = _mm512_maskz_loadu_ps(w.in[0], value),
                   high = _mm512_maskz_loadu_ps(w.in[1], value + LANES);
      const __m512 old = _mm512_maskz_loadu_ps(rays, sum[v] + k);
      const __m512 with_a = _mm512_fmadd_ps(weight_a, _mm512_permutex2var_ps(low, pa, high), old);
      _mm512_mask_storeu_ps(sum[v] + k, rays,
                            _mm512_fmadd_ps(weight_b, _mm512_permutex2var_ps(low, pb, high), with_a));
    }
  }
}

#endif

void PCN_ISA_NAME(pcn_depth_step)(const pcn_depth_step *step, size_t n, float *const sum[2]) {
#ifdef __AVX512F__
  if (is_narrow(step)) {
    step->value[1] != NULL ? step_narrow(1, step, n, sum) : step_narrow(0, step, n, sum);
    return;
  }
#endif
  if (step->value[1] != NULL) {
    step->stride == 1 ? step_rays(1, 1, step, n, sum) : step_rays(1, 0, step, n, sum);
  } else {
    step->stride == 1 ? step_rays(0, 1, step, n, sum) : step_rays(0, 0, step, n, sum);
  }
}

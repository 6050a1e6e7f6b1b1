// SPDX-License-Identifier: Apache-2.0
// In three steps: places in the map for many voxels at once; four voxels together, two pixels of a voxel in
// the widest registers there are, and their terms added up; the rest of the interpolation for many at once
// again.
#include "simd/pencil_row.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "simd/isa.h"

#ifdef __AVX__
#include <immintrin.h>
#endif

enum { CHUNK = 64, V = PCN_PENCIL_VALUES, PIXEL = 2 * V, PAIR = 2 * PIXEL, PARTS = PAIR / V, TOGETHER = 4 };

#define PCN_INLINE static inline __attribute__((always_inline))

// GNU C vectors, which gcc and clang know, as wide as the level's registers: of wider ones shuffles come out
// element by element. EACH takes from two of them the same places of every four floats; SPREAD repeats four
// floats, by the intrinsic, as from a shuffle gcc stores them and loads them back.
#if defined(__AVX512F__)
enum { WIDTH = 16 };
#define SPREAD(from) ((wide)_mm512_broadcast_f32x4(_mm_loadu_ps(from)))
#define EACH(a, b, i, j, k, l)                                                                              \
  __builtin_shufflevector(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4, i + 8, j + 8, k + 8, l + 8, i + 12, \
                          j + 12, k + 12, l + 12)
#elif defined(__AVX__)
enum { WIDTH = 8 };
#define SPREAD(from) ((wide)_mm256_broadcast_ps((const __m128 *)(const void *)(from)))
#define EACH(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4)
#else
enum { WIDTH = 4 };
#define SPREAD(from) load(from)
#define EACH(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#endif
typedef float wide __attribute__((vector_size(WIDTH * sizeof(float))));

PCN_INLINE wide load(const float *from) {
  wide out;
  memcpy(&out, from, sizeof out);
  return out;
}

/// Cells of the map and positions in them; 0 or 1 for voxels beyond or inside it.
typedef struct places {
  int32_t pixel[CHUNK];
  float u[CHUNK], v[CHUNK], h[CHUNK], inside[CHUNK];
} places;

PCN_INLINE void find_places(const pcn_pencil_table *table, const pcn_pencil_voxels *voxels, size_t first,
                            size_t n, places *out) {
  const pcn_pencil_table t = *table;
  const float *restrict vx = voxels->x + first, *restrict vy = voxels->y + first,
                        *restrict vp = voxels->plane + first;
  const float last_x = (float)(t.size[0] - 1), last_y = (float)(t.size[1] - 1),
              last_slab = (float)(t.slabs - 1);
  const float below_one = 0.9999999f, edge_x = last_x * below_one,
              edge_y = last_y * below_one;  // the last cell's index
  const int32_t row = t.size[0], slab = t.size[0] * t.size[1];
#pragma omp simd
  for (size_t k = 0; k < n; k++) {
    const float x = fabsf(t.turn[0] * vx[k] + t.turn[1] * vy[k] - t.centre[0]) * t.per_mm[0];
    const float y = fabsf(t.turn[0] * vy[k] - t.turn[1] * vx[k] - t.centre[1]) * t.per_mm[1];
    const float at_x = x < edge_x ? x : edge_x, at_y = y < edge_y ? y : edge_y;
    const float p = vp[k] > 0 ? vp[k] : 0;  // anything, behind the last voxel
    const int32_t ix = (int32_t)at_x, iy = (int32_t)at_y, ip = (int32_t)(p < last_slab ? p : last_slab);
    out->pixel[k] = (ip * slab + iy * row + ix) * PIXEL;
    out->u[k] = at_x - (float)ix;
    out->v[k] = at_y - (float)iy;
    out->h[k] = p - (float)ip;
    out->inside[k] = (float)((x < last_x) & (y < last_y));
  }
}

/// Of each voxel: sums over the terms at the near and far plane of the cell's first pixel and of its second,
/// between the two rows.
typedef struct sums {
  float part[PARTS][CHUNK];
} sums;

// TOGETHER voxels from k on, of which there are `left`; the last one stands in for those that are missing.
PCN_INLINE void add_terms(const float *map, size_t row, const places *p, const float *weight, size_t k,
                          size_t left, sums *out) {
  for (size_t r = 0; r < PAIR; r += WIDTH) {
    wide m[TOGETHER];
    for (size_t q = 0; q < TOGETHER; q++) {
      const size_t i = k + (q < left ? q : left - 1);
      const float *a = map + p->pixel[i] + r;
      const wide low = load(a), high = load(a + row);
      m[q] = SPREAD(weight + i * V) * (low + p->v[i] * (high - low));
    }
    const wide first =
        EACH(m[0], m[1], 0, WIDTH, 1, WIDTH + 1) + EACH(m[0], m[1], 2, WIDTH + 2, 3, WIDTH + 3);
    const wide second =
        EACH(m[2], m[3], 0, WIDTH, 1, WIDTH + 1) + EACH(m[2], m[3], 2, WIDTH + 2, 3, WIDTH + 3);
    const wide sum =
        EACH(first, second, 0, 1, WIDTH, WIDTH + 1) + EACH(first, second, 2, 3, WIDTH + 2, WIDTH + 3);
    for (size_t part = 0; part < WIDTH / V; part++) {
      memcpy(out->part[r / V + part] + k, (const float *)&sum + part * V, V * sizeof(float));
    }
  }
}

void PCN_ISA_NAME(pcn_pencil_row)(const pcn_pencil_table *table, const pcn_pencil_voxels *voxels, size_t n,
                                  float *out) {
  const size_t row = (size_t)table->size[0] * PIXEL;
  places p;
  sums s;
  for (size_t first = 0; first < n; first += CHUNK) {
    const size_t count = n - first < CHUNK ? n - first : CHUNK, whole = count / TOGETHER * TOGETHER;
    const float *weight = voxels->weight + first * V;
    find_places(table, voxels, first, (count + PCN_PENCIL_LANES - 1) / PCN_PENCIL_LANES * PCN_PENCIL_LANES,
                &p);
    for (size_t k = 0; k < whole; k += TOGETHER) {
      add_terms(table->value, row, &p, weight, k, TOGETHER, &s);
    }
    if (whole < count) {
      add_terms(table->value, row, &p, weight, whole, count - whole, &s);
    }
    float *restrict sum = out + first;
#pragma omp simd
    for (size_t k = 0; k < count; k++) {
      const float left = s.part[0][k] + p.h[k] * (s.part[1][k] - s.part[0][k]);
      const float right = s.part[2][k] + p.h[k] * (s.part[3][k] - s.part[2][k]);
      sum[k] = p.inside[k] * (left + p.u[k] * (right - left));
    }
  }
}

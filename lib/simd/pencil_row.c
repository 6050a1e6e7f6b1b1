// SPDX-License-Identifier: Apache-2.0
// In three steps: places in the map for many voxels at once, one vector of four terms per voxel, and their sums.
#include "simd/pencil_row.h"

#include "simd/isa.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { CHUNK = 64, V = PCN_PENCIL_VALUES, PIXEL = 2 * V };

/// The terms of a pixel, and those of both planes: registers where the processor has such (GNU C vectors, which gcc and
/// clang know).
typedef float terms __attribute__((vector_size(V * sizeof(float))));
typedef float pixel __attribute__((vector_size(PIXEL * sizeof(float))));

/// Cells of the map and positions in them; 0 or 1 for voxels beyond or inside it.
typedef struct places {
  int32_t pixel[CHUNK];
  float u[CHUNK], v[CHUNK], h[CHUNK], inside[CHUNK];
} places;

static inline __attribute__((always_inline)) void find_places(const pcn_pencil_table *table, const pcn_pencil_voxels *voxels,
                                                              size_t first, size_t n, places *out) {
  const pcn_pencil_table t = *table;
  const float *restrict vx = voxels->x + first, *restrict vy = voxels->y + first, *restrict vp = voxels->plane + first;
  const float last_x = (float)(t.size[0] - 1), last_y = (float)(t.size[1] - 1), last_slab = (float)(t.slabs - 1);
  const float below_one = 0.9999999f, edge_x = last_x * below_one, edge_y = last_y * below_one; // the last cell's index
  const int32_t row = t.size[0], slab = t.size[0] * t.size[1];
#pragma omp simd
  for (size_t k = 0; k < n; k++) {
    const float x = fabsf(t.turn[0] * vx[k] + t.turn[1] * vy[k] - t.centre[0]) * t.per_mm[0];
    const float y = fabsf(t.turn[0] * vy[k] - t.turn[1] * vx[k] - t.centre[1]) * t.per_mm[1];
    const float at_x = x < edge_x ? x : edge_x, at_y = y < edge_y ? y : edge_y, p = vp[k];
    const int32_t ix = (int32_t)at_x, iy = (int32_t)at_y, ip = (int32_t)(p < last_slab ? p : last_slab);
    out->pixel[k] = (ip * slab + iy * row + ix) * PIXEL;
    out->u[k] = at_x - (float)ix;
    out->v[k] = at_y - (float)iy;
    out->h[k] = p - (float)ip;
    out->inside[k] = (float)((x < last_x) & (y < last_y));
  }
}

void PCN_ISA_NAME(pcn_pencil_row)(const pcn_pencil_table *table, const pcn_pencil_voxels *voxels, size_t n, float *out) {
  const size_t row = (size_t)table->size[0] * PIXEL;
  places p;
  float product[CHUNK * V];
  for (size_t first = 0; first < n; first += CHUNK) {
    const size_t count = n - first < CHUNK ? n - first : CHUNK;
    find_places(table, voxels, first, count, &p);
    const float *weight = voxels->weight + first * V;
    for (size_t k = 0; k < count; k++) {
      const float *a = table->value + p.pixel[k];
      pixel a0, a1, b0, b1;
      terms w;
      memcpy(&a0, a, sizeof a0);
      memcpy(&a1, a + PIXEL, sizeof a1);
      memcpy(&b0, a + row, sizeof b0);
      memcpy(&b1, a + row + PIXEL, sizeof b1);
      memcpy(&w, weight + k * V, sizeof w);
      a0 += p.u[k] * (a1 - a0);
      b0 += p.u[k] * (b1 - b0);
      a0 += p.v[k] * (b0 - a0);
      const terms near = __builtin_shufflevector(a0, a0, 0, 1, 2, 3), far = __builtin_shufflevector(a0, a0, 4, 5, 6, 7);
      w *= near + p.h[k] * (far - near);
      memcpy(product + k * V, &w, sizeof w);
    }
    float *restrict sum = out + first;
#pragma omp simd
    for (size_t k = 0; k < count; k++) {
      sum[k] = p.inside[k] * ((product[k * V] + product[k * V + 1]) + (product[k * V + 2] + product[k * V + 3]));
    }
  }
}

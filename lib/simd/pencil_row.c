// SPDX-License-Identifier: Apache-2.0
// In three steps: places in the map for many voxels at once, one vector of four terms per voxel, and their sums.
#include "simd/pencil_row.h"

#include "simd/isa.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { CHUNK = 64, V = PCN_PENCIL_VALUES };

/// The terms of a pixel: one register where the processor has such (a GNU C vector, which gcc and clang know).
typedef float terms __attribute__((vector_size(PCN_PENCIL_VALUES * sizeof(float))));

static inline __attribute__((always_inline)) terms terms_at(const float *value) {
  terms out;
  memcpy(&out, value, sizeof out);
  return out;
}

static inline __attribute__((always_inline)) terms between(const float *a, const float *b, float share) {
  const terms low = terms_at(a);
  return low + share * (terms_at(b) - low);
}

/// Cells of the map and positions in them; 0 or 1 for voxels beyond or inside it.
typedef struct places {
  int32_t pixel[CHUNK];
  float u[CHUNK], v[CHUNK], h[CHUNK], inside[CHUNK];
} places;

static inline __attribute__((always_inline)) void find_places(const pcn_pencil_table *table, const pcn_pencil_voxels *voxels,
                                                              size_t first, size_t n, places *out) {
  const pcn_pencil_table t = *table;
  const float *restrict vx = voxels->x + first, *restrict vy = voxels->y + first, *restrict vp = voxels->plane + first;
  const float last_x = (float)(t.size[0] - 1), last_y = (float)(t.size[1] - 1), last_plane = (float)(t.planes - 2);
  const int32_t row = t.size[0], plane = t.size[0] * t.size[1];
#pragma omp simd
  for (size_t k = 0; k < n; k++) {
    const float x = fabsf(t.turn[0] * vx[k] + t.turn[1] * vy[k] - t.centre[0]) * t.per_mm[0];
    const float y = fabsf(t.turn[0] * vy[k] - t.turn[1] * vx[k] - t.centre[1]) * t.per_mm[1];
    const float in = x < last_x && y < last_y ? 1.0f : 0.0f, at_x = in * x, at_y = in * y, p = vp[k];
    const int32_t ix = (int32_t)at_x, iy = (int32_t)at_y, ip = (int32_t)(p < last_plane ? p : last_plane);
    out->pixel[k] = (ip * plane + iy * row + ix) * V;
    out->u[k] = at_x - (float)ix;
    out->v[k] = at_y - (float)iy;
    out->h[k] = p - (float)ip;
    out->inside[k] = in;
  }
}

void PCN_ISA_NAME(pcn_pencil_row)(const pcn_pencil_table *table, const pcn_pencil_voxels *voxels, size_t n, float *out) {
  const size_t row = (size_t)table->size[0] * V, plane = row * (size_t)table->size[1];
  places p;
  float product[CHUNK * V];
  for (size_t first = 0; first < n; first += CHUNK) {
    const size_t count = n - first < CHUNK ? n - first : CHUNK;
    find_places(table, voxels, first, count, &p);
    const float *weight = voxels->weight + first * V;
    for (size_t k = 0; k < count; k++) {
      const float *a = table->value + p.pixel[k], *b = a + plane;
      const float u = p.u[k], v = p.v[k];
      const terms a0 = between(a, a + V, u), a1 = between(a + row, a + row + V, u), near = a0 + v * (a1 - a0);
      const terms b0 = between(b, b + V, u), b1 = between(b + row, b + row + V, u), far = b0 + v * (b1 - b0);
      const terms value = (near + p.h[k] * (far - near)) * terms_at(weight + k * V);
      memcpy(product + k * V, &value, sizeof value);
    }
    float *restrict sum = out + first;
#pragma omp simd
    for (size_t k = 0; k < count; k++) {
      sum[k] = p.inside[k] * ((product[k * V] + product[k * V + 1]) + (product[k * V + 2] + product[k * V + 3]));
    }
  }
}

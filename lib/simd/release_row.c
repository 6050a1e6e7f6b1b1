// SPDX-License-Identifier: Apache-2.0
// In three steps: places in the table for many voxels at once, one vector of four values per voxel, and what
// the voxel makes of them.
#include "simd/release_row.h"

#include <math.h>
#include <string.h>

#include "simd/isa.h"

enum { CHUNK = 64, V = PCN_RELEASE_VALUES };

#define PCN_INLINE static inline __attribute__((always_inline))

/// A node's values: one register where the processor has such (a GNU C vector, which gcc and clang know).
typedef float node_values __attribute__((vector_size(PCN_RELEASE_VALUES * sizeof(float))));

PCN_INLINE node_values node_at(const float *value) {
  node_values out;
  memcpy(&out, value, sizeof out);
  return out;
}

/// Cells of the table, positions in them, and what was found there: per gram of water, per gram of aluminium.
typedef struct places {
  int32_t node[CHUNK];
  float u[CHUNK], v[CHUNK];
  float water[PCN_RELEASE_PARTS][CHUNK], aluminium[PCN_RELEASE_PARTS][CHUNK];
} places;

// Returns the number of voxels outside the table. mixed, known when this is compiled: there is aluminium.
PCN_INLINE size_t find_places(int mixed, const pcn_release_table *t, const pcn_release_row *row, size_t first,
                              size_t n, places *out) {
  const float below_one = 0.9999999f;  // keeps the last cell's index inside
  const float end_water = (float)(t->water_nodes - 1), end_al = (float)(t->aluminium_nodes - 1);
  const float per_water = t->per_water, per_al = t->per_aluminium, first_al = t->first_aluminium;
  const float per_gram = t->aluminium_electrons, no_aluminium = -first_al * per_al;
  const int32_t wide = t->water_nodes;
  const float *restrict electrons = row->integral[0] + first, *restrict metal =
                                                                  mixed ? row->integral[1] + first : NULL;
  int32_t outside = 0;
#pragma omp simd reduction(+ : outside)
  for (size_t k = 0; k < n; k++) {
    const float al = mixed ? 0.1f * metal[k] : 0;
    const float x = per_water * (0.1f * electrons[k] - per_gram * al);
    const float y = mixed ? per_al * (al - first_al) : no_aluminium;
    const float right = x > 0 ? x : 0, up = y > 0 ? y : 0;
    const float in_x = right < end_water * below_one ? right : end_water * below_one;
    const float in_y = up < end_al * below_one ? up : end_al * below_one;
    const int32_t ix = (int32_t)in_x, iy = (int32_t)in_y;
    outside += (x < 0) | (x >= end_water) | (y < 0) | (y >= end_al);
    out->node[k] = iy * wide + ix;
    out->u[k] = in_x - (float)ix;
    out->v[k] = in_y - (float)iy;
  }
  return (size_t)outside;
}

PCN_INLINE void look_up(int mixed, const pcn_release_table *t, size_t n, places *p) {
  const size_t up = (size_t)t->water_nodes * V;
  for (size_t k = 0; k < n; k++) {
    const float *a = t->node + (size_t)p->node[k] * V, *b = a + up;
    node_values value = node_at(a) + p->u[k] * (node_at(a + V) - node_at(a));
    if (mixed) {
      const node_values upper = node_at(b) + p->u[k] * (node_at(b + V) - node_at(b));
      value += p->v[k] * (upper - value);
    }
    for (int i = 0; i < PCN_RELEASE_PARTS; i++) {
      p->water[i][k] = value[i];
      p->aluminium[i][k] = value[i + PCN_RELEASE_PARTS];
    }
  }
}

PCN_INLINE void release(int mixed, float per_gram, const pcn_release_line *line, const pcn_release_row *row,
                        size_t first, size_t n, const places *p) {
  const pcn_release_line l = *line;
  const float *restrict share = row->share + first;
  const float *restrict electrons = mixed ? row->electron_density + first : NULL;
  const float *restrict metal = mixed ? row->aluminium + first : NULL;
  float *restrict primary = row->release[0] + first, *restrict scatter = row->release[1] + first;
#pragma omp simd
  for (size_t k = 0; k < n; k++) {
    const float i = (float)(int32_t)(first + k), z = l.depth + i * l.depth_step;
    const float r = sqrtf(l.distance[0] + i * (l.distance[1] + i * l.distance[2]));
    const float fluence = l.fluence * share[k] * r / (z * z * z);
    if (mixed) {
      const float of_al = electrons[k] > 0 ? metal[k] / electrons[k] : 0, of_water = 1 - per_gram * of_al;
      primary[k] = fluence * (of_water * p->water[0][k] + of_al * p->aluminium[0][k]);
      scatter[k] = fluence * (of_water * p->water[1][k] + of_al * p->aluminium[1][k]);
    } else {
      primary[k] = fluence * p->water[0][k];
      scatter[k] = fluence * p->water[1][k];
    }
  }
}

PCN_INLINE size_t release_row(int mixed, const pcn_release_table *table, const pcn_release_line *line,
                              const pcn_release_row *row) {
  size_t outside = 0;
  places p;
  for (size_t first = 0; first < row->n; first += CHUNK) {
    const size_t count = row->n - first < CHUNK ? row->n - first : CHUNK;
    outside += find_places(mixed, table, row, first, count, &p);
    look_up(mixed, table, count, &p);
    release(mixed, table->aluminium_electrons, line, row, first, count, &p);
  }
  return outside;
}

size_t PCN_ISA_NAME(pcn_release_row)(const pcn_release_table *table, const pcn_release_line *line,
                                     const pcn_release_row *row) {
  return row->integral[1] != NULL ? release_row(1, table, line, row) : release_row(0, table, line, row);
}

// SPDX-License-Identifier: Apache-2.0
// In two steps: places in the table for many voxels at once, then one vector of four values per voxel.
#include "simd/tilt_row.h"

#include "simd/isa.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { CHUNK = 64, V = PCN_TILT_VALUES };

/// A node's values: one register where the processor has such (a GNU C vector, which gcc and clang know).
typedef float node_values __attribute__((vector_size(PCN_TILT_VALUES * sizeof(float))));

static inline __attribute__((always_inline)) node_values node_at(const float *value) {
  node_values out;
  memcpy(&out, value, sizeof out);
  return out;
}

/// Cells of the table and positions in them.
typedef struct places {
  int32_t node[CHUNK]; ///< index of the cell's first corner
  float u[CHUNK], v[CHUNK];
} places;

static inline __attribute__((always_inline)) void find_places(const pcn_tilt_table *table, const pcn_tilt_line *line,
                                                              size_t first, size_t n, places *out) {
  const float below_one = 0.9999999f; // keeps the last cell's index inside
  const float middle = (float)table->nodes, per_tangent = table->per_tangent;
  const float last_along = 2 * middle * below_one, last_across = middle * below_one;
  const int32_t wide = 2 * table->nodes + 1;
  const pcn_tilt_line l = *line;
#pragma omp simd
  for (size_t k = 0; k < n; k++) {
    const float i = (float)(int32_t)(first + k);
    const float inverse = per_tangent / (l.depth + i * l.depth_step);
    const float along = (l.along + i * l.along_step) * inverse + middle;
    const float across = fabsf((l.across + i * l.across_step) * inverse);
    const float positive = along > 0 ? along : 0;
    const float x = positive < last_along ? positive : last_along, y = across < last_across ? across : last_across;
    const int32_t ix = (int32_t)x, iy = (int32_t)y;
    out->node[k] = iy * wide + ix;
    out->u[k] = x - (float)ix;
    out->v[k] = y - (float)iy;
  }
}

void PCN_ISA_NAME(pcn_tilt_row)(const pcn_tilt_table *table, const pcn_tilt_line *line, size_t n,
                                float *const weight[3]) {
  const size_t across = (2 * (size_t)table->nodes + 1) * V;
  float *restrict primary = weight[PCN_TILT_PRIMARY], *restrict scatter = weight[PCN_TILT_SCATTER];
  float *restrict spread = weight[PCN_TILT_SPREAD];
  places p;
  for (size_t first = 0; first < n; first += CHUNK) {
    const size_t count = n - first < CHUNK ? n - first : CHUNK;
    find_places(table, line, first, count, &p);
    for (size_t k = 0; k < count; k++) {
      const float *a = table->value + (size_t)p.node[k] * V, *b = a + across;
      const float u = p.u[k], v = p.v[k];
      const node_values top = node_at(a) + u * (node_at(a + V) - node_at(a));
      const node_values bottom = node_at(b) + u * (node_at(b + V) - node_at(b));
      const node_values value = top + v * (bottom - top);
      primary[first + k] = value[PCN_TILT_PRIMARY];
      scatter[first + k] = value[PCN_TILT_SCATTER];
      spread[first + k] = value[PCN_TILT_SPREAD];
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// In two steps: places in the table for many voxels at once, then all terms of a voxel together.
#include "simd/pencil_weight.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "simd/isa.h"

enum { CHUNK = 64, V = PCN_PENCIL_VALUES };

typedef float values __attribute__((vector_size(V * sizeof(float))));

static inline __attribute__((always_inline)) values load(const float from[V]) {
  values out;
  memcpy(&out, from, sizeof out);
  return out;
}

/// Depths above voxels, and positions between them and the next.
typedef struct places {
  int32_t node[CHUNK];
  float share[CHUNK], scale[CHUNK];
} places;

// @return 1 when a voxel lies beyond the table
static inline __attribute__((always_inline)) int find_places(const pcn_pencil_depth_table *table,
                                                             const float *restrict depth_mm,
                                                             const float *restrict scale, size_t n,
                                                             places *out) {
  const int32_t last = table->count - 2;
  const float end = (float)(last + 1);
  int beyond = 0;
#pragma omp simd reduction(| : beyond)
  for (size_t i = 0; i < n; i++) {
    const float depth = depth_mm[i] < end ? depth_mm[i] : end;
    const int32_t d = (int32_t)depth, node = d < last ? d : last;
    out->node[i] = node;
    out->share[i] = depth - (float)node;
    out->scale[i] = scale[i];
    beyond |= depth_mm[i] > end;
  }
  return beyond;
}

void PCN_ISA_NAME(pcn_pencil_weight)(const pcn_pencil_depth_table *table, const float *depth_mm,
                                     const float *scale, size_t n, float *weight) {
  const size_t last = (size_t)(table->count - 1);
  const float end = (float)last, fall = table->value[last * V] / table->value[(last - 1) * V];
  places p;
  for (size_t first = 0; first < n; first += CHUNK) {
    const size_t count = n - first < CHUNK ? n - first : CHUNK;
    const float *at = depth_mm + first;
    if (find_places(table, at, scale + first, count, &p)) {
      for (size_t i = 0; i < count; i++) {
        p.scale[i] *= at[i] > end ? powf(fall, at[i] - end) : 1;
      }
    }
    for (size_t i = 0; i < count; i++) {
      const float *near = table->value + (size_t)p.node[i] * V;
      const values a = load(near), b = load(near + V), sum = p.scale[i] * (a + p.share[i] * (b - a));
      memcpy(weight + (first + i) * V, &sum, sizeof sum);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// In two steps: places in the table for many voxels at once, then a voxel at a time with its values and their
// changes as one vector, four such turned into a vector for each value.
#include "simd/tilt_row.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "simd/isa.h"

#define PCN_INLINE static inline __attribute__((always_inline))
enum { CHUNK = 64 };

/// A node's values, and values with their change: registers where the processor has such (GNU C vectors,
/// which gcc and clang know).
typedef float four __attribute__((vector_size(4 * sizeof(float))));
typedef float eight __attribute__((vector_size(8 * sizeof(float))));

/// Cells of the table and positions in them.
typedef struct places {
  int32_t node[CHUNK];  ///< where the cell's first corner is in the table
  float u[CHUNK], v[CHUNK];
} places;

PCN_INLINE void find_places(const pcn_tilt_table *table, const pcn_tilt_line *line, size_t first, size_t n,
                            places *out) {
  const float below_one = 0.9999999f;  // keeps the last cell's index inside
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
    const float x = positive < last_along ? positive : last_along,
                y = across < last_across ? across : last_across;
    const int32_t ix = (int32_t)x, iy = (int32_t)y;
    out->node[k] = PCN_TILT_NODE * (iy * wide + ix);
    out->u[k] = x - (float)ix;
    out->v[k] = y - (float)iy;
  }
}

PCN_INLINE four value_at(const float *table, const places *p, size_t k) {
  const float *node = table + p->node[k];
  eight low, high;
  memcpy(&low, node, sizeof low);
  memcpy(&high, node + PCN_TILT_ALONG, sizeof high);
  const eight at = low + p->u[k] * high;
  const four value = {at[0], at[1], at[2], at[3]}, across = {at[4], at[5], at[6], at[7]};
  return value + p->v[k] * across;
}

PCN_INLINE void store(float *to, float a, float b, float c, float d) {
  const four x = {a, b, c, d};
  memcpy(to, &x, sizeof x);
}

PCN_INLINE void read_places(const float *table, const places *p, size_t n, int spread,
                            float *const weight[3]) {
  for (size_t k = 0; k < n; k += 4) {
    const four a = value_at(table, p, k), b = value_at(table, p, k + 1);
    const four c = value_at(table, p, k + 2), d = value_at(table, p, k + 3);
    store(weight[PCN_TILT_PRIMARY] + k, a[PCN_TILT_PRIMARY], b[PCN_TILT_PRIMARY], c[PCN_TILT_PRIMARY],
          d[PCN_TILT_PRIMARY]);
    store(weight[PCN_TILT_SCATTER] + k, a[PCN_TILT_SCATTER], b[PCN_TILT_SCATTER], c[PCN_TILT_SCATTER],
          d[PCN_TILT_SCATTER]);
    if (spread) {
      store(weight[PCN_TILT_SPREAD] + k, a[PCN_TILT_SPREAD], b[PCN_TILT_SPREAD], c[PCN_TILT_SPREAD],
            d[PCN_TILT_SPREAD]);
    }
  }
}

void PCN_ISA_NAME(pcn_tilt_row)(const pcn_tilt_table *table, const pcn_tilt_line *line, size_t n,
                                float *const weight[3]) {
  const size_t fours = (n + 3) / 4 * 4;  // places beyond the last voxel are places all the same
  places p;
  for (size_t first = 0; first < fours; first += CHUNK) {
    const size_t count = fours - first < CHUNK ? fours - first : CHUNK;
    float *const to[3] = {weight[0] + first, weight[1] + first, weight[2] != NULL ? weight[2] + first : NULL};
    find_places(table, line, first, count, &p);
    if (to[PCN_TILT_SPREAD] != NULL) {
      read_places(table->value, &p, count, 1, to);
    } else {
      read_places(table->value, &p, count, 0, to);
    }
  }
}

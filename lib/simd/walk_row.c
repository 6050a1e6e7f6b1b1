// SPDX-License-Identifier: Apache-2.0
// In three steps over all planes: depths of all rays; their values in the table, four rays at a time and then
// turned, which is faster than to gather them; then the moments, in double as they are sums over the way.
#include "simd/walk_row.h"

#include <string.h>

#include "simd/isa.h"

#define PCN_INLINE static inline __attribute__((always_inline))

enum { LANES = PCN_WALK_LANES, PLANES = PCN_WALK_PLANES, VALUES = sizeof(pcn_walk_values) / sizeof(float) };
enum { FOUR = 4 };

typedef float quad __attribute__((vector_size(FOUR * sizeof(float))));

PCN_INLINE quad load(const float *from) {
  quad out;
  memcpy(&out, from, sizeof out);
  return out;
}

// Rows of four become columns, LANES apart.
PCN_INLINE void turn(const quad row[FOUR], float *out) {
  const quad a = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
  const quad b = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
  const quad c = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
  const quad d = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
  const quad column[FOUR] = {
      __builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(a, b, 2, 3, 6, 7),
      __builtin_shufflevector(c, d, 0, 1, 4, 5), __builtin_shufflevector(c, d, 2, 3, 6, 7)};
  for (int i = 0; i < FOUR; i++) {
    memcpy(out + i * LANES, &column[i], sizeof column[i]);
  }
}

// Faces 0 to planes, [face][ray].
PCN_INLINE void turn_faces(const float *const *ray, int planes, float (*out)[LANES]) {
  int face = 0;
  for (; face + FOUR <= planes + 1; face += FOUR) {
    for (int r = 0; r < LANES; r += FOUR) {
      const quad row[FOUR] = {load(ray[r] + face), load(ray[r + 1] + face), load(ray[r + 2] + face),
                              load(ray[r + 3] + face)};
      turn(row, &out[face][r]);
    }
  }
  for (; face <= planes; face++) {
    for (int r = 0; r < LANES; r++) {
      out[face][r] = ray[r][face];
    }
  }
}

/// Where the rays are in the table, and the ratio of their scattering to water's.
typedef struct places {
  int32_t index[PLANES][LANES];
  float u[PLANES][LANES], ratio[PLANES][LANES];
} places;

PCN_INLINE void find_places(const pcn_walk_table *table, const pcn_walk_rays *rays, int planes, places *out) {
  float water[PLANES + 1][LANES], scatter[PLANES + 1][LANES];
  const double before = table->before_mm, per_step = table->per_step, last = (double)(table->count - 1);
  const double range = table->range_mm;
  const float per_plane = (float)(1 / table->plane_mm);
  turn_faces(rays->water, planes, water);
  turn_faces(rays->scatter, planes, scatter);
  for (int k = 0; k < planes; k++) {
#pragma omp simd
    for (int r = 0; r < LANES; r++) {
      const double depth = before + 0.5 * (double)(water[k][r] + water[k + 1][r]), at = depth * per_step;
      const double positive = at > 0 ? at : 0, inside = positive < last ? positive : last;
      const int32_t i = (int32_t)inside;
      out->index[k][r] = i;
      out->u[k][r] = (float)(inside - (double)i);
      const float ratio = (scatter[k + 1][r] - scatter[k][r]) * per_plane;
      out->ratio[k][r] = depth < range ? ratio : 0;
    }
  }
}

PCN_INLINE void look_up(const pcn_walk_depth *depth, const int32_t *index, const float *u,
                        float (*out)[LANES]) {
  for (int r = 0; r < LANES; r += FOUR) {
    for (int v = 0; v < VALUES; v += FOUR) {
      quad row[FOUR];
      for (int q = 0; q < FOUR; q++) {
        const pcn_walk_depth *at = &depth[index[r + q]];
        row[q] = load(&at->here.core + v) + u[r + q] * load(&at->change.core + v);
      }
      turn(row, &out[v][r]);
    }
  }
}

void PCN_ISA_NAME(pcn_walk_row)(const pcn_walk_table *table, const pcn_walk_rays *rays, const double *own,
                                int planes, pcn_walk_moments *moments, pcn_walk_plane *out) {
  enum { CORE, WIDE, SHARE = WIDE + PCN_WALK_WIDE, POWER = SHARE + PCN_WALK_WIDE, EXCESS, EXTRA };
  const double half = 0.5 * table->plane_mm, sixth = half / 3, quarter = 0.5 * half;
  places p;
  float value[PLANES][VALUES][LANES];
  pcn_walk_moments m = *moments;
  find_places(table, rays, planes, &p);
  for (int k = 0; k < planes; k++) {
    look_up(table->depth, p.index[k], p.u[k], value[k]);
  }
  for (int k = 0; k < planes; k++) {
    float(*v)[LANES] = value[k];
    const float alone = (float)own[k];
    pcn_walk_plane *to = &out[k];
#pragma omp simd
    for (int r = 0; r < LANES; r++) {  // to the middle of the plane, then to its far face
      const double power = (double)(v[POWER][r] * p.ratio[k][r]), halfway = m.angle[r] + half * power;
      const double place = m.place[r] + half * (2 * m.mixed[r] + half * (m.angle[r] + sixth * power));
      const double mixed = m.mixed[r] + half * (m.angle[r] + quarter * power);
      m.place[r] = place + half * (2 * mixed + half * (halfway + sixth * power));
      m.mixed[r] = mixed + half * (halfway + quarter * power);
      m.angle[r] = halfway + half * power;
      const float scattered = (float)place * v[EXCESS][r] + v[EXTRA][r], core = scattered > 0 ? scattered : 0;
      const float stretch = v[CORE][r] > 1e-4f ? core / v[CORE][r] : 1, first = alone + core;
      to->variance[0][r] = first;
      to->variance[1][r] = first + v[WIDE][r] * stretch;
      to->variance[2][r] = first + v[WIDE + 1][r] * stretch;
      to->share[0][r] = v[SHARE][r];
      to->share[1][r] = v[SHARE + 1][r];
    }
  }
  *moments = m;
}

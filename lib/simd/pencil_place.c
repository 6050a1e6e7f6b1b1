// SPDX-License-Identifier: Apache-2.0
#include "simd/pencil_place.h"

#include <math.h>
#include <stdint.h>

#include "simd/isa.h"

int PCN_ISA_NAME(pcn_pencil_place)(const pcn_pencil_line *line, size_t n, const pcn_pencil_places *out) {
  const pcn_pencil_line l = *line;
  const int32_t whole = (int32_t)((n + PCN_PENCIL_LANES - 1) / PCN_PENCIL_LANES * PCN_PENCIL_LANES);
  const float least = 1, per_sad = 1 / l.sad_mm, per_square = per_sad * per_sad;
  float *restrict to_x = out->x, *restrict to_y = out->y, *restrict to_plane = out->plane,
                  *restrict to_strength = out->strength;
  int reached = 0;
#pragma omp simd reduction(+ : reached)
  for (int32_t k = 0; k < whole; k++) {
    const float i = (float)k, z = l.at_mm[2] + i * l.step_mm[2];
    const float scale = l.sad_mm / (z > least ? z : least);  // finite also at the source
    const float x = (l.at_mm[0] + i * l.step_mm[0]) * scale, y = (l.at_mm[1] + i * l.step_mm[1]) * scale;
    const int inside = (z > 0) & (x > l.x_mm[0]) & (x < l.x_mm[1]) & (y > l.y_mm[0]) & (y < l.y_mm[1]);
    const float plane = (z * per_sad - l.first_plane) * l.per_plane, low = plane > 0 ? plane : 0;
    const float strength = scale * scale * sqrtf(1 + (x * x + y * y) * per_square);
    to_x[k] = inside ? x : 0;
    to_y[k] = inside ? y : 0;
    to_plane[k] = inside ? (low < l.last_plane ? low : l.last_plane) : 0;
    to_strength[k] = inside ? strength : 0;
    reached += inside;
  }
  return reached;
}

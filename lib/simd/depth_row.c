// SPDX-License-Identifier: Apache-2.0
// In two steps: places among the rays for many points at once, then the four rays around each.
#include "simd/depth_row.h"

#include "simd/isa.h"

enum { CHUNK = 64, LANES = 16 }; // the first step takes whole vectors, of up to so many lanes

#define PCN_INLINE static inline __attribute__((always_inline))

/// Cells between rays and positions in them.
typedef struct places {
  int32_t along[CHUNK], across[CHUNK]; ///< the cell's first ray
  float u[CHUNK], v[CHUNK];
} places;

PCN_INLINE void find_places(const pcn_depth_rays *rays, const pcn_depth_line *line, size_t first, size_t n,
                            places *out) {
  const float below_one = 0.9999999f; // keeps the last cell's index inside
  const float last_along = (float)(rays->along - 1) * below_one, last_across = (float)(rays->across - 1) * below_one;
  const pcn_depth_line l = *line;
#pragma omp simd
  for (size_t k = 0; k < n; k++) {
    const float i = (float)(int32_t)(first + k);
    const float inverse = 1.0f / (l.depth + i * l.depth_step);
    const float along = (l.along + i * l.along_step) * inverse, across = (l.across + i * l.across_step) * inverse;
    const float right = along > 0 ? along : 0, up = across > 0 ? across : 0;
    const float x = right < last_along ? right : last_along, y = up < last_across ? up : last_across;
    const int32_t ix = (int32_t)x, iy = (int32_t)y;
    out->along[k] = ix;
    out->across[k] = iy;
    out->u[k] = x - (float)ix;
    out->v[k] = y - (float)iy;
  }
}

// values, known when this is compiled: 1 or 2.
PCN_INLINE void interpolate(int values, const pcn_depth_rays *rays, const pcn_depth_line *line, size_t n,
                            float *const out[2]) {
  places p;
  for (size_t first = 0; first < n; first += CHUNK) {
    const size_t count = n - first < CHUNK ? n - first : CHUNK;
    find_places(rays, line, first, (count + LANES - 1) / LANES * LANES, &p);
    const float *plane = rays->integral + (ptrdiff_t)first * line->plane_step;
    for (size_t k = 0; k < count; k++, plane += line->plane_step) {
      const float *a = plane + p.across[k] * rays->across_step + (ptrdiff_t)p.along[k] * values, *b = a + rays->across_step;
      const float u = p.u[k], v = p.v[k];
      for (int i = 0; i < values; i++) {
        const float top = a[i] + u * (a[i + values] - a[i]), bottom = b[i] + u * (b[i + values] - b[i]);
        out[i][first + k] = top + v * (bottom - top);
      }
    }
  }
}

void PCN_ISA_NAME(pcn_depth_row)(const pcn_depth_rays *rays, const pcn_depth_line *line, size_t n,
                                 float *const out[2]) {
  if (rays->values == 1) {
    interpolate(1, rays, line, n, out);
  } else {
    interpolate(2, rays, line, n, out);
  }
}

// SPDX-License-Identifier: Apache-2.0
// In two steps: the places of many points at once, then the eight cells around each. Places are in double, so
// that they do not depend on where the volume begins.
#include "simd/volume_row.h"

#include <string.h>

#include "simd/isa.h"

enum { LANES = 16 };

/// Cells below the points and positions in them.
typedef struct places {
  int32_t cell[LANES];
  float u[3][LANES];
} places;

static inline __attribute__((always_inline)) void find_places(const pcn_volume *volume,
                                                              const pcn_volume_line *line, size_t first,
                                                              places *out) {
  for (int i = 0; i < LANES; i++) {
    out->cell[i] = 0;
  }
  for (int a = 0; a < 3; a++) {
    const double at = line->at[a] + (double)first * line->step[a], step = line->step[a];
    const double last = (double)(volume->size[a] - 1), lower = volume->size[a] > 1 ? last - 1 : 0;
    const int32_t way = volume->step[a];
    float *restrict u = out->u[a];
    int32_t *restrict cell = out->cell;
#pragma omp simd
    for (int i = 0; i < LANES; i++) {
      const double p = at + (double)i * step, positive = p > 0 ? p : 0,
                   inside = positive < last ? positive : last;
      const int32_t c = (int32_t)(inside < lower ? inside : lower);
      u[i] = (float)(inside - (double)c);
      cell[i] += c * way;
    }
  }
}

// Whole vectors: points behind the last are as good as any.
void PCN_ISA_NAME(pcn_volume_row)(const pcn_volume *volume, const pcn_volume_line *line, size_t first,
                                  size_t n, float *out) {
  const float *restrict value = volume->value;
  const int32_t dx = volume->size[0] > 1 ? volume->step[0] : 0,
                dy = volume->size[1] > 1 ? volume->step[1] : 0;
  const int32_t dz = volume->size[2] > 1 ? volume->step[2] : 0;
  places p;
  float found[LANES];
  for (size_t done = 0; done < n; done += LANES) {
    find_places(volume, line, first + done, &p);
#pragma omp simd
    for (int i = 0; i < LANES; i++) {
      const int32_t c = p.cell[i];
      const float u = p.u[0][i], v = p.u[1][i], w = p.u[2][i];
      const float a = value[c] + u * (value[c + dx] - value[c]);
      const float b = value[c + dy] + u * (value[c + dy + dx] - value[c + dy]);
      const float d = value[c + dz] + u * (value[c + dz + dx] - value[c + dz]);
      const float e = value[c + dz + dy] + u * (value[c + dz + dy + dx] - value[c + dz + dy]);
      const float near = a + v * (b - a), far = d + v * (e - d);
      found[i] = near + w * (far - near);
    }
    memcpy(out + done, found, (n - done < LANES ? n - done : LANES) * sizeof *out);
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "simd/share_row.h"

#include <string.h>

#include "simd/isa.h"

#define PCN_INLINE static inline __attribute__((always_inline))

enum { LANES = PCN_SHARE_LANES, CHUNK = 8 * LANES };

// Integral of the normal distribution from 0 to u, |u| <= 6: erf(x) / 2 = x P(x^2) / Q(x^2), x = u / sqrt(2),
// fitted for this file by least squares with weights that level the error, 5e-8 at most before rounding.
PCN_INLINE float integral(float u) {
  const float x = 0.707106781f * u, s = x * x;
  float p = 1.81412031e-06f, q = 3.62007304e-05f;
  p = p * s + 0.000295652018f;
  q = q * s + 0.00134020101f;
  p = p * s + 0.0045526172f;
  q = q * s + 0.0165536292f;
  p = p * s + 0.0551626757f;
  q = q * s + 0.121966399f;
  p = p * s + 0.209721506f;
  q = q * s + 0.519189537f;
  p = p * s + 1.12837875f;
  q = q * s + 1.0f;
  return 0.5f * x * p / q;
}

/// Cells of a line in whole groups, around those that the Gaussian reaches; and where the edge before cell
/// `near` lies, the one nearest to the Gaussian's place: from there, places are good in singles.
typedef struct reached {
  int32_t first, last, near;
  float edge;
} reached;

PCN_INLINE int32_t within(double x, int32_t most) {
  return (int32_t)(x > 0 ? (x < (double)most ? x : (double)most) : 0);
}

PCN_INLINE reached find_reached(const pcn_share_lines *l, int32_t line) {
  const double edge = l->edge - l->apart * (double)line, per_step = 1 / l->step, cut = (double)l->cut;
  const int32_t low = within((-cut - edge) * per_step, l->cells),
                high = within((cut - edge) * per_step + 1, l->cells);
  const int32_t near = within(0.5 - edge * per_step, l->cells);
  const reached out = {low / LANES * LANES, (high + LANES - 1) / LANES * LANES, near,
                       (float)(edge + l->step * (double)near)};
  return out;
}

void PCN_ISA_NAME(pcn_share_row)(const pcn_share_lines *lines, float *out) {
  const pcn_share_lines l = *lines;
  const float step = (float)l.step;
  float below[CHUNK + LANES];
  for (int32_t line = 0; line < l.lines; line++) {
    const reached r = find_reached(&l, line);
    float *to = out + line * l.stride;
    memset(to, 0, (size_t)r.first * sizeof *to);
    for (int32_t first = r.first; first < r.last; first += CHUNK) {
      const int32_t count = r.last - first < CHUNK ? r.last - first : CHUNK, from = first - r.near;
#pragma omp simd
      for (int32_t i = 0; i < count + LANES; i++) {
        const float u = r.edge + (float)(from + i) * step, low = u > -l.cut ? u : -l.cut;
        below[i] = integral(low < l.cut ? low : l.cut);
      }
      float *restrict part = to + first;
#pragma omp simd
      for (int32_t i = 0; i < count; i++) {
        part[i] = l.scale * (below[i + 1] - below[i]);
      }
    }
    const int32_t end = r.last < l.cells ? r.last : l.cells;
    memset(to + end, 0, (size_t)(l.stride - end) * sizeof *to);
  }
}

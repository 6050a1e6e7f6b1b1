// SPDX-License-Identifier: Apache-2.0
// Without logarithms of the C library and without a table of powers: a Gaussian's place between two classes
// is a small logarithm, whose exponential is a short series.
#include "simd/sort_row.h"

#include <math.h>
#include <string.h>

#include "simd/isa.h"

#define PCN_INLINE static inline __attribute__((always_inline))

enum { LANES = PCN_WALK_LANES, PARTS = PCN_WALK_PARTS, NODES = PCN_SORT_NODES };

// Natural logarithm of a normal number above 0, to 2e-7 of it or of 1, whichever is larger: from the series
// in z = (m - 1) / (m + 1) with m from sqrt(1/2) to sqrt(2), the next term of which is 3e-8.
PCN_INLINE float log_of(float x) {
  const int32_t root_half = 0x3f3504f3;
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const int32_t power = (bits - root_half) >> 23;
  bits -= power * (1 << 23);
  float m;
  memcpy(&m, &bits, sizeof m);
  const float z = (m - 1) / (m + 1), s = z * z;
  return (float)power * 0.693147181f + 2 * z * (1 + s * (1 / 3.0f + s * (1 / 5.0f + s * (1 / 7.0f))));
}

// e^y - 1 for |y| up to 0.41: what is left out is 4e-7 there, 3e-9 at half of it.
PCN_INLINE float rise_of(float y) {
  return y * (1 + y * (1 / 2.0f + y * (1 / 6.0f + y * (1 / 24.0f + y * (1 / 120.0f + y * (1 / 720.0f))))));
}

/// A row of Gaussians of one part.
typedef struct line {
  const float *variance, *share;
  float per_anchor, q, log_q, most;
} line;

// The parabola of eq. 5a, in s - 1, s - 1/q and s - q, with s the variance over that of the nearest class.
PCN_INLINE void share_out(const line *l, int8_t *restrict sort, float *restrict below, float *restrict in,
                          float *restrict above) {
  const float same = 1e-5f, q = l->q, log_q = l->log_q, per_log = 1 / log_q, low = 1 / q, most = l->most;
  const float to_below = 1 / ((low - 1) * (low - q)), to_in = 1 / ((1 - low) * (1 - q)),
              to_above = 1 / ((q - low) * (q - 1));
  const float to_whole = 12582912;  // 1.5 * 2^23: sums with it are whole numbers
  int32_t class[LANES];             // compilers take short vectors where one of the types is a byte
#pragma omp simd
  for (int r = 0; r < LANES; r++) {
    const float ratio = l->variance[r] * l->per_anchor, share = l->share[r], log = log_of(ratio);
    const float place = log * per_log, least = place > -most ? place : -most;
    const float held = least < most ? least : most;
    const float nearest = held + to_whole - to_whole, left = log - nearest * log_q;
    const float inside = left > -log_q ? left : -log_q;
    const float rise = rise_of(inside < log_q ? inside : log_q);
    const float over_low = rise + (1 - low), over_q = rise + (1 - q);
    const float shared = fabsf(ratio - 1) < same ? 0 : share;
    class[r] = (int32_t)nearest;
    below[r] = shared * rise * over_q * to_below;
    in[r] = share - shared + shared * over_low * over_q * to_in;
    above[r] = shared * over_low * rise * to_above;
  }
  for (int r = 0; r < LANES; r++) {
    sort[r] = (int8_t) class[r];
  }
}

PCN_INLINE int mix_of(const line *l) {
  const float same = 1e-5f, first = l->share[0];
  int apart = 0, others = 0;
#pragma omp simd reduction(+ : apart, others)
  for (int r = 0; r < LANES; r++) {
    apart += !(fabsf(l->variance[r] * l->per_anchor - 1) < same);
    others += l->share[r] != first;
  }
  return apart > 0 ? PCN_SORT_SEVERAL : others > 0 ? PCN_SORT_ONE : PCN_SORT_ALIKE;
}

void PCN_ISA_NAME(pcn_sort_row)(const pcn_sort_classes *classes, const double *anchor,
                                const pcn_walk_plane *plane, int planes, const pcn_sort_rows *out) {
  for (int k = 0; k < planes; k++) {
    float core[LANES];
    for (int r = 0; r < LANES; r++) {
      core[r] = 1 - plane[k].share[0][r] - plane[k].share[1][r];
    }
    for (int part = 0; part < PARTS; part++) {
      const int row = k * PARTS + part;
      const line l = {plane[k].variance[part],  part == 0 ? core : plane[k].share[part - 1],
                      (float)(1 / anchor[row]), classes->ratio[part],
                      classes->log[part],       (float)(classes->most - 1)};
      float *node = out->node + row * NODES * out->rays;
      const int mix = mix_of(&l);
      out->mix[row] = (uint8_t)mix;
      if (mix == PCN_SORT_SEVERAL) {
        share_out(&l, out->sort + row * out->rays, node, node + out->rays, node + 2 * out->rays);
      } else {
        memcpy(node + out->rays, l.share, LANES * sizeof *node);
      }
    }
  }
}

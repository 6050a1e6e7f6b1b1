// SPDX-License-Identifier: Apache-2.0
// Plain C that compilers vectorise: no branch, no call, unit stride. Compiled once per instruction set,
// which gives the functions their suffix (isa.h).
#include "simd/cone_row.h"

#include <stdint.h>
#include <string.h>

#include "simd/isa.h"

#define PCN_INLINE static inline __attribute__((always_inline))
enum { B = PCN_CONE_BLOCK };

// e = exp(-x) and lost = 1 - e for x > 0, both to 7e-7: 2^t = 2^i (1 + f r(f)), f in [-1/2, 1/2], minimax
// r. While i = 0, lost = -f r(f) has no cancellation, so thin voxels need no branch.
PCN_INLINE void decay(float x, float *e, float *lost) {
  const float t = -1.44269504f * (x < 80.0f ? x : 80.0f);
  const int32_t i = (int32_t)(t - 0.5f);  // t <= 0: truncation rounds to nearest
  const float f = t - (float)i;
  float r = 1.326472537e-03f;
  r = r * f + 9.671512774e-03f;
  r = r * f + 5.550733749e-02f;
  r = r * f + 2.402224208e-01f;
  r = r * f + 6.931469776e-01f;
  const int32_t bits = (i + 127) * (1 << 23);
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  const float part = scale * (f * r);
  *e = scale + part;
  *lost = (1.0f - scale) - part;
}

// The same in a thin voxel, x below PCN_CONE_THIN: e, and mean = (1 - e) / x to 2e-7 by its series.
PCN_INLINE void decay_thin(float x, float *e, float *mean) {
  *mean = 1.0f - x * (1.0f / 2 - x * (1.0f / 6 - x * (1.0f / 24 - x * (1.0f / 120))));
  *e = 1.0f - x * *mean;
}

// Hides a count from the compiler, which would unroll a short loop instead of vectorising it.
PCN_INLINE size_t opaque(size_t n) {
  __asm__("" : "+r"(n));
  return n;
}

/// The terms in one voxel: what is left of a state, and the mean over the voxel.
typedef struct terms {
  float left[PCN_EXPONENTIALS], mean[PCN_EXPONENTIALS];
} terms;

// thin, known when this is compiled: the last terms that are thin.
PCN_INLINE terms terms_of(int thin, const pcn_cone_step *c, float density) {
  const float p = density + 1e-12f, q = 1.0f / p;  // vacuum counts as very thin: no division by 0
  terms t;
  float lost;
  decay(c->attenuation[0] * p, &t.left[0], &lost);
  t.mean[0] = lost * (q * c->inverse[0]);
  t.left[1] = t.left[0] * t.left[0];
  t.mean[1] = t.mean[0] * (0.5f + 0.5f * t.left[0]);
  t.left[2] = t.left[1] * t.left[1];
  t.mean[2] = t.mean[1] * (0.5f + 0.5f * t.left[1]);
  for (int k = PCN_PRIMARY_EXPONENTIALS; k < PCN_EXPONENTIALS; k++) {
    if (k >= PCN_EXPONENTIALS - thin) {
      decay_thin(c->attenuation[k] * p, &t.left[k], &t.mean[k]);
    } else {
      decay(c->attenuation[k] * p, &t.left[k], &lost);
      t.mean[k] = lost * (q * c->inverse[k]);
    }
  }
  return t;
}

// Voxels first to last - 1 of a row, which release energy. mixed, known when this is compiled: there is a
// third release.
PCN_INLINE void source_blocks(int mixed, int thin, const pcn_cone_step *c, const pcn_cone_row *row) {
  const size_t first = row->first, n = opaque((row->last - first) / B * B);
  const float *restrict rho = row->electron_density + first;
  const float *restrict primary = row->release[0], *restrict scatter = row->release[1];
  const float *restrict spread = row->release[2], *restrict weight_p = row->weight[0];
  const float *restrict weight_s = row->weight[1], *restrict weight_d = row->weight[2];
  float *restrict s0 = row->state[0] + first, *restrict s1 = row->state[1] + first;
  float *restrict s2 = row->state[2] + first, *restrict s3 = row->state[3] + first,
                  *restrict s4 = row->state[4] + first;
  float *restrict dose = row->dose + first;
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    float tp = primary[i] * weight_p[i];
    if (mixed) {
      tp += spread[i] * weight_d[i];
    }
    const float ts = scatter[i] * weight_s[i];
    const float t0 = c->share[0] * tp, t1 = c->share[1] * tp, t2 = c->share[2] * tp;
    const float t3 = c->share[3] * ts, t4 = c->share[4] * ts;
    const float u0 = s0[i] - t0, u1 = s1[i] - t1, u2 = s2[i] - t2, u3 = s3[i] - t3, u4 = s4[i] - t4;
    const terms k = terms_of(thin, c, rho[i]);
    dose[i] += ((t0 + k.mean[0] * u0) + (t1 + k.mean[1] * u1)) + (t2 + k.mean[2] * u2) +
               ((t3 + k.mean[3] * u3) + (t4 + k.mean[4] * u4));
    s0[i] = t0 + k.left[0] * u0;
    s1[i] = t1 + k.left[1] * u1;
    s2[i] = t2 + k.left[2] * u2;
    s3[i] = t3 + k.left[3] * u3;
    s4[i] = t4 + k.left[4] * u4;
  }
}

// Voxels first to last - 1, which do not.
PCN_INLINE void transport_blocks(int thin, const pcn_cone_step *c, const pcn_cone_row *row, size_t first,
                                 size_t last) {
  const size_t n = opaque((last - first) / B * B);
  const float *restrict rho = row->electron_density + first;
  float *restrict s0 = row->state[0] + first, *restrict s1 = row->state[1] + first;
  float *restrict s2 = row->state[2] + first, *restrict s3 = row->state[3] + first,
                  *restrict s4 = row->state[4] + first;
  float *restrict dose = row->dose + first;
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    const terms k = terms_of(thin, c, rho[i]);
    dose[i] +=
        (k.mean[0] * s0[i] + k.mean[1] * s1[i]) + k.mean[2] * s2[i] + (k.mean[3] * s3[i] + k.mean[4] * s4[i]);
    s0[i] *= k.left[0];
    s1[i] *= k.left[1];
    s2[i] *= k.left[2];
    s3[i] *= k.left[3];
    s4[i] *= k.left[4];
  }
}

PCN_INLINE void whole_row(int mixed, int thin, const pcn_cone_step *step, const pcn_cone_row *row) {
  const pcn_cone_step c = *step;
  transport_blocks(thin, &c, row, 0, row->first);
  source_blocks(mixed, thin, &c, row);
  transport_blocks(thin, &c, row, row->last, row->n);
}

void PCN_ISA_NAME(pcn_cone_row)(const pcn_cone_step *step, const pcn_cone_row *row) {
  const int mixed = row->release[2] != NULL;
  if (step->thin >= 2) {
    mixed ? whole_row(1, 2, step, row) : whole_row(0, 2, step, row);
  } else if (step->thin == 1) {
    mixed ? whole_row(1, 1, step, row) : whole_row(0, 1, step, row);
  } else {
    mixed ? whole_row(1, 0, step, row) : whole_row(0, 0, step, row);
  }
}

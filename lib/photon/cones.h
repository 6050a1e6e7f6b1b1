// SPDX-License-Identifier: Apache-2.0
// The directions of the collapsed cone: polar bands, their exponentials, and the energy that a voxel
// sends into each when its kernel is tilted along its own ray.
#ifndef PCN_CONES_H
#define PCN_CONES_H

#include "photon/kernel.h"
#include "simd/cone_row.h"

enum { PCN_BANDS_MAX = 64 };

/// A polar band of the kernel around the beam's axis, cut into equal azimuths.
typedef struct pcn_band {
  double cosine_near, cosine_far; ///< of its edges; near the beam's direction first
  double cosine;                  ///< of its lines: the band's energy-weighted mean
  int azimuths;
  double first_azimuth;                     ///< radians; staggered from band to band
  double share[PCN_EXPONENTIALS];           ///< of the band's energy per part
  double attenuation[PCN_EXPONENTIALS];     ///< cm2/g
  double energy[PCN_PARTS];                 ///< share of the part's energy in the band, untilted
  double fit_rms[PCN_PARTS];
} pcn_band;

/// Energy into a cone against the tilt of the kernel: table over the tangent of the tilt towards the cone's
/// own azimuth and across it.
typedef struct pcn_cones {
  int bands, directions;
  pcn_band band[PCN_BANDS_MAX];
  int nodes;          ///< along: 2 nodes + 1 values; across: nodes + 1
  double node_step;   ///< tangent between nodes
  float *table;       ///< [band][across][along][part]
  float *spread;      ///< [band][across][along]: what aluminium's electron scattering changes in the primary
} pcn_cones;

/// @param directions  wanted number; the nearest possible one is used
/// @param largest_tilt  tangent of the largest angle between a ray and the beam's axis
/// @param[out] out  freed by pcn_cones_free()
pencone_status pcn_cones_make(pencone_context *ctx, const pcn_kernel *kernel, int directions, double largest_tilt,
                              pcn_cones *out);
void pcn_cones_free(pcn_cones *cones);

/// Place in the tables of a tilt: along the cone's azimuth and across.
typedef struct pcn_tilt {
  size_t node, row; ///< of the cell's first corner; from row to row
  float share[4];   ///< of the four corners
} pcn_tilt;

static inline pcn_tilt pcn_cones_tilt(const pcn_cones *c, int band, double along, double across) {
  const int wide = 2 * c->nodes + 1;
  double x = along / c->node_step + c->nodes, y = (across < 0 ? -across : across) / c->node_step;
  x = x < 0 ? 0 : (x > 2 * c->nodes - 1e-6 ? 2 * c->nodes - 1e-6 : x);
  y = y > c->nodes - 1e-6 ? c->nodes - 1e-6 : y;
  const int i = (int)x, j = (int)y;
  const float u = (float)(x - i), v = (float)(y - j);
  const pcn_tilt t = {((size_t)band * (size_t)(c->nodes + 1) + (size_t)j) * (size_t)wide + (size_t)i,
                      (size_t)wide,
                      {(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v}};
  return t;
}

/// Shares of the parts' energy for a cone at a tilt.
static inline void pcn_cones_weight_at(const pcn_cones *c, const pcn_tilt *t, float weight[PCN_PARTS]) {
  const float *a = c->table + t->node * PCN_PARTS, *b = a + t->row * PCN_PARTS;
  for (int k = 0; k < PCN_PARTS; k++) {
    weight[k] = t->share[0] * a[k] + t->share[1] * a[k + PCN_PARTS] + t->share[2] * b[k] + t->share[3] * b[k + PCN_PARTS];
  }
}

/// What the spread of aluminium changes in the primary's share.
static inline float pcn_cones_spread_at(const pcn_cones *c, const pcn_tilt *t) {
  const float *a = c->spread + t->node, *b = a + t->row;
  return t->share[0] * a[0] + t->share[1] * a[1] + t->share[2] * b[0] + t->share[3] * b[1];
}

static inline void pcn_cones_weight(const pcn_cones *c, int band, double along, double across,
                                    float weight[PCN_PARTS]) {
  const pcn_tilt tilt = pcn_cones_tilt(c, band, along, across);
  pcn_cones_weight_at(c, &tilt, weight);
}

/// Azimuth of the i-th direction of a band, radians.
static inline double pcn_band_azimuth(const pcn_band *band, int i) {
  return band->first_azimuth + i * (6.283185307179586 / band->azimuths);
}

#endif

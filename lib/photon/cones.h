// SPDX-License-Identifier: Apache-2.0
// The directions of the collapsed cone: polar bands, their exponentials, and the energy that a voxel
// sends into each when its kernel is tilted along its own ray.
#ifndef PCN_CONES_H
#define PCN_CONES_H

#include "photon/kernel.h"
#include "simd/cone_row.h"
#include "simd/tilt_row.h"

enum { PCN_BANDS_MAX = 64 };

/// A polar band of the kernel around the beam's axis, cut into equal azimuths.
typedef struct pcn_band {
  double cosine_near, cosine_far;  ///< of its edges; near the beam's direction first
  double cosine;                   ///< of its lines: the band's energy-weighted mean
  int azimuths;
  double first_azimuth;                  ///< radians; staggered from band to band
  double share[PCN_EXPONENTIALS];        ///< of the band's energy per part
  double attenuation[PCN_EXPONENTIALS];  ///< cm2/g
  double energy[PCN_PARTS];              ///< share of the part's energy in the band, untilted
  double fit_rms[PCN_PARTS];
} pcn_band;

/// Energy into a cone against the tilt of the kernel: table over the tangent of the tilt towards the cone's
/// own azimuth and across it.
typedef struct pcn_cones {
  int bands, directions;
  pcn_band band[PCN_BANDS_MAX];
  int nodes;         ///< along: 2 nodes + 1 values; across: nodes + 1
  double node_step;  ///< tangent between nodes
  float *table;      ///< [band][across][along][PCN_TILT_NODE]
} pcn_cones;

/// @param directions  wanted number; the nearest possible one is used
/// @param largest_tilt  tangent of the largest angle between a ray and the beam's axis
/// @param[out] out  freed by pcn_cones_free()
pencone_status pcn_cones_make(pencone_context *ctx, const pcn_kernel *kernel, int directions,
                              double largest_tilt, pcn_cones *out);
void pcn_cones_free(pcn_cones *cones);

/// Fills in the changes from node to node of a table that has its values; beyond the last node there is none.
void pcn_cones_fill_changes(pcn_cones *cones);

/// The table of one band, for pcn_tilt_row loops.
pcn_tilt_table pcn_cones_table(const pcn_cones *cones, int band);

/// Shares of the parts' energy for a cone, at a tilt: along the cone's azimuth and across.
void pcn_cones_weight(const pcn_cones *cones, int band, double along, double across, float weight[PCN_PARTS]);

/// Azimuth of the i-th direction of a band, radians.
static inline double pcn_band_azimuth(const pcn_band *band, int i) {
  return band->first_azimuth + i * (6.283185307179586 / band->azimuths);
}

#endif

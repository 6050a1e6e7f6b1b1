// SPDX-License-Identifier: Apache-2.0
// TERMA: energy that photons release, per unit of electron density, ready for superposition.
#ifndef PCN_TERMA_H
#define PCN_TERMA_H

#include "beam/aperture.h"
#include "matter/medium.h"
#include "photon/quality.h"

/// Released energy on the medium's grid in MeV/g of water-like electrons (Gy after
/// PCN_GY_PER_MEV_G), split by what it feeds: voxel means, field edges included.
typedef struct pcn_terma {
  float *part[PCN_PARTS];
  int64_t low[3], high[3];  ///< box of the voxels that are not 0: low <= i < high; empty when high <= low
} pcn_terma;

/// How radiological depths are found: by a lattice of rays shared by the voxels (geom/depth.h), or by every
/// voxel's own ray.
typedef enum pcn_depth_way { PCN_DEPTH_LATTICE = 0, PCN_DEPTH_EXACT = 1 } pcn_depth_way;

/// Released energy of one beam, whose control points, if any, share its gantry and couch angles.
/// @param progress  where it starts and its span. @param[out] out arrays of the caller, one float per voxel
/// @return PENCONE_OK, E_MEMORY, E_CANCELLED.
pencone_status pcn_terma_fill(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                              const pcn_quality *quality, pcn_depth_way way, const double progress[2],
                              pcn_terma *out);

#endif

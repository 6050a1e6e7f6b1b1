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
  int64_t low[3], high[3]; ///< box of the voxels that are not 0: low <= i < high; empty when high <= low
} pcn_terma;

/// Traces every voxel of the field to the source. @param[out] out arrays of the caller, one float per voxel
/// @return PENCONE_OK, E_CANCELLED.
pencone_status pcn_terma_fill(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                              const pcn_quality *quality, pcn_terma *out);

#endif

// SPDX-License-Identifier: Apache-2.0
// Bixels of the collapsed-cone engine: the engine itself on the voxels around each (docs/theory/influence-matrix.md).
#ifndef PCN_CONE_BEAMLET_H
#define PCN_CONE_BEAMLET_H

#include "geom/box.h"
#include "num/column.h"
#include "photon/collapsed_cone.h"

/// What the bixels of a beam share.
typedef struct pcn_cone_beamlets {
  const pcn_collapsed_cone *engine; ///< borrowed
  const pcn_box *box;               ///< borrowed: where dose is wanted
  double margin_mm;                 ///< around a bixel; 0: the whole phantom
  double beyond;                    ///< dose out of the margin over that inside, of the middle bixel
} pcn_cone_beamlets;

/// Memory of one bixel's calculation at most, bytes.
uint64_t pcn_cone_beamlets_bytes(const pencone_beam *beam, const pencone_grid *medium, double margin_mm);

/// Calculates the middle bixel twice where there is a margin. @return PENCONE_OK, E_MEMORY, E_CANCELLED.
pencone_status pcn_cone_beamlets_make(pencone_context *ctx, const pcn_collapsed_cone *engine, const pcn_box *box,
                                      double margin_mm, pcn_cone_beamlets *out);

/// Appends the bixel's dose per photon/cm2 in Gy. @param centre_mm  of the bixel
pencone_status pcn_cone_beamlet(pencone_context *ctx, const pcn_cone_beamlets *beamlets, const double centre_mm[2],
                                pcn_column *out);

#endif

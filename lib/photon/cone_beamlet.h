// SPDX-License-Identifier: Apache-2.0
// Bixels of the collapsed-cone engine: the engine itself, its sweep kept to the voxels around each
// (docs/theory/influence-matrix.md).
#ifndef PCN_CONE_BEAMLET_H
#define PCN_CONE_BEAMLET_H

#include "geom/box.h"
#include "num/column.h"
#include "photon/collapsed_cone.h"

/// What the bixels of a beam share.
typedef struct pcn_cone_beamlets {
  const pcn_collapsed_cone *engine;  ///< borrowed
  const pcn_box *box;                ///< borrowed: where dose is wanted
  int margin;                        ///< voxels around a bixel's box where dose is calculated; 0: everywhere
  double beyond;                     ///< dose out of the margin over that inside, of the middle bixel
} pcn_cone_beamlets;

/// Memory of one bixel's calculation, bytes.
uint64_t pcn_cone_beamlets_bytes(const pencone_grid *medium);

/// Calculates the middle bixel with and without a margin. @param margin_mm  0: the engine's own. @return
/// PENCONE_OK, E_MEMORY, E_CANCELLED.
pencone_status pcn_cone_beamlets_make(pencone_context *ctx, const pcn_collapsed_cone *engine,
                                      const pcn_box *box, double margin_mm, pcn_cone_beamlets *out);

/// Appends the bixel's dose per photon/cm2 in Gy. @param centre_mm  of the bixel
pencone_status pcn_cone_beamlet(pencone_context *ctx, const pcn_cone_beamlets *beamlets,
                                const double centre_mm[2], pcn_column *out);

#endif

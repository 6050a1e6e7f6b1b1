// SPDX-License-Identifier: Apache-2.0
// The collapsed-cone engine (Ahnesjö 1989, doi:10.1118/1.596360; docs/theory/ccc.md).
#ifndef PCN_COLLAPSED_CONE_H
#define PCN_COLLAPSED_CONE_H

#include "photon/cones.h"
#include "photon/tables.h"

/// One beam made ready on a medium.
typedef struct pcn_collapsed_cone {
  const pcn_medium *medium; ///< borrowed
  const pencone_beam *beam; ///< borrowed
  pencone_quantity quantity;
  pcn_photon_tables tables;
  pcn_cones cones;
  int margin; ///< voxels; 0: everywhere
} pcn_collapsed_cone;

typedef struct pcn_collapsed_cone_options {
  int directions;
  double kernel_depth_g_cm2;
  double margin_mm; ///< around the field's box; 0: everywhere
} pcn_collapsed_cone_options;

/// @param[out] out  freed by pcn_collapsed_cone_free()
pencone_status pcn_collapsed_cone_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                       const pcn_collapsed_cone_options *options, pcn_collapsed_cone *out);
void pcn_collapsed_cone_free(pcn_collapsed_cone *engine);

/// Memory that pcn_collapsed_cone_add() takes, bytes.
uint64_t pcn_collapsed_cone_bytes(const pencone_grid *grid, int threads);

/// Calculates and adds the dose in Gy to out[0] and, unless NULL, to out[1]. Re-entrant.
pencone_status pcn_collapsed_cone_add(pencone_context *ctx, const pcn_collapsed_cone *engine, float *const out[2],
                                      const double progress[2]);

#endif

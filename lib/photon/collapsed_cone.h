// SPDX-License-Identifier: Apache-2.0
// The collapsed-cone engine (Ahnesjö 1989, doi:10.1118/1.596360; docs/theory/ccc.md).
#ifndef PCN_COLLAPSED_CONE_H
#define PCN_COLLAPSED_CONE_H

#include "photon/cones.h"
#include "photon/tables.h"

/// What the beams of a machine share.
typedef struct pcn_collapsed_cone_tables {
  pcn_photon_tables photon;
  pcn_cones cones;
} pcn_collapsed_cone_tables;

/// One beam made ready on a medium.
typedef struct pcn_collapsed_cone {
  const pcn_medium *medium;  ///< borrowed
  const pencone_beam *beam;  ///< borrowed
  pencone_quantity quantity;
  const pcn_collapsed_cone_tables *tables;  ///< borrowed
  int margin;                               ///< voxels; 0: everywhere
} pcn_collapsed_cone;

typedef struct pcn_collapsed_cone_options {
  int directions;
  double kernel_depth_g_cm2;
  double margin_mm;  ///< around the field's box; 0: everywhere
} pcn_collapsed_cone_options;

/// Tangent of the largest angle between a ray of the field and the axis, half voxels at the edges included.
double pcn_collapsed_cone_tilt(const pencone_beam *beam, const pencone_grid *grid);

/// @param largest_tilt  of the beams that are going to share them. @param[out] out  freed by
/// pcn_collapsed_cone_tables_free()
pencone_status pcn_collapsed_cone_tables_make(pencone_context *ctx, const pencone_machine *machine,
                                              const pcn_collapsed_cone_options *options, double largest_tilt,
                                              pcn_collapsed_cone_tables *out);
void pcn_collapsed_cone_tables_free(pcn_collapsed_cone_tables *tables);

/// Memory that pcn_collapsed_cone_add() takes, bytes.
uint64_t pcn_collapsed_cone_bytes(const pencone_grid *grid, int threads);

/// Calculates and adds the dose in Gy to out[0] and, unless NULL, to out[1]. Re-entrant.
pencone_status pcn_collapsed_cone_add(pencone_context *ctx, const pcn_collapsed_cone *engine,
                                      float *const out[2], const double progress[2]);

#endif

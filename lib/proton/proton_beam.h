// SPDX-License-Identifier: Apache-2.0
// Proton pencil beams on a lattice of rays, each with its own path (docs/theory/proton.md).
#ifndef PCN_PROTON_PENCIL_BEAM_H
#define PCN_PROTON_PENCIL_BEAM_H

#include "proton/rays.h"
#include <pencone/plan.h>

/// One beam made ready. Medium and beam are borrowed.
typedef struct pcn_proton_beam {
  const pcn_medium *medium;
  const pencone_beam *beam;
  pencone_quantity quantity;
  double spacing_mm, cut;
  pcn_rays rays;
} pcn_proton_beam;

/// Memory of one beam, bytes: order of magnitude from the grid.
uint64_t pcn_proton_beam_bytes(const pencone_grid *grid, int threads);

/// @param spacing_mm  of the rays. @param cut  where Gaussians end, in sigma
/// @param[out] out  freed by pcn_proton_beam_free(), also after a failure
pencone_status pcn_proton_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    double spacing_mm, double cut, pcn_proton_beam *out);
void pcn_proton_beam_free(pcn_proton_beam *engine);

/// Adds the dose in Gy to out[0] and, unless NULL, to out[1].
pencone_status pcn_proton_beam_add(pencone_context *ctx, const pcn_proton_beam *engine, float *const out[2],
                                   const double progress[2]);

#endif

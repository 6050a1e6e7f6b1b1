// SPDX-License-Identifier: Apache-2.0
// Proton pencil beams on a lattice of rays, each with its own path (docs/theory/proton.md).
#ifndef PCN_PROTON_PENCIL_BEAM_H
#define PCN_PROTON_PENCIL_BEAM_H

#include <pencone/plan.h>

#include "proton/collimator.h"
#include "proton/depths.h"

/// Which LET is calculated beside the dose.
typedef enum pcn_let {
  PCN_LET_NONE,
  PCN_LET_ALL,       ///< of all charged particles, by the table from Monte Carlo
  PCN_LET_PRIMARIES  ///< of primary protons, closed form
} pcn_let;

/// One layer: its table, its spot without the phantom, and the variance that the lattice of rays carries.
typedef struct pcn_proton_energy {
  pcn_depth_table table;
  pcn_optics optics;
  double lattice_mm2;
  pcn_collimator collimator;
} pcn_proton_energy;

/// One beam made ready. Medium and beam are borrowed.
typedef struct pcn_proton_beam {
  const pcn_medium *medium;
  const pencone_beam *beam;
  pencone_quantity quantity;
  pcn_let let;
  double spacing_mm, cut;
  double ratio_most;  ///< the largest of dose to the medium over dose to water
  pcn_rays rays;
  pcn_depths depths;
  float *uneven;              ///< by pcn_mixing_uneven(), for all layers
  pcn_proton_energy *energy;  ///< of each layer
} pcn_proton_beam;

/// Memory of one beam, bytes: order of magnitude from the grid.
uint64_t pcn_proton_beam_bytes(const pencone_grid *grid, int threads);

typedef struct pcn_proton_options {
  double spacing_mm;  ///< of the rays
  double cut;         ///< where Gaussians end, in sigma
  pcn_let let;
  int bortfeld;  ///< depth dose by the closed form
} pcn_proton_options;

/// @param[out] out  freed by pcn_proton_beam_free(), also after a failure
pencone_status pcn_proton_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    const pcn_proton_options *options, pcn_proton_beam *out);
void pcn_proton_beam_free(pcn_proton_beam *engine);

/// Variance of a ray without matter at z from the isocentre: what the lattice of rays does not carry, mm2.
double pcn_proton_beam_own(const pcn_proton_beam *engine, const pcn_proton_energy *energy, double z_mm);

/// Adds the dose in Gy to out[0] and out[1], and dose times LET (Gy keV/um) to out[2] and out[3], where not
/// NULL.
pencone_status pcn_proton_beam_add(pencone_context *ctx, const pcn_proton_beam *engine, float *const out[4],
                                   const double progress[2]);

#endif

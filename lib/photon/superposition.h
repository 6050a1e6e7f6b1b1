// SPDX-License-Identifier: Apache-2.0
// Direct superposition: the slow, obvious answer that the collapsed cone is tested against.
#ifndef PCN_SUPERPOSITION_H
#define PCN_SUPERPOSITION_H

#include "photon/exact_beam.h"

/// One beam made ready on a medium.
typedef struct pcn_superposition {
  pcn_exact_beam beam;     ///< its directions are those of the gather
  double norm[PCN_PARTS];  ///< makes the quadrature's energy 1
} pcn_superposition;

/// @param tables  of the beam's machine; borrowed until the engine is freed
/// @param directions  equal steps of the polar angle, equal steps around
/// @param progress  where it starts and its span. @param[out] out  freed by pcn_superposition_free()
pencone_status pcn_superposition_make(pencone_context *ctx, const pcn_medium *medium,
                                      const pencone_beam *beam, const pcn_photon_tables *tables,
                                      const int directions[2], const double progress[2],
                                      pcn_superposition *out);
void pcn_superposition_free(pcn_superposition *engine);

/// Dose in Gy at a point (patient axes, mm): rays are walked from the point against the direction of travel;
/// every segment adds its released energy times the tabulated kernel's, tilted at the segment. NaN outside
/// the grid. Re-entrant.
double pcn_superposition_dose_at(const pcn_superposition *engine, const double xyz_mm[3]);

/// Dose at the centres of all voxels, added to out[0] and, unless NULL, to out[1].
pencone_status pcn_superposition_add(pencone_context *ctx, const pcn_superposition *engine,
                                     float *const out[2], const double progress[2]);

#endif

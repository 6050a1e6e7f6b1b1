// SPDX-License-Identifier: Apache-2.0
// What the engines share that take the tabulated kernel as it is: released energy by exact rays, and
// directions at equal steps of the polar angle about the beam's axis, every other step turned by half an
// azimuth (docs/theory/superposition.md).
#ifndef PCN_EXACT_BEAM_H
#define PCN_EXACT_BEAM_H

#include "num/vec3.h"
#include "photon/tables.h"

typedef struct pcn_exact_beam {
  const pcn_medium *medium;         ///< borrowed
  const pcn_photon_tables *tables;  ///< borrowed; of the beam's machine
  pcn_frame frame;                  ///< the beam's axes
  pencone_quantity quantity;        ///< set by the engine
  pcn_terma terma;
  int polar, azimuths;  ///< directions
} pcn_exact_beam;

/// @param directions  equal steps of the polar angle, equal steps around
/// @param progress  where it starts and its span. @param[out] out  freed by pcn_exact_beam_free(), also after
/// a failure
pencone_status pcn_exact_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                   const pcn_photon_tables *tables, const int directions[2],
                                   const double progress[2], pcn_exact_beam *out);
void pcn_exact_beam_free(pcn_exact_beam *beam);

/// Polar angle in the middle of step i, and the solid angle of one of its directions (eq. 1).
double pcn_exact_polar_angle(const pcn_exact_beam *beam, int i);
double pcn_exact_solid_angle(const pcn_exact_beam *beam, int i);

/// Direction j of step i in patient axes.
pcn_vec3 pcn_exact_direction(const pcn_exact_beam *beam, int i, int j);

/// The whole kernel of a part by this quadrature, 1 but for its error (eq. 3).
double pcn_exact_kernel_sum(const pcn_exact_beam *beam, pcn_part part);

#endif

// SPDX-License-Identifier: Apache-2.0
// The pencil-beam engine: density along the ray only (docs/theory/pencil-beam.md, eq. 3 to 6).
#ifndef PCN_PENCIL_BEAM_H
#define PCN_PENCIL_BEAM_H

#include "beam/aperture.h"
#include "photon/pencil_kernel.h"

/// Lateral integrals of a rectangular field, a quarter of it: [plane][y][x][term] from the field's centre outwards.
/// Planes are equally spaced distances from the source.
typedef struct pcn_pencil_map {
  int size[2], planes;
  double pixel_mm[2], centre_mm[2]; ///< isocentre plane
  double first, pitch;              ///< of the planes, distance / SAD
  float *value;
} pcn_pencil_map;

/// One beam made ready on a medium.
typedef struct pcn_pencil_beam {
  const pcn_medium *medium; ///< borrowed
  pencone_quantity quantity;
  pcn_frame frame;         ///< with the axes of the opening
  double x_mm[2], y_mm[2]; ///< the opening
  double fluence_per_cm2;
  pcn_pencil_kernel *kernel;
  pcn_pencil_map map;
} pcn_pencil_beam;

/// @param tables  of the beam's machine; not kept. @param terms  1 to PCN_PENCIL_TERMS
/// @param reach_mm  around the field in the isocentre plane; no dose beyond
/// @param[out] out  freed by pcn_pencil_beam_free()
/// @return PENCONE_OK, E_MEMORY, E_CANCELLED, E_UNSUPPORTED (several openings)
pencone_status pcn_pencil_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    const pcn_photon_tables *tables, int terms, double reach_mm, pcn_pencil_beam *out);
void pcn_pencil_beam_free(pcn_pencil_beam *engine);

/// Adds the dose in Gy, voxel means across the beam, to out[0] and, unless NULL, to out[1]. Re-entrant.
pencone_status pcn_pencil_beam_add(pencone_context *ctx, const pcn_pencil_beam *engine, float *const out[2],
                                   const double progress[2]);

#endif

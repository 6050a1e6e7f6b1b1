// SPDX-License-Identifier: Apache-2.0
// The pencil beam's second mode: kernels scaled by the density across the beam (Tillikainen et al. 2008,
// doi:10.1088/0031-9155/53/14/008; docs/theory/pencil-beam.md, eq. 7 to 11).
#ifndef PCN_LATERAL_SCALING_H
#define PCN_LATERAL_SCALING_H

#include "beam/aperture.h"
#include "matter/medium.h"
#include "photon/lateral_terms.h"

/// What a beam's dose is multiplied by, on a lattice along its rays.
typedef struct pcn_lateral_scaling {
  int size[3];                  ///< x, y in the isocentre plane, and along the beam
  double first_mm[2], side_mm;  ///< in the isocentre plane
  double first, pitch;          ///< of the layers, distance from the source over the SAD
  float *ratio;                 ///< [layer][y][x]
} pcn_lateral_scaling;

/// A beam whose dose is to be scaled. All borrowed, during the call only.
typedef struct pcn_lateral_beam {
  const pcn_medium *medium;
  const pcn_aperture *aperture;
  const pencone_machine_desc *machine;
  const pcn_pencil_kernel *kernel;
  double reach_mm;  ///< around the field, in the isocentre plane
  double span[2];   ///< where the medium lies, distance from the source over the SAD
} pcn_lateral_beam;

/// Memory of pcn_lateral_scaling_make(), bytes.
uint64_t pcn_lateral_scaling_bytes(const pencone_grid *grid, int threads);

/// @param progress  where it starts and its span. @param[out] out  freed by pcn_lateral_scaling_free()
/// @return PENCONE_OK, E_MEMORY, E_NUMERIC, E_CANCELLED
pencone_status pcn_lateral_scaling_make(pencone_context *ctx, const pcn_lateral_beam *beam,
                                        const double progress[2], pcn_lateral_scaling *out);
void pcn_lateral_scaling_free(pcn_lateral_scaling *scaling);

/// Multiplies n doses. @param plane_pitch  unit of the voxels' planes, which begin at the near end of the
/// span: distance from the source over the SAD
void pcn_lateral_scaling_apply(const pcn_lateral_scaling *scaling, double plane_pitch,
                               const pcn_pencil_voxels *voxels, size_t n, float *dose);

#endif

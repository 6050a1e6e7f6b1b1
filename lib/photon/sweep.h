// SPDX-License-Identifier: Apache-2.0
// Transport along the cones' directions through a voxel grid: plane by plane, all parallel lines in step.
#ifndef PCN_SWEEP_H
#define PCN_SWEEP_H

#include "matter/medium.h"
#include "photon/cones.h"
#include "photon/terma.h"

/// What is transported where; all borrowed.
typedef struct pcn_sweep {
  const pcn_medium *medium;
  pcn_terma *terma;  ///< turned and turned back
  const pcn_cones *cones;
  const pcn_frame *frame;  ///< the beam's axes
  int margin;  ///< voxels around the field's box where dose is wanted; 0: everywhere. Exact inside, 0
               ///< outside.
} pcn_sweep;

/// Memory that pcn_sweep_run() takes, bytes.
uint64_t pcn_sweep_bytes(const pencone_grid *grid, int threads);

/// Sets dose to the energy per electron density (the unit of the TERMA). Every voxel gets one term per
/// direction in a fixed order, so threads cannot change the sum. dose may be a part of the TERMA, which is
/// then used up; after a failure the TERMA is.
/// @return PENCONE_OK, E_MEMORY, E_CANCELLED.
pencone_status pcn_sweep_run(pencone_context *ctx, const pcn_sweep *sweep, float *dose, double progress_base,
                             double progress_share);

/// One direction alone with the kernel's whole energy share: for tests. @param local  unit vector, beam axes
typedef struct pcn_sweep_direction {
  int band;
  double azimuth;
} pcn_sweep_direction;
pencone_status pcn_sweep_one(pencone_context *ctx, const pcn_sweep *sweep, pcn_sweep_direction direction,
                             float *dose);

#endif

// SPDX-License-Identifier: Apache-2.0
// Depths of water at both sides of voxels along a beam.
#ifndef PCN_PROTON_DEPTHS_H
#define PCN_PROTON_DEPTHS_H

#include "proton/voxels.h"

/// Of all voxels of the medium. A voxel is as thick along the beam, in the sense of the variance, as planes
/// of cells lie apart. Where voxels are cells that lie as in the columns, those are read; else there are
/// volumes.
typedef struct pcn_depths {
  const pcn_rays *rays;  ///< borrowed
  const pencone_grid *grid;
  pcn_voxel_rows rows;
  float *side[2];  ///< [k][j][i], mm; NULL: columns are read
} pcn_depths;

/// @param grid  borrowed. @param[out] out  freed by pcn_depths_free(), also after a failure
pencone_status pcn_depths_make(pencone_context *ctx, const pcn_rays *rays, const pencone_grid *grid,
                               pcn_depths *out);
void pcn_depths_free(pcn_depths *depths);

/// Voxels of row (j, k) that have depths: first, one behind the last. No proton comes to the others.
void pcn_depths_range(const pcn_depths *depths, int64_t j, int64_t k, int64_t range[2]);

/// Depths at both sides of a run of voxels that have them.
void pcn_depths_of(const pcn_depths *depths, const pcn_voxel_run *run, const float *depth[2]);

/// Where a run of up to PCN_DEPTHS_RUN voxels lies in the columns: x and y in columns, z in faces.
enum { PCN_DEPTHS_RUN = 16 };
pcn_volume_line pcn_depths_line(const pcn_depths *depths, const pcn_voxel_run *run);

#endif

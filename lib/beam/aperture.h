// SPDX-License-Identifier: Apache-2.0
// How much of a voxel lies in the field: sharp edges, seen from a point source.
#ifndef PCN_APERTURE_H
#define PCN_APERTURE_H

#include "geom/frame.h"
#include <pencone/beam.h>

/// A rectangular opening in the isocentre plane and the voxels that it is projected on.
typedef struct pcn_aperture {
  pcn_frame frame;
  double x_mm[2], y_mm[2];
  double spacing_mm[3]; ///< voxel edges
  double reach_mm;      ///< half the voxel's diagonal
} pcn_aperture;

pcn_aperture pcn_aperture_make(const pencone_beam *beam, const double spacing_mm[3]);

/// Share of a voxel's volume inside the field, 0 to 1, exact for one edge to second order in voxel / SAD.
/// @param centre  patient axes. Points behind the source plane give 0.
double pcn_aperture_share(const pcn_aperture *aperture, pcn_vec3 centre);

#endif

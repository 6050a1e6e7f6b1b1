// SPDX-License-Identifier: Apache-2.0
// The eight corners of a grid of voxels.
#ifndef PCN_CORNER_H
#define PCN_CORNER_H

#include <pencone/grid.h>

#include "num/vec3.h"

/// Centre of the voxel in corner 0 to 7 (bits: the far end of x, y, z); beyond: so many voxels outside of it.
static inline pcn_vec3 pcn_grid_corner(const pencone_grid *grid, int corner, int beyond) {
  int64_t index[3];
  double xyz[3];
  for (int a = 0; a < 3; a++) {
    index[a] = corner >> a & 1 ? grid->size[a] - 1 + beyond : -beyond;
  }
  pencone_grid_centre(grid, index[0], index[1], index[2], xyz);
  return pcn_v3_from(xyz);
}

#endif

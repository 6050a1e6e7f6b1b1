// SPDX-License-Identifier: Apache-2.0
// A box of voxels of a larger grid.
#ifndef PCN_BOX_H
#define PCN_BOX_H

#include <pencone/grid.h>

/// Voxel (0,0,0) of the box is voxel first of the whole grid; spacings agree.
typedef struct pcn_box {
  pencone_grid grid;  ///< of the box
  int64_t first[3];
} pcn_box;

#endif

// SPDX-License-Identifier: Apache-2.0
// From cells of the beam to rows of voxels.
#ifndef PCN_PROTON_VOXELS_H
#define PCN_PROTON_VOXELS_H

#include "proton/rays.h"
#include "simd/isa.h"
#include <pencone/grid.h>

/// Cells of the beam, or part of them: value [z][y][x].
typedef struct pcn_cell_box {
  pcn_axis axis[3];
  const float *value;
} pcn_cell_box;

/// A row of voxels: those from range[0] to range[1] - 1 lie between the cells, or in the outer half of the last ones.
typedef struct pcn_voxel_row {
  pcn_volume_line line; ///< places in cells
  int64_t range[2];
} pcn_voxel_row;

/// Row (j, k) of a grid of voxels.
pcn_voxel_row pcn_voxel_row_make(const pcn_rays *rays, const pcn_cell_box *cells, const pencone_grid *grid, int64_t j, int64_t k);

/// Values of the row's range: those of cells where they coincide with voxels, else between cells.
void pcn_voxel_row_read(const pcn_isa *isa, const pcn_cell_box *cells, const pcn_voxel_row *row, float *out);

/// Voxels of a grid that may lie between the cells: first[3], last[3] (one behind), from the corners.
void pcn_voxel_bounds(const pcn_rays *rays, const pcn_cell_box *cells, const pencone_grid *grid, int64_t first[3], int64_t last[3]);

#endif

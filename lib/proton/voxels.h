// SPDX-License-Identifier: Apache-2.0
// From cells of the beam to rows of voxels.
#ifndef PCN_PROTON_VOXELS_H
#define PCN_PROTON_VOXELS_H

#include <pencone/grid.h>

#include "proton/rays.h"
#include "simd/isa.h"

/// Cells of the beam, or part of them: value [z][y][x].
typedef struct pcn_cell_box {
  pcn_axis axis[3];
  const float *value;
} pcn_cell_box;

/// Rows of a grid of voxels in units of cells: voxel (0, j, k) is at + j down + k back, the next one in its
/// row step on.
typedef struct pcn_voxel_rows {
  double at[3], step[3], down[3], back[3];
  int64_t count;  ///< voxels of a row
} pcn_voxel_rows;

pcn_voxel_rows pcn_voxel_rows_make(const pcn_rays *rays, const pcn_cell_box *cells, const pencone_grid *grid);

/// A row of voxels: those from range[0] to range[1] - 1 lie between the cells, or in the outer half of the
/// last ones.
typedef struct pcn_voxel_row {
  pcn_volume_line line;  ///< places in cells
  int64_t range[2];
} pcn_voxel_row;

pcn_voxel_row pcn_voxel_row_make(const pcn_voxel_rows *rows, const pcn_cell_box *cells, int64_t j, int64_t k);

/// Values of the row's range: those of cells where they coincide with voxels, else between cells.
void pcn_voxel_row_read(const pcn_isa *isa, const pcn_cell_box *cells, const pcn_voxel_row *row, float *out);

/// Voxels of a grid that may lie between the cells: first[3], last[3] (one behind), from the corners.
void pcn_voxel_bounds(const pcn_rays *rays, const pcn_cell_box *cells, const pencone_grid *grid,
                      int64_t first[3], int64_t last[3]);

#endif

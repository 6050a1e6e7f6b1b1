// SPDX-License-Identifier: Apache-2.0
// From cells of the beam to rows of voxels.
#ifndef PCN_PROTON_VOXELS_H
#define PCN_PROTON_VOXELS_H

#include "geom/box.h"
#include "proton/planes.h"
#include "proton/rays.h"
#include "simd/isa.h"

/// Cells of the beam, or part of them: value [z][y][x]. Not all planes need have values.
typedef struct pcn_cell_box {
  pcn_axis axis[3];    ///< of all planes
  pcn_planes planes;   ///< those with values, from the box's first on
  int64_t row, plane;  ///< floats from one row, and from one plane with values, to the next
  const float *value;
} pcn_cell_box;

/// All cells of a beam, without values.
pcn_cell_box pcn_cell_box_of(const pcn_rays *rays);

/// Rows of a grid of voxels in units of cells: voxel (0, j, k) is at + j down + k back, the next one in its
/// row step on.
typedef struct pcn_voxel_rows {
  double at[3], step[3], down[3], back[3];
  int64_t count;     ///< voxels of a row
  int whole;         ///< 1: voxels are cells across the beam,
  int64_t place[4];  ///< those of voxel (i, j, k) begin at place[0] + i place[1] + j place[2] + k place[3]
} pcn_voxel_rows;

pcn_voxel_rows pcn_voxel_rows_make(const pcn_rays *rays, const pcn_cell_box *cells, const pencone_grid *grid);

/// Row (j, k) in cells.
static inline pcn_volume_line pcn_voxel_line(const pcn_voxel_rows *rows, int64_t j, int64_t k) {
  pcn_volume_line line;
  for (int a = 0; a < 3; a++) {
    line.at[a] = rows->at[a] + (double)j * rows->down[a] + (double)k * rows->back[a];
    line.step[a] = rows->step[a];
  }
  return line;
}

/// Voxels of a line that lie between the cells, or in the outer half of the last ones: first, one behind the
/// last.
void pcn_voxel_range(const pcn_voxel_rows *rows, const pcn_cell_box *cells, const pcn_volume_line *line,
                     int64_t range[2]);

/// A part of a row of voxels.
typedef struct pcn_voxel_run {
  int64_t j, k, first, count;
} pcn_voxel_run;

/// Values of voxels that lie between the cells, linear between planes, and where voxels are no cells also
/// across the beam. @param scratch  room for the run. @return where they are: in the cells, or in scratch
const float *pcn_voxel_read(const pcn_isa *isa, const pcn_cell_box *cells, const pcn_voxel_rows *rows,
                            const pcn_voxel_run *run, float *scratch);

/// Where rows of voxels run across the beam and along x of the cells: the values of a run in the planes
/// before and behind it. @return 0 elsewhere: nothing is set
int pcn_voxel_planes(const pcn_cell_box *cells, const pcn_voxel_rows *rows, const pcn_voxel_run *run,
                     pcn_blend *out);

/// Voxels of a grid that may lie between the cells: first[3], last[3] (one behind), from the corners.
void pcn_voxel_bounds(const pcn_rays *rays, const pcn_cell_box *cells, const pencone_grid *grid,
                      int64_t first[3], int64_t last[3]);

#endif

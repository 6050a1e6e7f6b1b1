// SPDX-License-Identifier: Apache-2.0
// A column in work: what spot_column.c has made step by step.
#ifndef PCN_PROTON_SPOT_WORK_H
#define PCN_PROTON_SPOT_WORK_H

#include "proton/spot_layer.h"
#include "proton/voxels.h"

/// A column in work.
typedef struct pcn_spot_work {
  const pcn_spot_layer *s;
  pcn_spot_scratch *scratch;
  pcn_ray_window window;
  double place[2];     ///< in the isocentre plane, mm
  double wanted_gy;    ///< entries from here on; 0: all
  int64_t first[3];    ///< cells of the box
  pcn_cell_box cells;  ///< protons per mm2
  pcn_voxel_rows rows;
  double volume;         ///< of a cell over a voxel's
  double least_axis_gy;  ///< planes with less than that on the spot's axis are left out
  pcn_sift sift;         ///< of the rows so far
} pcn_spot_work;

static inline const pcn_spot_class *pcn_spot_class_of(const pcn_spot_layer *s, int64_t k, int part,
                                                      int sort) {
  const int64_t row = k * PCN_PROTON_PARTS + part;
  return &s->classes[s->first[row] + sort - s->low[row]];
}

static inline double pcn_spot_spread_at(const pcn_spot_layer *s, int axis, int64_t k) {
  return pcn_rays_spread(&s->layer.engine->rays, axis, k);
}

/// 1 when a plane has cells that are wanted.
static inline int pcn_spot_wanted(const pcn_spot_plane *p) {
  return p->tile.count[0] > 0 && p->tile.count[1] > 0;
}

/// The classes of each plane, and the dose on the spot's axis (spot_reach.c).
/// @return a guess at the column's largest dose without an aperture
double pcn_spot_look_ahead(const pcn_spot_work *work);

/// How far around the spot each plane is wanted, and the cells there.
void pcn_spot_plan_planes(const pcn_spot_work *work);

/// Dose inside of what is wanted and beyond it, at columns' own depths.
typedef struct pcn_spot_sides {
  double inside, beyond;
} pcn_spot_sides;

/// The box of cells that are wanted, and its protons (spot_cells.c). @return PENCONE_OK, E_MEMORY.
pencone_status pcn_spot_fill(pencone_context *ctx, pcn_spot_work *work, pcn_spot_sides *dose);

/// Rows of voxels that may have entries: first to last - 1 along y and z; their ranges along x are in the
/// scratch.
typedef struct pcn_spot_rows {
  int64_t first[3], last[3], voxels;  ///< voxels: in all ranges
} pcn_spot_rows;

/// (spot_rows.c)
pcn_spot_rows pcn_spot_plan_rows(const pcn_spot_work *work);

#endif

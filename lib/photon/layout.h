// SPDX-License-Identifier: Apache-2.0
// The volumes of a sweep as planes of rows of lanes: lanes contiguous, planes across any of the three axes.
#ifndef PCN_LAYOUT_H
#define PCN_LAYOUT_H

#include "matter/medium.h"
#include "photon/terma.h"

/// What is released: by the parts of the kernel, and how much of the primary by electrons of aluminium.
enum { PCN_RELEASES = 3, PCN_OF_ALUMINIUM = 2 };

/// Lanes of a row that release energy: first <= lane < last; none: 0, 0.
typedef struct pcn_lanes {
  int32_t first, last;
} pcn_lanes;

/// Volumes along one main axis; lanes are contiguous. Rows of density and dose begin on a cache line and are
/// padded to whole blocks (simd/cone_row.h) with vacuum; those of the releases are not.
typedef struct pcn_view {
  int axis[3];        ///< patient axis of plane, row, lane
  int64_t size[3];    ///< planes, rows, lanes
  int64_t stride[2];  ///< from plane to plane, from row to row
  const float *electron_density;
  float *dose;
  int64_t release_stride[2];
  const float *release[PCN_RELEASES];  ///< the last is NULL in water
  int64_t lanes_stride[2];
  const pcn_lanes *lanes;  ///< by plane and row: where energy is released
} pcn_view;

/// Density and dose are working copies. Lanes run along x or along y; the releases are turned where they are.
typedef struct pcn_layout {
  const pcn_medium *medium;  ///< borrowed
  pcn_terma *terma;          ///< borrowed; not to be read while lanes run along y
  float *work;               ///< everything below lies in this one block
  float *electron_density, *dose, *of_aluminium;
  pcn_lanes *lanes[2];  ///< rows along x: [z][y]; along y: [z][x]
  float *turning;       ///< a slice for each thread
  int64_t slice;        ///< floats of a slice of density or dose, padded for either direction
  int lane_axis;        ///< 0 or 1
  int has_dose;         ///< 0: dose was not touched yet
} pcn_layout;

/// Memory that a layout takes at most, bytes.
uint64_t pcn_layout_bytes(const pencone_grid *grid, int threads);

/// The lanes of it run along x. @param progress  where it stands. @param[out] out  freed by pcn_layout_free()
/// @return PENCONE_OK, E_MEMORY, E_CANCELLED.
pencone_status pcn_layout_make(pencone_context *ctx, const pcn_medium *medium, pcn_terma *terma,
                               double progress, pcn_layout *out);
void pcn_layout_free(pcn_layout *layout);

/// Lays lanes along x (0) or y (1), the dose so far with them.
/// @return PENCONE_OK, E_CANCELLED: the layout and the TERMA are then spoilt.
pencone_status pcn_layout_turn(pencone_context *ctx, pcn_layout *layout, int lane_axis, double progress);

/// Planes across an axis (0, 1, 2: x, y, z); lanes along y for x, else along x.
pcn_view pcn_layout_view(const pcn_layout *layout, int main_axis);
static inline int pcn_layout_lane_axis(int main_axis) {
  return main_axis == 0 ? 1 : 0;
}

/// Copies the dose to a volume in C order, 0 outside low <= i < high; lanes run along x. out may be a part of
/// the TERMA, which is then used up. @return PENCONE_OK, E_CANCELLED.
pencone_status pcn_layout_dose(pencone_context *ctx, const pcn_layout *layout, const int64_t low[3],
                               const int64_t high[3], double progress, float *out);

#endif

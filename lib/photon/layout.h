// SPDX-License-Identifier: Apache-2.0
// The volumes of a sweep as planes of rows of lanes: lanes contiguous, planes across any of the three axes.
#ifndef PCN_LAYOUT_H
#define PCN_LAYOUT_H

#include "matter/medium.h"
#include "photon/terma.h"

/// What is released: by the parts of the kernel, and how much of the primary by electrons of aluminium.
enum { PCN_RELEASES = 3, PCN_OF_ALUMINIUM = 2 };

/// Volumes along one main axis; lanes are contiguous.
typedef struct pcn_view {
  int axis[3];       ///< patient axis of plane, row, lane
  int64_t size[3];   ///< planes, rows, lanes
  int64_t stride[2]; ///< from plane to plane, from row to row
  const float *electron_density;
  const float *release[PCN_RELEASES]; ///< stored for the field's box at least; the last is NULL in water
  int64_t release_stride[2];          ///< from plane to plane, from row to row
  int64_t release_first;              ///< index that voxel (0,0,0) would have, were it stored; not above 0
  float *dose;
} pcn_view;

/// The volumes with lanes along x, as they come, and with lanes along y, turned copies; of the releases only the
/// box where they are not 0 is copied.
typedef struct pcn_layout {
  const pcn_medium *medium; ///< borrowed
  const pcn_terma *terma;   ///< borrowed
  float *dose;              ///< borrowed
  float *of_aluminium;      ///< primary release times the aluminium share of the electrons; NULL in water
  float *turned_density, *turned_dose;    ///< [z][x][y]
  float *turned_release[PCN_RELEASES];    ///< [z][x][y] of the box
  int64_t box_low[3], box_size[3];        ///< along x, y, z
} pcn_layout;

/// Memory that a layout takes at most, bytes.
uint64_t pcn_layout_bytes(const pencone_grid *grid);

/// @param dose  one float per voxel; pcn_layout_collect() adds to it. @param[out] out  freed by pcn_layout_free()
pencone_status pcn_layout_make(pencone_context *ctx, const pcn_medium *medium, const pcn_terma *terma, float *dose,
                               pcn_layout *out);
void pcn_layout_free(pcn_layout *layout);

/// Planes across an axis (0, 1, 2: x, y, z).
pcn_view pcn_layout_view(const pcn_layout *layout, int main_axis);

/// Adds what was collected with lanes along y to the dose.
void pcn_layout_collect(pencone_context *ctx, const pcn_layout *layout);

#endif

// SPDX-License-Identifier: Apache-2.0
// Voxels near a ray: those inside a cone around it.
#ifndef PCN_REACH_H
#define PCN_REACH_H

#include "geom/box.h"
#include "geom/frame.h"

/// A ray through a place of the isocentre plane of a frame.
typedef struct pcn_reach {
  const pcn_frame *frame; ///< borrowed
  const pcn_box *box;     ///< borrowed
  double x_mm, y_mm;
} pcn_reach;

/// Rows (j, k) of the box that hold the cone of a radius in the isocentre plane, and more: low <= index < high.
void pcn_reach_rows(const pcn_reach *reach, double radius_mm, int64_t low[2], int64_t high[2]);

/// Voxels i of a row (j, k) of the box whose centres lie in the cone: range[0] <= i < range[1]. A radius that is not
/// finite takes all.
void pcn_reach_row(const pcn_reach *reach, double radius_mm, const int64_t row[2], int64_t range[2]);

#endif

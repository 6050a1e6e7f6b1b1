// SPDX-License-Identifier: Apache-2.0
// Voxels near a ray: those inside a cone around it.
#ifndef PCN_REACH_H
#define PCN_REACH_H

#include "geom/box.h"
#include "geom/frame.h"

/// A ray through a place of the isocentre plane of a frame.
typedef struct pcn_reach {
  const pcn_frame *frame;  ///< borrowed
  const pcn_box *box;      ///< borrowed
  double x_mm, y_mm;
} pcn_reach;

/// Rows (j, k) of the box that hold the cone of a radius in the isocentre plane, and more: low <= index <
/// high.
void pcn_reach_rows(const pcn_reach *reach, double radius_mm, int64_t low[2], int64_t high[2]);

/// Voxels i of the rows (j, k) of the box, rows[0] <= j < rows[1], whose centres lie in the cone of each
/// row's radius: range[j - rows[0]][0] <= i < range[j - rows[0]][1]. A radius that is not finite takes all.
/// @param radius_mm  of row rows[0] and the next
void pcn_reach_ranges(const pcn_reach *reach, int64_t k, const int64_t rows[2], const double *radius_mm,
                      int32_t (*range)[2]);

#endif

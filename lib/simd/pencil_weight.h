// SPDX-License-Identifier: Apache-2.0
// Values of the pencil beam's terms at the depths of a row of voxels (docs/theory/pencil-beam.md, eq. 6).
#ifndef PCN_PENCIL_WEIGHT_H
#define PCN_PENCIL_WEIGHT_H

#include <stddef.h>

#include "simd/pencil_row.h"

/// Values of the terms at every mm of depth, from 0 on.
typedef struct pcn_pencil_depth_table {
  const float *value;  ///< [depth][PCN_PENCIL_VALUES]
  int count;
} pcn_pencil_depth_table;

/// Between two depths linear; beyond the last one as the first term falls there.
/// @param scale  of each voxel. @param[out] weight  [voxel][PCN_PENCIL_VALUES]
typedef void (*pcn_pencil_weight_loop)(const pcn_pencil_depth_table *table, const float *depth_mm,
                                       const float *scale, size_t n, float *weight);

/// Slow twin of the loops.
void pcn_pencil_weight_reference(const pcn_pencil_depth_table *table, const float *depth_mm,
                                 const float *scale, size_t n, float *weight);

#endif

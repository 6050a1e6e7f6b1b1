// SPDX-License-Identifier: Apache-2.0
// A step of many rays through one row of voxels.
#ifndef PCN_DEPTH_STEP_H
#define PCN_DEPTH_STEP_H

#include <stddef.h>
#include <stdint.h>

/// Ray i runs from the coordinate from + i from_step to to + i to_step along the row, in voxels from its lower
/// face: no farther than one voxel. Outside the row there is nothing.
typedef struct pcn_depth_step {
  const float *value[2]; ///< of voxel 0; the second may be NULL
  int32_t stride;        ///< from one voxel to the next
  int32_t voxels;
  float from, from_step, to, to_step;
  float length; ///< of the step, the same for all rays: the caller scales by the rays' slopes
} pcn_depth_step;

/// Adds value times length to sum[0] and, where there is a second value, sum[1], n rays each.
typedef void (*pcn_depth_step_loop)(const pcn_depth_step *step, size_t n, float *const sum[2]);

/// Slow twin of the loops.
void pcn_depth_step_reference(const pcn_depth_step *step, size_t n, float *const sum[2]);

#endif

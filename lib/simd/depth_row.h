// SPDX-License-Identifier: Apache-2.0
// Depths of a row of voxels between the rays of a lattice.
#ifndef PCN_DEPTH_ROW_H
#define PCN_DEPTH_ROW_H

#include <stddef.h>
#include <stdint.h>

/// Integrals where the rays meet the planes of a grid: [ray across][plane][ray along][value].
typedef struct pcn_depth_rays {
  const float *integral; ///< of the plane of point 0
  ptrdiff_t across_step; ///< floats from one ray across to the next
  int32_t along, across; ///< numbers of rays, at least 2
  int values;            ///< 1 or 2
} pcn_depth_rays;

/// Point i lies at the ray coordinates (along + i along_step) / (depth + i depth_step) and so on, and plane_step
/// floats further on for each i.
typedef struct pcn_depth_line {
  float along, across, depth;
  float along_step, across_step, depth_step;
  ptrdiff_t plane_step;
} pcn_depth_line;

/// Bilinear between rays; points beyond the outermost rays take theirs. @param[out] out  values arrays of n, the
/// others unused
typedef void (*pcn_depth_row_loop)(const pcn_depth_rays *rays, const pcn_depth_line *line, size_t n,
                                   float *const out[2]);

/// Slow twin of the loops.
void pcn_depth_row_reference(const pcn_depth_rays *rays, const pcn_depth_line *line, size_t n, float *const out[2]);

#endif

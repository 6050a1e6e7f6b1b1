// SPDX-License-Identifier: Apache-2.0
// Gamma search of several points at once: the hot loop of analysis/gamma_search.c.
#ifndef PCN_SIMD_GAMMA_H
#define PCN_SIMD_GAMMA_H

#include <stddef.h>
#include <stdint.h>

enum { PCN_GAMMA_LANES = 16 };

/// A position of the search lattice relative to the reference point. On grids of equal spacing the eight
/// trilinear weights are the same for every point.
typedef struct pcn_gamma_offset {
  ptrdiff_t shift;  ///< from a point's own voxel to the lower corner of the cell, in elements
  float weight[8];  ///< of the corners, x fastest
  float distance2;  ///< (distance / distance criterion)^2; offsets are sorted by it
} pcn_gamma_offset;

/// Neighbours along x: dose in the same unit as the volume.
typedef struct pcn_gamma_lanes {
  float reference[PCN_GAMMA_LANES];
  float inverse[PCN_GAMMA_LANES];  ///< 1 / dose criterion
  float best[PCN_GAMMA_LANES];     ///< smallest gamma^2 so far; negative: this lane is not searched
  int32_t which[PCN_GAMMA_LANES];  ///< index of the offset where it was found; kept where nothing is better
} pcn_gamma_lanes;

/// Lowers best until no farther offset can.
/// @param own  the first lane's own voxel in the padded volume: every corner of every offset can be read for
///   all lanes, and all are finite
/// @param corner  elements from the lower corner of a cell to each of its eight corners
typedef void (*pcn_gamma_loop)(const float *own, const ptrdiff_t corner[8], const pcn_gamma_offset *offsets,
                               size_t count, pcn_gamma_lanes *lanes);

/// The loop's slow twin, point by point in double precision.
void pcn_gamma_search_reference(const float *own, const ptrdiff_t corner[8], const pcn_gamma_offset *offsets,
                                size_t count, pcn_gamma_lanes *lanes);

#endif

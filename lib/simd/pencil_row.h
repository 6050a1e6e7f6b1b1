// SPDX-License-Identifier: Apache-2.0
// Dose of a row of voxels from a map of lateral integrals: trilinear in the map, times the voxel's depth
// values.
#ifndef PCN_PENCIL_ROW_H
#define PCN_PENCIL_ROW_H

#include <stddef.h>

enum {
  PCN_PENCIL_VALUES = 4,  ///< terms, at most
  PCN_PENCIL_LANES = 16   ///< places are read in whole vectors of so many
};

/// A quarter of a map that is even in both axes, from its centre outwards; of the slabs between neighbouring
/// planes both lie together: [slab][y][x][near, far][PCN_PENCIL_VALUES].
typedef struct pcn_pencil_table {
  const float *value;
  int size[2], slabs;
  float centre[2];  ///< of the map, mm in the plane of the voxels' places
  float per_mm[2];  ///< pixels per mm
  float turn[2];    ///< cosine and sine of the map's axes against the voxels'
} pcn_pencil_table;

/// Voxels: place in the isocentre plane (mm), plane of the map (0 to slabs), what each term is multiplied by.
/// The first three may be read up to a whole number of PCN_PENCIL_LANES from the start; there must be
/// finite numbers.
typedef struct pcn_pencil_voxels {
  const float *x, *y, *plane;
  const float *weight;  ///< [voxel][PCN_PENCIL_VALUES]
} pcn_pencil_voxels;

/// 0 beyond the last but one pixel. @param[out] out  n values
typedef void (*pcn_pencil_row_loop)(const pcn_pencil_table *table, const pcn_pencil_voxels *voxels, size_t n,
                                    float *out);

/// Slow twin of the loops.
void pcn_pencil_row_reference(const pcn_pencil_table *table, const pcn_pencil_voxels *voxels, size_t n,
                              float *out);

#endif

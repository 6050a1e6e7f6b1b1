// SPDX-License-Identifier: Apache-2.0
// Released energy of a row of voxels: spectrum behind a depth, fluence, and what the voxel is made of.
#ifndef PCN_RELEASE_ROW_H
#define PCN_RELEASE_ROW_H

#include <stddef.h>
#include <stdint.h>

/// Values per node: primary and scatter of a gram of water, the same of a gram of aluminium.
enum { PCN_RELEASE_PARTS = 2, PCN_RELEASE_VALUES = 4 };

/// Released energy per fluence against the depths in water and aluminium (photon/quality.h).
typedef struct pcn_release_table {
  const float *node; ///< [aluminium][water][PCN_RELEASE_VALUES]
  int32_t water_nodes, aluminium_nodes;
  float per_water, per_aluminium; ///< nodes per g/cm2
  float first_aluminium;          ///< g/cm2, of node 0; the first of water is at 0
  float aluminium_electrons;      ///< of one gram, relative to water
} pcn_release_table;

/// Voxel i lies at (depth + i depth_step) times the SAD along the beam's axis and at the root of distance[0] +
/// i distance[1] + i^2 distance[2] times the SAD from the source.
typedef struct pcn_release_line {
  float fluence; ///< in the isocentre plane
  float depth, depth_step, distance[3];
} pcn_release_line;

/// Arrays of n voxels. Only where there is aluminium: integral[1], electron_density, aluminium; else NULL.
typedef struct pcn_release_row {
  size_t n;
  const float *integral[2]; ///< from the source: electron density and aluminium, g/cm3 times mm
  const float *share;       ///< of the voxel inside the field
  const float *electron_density, *aluminium;
  float *release[PCN_RELEASE_PARTS]; ///< written
} pcn_release_row;

/// @return number of voxels behind depths outside the table: their release is that of its edge.
typedef size_t (*pcn_release_row_loop)(const pcn_release_table *table, const pcn_release_line *line,
                                       const pcn_release_row *row);

/// Slow twin of the loops.
size_t pcn_release_row_reference(const pcn_release_table *table, const pcn_release_line *line,
                                 const pcn_release_row *row);

#endif

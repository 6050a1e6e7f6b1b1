// SPDX-License-Identifier: Apache-2.0
// Shares of a direction in the energy of a row of voxels, whose kernels are tilted each along its own ray.
#ifndef PCN_TILT_ROW_H
#define PCN_TILT_ROW_H

#include <stddef.h>

/// What primary and scatter send, what the spread of electrons changes; a pad.
enum { PCN_TILT_PRIMARY = 0, PCN_TILT_SCATTER = 1, PCN_TILT_SPREAD = 2, PCN_TILT_VALUES = 4 };

/// A node: its values; what they change to the next node across; to the next along; what that change changes
/// to the next across.
enum { PCN_TILT_ACROSS = 4, PCN_TILT_ALONG = 8, PCN_TILT_BOTH = 12, PCN_TILT_NODE = 16 };

/// Shares against the tangents of the tilt: along from -nodes to nodes, across from 0 to nodes (it is even).
typedef struct pcn_tilt_table {
  const float *value;  ///< [across][along][PCN_TILT_NODE]; on 64 bytes
  int nodes;
  float per_tangent;  ///< nodes per unit of the tangent
} pcn_tilt_table;

/// Voxel i lies at along + i along_step from the beam's axis towards the direction's azimuth, and so on; mm.
typedef struct pcn_tilt_line {
  float along, across, depth;
  float along_step, across_step, depth_step;
} pcn_tilt_line;

/// Bilinear in the table; tilts beyond it count as its edge. @param[out] weight  three arrays with room for
/// n, made up to a multiple of 4; the third NULL where the spread is not wanted
typedef void (*pcn_tilt_row_loop)(const pcn_tilt_table *table, const pcn_tilt_line *line, size_t n,
                                  float *const weight[3]);

/// Slow twin of the loops.
void pcn_tilt_row_reference(const pcn_tilt_table *table, const pcn_tilt_line *line, size_t n,
                            float *const weight[3]);

#endif

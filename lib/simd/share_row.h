// SPDX-License-Identifier: Apache-2.0
// Gaussians in the cells of one axis.
#ifndef PCN_SHARE_ROW_H
#define PCN_SHARE_ROW_H

#include <stdint.h>

/// Cells are made in whole groups of so many.
enum { PCN_SHARE_LANES = 16 };

/// Gaussians of integral 1 and of one width, cut at +- cut sigma and scaled back. Lengths in sigma.
typedef struct pcn_share_lines {
  double edge;   ///< of the first cell, less the first Gaussian's place
  double step;   ///< of the cells
  double apart;  ///< of the Gaussians
  float cut;     ///< at most 6
  float scale;   ///< one over the step in mm, over what lies within the cut
  int32_t lines, cells;
  int64_t stride;  ///< floats from line to line; at least the cells in whole groups
} pcn_share_lines;

/// Means of the Gaussians in the cells, per mm: 0 beyond the cut and behind the cells. @param[out] out
/// [line][cell]
typedef void (*pcn_share_row_loop)(const pcn_share_lines *lines, float *out);

/// Slow twin of the loops.
void pcn_share_row_reference(const pcn_share_lines *lines, float *out);

#endif

// SPDX-License-Identifier: Apache-2.0
// A Gaussian in the cells of one axis.
#ifndef PCN_SHARE_ROW_H
#define PCN_SHARE_ROW_H

#include <stddef.h>

/// A Gaussian of integral 1, cut at +- cut sigma and scaled back.
typedef struct pcn_share_line {
  float edge;   ///< of the first cell, less the Gaussian's place, over sigma
  float step;   ///< of the cells, over sigma
  float cut;    ///< at most 6
  float scale;  ///< one over the step in mm, over what lies within the cut
} pcn_share_line;

/// Mean of the Gaussian in each of n cells, per mm; 0 beyond the cut.
typedef void (*pcn_share_row_loop)(const pcn_share_line *line, size_t n, float *out);

/// Slow twin of the loops.
void pcn_share_row_reference(const pcn_share_line *line, size_t n, float *out);

#endif

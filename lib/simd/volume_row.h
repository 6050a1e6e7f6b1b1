// SPDX-License-Identifier: Apache-2.0
// Values along a line through a volume, trilinear between its cells.
#ifndef PCN_VOLUME_ROW_H
#define PCN_VOLUME_ROW_H

#include <stddef.h>
#include <stdint.h>

/// Cells [z][y][x] of a volume, below 2^31 of them.
typedef struct pcn_volume {
  const float *value;
  int32_t size[3];  ///< of x, y, z
  int32_t step[3];  ///< from one cell to the next, in floats
} pcn_volume;

/// Point i is at + i step, in cells; beyond the outermost cells their value holds on.
typedef struct pcn_volume_line {
  double at[3], step[3];
} pcn_volume_line;

/// @param[out] out  of points first to first + n - 1
typedef void (*pcn_volume_row_loop)(const pcn_volume *volume, const pcn_volume_line *line, size_t first,
                                    size_t n, float *out);

/// Slow twin of the loops.
void pcn_volume_row_reference(const pcn_volume *volume, const pcn_volume_line *line, size_t first, size_t n,
                              float *out);

#endif

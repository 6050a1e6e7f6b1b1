// SPDX-License-Identifier: Apache-2.0
// Depth dose of a row of cells.
#ifndef PCN_BRAGG_ROW_H
#define PCN_BRAGG_ROW_H

#include <stddef.h>
#include <stdint.h>

/// Integral of a depth dose from the surface, in steps of depth.
typedef struct pcn_bragg_table {
  const double *sum;
  int32_t count;  ///< at least 2
  double per_step, scale;
  double before_mm;  ///< depth in front of all cells
} pcn_bragg_table;

/// Mean dose, times scale, of n cells between two depths each. Where there is next to no matter (0.2 mm),
/// that of 0.2 mm around the middle.
typedef void (*pcn_bragg_row_loop)(const pcn_bragg_table *table, const float *from_mm, const float *to_mm,
                                   size_t n, float *out);

/// Slow twin of the loops.
void pcn_bragg_row_reference(const pcn_bragg_table *table, const float *from_mm, const float *to_mm, size_t n,
                             float *out);

#endif

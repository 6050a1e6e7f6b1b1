// SPDX-License-Identifier: Apache-2.0
// Gaussians of rays, sorted into classes of variance.
#ifndef PCN_SORT_ROW_H
#define PCN_SORT_ROW_H

#include <stddef.h>

#include "simd/walk_row.h"

enum { PCN_SORT_NODES = 3 };  ///< classes that share a Gaussian: below the nearest, it, above it

/// Classes of each part: variances are those of class 0 times ratio^c, c from -most to most.
typedef struct pcn_sort_classes {
  float ratio[PCN_WALK_PARTS], log[PCN_WALK_PARTS];  ///< and its natural logarithm
  int32_t most;                                      ///< below 127
} pcn_sort_classes;

/// Gaussians of a block in a plane.
enum {
  PCN_SORT_ALIKE = 0,   ///< all are in class 0, nothing is shared out, and all have the same share
  PCN_SORT_ONE = 1,     ///< the same, with shares of their own
  PCN_SORT_SEVERAL = 2  ///< in several classes
};

/// Rays of a block in planes. Unless they are in several classes, only the middle node is written.
typedef struct pcn_sort_rows {
  int8_t *sort;    ///< [plane][part][ray]: the nearest class
  float *node;     ///< [plane][part][node][ray]: share in each of three classes
  ptrdiff_t rays;  ///< from row to row of both
  uint8_t *mix;    ///< [plane][part]: as above
} pcn_sort_rows;

/// Shares each Gaussian between three classes (docs/theory/proton.md, eq. 5a); all of it is in class 0 where
/// variances agree to 1e-5.
/// @param anchor  [plane][part]: variance of class 0, mm2
typedef void (*pcn_sort_row_loop)(const pcn_sort_classes *classes, const double *anchor,
                                  const pcn_walk_plane *plane, int planes, const pcn_sort_rows *out);

/// Slow twin of the loops.
void pcn_sort_row_reference(const pcn_sort_classes *classes, const double *anchor,
                            const pcn_walk_plane *plane, int planes, const pcn_sort_rows *out);

#endif

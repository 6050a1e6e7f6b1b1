// SPDX-License-Identifier: Apache-2.0
// Rays of a window that are in a class of variance.
#ifndef PCN_CLASS_ROW_H
#define PCN_CLASS_ROW_H

#include <stddef.h>
#include <stdint.h>

/// Sorted Gaussians of one part of rays [y][x] in a plane (sort_row.h), and how many protons the rays have.
typedef struct pcn_class_window {
  const int8_t *sort;    ///< NULL: all are in class 0, and only node[1] is read
  const float *node[3];  ///< share in the class below, in the nearest, in the one above
  ptrdiff_t row;         ///< of sort and node
  const float *weight;
  ptrdiff_t weight_row;
  int32_t count[2];  ///< along x and y
} pcn_class_window;

/// First and one behind the last x and y of what is not 0, its sum and the largest value above 0; none: 0.
typedef struct pcn_class_extent {
  int32_t first[2], last[2];
  float sum, largest;
} pcn_class_extent;

/// Weight of the rays times their share in a class. @param[out] value  [y][x], without gaps between rows
typedef void (*pcn_class_image_loop)(const pcn_class_window *window, int32_t which, float *value,
                                     pcn_class_extent *out);

/// The least and the largest class that any ray with a weight above 0 has a share in, if there is one: range
/// is only widened.
typedef void (*pcn_class_range_loop)(const pcn_class_window *window, int32_t range[2]);

/// Slow twins of the loops.
void pcn_class_image_reference(const pcn_class_window *window, int32_t which, float *value,
                               pcn_class_extent *out);
void pcn_class_range_reference(const pcn_class_window *window, int32_t range[2]);

#endif

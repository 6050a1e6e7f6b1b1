// SPDX-License-Identifier: Apache-2.0
// Integrals of the pencil-beam kernel over rectangles with a corner at the point (docs/theory/pencil-beam.md,
// eq. 5).
#ifndef PCN_PENCIL_CORNER_H
#define PCN_PENCIL_CORNER_H

#include "photon/pencil_kernel.h"

/// Points on the sides of the triangles that lie between the lines of a lattice and its corner. Steps lead
/// from each place of a line to the next and have two points each, or four near the corner. Kernels of all
/// magnifications are read there.
typedef struct pcn_corner_points {
  size_t steps, count;  ///< of a line
  float *root;          ///< [line][point]: root of the distance from the corner, sqrt(mm), isocentre plane
  float *weight;        ///< [line][point]
} pcn_corner_points;

/// A lattice of rectangles in the isocentre plane; their sides u, v are whole pixels.
typedef struct pcn_corners {
  const pcn_pencil_kernel *kernel;  ///< borrowed
  double pixel_mm[2];
  size_t size[2];
  pcn_corner_points side[2];  ///< beside lines of fixed u, of fixed v
  float per_root;             ///< the kernel's radii in a root
  float *value;               ///< [v][u][PCN_PENCIL_TERMS]
} pcn_corners;

/// @param size  places along both sides, 0 included
/// @param[out] out  freed by pcn_corners_free(). @return PENCONE_OK, E_MEMORY
pencone_status pcn_corners_make(pencone_context *ctx, const pcn_pencil_kernel *kernel,
                                const double pixel_mm[2], const size_t size[2], pcn_corners *out);
void pcn_corners_free(pcn_corners *corners);

/// Fills the values for a plane. @param magnification  its distance from the source, over the SAD
void pcn_corners_fill(pencone_context *ctx, double magnification, pcn_corners *corners);

#endif

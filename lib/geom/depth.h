// SPDX-License-Identifier: Apache-2.0
// Path integrals from a point source to every voxel of a cone of rays, by a lattice of exact rays.
#ifndef PCN_DEPTH_H
#define PCN_DEPTH_H

#include <pencone/grid.h>

#include "geom/frame.h"
#include "simd/isa.h"

enum { PCN_DEPTH_VALUES = 2 };

/// Rays from the source, equally spaced in their slopes against the grid's main axis. Each is walked voxel by
/// voxel; its integral is kept at the middle of every plane. Points between rays are interpolated: exact
/// where the density changes along the beam, blurred by less than a voxel where it changes across it.
typedef struct pcn_depth {
  const pencone_grid *grid;  ///< borrowed
  pcn_vec3 source;
  int axis[3];      ///< main axis, then the slopes' axes
  int ahead;        ///< 1 or -1: the way along the main axis
  double slope[2];  ///< of ray (0,0)
  double pitch[2];  ///< between rays
  int64_t rays[2];  ///< along the slopes' axes
  int values;       ///< 1 or 2
  float *integral;  ///< [ray of axis 2][plane][ray of axis 1][value], value times mm; 0 behind the source
} pcn_depth;

/// A rectangle in the isocentre plane of a frame: the rays that are wanted.
typedef struct pcn_depth_field {
  const pcn_frame *frame;
  double x_mm[2], y_mm[2];
} pcn_depth_field;

/// @param value  one or two volumes on the grid (the second may be NULL)
/// @param progress  where it starts and its span. @param[out] out  freed by pcn_depth_free()
/// @return PENCONE_OK, E_MEMORY, E_CANCELLED, E_UNSUPPORTED when rays of the field run along the planes (the
/// caller walks
///   each voxel's own ray then).
pencone_status pcn_depth_make(pencone_context *ctx, const pencone_grid *grid,
                              const float *const value[PCN_DEPTH_VALUES], const pcn_depth_field *field,
                              const double progress[2], pcn_depth *out);
void pcn_depth_free(pcn_depth *depth);

/// Values of ray (i, j) at a plane.
static inline float *pcn_depth_node(const pcn_depth *depth, int64_t plane, int64_t i, int64_t j) {
  const int64_t planes = depth->grid->size[depth->axis[0]];
  return depth->integral + ((j * planes + plane) * depth->rays[0] + i) * depth->values;
}

/// Integrals from the source to a point of the field at the middle of a plane. @param plane  index along the
/// main axis. Points beyond the outermost rays take theirs.
void pcn_depth_at(const pcn_depth *depth, int64_t plane, pcn_vec3 point, double integral[PCN_DEPTH_VALUES]);

/// The same in single precision for n voxels of a row, from voxel ijk on. @param[out] integral  n values for
/// each volume
void pcn_depth_row(const pcn_depth *depth, const pcn_isa *isa, const int64_t ijk[3], size_t n,
                   float *const integral[PCN_DEPTH_VALUES]);

#endif

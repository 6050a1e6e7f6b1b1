// SPDX-License-Identifier: Apache-2.0
// Lateral integrals of the pencil-beam kernel over rectangles (docs/theory/pencil-beam.md, eq. 5).
#ifndef PCN_PENCIL_MAP_H
#define PCN_PENCIL_MAP_H

#include "photon/pencil_kernel.h"

/// Planes across the beam: equally spaced distances from the source, over the SAD.
typedef struct pcn_pencil_planes {
  double first, pitch;
  int count;
} pcn_pencil_planes;

/// A rectangle in the isocentre plane and how it is mapped.
typedef struct pcn_pencil_shape {
  double half_mm[2];  ///< half its sides, whole pixels
  double pixel_mm[2];
  double reach_mm[2];  ///< how far the map goes beyond its edges
  double blur_mm2[2];  ///< variance along its sides of a voxel, over which the map is averaged
} pcn_pencil_shape;

/// A quarter of the map, from the rectangle's centre outwards: see pcn_pencil_table.
typedef struct pcn_pencil_map {
  int size[2];
  double pixel_mm[2];
  pcn_pencil_planes planes;
  float *value;
} pcn_pencil_map;

/// @param[out] out  freed by pcn_free(out->value). @return PENCONE_OK, E_MEMORY, E_CANCELLED.
pencone_status pcn_pencil_map_make(pencone_context *ctx, const pcn_pencil_kernel *kernel,
                                   const pcn_pencil_planes *planes, const pcn_pencil_shape *shape,
                                   pcn_pencil_map *out);

/// The map as the loops want it. @param centre_mm  of the rectangle, along its own sides
/// @param turn  cosine and sine of its sides' angle against the axes of the voxels' places
pcn_pencil_table pcn_pencil_map_table(const pcn_pencil_map *map, const double centre_mm[2],
                                      const double turn[2]);

#endif

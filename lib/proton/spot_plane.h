// SPDX-License-Identifier: Apache-2.0
// One spot on the cells of one plane.
#ifndef PCN_PROTON_SPOT_PLANE_H
#define PCN_PROTON_SPOT_PLANE_H

#include "proton/layer_work.h"

/// Neighbouring rays with the same cell: i of x, j of y, counted from the spot's first ray.
typedef struct pcn_ray_group {
  int64_t i0, i1, j0, j1;
} pcn_ray_group;

/// A spot and the cells that it can reach.
typedef struct pcn_spot_plane {
  const pcn_layer_work *work;
  pcn_spot_rays rays;
  pcn_axis cell[2];
  float *line;          ///< scratch: two lines along each axis, and one more of the longer
  pcn_ray_group *group; ///< scratch: as many as there are rays
} pcn_spot_plane;

/// Adds the spot's protons in plane k.
void pcn_spot_plane_add(const pcn_spot_plane *spot, int64_t k, float *plane);

#endif

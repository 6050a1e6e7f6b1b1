// SPDX-License-Identifier: Apache-2.0
// Exact walk of a straight ray through the voxels of a grid (Siddon 1985, doi:10.1118/1.595715, in the
// incremental form of Amanatides and Woo 1987).
#ifndef PCN_RAY_H
#define PCN_RAY_H

#include <pencone/grid.h>

#include "num/vec3.h"

/// State of a walk; lengths in mm from the start point.
typedef struct pcn_ray {
  double at, end;             ///< where the walk is, where it ends
  double next[3];             ///< where the next plane of each axis is met
  double first[3], pitch[3];  ///< plane k of an axis is met at first + k * pitch
  int64_t crossed[3];
  int64_t voxel, stride[3];  ///< index of the current voxel; change of it per crossing
  int64_t left[3];           ///< voxels to go along each axis, the current one included
} pcn_ray;

/// Starts a walk from a point to another. @return 1, or 0 when the ray misses the grid.
int pcn_ray_begin(pcn_ray *ray, const pencone_grid *grid, pcn_vec3 from, pcn_vec3 to);

/// The next voxel on the way and the length inside it (> 0). @return 1, or 0 at the end.
static inline int pcn_ray_next(pcn_ray *ray, int64_t *voxel, double *length_mm) {
  for (;;) {
    if (!(ray->at < ray->end) || ray->left[0] <= 0 || ray->left[1] <= 0 || ray->left[2] <= 0) {
      return 0;
    }
    int axis = ray->next[0] <= ray->next[1] ? 0 : 1;  // ties go to the lower axis: the walk always ends
    axis = ray->next[axis] <= ray->next[2] ? axis : 2;
    const double until = ray->next[axis] < ray->end ? ray->next[axis] : ray->end;
    const double length = until - ray->at;
    const int64_t here = ray->voxel;
    ray->crossed[axis]++;
    ray->next[axis] = ray->first[axis] + (double)ray->crossed[axis] * ray->pitch[axis];
    ray->voxel += ray->stride[axis];
    ray->left[axis]--;
    if (length > 0) {
      ray->at = until;
      *voxel = here;
      *length_mm = length;
      return 1;
    }
  }
}

/// Integral of a quantity per mm along the ray from one point to another: sum of value * length.
double pcn_ray_integral(const pencone_grid *grid, const float *value, pcn_vec3 from, pcn_vec3 to);

#endif

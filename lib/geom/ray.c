// SPDX-License-Identifier: Apache-2.0
#include "geom/ray.h"

#include <math.h>

typedef struct axis_view {
  double low, pitch;  ///< lower face of the grid, voxel size
  int64_t size;
} axis_view;

// Narrows [at, end] to the part inside the slab of one axis. Returns 0 when nothing is left.
static int clip(axis_view a, double from, double direction, double *at, double *end) {
  const double high = a.low + a.pitch * (double)a.size;
  if (direction == 0) {
    return from >= a.low && from < high;
  }
  const double t0 = (a.low - from) / direction, t1 = (high - from) / direction;
  *at = fmax(*at, fmin(t0, t1));
  *end = fmin(*end, fmax(t0, t1));
  return *at < *end;
}

static void start_axis(pcn_ray *ray, int axis, axis_view a, double from, double direction) {
  const double position = (from + direction * ray->at - a.low) / a.pitch;
  int64_t index = (int64_t)floor(position);
  if (direction < 0 && position == floor(position)) {
    index--;  // on a face and going down: the voxel below
  }
  index = index < 0 ? 0 : (index >= a.size ? a.size - 1 : index);
  ray->crossed[axis] = 0;
  ray->left[axis] = direction < 0 ? index + 1 : a.size - index;
  if (direction == 0) {
    ray->first[axis] = ray->next[axis] = INFINITY;
    ray->pitch[axis] = 0;
  } else {
    const double face = a.low + a.pitch * (double)(direction > 0 ? index + 1 : index);
    ray->pitch[axis] = a.pitch / fabs(direction);
    ray->first[axis] = ray->next[axis] = (face - from) / direction;
  }
  ray->voxel += index * ray->stride[axis];
  ray->stride[axis] = direction < 0 ? -ray->stride[axis] : ray->stride[axis];
}

int pcn_ray_begin(pcn_ray *ray, const pencone_grid *grid, pcn_vec3 from, pcn_vec3 to) {
  const pcn_vec3 way = pcn_v3_sub(to, from);
  const double length = pcn_v3_length(way);
  if (!(length > 0)) {
    return 0;
  }
  const double start[3] = {from.x, from.y, from.z};
  const double direction[3] = {way.x / length, way.y / length, way.z / length};
  axis_view axes[3];
  ray->at = 0;
  ray->end = length;
  for (int a = 0; a < 3; a++) {
    axes[a].pitch = grid->spacing_mm[a];
    axes[a].low = grid->origin_mm[a] - 0.5 * grid->spacing_mm[a];
    axes[a].size = grid->size[a];
    if (!clip(axes[a], start[a], direction[a], &ray->at, &ray->end)) {
      return 0;
    }
  }
  ray->voxel = 0;
  ray->stride[0] = 1;
  ray->stride[1] = grid->size[0];
  ray->stride[2] = grid->size[0] * grid->size[1];
  for (int a = 0; a < 3; a++) {
    start_axis(ray, a, axes[a], start[a], direction[a]);
  }
  return 1;
}

double pcn_ray_integral(const pencone_grid *grid, const float *value, pcn_vec3 from, pcn_vec3 to) {
  pcn_ray ray;
  double sum = 0, length;
  int64_t voxel;
  if (pcn_ray_begin(&ray, grid, from, to)) {
    while (pcn_ray_next(&ray, &voxel, &length)) {
      sum += (double)value[voxel] * length;
    }
  }
  return sum;
}

// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_map.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "photon/pencil_corner.h"

enum { TERMS = PCN_PENCIL_TERMS };

/// GNU C vectors, which gcc and clang know: all terms together.
typedef float terms __attribute__((vector_size(TERMS * sizeof(float))));

static terms load(const float from[TERMS]) {
  terms out;
  memcpy(&out, from, sizeof out);
  return out;
}

/// A plane of the map at work.
typedef struct plane_work {
  const pcn_pencil_map *map;
  const pcn_corners *corners;
  int half[2];
  float *plane;
} plane_work;

// A rectangle with one corner at the point and the other at u, v; negative sides take away.
static terms corner(const pcn_corners *c, int u, int v) {
  const size_t at = (size_t)(v < 0 ? -v : v) * c->size[0] + (size_t)(u < 0 ? -u : u);
  const terms value = load(c->value + at * TERMS);
  return (u < 0) != (v < 0) ? -value : value;
}

// Four corners make the rectangle.
static void fill_row(void *data, size_t row, int worker) {
  (void)worker;
  const plane_work *w = data;
  const pcn_corners *c = w->corners;
  const int j = (int)row, near = w->half[1] - j, far = w->half[1] + j;
  float *out = w->plane + row * (size_t)w->map->size[0] * TERMS;
  for (int i = 0; i < w->map->size[0]; i++, out += TERMS) {
    const int left = w->half[0] - i, right = w->half[0] + i;
    const terms upper = corner(c, right, far) + corner(c, left, far),
                lower = corner(c, right, near) + corner(c, left, near), sum = upper + lower;
    memcpy(out, &sum, sizeof sum);
  }
}

// Variance that a pass of weight s along one axis adds: s pixels squared; few passes make it stable.
static void smooth(const pcn_pencil_map *map, float *plane, int axis, double variance) {
  const int n = map->size[axis], lines = map->size[1 - axis], passes = 1 + (int)(2 * variance);
  const size_t step = axis == 0 ? TERMS : (size_t)map->size[0] * TERMS,
               other = axis == 0 ? (size_t)map->size[0] * TERMS : TERMS;
  const float s = (float)(variance / passes);
  for (int pass = 0; pass < passes && variance > 0; pass++) {
    for (int l = 0; l < lines; l++) {
      float *v = plane + (size_t)l * other;
      terms before = load(v + step), here = load(v);  // mirror at the field's centre
      for (int i = 0; i < n - 1; i++, v += step) {
        const terms next = load(v + step), mean = here + 0.5f * s * (before - 2 * here + next);
        memcpy(v, &mean, sizeof mean);
        before = here;
        here = next;
      }
    }
  }
}

// Voxel means across the beam, and the source's blur, which grows as the beam does. Linear interpolation
// between pixels adds the variance of a sixth of a pixel by itself.
static void average_voxels(const pcn_pencil_map *map, const double blur_mm2[2], double penumbra_mm2,
                           double magnification, float *plane) {
  for (int axis = 0; axis < 2; axis++) {
    const double side = map->pixel_mm[axis], pixel = side * magnification;
    smooth(map, plane, axis,
           fmax(0, blur_mm2[axis] / (pixel * pixel) + penumbra_mm2 / (side * side) - 1.0 / 6));
  }
}

// A plane is the far one of the slab before it and the near one of the slab behind it.
static void put_plane(const pcn_pencil_map *map, int p, const float *plane) {
  const size_t pixels = (size_t)map->size[0] * (size_t)map->size[1];
  for (int far = 0; far < 2; far++) {
    const int slab = p - far;
    if (slab >= 0 && slab < map->planes.count - 1) {
      float *out = map->value + ((size_t)slab * pixels * 2 + (size_t)far) * TERMS;
      for (size_t i = 0; i < pixels; i++) {
        memcpy(out + i * 2 * TERMS, plane + i * TERMS, TERMS * sizeof *out);
      }
    }
  }
}

static pencone_status fill_planes(pencone_context *ctx, const pcn_pencil_kernel *kernel,
                                  const pcn_pencil_shape *shape, pcn_corners *corners, plane_work *w) {
  const pcn_pencil_map *map = w->map;
  for (int p = 0; p < map->planes.count; p++) {
    const double magnification = map->planes.first + p * map->planes.pitch;
    pcn_corners_fill(ctx, magnification, corners);
    pcn_parallel_for(ctx, (size_t)map->size[1], fill_row, w);
    average_voxels(map, shape->blur_mm2, kernel->penumbra_mm2, magnification, w->plane);
    put_plane(map, p, w->plane);
    PCN_TRY(pcn_progress(ctx, 0.1, "pencil beam"));
  }
  return PENCONE_OK;
}

pencone_status pcn_pencil_map_make(pencone_context *ctx, const pcn_pencil_kernel *kernel,
                                   const pcn_pencil_planes *planes, const pcn_pencil_shape *shape,
                                   pcn_pencil_map *out) {
  pcn_corners corners;
  plane_work w = {.map = out, .corners = &corners};
  size_t places[2];
  memset(out, 0, sizeof *out);
  for (int a = 0; a < 2; a++) {
    w.half[a] = (int)round(shape->half_mm[a] / shape->pixel_mm[a]);
    out->pixel_mm[a] = shape->pixel_mm[a];
    out->size[a] = w.half[a] + (int)ceil(shape->reach_mm[a] / shape->pixel_mm[a] - 1e-6) + 1;
    places[a] = (size_t)(w.half[a] + out->size[a]);
  }
  out->planes = *planes;
  PCN_TRY(pcn_corners_make(ctx, kernel, out->pixel_mm, places, &corners));
  const size_t plane = (size_t)out->size[0] * (size_t)out->size[1] * TERMS;
  out->value = pcn_alloc(ctx, 2 * plane * (size_t)(planes->count - 1), sizeof *out->value);
  w.plane = pcn_alloc(ctx, plane, sizeof *w.plane);
  const pencone_status status = out->value != NULL && w.plane != NULL
                                    ? fill_planes(ctx, kernel, shape, &corners, &w)
                                    : PENCONE_E_MEMORY;
  pcn_corners_free(&corners);
  pcn_free(w.plane);
  if (status != PENCONE_OK) {
    pcn_free(out->value);
    out->value = NULL;
  }
  return status;
}

pcn_pencil_table pcn_pencil_map_table(const pcn_pencil_map *map, const double centre_mm[2],
                                      const double turn[2]) {
  const pcn_pencil_table table = {.value = map->value,
                                  .size = {map->size[0], map->size[1]},
                                  .slabs = map->planes.count - 1,
                                  .centre = {(float)centre_mm[0], (float)centre_mm[1]},
                                  .per_mm = {(float)(1 / map->pixel_mm[0]), (float)(1 / map->pixel_mm[1])},
                                  .turn = {(float)turn[0], (float)turn[1]}};
  return table;
}

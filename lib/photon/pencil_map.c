// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_map.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"

enum {
  TERMS = PCN_PENCIL_TERMS,
  NEAR = 8,
  POINTS_NEAR = 4,
  POINTS_FAR = 2,
  BATCH = 8,
  MOST_POINTS = POINTS_NEAR * BATCH
};

/// Integrals of the kernel over rectangles with a corner at the point: [v][u][term], sides u, v in pixels.
typedef struct corner_work {
  const pcn_pencil_kernel *kernel;
  const double *pixel_mm;
  double magnification;
  size_t size[2];
  double *value;
} corner_work;

// The kernel's circles on the side of a triangle at distance u, each step's points together.
typedef struct points {
  int32_t node[MOST_POINTS];
  float share[MOST_POINTS], weight[MOST_POINTS];
} points;

// Eq. 5 with s = u tan(phi): dphi = u / (u^2 + s^2) ds, over steps `first` to `first + steps`, by Gauss's
// rule.
static void find_points(const corner_work *w, double u, double step, size_t first, size_t steps, int count,
                        points *out) {
  static const double place[2][POINTS_NEAR] = {
      {-0.5773502691896257, 0.5773502691896257},
      {-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526}};
  static const double weight[2][POINTS_NEAR] = {
      {1, 1}, {0.3478548451374538, 0.6521451548625461, 0.6521451548625461, 0.3478548451374538}};
  const int rule = count == POINTS_NEAR;
  const double per_step = 1 / w->kernel->root_step, last = PCN_PENCIL_RADII - 1.001, m = w->magnification;
  for (int p = 0; p < count; p++) {
    const double start = ((double)first + 0.5 * (1 + place[rule][p])) * step,
                 all = 0.5 * step * weight[rule][p] * u / (2 * PCN_PI);
    for (int32_t k = 0; k < (int32_t)steps; k++) {
      const double s = start + k * step, square = u * u + s * s;
      const double root = sqrt(m * sqrt(square)) * per_step, x = root < last ? root : last;
      const int32_t i = (int32_t)x;
      out->node[p * BATCH + k] = i;
      out->share[p * BATCH + k] = (float)(x - i);
      out->weight[p * BATCH + k] = (float)(all / square);
    }
  }
}

static void add_step(const corner_work *w, const points *from, size_t k, int count, double sum[TERMS]) {
  for (int p = 0; p < count; p++) {
    const size_t at = (size_t)p * BATCH + k;
    const float *a = w->kernel->circle[from->node[at]], *b = w->kernel->circle[from->node[at] + 1];
    for (int t = 0; t < TERMS; t++) {
      sum[t] += (double)(from->weight[at] * (a[t] + from->share[at] * (b[t] - a[t])));
    }
  }
}

// The triangles beside one line of the lattice, each from the one before. axis: 0 is a column of fixed u, 1 a
// row of fixed v.
static void fill_line(const corner_work *w, int axis, size_t line) {
  const double u = (double)line * w->pixel_mm[axis], step = w->pixel_mm[1 - axis];
  const size_t stride = (axis == 0 ? w->size[0] : 1) * TERMS, n = w->size[1 - axis];
  double sum[TERMS] = {0}, *out = w->value + line * (axis == 0 ? 1 : w->size[0]) * TERMS;
  points found;
  for (int t = 0; t < TERMS && axis == 0; t++) {
    out[t] = 0;
  }
  for (size_t first = 0; first + 1 < n; first += BATCH) {  // a step leads from each corner to the next
    const int count = first < NEAR ? POINTS_NEAR : POINTS_FAR;
    const size_t steps = n - 1 - first < BATCH ? n - 1 - first : BATCH;
    if (line > 0) {
      find_points(w, u, step, first, steps, count, &found);
    }
    for (size_t k = 0; k < steps; k++) {
      out += stride;
      if (line > 0) {
        add_step(w, &found, k, count, sum);
      }
      for (int t = 0; t < TERMS; t++) {
        out[t] = axis == 0 ? sum[t] : out[t] + sum[t];
      }
    }
  }
}

static void fill_column(void *data, size_t column, int worker) {
  (void)worker;
  fill_line(data, 0, column);
}

static void fill_row(void *data, size_t row, int worker) {
  (void)worker;
  fill_line(data, 1, row);
}

// One plane of the map: four corners make the rectangle, negative sides taking away.
static void fill_plane(const pcn_pencil_map *map, const corner_work *w, const int half[2], float *plane) {
  for (int j = 0; j < map->size[1]; j++) {
    for (int i = 0; i < map->size[0]; i++, plane += TERMS) {
      double sum[TERMS] = {0};
      for (int corner = 0; corner < 4; corner++) {
        const int u = half[0] + (corner & 1 ? i : -i), v = half[1] + (corner & 2 ? j : -j);
        const double sign = (u < 0) != (v < 0) ? -1 : 1;
        const double *from =
            w->value + ((size_t)(v < 0 ? -v : v) * w->size[0] + (size_t)(u < 0 ? -u : u)) * TERMS;
        for (int t = 0; t < TERMS; t++) {
          sum[t] += sign * from[t];
        }
      }
      for (int t = 0; t < TERMS; t++) {
        plane[t] = (float)sum[t];
      }
    }
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
      for (int t = 0; t < TERMS; t++) {
        float *v = plane + (size_t)l * other + t, before = v[step];  // mirror at the field's centre
        for (int i = 0; i < n - 1; i++) {
          const float here = v[(size_t)i * step];
          v[(size_t)i * step] = here + 0.5f * s * (before - 2 * here + v[(size_t)(i + 1) * step]);
          before = here;
        }
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

pencone_status pcn_pencil_map_make(pencone_context *ctx, const pcn_pencil_kernel *kernel,
                                   const pcn_pencil_planes *planes, const pcn_pencil_shape *shape,
                                   pcn_pencil_map *out) {
  int half[2];
  corner_work w = {.kernel = kernel, .pixel_mm = out->pixel_mm};
  memset(out, 0, sizeof *out);
  for (int a = 0; a < 2; a++) {
    half[a] = (int)round(shape->half_mm[a] / shape->pixel_mm[a]);
    out->pixel_mm[a] = shape->pixel_mm[a];
    out->size[a] = half[a] + (int)ceil(shape->reach_mm[a] / shape->pixel_mm[a] - 1e-6) + 1;
    w.size[a] = (size_t)(half[a] + out->size[a]);
  }
  out->planes = *planes;
  const size_t plane = (size_t)out->size[0] * (size_t)out->size[1] * TERMS;
  out->value = pcn_alloc(ctx, 2 * plane * (size_t)(planes->count - 1), sizeof *out->value);
  float *one = pcn_alloc(ctx, plane, sizeof *one);
  w.value = pcn_alloc(ctx, w.size[0] * w.size[1] * TERMS, sizeof *w.value);
  pencone_status status =
      out->value != NULL && one != NULL && w.value != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  for (int p = 0; p < planes->count && status == PENCONE_OK; p++) {
    w.magnification = planes->first + p * planes->pitch;
    pcn_parallel_for(ctx, w.size[0], fill_column, &w);
    pcn_parallel_for(ctx, w.size[1], fill_row, &w);
    fill_plane(out, &w, half, one);
    average_voxels(out, shape->blur_mm2, kernel->penumbra_mm2, w.magnification, one);
    put_plane(out, p, one);
    status = pcn_progress(ctx, 0.1, "pencil beam");
  }
  pcn_free(w.value);
  pcn_free(one);
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

// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_map.h"

#include "base/base.h"
#include "num/constants.h"
#include <math.h>
#include <string.h>

enum { TERMS = PCN_PENCIL_TERMS, NEAR = 8, POINTS_NEAR = 4, POINTS_FAR = 2 };

/// Integrals of the kernel over rectangles with a corner at the point: [v][u][term], sides u, v in pixels.
typedef struct corner_work {
  const pcn_pencil_kernel *kernel;
  const double *pixel_mm;
  double magnification;
  size_t size[2];
  double *value;
} corner_work;

static void add_circle(const pcn_pencil_kernel *k, double radius_mm, double weight, double sum[TERMS]) {
  const double x = fmin(sqrt(radius_mm) / k->root_step, PCN_PENCIL_RADII - 1.001);
  const int i = (int)x;
  for (int t = 0; t < TERMS; t++) {
    const double a = (double)k->circle[i][t], b = (double)k->circle[i + 1][t];
    sum[t] += weight * (a + (x - i) * (b - a));
  }
}

// Eq. 5 with s = u tan(phi): dphi = u / (u^2 + s^2) ds. The next pixel of s on the side at distance u: Gauss's rule.
static void add_step(const corner_work *w, double u, double s0, double step, int points, double sum[TERMS]) {
  static const double place[2][POINTS_NEAR] = {{-0.5773502691896257, 0.5773502691896257},
                                               {-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526}};
  static const double weight[2][POINTS_NEAR] = {{1, 1}, {0.3478548451374538, 0.6521451548625461, 0.6521451548625461, 0.3478548451374538}};
  const int rule = points == POINTS_NEAR;
  for (int p = 0; p < points; p++) {
    const double s = s0 + 0.5 * step * (1 + place[rule][p]), square = u * u + s * s;
    add_circle(w->kernel, w->magnification * sqrt(square), 0.5 * step * weight[rule][p] * u / square / (2 * PCN_PI), sum);
  }
}

// The triangles beside one line of the lattice, each from the one before. axis: 0 is a column of fixed u, 1 a row of fixed v.
static void fill_line(const corner_work *w, int axis, size_t line) {
  const double u = (double)line * w->pixel_mm[axis], step = w->pixel_mm[1 - axis];
  double sum[TERMS] = {0};
  for (size_t i = 0; i < w->size[1 - axis]; i++) {
    double *out = w->value + (axis == 0 ? i * w->size[0] + line : line * w->size[0] + i) * TERMS;
    if (line > 0 && i > 0) {
      add_step(w, u, (double)(i - 1) * step, step, i <= NEAR ? POINTS_NEAR : POINTS_FAR, sum);
    }
    for (int t = 0; t < TERMS; t++) {
      out[t] = axis == 0 ? sum[t] : out[t] + sum[t];
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
        const double *from = w->value + ((size_t)(v < 0 ? -v : v) * w->size[0] + (size_t)(u < 0 ? -u : u)) * TERMS;
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
  const size_t step = axis == 0 ? TERMS : (size_t)map->size[0] * TERMS, other = axis == 0 ? (size_t)map->size[0] * TERMS : TERMS;
  const float s = (float)(variance / passes);
  for (int pass = 0; pass < passes && variance > 0; pass++) {
    for (int l = 0; l < lines; l++) {
      for (int t = 0; t < TERMS; t++) {
        float *v = plane + (size_t)l * other + t, before = v[step]; // mirror at the field's centre
        for (int i = 0; i < n - 1; i++) {
          const float here = v[(size_t)i * step];
          v[(size_t)i * step] = here + 0.5f * s * (before - 2 * here + v[(size_t)(i + 1) * step]);
          before = here;
        }
      }
    }
  }
}

// Voxel means across the beam, and the source's blur, which grows as the beam does. Linear interpolation between pixels
// adds the variance of a sixth of a pixel by itself.
static void average_voxels(const pcn_pencil_map *map, const double blur_mm2[2], double penumbra_mm2, double magnification,
                           float *plane) {
  for (int axis = 0; axis < 2; axis++) {
    const double side = map->pixel_mm[axis], pixel = side * magnification;
    smooth(map, plane, axis, fmax(0, blur_mm2[axis] / (pixel * pixel) + penumbra_mm2 / (side * side) - 1.0 / 6));
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

pencone_status pcn_pencil_map_make(pencone_context *ctx, const pcn_pencil_kernel *kernel, const pcn_pencil_planes *planes,
                                   const pcn_pencil_shape *shape, pcn_pencil_map *out) {
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
  pencone_status status = out->value != NULL && one != NULL && w.value != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
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

pcn_pencil_table pcn_pencil_map_table(const pcn_pencil_map *map, const double centre_mm[2], const double turn[2]) {
  const pcn_pencil_table table = {.value = map->value,
                                  .size = {map->size[0], map->size[1]},
                                  .slabs = map->planes.count - 1,
                                  .centre = {(float)centre_mm[0], (float)centre_mm[1]},
                                  .per_mm = {(float)(1 / map->pixel_mm[0]), (float)(1 / map->pixel_mm[1])},
                                  .turn = {(float)turn[0], (float)turn[1]}};
  return table;
}

// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_beam.h"

#include "base/base.h"
#include "geom/depth.h"
#include "geom/ray.h"
#include "num/constants.h"
#include <math.h>
#include <string.h>

enum { TERMS = PCN_PENCIL_TERMS, QUADRATURE = 24 };

// --- lateral integrals -------------------------------------------------------------------------

/// Integrals of the kernel over rectangles with a corner at the point: [v][u][term], sides u, v in pixels.
typedef struct corner_work {
  const pcn_pencil_kernel *kernel;
  const double *pixel_mm;
  double magnification;
  size_t size[2];
  float *value;
} corner_work;

static void add_circle(const pcn_pencil_kernel *k, double radius_mm, double weight, double sum[TERMS]) {
  const double x = fmin(sqrt(radius_mm) / k->root_step, PCN_PENCIL_RADII - 1.001);
  const int i = (int)x;
  for (int t = 0; t < TERMS; t++) {
    const double a = (double)k->circle[i][t], b = (double)k->circle[i + 1][t];
    sum[t] += weight * (a + (x - i) * (b - a));
  }
}

// Eq. 5: the triangle between the side u, the diagonal, and the axis.
static void add_triangle(const corner_work *w, double u, double v, double sum[TERMS]) {
  const double step = atan2(v, u) / QUADRATURE;
  for (int i = 0; i < QUADRATURE; i++) {
    add_circle(w->kernel, w->magnification * u / cos((i + 0.5) * step), step / (2 * PCN_PI), sum);
  }
}

static void fill_corners(void *data, size_t row, int worker) {
  (void)worker;
  const corner_work *w = data;
  for (size_t i = 0; i < w->size[0]; i++) {
    double sum[TERMS] = {0};
    const double u = (double)i * w->pixel_mm[0], v = (double)row * w->pixel_mm[1];
    if (i > 0 && row > 0) {
      add_triangle(w, u, v, sum);
      add_triangle(w, v, u, sum);
    }
    for (int t = 0; t < TERMS; t++) {
      w->value[(row * w->size[0] + i) * TERMS + (size_t)t] = (float)sum[t];
    }
  }
}

// One plane of the map: four corners make the rectangle, negative sides taking away.
static void fill_plane(const pcn_pencil_map *map, const corner_work *w, const int half[2], float *plane) {
  for (int j = 0; j < map->size[1]; j++) {
    for (int i = 0; i < map->size[0]; i++) {
      for (int corner = 0; corner < 4; corner++) {
        const int u = half[0] + (corner & 1 ? i : -i), v = half[1] + (corner & 2 ? j : -j);
        const float sign = (u < 0) != (v < 0) ? -1.0f : 1.0f;
        const size_t at = (size_t)(v < 0 ? -v : v) * w->size[0] + (size_t)(u < 0 ? -u : u);
        for (int t = 0; t < TERMS; t++) {
          plane[(size_t)(j * map->size[0] + i) * TERMS + (size_t)t] += sign * w->value[at * TERMS + (size_t)t];
        }
      }
    }
  }
}

// Variance that a pass of weight s along one axis adds: s pixels squared; few passes make it stable.
static void smooth(const pcn_pencil_map *map, float *plane, int axis, double variance) {
  const int n = map->size[axis], lines = map->size[1 - axis], passes = 1 + (int)(2 * variance);
  const size_t step = axis == 0 ? TERMS : (size_t)map->size[0] * TERMS, other = axis == 0 ? (size_t)map->size[0] * TERMS : TERMS;
  const float s = (float)(variance / passes);
  for (int pass = 0; pass < passes; pass++) {
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

// Voxel means across the beam: a box's variance is its width squared over 12. Linear interpolation between pixels
// adds that of a sixth of a pixel by itself.
static void average_voxels(const pcn_pencil_beam *e, double magnification, float *plane) {
  const double *h = e->medium->grid.spacing_mm;
  const pcn_vec3 side[2] = {e->frame.ex, e->frame.ey};
  for (int axis = 0; axis < 2; axis++) {
    const pcn_vec3 v = {side[axis].x * h[0], side[axis].y * h[1], side[axis].z * h[2]};
    const double pixel = e->map.pixel_mm[axis] * magnification;
    smooth(&e->map, plane, axis, fmax(0, pcn_v3_dot(v, v) / (12 * pixel * pixel) - 1.0 / 6));
  }
}

static pencone_status make_map(pencone_context *ctx, pcn_pencil_beam *e, double reach_mm, const double span[2]) {
  pcn_pencil_map *map = &e->map;
  const double *edge[2] = {e->x_mm, e->y_mm};
  int half[2];
  corner_work w = {.kernel = e->kernel, .pixel_mm = map->pixel_mm};
  for (int a = 0; a < 2; a++) {
    const double width = edge[a][1] - edge[a][0], wanted = width + reach_mm <= 400 ? 1 : 2;
    half[a] = (int)ceil(0.5 * width / wanted);
    map->pixel_mm[a] = 0.5 * width / half[a];
    map->centre_mm[a] = 0.5 * (edge[a][0] + edge[a][1]);
    map->size[a] = half[a] + (int)ceil(reach_mm / map->pixel_mm[a]) + 1;
    w.size[a] = (size_t)(half[a] + map->size[a]);
  }
  const double wanted_pitch = 0.1;
  map->planes = 2 + (int)((span[1] - span[0]) / wanted_pitch);
  map->first = span[0];
  map->pitch = (span[1] - span[0]) / (map->planes - 1);
  const size_t plane = (size_t)map->size[0] * (size_t)map->size[1] * TERMS;
  map->value = pcn_calloc(ctx, plane * (size_t)map->planes, sizeof *map->value);
  w.value = pcn_alloc(ctx, w.size[0] * w.size[1] * TERMS, sizeof *w.value);
  pencone_status status = map->value != NULL && w.value != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  for (int p = 0; p < map->planes && status == PENCONE_OK; p++) {
    w.magnification = map->first + p * map->pitch;
    pcn_parallel_for(ctx, w.size[1], fill_corners, &w);
    fill_plane(map, &w, half, map->value + (size_t)p * plane);
    average_voxels(e, w.magnification, map->value + (size_t)p * plane);
    status = pcn_progress(ctx, 0.1, "pencil beam");
  }
  pcn_free(w.value);
  return status;
}

// --- making ready ------------------------------------------------------------------------------

// Nearest and farthest corner of the grid along the beam's axis, over the SAD.
static void find_span(const pencone_grid *grid, const pcn_frame *f, double span[2]) {
  span[0] = 1e30;
  span[1] = 0;
  for (int corner = 0; corner < 8; corner++) {
    double xyz[3], x, y, z;
    pencone_grid_centre(grid, corner & 1 ? grid->size[0] : -1, corner & 2 ? grid->size[1] : -1,
                        corner & 4 ? grid->size[2] : -1, xyz);
    pcn_frame_project(f, pcn_v3_from(xyz), &x, &y, &z);
    span[0] = fmin(span[0], z / f->sad_mm);
    span[1] = fmax(span[1], z / f->sad_mm);
  }
  span[0] = fmax(span[0], 0.05);
}

// Distance from the source to the first matter on the axis through the field's centre; without any, to the grid.
static double find_ssd(const pcn_medium *m, const pcn_pencil_beam *a, double nearest_mm) {
  const double air = 0.05;
  const pcn_frame *f = &a->frame;
  pcn_vec3 way = pcn_v3_scale(f->ez, f->sad_mm);
  way = pcn_v3_add(way, pcn_v3_scale(f->ex, 0.5 * (a->x_mm[0] + a->x_mm[1])));
  way = pcn_v3_add(way, pcn_v3_scale(f->ey, 0.5 * (a->y_mm[0] + a->y_mm[1])));
  const double length_mm = pcn_v3_length(way);
  pcn_ray ray;
  int64_t voxel;
  double length;
  if (pcn_ray_begin(&ray, &m->grid, f->source, pcn_v3_add(f->source, pcn_v3_scale(way, 10)))) {
    while (pcn_ray_next(&ray, &voxel, &length)) {
      if ((double)m->electron_density[voxel] > air) {
        return (ray.at - length) * f->sad_mm / length_mm;
      }
    }
  }
  return nearest_mm;
}

// The one opening of a beam, and its own axes.
static pencone_status find_opening(pencone_context *ctx, const pencone_beam *beam, pcn_pencil_beam *e) {
  pcn_aperture aperture;
  PCN_TRY(pcn_aperture_make(ctx, beam, e->medium->grid.spacing_mm, &aperture));
  const int openings = aperture.openings;
  if (openings == 1) {
    const pcn_opening *o = &aperture.opening[0];
    e->frame = aperture.frame;
    e->frame.ex = o->ex;
    e->frame.ey = o->ey;
    memcpy(e->x_mm, o->x_mm, sizeof e->x_mm);
    memcpy(e->y_mm, o->y_mm, sizeof e->y_mm);
    e->fluence_per_cm2 = beam->fluence_per_cm2 * o->weight;
  }
  pcn_aperture_free(&aperture);
  PCN_CHECK(ctx, openings == 1, PENCONE_E_UNSUPPORTED,
            "photon-pencil-beam: beam %s has %d openings at one gantry and couch angle, expected one; "
            "photon-collapsed-cone takes any",
            beam->name, openings);
  return PENCONE_OK;
}

pencone_status pcn_pencil_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    const pcn_photon_tables *tables, int terms, double reach_mm, pcn_pencil_beam *out) {
  memset(out, 0, sizeof *out);
  out->medium = medium;
  PCN_TRY(find_opening(ctx, beam, out));
  double span[2];
  find_span(&medium->grid, &out->frame, span);
  const double ssd_mm = find_ssd(medium, out, span[0] * out->frame.sad_mm);
  pencone_status status = pcn_pencil_kernel_make(ctx, tables, ssd_mm, terms, &out->kernel);
  if (status == PENCONE_OK) {
    status = make_map(ctx, out, reach_mm, span);
  }
  if (status != PENCONE_OK) {
    pcn_pencil_beam_free(out);
  }
  return status;
}

void pcn_pencil_beam_free(pcn_pencil_beam *engine) {
  pcn_free(engine->kernel);
  pcn_free(engine->map.value);
  memset(engine, 0, sizeof *engine);
}

// --- dose --------------------------------------------------------------------------------------

typedef struct dose_work {
  const pcn_pencil_beam *engine;
  const pcn_depth *lattice; ///< NULL: every voxel's own ray
  float *energy;
} dose_work;

// Eq. 6: trilinear in the map, linear in depth; beyond the table's last depth as its end falls.
static double blend(const pcn_pencil_beam *e, const double at[3], double depth_mm) {
  const pcn_pencil_map *map = &e->map;
  const int i = (int)at[0], j = (int)at[1], p = (int)fmin(map->planes - 2, fmax(0, at[2]));
  const int last = PCN_PENCIL_DEPTHS - 2, d = depth_mm < last ? (int)depth_mm : last;
  const float u = (float)(at[0] - i), v = (float)(at[1] - j), h = (float)(at[2] - p);
  const float *a = map->value + ((size_t)(p * map->size[1] + j) * (size_t)map->size[0] + (size_t)i) * TERMS;
  const size_t row = (size_t)map->size[0] * TERMS, plane = row * (size_t)map->size[1];
  const float beyond = depth_mm > last + 1 ? (float)(depth_mm - d) : 0, x = beyond > 0 ? 1 : (float)(depth_mm - d);
  float sum = 0;
  for (int t = 0; t < TERMS; t++) {
    const float *b = a + t, *c = b + plane;
    const float near = (1 - v) * (b[0] + u * (b[TERMS] - b[0])) + v * (b[row] + u * (b[row + TERMS] - b[row]));
    const float far = (1 - v) * (c[0] + u * (c[TERMS] - c[0])) + v * (c[row] + u * (c[row + TERMS] - c[row]));
    const float lower = e->kernel->depth[d][t], upper = e->kernel->depth[d + 1][t];
    sum += (near + h * (far - near)) * (lower + x * (upper - lower));
  }
  const double per_mm = (double)(e->kernel->depth[last + 1][0] / e->kernel->depth[last][0]);
  return beyond > 0 ? (double)sum * pow(per_mm, (double)beyond - 1) : (double)sum;
}

static void dose_row(void *data, size_t row, int worker) {
  (void)worker;
  const dose_work *w = data;
  const pcn_pencil_beam *e = w->engine;
  const pcn_medium *m = e->medium;
  const pcn_frame *f = &e->frame;
  int64_t ijk[3] = {0, (int64_t)row % m->grid.size[1], (int64_t)row / m->grid.size[1]};
  for (; ijk[0] < m->grid.size[0]; ijk[0]++) {
    double xyz[3], x, y, z, sum[PCN_DEPTH_VALUES] = {0};
    pencone_grid_centre(&m->grid, ijk[0], ijk[1], ijk[2], xyz);
    const pcn_vec3 point = pcn_v3_from(xyz);
    pcn_frame_project(f, point, &x, &y, &z);
    const double at[3] = {fabs(x - e->map.centre_mm[0]) / e->map.pixel_mm[0],
                          fabs(y - e->map.centre_mm[1]) / e->map.pixel_mm[1],
                          (z / f->sad_mm - e->map.first) / e->map.pitch};
    if (!(z > 0 && at[0] < e->map.size[0] - 1 && at[1] < e->map.size[1] - 1)) {
      continue;
    }
    if (w->lattice != NULL) {
      pcn_depth_at(w->lattice, ijk[w->lattice->axis[0]], point, sum);
    } else {
      sum[0] = pcn_ray_integral(&m->grid, m->electron_density, f->source, point);
    }
    const double scale = f->sad_mm / z, slant = pcn_v3_length(pcn_v3_sub(point, f->source)) / z;
    const double energy = e->fluence_per_cm2 * scale * scale * slant * blend(e, at, sum[0]);
    w->energy[row * (size_t)m->grid.size[0] + (size_t)ijk[0]] = energy > 0 ? (float)energy : 0;
  }
}

pencone_status pcn_pencil_beam_add(pencone_context *ctx, const pcn_pencil_beam *engine, float *const out[2],
                                   const double progress[2]) {
  const pcn_medium *m = engine->medium;
  const pcn_pencil_map *map = &engine->map;
  const double reach[2] = {map->pixel_mm[0] * map->size[0], map->pixel_mm[1] * map->size[1]};
  const pcn_depth_field field = {&engine->frame,
                                 {map->centre_mm[0] - reach[0], map->centre_mm[0] + reach[0]},
                                 {map->centre_mm[1] - reach[1], map->centre_mm[1] + reach[1]}};
  const float *const value[PCN_DEPTH_VALUES] = {m->electron_density, NULL};
  const double parts[2][2] = {{progress[0], 0.3 * progress[1]},
                              {progress[0] + 0.3 * progress[1], 0.7 * progress[1]}};
  pcn_depth lattice = {0};
  pencone_status status = pcn_depth_make(ctx, &m->grid, value, &field, parts[0], &lattice);
  dose_work work = {.engine = engine, .lattice = status == PENCONE_OK ? &lattice : NULL};
  if (status != PENCONE_OK && status != PENCONE_E_UNSUPPORTED) {
    return status;
  }
  work.energy = pcn_calloc(ctx, pencone_grid_voxels(&m->grid), sizeof *work.energy);
  status = work.energy != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    status = pcn_parallel_for_progress(ctx, (size_t)(m->grid.size[1] * m->grid.size[2]), dose_row, &work, parts[1][0],
                                       parts[1][1], "pencil beam");
  }
  if (status == PENCONE_OK) {
    pcn_add_dose(ctx, m, engine->quantity, work.energy, out);
  }
  pcn_free(work.energy);
  pcn_depth_free(&lattice);
  return status;
}

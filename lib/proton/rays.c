// SPDX-License-Identifier: Apache-2.0
#include "proton/rays.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "geom/corner.h"
#include "geom/ray.h"
#include "proton/optics.h"

pcn_vec3 pcn_rays_project(const pcn_rays *rays, pcn_vec3 point) {
  const pcn_vec3 p = pcn_v3_sub(point, rays->isocenter);
  return pcn_v3(pcn_v3_dot(p, rays->frame.ex), pcn_v3_dot(p, rays->frame.ey), pcn_v3_dot(p, rays->frame.ez));
}

double pcn_rays_z(const pcn_rays *rays, int64_t k) {
  return rays->cell[2].first + rays->cell[2].step * (double)k;
}

double pcn_rays_spread(const pcn_rays *rays, int axis, int64_t k) {
  return pcn_optics_spread(rays->machine, axis, pcn_rays_z(rays, k));
}

// Between planes across the beam: their protons change little (docs/theory/proton.md, section 4).
static const double plane_mm = 5;

// Size of the voxel along a direction that is one of the grid's axes; 0 when it is none.
static double voxel_along(pcn_vec3 e, const double h[3]) {
  const double part[3] = {fabs(e.x), fabs(e.y), fabs(e.z)};
  for (int a = 0; a < 3; a++) {
    if (part[a] > 1 - 1e-12) {
      return h[a];
    }
  }
  return 0;
}

// Nodes of an axis that has a node at anchor, from low to high.
static pcn_axis axis_make(double anchor, double step, double low, double high) {
  pcn_axis axis;
  const double i = ceil((low - anchor) / step - 1e-6);
  axis.first = anchor + i * step;
  axis.step = step;
  axis.count = (int64_t)floor((high - axis.first) / step + 1e-6) + 1;
  axis.count = axis.count > 0 ? axis.count : 0;
  return axis;
}

static void cells_make(pcn_rays *rays, const pencone_grid *grid, const pencone_beam *beam, double margin) {
  const pcn_vec3 e[3] = {rays->frame.ex, rays->frame.ey, rays->frame.ez};
  const double *h = grid->spacing_mm;
  const double fine = fmin(h[0], fmin(h[1], h[2])) / 1.5;  // docs/theory/proton.md, section 4
  const int along = voxel_along(e[0], h) > 0 && voxel_along(e[1], h) > 0 && voxel_along(e[2], h) > 0;
  const double thick = hypot(e[2].x * h[0], hypot(e[2].y * h[1], e[2].z * h[2]));  // variance: thick^2 / 12
  double low[3] = {INFINITY, INFINITY, INFINITY}, high[3] = {-INFINITY, -INFINITY, -INFINITY};
  for (int corner = 0; corner < 8; corner++) {
    const pcn_vec3 p = pcn_rays_project(rays, pcn_grid_corner(grid, corner, 0));
    const double q[3] = {p.x, p.y, p.z};
    for (int a = 0; a < 3; a++) {
      const double beside = along ? 0 : a == 2 ? thick : fine;
      low[a] = fmin(low[a], q[a] - beside);
      high[a] = fmax(high[a], q[a] + beside);
    }
  }
  for (int a = 0; a < 2; a++) {
    const double *field = a == 0 ? beam->field_x_mm : beam->field_y_mm;
    const double step = along ? voxel_along(e[a], h) : fine;
    const double anchor = low[a];
    const double near = pcn_optics_spread(rays->machine, a, low[2]),
                 far = pcn_optics_spread(rays->machine, a, high[2]);
    rays->cell[a] = axis_make(anchor, step, fmax(low[a], fmin(field[0] * near, field[0] * far) - margin),
                              fmin(high[a], fmax(field[1] * near, field[1] * far) + margin));
  }
  rays->cell[2] = axis_make(low[2], thick, low[2], high[2]);
  rays->every = (int64_t)fmax(floor(plane_mm / thick + 1e-6), 1);
  rays->cell[2].count = (rays->cell[2].count - 1 + rays->every - 1) / rays->every * rays->every + 1;
}

typedef struct trace_work {
  pcn_rays *rays;
  const pcn_medium *medium;
  float *water;        ///< scratch of each thread: a column
  int64_t (*seen)[2];  ///< and of the rows of a face
} trace_work;

static pcn_vec3 point_of(const pcn_rays *rays, double x, double y, double z) {
  const double at_x = x * pcn_optics_spread(rays->machine, 0, z),
               at_y = y * pcn_optics_spread(rays->machine, 1, z);
  const pcn_vec3 side = pcn_v3_add(pcn_v3_scale(rays->frame.ex, at_x), pcn_v3_scale(rays->frame.ey, at_y));
  return pcn_v3_add(pcn_v3_add(rays->isocenter, side), pcn_v3_scale(rays->frame.ez, z));
}

// Water and scattering depth (NULL: not wanted) of the ray through a place in the isocentre plane, at every
// face.
static void trace(const trace_work *w, double x, double y, float *water, float *scatter) {
  const pcn_rays *rays = w->rays;
  const int64_t faces = rays->cell[2].count + 1;
  const double z = rays->cell[2].first - 0.5 * rays->cell[2].step,
               deep = rays->cell[2].step * (double)(faces - 1);
  const pcn_vec3 from = point_of(rays, x, y, z), to = point_of(rays, x, y, z + deep);
  const pcn_vec3 way = pcn_v3_sub(to, from);
  const double step = deep > 0 ? rays->cell[2].step * sqrt(pcn_v3_dot(way, way)) / deep : 0;  // along the ray
  double sum[2] = {0, 0}, at, length;
  int64_t face = 0, voxel;
  pcn_ray ray;
  if (pcn_ray_begin(&ray, &w->medium->grid, from, to)) {
    at = ray.at;
    while (pcn_ray_next(&ray, &voxel, &length)) {
      const double s = (double)w->medium->stopping[voxel], c = (double)w->medium->scattering[voxel];
      for (; face < faces && (double)face * step <= at + length; face++) {
        const double part = fmax((double)face * step - at, 0);
        water[face] = (float)(sum[0] + s * part);
        if (scatter != NULL) {
          scatter[face] = (float)(sum[1] + c * part);
        }
      }
      sum[0] += s * length;
      sum[1] += c * length;
      at += length;
    }
  }
  for (; face < faces; face++) {
    water[face] = (float)sum[0];
    if (scatter != NULL) {
      scatter[face] = (float)sum[1];
    }
  }
}

static void trace_ray(void *work, size_t index, int worker) {
  (void)worker;
  const trace_work *w = work;
  const pcn_axis *ray = w->rays->ray;
  const int64_t first = (int64_t)index * (w->rays->cell[2].count + 1);
  trace(w, ray[0].first + ray[0].step * (double)((int64_t)index % ray[0].count),
        ray[1].first + ray[1].step * (double)((int64_t)index / ray[0].count), w->rays->water + first,
        w->rays->scatter + first);
}

// A row of columns along x.
static void trace_columns(void *work, size_t j, int worker) {
  const trace_work *w = work;
  const pcn_axis *cell = w->rays->cell;
  const int64_t faces = cell[2].count + 1, plane = cell[0].count * cell[1].count;
  float *water = w->water + worker * faces, *out = w->rays->column + (int64_t)j * cell[0].count;
  for (int64_t i = 0; i < cell[0].count; i++) {
    trace(w, cell[0].first + cell[0].step * (double)i, cell[1].first + cell[1].step * (double)j, water, NULL);
    float *entry = w->rays->entry + (int64_t)j * cell[0].count + i;
    *entry = 0;
    for (int64_t face = 0; face < faces; face++) {
      out[face * plane + i] = water[face];
      *entry = water[face] <= PCN_RAYS_MATTER_MM ? (float)face : *entry;
    }
  }
}

void pcn_rays_row(const pcn_rays *rays, const pencone_grid *g, const pcn_ray_row *row, double margin_mm,
                  int64_t range[2]) {
  const pcn_vec3 side =
      pcn_v3_add(pcn_v3_scale(rays->frame.ex, row->first_mm), pcn_v3_scale(rays->frame.ey, row->y_mm));
  const pcn_vec3 p = pcn_v3_add(pcn_v3_add(rays->isocenter, side), pcn_v3_scale(rays->frame.ez, row->z_mm));
  const pcn_vec3 e = pcn_v3_scale(rays->frame.ex, row->step_mm);
  const double at[3] = {p.x, p.y, p.z}, by[3] = {e.x, e.y, e.z};
  double low = 0, high = (double)(row->count - 1);
  for (int a = 0; a < 3; a++) {
    const double least = g->origin_mm[a] - margin_mm - at[a];
    const double most = g->origin_mm[a] + g->spacing_mm[a] * (double)(g->size[a] - 1) + margin_mm - at[a];
    if (fabs(by[a]) < 1e-9) {
      high = least < 0 && most > 0 ? high : -1;
    } else {
      low = fmax(low, fmin(least / by[a], most / by[a]));
      high = fmin(high, fmax(least / by[a], most / by[a]));
    }
  }
  range[0] = (int64_t)ceil(low);
  range[1] = high >= ceil(low) ? (int64_t)floor(high) + 1 : range[0];
}

double pcn_rays_margin(const pcn_rays *rays) {
  return rays->cell[0].step + rays->cell[1].step + rays->cell[2].step * (double)rays->every;
}

void pcn_rays_seen(const pcn_rays *rays, const pencone_grid *grid, int64_t face, int64_t (*range)[2]) {
  const double z = rays->cell[2].first + rays->cell[2].step * ((double)face - 0.5);
  const double spread[2] = {pcn_optics_spread(rays->machine, 0, z), pcn_optics_spread(rays->machine, 1, z)};
  for (int64_t j = 0; j < rays->cell[1].count; j++) {
    const pcn_ray_row row = {spread[0] * rays->cell[0].first, spread[0] * rays->cell[0].step,
                             spread[1] * (rays->cell[1].first + rays->cell[1].step * (double)j), z,
                             rays->cell[0].count};
    pcn_rays_row(rays, grid, &row, pcn_rays_margin(rays), range[j]);
  }
}

static void find_extremes(void *work, size_t face, int worker) {
  const trace_work *w = work;
  const pcn_rays *rays = w->rays;
  const int64_t nx = rays->cell[0].count, ny = rays->cell[1].count, bx = pcn_rays_blocks(rays->cell[0]),
                by = pcn_rays_blocks(rays->cell[1]);
  int64_t(*range)[2] = w->seen + worker * ny;
  float *extreme = rays->extreme + 2 * (int64_t)face * bx * by;
  for (int64_t b = 0; b < bx * by; b++) {
    extreme[2 * b] = INFINITY;
    extreme[2 * b + 1] = 0;
  }
  pcn_rays_seen(rays, &w->medium->grid, (int64_t)face, range);
  for (int64_t j = 0; j < ny; j++) {
    const float *water = rays->column + ((int64_t)face * ny + j) * nx;
    for (int64_t i = range[j][0]; i < range[j][1]; i++) {
      float *block = extreme + 2 * (j / PCN_RAYS_BLOCK * bx + i / PCN_RAYS_BLOCK);
      block[0] = water[i] < block[0] ? water[i] : block[0];
      block[1] = water[i] > block[1] ? water[i] : block[1];
    }
  }
}

void pcn_rays_extremes(const pcn_rays *rays, int64_t face, const int64_t first[2], const int64_t last[2],
                       double out[2]) {
  const int64_t bx = pcn_rays_blocks(rays->cell[0]), by = pcn_rays_blocks(rays->cell[1]);
  const float *extreme = rays->extreme + 2 * face * bx * by;
  float least = INFINITY, most = 0;  // none in the grid: no dose
  for (int64_t j = first[1] / PCN_RAYS_BLOCK; j * PCN_RAYS_BLOCK < last[1]; j++) {
    for (int64_t i = first[0] / PCN_RAYS_BLOCK; i * PCN_RAYS_BLOCK < last[0]; i++) {
      const float *block = extreme + 2 * (j * bx + i);
      least = block[0] < least ? block[0] : least;
      most = block[1] > most ? block[1] : most;
    }
  }
  out[0] = (double)least;
  out[1] = (double)most;
}

// The last face that no ray has met matter before.
static double entry_of(const pcn_rays *rays) {
  const int64_t faces = rays->cell[2].count + 1;
  for (int64_t face = 1; face < faces; face++) {
    for (int64_t r = 0; r < rays->rays; r++) {
      if (rays->water[r * faces + face] > PCN_RAYS_MATTER_MM) {
        return rays->cell[2].first + rays->cell[2].step * ((double)face - 1.5);
      }
    }
  }
  return 0;
}

static double lung_of(const pcn_rays *rays) {
  const float least = 0.1f, most = 0.6f;  // stopping power relative to water
  const int64_t faces = rays->cell[2].count + 1;
  const float step = (float)rays->cell[2].step;
  int64_t longest = 0;
  for (int64_t r = 0; r < rays->rays; r++) {
    const float *water = rays->water + r * faces;
    int64_t cells = 0;
    for (int64_t face = 1; face < faces; face++) {
      const float density = (water[face] - water[face - 1]) / step;
      cells = density > least && density < most ? cells + 1 : 0;
      longest = cells > longest ? cells : longest;
    }
  }
  return rays->cell[2].step * (double)longest;
}

pencone_status pcn_rays_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                             double spacing_mm, const double margin_mm[2], pcn_rays *out) {
  memset(out, 0, sizeof *out);
  out->frame = pcn_frame_make(beam->isocenter_mm, pencone_machine_describe(beam->machine)->sad_mm,
                              beam->gantry_deg, beam->collimator_deg, beam->couch_deg);
  out->isocenter = pcn_v3_from(beam->isocenter_mm);
  out->machine = pencone_machine_describe(beam->machine);
  cells_make(out, &medium->grid, beam, margin_mm[1]);
  // Half a step beside the isocentre: no ray runs between two voxels of the usual phantoms.
  out->ray[0] = axis_make(0.5 * spacing_mm, spacing_mm, beam->field_x_mm[0] - margin_mm[0],
                          beam->field_x_mm[1] + margin_mm[0]);
  out->ray[1] = axis_make(0.5 * spacing_mm, spacing_mm, beam->field_y_mm[0] - margin_mm[0],
                          beam->field_y_mm[1] + margin_mm[0]);
  out->rays = out->ray[0].count * out->ray[1].count;
  const size_t faces = (size_t)out->rays * (size_t)(out->cell[2].count + 1);
  out->water = pcn_alloc(ctx, faces, sizeof *out->water);
  out->scatter = pcn_alloc(ctx, faces, sizeof *out->scatter);
  const size_t columns = (size_t)(out->cell[0].count * out->cell[1].count * (out->cell[2].count + 1));
  out->column = pcn_alloc(ctx, columns, sizeof *out->column);
  const size_t planes = (size_t)(out->cell[2].count + 1);
  out->entry = pcn_alloc(ctx, columns / planes, sizeof *out->entry);
  out->extreme =
      pcn_alloc(ctx, 2 * planes * (size_t)(pcn_rays_blocks(out->cell[0]) * pcn_rays_blocks(out->cell[1])),
                sizeof *out->extreme);
  trace_work work = {
      out, medium, pcn_alloc(ctx, planes * (size_t)pencone_context_threads(ctx), sizeof(float)),
      pcn_alloc(ctx, (size_t)(out->cell[1].count * pencone_context_threads(ctx)), sizeof *work.seen)};
  if (out->water == NULL || out->scatter == NULL || out->column == NULL || out->entry == NULL ||
      out->extreme == NULL || work.water == NULL || work.seen == NULL) {
    pcn_free(work.water);
    pcn_free(work.seen);
    return PENCONE_E_MEMORY;
  }
  pcn_parallel_for(ctx, (size_t)out->rays, trace_ray, &work);
  pcn_parallel_for(ctx, (size_t)out->cell[1].count, trace_columns, &work);
  pcn_parallel_for(ctx, planes, find_extremes, &work);
  pcn_free(work.water);
  pcn_free(work.seen);
  out->entry_mm = entry_of(out);
  out->lung_mm = lung_of(out);
  return PENCONE_OK;
}

void pcn_rays_free(pcn_rays *rays) {
  pcn_free(rays->water);
  pcn_free(rays->scatter);
  pcn_free(rays->column);
  pcn_free(rays->entry);
  pcn_free(rays->extreme);
  memset(rays, 0, sizeof *rays);
}

// SPDX-License-Identifier: Apache-2.0
#include "proton/spot_column.h"

#include "base/base.h"
#include "proton/spot_plane.h"
#include <math.h>
#include <string.h>

// --- what the spots of a layer share -----------------------------------------------------------

uint64_t pcn_spot_layer_bytes(const pencone_beam *beam, const pencone_grid *medium, double spacing_mm, int threads) {
  const double margin_mm = 30, x = beam->field_x_mm[1] - beam->field_x_mm[0], y = beam->field_y_mm[1] - beam->field_y_mm[0];
  const double rays = (x + 2 * margin_mm) * (y + 2 * margin_mm) / (spacing_mm * spacing_mm);
  const int64_t *n = medium->size, longest = n[0] > n[1] ? n[0] : n[1], deep = longest > n[2] ? longest : n[2];
  return (uint64_t)(2 * rays * (double)deep) * sizeof(pcn_ray_cell) +
         (uint64_t)(threads + 1) * sizeof(float) * (uint64_t)pencone_grid_voxels(medium);
}

static void mark(const pcn_layer_work *w, const pencone_proton_layer *layer, double *scratch) {
  const int64_t row = w->engine->rays.ray[0].count;
  memset(w->protons, 0, (size_t)w->engine->rays.rays * sizeof *w->protons);
  for (int s = 0; s < layer->spot_count; s++) {
    const pcn_spot_rays r = pcn_spot_spread(w->engine, w->energy->lattice_mm2, &layer->spots[s], scratch);
    for (int64_t j = 0; j < r.count[1]; j++) {
      for (int64_t i = 0; i < r.count[0]; i++) {
        w->protons[(r.first[1] + j) * row + r.first[0] + i] = 1;
      }
    }
  }
}

static void fill_dose(void *data, size_t k, int worker) {
  (void)worker;
  const pcn_spot_layer *layer = data;
  const pcn_axis *cell = layer->work.engine->rays.cell;
  pcn_layer_dose(&layer->work, (int64_t)k, layer->dose + (int64_t)k * cell[0].count * cell[1].count);
}

// Planes before those without dose at the end.
static int64_t planes_of(const pcn_spot_layer *layer) {
  const pcn_axis *cell = layer->work.engine->rays.cell;
  int64_t last = cell[0].count * cell[1].count * cell[2].count - 1;
  while (last >= 0 && !(layer->dose[last] > 0)) {
    last--;
  }
  return last < 0 ? 0 : last / (cell[0].count * cell[1].count) + 1;
}

pencone_status pcn_spot_layer_make(pencone_context *ctx, const pcn_proton_beam *engine, const pcn_box *box, int layer,
                                   pcn_spot_layer *out) {
  const pcn_rays *rays = &engine->rays;
  pcn_layer_work *w = &out->work;
  memset(out, 0, sizeof *out);
  out->box = box;
  w->engine = engine;
  w->energy = &engine->energy[layer];
  w->block = pcn_layer_block(engine);
  pcn_edge_table_make(engine->cut, &w->edges[0]);
  w->edges[1] = w->edges[0];
  w->protons = pcn_alloc(ctx, (size_t)(rays->rays + rays->ray[0].count + rays->ray[1].count), sizeof *w->protons);
  w->cell = pcn_alloc(ctx, (size_t)(rays->rays * rays->cell[2].count), sizeof *w->cell);
  out->dose = pcn_alloc(ctx, (size_t)(rays->cell[0].count * rays->cell[1].count * rays->cell[2].count), sizeof *out->dose);
  if (w->protons == NULL || w->cell == NULL || out->dose == NULL) {
    pcn_spot_layer_free(out);
    return PENCONE_E_MEMORY;
  }
  mark(w, &engine->beam->layers[layer], w->protons + rays->rays);
  pcn_parallel_for(ctx, (size_t)rays->rays, pcn_layer_walk, w);
  pcn_parallel_for(ctx, (size_t)rays->cell[2].count, fill_dose, out);
  out->planes = planes_of(out);
  return PENCONE_OK;
}

void pcn_spot_layer_free(pcn_spot_layer *layer) {
  pcn_free(layer->work.protons);
  pcn_free(layer->work.cell);
  pcn_free(layer->dose);
  memset(layer, 0, sizeof *layer);
}

// --- cells -------------------------------------------------------------------------------------

/// Cells that a spot reaches: its own part of the beam's, planes from the first on.
typedef struct spot_cells {
  pcn_axis axis[3];
  int64_t first[2]; ///< of x and y in the beam's
  float *dose;      ///< [z][y][x], Gy to water
} spot_cells;

/// A spot, what the aperture leaves of it, and scratch for the weights of a row of its rays.
typedef struct cut_spot {
  const pencone_proton_spot *spot;
  pcn_spot_state state;
  double *weight;
} cut_spot;

// The largest variance of any Gaussian of the spot.
static double largest_variance(const pcn_layer_work *w, const pcn_spot_rays *r, int64_t planes) {
  const pcn_rays *rays = &w->engine->rays;
  float largest = 0;
  for (int64_t k = 0; k < planes; k++) {
    for (int64_t j = 0; j < r->count[1]; j++) {
      const pcn_ray_cell *cell = w->cell + k * rays->rays + (r->first[1] + j) * rays->ray[0].count + r->first[0];
      for (int64_t i = 0; i < r->count[0]; i++) {
        const float wide = cell[i].wide[0] > cell[i].wide[1] ? cell[i].wide[0] : cell[i].wide[1];
        const float widest = wide > cell[i].core ? wide : cell[i].core;
        largest = widest > largest ? widest : largest;
      }
    }
  }
  return (double)largest;
}

static pencone_status make_cells(pencone_context *ctx, const pcn_spot_layer *layer, const pcn_spot_rays *r, spot_cells *out) {
  const pcn_layer_work *w = &layer->work;
  const pcn_rays *rays = &w->engine->rays;
  const double variance = largest_variance(w, r, layer->planes);
  const double far[2] = {rays->cell[2].first, rays->cell[2].first + rays->cell[2].step * (double)rays->cell[2].count};
  out->axis[2] = rays->cell[2];
  out->axis[2].count = layer->planes;
  for (int a = 0; a < 2; a++) {
    const pcn_axis ray = rays->ray[a], cell = rays->cell[a];
    double low = INFINITY, high = -INFINITY;
    for (int end = 0; end < 4; end++) {
      const int64_t i = end & 1 ? r->first[a] : r->first[a] + r->count[a] - 1;
      const double at = pcn_optics_spread(rays->machine, a, far[end >> 1]) * (ray.first + ray.step * (double)i);
      low = fmin(low, at);
      high = fmax(high, at);
    }
    const double reach = w->engine->cut * sqrt(variance + ray.step * ray.step * (double)(w->block * w->block)) + cell.step;
    const double first = fmax(floor((low - reach - cell.first) / cell.step), 0);
    const double last = fmin(ceil((high + reach - cell.first) / cell.step), (double)(cell.count - 1));
    out->first[a] = (int64_t)first;
    out->axis[a].step = cell.step;
    out->axis[a].first = cell.first + cell.step * first;
    out->axis[a].count = last >= first ? (int64_t)(last - first) + 1 : 0;
  }
  out->dose = pcn_calloc(ctx, (size_t)(out->axis[0].count * out->axis[1].count * out->axis[2].count), sizeof *out->dose);
  return out->dose != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

// Protons become dose at the depth of their cell.
static void deposit(const pcn_spot_layer *layer, const spot_cells *cells, int64_t k) {
  const pcn_axis *all = layer->work.engine->rays.cell;
  const int64_t nx = cells->axis[0].count, ny = cells->axis[1].count;
  for (int64_t j = 0; j < ny; j++) {
    const float *dose = layer->dose + (k * all[1].count + cells->first[1] + j) * all[0].count + cells->first[0];
    float *restrict out = cells->dose + (k * ny + j) * nx;
    for (int64_t i = 0; i < nx; i++) {
      out[i] *= dose[i];
    }
  }
}

// A spot that the aperture cuts is the sum of its rows of rays.
static void add_spot(const pcn_spot_layer *layer, const cut_spot *spot, pcn_spot_plane *plane, int64_t k, float *out) {
  const pcn_layer_work *w = &layer->work;
  const pcn_spot_rays whole = plane->rays;
  for (int64_t j = 0; spot->state == PCN_SPOT_PART && j < whole.count[1]; j++) {
    plane->rays = pcn_spot_row(w->engine, &w->energy->collimator, spot->spot, &whole, j, spot->weight);
    pcn_spot_plane_add(plane, k, out);
  }
  plane->rays = whole;
  if (spot->state == PCN_SPOT_WHOLE) {
    pcn_spot_plane_add(plane, k, out);
  }
}

static pencone_status fill_cells(pencone_context *ctx, const pcn_spot_layer *layer, const cut_spot *spot, const pcn_spot_rays *r,
                                 spot_cells *cells) {
  const int64_t nx = cells->axis[0].count, ny = cells->axis[1].count, longest = nx > ny ? nx : ny;
  pcn_spot_plane plane = {.work = &layer->work, .rays = *r, .cell = {cells->axis[0], cells->axis[1]}};
  plane.line = pcn_alloc(ctx, (size_t)(nx + ny + longest), sizeof *plane.line);
  plane.group = pcn_alloc(ctx, (size_t)(r->count[0] * r->count[1]), sizeof *plane.group);
  const pencone_status status = plane.line != NULL && plane.group != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  for (int64_t k = 0; k < cells->axis[2].count && status == PENCONE_OK && nx > 0 && ny > 0; k++) {
    add_spot(layer, spot, &plane, k, cells->dose + k * nx * ny);
    deposit(layer, cells, k);
  }
  pcn_free(plane.line);
  pcn_free(plane.group);
  return status;
}

// --- voxels ------------------------------------------------------------------------------------

/// A row of voxels in units of the spot's cells: place of voxel i is at + i step.
typedef struct row_view {
  double at[3], step[3];
} row_view;

static row_view view_of(const pcn_spot_layer *layer, const spot_cells *cells, int64_t j, int64_t k) {
  const pcn_rays *rays = &layer->work.engine->rays;
  const pencone_grid *g = &layer->box->grid;
  row_view v;
  double xyz[3];
  pencone_grid_centre(g, 0, j, k, xyz);
  const pcn_vec3 p = pcn_rays_project(rays, pcn_v3_from(xyz)), e[3] = {rays->frame.ex, rays->frame.ey, rays->frame.ez};
  const double q[3] = {p.x, p.y, p.z};
  for (int a = 0; a < 3; a++) {
    v.at[a] = (q[a] - cells->axis[a].first) / cells->axis[a].step;
    v.step[a] = g->spacing_mm[0] * e[a].x / cells->axis[a].step;
  }
  return v;
}

// Voxels of the row that lie between the spot's cells, or in the outer half of the last ones.
static void row_range(const row_view *v, const spot_cells *cells, int64_t n, int64_t range[2]) {
  double low = 0, high = (double)(n - 1);
  for (int a = 0; a < 3; a++) {
    const double least = -0.5 + 1e-9, most = (double)cells->axis[a].count - 0.5 - 1e-9;
    if (fabs(v->step[a]) < 1e-9) {
      high = v->at[a] > least && v->at[a] < most ? high : -1;
    } else {
      const double t0 = (least - v->at[a]) / v->step[a], t1 = (most - v->at[a]) / v->step[a];
      low = fmax(low, fmin(t0, t1));
      high = fmin(high, fmax(t0, t1));
    }
  }
  range[0] = (int64_t)ceil(low);
  range[1] = high >= ceil(low) ? (int64_t)floor(high) + 1 : range[0];
}

// Lower neighbour and the weight of the upper one, the last cells holding on to their outer edge.
static int64_t lower(pcn_axis axis, double at, double *weight) {
  const double inside = fmin(fmax(at, 0), (double)(axis.count - 1));
  int64_t i = (int64_t)inside;
  i -= i == axis.count - 1 && axis.count > 1 ? 1 : 0;
  *weight = inside - (double)i;
  return i;
}

static double dose_at(const spot_cells *c, const row_view *v, int64_t i) {
  int64_t low[3];
  double u[3];
  for (int a = 0; a < 3; a++) {
    low[a] = lower(c->axis[a], v->at[a] + (double)i * v->step[a], &u[a]);
  }
  const int64_t nx = c->axis[0].count, plane = nx * c->axis[1].count;
  const int64_t dx = c->axis[0].count > 1, dy = c->axis[1].count > 1 ? nx : 0, dz = c->axis[2].count > 1 ? plane : 0;
  const float *a = c->dose + low[2] * plane + low[1] * nx + low[0];
  double sum[2];
  for (int z = 0; z < 2; z++, a += dz) {
    const double near = (1 - u[0]) * (double)a[0] + u[0] * (double)a[dx];
    const double far = (1 - u[0]) * (double)a[dy] + u[0] * (double)a[dy + dx];
    sum[z] = (1 - u[1]) * near + u[1] * far;
  }
  return (1 - u[2]) * sum[0] + u[2] * sum[1];
}

// 1 when voxels and cells coincide along the row: then start is the cell of voxel 0 and stride the way to the next.
static int coincide(const row_view *v, const spot_cells *c, int64_t *start, int64_t *stride) {
  const int64_t step[3] = {1, c->axis[0].count, c->axis[0].count * c->axis[1].count};
  *start = *stride = 0;
  for (int a = 0; a < 3; a++) {
    const double at = round(v->at[a]), by = round(v->step[a]);
    if (fabs(v->at[a] - at) > 1e-6 || fabs(v->step[a] - by) > 1e-9) {
      return 0;
    }
    *start += (int64_t)at * step[a];
    *stride += (int64_t)by * step[a];
  }
  return 1;
}

static void append_row(const pcn_spot_layer *layer, const spot_cells *cells, const int64_t jk[2], const row_view *v,
                       pcn_column *out) {
  const pcn_proton_beam *engine = layer->work.engine;
  const pcn_medium *m = engine->medium;
  const pcn_box *box = layer->box;
  const int64_t *n = box->grid.size, *all = m->grid.size, at = (jk[1] * n[1] + jk[0]) * n[0];
  const int64_t whole = ((jk[1] + box->first[2]) * all[1] + jk[0] + box->first[1]) * all[0] + box->first[0];
  int64_t range[2], start, stride, count = out->count;
  row_range(v, cells, n[0], range);
  const int copied = coincide(v, cells, &start, &stride);
  for (int64_t i = range[0]; i < range[1]; i++) {
    const float water = copied ? cells->dose[start + i * stride] : (float)dose_at(cells, v, i);
    const int64_t voxel = whole + i;
    const float ratio = engine->quantity == PENCONE_DOSE_TO_WATER ? 1
                        : m->density[voxel] > 0                   ? m->stopping[voxel] / m->density[voxel]
                                                                  : 0;
    out->voxel[count] = (int32_t)(at + i);
    out->value[count] = ratio * water;
    count += water > 0;
  }
  out->count = count;
}

static pencone_status append(pencone_context *ctx, const pcn_spot_layer *layer, const spot_cells *cells, pcn_column *out) {
  const int64_t *n = layer->box->grid.size;
  for (int64_t k = 0; k < n[2]; k++) {
    for (int64_t j = 0; j < n[1]; j++) {
      const row_view v = view_of(layer, cells, j, k);
      const int64_t jk[2] = {j, k};
      PCN_TRY(pcn_column_reserve(ctx, out, n[0]));
      append_row(layer, cells, jk, &v, out);
    }
  }
  return PENCONE_OK;
}

pencone_status pcn_spot_column(pencone_context *ctx, const pcn_spot_layer *layer, const pencone_proton_spot *spot,
                               pcn_column *out) {
  const pcn_layer_work *w = &layer->work;
  const pcn_rays *rays = &w->engine->rays;
  const size_t both = (size_t)(rays->ray[0].count + rays->ray[1].count);
  double *scratch = pcn_alloc(ctx, both + (size_t)rays->ray[0].count + 1, sizeof *scratch);
  if (scratch == NULL) {
    return PENCONE_E_MEMORY;
  }
  const pcn_spot_rays r = pcn_spot_spread(w->engine, w->energy->lattice_mm2, spot, scratch);
  const cut_spot part = {spot, pcn_spot_cut(w->engine, &w->energy->collimator, spot, &r), scratch + both};
  spot_cells cells = {.dose = NULL};
  pencone_status status = part.state != PCN_SPOT_STOPPED ? make_cells(ctx, layer, &r, &cells) : PENCONE_OK;
  if (status == PENCONE_OK && part.state != PCN_SPOT_STOPPED) {
    status = fill_cells(ctx, layer, &part, &r, &cells);
  }
  if (status == PENCONE_OK && cells.axis[0].count > 0 && cells.axis[1].count > 0 && cells.axis[2].count > 0) {
    status = append(ctx, layer, &cells, out);
  }
  pcn_free(cells.dose);
  pcn_free(scratch);
  return status;
}

// SPDX-License-Identifier: Apache-2.0
// The dose of a beam, layer by layer: protons across the beam, then the voxels between their planes.
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "proton/depth_dose.h"
#include "proton/plane.h"

static void spread_spots(const pcn_proton_beam *engine, const pencone_proton_layer *layer,
                         const pcn_proton_energy *energy, double *protons, double *scratch) {
  const pcn_rays *rays = &engine->rays;
  memset(protons, 0, (size_t)rays->rays * sizeof *protons);
  for (int s = 0; s < layer->spot_count; s++) {
    const pcn_spot_rays r = pcn_spot_spread(engine, energy->lattice_mm2, &layer->spots[s], scratch);
    for (int64_t j = 0; j < r.count[1]; j++) {
      for (int64_t i = 0; i < r.count[0]; i++) {
        protons[(r.first[1] + j) * rays->ray[0].count + r.first[0] + i] +=
            layer->spots[s].protons * pcn_spot_ray(engine, &energy->collimator, &layer->spots[s], &r, i, j);
      }
    }
  }
}

// --- protons across the beam -------------------------------------------------------------------

/// A plane: cells that voxels lie between; where there are protons; classes of each part.
typedef struct plane_plan {
  int64_t seen[2][2], first[2], last[2];  ///< last: one behind
  int range[PCN_PROTON_PARTS][2];
} plane_plan;

/// The dose of a beam, layer by layer.
typedef struct dose_work {
  pcn_layer layer;
  double *protons;   ///< of each ray, and scratch for a spot's weights
  plane_plan *plan;  ///< of each plane
  float *volume;     ///< [z][y][x] of cells: protons per mm2; after it, with LET, those of wide Gaussians
  float *scratch;    ///< of each thread, parts below
  int64_t scratch_count;
  int64_t stride, plane;      ///< of a row and of a plane of volume
  int64_t share_stride;       ///< of a ray's Gaussian in the cells of either axis
  int64_t first[3], last[3];  ///< cells around all that have protons
  float *voxels;              ///< dose to water of all layers, Gy; after it, with LET, the same times LET
} dose_work;

/// A thread's scratch.
typedef struct plane_scratch {
  float *image, *rows[2], *lines;
} plane_scratch;

static int64_t rows_of(const dose_work *w, int axis) {
  return w->layer.engine->rays.ray[axis].count * w->share_stride;
}

static plane_scratch scratch_of(const dose_work *w, int worker) {
  const pcn_rays *rays = &w->layer.engine->rays;
  plane_scratch s;
  s.image = w->scratch + worker * w->scratch_count;
  s.rows[0] = s.image + (rays->ray[0].count + 1) * (rays->ray[1].count + 1);
  s.rows[1] = s.rows[0] + rows_of(w, 0);
  s.lines = s.rows[1] + rows_of(w, 1);
  return s;
}

static int with_let(const dose_work *w) {
  return w->layer.engine->let != PCN_LET_NONE;
}

static pcn_ray_window all_rays(const dose_work *w) {
  const pcn_axis *ray = w->layer.engine->rays.ray;
  const pcn_ray_window window = {{0, 0}, {ray[0].count, ray[1].count}, w->layer.protons, ray[0].count};
  return window;
}

// The least rectangle.
static void find_seen(void *work, size_t k, int worker) {
  (void)worker;
  const dose_work *w = work;
  const pcn_rays *rays = &w->layer.engine->rays;
  const pcn_axis *cell = rays->cell;
  int64_t(*seen)[2] = w->plan[k].seen;
  for (int a = 0; a < 2; a++) {
    seen[a][0] = cell[a].count;
    seen[a][1] = 0;
  }
  for (int64_t j = 0; j < cell[1].count; j++) {
    int64_t range[2];
    const pcn_ray_row place = {cell[0].first, cell[0].step, cell[1].first + cell[1].step * (double)j,
                               pcn_rays_z(rays, (int64_t)k), cell[0].count};
    pcn_rays_row(rays, &w->layer.engine->medium->grid, &place, pcn_rays_margin(rays), range);
    if (range[0] < range[1]) {
      seen[0][0] = pcn_smaller(seen[0][0], range[0]);
      seen[0][1] = pcn_larger(seen[0][1], range[1]);
      seen[1][0] = pcn_smaller(seen[1][0], j);
      seen[1][1] = j + 1;
    }
  }
}

static void plan_plane(void *work, size_t p, int worker) {
  (void)worker;
  const dose_work *w = work;
  const pcn_layer *l = &w->layer;
  const int64_t k = (int64_t)p;
  if (!pcn_planes_has(l->spread, k)) {
    return;
  }
  const pcn_axis *ray = l->engine->rays.ray;
  const pcn_ray_window window = all_rays(w);
  plane_plan *plan = &w->plan[k];
  double widest = 0;
  for (int part = 0; part < PCN_PROTON_PARTS; part++) {
    pcn_layer_classes(l, k, part, &window, plan->range[part]);
    if (plan->range[part][0] <= plan->range[part][1]) {
      widest = fmax(widest, pcn_layer_variance(l, k, part, plan->range[part][1]));
    }
  }
  for (int a = 0; a < 2; a++) {
    const int64_t rays[2] = {0, ray[a].count};
    pcn_share_rows reached;
    pcn_share_rows_plan(l, k, a, widest, rays, plan->seen[a], &reached);
    plan->first[a] = reached.cell;
    plan->last[a] = reached.cell + (widest > 0 ? reached.cells : 0);
  }
}

// Cells around all planes' protons, one more on all sides, where there are none.
static void find_box(dose_work *w) {
  const pcn_axis *cell = w->layer.engine->rays.cell;
  for (int a = 0; a < 3; a++) {
    w->first[a] = cell[a].count;
    w->last[a] = 0;
  }
  const pcn_planes spread = w->layer.spread;
  for (int64_t k = 0; k < w->layer.planes; k = pcn_planes_next(spread, k)) {
    const plane_plan *p = &w->plan[k];
    const int some = p->first[0] < p->last[0] && p->first[1] < p->last[1];
    const int64_t first[3] = {p->first[0], p->first[1], k}, last[3] = {p->last[0], p->last[1], k + 1};
    for (int a = 0; a < 3 && some; a++) {
      const int64_t before = a < 2 ? first[a] - 1 : pcn_planes_before(spread, k),
                    behind = a < 2 ? last[a] + 1 : pcn_planes_next(spread, k) + 1;
      w->first[a] = pcn_smaller(w->first[a], pcn_larger(before, 0));
      w->last[a] = pcn_larger(w->last[a], pcn_smaller(behind, cell[a].count));
    }
  }
}

// Protons through the cells of a tile, from Gaussians of one part.
static void add_part(const dose_work *w, int64_t k, int part, const plane_scratch *s, const pcn_tile *tile) {
  const pcn_layer *l = &w->layer;
  const pcn_ray_window window = all_rays(w);
  const int *range = w->plan[k].range[part];
  for (int c = range[0]; c <= range[1]; c++) {
    const double variance = pcn_layer_variance(l, k, part, c);
    pcn_class_image image;
    pcn_share_rows rows[2];
    pcn_layer_image(l, k, part, c, &window, s->image, &image);
    for (int a = 0; a < 2 && image.count[0] > 0; a++) {
      const int64_t ray[2] = {image.first[a], image.first[a] + image.count[a]};
      const int64_t bounds[2] = {tile->first[a], tile->first[a] + tile->count[a]};
      rows[a].value = s->rows[a];
      pcn_share_rows_plan(l, k, a, variance, ray, bounds, &rows[a]);
      pcn_share_rows_fill(l, k, a, variance, &rows[a]);
    }
    pcn_plane_add(l, &image, rows, s->lines, tile);
  }
}

static void fill_plane(void *work, size_t plane, int worker) {
  const dose_work *w = work;
  const int64_t k = w->first[2] + (int64_t)plane, width = w->last[0] - w->first[0],
                volume = w->plane * w->layer.engine->rays.cell[2].count;
  const plane_scratch s = scratch_of(w, worker);
  const int volumes = with_let(w) ? 2 : 1;
  if (!pcn_planes_has(w->layer.spread, k)) {
    return;
  }
  float *all = w->volume + pcn_planes_index(w->layer.spread, k) * w->plane;
  for (int v = 0; v < volumes; v++) {
    for (int64_t j = w->first[1]; j < w->last[1]; j++) {
      memset(all + v * volume + j * w->stride + w->first[0], 0, (size_t)width * sizeof *all);
    }
  }
  if (k >= w->layer.planes) {
    return;
  }
  const plane_plan *p = &w->plan[k];
  pcn_tile tile = {
      {p->first[0], p->first[1]}, {p->last[0] - p->first[0], p->last[1] - p->first[1]}, w->stride, NULL};
  for (int part = 0; part < PCN_PROTON_PARTS && tile.count[0] > 0 && tile.count[1] > 0; part++) {
    tile.value = all + (part > 0 && volumes > 1 ? volume : 0) + p->first[1] * w->stride + p->first[0];
    add_part(w, k, part, &s, &tile);
  }
  for (int64_t j = w->first[1]; volumes > 1 && j < w->last[1]; j++) {
    float *row = all + j * w->stride + w->first[0];
    for (int64_t i = 0; i < width; i++) {
      row[i] += row[volume + i];
    }
  }
}

// --- dose of the voxels ------------------------------------------------------------------------

// Mean LET of a voxel by its part of dose times LET; that at its middle where there is next to no dose.
static double let_between(const pcn_depth_table *table, double from_mm, double to_mm, double wide) {
  const pcn_depth_row before = pcn_depth_table_at(table, from_mm), after = pcn_depth_table_at(table, to_mm);
  const pcn_depth_row middle = pcn_depth_table_at(table, 0.5 * (from_mm + to_mm));
  const double dose = after.sum - before.sum;
  double let[2];
  for (int c = 0; c < 2; c++) {
    let[c] = dose > 1e-3 * middle.sum ? (after.let_sum[c] - before.let_sum[c]) / dose : middle.let[c];
  }
  return (1 - wide) * let[0] + wide * let[1];
}

/// Voxels of a layer.
typedef struct gather_work {
  const dose_work *dose;
  pcn_box box;            ///< the whole medium
  pcn_cell_box cells[2];  ///< protons: all, of wide Gaussians
  pcn_voxel_rows rows;
  int64_t first[3], last[3];  ///< voxels
  float *scratch;             ///< of each thread: rows of protons, of wide ones, of dose
} gather_work;

// Leaves of a run what has protons.
static const float *trim(pcn_voxel_run *run, const float *protons) {
  while (run->count > 0 && !(protons[run->count - 1] > 0)) {
    run->count--;
  }
  while (run->count > 0 && !(*protons > 0)) {
    run->count--;
    run->first++;
    protons++;
  }
  return protons;
}

static void gather_row(const gather_work *g, pcn_voxel_run run, int worker) {
  const dose_work *w = g->dose;
  const pcn_layer *layer = &w->layer;
  const int64_t *n = g->box.grid.size;
  float *scratch = g->scratch + 3 * worker * n[0], *dose = scratch + 2 * n[0];
  const float *protons = pcn_voxel_read(layer->isa, &g->cells[0], &g->rows, &run, scratch);
  protons = trim(&run, protons);
  pcn_depth_dose_run(layer, &g->box, &run, dose);
  float *restrict to = w->voxels + (run.k * n[1] + run.j) * n[0] + run.first;
#pragma omp simd
  for (int64_t i = 0; i < run.count; i++) {
    dose[i] *= protons[i];
    to[i] += dose[i];
  }
  if (!with_let(w)) {
    return;
  }
  const float *depth[2], *wide = pcn_voxel_read(layer->isa, &g->cells[1], &g->rows, &run, scratch + n[0]);
  const double shifter = layer->energy->optics.water_mm;
  pcn_depths_of(&layer->engine->depths, &run, depth);
  to += n[0] * n[1] * n[2];
  for (int64_t i = 0; i < run.count; i++) {
    if (dose[i] > 0) {
      const double let = let_between(&layer->energy->table, shifter + (double)depth[0][i],
                                     shifter + (double)depth[1][i], (double)(wide[i] / protons[i]));
      to[i] += (float)((double)dose[i] * let);
    }
  }
}

static void gather_slice(void *work, size_t slice, int worker) {
  const gather_work *g = work;
  const int64_t k = g->first[2] + (int64_t)slice;
  for (int64_t j = g->first[1]; j < g->last[1]; j++) {
    const pcn_volume_line line = pcn_voxel_line(&g->rows, j, k);
    int64_t range[2];
    pcn_voxel_range(&g->rows, &g->cells[0], &line, range);
    if (range[0] < range[1]) {
      const pcn_voxel_run run = {j, k, range[0], range[1] - range[0]};
      gather_row(g, run, worker);
    }
  }
}

static pencone_status gather(pencone_context *ctx, const dose_work *w) {
  const pcn_proton_beam *engine = w->layer.engine;
  const pcn_rays *rays = &engine->rays;
  const pencone_grid *grid = &engine->medium->grid;
  gather_work g = {.dose = w, .box = {*grid, {0, 0, 0}}};
  for (int v = 0; v < 2; v++) {
    pcn_cell_box *c = &g.cells[v];
    *c = (pcn_cell_box){
        .row = w->stride, .plane = w->plane, .planes = pcn_planes_from(w->layer.spread, w->first[2])};
    c->value = w->volume + v * w->plane * rays->cell[2].count +
               pcn_planes_index(w->layer.spread, w->first[2]) * w->plane + w->first[1] * w->stride +
               w->first[0];
    for (int a = 0; a < 3; a++) {
      c->axis[a] = rays->cell[a];
      c->axis[a].first += c->axis[a].step * (double)w->first[a];
      c->axis[a].count = w->last[a] - w->first[a];
    }
  }
  g.rows = pcn_voxel_rows_make(rays, &g.cells[0], grid);
  pcn_voxel_bounds(rays, &g.cells[0], grid, g.first, g.last);
  g.scratch = pcn_alloc(ctx, (size_t)(3 * pencone_context_threads(ctx) * grid->size[0]), sizeof *g.scratch);
  if (g.scratch == NULL) {
    return PENCONE_E_MEMORY;
  }
  pcn_parallel_for(ctx, g.last[2] > g.first[2] ? (size_t)(g.last[2] - g.first[2]) : 0, gather_slice, &g);
  pcn_free(g.scratch);
  return PENCONE_OK;
}

/// The dose of all layers on its way to where it is wanted.
typedef struct give_work {
  const dose_work *dose;
  float *const *out;
  float *ratio;  ///< scratch of each thread: a row
} give_work;

static void give_row(void *work, size_t row, int worker) {
  const give_work *g = work;
  const pencone_grid *grid = &g->dose->layer.engine->medium->grid;
  const int64_t *n = grid->size, voxels = n[0] * n[1] * n[2], at = (int64_t)row * n[0];
  const pcn_box box = {*grid, {0, 0, 0}};
  const pcn_voxel_run run = {(int64_t)row % n[1], (int64_t)row / n[1], 0, n[0]};
  float *ratio = g->ratio + worker * n[0];
  pcn_depth_ratio(g->dose->layer.engine, &box, &run, ratio);
  for (int o = 0; o < (with_let(g->dose) ? 4 : 2); o++) {
    const float *from = g->dose->voxels + o / 2 * voxels + at;
    for (int64_t i = 0; i < n[0] && g->out[o] != NULL; i++) {
      g->out[o][at + i] += from[i] * ratio[i];
    }
  }
}

static pencone_status give(pencone_context *ctx, const dose_work *w, float *const out[4]) {
  const int64_t *n = w->layer.engine->medium->grid.size;
  give_work g = {w, out, NULL};
  g.ratio = pcn_alloc(ctx, (size_t)(pencone_context_threads(ctx) * n[0]), sizeof *g.ratio);
  if (g.ratio == NULL) {
    return PENCONE_E_MEMORY;
  }
  pcn_parallel_for(ctx, (size_t)(n[1] * n[2]), give_row, &g);
  pcn_free(g.ratio);
  return PENCONE_OK;
}

// --- all layers --------------------------------------------------------------------------------

static pencone_status allocate(pencone_context *ctx, const pcn_proton_beam *engine, dose_work *w) {
  const pcn_rays *rays = &engine->rays;
  const int64_t lanes = PCN_PRODUCT_LANES;
  PCN_TRY(pcn_layer_make(ctx, engine, &w->layer));
  w->stride = rays->cell[0].count / lanes * lanes + 2 * lanes;
  w->plane = rays->cell[1].count * w->stride;
  w->share_stride = pcn_larger(rays->cell[0].count, rays->cell[1].count) / lanes * lanes + 2 * lanes;
  w->scratch_count = (rays->ray[0].count + 1) * (rays->ray[1].count + 1) + rows_of(w, 0) + rows_of(w, 1) +
                     pcn_plane_scratch(rays);
  w->protons =
      pcn_alloc(ctx, (size_t)(rays->rays + rays->ray[0].count + rays->ray[1].count), sizeof *w->protons);
  w->plan = pcn_alloc(ctx, (size_t)rays->cell[2].count, sizeof *w->plan);
  w->volume =
      pcn_alloc(ctx, (size_t)((with_let(w) ? 2 : 1) * w->plane * rays->cell[2].count), sizeof *w->volume);
  w->scratch =
      pcn_alloc(ctx, (size_t)pencone_context_threads(ctx) * (size_t)w->scratch_count, sizeof *w->scratch);
  w->voxels = pcn_calloc(ctx, (with_let(w) ? 2 : 1) * (size_t)pencone_grid_voxels(&engine->medium->grid),
                         sizeof *w->voxels);
  const int whole =
      w->protons != NULL && w->plan != NULL && w->volume != NULL && w->scratch != NULL && w->voxels != NULL;
  return whole ? PENCONE_OK : PENCONE_E_MEMORY;
}

static pencone_status add_layers(pencone_context *ctx, dose_work *w, const double progress[2]) {
  const pcn_proton_beam *engine = w->layer.engine;
  const pencone_beam *beam = engine->beam;
  pcn_parallel_for(ctx, (size_t)engine->rays.cell[2].count, find_seen, w);
  for (int l = 0; l < beam->layer_count; l++) {
    const double base = progress[0] + progress[1] * l / beam->layer_count;
    spread_spots(engine, &beam->layers[l], &engine->energy[l], w->protons, w->protons + engine->rays.rays);
    for (int64_t r = 0; r < engine->rays.rays; r++) {
      w->layer.protons[r] = (float)w->protons[r];
    }
    pcn_layer_walk(ctx, &w->layer, l);
    pcn_parallel_for(ctx, (size_t)w->layer.planes, plan_plane, w);
    find_box(w);
    const int64_t planes = pcn_larger(w->last[2] - w->first[2], 0);
    PCN_TRY(pcn_parallel_for_progress(ctx, (size_t)planes, fill_plane, w, base,
                                      progress[1] / beam->layer_count, "protons"));
    if (planes > 0) {
      PCN_TRY(gather(ctx, w));
    }
  }
  return PENCONE_OK;
}

pencone_status pcn_proton_beam_add(pencone_context *ctx, const pcn_proton_beam *engine, float *const out[4],
                                   const double progress[2]) {
  dose_work *w = pcn_calloc(ctx, 1, sizeof *w);
  if (w == NULL) {
    return PENCONE_E_MEMORY;
  }
  pencone_status status = allocate(ctx, engine, w);
  if (status == PENCONE_OK) {
    status = add_layers(ctx, w, progress);
  }
  if (status == PENCONE_OK) {
    status = give(ctx, w, out);
  }
  pcn_layer_free(&w->layer);
  pcn_free(w->protons);
  pcn_free(w->plan);
  pcn_free(w->volume);
  pcn_free(w->voxels);
  pcn_free(w->scratch);
  pcn_free(w);
  return status;
}

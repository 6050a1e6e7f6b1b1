// SPDX-License-Identifier: Apache-2.0
#include "proton/proton_beam.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "proton/plane.h"
#include "proton/voxels.h"

static const double sub_sigma = 0.7;       // width of a ray's own Gaussian over the distance of rays
static const double fluence_cut = 4.5;     // sigma: how far from a spot's centre its rays lie
static const double halo_margin_mm = 130;  // the beam data's own

uint64_t pcn_proton_beam_bytes(const pencone_grid *grid, int threads) {
  (void)threads;
  return 12 * (uint64_t)pencone_grid_voxels(grid) * sizeof(float);
}

static pencone_status make_energies(pencone_context *ctx, const pcn_proton_options *options,
                                    pcn_proton_beam *out) {
  const pencone_beam *beam = out->beam;
  out->energy = pcn_calloc(ctx, (size_t)beam->layer_count, sizeof *out->energy);
  if (out->energy == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int l = 0; l < beam->layer_count; l++) {
    pcn_proton_energy *e = &out->energy[l];
    PCN_TRY(pcn_depth_table_make(ctx, beam->layers[l].energy_mev, &e->table));
    PCN_TRY(pcn_optics_make(ctx, beam, &e->table, &e->optics));
    if (options->bortfeld) {
      pcn_depth_table_use_bortfeld(&e->table);
    }
    if (options->let == PCN_LET_PRIMARIES) {
      pcn_depth_table_use_primaries(&e->table);
    }
  }
  return PENCONE_OK;
}

static double spread_of(const pcn_proton_beam *engine, double z) {
  const pencone_machine_desc *machine = pencone_machine_describe(engine->beam->machine);
  return pcn_optics_spread(machine, 0, z) * pcn_optics_spread(machine, 1, z);
}

// The lattice carries the spot where it meets the patient, less the width of a ray.
static pencone_status share_widths(pencone_context *ctx, pcn_proton_beam *out) {
  const double own = sub_sigma * out->spacing_mm, entry = out->rays.entry_mm;
  for (int l = 0; l < out->beam->layer_count; l++) {
    pcn_proton_energy *e = &out->energy[l];
    const double spot = pcn_optics_variance(&e->optics, entry) / spread_of(out, entry);
    PCN_CHECK(
        ctx, own * own < spot, PENCONE_E_RANGE,
        "option ray_spacing_mm: got %g, expected less than %g: rays must be finer than the spot of %g MeV",
        out->spacing_mm, sqrt(spot) / sub_sigma, e->table.energy_mev);
    e->lattice_mm2 = spot - own * own;
    const pcn_ray_width width = {entry, own, out->spacing_mm};
    PCN_TRY(pcn_collimator_make(ctx, out->beam, &e->optics, &width, &e->collimator));
  }
  return PENCONE_OK;
}

static double largest_ratio(const pcn_medium *m) {
  const size_t voxels = pencone_grid_voxels(&m->grid);
  float most = 0;
  for (size_t v = 0; v < voxels; v++) {
    const float ratio = m->density[v] > 0 ? m->stopping[v] / m->density[v] : 0;
    most = ratio > most ? ratio : most;
  }
  return (double)most;
}

pencone_status pcn_proton_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    const pcn_proton_options *options, pcn_proton_beam *out) {
  memset(out, 0, sizeof *out);
  out->medium = medium;
  out->beam = beam;
  out->spacing_mm = pcn_collimator_spacing(beam, options->spacing_mm);
  out->cut = options->cut;
  out->let = options->let;
  out->ratio_most = largest_ratio(medium);
  pencone_status status = make_energies(ctx, options, out);
  double widest = 0;
  for (int l = 0; l < beam->layer_count && status == PENCONE_OK; l++) {
    widest = fmax(widest, pcn_optics_variance(&out->energy[l].optics, 0));
  }
  if (status == PENCONE_OK) {
    const double margin_mm[2] = {fluence_cut * sqrt(widest), halo_margin_mm};
    status = pcn_rays_make(ctx, medium, beam, out->spacing_mm, margin_mm, &out->rays);
  }
  if (status == PENCONE_OK) {
    status = share_widths(ctx, out);
  }
  if (status == PENCONE_OK) {
    status = pcn_spots_pass(ctx, out);
  }
  if (status != PENCONE_OK) {
    pcn_proton_beam_free(out);
  }
  return status;
}

void pcn_proton_beam_free(pcn_proton_beam *engine) {
  for (int l = 0; engine->energy != NULL && l < engine->beam->layer_count; l++) {
    pcn_depth_table_free(&engine->energy[l].table);
    pcn_collimator_free(&engine->energy[l].collimator);
  }
  pcn_free(engine->energy);
  pcn_rays_free(&engine->rays);
  memset(engine, 0, sizeof *engine);
}

// --- protons of each ray -----------------------------------------------------------------------

// A Gaussian on the nodes of an axis within the cut, sum 1. @return the first node; *count of them
static int64_t sample(pcn_axis axis, double centre, double sigma, double reach, double *weight,
                      int64_t *count) {
  int64_t first = (int64_t)ceil((centre - reach - axis.first) / axis.step);
  int64_t last = (int64_t)floor((centre + reach - axis.first) / axis.step);
  first = first > 0 ? first : 0;
  last = last < axis.count - 1 ? last : axis.count - 1;
  *count = last >= first ? last - first + 1 : 0;
  double sum = 0;
  for (int64_t i = 0; i < *count; i++) {
    const double u = (axis.first + axis.step * (double)(first + i) - centre) / sigma;
    weight[i] = exp(-0.5 * u * u);
    sum += weight[i];
  }
  for (int64_t i = 0; i < *count; i++) {
    weight[i] /= sum;
  }
  return first;
}

pcn_spot_rays pcn_spot_spread(const pcn_proton_beam *engine, double lattice_mm2,
                              const pencone_proton_spot *spot, double *scratch) {
  const pcn_rays *rays = &engine->rays;
  const double own = sub_sigma * engine->spacing_mm, sigma = sqrt(lattice_mm2),
               width = sqrt(lattice_mm2 + own * own);
  pcn_spot_rays out = {.weight = {scratch, scratch + rays->ray[0].count}};
  const double at[2] = {spot->x_mm, spot->y_mm};
  for (int a = 0; a < 2; a++) {
    out.first[a] = sample(rays->ray[a], at[a], sigma, fluence_cut * width, out.weight[a], &out.count[a]);
  }
  return out;
}

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

// Width of a ray without matter at z from the isocentre: what the lattice of rays does not carry.
double pcn_proton_beam_own(const pcn_proton_beam *engine, const pcn_proton_energy *energy, double z_mm) {
  const double own = sub_sigma * engine->spacing_mm;
  return fmax(pcn_optics_variance(&energy->optics, z_mm) - energy->lattice_mm2 * spread_of(engine, z_mm),
              0.25 * own * own);
}

// --- a plane -----------------------------------------------------------------------------------

/// The dose of a beam, layer by layer. With LET there is a second volume and plane: dose times LET, wide
/// Gaussians.
typedef struct dose_work {
  pcn_layer layer;
  double *protons;  ///< of each ray, and scratch for a spot's weights
  float *volume;    ///< [z][y][x] of cells, Gy to water; after it, with LET, the same times LET
  float *scratch;   ///< of each thread, parts below
  int64_t scratch_count;
  int64_t stride, plane;  ///< of a row and of a plane in scratch
} dose_work;

/// A thread's scratch.
typedef struct plane_scratch {
  float *dose, *sum[2], *image, *rows[2], *lines;
} plane_scratch;

static int64_t rows_of(const pcn_rays *rays, int axis, int64_t stride) {
  return rays->ray[axis].count * stride;
}

static plane_scratch scratch_of(const dose_work *w, int worker) {
  const pcn_rays *rays = &w->layer.engine->rays;
  plane_scratch s;
  s.dose = w->scratch + worker * w->scratch_count;
  s.sum[0] = s.dose + w->plane;
  s.sum[1] = s.sum[0] + w->plane;
  s.image = s.sum[1] + w->plane;
  s.rows[0] = s.image + (rays->ray[0].count + 1) * (rays->ray[1].count + 1);
  s.rows[1] = s.rows[0] + rows_of(rays, 0, w->stride);
  s.lines = s.rows[1] + rows_of(rays, 1, w->stride);
  return s;
}

// Mean LET of a cell by its part of dose times LET; that at its middle where there is next to no dose.
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

// The least rectangle of cells with dose. @return 0 when there is none
static int fill_dose(const dose_work *w, int64_t k, const plane_scratch *s, pcn_tile *tile) {
  const pcn_rays *rays = &w->layer.engine->rays;
  const pcn_axis *cell = rays->cell;
  int64_t low[2] = {cell[0].count, cell[1].count}, high[2] = {-1, -1};
  for (int64_t j = 0; j < cell[1].count; j++) {
    float *row = s->dose + j * w->stride;
    int64_t range[2];
    const pcn_ray_row place = {cell[0].first, cell[0].step, cell[1].first + cell[1].step * (double)j,
                               pcn_rays_z(rays, k), cell[0].count};
    pcn_rays_row(rays, &w->layer.engine->medium->grid, &place, pcn_rays_margin(rays), range);
    memset(row, 0, (size_t)w->stride * sizeof *row);
    if (range[0] < range[1]) {
      pcn_layer_dose(&w->layer, k, j, range[0], range[1] - range[0], s->lines, row + range[0]);
    }
    int64_t first = range[0], last = range[1] - 1;
    for (; first <= last && !(row[first] > 0); first++) {
    }
    for (; last >= first && !(row[last] > 0); last--) {
    }
    if (first <= last) {
      low[0] = first < low[0] ? first : low[0];
      high[0] = last > high[0] ? last : high[0];
      low[1] = j < low[1] ? j : low[1];
      high[1] = j;
    }
  }
  for (int a = 0; a < 2; a++) {
    tile->first[a] = low[a];
    tile->count[a] = high[a] - low[a] + 1;
  }
  tile->stride = w->stride;
  return high[1] >= 0;
}

// Protons through the cells of a tile, from Gaussians of one part.
static void add_part(const dose_work *w, int64_t k, int part, const plane_scratch *s, const pcn_tile *tile) {
  const pcn_layer *l = &w->layer;
  const pcn_rays *rays = &l->engine->rays;
  const pcn_ray_window window = {
      {0, 0}, {rays->ray[0].count, rays->ray[1].count}, l->protons, rays->ray[0].count};
  int range[2];
  pcn_layer_classes(l, k, part, &window, range);
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

// Protons through each cell become dose, at the cell's own depth.
static void deposit(const dose_work *w, int64_t k, const plane_scratch *s, const pcn_tile *tile) {
  const pcn_axis *cell = w->layer.engine->rays.cell;
  for (int64_t j = 0; j < tile->count[1]; j++) {
    const int64_t y = tile->first[1] + j;
    const float *protons = tile->value + j * w->stride, *dose = s->dose + y * w->stride + tile->first[0];
    float *restrict out = w->volume + (k * cell[1].count + y) * cell[0].count + tile->first[0];
#pragma omp simd
    for (int64_t i = 0; i < tile->count[0]; i++) {
      out[i] += protons[i] * dose[i];
    }
  }
}

// And dose times LET. wide: protons of the wide Gaussians.
static void deposit_let(const dose_work *w, int64_t k, const plane_scratch *s, const pcn_tile *tile,
                        const float *wide) {
  const pcn_axis *cell = w->layer.engine->rays.cell;
  const double shifter = w->layer.energy->optics.water_mm;
  float *second = w->volume + cell[0].count * cell[1].count * cell[2].count;
  for (int64_t j = 0; j < tile->count[1]; j++) {
    for (int64_t i = 0; i < tile->count[0]; i++) {
      const int64_t at[3] = {tile->first[0] + i, tile->first[1] + j, k}, c = j * w->stride + i;
      const double dose = (double)(tile->value[c] * s->dose[at[1] * w->stride + at[0]]);
      if (dose > 0) {
        double depth[2];
        pcn_layer_depths(&w->layer, at, depth);
        const double let = let_between(&w->layer.energy->table, shifter + depth[0], shifter + depth[1],
                                       (double)(wide[c] / tile->value[c]));
        second[(k * cell[1].count + at[1]) * cell[0].count + at[0]] += (float)(dose * let);
      }
    }
  }
}

static void fill_plane(void *work, size_t k, int worker) {
  const dose_work *w = work;
  const plane_scratch s = scratch_of(w, worker);
  const int let = w->layer.engine->let != PCN_LET_NONE;
  pcn_tile tile;
  if (!fill_dose(w, (int64_t)k, &s, &tile)) {
    return;
  }
  const size_t cells = (size_t)(tile.count[1] * w->stride);
  for (int part = 0; part < PCN_PROTON_PARTS; part++) {
    const int second = let && part > 0;
    tile.value = s.sum[second];
    if (part == 0 || (part == 1 && second)) {
      memset(tile.value, 0, cells * sizeof *tile.value);
    }
    add_part(w, (int64_t)k, part, &s, &tile);
  }
  tile.value = s.sum[0];
  for (size_t c = 0; let && c < cells; c++) {
    tile.value[c] += s.sum[1][c];
  }
  deposit(w, (int64_t)k, &s, &tile);
  if (let) {
    deposit_let(w, (int64_t)k, &s, &tile, s.sum[1]);
  }
}

// --- from the beam's cells to voxels -------------------------------------------------------------

typedef struct gather_work {
  const pcn_proton_beam *engine;
  const pcn_isa *isa;
  const float *volume;
  float *row;  ///< scratch of each thread
  float *const *out;
} gather_work;

// Adds a row of the volume to out, as dose to the medium where that is wanted.
static void gather_row(const gather_work *w, const pcn_voxel_row *row, const float *value, size_t first,
                       float *out) {
  const pcn_medium *m = w->engine->medium;
  for (int64_t i = 0; i < row->range[1] - row->range[0]; i++) {
    const size_t voxel = first + (size_t)(row->range[0] + i);
    float ratio = 1;
    if (w->engine->quantity == PENCONE_DOSE_TO_MEDIUM) {
      ratio = m->density[voxel] > 0 ? m->stopping[voxel] / m->density[voxel] : 0;
    }
    out[voxel] += ratio * value[i];
  }
}

static void gather_slice(void *work, size_t k, int worker) {
  const gather_work *w = work;
  const pencone_grid *grid = &w->engine->medium->grid;
  const pcn_rays *rays = &w->engine->rays;
  const int64_t cells = rays->cell[0].count * rays->cell[1].count * rays->cell[2].count;
  float *value = w->row + worker * grid->size[0];
  pcn_cell_box box = {{rays->cell[0], rays->cell[1], rays->cell[2]}, w->volume};
  const pcn_voxel_rows rows = pcn_voxel_rows_make(rays, &box, grid);
  for (int64_t j = 0; j < grid->size[1]; j++) {
    const pcn_voxel_row row = pcn_voxel_row_make(&rows, &box, j, (int64_t)k);
    for (int let = 0; let < (w->engine->let != PCN_LET_NONE ? 2 : 1) && row.range[0] < row.range[1]; let++) {
      box.value = w->volume + let * cells;
      pcn_voxel_row_read(w->isa, &box, &row, value);
      for (int o = 2 * let; o < 2 * let + 2; o++) {
        if (w->out[o] != NULL) {
          gather_row(w, &row, value, (k * (size_t)grid->size[1] + (size_t)j) * (size_t)grid->size[0],
                     w->out[o]);
        }
      }
    }
  }
}

// --- all layers --------------------------------------------------------------------------------

static pencone_status allocate(pencone_context *ctx, const pcn_proton_beam *engine, dose_work *w) {
  const pcn_rays *rays = &engine->rays;
  const size_t n[3] = {(size_t)rays->cell[0].count, (size_t)rays->cell[1].count, (size_t)rays->cell[2].count};
  const int64_t lanes = PCN_PRODUCT_LANES;
  PCN_TRY(pcn_layer_make(ctx, engine, &w->layer));
  w->stride = (rays->cell[0].count > rays->cell[1].count ? rays->cell[0].count : rays->cell[1].count) /
                  lanes * lanes +
              2 * lanes;
  w->plane = rays->cell[1].count * w->stride;
  w->scratch_count = 3 * w->plane + (rays->ray[0].count + 1) * (rays->ray[1].count + 1) +
                     rows_of(rays, 0, w->stride) + rows_of(rays, 1, w->stride) + pcn_plane_scratch(rays);
  w->protons =
      pcn_alloc(ctx, (size_t)(rays->rays + rays->ray[0].count + rays->ray[1].count), sizeof *w->protons);
  w->volume = pcn_calloc(ctx, (engine->let != PCN_LET_NONE ? 2 : 1) * n[0] * n[1] * n[2], sizeof *w->volume);
  w->scratch =
      pcn_alloc(ctx, (size_t)pencone_context_threads(ctx) * (size_t)w->scratch_count, sizeof *w->scratch);
  return w->protons != NULL && w->volume != NULL && w->scratch != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

static pencone_status add_layers(pencone_context *ctx, dose_work *w, const double progress[2]) {
  const pcn_proton_beam *engine = w->layer.engine;
  const pencone_beam *beam = engine->beam;
  for (int l = 0; l < beam->layer_count; l++) {
    const double base = progress[0] + progress[1] * l / beam->layer_count;
    spread_spots(engine, &beam->layers[l], &engine->energy[l], w->protons, w->protons + engine->rays.rays);
    for (int64_t r = 0; r < engine->rays.rays; r++) {
      w->layer.protons[r] = (float)w->protons[r];
    }
    pcn_layer_walk(ctx, &w->layer, l);
    PCN_TRY(pcn_parallel_for_progress(ctx, (size_t)w->layer.planes, fill_plane, w, base,
                                      progress[1] / beam->layer_count, "protons"));
  }
  return PENCONE_OK;
}

static pencone_status gather(pencone_context *ctx, const dose_work *w, float *const out[4]) {
  const pcn_proton_beam *engine = w->layer.engine;
  const int64_t *size = engine->medium->grid.size;
  gather_work gather = {engine, w->layer.isa, w->volume, NULL, out};
  gather.row = pcn_alloc(ctx, (size_t)pencone_context_threads(ctx) * (size_t)size[0], sizeof *gather.row);
  if (gather.row == NULL) {
    return PENCONE_E_MEMORY;
  }
  pcn_parallel_for(ctx, (size_t)size[2], gather_slice, &gather);
  pcn_free(gather.row);
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
    status = gather(ctx, w, out);
  }
  pcn_layer_free(&w->layer);
  pcn_free(w->protons);
  pcn_free(w->volume);
  pcn_free(w->scratch);
  pcn_free(w);
  return status;
}

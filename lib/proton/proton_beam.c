// SPDX-License-Identifier: Apache-2.0
#include "proton/proton_beam.h"

#include "base/base.h"
#include "num/constants.h"
#include "proton/layer_work.h"
#include "proton/mixed_depth.h"
#include <math.h>
#include <string.h>

enum { WIDE = PCN_PROTON_WIDE };

static const double sub_sigma = 0.7;      // width of a ray's own Gaussian over the distance of rays
static const double fluence_cut = 4.5;    // sigma: how far from a spot's centre its rays lie
static const double wide_block_mm = 5;    // rays whose wide Gaussians are taken as one
static const double halo_margin_mm = 130; // the beam data's own

uint64_t pcn_proton_beam_bytes(const pencone_grid *grid, int threads) {
  (void)threads;
  return 12 * (uint64_t)pencone_grid_voxels(grid) * sizeof(float);
}

static pencone_status make_energies(pencone_context *ctx, const pcn_proton_options *options, pcn_proton_beam *out) {
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
    PCN_CHECK(ctx, own * own < spot, PENCONE_E_RANGE,
              "option ray_spacing_mm: got %g, expected less than %g: rays must be finer than the spot of %g MeV",
              out->spacing_mm, sqrt(spot) / sub_sigma, e->table.energy_mev);
    e->lattice_mm2 = spot - own * own;
    const pcn_ray_width width = {entry, own, out->spacing_mm};
    PCN_TRY(pcn_collimator_make(ctx, out->beam, &e->optics, &width, &e->collimator));
  }
  return PENCONE_OK;
}

pencone_status pcn_proton_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    const pcn_proton_options *options, pcn_proton_beam *out) {
  memset(out, 0, sizeof *out);
  out->medium = medium;
  out->beam = beam;
  out->spacing_mm = pcn_collimator_spacing(beam, options->spacing_mm);
  out->cut = options->cut;
  out->let = options->let;
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
static int64_t sample(pcn_axis axis, double centre, double sigma, double reach, double *weight, int64_t *count) {
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

pcn_spot_rays pcn_spot_spread(const pcn_proton_beam *engine, double lattice_mm2, const pencone_proton_spot *spot,
                              double *scratch) {
  const pcn_rays *rays = &engine->rays;
  const double own = sub_sigma * engine->spacing_mm, sigma = sqrt(lattice_mm2), width = sqrt(lattice_mm2 + own * own);
  pcn_spot_rays out = {.weight = {scratch, scratch + rays->ray[0].count}};
  const double at[2] = {spot->x_mm, spot->y_mm};
  for (int a = 0; a < 2; a++) {
    out.first[a] = sample(rays->ray[a], at[a], sigma, fluence_cut * width, out.weight[a], &out.count[a]);
  }
  return out;
}

static void spread_spots(const pcn_proton_beam *engine, const pencone_proton_layer *layer, const pcn_proton_energy *energy,
                         double *protons, double *scratch) {
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

// --- a ray's way -------------------------------------------------------------------------------

// Width of a ray without matter at z from the isocentre: what the lattice of rays does not carry.
static double own_variance(const pcn_layer_work *w, double z) {
  const double own = sub_sigma * w->engine->spacing_mm;
  return fmax(pcn_optics_variance(&w->energy->optics, z) - w->energy->lattice_mm2 * spread_of(w->engine, z), 0.25 * own * own);
}

// Fermi-Eyges moments (eq. 3) and the table's values in every cell of a ray.
void pcn_layer_walk(void *work, size_t index, int worker) {
  (void)worker;
  const pcn_layer_work *w = work;
  const pcn_rays *rays = &w->engine->rays;
  const int64_t cells = rays->cell[2].count;
  const float *water = rays->water + (int64_t)index * (cells + 1), *scatter = rays->scatter + (int64_t)index * (cells + 1);
  if (!(w->protons[index] > 0)) {
    return;
  }
  const pcn_depth_table *table = &w->energy->table;
  const double gy_mm2 = 100 * PCN_GY_PER_MEV_G * w->protons[index], h = rays->cell[2].step, half = 0.5 * h;
  const double shifter = w->energy->optics.water_mm;
  double angle = 0, mixed = 0, place = 0;
  for (int64_t k = 0; k < cells; k++) {
    const double middle = shifter + 0.5 * (double)(water[k] + water[k + 1]);
    const pcn_depth_row row = pcn_depth_table_at(table, middle);
    const double power = middle < table->csda_mm ? row.power * (double)(scatter[k + 1] - scatter[k]) / h : 0;
    for (int part = 0; part < 2; part++) { // to the middle of the cell, then to its end
      place += half * (2 * mixed + half * (angle + half * power / 3));
      mixed += half * (angle + 0.5 * half * power);
      angle += half * power;
      if (part == 0) {
        const double core = fmax(place * row.excess + row.extra, 0), stretch = row.core > 1e-4 ? core / row.core : 1;
        const double own = own_variance(w, rays->cell[2].first + h * (double)k) + core;
        pcn_ray_cell *out = &w->cell[k * rays->rays + (int64_t)index];
        out->protons = (float)gy_mm2;
        out->core = (float)own;
        for (int c = 0; c < WIDE; c++) {
          out->wide[c] = (float)(own + row.wide[c] * stretch);
          out->share[c] = (float)row.share[c];
        }
      }
    }
  }
}

// --- a plane -----------------------------------------------------------------------------------

// The column of cells whose ray goes through a cell of a plane: they are counted in the isocentre plane.
static int64_t column_of(pcn_axis cell, int64_t i, double spread) {
  const double at = ((cell.first + cell.step * (double)i) / spread - cell.first) / cell.step;
  const double most = (double)(cell.count - 1);
  return (int64_t)floor(fmin(fmax(at, 0), most) + 0.5);
}

// A Gaussian of protons; with LET the wide ones, whose LET is another, also in a plane of their own.
static void add_gaussian(const pcn_layer_work *w, int wide, const pcn_gaussian *g, float *const scratch_plane[2]) {
  const pcn_axis *cell = w->engine->rays.cell;
  pcn_plane_add(&w->edges[wide], cell, g, scratch_plane[0], scratch_plane[1]);
  if (wide && w->engine->let != PCN_LET_NONE) {
    pcn_plane_add(&w->edges[wide], cell, g, scratch_plane[0], scratch_plane[1] + cell[0].count * cell[1].count);
  }
}

// Place of a ray in the plane whose spread is given.
static double place_of(pcn_axis ray, int64_t i, double spread) {
  return spread * (ray.first + ray.step * (double)i);
}

// One of the wide Gaussians of a block of rays: their sum, with the mean place and variance.
static void add_block(const pcn_layer_work *w, const pcn_ray_cell *cell, const int64_t first[2], const double spread[2],
                      float *const scratch_plane[2]) {
  const pcn_rays *rays = &w->engine->rays;
  const int64_t last[2] = {first[0] + w->block < rays->ray[0].count ? first[0] + w->block : rays->ray[0].count,
                           first[1] + w->block < rays->ray[1].count ? first[1] + w->block : rays->ray[1].count};
  for (int c = 0; c < WIDE; c++) {
    double sum = 0, x = 0, y = 0, variance = 0, square = 0;
    for (int64_t j = first[1]; j < last[1]; j++) {
      for (int64_t i = first[0]; i < last[0]; i++) {
        const int64_t r = j * rays->ray[0].count + i;
        if (w->protons[r] > 0) {
          const double part = (double)cell[r].protons * (double)cell[r].share[c];
          const double rx = place_of(rays->ray[0], i, spread[0]), ry = place_of(rays->ray[1], j, spread[1]);
          sum += part;
          x += part * rx;
          y += part * ry;
          square += part * (rx * rx + ry * ry);
          variance += part * (double)cell[r].wide[c];
        }
      }
    }
    if (sum > 0) {
      const double apart = fmax(square / sum - (x * x + y * y) / (sum * sum), 0) / 2;
      const pcn_gaussian g = {x / sum, y / sum, sqrt(variance / sum + apart), sum};
      add_gaussian(w, 1, &g, scratch_plane);
    }
  }
}

// Depth dose between two depths of water, MeV cm2/g: the mean; where there is next to no matter, that at a point.
static double dose_between(const pcn_depth_table *table, double from_mm, double to_mm) {
  const double thick = to_mm - from_mm, middle = 0.5 * (from_mm + to_mm);
  if (thick > 0.2) {
    return fmax(pcn_depth_table_sum(table, to_mm) - pcn_depth_table_sum(table, from_mm), 0) / thick;
  }
  const double point = pcn_depth_table_sum(table, middle + 0.1) - pcn_depth_table_sum(table, middle - 0.1);
  return fmax(point, 0) / (0.1 + fmin(middle, 0.1));
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

// Dose per proton of the cell whose first face is that one of the columns.
static double cell_dose(const pcn_layer_work *w, int64_t face) {
  const float *water = w->engine->rays.column + face;
  const double shifter = w->energy->optics.water_mm;
  return dose_between(&w->energy->table, shifter + (double)water[0], shifter + (double)water[1]);
}

void pcn_layer_dose(const pcn_layer_work *w, int64_t k, float *dose) {
  const pcn_rays *rays = &w->engine->rays;
  const int64_t nx = rays->cell[0].count, ny = rays->cell[1].count, faces = rays->cell[2].count + 1;
  const double z = rays->cell[2].first + rays->cell[2].step * (double)k;
  const double spread[2] = {pcn_optics_spread(rays->machine, 0, z), pcn_optics_spread(rays->machine, 1, z)};
  for (int64_t j = 0; j < ny; j++) {
    const int64_t cj = column_of(rays->cell[1], j, spread[1]);
    for (int64_t i = 0; i < nx; i++) {
      dose[j * nx + i] = (float)cell_dose(w, (cj * nx + column_of(rays->cell[0], i, spread[0])) * faces + k);
    }
    const pcn_mixing mixing = {rays, &w->energy->table, w->energy->optics.water_mm, 1};
    pcn_mixed_row(&mixing, k, j, 0, nx, dose + j * nx);
  }
}

// Protons through each cell become dose, and dose times LET, at the cell's own depth.
static void deposit(const pcn_layer_work *w, int64_t k, const double spread[2], const float *plane, const float *per_proton) {
  const pcn_rays *rays = &w->engine->rays;
  const int64_t nx = rays->cell[0].count, ny = rays->cell[1].count, faces = rays->cell[2].count + 1;
  const double shifter = w->energy->optics.water_mm;
  const pcn_depth_table *table = &w->energy->table;
  float *out = w->volume + k * nx * ny, *second = out + nx * ny * rays->cell[2].count;
  for (int64_t j = 0; j < ny; j++) {
    const int64_t cj = column_of(rays->cell[1], j, spread[1]);
    for (int64_t i = 0; i < nx; i++) {
      const int64_t c = j * nx + i;
      if (plane[c] > 0) {
        const float *water = rays->column + (cj * nx + column_of(rays->cell[0], i, spread[0])) * faces + k;
        const double from = shifter + (double)water[0], to = shifter + (double)water[1];
        const double dose = (double)plane[c] * (double)per_proton[c];
        out[c] += (float)dose;
        if (w->engine->let != PCN_LET_NONE && dose > 0) {
          second[c] += (float)(dose * let_between(table, from, to, (double)(plane[nx * ny + c] / plane[c])));
        }
      }
    }
  }
}

static void fill_plane(void *work, size_t k, int worker) {
  const pcn_layer_work *w = work;
  const pcn_rays *rays = &w->engine->rays;
  const pcn_ray_cell *cell = w->cell + (int64_t)k * rays->rays;
  const int64_t cells = rays->cell[0].count * rays->cell[1].count;
  float *scratch = w->share + worker * w->share_count;
  float *const scratch_plane[2] = {scratch, scratch + rays->cell[0].count + rays->cell[1].count};
  memset(scratch_plane[1], 0, (size_t)(2 * cells) * sizeof(float));
  const double z = rays->cell[2].first + rays->cell[2].step * (double)k;
  const double spread[2] = {pcn_optics_spread(rays->machine, 0, z), pcn_optics_spread(rays->machine, 1, z)};
  for (int64_t r = 0; r < rays->rays; r++) {
    if (w->protons[r] > 0) {
      const pcn_gaussian g = {place_of(rays->ray[0], r % rays->ray[0].count, spread[0]),
                              place_of(rays->ray[1], r / rays->ray[0].count, spread[1]), sqrt((double)cell[r].core),
                              (double)cell[r].protons * (1 - (double)cell[r].share[0] - (double)cell[r].share[1])};
      add_gaussian(w, 0, &g, scratch_plane);
    }
  }
  for (int64_t j = 0; j < rays->ray[1].count; j += w->block) {
    for (int64_t i = 0; i < rays->ray[0].count; i += w->block) {
      const int64_t first[2] = {i, j};
      add_block(w, cell, first, spread, scratch_plane);
    }
  }
  float *per_proton = scratch_plane[1] + 2 * cells;
  pcn_layer_dose(w, (int64_t)k, per_proton);
  deposit(w, (int64_t)k, spread, scratch_plane[1], per_proton);
}

// --- from the beam's cells to voxels -------------------------------------------------------------

typedef struct gather_work {
  const pcn_proton_beam *engine;
  const float *volume;
  float *const *out;
} gather_work;

// Lower neighbour and weight of the upper one; 0 outside.
static int locate(pcn_axis axis, double at, int64_t *lower, double *weight) {
  const double u = (at - axis.first) / axis.step;
  if (!(u > -0.5 && u < (double)axis.count - 0.5)) {
    return 0;
  }
  const double inside = fmin(fmax(u, 0), (double)(axis.count - 1));
  *lower = (int64_t)inside;
  *lower -= *lower == axis.count - 1 && axis.count > 1 ? 1 : 0;
  *weight = inside - (double)*lower;
  return 1;
}

// Dose, and dose times LET where it is wanted.
static void volume_at(const gather_work *w, pcn_vec3 p, double out[2]) {
  const pcn_axis *cell = w->engine->rays.cell;
  int64_t i[3];
  double u[3];
  out[0] = out[1] = 0;
  const int64_t cells = w->engine->let != PCN_LET_NONE ? cell[0].count * cell[1].count * cell[2].count : 0;
  if (!locate(cell[0], p.x, &i[0], &u[0]) || !locate(cell[1], p.y, &i[1], &u[1]) || !locate(cell[2], p.z, &i[2], &u[2])) {
    return;
  }
  for (int corner = 0; corner < 8; corner++) {
    const int a = corner & 1, b = (corner >> 1) & 1, c = corner >> 2;
    const double weight = (a ? u[0] : 1 - u[0]) * (b ? u[1] : 1 - u[1]) * (c ? u[2] : 1 - u[2]);
    if (weight > 0) {
      const float *at = &w->volume[((i[2] + c) * cell[1].count + i[1] + b) * cell[0].count + i[0] + a];
      out[0] += weight * (double)at[0];
      out[1] += weight * (double)at[cells];
    }
  }
}

static void gather_slice(void *work, size_t k, int worker) {
  (void)worker;
  const gather_work *w = work;
  const pcn_medium *medium = w->engine->medium;
  const pencone_grid *grid = &medium->grid;
  size_t index = k * (size_t)(grid->size[0] * grid->size[1]);
  for (int64_t j = 0; j < grid->size[1]; j++) {
    for (int64_t i = 0; i < grid->size[0]; i++, index++) {
      double xyz[3];
      pencone_grid_centre(grid, i, j, (int64_t)k, xyz);
      double value[2], ratio = 1;
      volume_at(w, pcn_rays_project(&w->engine->rays, pcn_v3_from(xyz)), value);
      if (w->engine->quantity == PENCONE_DOSE_TO_MEDIUM) {
        ratio = medium->density[index] > 0 ? (double)(medium->stopping[index] / medium->density[index]) : 0;
      }
      for (int o = 0; o < (w->engine->let != PCN_LET_NONE ? 4 : 2); o++) {
        if (w->out[o] != NULL) {
          w->out[o][index] += (float)(ratio * value[o / 2]);
        }
      }
    }
  }
}

// --- all layers --------------------------------------------------------------------------------

int pcn_layer_block(const pcn_proton_beam *engine) {
  return (int)fmax(1, floor(wide_block_mm / engine->spacing_mm));
}

static pencone_status allocate(pencone_context *ctx, const pcn_proton_beam *engine, pcn_layer_work *w) {
  const pcn_rays *rays = &engine->rays;
  const size_t n[3] = {(size_t)rays->cell[0].count, (size_t)rays->cell[1].count, (size_t)rays->cell[2].count};
  const size_t scratch = (size_t)(rays->ray[0].count + rays->ray[1].count);
  w->engine = engine;
  w->share_count = rays->cell[0].count + rays->cell[1].count + 3 * rays->cell[0].count * rays->cell[1].count;
  w->block = pcn_layer_block(engine);
  w->protons = pcn_alloc(ctx, (size_t)rays->rays + scratch, sizeof *w->protons);
  w->cell = pcn_alloc(ctx, (size_t)rays->rays * n[2], sizeof *w->cell);
  w->volume = pcn_calloc(ctx, (engine->let != PCN_LET_NONE ? 2 : 1) * n[0] * n[1] * n[2], sizeof *w->volume);
  w->share = pcn_alloc(ctx, (size_t)pencone_context_threads(ctx) * (size_t)w->share_count, sizeof *w->share);
  pcn_edge_table_make(engine->cut, &w->edges[0]);
  pcn_edge_table_make(engine->cut, &w->edges[1]);
  return w->protons != NULL && w->cell != NULL && w->volume != NULL && w->share != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

static pencone_status add_layers(pencone_context *ctx, pcn_layer_work *w, const double progress[2]) {
  const pencone_beam *beam = w->engine->beam;
  for (int l = 0; l < beam->layer_count; l++) {
    const double base = progress[0] + progress[1] * l / beam->layer_count;
    w->energy = &w->engine->energy[l];
    spread_spots(w->engine, &beam->layers[l], w->energy, w->protons, w->protons + w->engine->rays.rays);
    pcn_parallel_for(ctx, (size_t)w->engine->rays.rays, pcn_layer_walk, w);
    PCN_TRY(pcn_parallel_for_progress(ctx, (size_t)w->engine->rays.cell[2].count, fill_plane, w, base,
                                      progress[1] / beam->layer_count, "protons"));
  }
  return PENCONE_OK;
}

pencone_status pcn_proton_beam_add(pencone_context *ctx, const pcn_proton_beam *engine, float *const out[4],
                                   const double progress[2]) {
  pcn_layer_work *w = pcn_calloc(ctx, 1, sizeof *w);
  if (w == NULL) {
    return PENCONE_E_MEMORY;
  }
  pencone_status status = allocate(ctx, engine, w);
  if (status == PENCONE_OK) {
    status = add_layers(ctx, w, progress);
  }
  if (status == PENCONE_OK) {
    gather_work gather = {engine, w->volume, out};
    pcn_parallel_for(ctx, (size_t)engine->medium->grid.size[2], gather_slice, &gather);
  }
  pcn_free(w->protons);
  pcn_free(w->cell);
  pcn_free(w->volume);
  pcn_free(w->share);
  pcn_free(w);
  return status;
}

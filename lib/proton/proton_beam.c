// SPDX-License-Identifier: Apache-2.0
#include "proton/proton_beam.h"

#include "base/base.h"
#include "num/constants.h"
#include "proton/beam_data.h"
#include "proton/plane.h"
#include <math.h>
#include <string.h>

enum { WIDE = 2 };

static const double sub_sigma = 0.7;      // width of a ray's own Gaussian over the distance of rays
static const double fluence_cut = 4.5;    // sigma: how far from a spot's centre its rays lie
static const double wide_block_mm = 4.5;  // rays whose wide Gaussians are taken as one
static const double halo_margin_mm = 130; // the beam data's own

uint64_t pcn_proton_beam_bytes(const pencone_grid *grid, int threads) {
  (void)threads;
  return 8 * (uint64_t)pencone_grid_voxels(grid) * sizeof(float);
}

/// A ray in one cell: dose integrated over the plane, Gy mm2, and variances, mm2.
typedef struct ray_cell {
  float dose, core, wide[WIDE], share[WIDE];
} ray_cell;

/// One layer in work.
typedef struct layer_work {
  const pcn_proton_beam *engine;
  pcn_depth_table table;
  pcn_edge_table edges[2]; ///< core, wide
  double *protons;         ///< of each ray
  ray_cell *cell;          ///< [z][ray]
  float *volume;           ///< [z][y][x] of cells, Gy to water
  float *share;            ///< scratch of each thread
  int64_t share_count;
  int block;               ///< rays along x and y whose wide Gaussians are one
} layer_work;

pencone_status pcn_proton_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    double spacing_mm, double cut, pcn_proton_beam *out) {
  const pencone_machine_desc *machine = pencone_machine_describe(beam->machine);
  const double margin_mm[2] = {fluence_cut * machine->spot_sigma_mm, halo_margin_mm};
  memset(out, 0, sizeof *out);
  out->medium = medium;
  out->beam = beam;
  out->spacing_mm = spacing_mm;
  out->cut = cut;
  PCN_CHECK(ctx, sub_sigma * spacing_mm < machine->spot_sigma_mm, PENCONE_E_RANGE,
            "option ray_spacing_mm: got %g, expected less than %g: rays must be finer than the spot", spacing_mm,
            machine->spot_sigma_mm / sub_sigma);
  const pencone_status status = pcn_rays_make(ctx, medium, beam, spacing_mm, margin_mm, &out->rays);
  if (status != PENCONE_OK) {
    pcn_proton_beam_free(out);
  }
  return status;
}

void pcn_proton_beam_free(pcn_proton_beam *engine) {
  pcn_rays_free(&engine->rays);
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

static void spread_spots(const pcn_proton_beam *engine, const pencone_proton_layer *layer, double *protons,
                         double *scratch) {
  const pcn_rays *rays = &engine->rays;
  const double spot = pencone_machine_describe(engine->beam->machine)->spot_sigma_mm;
  const double own = sub_sigma * engine->spacing_mm, sigma = sqrt(spot * spot - own * own);
  double *wx = scratch, *wy = scratch + rays->ray[0].count;
  memset(protons, 0, (size_t)rays->rays * sizeof *protons);
  for (int s = 0; s < layer->spot_count; s++) {
    int64_t nx, ny;
    const int64_t x0 = sample(rays->ray[0], layer->spots[s].x_mm, sigma, fluence_cut * spot, wx, &nx);
    const int64_t y0 = sample(rays->ray[1], layer->spots[s].y_mm, sigma, fluence_cut * spot, wy, &ny);
    for (int64_t j = 0; j < ny; j++) {
      for (int64_t i = 0; i < nx; i++) {
        protons[(y0 + j) * rays->ray[0].count + x0 + i] += layer->spots[s].protons * wx[i] * wy[j];
      }
    }
  }
}

// --- a ray's way -------------------------------------------------------------------------------

// Width of the beam without matter at z from the isocentre, less the part that the lattice of rays carries.
static double own_variance(const pcn_proton_beam *engine, double z) {
  const pencone_machine_desc *m = pencone_machine_describe(engine->beam->machine);
  const double angle = 1e-3 * m->divergence_mrad, own = sub_sigma * engine->spacing_mm;
  return fmax(own * own + 2 * m->correlation * m->spot_sigma_mm * angle * z + angle * angle * z * z, 0.25 * own * own);
}

// Fermi-Eyges moments (eq. 3) and the table's values in every cell of a ray.
static void walk(void *work, size_t index, int worker) {
  (void)worker;
  const layer_work *w = work;
  const pcn_rays *rays = &w->engine->rays;
  const int64_t cells = rays->cell[2].count;
  const float *water = rays->water + (int64_t)index * (cells + 1), *scatter = rays->scatter + (int64_t)index * (cells + 1);
  if (!(w->protons[index] > 0)) {
    return;
  }
  const double gy_mm2 = 100 * PCN_GY_PER_MEV_G * w->protons[index], h = rays->cell[2].step, half = 0.5 * h;
  double angle = 0, mixed = 0, place = 0;
  double before = pcn_depth_table_at(&w->table, (double)water[0]).sum;
  for (int64_t k = 0; k < cells; k++) {
    const double middle = 0.5 * (double)(water[k] + water[k + 1]), thick = (double)(water[k + 1] - water[k]);
    const pcn_depth_row row = pcn_depth_table_at(&w->table, middle);
    const double after = pcn_depth_table_at(&w->table, (double)water[k + 1]).sum;
    const double power = middle < w->table.csda_mm ? row.power * (double)(scatter[k + 1] - scatter[k]) / h : 0;
    for (int part = 0; part < 2; part++) { // to the middle of the cell, then to its end
      place += half * (2 * mixed + half * (angle + half * power / 3));
      mixed += half * (angle + 0.5 * half * power);
      angle += half * power;
      if (part == 0) {
        const double core = place * row.excess, stretch = row.core > 1e-4 ? core / row.core : 1;
        const double own = own_variance(w->engine, rays->cell[2].first + h * (double)k) + core;
        // Where there is next to no matter the dose is that at a point.
        const double point = pcn_depth_table_at(&w->table, middle + 0.1).sum - pcn_depth_table_at(&w->table, middle - 0.1).sum;
        const double dose = thick > 0.2 ? (after - before) / thick : point / (0.1 + fmin(middle, 0.1));
        ray_cell *out = &w->cell[k * rays->rays + (int64_t)index];
        out->dose = (float)(gy_mm2 * dose);
        out->core = (float)own;
        for (int c = 0; c < WIDE; c++) {
          out->wide[c] = (float)(own + row.wide[c] * stretch);
          out->share[c] = (float)row.share[c];
        }
      }
    }
    before = after;
  }
}

// --- a plane -----------------------------------------------------------------------------------

// One of the wide Gaussians of a block of rays: their sum, with the mean place and variance.
static void add_block(const layer_work *w, const ray_cell *cell, const int64_t first[2], float *share, float *plane) {
  const pcn_rays *rays = &w->engine->rays;
  const int64_t last[2] = {first[0] + w->block < rays->ray[0].count ? first[0] + w->block : rays->ray[0].count,
                           first[1] + w->block < rays->ray[1].count ? first[1] + w->block : rays->ray[1].count};
  for (int c = 0; c < WIDE; c++) {
    double sum = 0, x = 0, y = 0, variance = 0, square = 0;
    for (int64_t j = first[1]; j < last[1]; j++) {
      for (int64_t i = first[0]; i < last[0]; i++) {
        const int64_t r = j * rays->ray[0].count + i;
        if (w->protons[r] > 0) {
          const double part = (double)cell[r].dose * (double)cell[r].share[c];
          const double rx = rays->ray[0].first + rays->ray[0].step * (double)i;
          const double ry = rays->ray[1].first + rays->ray[1].step * (double)j;
          sum += part;
          x += part * rx;
          y += part * ry;
          square += part * (rx * rx + ry * ry);
          variance += part * (double)cell[r].wide[c];
        }
      }
    }
    if (sum > 0) {
      const double spread = fmax(square / sum - (x * x + y * y) / (sum * sum), 0) / 2;
      const pcn_gaussian g = {x / sum, y / sum, sqrt(variance / sum + spread), sum};
      pcn_plane_add(&w->edges[1], rays->cell, &g, share, plane);
    }
  }
}

static void fill_plane(void *work, size_t k, int worker) {
  const layer_work *w = work;
  const pcn_rays *rays = &w->engine->rays;
  const ray_cell *cell = w->cell + (int64_t)k * rays->rays;
  float *plane = w->volume + (int64_t)k * rays->cell[0].count * rays->cell[1].count;
  float *share = w->share + worker * w->share_count;
  for (int64_t r = 0; r < rays->rays; r++) {
    if (w->protons[r] > 0 && cell[r].dose > 0) {
      const pcn_gaussian g = {rays->ray[0].first + rays->ray[0].step * (double)(r % rays->ray[0].count),
                              rays->ray[1].first + rays->ray[1].step * (double)(r / rays->ray[0].count),
                              sqrt((double)cell[r].core),
                              (double)cell[r].dose * (1 - (double)cell[r].share[0] - (double)cell[r].share[1])};
      pcn_plane_add(&w->edges[0], rays->cell, &g, share, plane);
    }
  }
  for (int64_t j = 0; j < rays->ray[1].count; j += w->block) {
    for (int64_t i = 0; i < rays->ray[0].count; i += w->block) {
      const int64_t first[2] = {i, j};
      add_block(w, cell, first, share, plane);
    }
  }
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

static double volume_at(const gather_work *w, pcn_vec3 p) {
  const pcn_axis *cell = w->engine->rays.cell;
  int64_t i[3];
  double u[3], sum = 0;
  if (!locate(cell[0], p.x, &i[0], &u[0]) || !locate(cell[1], p.y, &i[1], &u[1]) || !locate(cell[2], p.z, &i[2], &u[2])) {
    return 0;
  }
  for (int corner = 0; corner < 8; corner++) {
    const int a = corner & 1, b = (corner >> 1) & 1, c = corner >> 2;
    const double weight = (a ? u[0] : 1 - u[0]) * (b ? u[1] : 1 - u[1]) * (c ? u[2] : 1 - u[2]);
    if (weight > 0) {
      sum += weight * (double)w->volume[((i[2] + c) * cell[1].count + i[1] + b) * cell[0].count + i[0] + a];
    }
  }
  return sum;
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
      double dose = volume_at(w, pcn_rays_project(&w->engine->rays, pcn_v3_from(xyz)));
      if (w->engine->quantity == PENCONE_DOSE_TO_MEDIUM) {
        dose *= medium->density[index] > 0 ? (double)(medium->stopping[index] / medium->density[index]) : 0;
      }
      for (int o = 0; o < 2; o++) {
        if (w->out[o] != NULL) {
          w->out[o][index] += (float)dose;
        }
      }
    }
  }
}

// --- all layers --------------------------------------------------------------------------------

static pencone_status allocate(pencone_context *ctx, const pcn_proton_beam *engine, layer_work *w) {
  const pcn_rays *rays = &engine->rays;
  const size_t n[3] = {(size_t)rays->cell[0].count, (size_t)rays->cell[1].count, (size_t)rays->cell[2].count};
  const size_t scratch = (size_t)(rays->ray[0].count + rays->ray[1].count);
  w->engine = engine;
  w->share_count = rays->cell[0].count + rays->cell[1].count;
  w->block = (int)fmax(1, floor(wide_block_mm / engine->spacing_mm));
  w->protons = pcn_alloc(ctx, (size_t)rays->rays + scratch, sizeof *w->protons);
  w->cell = pcn_alloc(ctx, (size_t)rays->rays * n[2], sizeof *w->cell);
  w->volume = pcn_calloc(ctx, n[0] * n[1] * n[2], sizeof *w->volume);
  w->share = pcn_alloc(ctx, (size_t)pencone_context_threads(ctx) * (size_t)w->share_count, sizeof *w->share);
  pcn_edge_table_make(engine->cut, &w->edges[0]);
  pcn_edge_table_make(engine->cut, &w->edges[1]);
  return w->protons != NULL && w->cell != NULL && w->volume != NULL && w->share != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

static pencone_status add_layers(pencone_context *ctx, layer_work *w, const double progress[2]) {
  const pencone_beam *beam = w->engine->beam;
  for (int l = 0; l < beam->layer_count; l++) {
    const double base = progress[0] + progress[1] * l / beam->layer_count;
    pencone_status status = pcn_depth_table_make(ctx, beam->layers[l].energy_mev, &w->table);
    if (status == PENCONE_OK) {
      spread_spots(w->engine, &beam->layers[l], w->protons, w->protons + w->engine->rays.rays);
      pcn_parallel_for(ctx, (size_t)w->engine->rays.rays, walk, w);
      status = pcn_parallel_for_progress(ctx, (size_t)w->engine->rays.cell[2].count, fill_plane, w, base,
                                         progress[1] / beam->layer_count, "protons");
    }
    pcn_depth_table_free(&w->table);
    PCN_TRY(status);
  }
  return PENCONE_OK;
}

pencone_status pcn_proton_beam_add(pencone_context *ctx, const pcn_proton_beam *engine, float *const out[2],
                                   const double progress[2]) {
  layer_work *w = pcn_calloc(ctx, 1, sizeof *w);
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

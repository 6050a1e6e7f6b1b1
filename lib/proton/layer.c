// SPDX-License-Identifier: Apache-2.0
#include "proton/layer.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"

enum { PARTS = PCN_PROTON_PARTS, NODES = PCN_CLASS_NODES, BLOCK = 16, MOST = PCN_CLASS_MOST };

static const double class_ratio[PARTS] = {1.12, 1.5, 1.5};  // of variances; docs/theory/proton.md, section 4

static int64_t lattice_rays(const pcn_layer *l) {
  return l->engine->rays.rays;
}

// --- memory ------------------------------------------------------------------------------------

pencone_status pcn_layer_make(pencone_context *ctx, const pcn_proton_beam *engine, pcn_layer *out) {
  memset(out, 0, sizeof *out);
  out->engine = engine;
  out->isa = pcn_isa_of(ctx);
  const size_t planes = (size_t)engine->rays.cell[2].count, rays = (size_t)engine->rays.rays;
  int rows = 2;
  for (int l = 0; l < engine->beam->layer_count; l++) {
    rows = engine->energy[l].table.count > rows ? engine->energy[l].table.count : rows;
  }
  for (int part = 0; part < PARTS; part++) {
    for (int c = -MOST; c <= MOST; c++) {
      out->power[part][c + MOST] = pow(class_ratio[part], c);
    }
  }
  out->protons = pcn_calloc(ctx, rays, sizeof *out->protons);
  out->own = pcn_alloc(ctx, planes, sizeof *out->own);
  out->anchor = pcn_alloc(ctx, planes * PARTS, sizeof *out->anchor);
  out->sort = pcn_calloc(ctx, planes * PARTS * rays, sizeof *out->sort);
  out->node = pcn_calloc(ctx, planes * PARTS * NODES * rays, sizeof *out->node);
  out->sum = pcn_alloc(ctx, (size_t)rows, sizeof *out->sum);
  const int whole = out->protons != NULL && out->own != NULL && out->anchor != NULL && out->sort != NULL &&
                    out->node != NULL && out->sum != NULL;
  if (!whole) {
    pcn_layer_free(out);
  }
  return whole ? PENCONE_OK : PENCONE_E_MEMORY;
}

void pcn_layer_free(pcn_layer *layer) {
  pcn_free(layer->protons);
  pcn_free(layer->own);
  pcn_free(layer->anchor);
  pcn_free(layer->sort);
  pcn_free(layer->node);
  pcn_free(layer->sum);
  memset(layer, 0, sizeof *layer);
}

// --- a ray's way -------------------------------------------------------------------------------

/// Fermi-Eyges moments of a ray (eq. 3).
typedef struct moments {
  double angle, mixed, place;
} moments;

// Through cell k; its Gaussians are those of its middle.
static void walk_cell(const pcn_layer *l, int64_t ray, int64_t k, moments *m, pcn_ray_cell *out) {
  const pcn_rays *rays = &l->engine->rays;
  const pcn_depth_table *table = &l->energy->table;
  const int64_t face = ray * (rays->cell[2].count + 1) + k;
  const float *water = rays->water + face, *scatter = rays->scatter + face;
  const double h = rays->cell[2].step, half = 0.5 * h;
  const double middle = l->energy->optics.water_mm + 0.5 * (double)(water[0] + water[1]);
  const pcn_depth_row row = pcn_depth_table_at(table, middle);
  const double power = middle < table->csda_mm ? row.power * (double)(scatter[1] - scatter[0]) / h : 0;
  for (int part = 0; part < 2; part++) {  // to the middle of the cell, then to its end
    m->place += half * (2 * m->mixed + half * (m->angle + half * power / 3));
    m->mixed += half * (m->angle + 0.5 * half * power);
    m->angle += half * power;
    if (part == 0) {
      const double core = fmax(m->place * row.excess + row.extra, 0),
                   stretch = row.core > 1e-4 ? core / row.core : 1;
      out->variance[0] = l->own[k] + core;
      out->share[0] = 1;
      for (int c = 0; c < PCN_PROTON_WIDE; c++) {
        out->variance[1 + c] = out->variance[0] + row.wide[c] * stretch;
        out->share[1 + c] = row.share[c];
        out->share[0] -= row.share[c];
      }
    }
  }
}

void pcn_layer_walk_ray(const pcn_layer *layer, int64_t ray, pcn_ray_cell *cells) {
  moments m = {0, 0, 0};
  for (int64_t k = 0; k < layer->planes; k++) {
    walk_cell(layer, ray, k, &m, &cells[k]);
  }
}

// --- classes -----------------------------------------------------------------------------------

double pcn_layer_variance(const pcn_layer *layer, int64_t k, int part, int sort) {
  return layer->anchor[k * PARTS + part] * layer->power[part][sort + MOST];
}

// A Gaussian between those of three classes: the parabola through them (eq. 5a) keeps integral, variance and
// fourth moment.
static void sort_gaussian(const pcn_layer *l, int64_t k, int part, const pcn_ray_cell *cell, int64_t ray) {
  const double same = 1e-5, ratio = cell->variance[part] / l->anchor[k * PARTS + part], q = class_ratio[part],
               low = 1 / q;
  const int64_t row = k * PARTS + part, rays = lattice_rays(l);
  float *node = l->node + row * NODES * rays + ray;
  if (fabs(ratio - 1) < same) {
    l->sort[row * rays + ray] = 0;
    node[0] = node[2 * rays] = 0;
    node[rays] = (float)cell->share[part];
    return;
  }
  const double nearest = fmin(fmax(rint(log(ratio) / log(q)), 1 - MOST), MOST - 1);
  const int sort = (int)nearest;
  const double s = fmin(fmax(ratio / l->power[part][sort + MOST], low), q), share = cell->share[part];
  l->sort[row * rays + ray] = (int8_t)sort;
  node[0] = (float)(share * (s - 1) * (s - q) / ((low - 1) * (low - q)));
  node[rays] = (float)(share * (s - low) * (s - q) / ((1 - low) * (1 - q)));
  node[2 * rays] = (float)(share * (s - low) * (s - 1) / ((q - low) * (q - 1)));
}

// Plane by plane, so that neighbours in memory are written together.
static void walk_block(void *work, size_t block, int worker) {
  (void)worker;
  const pcn_layer *l = work;
  const int64_t first = (int64_t)block * BLOCK, rays = lattice_rays(l);
  const int64_t last = first + BLOCK < rays ? first + BLOCK : rays;
  moments m[BLOCK];
  memset(m, 0, sizeof m);
  for (int64_t k = 0; k < l->planes; k++) {
    for (int64_t r = first; r < last; r++) {
      if (l->protons[r] > 0) {
        pcn_ray_cell cell;
        walk_cell(l, r, k, &m[r - first], &cell);
        for (int part = 0; part < PARTS && k % l->engine->rays.every == 0; part++) {
          sort_gaussian(l, k, part, &cell, r);
        }
      }
    }
  }
}

// Variances of class 0: of the ray nearest to the beam's axis.
static void drop_anchor(pcn_layer *l) {
  const pcn_axis *ray = l->engine->rays.ray;
  int64_t at[2];
  for (int a = 0; a < 2; a++) {
    at[a] = (int64_t)fmin(fmax(rint(-ray[a].first / ray[a].step), 0), (double)(ray[a].count - 1));
  }
  moments m = {0, 0, 0};
  for (int64_t k = 0; k < l->planes; k++) {
    pcn_ray_cell cell;
    walk_cell(l, at[1] * ray[0].count + at[0], k, &m, &cell);
    for (int part = 0; part < PARTS; part++) {
      l->anchor[k * PARTS + part] = cell.variance[part];
    }
  }
}

static void set_table(pcn_layer *l) {
  const pcn_depth_table *table = &l->energy->table;
  for (int i = 0; i < table->count; i++) {
    l->sum[i] = table->row[i].sum;
  }
  l->peak = 0;
  for (int i = 1; i < table->count - 1; i++) {
    l->peak = l->sum[i + 1] - l->sum[i] > l->sum[l->peak + 1] - l->sum[l->peak] ? i : l->peak;
  }
  const pcn_bragg_table bragg = {l->sum, table->count, 1 / table->step_mm, 100 * PCN_GY_PER_MEV_G,
                                 l->energy->optics.water_mm};
  l->table = bragg;
  pcn_mixing_make(&l->engine->rays, table, &l->table, l->isa, l->engine->uneven, &l->mixing);
}

static int mixes(const pcn_layer *l) {
  const pcn_axis *cells = l->engine->rays.cell;
  const int64_t first[2] = {0, 0}, last[2] = {cells[0].count, cells[1].count};
  int64_t face = 0;
  while (face <= cells[2].count && !pcn_mixing_may(&l->mixing, face, first, last)) {
    face++;
  }
  return face <= cells[2].count;
}

// Around all spots of the layer, whatever their protons: a matrix and a dose must agree.
static void set_field(pcn_layer *l, const pencone_proton_layer *spots) {
  const double margin_mm = 20 + 3 * sqrt(l->energy->lattice_mm2);
  double(*field)[2] = l->mixing.field_mm;
  field[0][0] = field[1][0] = INFINITY;
  field[0][1] = field[1][1] = -INFINITY;
  for (int s = 0; s < spots->spot_count; s++) {
    const double at[2] = {spots->spots[s].x_mm, spots->spots[s].y_mm};
    for (int a = 0; a < 2; a++) {
      field[a][0] = fmin(field[a][0], at[a] - margin_mm);
      field[a][1] = fmax(field[a][1], at[a] + margin_mm);
    }
  }
}

// Planes before those all of whose cells lie deeper than the table is long.
static int64_t planes_of(const pcn_layer *l) {
  const pcn_rays *rays = &l->engine->rays;
  const double thin = 0.1, end = l->energy->table.step_mm * (l->energy->table.count - 1) -
                                 l->energy->optics.water_mm + thin;
  const int64_t first[2] = {0, 0}, last[2] = {rays->cell[0].count, rays->cell[1].count};
  int64_t last_k = -1;
  for (int64_t k = 0; k < rays->cell[2].count; k++) {
    double depth_mm[2];
    pcn_rays_extremes(rays, k, first, last, depth_mm);
    last_k = depth_mm[0] < end ? k : last_k;
  }
  return last_k < 0 ? 0 : (last_k + rays->every - 1) / rays->every * rays->every + 1;
}

void pcn_layer_walk(pencone_context *ctx, pcn_layer *layer, int index) {
  const pcn_rays *rays = &layer->engine->rays;
  layer->energy = &layer->engine->energy[index];
  set_table(layer);
  set_field(layer, &layer->engine->beam->layers[index]);
  layer->mixes = mixes(layer);
  layer->planes = planes_of(layer);
  for (int64_t k = 0; k < layer->planes; k++) {
    layer->own[k] = pcn_proton_beam_own(layer->engine, layer->energy, pcn_rays_z(rays, k));
  }
  drop_anchor(layer);
  pcn_parallel_for(ctx, (size_t)((rays->rays + BLOCK - 1) / BLOCK), walk_block, layer);
}

void pcn_layer_classes(const pcn_layer *layer, int64_t k, int part, const pcn_ray_window *window,
                       int range[2]) {
  const int64_t rays = lattice_rays(layer), along = layer->engine->rays.ray[0].count, row = k * PARTS + part;
  int low = MOST + 1, high = -MOST - 1;
  for (int64_t j = 0; j < window->count[1]; j++) {
    const int64_t first = (window->first[1] + j) * along + window->first[0];
    const int8_t *sort = layer->sort + row * rays + first;
    const float *below = layer->node + row * NODES * rays + first, *above = below + 2 * rays;
    const float *weight = window->weight + j * window->stride;
    for (int64_t i = 0; i < window->count[0]; i++) {
      const int here = weight[i] > 0, least = sort[i] - (below[i] != 0), most = sort[i] + (above[i] != 0);
      low = here && least < low ? least : low;
      high = here && most > high ? most : high;
    }
  }
  range[0] = low;
  range[1] = high;
}

// First and last + 1 that is not 0.
static void trim(const float *used, int64_t first, int64_t n, int64_t *out_first, int64_t *out_count) {
  int64_t low = 0, high = n;
  while (low < n && !(used[low] > 0)) {
    low++;
  }
  while (high > low && !(used[high - 1] > 0)) {
    high--;
  }
  *out_first = first + low;
  *out_count = high - low;
}

void pcn_layer_image(const pcn_layer *layer, int64_t k, int part, int sort, const pcn_ray_window *window,
                     float *value, pcn_class_image *out) {
  const int64_t rays = lattice_rays(layer), along = layer->engine->rays.ray[0].count, row = k * PARTS + part;
  const int64_t nx = window->count[0], ny = window->count[1];
  float *used = value + nx * ny;  // of columns, then of rows
  float sum = 0;
  memset(used, 0, (size_t)(nx + ny) * sizeof *used);
  for (int64_t j = 0; j < ny; j++) {
    const int64_t first = (window->first[1] + j) * along + window->first[0];
    const int8_t *restrict own = layer->sort + row * rays + first;
    const float *restrict node = layer->node + row * NODES * rays + first;
    const float *restrict weight = window->weight + j * window->stride;
    float *restrict to = value + j * nx, *restrict column = used, in_row = 0;
    for (int64_t i = 0; i < nx; i++) {
      const int away = sort - own[i];
      const float here = away == 0 ? node[i + rays] : 0, below = away == -1 ? node[i] : 0,
                  above = away == 1 ? node[i + 2 * rays] : 0;
      to[i] = weight[i] * (here + below + above);
      column[i] += fabsf(to[i]);
    }
    for (int64_t i = 0; i < nx; i++) {
      sum += to[i];
      in_row += fabsf(to[i]);
    }
    used[nx + j] = in_row;
  }
  trim(used, 0, nx, &out->first[0], &out->count[0]);
  trim(used + nx, 0, ny, &out->first[1], &out->count[1]);
  out->value = value + out->first[1] * nx + out->first[0];
  out->first[0] += window->first[0];
  out->first[1] += window->first[1];
  out->stride = nx;
  out->sum = (double)sum;
}

// --- depth dose --------------------------------------------------------------------------------

double pcn_layer_own_dose(const pcn_layer *layer, int64_t k, const int64_t *column, int columns) {
  enum { MOST_COLUMNS = 8 };
  const pcn_rays *rays = &layer->engine->rays;
  const int64_t plane = rays->cell[0].count * rays->cell[1].count;
  float near[MOST_COLUMNS] = {0}, far[MOST_COLUMNS] = {0}, dose[MOST_COLUMNS];
  double sum = 0;
  for (int c = 0; c < columns; c++) {
    near[c] = rays->column[k * plane + column[c]];
    far[c] = rays->column[(k + 1) * plane + column[c]];
  }
  layer->isa->bragg(&layer->table, near, far, (size_t)columns, dose);
  for (int c = 0; c < columns; c++) {
    sum += (double)dose[c];
  }
  return sum / columns;
}

// Largest dose of the steps around a depth.
static double dose_near(const pcn_layer *l, double depth_mm) {
  const double at = fmin(fmax((l->table.before_mm + depth_mm) * l->table.per_step, 0), l->table.count - 1);
  double most = 0;
  for (int i = (int)at - 1; i <= (int)at + 1; i++) {
    most = i >= 0 && i < l->table.count - 1 ? fmax(most, l->sum[i + 1] - l->sum[i]) : most;
  }
  return l->table.scale * l->table.per_step * most;
}

double pcn_layer_most(const pcn_layer *layer, const int64_t face[2], const int64_t first[2],
                      const int64_t last[2]) {
  const double uneven =
      1.1;  // curves rise to their peak and fall behind it, but for the noise of the Monte Carlo
  double near[2], far[2];
  pcn_rays_extremes(&layer->engine->rays, face[0], first, last, near);
  pcn_rays_extremes(&layer->engine->rays, face[1], first, last, far);
  if (!(near[0] < INFINITY) && !(far[0] < INFINITY)) {
    return 0;
  }
  const double peak_mm = (layer->peak + 0.5) / layer->table.per_step - layer->table.before_mm;
  int anywhere = !(near[0] < INFINITY) || !(far[0] < INFINITY) || (near[0] <= peak_mm && peak_mm <= far[1]);
  for (int64_t f = face[0]; f <= face[1] && !anywhere; f++) {
    anywhere = pcn_mixing_may(&layer->mixing, f, first, last);
  }
  return anywhere ? dose_near(layer, peak_mm)
                  : uneven * fmax(dose_near(layer, near[0]), dose_near(layer, far[1]));
}

// SPDX-License-Identifier: Apache-2.0
#include "proton/layer.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"

enum { PARTS = PCN_PROTON_PARTS, NODES = PCN_CLASS_NODES, BLOCK = PCN_WALK_LANES, MOST = PCN_CLASS_MOST };

static const double class_ratio[PARTS] = {1.12, 2, 2};  // of variances; docs/theory/proton.md, section 4

static int64_t blocks_of(int64_t rays) {
  return (rays + BLOCK - 1) / BLOCK;
}

// --- memory ------------------------------------------------------------------------------------

static void make_classes(pcn_layer *l) {
  l->classes.most = MOST;
  for (int part = 0; part < PARTS; part++) {
    l->classes.ratio[part] = (float)class_ratio[part];
    l->classes.log[part] = (float)log(class_ratio[part]);
    for (int c = -MOST; c <= MOST; c++) {
      l->power[part][c + MOST] = pow(class_ratio[part], c);
    }
  }
}

pencone_status pcn_layer_make(pencone_context *ctx, const pcn_proton_beam *engine, pcn_layer *out) {
  memset(out, 0, sizeof *out);
  out->engine = engine;
  out->isa = pcn_isa_of(ctx);
  const size_t planes = (size_t)engine->rays.cell[2].count, blocks = (size_t)blocks_of(engine->rays.rays);
  int rows = 2;
  for (int l = 0; l < engine->beam->layer_count; l++) {
    rows = engine->energy[l].table.count > rows ? engine->energy[l].table.count : rows;
  }
  make_classes(out);
  out->protons = pcn_calloc(ctx, (size_t)engine->rays.rays, sizeof *out->protons);
  out->own = pcn_alloc(ctx, planes, sizeof *out->own);
  out->anchor = pcn_alloc(ctx, planes * PARTS, sizeof *out->anchor);
  out->mix = pcn_alloc(ctx, planes * PARTS, sizeof *out->mix);
  out->block = pcn_alloc(ctx, blocks * planes * PARTS, sizeof *out->block);
  out->sort = pcn_alloc(ctx, planes * PARTS * blocks * BLOCK, sizeof *out->sort);
  out->node = pcn_alloc(ctx, planes * PARTS * NODES * blocks * BLOCK, sizeof *out->node);
  out->sum = pcn_alloc(ctx, (size_t)rows, sizeof *out->sum);
  out->depth = pcn_alloc(ctx, (size_t)rows, sizeof *out->depth);
  const int whole = out->protons != NULL && out->own != NULL && out->anchor != NULL && out->mix != NULL &&
                    out->block != NULL && out->sort != NULL && out->node != NULL && out->sum != NULL &&
                    out->depth != NULL;
  if (!whole) {
    pcn_layer_free(out);
  }
  return whole ? PENCONE_OK : PENCONE_E_MEMORY;
}

void pcn_layer_free(pcn_layer *layer) {
  pcn_free(layer->protons);
  pcn_free(layer->own);
  pcn_free(layer->anchor);
  pcn_free(layer->mix);
  pcn_free(layer->block);
  pcn_free(layer->sort);
  pcn_free(layer->node);
  pcn_free(layer->sum);
  pcn_free(layer->depth);
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

// The lattice's number of a walked ray.
static int64_t ray_of(const pcn_layer *l, int64_t walked) {
  const int64_t x = l->first[0] + walked % l->count[0], y = l->first[1] + walked / l->count[0];
  return y * l->engine->rays.ray[0].count + x;
}

// Walks the next planes, as many at a time as the loop takes. @return how many
static int walk_on(const pcn_layer *l, int64_t k, pcn_walk_rays *rays, pcn_walk_moments *m,
                   pcn_walk_plane *out) {
  const int planes = (int)(l->planes - k < PCN_WALK_PLANES ? l->planes - k : PCN_WALK_PLANES);
  l->isa->walk(&l->walk, rays, l->own + k, planes, m, out);
  for (int r = 0; r < BLOCK; r++) {
    rays->water[r] += planes;
    rays->scatter[r] += planes;
  }
  return planes;
}

static void begin(const pcn_layer *l, int lane, int64_t ray, pcn_walk_rays *out) {
  const pcn_rays *rays = &l->engine->rays;
  const int64_t face = ray * (rays->cell[2].count + 1);
  out->water[lane] = rays->water + face;
  out->scatter[lane] = rays->scatter + face;
}

// Rays that the last block lacks are its last ray.
static void walk_block(void *work, size_t block, int worker) {
  (void)worker;
  const pcn_layer *l = work;
  const int64_t first = (int64_t)block * BLOCK, rays = l->count[0] * l->count[1];
  pcn_walk_rays from;
  pcn_walk_moments m;
  pcn_walk_plane plane[PCN_WALK_PLANES];
  float most = 0;
  for (int r = 0; r < BLOCK; r++) {
    const int64_t ray = ray_of(l, first + r < rays ? first + r : rays - 1);
    begin(l, r, ray, &from);
    most = l->protons[ray] > most ? l->protons[ray] : most;
  }
  uint8_t *mix = l->block + (int64_t)block * l->planes * PARTS;
  memset(mix, PCN_SORT_ONE, (size_t)(l->planes * PARTS) * sizeof *mix);
  for (int64_t row = 0; row < l->planes * PARTS && !(most > 0); row++) {
    memset(l->node + (row * NODES + 1) * l->walked + first, 0, BLOCK * sizeof *l->node);
  }
  memset(&m, 0, sizeof m);
  for (int64_t k = 0, planes; k < l->planes && most > 0; k += planes) {
    planes = walk_on(l, k, &from, &m, plane);
    for (int64_t p = 0; p < planes; p++) {
      if (!pcn_planes_has(l->spread, k + p)) {
        continue;
      }
      const int64_t row = (k + p) * PARTS;
      const pcn_sort_rows to = {l->sort + row * l->walked + first, l->node + row * NODES * l->walked + first,
                                l->walked, mix + row};
      l->isa->sort(&l->classes, l->anchor + row, plane + p, 1, &to);
    }
  }
}

static int mix_of(const pcn_layer *l, int64_t row) {
  const float *share = l->node + (row * NODES + 1) * l->walked;
  const int64_t rows = l->planes * PARTS;
  int mix = PCN_SORT_ALIKE;
  for (int64_t b = 0; b < l->walked / BLOCK; b++) {
    const int own = l->block[b * rows + row], with = share[b * BLOCK] == share[0] ? own : PCN_SORT_ONE;
    mix = own > mix ? own : mix;
    mix = with > mix ? with : mix;
  }
  return mix;
}

// Where any block is in several classes, all of them say so ray by ray.
static void join_blocks(void *work, size_t k, int worker) {
  (void)worker;
  const pcn_layer *l = work;
  const int64_t rows = l->planes * PARTS;
  if (!pcn_planes_has(l->spread, (int64_t)k)) {
    return;
  }
  for (int64_t row = (int64_t)k * PARTS; row < (int64_t)(k + 1) * PARTS; row++) {
    l->mix[row] = (uint8_t)mix_of(l, row);
    for (int64_t b = 0; b < l->walked / BLOCK && l->mix[row] == PCN_SORT_SEVERAL; b++) {
      if (l->block[b * rows + row] != PCN_SORT_SEVERAL) {
        float *node = l->node + row * NODES * l->walked + b * BLOCK;
        memset(l->sort + row * l->walked + b * BLOCK, 0, BLOCK * sizeof *l->sort);
        memset(node, 0, BLOCK * sizeof *node);
        memset(node + 2 * l->walked, 0, BLOCK * sizeof *node);
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
  pcn_walk_rays from;
  pcn_walk_moments m;
  pcn_walk_plane plane[PCN_WALK_PLANES];
  memset(&m, 0, sizeof m);
  for (int r = 0; r < BLOCK; r++) {
    begin(l, r, at[1] * ray[0].count + at[0], &from);
  }
  for (int64_t k = 0, planes; k < l->planes; k += planes) {
    planes = walk_on(l, k, &from, &m, plane);
    for (int64_t i = 0; i < planes * PARTS; i++) {
      l->anchor[k * PARTS + i] = (double)plane[i / PARTS].variance[i % PARTS][0];
    }
  }
}

static pcn_walk_values values_of(const pcn_depth_row *row) {
  const pcn_walk_values values = {(float)row->core,
                                  {(float)row->wide[0], (float)row->wide[1]},
                                  {(float)row->share[0], (float)row->share[1]},
                                  (float)row->power,
                                  (float)row->excess,
                                  (float)row->extra};
  return values;
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
  for (int i = 0; i < table->count; i++) {
    const pcn_walk_values here = values_of(&table->row[i]),
                          next = values_of(&table->row[i < table->count - 1 ? i + 1 : i]);
    const pcn_walk_values change = {next.core - here.core,
                                    {next.wide[0] - here.wide[0], next.wide[1] - here.wide[1]},
                                    {next.share[0] - here.share[0], next.share[1] - here.share[1]},
                                    0,  // as in pcn_depth_table_at()
                                    next.excess - here.excess,
                                    next.extra - here.extra};
    l->depth[i].here = here;
    l->depth[i].change = change;
  }
  const pcn_walk_table walk = {l->depth,           table->count,
                               1 / table->step_mm, l->energy->optics.water_mm,
                               table->csda_mm,     l->engine->rays.cell[2].step};
  l->walk = walk;
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

// x and y of all spots of a layer and a margin, in the isocentre plane.
static void spots_of(const pencone_proton_layer *spots, double margin_mm, double (*field)[2]) {
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

// Around all spots of the layer, whatever their protons: a matrix and a dose must agree.
static void set_field(pcn_layer *l, const pencone_proton_layer *spots) {
  const double margin_mm = 20 + 3 * sqrt(l->energy->lattice_mm2);
  double field[2][2];
  spots_of(spots, margin_mm, field);
  pcn_mixing_set_field(&l->mixing, field);
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
  return last_k + 1;
}

// The deepest of every fourth column under the spots, at a face.
static double deepest(const pcn_rays *rays, int64_t face, double (*field_mm)[2]) {
  enum { EVERY = 4 };
  const pcn_axis *cell = rays->cell;
  int64_t first[2], last[2];
  for (int a = 0; a < 2; a++) {
    const double most = (double)(cell[a].count - 1);
    first[a] = (int64_t)fmin(fmax((field_mm[a][0] - cell[a].first) / cell[a].step, 0), most);
    last[a] = (int64_t)fmin(fmax((field_mm[a][1] - cell[a].first) / cell[a].step, 0), most);
  }
  float most = 0;
  for (int64_t j = first[1]; j <= last[1]; j += EVERY) {
    const float *row = rays->column + (face * cell[1].count + j) * cell[0].count;
    for (int64_t i = first[0]; i <= last[0]; i += EVERY) {
      most = row[i] > most ? row[i] : most;
    }
  }
  return (double)most;
}

// Which planes have protons: all from where the deepest column under the spots comes near the end of the
// range.
static void set_planes(pcn_layer *l, const pencone_proton_layer *spots) {
  const double near_mm = 12;  // the share of the core changes fast from there on
  const pcn_rays *rays = &l->engine->rays;
  const double end_mm = l->energy->table.r80_mm - near_mm - l->energy->optics.water_mm;
  const int64_t planes = planes_of(l), every = rays->every;
  double field[2][2];
  spots_of(spots, 2 * sqrt(l->energy->lattice_mm2), field);
  int64_t k = 0;
  while (k < planes && !(deepest(rays, k + every < planes ? k + every : planes, field) > end_mm)) {
    k += every;
  }
  l->spread.every = every;
  l->planes = k < planes ? planes : planes == 0 ? 0 : (planes - 1 + every - 1) / every * every + 1;
  l->spread.knee = k < planes ? k : l->planes - 1;
}

// The least rectangle of rays with protons.
static void find_walked(pcn_layer *l) {
  const int64_t n[2] = {l->engine->rays.ray[0].count, l->engine->rays.ray[1].count};
  int64_t low[2] = {n[0], n[1]}, high[2] = {-1, -1};
  for (int64_t y = 0; y < n[1]; y++) {
    const float *protons = l->protons + y * n[0];
    int64_t first = 0, last = n[0] - 1;
    for (; first <= last && !(protons[first] > 0); first++) {
    }
    for (; last >= first && !(protons[last] > 0); last--) {
    }
    if (first <= last) {
      low[0] = first < low[0] ? first : low[0];
      high[0] = last > high[0] ? last : high[0];
      low[1] = high[1] < 0 ? y : low[1];
      high[1] = y;
    }
  }
  for (int a = 0; a < 2; a++) {
    l->first[a] = high[a] >= 0 ? low[a] : 0;
    l->count[a] = high[a] >= 0 ? high[a] - low[a] + 1 : 0;
  }
  l->walked = blocks_of(l->count[0] * l->count[1]) * BLOCK;
}

void pcn_layer_walk(pencone_context *ctx, pcn_layer *layer, int index) {
  layer->energy = &layer->engine->energy[index];
  set_table(layer);
  set_field(layer, &layer->engine->beam->layers[index]);
  layer->mixes = mixes(layer);
  set_planes(layer, &layer->engine->beam->layers[index]);
  for (int64_t k = 0; k < layer->planes; k++) {
    layer->own[k] = pcn_proton_beam_own(layer->engine, layer->energy, pcn_rays_z(&layer->engine->rays, k));
  }
  find_walked(layer);
  drop_anchor(layer);
  pcn_parallel_for(ctx, (size_t)(layer->walked / BLOCK), walk_block, layer);
  pcn_parallel_for(ctx, (size_t)layer->planes, join_blocks, layer);
}

// What the loops need to know of a window's walked rays: the others have no protons. Where all are alike one
// row of them is enough, which saves memory from being read.
static pcn_class_window walked(const pcn_layer *l, int64_t k, int part, const pcn_ray_window *window,
                               int64_t first[2]) {
  const int64_t row = k * PARTS + part;
  const int mix = l->mix[row];
  int64_t count[2];
  for (int a = 0; a < 2; a++) {
    const int64_t last = window->first[a] + window->count[a], end = l->first[a] + l->count[a];
    first[a] = window->first[a] > l->first[a] ? window->first[a] : l->first[a];
    count[a] = (last < end ? last : end) - first[a];
    count[a] = count[a] > 0 ? count[a] : 0;
  }
  const int64_t at = (first[1] - l->first[1]) * l->count[0] + first[0] - l->first[0];
  const float *node = l->node + row * NODES * l->walked + at;
  const pcn_class_window out = {
      mix == PCN_SORT_SEVERAL ? l->sort + row * l->walked + at : NULL,
      {node, node + l->walked, node + 2 * l->walked},
      mix == PCN_SORT_ALIKE ? 0 : l->count[0],
      window->weight + (first[1] - window->first[1]) * window->stride + first[0] - window->first[0],
      window->stride,
      {(int32_t)count[0], (int32_t)count[1]}};
  return out;
}

void pcn_layer_classes(const pcn_layer *layer, int64_t k, int part, const pcn_ray_window *window,
                       int range[2]) {
  int64_t first[2];
  const pcn_class_window rays = walked(layer, k, part, window, first);
  int32_t found[2] = {MOST + 1, -MOST - 1};
  layer->isa->range(&rays, found);
  range[0] = found[0];
  range[1] = found[1];
}

void pcn_layer_image(const pcn_layer *layer, int64_t k, int part, int sort, const pcn_ray_window *window,
                     float *value, pcn_class_image *out) {
  int64_t first[2];
  const pcn_class_window rays = walked(layer, k, part, window, first);
  pcn_class_extent extent;
  layer->isa->image(&rays, sort, value, &extent);
  for (int a = 0; a < 2; a++) {
    out->first[a] = first[a] + extent.first[a];
    out->count[a] = extent.last[a] - extent.first[a];
  }
  out->stride = rays.count[0];
  out->value = value + extent.first[1] * out->stride + extent.first[0];
  out->sum = (double)extent.sum;
  out->largest = extent.largest;
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
  const double peak_mm = (layer->peak + 0.5) / layer->table.per_step - layer->table.before_mm;
  double near[2], far[2];
  pcn_rays_extremes(&layer->engine->rays, face[0], first, last, near);
  pcn_rays_extremes(&layer->engine->rays, face[1], first, last, far);
  if (!(near[0] < INFINITY) && !(far[0] < INFINITY)) {
    return 0;
  }
  if (!(near[0] < INFINITY) || !(far[0] < INFINITY)) {
    return dose_near(layer, peak_mm);
  }
  double least_mm = near[0], most_mm = far[1];
  for (int64_t f = face[0]; f <= face[1]; f++) {
    if (pcn_mixing_may(&layer->mixing, f, first, last)) {
      pcn_mixing_extremes(&layer->mixing, face, first, last, &least_mm, &most_mm);
      break;
    }
  }
  return least_mm <= peak_mm && peak_mm <= most_mm
             ? dose_near(layer, peak_mm)
             : uneven * fmax(dose_near(layer, least_mm), dose_near(layer, most_mm));
}

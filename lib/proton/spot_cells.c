// SPDX-License-Identifier: Apache-2.0
// Protons of one spot in the cells that are wanted, and those beyond.
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "proton/spot_work.h"

enum { PARTS = PCN_PROTON_PARTS, LANES = PCN_PRODUCT_LANES };

static pencone_status make_box(pencone_context *ctx, pcn_spot_work *w) {
  const pcn_axis *cell = w->s->layer.engine->rays.cell;
  const pcn_planes spread = w->s->layer.spread;
  int64_t low[3] = {INT64_MAX, INT64_MAX, INT64_MAX}, high[3] = {0, 0, 0};
  for (int64_t k = 0; k < w->s->layer.planes; k = pcn_planes_next(spread, k)) {
    const pcn_tile *t = &w->scratch->plane[k].tile;
    if (pcn_spot_wanted(&w->scratch->plane[k])) {
      const int64_t first[3] = {t->first[0], t->first[1], k}, count[3] = {t->count[0], t->count[1], 1};
      for (int a = 0; a < 3; a++) {
        low[a] = pcn_smaller(low[a], first[a]);
        high[a] = pcn_larger(high[a], first[a] + count[a]);
      }
    }
  }
  for (int a = 0; a < 3; a++) {
    w->first[a] = high[a] > 0 ? low[a] : 0;
    w->cells.axis[a].step = cell[a].step;
    w->cells.axis[a].first = cell[a].first + cell[a].step * (double)w->first[a];
    w->cells.axis[a].count = high[a] > 0 ? high[a] - low[a] : 0;
  }
  w->cells.planes = pcn_planes_from(spread, w->first[2]);
  const int64_t planes =
      w->cells.axis[2].count > 0 ? pcn_planes_index(w->cells.planes, w->cells.axis[2].count - 1) + 1 : 0;
  w->cells.row = (w->cells.axis[0].count + LANES - 1) / LANES * LANES + LANES;
  w->cells.plane = w->cells.row * w->cells.axis[1].count;
  const int64_t room = w->cells.plane * planes;
  if (room > w->scratch->room) {
    pcn_free(w->scratch->cells);
    w->scratch->room = 0;
    w->scratch->cells = pcn_alloc(ctx, (size_t)room, sizeof *w->scratch->cells);
    if (w->scratch->cells == NULL) {
      return PENCONE_E_MEMORY;
    }
    w->scratch->room = room;
  }
  if (room > 0) {
    memset(w->scratch->cells, 0, (size_t)room * sizeof *w->scratch->cells);
  }
  w->cells.value = w->scratch->cells;
  w->rows = pcn_voxel_rows_make(&w->s->layer.engine->rays, &w->cells, &w->s->box->grid);
  return PENCONE_OK;
}

static double sum_of(const float *value, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) {
    sum += value[i];
  }
  return (double)sum;
}

// 1 when the box of voxels ends within a Gaussian around the spot.
static int clipped(const pcn_spot_work *w, int64_t k, double variance_mm2) {
  const double far = 4 * sqrt(variance_mm2);
  for (int a = 0; a < 2; a++) {
    const pcn_axis cell = w->s->layer.engine->rays.cell[a];
    const double centre = pcn_spot_spread_at(w->s, a, k) * w->place[a];
    const double low = cell.first + cell.step * ((double)w->s->bounds[a][0] - 0.5);
    const double high = cell.first + cell.step * ((double)w->s->bounds[a][1] - 0.5);
    if (low > centre - far || high < centre + far) {
      return 1;
    }
  }
  return 0;
}

// Protons of an image that come into the box of voxels.
static double seen(const pcn_class_image *image, const pcn_share_rows rows[2], double cell_mm2) {
  double sum = 0;
  for (int64_t j = 0; j < image->count[1]; j++) {
    double line = 0;
    for (int64_t i = 0; i < image->count[0]; i++) {
      const float *share = rows[0].value + (image->first[0] + i - rows[0].ray) * rows[0].stride;
      line += (double)image->value[j * image->stride + i] * sum_of(share, rows[0].cells);
    }
    sum += line * sum_of(rows[1].value + (image->first[1] + j - rows[1].ray) * rows[1].stride, rows[1].cells);
  }
  return sum * cell_mm2;
}

// Share of a Gaussian around the spot between two places along x beside it, mm.
static double share_between(const double range_mm[2], double variance_mm2) {
  const double scale = 1 / sqrt(2 * variance_mm2);
  return 0.5 * fmax(erf(scale * range_mm[1]) - erf(scale * range_mm[0]), 0);
}

// Where a beam that runs across the voxels sees their box, on the line along x through the spot.
static void find_visible(const pcn_spot_work *w, int64_t k, double range_mm[2]) {
  enum { FAR_MM = 150 };
  const pcn_rays *rays = &w->s->layer.engine->rays;
  const pencone_grid *g = &w->s->box->grid;
  const double centre = pcn_spot_spread_at(w->s, 0, k) * w->place[0],
               half = 0.5 * fmin(g->spacing_mm[0], g->spacing_mm[1]);
  const pcn_ray_row row = {centre - FAR_MM, 1, pcn_spot_spread_at(w->s, 1, k) * w->place[1],
                           pcn_rays_z(rays, k), 2 * FAR_MM + 1};
  int64_t range[2];
  pcn_rays_row(rays, g, &row, half, range);
  range_mm[0] = (double)(range[0] - FAR_MM) - 0.5;
  range_mm[1] = (double)(range[1] - FAR_MM) - 0.5;
}

// Protons of a tile in cells within the radius.
static double within(const pcn_spot_work *w, int64_t k, const pcn_tile *tile) {
  const pcn_axis *cell = w->s->layer.engine->rays.cell;
  const double radius = w->scratch->plane[k].radius_mm;
  double centre[2], sum = 0;
  for (int a = 0; a < 2; a++) {
    centre[a] = (pcn_spot_spread_at(w->s, a, k) * w->place[a] - cell[a].first) / cell[a].step -
                (double)tile->first[a];
  }
  for (int64_t j = 0; j < tile->count[1]; j++) {
    const double dy = ((double)j - centre[1]) * cell[1].step, square = radius * radius - dy * dy;
    const double half = (square > 0 ? sqrt(square) : 0) / cell[0].step;
    const int64_t low = (int64_t)fmax(ceil(centre[0] - half), 0);
    const int64_t high = (int64_t)fmin(floor(centre[0] + half) + 1, (double)tile->count[0]);
    sum += low < high ? sum_of(tile->value + j * tile->stride + low, high - low) : 0;
  }
  return sum * cell[0].step * cell[1].step;
}

// Fills a plane of the box; protons inside and beyond, as far as the voxels see them. Of one Gaussian the
// part beyond the radius is known; several, of rays on either side of an edge, are added up within.
static pcn_spot_sides fill_tile(const pcn_spot_work *w, int64_t k, const pcn_tile *tile) {
  const pcn_spot_plane *p = &w->scratch->plane[k];
  const pcn_axis *cell = w->s->layer.engine->rays.cell;
  double visible_mm[2] = {-INFINITY, INFINITY}, all = 0, tails = 0;
  int several = 0;
  if (w->s->between && w->wanted_gy > 0) {
    find_visible(w, k, visible_mm);
  }
  for (int part = 0; part < PARTS; part++) {
    several |= p->range[part][0] < p->range[part][1];
    for (int c = p->range[part][0]; c <= p->range[part][1]; c++) {
      const pcn_spot_class *one = pcn_spot_class_of(w->s, k, part, c);
      pcn_class_image image;
      pcn_layer_image(&w->s->layer, k, part, c, &w->window, w->scratch->image, &image);
      pcn_plane_add(&w->s->layer, &image, one->rows, w->scratch->lines, tile);
      if (w->wanted_gy > 0 && !w->s->between && clipped(w, k, one->spot)) {
        several = 1;
        all += seen(&image, one->rows, cell[0].step * cell[1].step);
      } else if (w->wanted_gy > 0) {
        const double share = image.sum * share_between(visible_mm, one->spot);
        all += share;
        tails += share * exp(-0.5 * p->radius_mm * p->radius_mm / one->spot);
      }
    }
  }
  for (int64_t j = 0; j < tile->count[1]; j++) {  // what products leave behind the cells
    memset(tile->value + j * tile->stride + tile->count[0], 0, LANES * sizeof *tile->value);
  }
  const double inside = several && w->wanted_gy > 0 ? within(w, k, tile) : all - tails;
  const pcn_spot_sides out = {inside, fmax(all - inside, 0)};
  return out;
}

// Dose of a proton in the voxel around a place in plane k; 0 beside the box.
static double dose_at(const pcn_spot_work *w, int64_t k, double x, double y) {
  const pcn_rays *rays = &w->s->layer.engine->rays;
  const pencone_grid *g = &w->s->box->grid;
  pcn_vec3 p = pcn_v3_add(rays->isocenter, pcn_v3_scale(rays->frame.ez, pcn_rays_z(rays, k)));
  p = pcn_v3_add(p, pcn_v3_add(pcn_v3_scale(rays->frame.ex, x), pcn_v3_scale(rays->frame.ey, y)));
  const double at[3] = {p.x, p.y, p.z};
  int64_t voxel[3];
  for (int a = 0; a < 3; a++) {
    const double i = (at[a] - g->origin_mm[a]) / g->spacing_mm[a] + 0.5;
    if (!(i >= 0 && i < (double)g->size[a])) {
      return 0;
    }
    voxel[a] = (int64_t)i;
  }
  return (double)pcn_depth_dose_row(&w->s->dose, voxel[1], voxel[2], voxel[0], voxel[0] + 1)[voxel[0]];
}

// Mean dose of a proton in plane k around the spot at a distance: at columns' own depths, unless ways mix.
static double dose_around(const pcn_spot_work *w, int64_t k, double distance_mm) {
  enum { WAYS = 8 };
  static const double way[WAYS][2] = {{1, 0},     {0, 1},      {-1, 0},      {0, -1},
                                      {0.7, 0.7}, {-0.7, 0.7}, {-0.7, -0.7}, {0.7, -0.7}};
  const pcn_layer *l = &w->s->layer;
  const pcn_axis *cell = l->engine->rays.cell;
  const double spread[2] = {pcn_spot_spread_at(w->s, 0, k), pcn_spot_spread_at(w->s, 1, k)};
  int64_t column[WAYS];
  double sum = 0;
  for (int d = 0; d < WAYS; d++) {
    int64_t at[2];
    for (int a = 0; a < 2; a++) {
      const double i =
          (w->place[a] + distance_mm * way[d][a] / spread[a] - cell[a].first) / cell[a].step + 0.5;
      at[a] = (int64_t)fmin(fmax(i, 0), (double)(cell[a].count - 1));
    }
    column[d] = at[1] * cell[0].count + at[0];
    if (l->mixes) {
      sum += dose_at(w, k, w->place[0] * spread[0] + distance_mm * way[d][0],
                     w->place[1] * spread[1] + distance_mm * way[d][1]);
    }
  }
  return l->mixes ? sum / WAYS : w->s->ratio * pcn_layer_own_dose(l, k, column, WAYS);
}

// Cells along the beam that plane k stands for, of those that the box of voxels needs.
static double cells_of(const pcn_spot_work *w, int64_t k) {
  const pcn_planes spread = w->s->layer.spread;
  const double first = (double)w->s->bounds[2][0] - 0.5, last = (double)w->s->bounds[2][1] - 0.5;
  const double before = 0.5 * (double)(k + pcn_planes_before(spread, k)),
               behind = 0.5 * (double)(k + pcn_planes_next(spread, k));
  return fmax(fmin(behind, last) - fmax(before, first), 0);
}

// A plane without a tile: all protons are beyond.
static double all_beyond(const pcn_spot_work *w, int64_t k) {
  const pcn_spot_plane *p = &w->scratch->plane[k];
  double visible_mm[2] = {-INFINITY, INFINITY};
  if (p->range[0][0] > p->range[0][1] || !(w->wanted_gy > 0)) {
    return 0;
  }
  if (w->s->between) {
    find_visible(w, k, visible_mm);
  }
  return share_between(visible_mm, pcn_spot_class_of(w->s, k, 0, p->range[0][0])->spot);
}

// Protons per mm2 in the box. @return dose of its voxels, and of those that are left out, at columns' own
// depths
static pcn_spot_sides fill_cells(const pcn_spot_work *w) {
  const pcn_spot_layer *s = w->s;
  const pcn_axis *cell = s->layer.engine->rays.cell;
  const double per_voxel = w->volume / (cell[0].step * cell[1].step);
  pcn_spot_sides dose = {0, 0};
  for (int64_t k = 0; k < s->layer.planes; k = pcn_planes_next(s->layer.spread, k)) {
    const pcn_spot_plane *p = &w->scratch->plane[k];
    pcn_spot_sides protons = {0, 0};
    if (pcn_spot_wanted(p)) {
      pcn_tile tile = p->tile;
      tile.stride = w->cells.row;
      tile.value = w->scratch->cells + pcn_planes_index(w->cells.planes, k - w->first[2]) * w->cells.plane +
                   (tile.first[1] - w->first[1]) * w->cells.row + tile.first[0] - w->first[0];
      protons = fill_tile(w, k, &tile);
    } else {
      protons.beyond = all_beyond(w, k);
    }
    if (w->wanted_gy > 0 && protons.inside + protons.beyond > 0) {
      const double sigma = sqrt(pcn_spot_class_of(s, k, 0, p->range[0][0])->spot),
                   cells = cells_of(w, k) * per_voxel;
      dose.inside += s->layer.mixes ? dose_around(w, k, sigma) * protons.inside * cells : 0;
      dose.beyond += dose_around(w, k, fmax(p->radius_mm, sigma)) * protons.beyond * cells;
    }
  }
  return dose;
}

pencone_status pcn_spot_fill(pencone_context *ctx, pcn_spot_work *w, pcn_spot_sides *dose) {
  PCN_TRY(make_box(ctx, w));
  *dose = fill_cells(w);
  return PENCONE_OK;
}

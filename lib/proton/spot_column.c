// SPDX-License-Identifier: Apache-2.0
// One spot: which cells can be above the threshold, their dose, and the voxels between them.
#include "proton/spot_column.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "proton/spot_layer.h"
#include "proton/voxels.h"

enum { PARTS = PCN_PROTON_PARTS, LANES = PCN_PRODUCT_LANES };

/// A column in work.
typedef struct spot_work {
  const pcn_spot_layer *s;
  pcn_spot_scratch *scratch;
  pcn_ray_window window;
  double place[2];     ///< in the isocentre plane, mm
  double wanted_gy;    ///< entries from here on; 0: all
  int64_t first[3];    ///< cells of the box
  pcn_cell_box cells;  ///< protons per mm2
  pcn_voxel_rows rows;
  double volume;  ///< of a cell over a voxel's
  double least_axis_gy;  ///< planes with less than that on the spot's axis are left out
  pcn_sift sift;         ///< of the rows so far
} spot_work;

static const pcn_spot_class *class_of(const pcn_spot_layer *s, int64_t k, int part, int sort) {
  const int64_t row = k * PARTS + part;
  return &s->classes[s->first[row] + sort - s->low[row]];
}

static double spread_at(const pcn_spot_layer *s, int axis, int64_t k) {
  return pcn_rays_spread(&s->layer.engine->rays, axis, k);
}

// --- which cells -------------------------------------------------------------------------------

/// Sum of Gaussians around a spot, which is less than the bound: exp(level - r^2 / 2 variance) each.
typedef struct bound {
  int count;
  double level[PARTS * 2 * PCN_CLASS_MOST], variance[PARTS * 2 * PCN_CLASS_MOST];
} bound;

static void make_bound(const spot_work *w, int64_t k, const pcn_spot_plane *p, bound *out) {
  out->count = 0;
  for (int part = 0; part < PARTS; part++) {
    for (int c = p->range[part][0]; c <= p->range[part][1]; c++) {
      const pcn_spot_class *one = class_of(w->s, k, part, c);
      out->level[out->count] = one->level;
      out->variance[out->count++] = one->spot;
    }
  }
}

// Where rays differ, each class has few of a spot's protons: no more than they would have as one Gaussian around
// their middle, seen from as far as reach_mm.
static void use_parts(const spot_work *w, int64_t k, const pcn_spot_plane *p, double reach_mm, bound *out) {
  const double two_pi = 6.283185307179586, *ratio = &w->s->ratio;
  const pcn_rays *rays = &w->s->layer.engine->rays;
  int at = 0;
  for (int part = 0; part < PARTS; part++) {
    for (int c = p->range[part][0]; c <= p->range[part][1]; c++, at++) {
      const pcn_spot_class *one = class_of(w->s, k, part, c);
      pcn_class_image image;
      pcn_layer_image(&w->s->layer, k, part, c, &w->window, w->scratch->image, &image);
      double sum = 0, middle[2] = {0, 0};
      for (int64_t j = 0; j < image.count[1]; j++) {
        for (int64_t i = 0; i < image.count[0]; i++) {
          const double share = fmax((double)image.value[j * image.stride + i], 0);
          sum += share;
          middle[0] += share * (double)i;
          middle[1] += share * (double)j;
        }
      }
      double away = 0;
      for (int a = 0; a < 2 && sum > 0; a++) {
        const double place = rays->ray[a].first + rays->ray[a].step * ((double)image.first[a] + middle[a] / sum);
        away = hypot(away, spread_at(w->s, a, k) * (place - w->place[a]));
      }
      const double level = log(*ratio * sum / (two_pi * one->variance) + 1e-300) + reach_mm * away / one->spot;
      out->level[at] = fmin(out->level[at], level);
    }
  }
}

// r^2 beyond which the sum times e^level is below 1; below 0: it is everywhere. Each Gaussian alone needs at
// least low, all of them in equal parts at most high.
static double square_of(const bound *b, double level) {
  enum { STEPS = 4 };
  const double part = log(b->count);
  double low = 0, high = -1;
  for (int c = 0; c < b->count; c++) {
    low = fmax(low, 2 * b->variance[c] * (b->level[c] + level));
    high = fmax(high, 2 * b->variance[c] * (b->level[c] + level + part));
  }
  for (int step = 0; step < STEPS && high > low; step++) {
    const double middle = 0.5 * (low + high);
    float sum = 0;
    for (int c = 0; c < b->count; c++) {
      sum += expf((float)(b->level[c] + level - 0.5 * middle / b->variance[c]));
    }
    if (sum < 1) {
      high = middle;
    } else {
      low = middle;
    }
  }
  return high;
}

// Bound of a proton's dose in voxels with protons of plane k, of columns within a radius of the spot.
static double most_within(const spot_work *w, int64_t k, double radius_mm) {
  const pcn_axis *cell = w->s->layer.engine->rays.cell;
  int64_t face[2], first[2], last[2];
  for (int a = 0; a < 2; a++) {
    const double reach = radius_mm / spread_at(w->s, a, k), most = (double)cell[a].count, half = 0.5;
    first[a] =
        (int64_t)fmin(fmax(floor((w->place[a] - reach - cell[a].first) / cell[a].step - half), 0), most - 1);
    last[a] =
        (int64_t)fmin(fmax(ceil((w->place[a] + reach - cell[a].first) / cell[a].step + half) + 1, 1), most);
  }
  pcn_spot_faces(w->s, k, face);
  return pcn_layer_most(&w->s->layer, face, first, last);
}

// Beyond the radius no cell is wanted (docs/theory/influence-matrix.md, eq. 5). First with the largest dose
// of any cell of the plane, then with that of cells within.
static void find_radius(const spot_work *w, int64_t k, pcn_spot_plane *p) {
  const pcn_axis *cell = w->s->layer.engine->rays.cell;
  const double corner = 0.5 * hypot(cell[0].step, cell[1].step);
  double most = (double)w->s->most[k];
  p->radius_mm = w->wanted_gy > 0 ? -1 : INFINITY;
  bound b;
  make_bound(w, k, p, &b);
  for (int step = 0; step < 2 && w->wanted_gy > 0 && most > 0 && b.count > 0; step++) {
    const double square = square_of(&b, log(most / w->wanted_gy));
    p->radius_mm = square > 0 ? sqrt(square) + corner : -1;
    if (square <= 0) {
      break;
    }
    if (step == 0) {
      most = most_within(w, k, p->radius_mm);
      p->radius_mm = most > 0 ? p->radius_mm : -1;
      if (b.count > PARTS && most > 0) {
        use_parts(w, k, p, p->radius_mm, &b);
      }
    }
  }
}

// Cells within the radius, the reach of the Gaussians and the box of voxels.
static void find_tile(const spot_work *w, int64_t k, pcn_spot_plane *p) {
  const pcn_layer *l = &w->s->layer;
  double widest = 0;
  for (int part = 0; part < PARTS; part++) {
    if (p->range[part][1] >= p->range[part][0]) {
      widest = fmax(widest, class_of(w->s, k, part, p->range[part][1])->variance);
    }
  }
  const double reach = l->engine->cut * sqrt(widest);
  for (int a = 0; a < 2; a++) {
    const pcn_axis ray = l->engine->rays.ray[a], cell = l->engine->rays.cell[a];
    const double spread = spread_at(w->s, a, k), centre = spread * w->place[a];
    const double near = spread * (ray.first + ray.step * (double)w->window.first[a]);
    const double far = near + spread * ray.step * (double)(w->window.count[a] - 1);
    const double low = fmax(near - reach - 0.5 * cell.step, centre - p->radius_mm);
    const double high = fmin(far + reach + 0.5 * cell.step, centre + p->radius_mm);
    const double most = (double)w->s->bounds[a][1], least = (double)w->s->bounds[a][0];
    const double first = fmax(ceil((low - cell.first) / cell.step), least);
    const double last = fmin(floor((high - cell.first) / cell.step) + 1, most);
    p->tile.first[a] = (int64_t)fmin(first, most);
    p->tile.count[a] = last > first ? (int64_t)(last - first) : 0;
  }
}

static int wanted(const pcn_spot_plane *p) {
  return p->tile.count[0] > 0 && p->tile.count[1] > 0;
}

// Around a wanted cell all cells are, that voxels beside it lie between.
static void expand_radii(const spot_work *w) {
  const pcn_axis *cell = w->s->layer.engine->rays.cell;
  const int64_t every = w->s->layer.engine->rays.every, planes = w->s->layer.planes;
  const double beside = w->s->between ? hypot(cell[0].step, cell[1].step) : 0;
  pcn_spot_plane *p = w->scratch->plane;
  double before = -1;
  for (int64_t k = 0; k < planes; k += every) {
    const double own = p[k].radius_mm, after = k + every < planes ? p[k + every].radius_mm : -1;
    const double most = fmax(own, fmax(before, after));
    p[k].radius_mm = most >= 0 ? most + beside : -1;
    before = own;
  }
}

static void plan_planes(const spot_work *w) {
  const pcn_spot_layer *s = w->s;
  const int64_t every = s->layer.engine->rays.every;
  pcn_spot_plane *p = w->scratch->plane;
  for (int64_t k = 0; k < s->layer.planes; k += every) {
    p[k].radius_mm = -1;
    if (p[k].axis_gy >= w->least_axis_gy) {
      find_radius(w, k, &p[k]);
    }
  }
  if ((s->between || every > 1) && w->wanted_gy > 0) {
    expand_radii(w);
  }
  for (int64_t k = 0; k < s->layer.planes; k += every) {
    p[k].tile.count[0] = p[k].tile.count[1] = 0;
    if (k + every > s->bounds[2][0] && k - every < s->bounds[2][1] && p[k].radius_mm >= 0) {
      find_tile(w, k, &p[k]);
    }
  }
}

// The classes of each plane, and the dose on the spot's axis. @return a guess at the column's largest dose
static double look_ahead(const spot_work *w) {
  const pcn_layer *l = &w->s->layer;
  const pcn_axis *cell = l->engine->rays.cell;
  const double two_pi = 6.283185307179586;
  double most = 0;
  int64_t column[2];
  for (int a = 0; a < 2; a++) {
    const double i = rint((w->place[a] - cell[a].first) / cell[a].step);
    column[a] = (int64_t)fmin(fmax(i, 0), (double)(cell[a].count - 1));
  }
  const int64_t axis = column[1] * cell[0].count + column[0];
  for (int64_t k = 0; k < l->planes; k += l->engine->rays.every) {
    pcn_spot_plane *p = &w->scratch->plane[k];
    double protons = 0;
    for (int part = 0; part < PARTS; part++) {
      const int64_t row = k * PARTS + part;
      p->range[part][0] = w->s->low[row];
      p->range[part][1] = w->s->high[row];
      if (w->s->low[row] < w->s->high[row]) {
        pcn_layer_classes(l, k, part, &w->window, p->range[part]);
      }
      const int middle = (p->range[part][0] + p->range[part][1]) / 2;
      if (p->range[part][0] <= p->range[part][1]) {
        const pcn_spot_class *one = class_of(w->s, k, part, middle);
        protons += (double)one->largest / (two_pi * one->spot);
      }
    }
    p->axis_gy = protons * pcn_layer_own_dose(l, k, &axis, 1);
    most = fmax(most, p->axis_gy);
  }
  return most;
}

// --- cells -------------------------------------------------------------------------------------

static pencone_status make_box(pencone_context *ctx, spot_work *w) {
  const pcn_axis *cell = w->s->layer.engine->rays.cell;
  const int64_t every = w->s->layer.engine->rays.every;
  int64_t low[3] = {INT64_MAX, INT64_MAX, INT64_MAX}, high[3] = {0, 0, 0};
  for (int64_t k = 0; k < w->s->layer.planes; k += every) {
    const pcn_tile *t = &w->scratch->plane[k].tile;
    if (wanted(&w->scratch->plane[k])) {
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
  w->cells.axis[2].step *= (double)every;
  w->cells.axis[2].count = (w->cells.axis[2].count + every - 1) / every;
  w->cells.row = (w->cells.axis[0].count + LANES - 1) / LANES * LANES + LANES;
  w->cells.plane = w->cells.row * w->cells.axis[1].count;
  const int64_t room = w->cells.plane * w->cells.axis[2].count;
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
static int clipped(const spot_work *w, int64_t k, double variance_mm2) {
  const double far = 4 * sqrt(variance_mm2);
  for (int a = 0; a < 2; a++) {
    const pcn_axis cell = w->s->layer.engine->rays.cell[a];
    const double centre = spread_at(w->s, a, k) * w->place[a];
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
static void find_visible(const spot_work *w, int64_t k, double range_mm[2]) {
  enum { FAR_MM = 150 };
  const pcn_rays *rays = &w->s->layer.engine->rays;
  const pencone_grid *g = &w->s->box->grid;
  const double centre = spread_at(w->s, 0, k) * w->place[0],
               half = 0.5 * fmin(g->spacing_mm[0], g->spacing_mm[1]);
  const pcn_ray_row row = {centre - FAR_MM, 1, spread_at(w->s, 1, k) * w->place[1], pcn_rays_z(rays, k),
                           2 * FAR_MM + 1};
  int64_t range[2];
  pcn_rays_row(rays, g, &row, half, range);
  range_mm[0] = (double)(range[0] - FAR_MM) - 0.5;
  range_mm[1] = (double)(range[1] - FAR_MM) - 0.5;
}

// Protons of a tile in cells within the radius.
static double within(const spot_work *w, int64_t k, const pcn_tile *tile) {
  const pcn_axis *cell = w->s->layer.engine->rays.cell;
  const double radius = w->scratch->plane[k].radius_mm;
  double centre[2], sum = 0;
  for (int a = 0; a < 2; a++) {
    centre[a] =
        (spread_at(w->s, a, k) * w->place[a] - cell[a].first) / cell[a].step - (double)tile->first[a];
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

/// Protons within the radius and beyond it, as far as the box of voxels sees them.
typedef struct sides {
  double inside, beyond;
} sides;

// Fills a plane of the box. Of one Gaussian the part beyond the radius is known; several, of rays on either
// side of an edge, are added up within.
static sides fill_tile(const spot_work *w, int64_t k, const pcn_tile *tile) {
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
      const pcn_spot_class *one = class_of(w->s, k, part, c);
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
  const sides out = {inside, fmax(all - inside, 0)};
  return out;
}

// Dose of a proton in the voxel around a place in plane k; 0 beside the box.
static double dose_at(const spot_work *w, int64_t k, double x, double y) {
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
static double dose_around(const spot_work *w, int64_t k, double distance_mm) {
  enum { WAYS = 8 };
  static const double way[WAYS][2] = {{1, 0},     {0, 1},      {-1, 0},      {0, -1},
                                      {0.7, 0.7}, {-0.7, 0.7}, {-0.7, -0.7}, {0.7, -0.7}};
  const pcn_layer *l = &w->s->layer;
  const pcn_axis *cell = l->engine->rays.cell;
  const double spread[2] = {spread_at(w->s, 0, k), spread_at(w->s, 1, k)};
  int64_t column[WAYS];
  double sum = 0;
  for (int d = 0; d < WAYS; d++) {
    int64_t at[2];
    for (int a = 0; a < 2; a++) {
      const double i = (w->place[a] + distance_mm * way[d][a] / spread[a] - cell[a].first) / cell[a].step + 0.5;
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
static double cells_of(const spot_work *w, int64_t k) {
  const double half = 0.5 * (double)w->s->layer.engine->rays.every, first = (double)w->s->bounds[2][0] - 0.5,
               last = (double)w->s->bounds[2][1] - 0.5;
  return fmax(fmin((double)k + half, last) - fmax((double)k - half, first), 0);
}

// A plane without a tile: all protons are beyond.
static double all_beyond(const spot_work *w, int64_t k) {
  const pcn_spot_plane *p = &w->scratch->plane[k];
  double visible_mm[2] = {-INFINITY, INFINITY};
  if (p->range[0][0] > p->range[0][1] || !(w->wanted_gy > 0)) {
    return 0;
  }
  if (w->s->between) {
    find_visible(w, k, visible_mm);
  }
  return share_between(visible_mm, class_of(w->s, k, 0, p->range[0][0])->spot);
}

// Protons per mm2 in the box. @return dose of its voxels, and of those that are left out, at columns' own
// depths
static sides fill_cells(const spot_work *w) {
  const pcn_spot_layer *s = w->s;
  const pcn_axis *cell = s->layer.engine->rays.cell;
  const int64_t every = s->layer.engine->rays.every;
  const double per_voxel = w->volume / (cell[0].step * cell[1].step);
  sides dose = {0, 0};
  for (int64_t k = 0; k < s->layer.planes; k += every) {
    const pcn_spot_plane *p = &w->scratch->plane[k];
    sides protons = {0, 0};
    if (wanted(p)) {
      pcn_tile tile = p->tile;
      tile.stride = w->cells.row;
      tile.value = w->scratch->cells + (k - w->first[2]) / every * w->cells.plane +
                   (tile.first[1] - w->first[1]) * w->cells.row + tile.first[0] - w->first[0];
      protons = fill_tile(w, k, &tile);
    } else {
      protons.beyond = all_beyond(w, k);
    }
    if (w->wanted_gy > 0 && protons.inside + protons.beyond > 0) {
      const double sigma = sqrt(class_of(s, k, 0, p->range[0][0])->spot), cells = cells_of(w, k) * per_voxel;
      dose.inside += dose_around(w, k, sigma) * protons.inside * cells;
      dose.beyond += dose_around(w, k, fmax(p->radius_mm, sigma)) * protons.beyond * cells;
    }
  }
  return dose;
}

// --- voxels ------------------------------------------------------------------------------------

static void append_run(spot_work *w, const pcn_voxel_run *run, pcn_column *out) {
  const pcn_spot_layer *s = w->s;
  const pcn_isa *isa = s->layer.isa;
  const int64_t *n = s->box->grid.size, count = run->count, place = (run->k * n[1] + run->j) * n[0] + run->first;
  const float least = w->wanted_gy > 0 ? (float)w->wanted_gy : FLT_TRUE_MIN;
  float *value = w->scratch->row;
  pcn_blend blend;
  pcn_column_fetch(out, count);
  if (!pcn_voxel_planes(&w->cells, &w->rows, run, &blend)) {
    blend.u = 0;
    blend.near = blend.far = pcn_voxel_read(isa, &w->cells, &w->rows, run, w->scratch->between);
  }
  blend.dose = pcn_depth_dose_row(&s->dose, run->j, run->k, run->first, run->first + count) + run->first;
  isa->blend(&blend, (size_t)count, value);
  out->count += (int64_t)isa->sift(value, (size_t)count, (int32_t)place, least, out->value + out->count,
                                   out->voxel + out->count, &w->sift);
}

/// The spot's way through the planes with protons, mm across the beam in the first and per plane.
typedef struct spot_way {
  double at[2], slope[2];
} spot_way;

// Parts of a row of voxels that are farther than any wanted cell from the spot's way through the planes that
// it crosses.
static void trim_row(const spot_work *w, const spot_way *way, const pcn_volume_line *line, int64_t range[2]) {
  const pcn_spot_plane *plane = w->scratch->plane;
  const int64_t every = w->s->layer.engine->rays.every, first_plane = w->first[2] / every,
                last_plane = (w->s->layer.planes - 1) / every;
  const double *at = line->at, *by = line->step;
  double from[2], step[2];
  for (int a = 0; a < 2; a++) {  // distance from the way, mm
    from[a] = w->cells.axis[a].first + w->cells.axis[a].step * at[a] - way->at[a] -
              way->slope[a] * (at[2] + (double)first_plane);
    step[a] = w->cells.axis[a].step * by[a] - way->slope[a] * by[2];
  }
  const double square = step[0] * step[0] + step[1] * step[1], mixed = from[0] * step[0] + from[1] * step[1];
  const double off = from[0] * from[0] + from[1] * from[1];
  const int along = by[2] > 1e-9 || by[2] < -1e-9;
  for (int twice = 0; twice < 1 + along && range[0] < range[1]; twice++) {
    const double ends[2] = {at[2] + (double)range[0] * by[2], at[2] + (double)(range[1] - 1) * by[2]};
    const double near = ends[0] < ends[1] ? ends[0] : ends[1], far = ends[0] < ends[1] ? ends[1] : ends[0],
                 tiny = 1e-6;
    const int64_t low = (int64_t)(near + tiny + (double)first_plane);
    const int64_t high = pcn_smaller((int64_t)(far + 1 - tiny + (double)first_plane), last_plane);
    double radius = -1;
    for (int64_t k = low; k <= high; k++) {
      radius = plane[k * every].radius_mm > radius ? plane[k * every].radius_mm : radius;
    }
    const double rest = radius * radius - off, most = (double)range[1] - 1;
    double first = 0, last = rest < 0 || radius < 0 ? -1 : most;
    if (square > 1e-12 && radius >= 0) {
      const double root = mixed * mixed + square * rest, half = root > 0 ? sqrt(root) : 0;
      first = root > 0 ? (-mixed - half) / square : 1;
      last = root > 0 ? (-mixed + half) / square : 0;
    }
    const int64_t begin = first > (double)range[0] + tiny ? (int64_t)(first + 1 - tiny) : range[0];
    const int64_t end = last < most ? (int64_t)(last + 1 + tiny) : range[1];
    range[0] = end > begin ? begin : 0;
    range[1] = end > begin ? end : 0;
  }
}

/// Rows of voxels that may have entries, and how many voxels there are in them.
typedef struct row_plan {
  int64_t first[3], last[3], voxels;
} row_plan;

// The farthest that voxels at a place among the planes are wanted, squared; below 0: none is.
static double square_at(const spot_work *w, double z) {
  const pcn_spot_plane *plane = w->scratch->plane;
  const double tiny = 1e-6;
  const int64_t every = w->s->layer.engine->rays.every, first = w->first[2] / every,
                last = w->cells.axis[2].count - 1;
  const int64_t k = z > 0 ? (int64_t)(z + tiny) : 0, below = k < last ? k : last;
  const int64_t above = z - (double)below > tiny && below < last ? below + 1 : below;
  const double one = plane[(first + below) * every].radius_mm, two = plane[(first + above) * every].radius_mm;
  const double radius = one > two ? one : two;
  return radius < 0 ? -1 : radius < 1e9 ? radius * radius : 1e18;
}

// Of a row across the beam along x of its cells: what pcn_voxel_range() and trim_row() find, at once.
static void flat_range(const spot_work *w, const spot_way *way, const pcn_volume_line *line, int64_t range[2]) {
  const pcn_axis *axis = w->cells.axis;
  const double *at = line->at, half = 0.5 - 1e-9, tiny = 1e-6;
  range[0] = range[1] = 0;
  if (!(at[1] > -half && at[1] < (double)axis[1].count - 1 + half && at[2] > -half &&
        at[2] < (double)axis[2].count - 1 + half)) {
    return;
  }
  const double plane = at[2] + (double)(w->first[2] / w->s->layer.engine->rays.every);
  const double y = axis[1].first + axis[1].step * at[1] - way->at[1] - way->slope[1] * plane;
  const double rest = square_at(w, at[2]) - y * y;
  if (rest < 0) {
    return;
  }
  const double reach = sqrt(rest) / axis[0].step, most = (double)axis[0].count - 1 + half;
  const double centre = (way->at[0] + way->slope[0] * plane - axis[0].first) / axis[0].step;
  const double low = centre - reach > -half ? centre - reach : -half,
               high = centre + reach < most ? centre + reach : most;
  // Cells to voxels: step is 1 or -1.
  const double near = line->step[0] > 0 ? low - at[0] : at[0] - high,
               far = line->step[0] > 0 ? high - at[0] : at[0] - low;
  const double end = (double)w->rows.count - 1, last = far < end ? far : end;
  const int64_t begin = near > tiny ? (int64_t)(near + 1 - tiny) : 0;
  if (last >= (double)begin - tiny) {
    range[0] = begin;
    range[1] = (int64_t)(last + 1 + tiny);
  }
}

static int flat(const pcn_voxel_rows *rows) {
  const double tiny = 1e-9;
  return rows->whole && (rows->place[1] == 1 || rows->place[1] == -1) && rows->step[2] < tiny && rows->step[2] > -tiny;
}

static void find_row(const spot_work *w, const spot_way *way, const pcn_volume_line *line, int64_t range[2]) {
  pcn_voxel_range(&w->rows, &w->cells, line, range);
  if (w->wanted_gy > 0 && range[0] < range[1]) {
    trim_row(w, way, line, range);
  }
}

static row_plan plan_rows(const spot_work *w) {
  const pcn_rays *rays = &w->s->layer.engine->rays;
  const int is_flat = flat(&w->rows);
  int32_t(*range)[2] = w->scratch->range;
  row_plan plan = {.voxels = 0};
  spot_way way;
  for (int a = 0; a < 2; a++) {
    way.at[a] = spread_at(w->s, a, 0) * w->place[a];
    way.slope[a] = spread_at(w->s, a, rays->every) * w->place[a] - way.at[a];
  }
  pcn_voxel_bounds(rays, &w->cells, &w->s->box->grid, plan.first, plan.last);
  for (int64_t k = plan.first[2]; k < plan.last[2]; k++) {
    for (int64_t j = plan.first[1]; j < plan.last[1]; j++, range++) {
      const pcn_volume_line line = pcn_voxel_line(&w->rows, j, k);
      int64_t found[2];
      if (is_flat) {
        flat_range(w, &way, &line, found);
      } else {
        find_row(w, &way, &line, found);
      }
      for (int end = 0; end < 2; end++) {
        (*range)[end] = (int32_t)found[end];
      }
      plan.voxels += found[1] > found[0] ? found[1] - found[0] : 0;
    }
  }
  return plan;
}

static pencone_status append(pencone_context *ctx, spot_work *w, pcn_column *out) {
  const row_plan plan = plan_rows(w);
  const int32_t(*range)[2] = (const int32_t(*)[2])w->scratch->range;
  PCN_TRY(pcn_column_reserve(ctx, out, plan.voxels + PCN_SIFT_LANES));
  for (int64_t k = plan.first[2]; k < plan.last[2]; k++) {
    for (int64_t j = plan.first[1]; j < plan.last[1]; j++, range++) {
      if ((*range)[0] < (*range)[1]) {
        const pcn_voxel_run run = {j, k, (*range)[0], (*range)[1] - (*range)[0]};
        append_run(w, &run, out);
      }
    }
  }
  return PENCONE_OK;
}

// One pass with all entries from wanted_gy on.
static pencone_status pass(pencone_context *ctx, spot_work *w, pcn_column *out) {
  memset(&w->sift, 0, sizeof w->sift);
  out->count = 0;
  plan_planes(w);
  PCN_TRY(make_box(ctx, w));
  const sides dose = fill_cells(w);
  if (w->cells.axis[0].count > 0) {
    PCN_TRY(append(ctx, w, out));
  }
  // What is at other depths where ways mix is so beyond as it is inside.
  out->beyond = dose.inside > 0 ? dose.beyond * w->sift.sum / dose.inside : dose.beyond;
  return PENCONE_OK;
}

// --- a column ----------------------------------------------------------------------------------

static pcn_spot_scratch *take_scratch(const pcn_spot_layer *s) {
  for (int t = 0;; t = (t + 1) % s->threads) {
    if (!atomic_flag_test_and_set(&s->scratch[t].taken)) {
      return &s->scratch[t];
    }
  }
}

// Entries of what was found to be the largest's size on, and what the sieve said of the others.
static void finish(const spot_work *w, pcn_column *out) {
  double below = w->wanted_gy > 0 ? w->sift.below : 0;
  if (w->s->sift && w->s->threshold * (double)w->sift.largest > w->wanted_gy) {
    below += pcn_column_drop(out, (float)(w->s->threshold * (double)w->sift.largest));
  }
  out->sum = w->sift.sum;
  out->below = below;
  out->beyond += w->s->sift ? 0 : below;
}

// Two passes: the first one finds the largest entry, near the axis where the dose is high.
static pencone_status passing_spot(pencone_context *ctx, spot_work *w, double passing, pcn_column *out) {
  const double near_peak = 0.8, near_axis = 0.5, guess = passing * look_ahead(w);
  double largest = 0;
  if (w->s->threshold > 0) {
    w->least_axis_gy = near_peak * guess / passing;
    w->wanted_gy = near_axis * guess;
    PCN_TRY(pass(ctx, w, out));
    largest = (double)w->sift.largest;
  }
  w->least_axis_gy = 0;
  w->wanted_gy = w->s->threshold * largest;
  PCN_TRY(pass(ctx, w, out));
  finish(w, out);
  return PENCONE_OK;
}

pencone_status pcn_spot_column(pencone_context *ctx, const pcn_spot_layer *layer,
                               const pencone_proton_spot *spot, pcn_column *out) {
  const pcn_axis *cell = layer->layer.engine->rays.cell;
  const double *voxel = layer->box->grid.spacing_mm;
  spot_work w = {.s = layer, .scratch = take_scratch(layer)};
  w.volume = cell[0].step * cell[1].step * cell[2].step / (voxel[0] * voxel[1] * voxel[2]);
  const double passing =
      pcn_spot_window(&layer->layer, spot, w.scratch->spread, w.scratch->weight, &w.window);
  w.place[0] = spot->x_mm;
  w.place[1] = spot->y_mm;
  out->count = 0;
  out->beyond = out->sum = out->below = 0;
  pencone_status status = PENCONE_OK;
  if (passing > 0) {
    status = passing_spot(ctx, &w, passing, out);
  }
  atomic_flag_clear(&w.scratch->taken);
  return status;
}

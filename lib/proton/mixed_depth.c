// SPDX-License-Identifier: Apache-2.0
// A proton that arrives beside the line of its ray has left it on the way: its mean place at a share s of the
// way is at a share s^2 (3 - s) / 2 of the distance (eq. 12). The dose of a cell is the mean over where its
// protons came from.
#include "proton/mixed_depth.h"

#include <math.h>

#include "num/constants.h"

enum { PIECES = 4, POINTS = PCN_MIXING_POINTS };

// Ends of pieces of the way, where the mean place is at 1/6, 1/2 and 5/6 of the distance.
static const double piece_end[PIECES - 1] = {0.352, 0.653, 0.878};

// Where protons came from, in sigmas: three rings of equal share of a Gaussian, each at its median.
static const struct {
  int points;
  double radius, angle;  ///< of the first point, in steps between points
} rings[3] = {{4, 0.604, 0.25}, {6, 1.177, 0}, {6, 1.893, 0.5}};

static const float matter_mm = 0.05f;  // of water: a column meets the patient
// Bone is no reason to shrink: it scatters more per mm of water. The least is more than 1 as rings have 0.89
// of the variance and ways wander about their mean.
static const double stretch_least = 1.2, stretch_most = 3, far_sigmas = 1.9;
static const double differ_mm = 1, differ_more_mm = 3;  // of water: between them the mean comes in
static const double before_peak_mm = 10;                // of R80: from there on the depth dose bends

/// A cell and the way to it.
typedef struct way {
  const pcn_mixing *m;
  int64_t column[2];    ///< under the cell
  double entry, end;    ///< faces: where the column meets matter, and the middle of the cell
  double per_sigma[2];  ///< columns in one sigma of scatter
} way;

static int64_t clamp(int64_t i, int64_t count) {
  return i < 0 ? 0 : i < count ? i : count - 1;
}

// Where a column's faces begin: they lie a plane apart.
static const float *column_at(const pcn_rays *rays, int64_t x, int64_t y) {
  const int64_t nx = rays->cell[0].count, ny = rays->cell[1].count;
  return rays->column + clamp(y, ny) * nx + clamp(x, nx);
}

static int64_t plane_of(const pcn_rays *rays) {
  return rays->cell[0].count * rays->cell[1].count;
}

static double water_at(const float *column, int64_t plane, double face) {
  const int64_t i = (int64_t)face;
  const double u = face - (double)i, near = (double)column[i * plane];
  return u > 0 ? (1 - u) * near + u * (double)column[(i + 1) * plane] : near;
}

static double core_at(const pcn_depth_table *table, double depth_mm) {
  const double at = fmin(fmax(depth_mm, 0), table->r80_mm) / table->step_mm;
  return table->row[(int)fmin(at, table->count - 1)].core;
}

// Last face before matter of 0.05 mm of water.
static int64_t entry_of(const float *column, int64_t plane, int64_t faces) {
  int64_t low = 0, high = faces - 1;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    *(column[middle * plane] <= matter_mm ? &low : &high) = middle;
  }
  return low;
}

static double end_of(const pcn_mixing *m) {
  return m->table->step_mm * (m->table->count - 1);
}

// How much the columns around a cell differ at a face from a plane through its own, where one of them is
// within the range; else 0. On a slope the mean over ways is that of the middle one but where the depth dose
// bends: there half of the difference of columns counts.
static double difference(const way *w, int64_t face) {
  const pcn_rays *rays = w->m->rays;
  const int64_t plane = plane_of(rays), from = face * plane;
  const double own = (double)column_at(rays, w->column[0], w->column[1])[from];
  const double bent = w->m->table->r80_mm - before_peak_mm;
  double most = 0, least_mm = own;
  for (int axis = 0; axis < 2; axis++) {
    const int64_t away = (int64_t)ceil(far_sigmas * w->per_sigma[axis]), x = axis == 0 ? away : 0,
                  y = axis == 1 ? away : 0;
    const double before = (double)column_at(rays, w->column[0] - x, w->column[1] - y)[from];
    const double after = (double)column_at(rays, w->column[0] + x, w->column[1] + y)[from];
    const double slope = fmax(before, after) + w->m->bragg->before_mm > bent ? 0.5 * fabs(after - before) : 0;
    most = fmax(most, fmax(fabs(before + after - 2 * own), slope));
    least_mm = fmin(least_mm, fmin(before, after));
  }
  return least_mm + w->m->bragg->before_mm < end_of(w->m) ? most : 0;
}

// Water before both faces of the cell for protons that came from a place, in sigmas from the cell's own
// column.
static void depths_from(const way *w, int64_t k, const double place[2], float depth_mm[2]) {
  const pcn_rays *rays = w->m->rays;
  const int64_t plane = plane_of(rays);
  double water = 0, before = 0;
  for (int p = 0; p < PIECES - 1; p++) {
    const double left = 1 - p / (double)(PIECES - 1), face = w->entry + piece_end[p] * (w->end - w->entry);
    const float *column = column_at(rays, w->column[0] + (int64_t)rint(left * place[0] * w->per_sigma[0]),
                                    w->column[1] + (int64_t)rint(left * place[1] * w->per_sigma[1]));
    water += water_at(column, plane, face) - (p > 0 ? water_at(column, plane, before) : 0);
    before = face;
  }
  const float *own = column_at(rays, w->column[0], w->column[1]);
  water -= water_at(own, plane, before);
  for (int face = 0; face < 2; face++) {
    depth_mm[face] = (float)(water + (double)own[(k + face) * plane]);
  }
}

static double mean_dose(const way *w, int64_t k) {
  float from_mm[POINTS], to_mm[POINTS], dose[POINTS];
  double sum = 0;
  for (int p = 0; p < POINTS; p++) {
    float depth_mm[2];
    depths_from(w, k, w->m->point[p], depth_mm);
    from_mm[p] = depth_mm[0];
    to_mm[p] = depth_mm[1];
  }
  w->m->isa->bragg(w->m->bragg, from_mm, to_mm, POINTS, dose);
  for (int p = 0; p < POINTS; p++) {
    sum += w->m->weight[p] * (double)dose[p];
  }
  return sum;
}

// Scatter stretches with the way: 100 mm of lung are 26 mm of water.
static void find_width(way *w, int64_t k, const double spread[2]) {
  const pcn_rays *rays = w->m->rays;
  const int64_t plane = plane_of(rays);
  const float *own = column_at(rays, w->column[0], w->column[1]);
  const double water = 0.5 * (double)(own[k * plane] + own[(k + 1) * plane]);
  w->entry = (double)entry_of(own, plane, rays->cell[2].count + 1);
  w->end = (double)k + 0.5;
  const double way_mm = rays->cell[2].step * (w->end - w->entry);
  const double stretch = fmin(fmax(way_mm / fmax(water, 1e-3), stretch_least), stretch_most);
  const double sigma = stretch * sqrt(core_at(w->m->table, w->m->bragg->before_mm + water));
  for (int a = 0; a < 2; a++) {
    w->per_sigma[a] = sigma / (rays->cell[a].step * spread[a]);
  }
}

static void find_spread(const pcn_rays *rays, int64_t k, double spread[2]) {
  for (int a = 0; a < 2; a++) {
    spread[a] = pcn_rays_spread(rays, a, k);
  }
}

// --- rows --------------------------------------------------------------------------------------

void pcn_mixing_make(const pcn_rays *rays, const pcn_depth_table *table, const pcn_bragg_table *bragg,
                     const pcn_isa *isa, pcn_mixing *out) {
  double core = 0;
  for (int i = 0; i < table->count && i * table->step_mm <= table->r80_mm; i++) {
    core = fmax(core, table->row[i].core);
  }
  *out = (pcn_mixing){.rays = rays,
                      .table = table,
                      .bragg = bragg,
                      .isa = isa,
                      .reach_mm = far_sigmas * stretch_most * sqrt(core),
                      .field_mm = {{-INFINITY, INFINITY}, {-INFINITY, INFINITY}}};
  for (int r = 0, p = 0; r < 3; r++) {
    for (int i = 0; i < rings[r].points; i++, p++) {
      const double angle = 2 * PCN_PI * (i + rings[r].angle) / rings[r].points;
      out->point[p][0] = rings[r].radius * cos(angle);
      out->point[p][1] = rings[r].radius * sin(angle);
      out->weight[p] = 1.0 / (3 * rings[r].points);
    }
  }
}

int pcn_mixing_may(const pcn_mixing *m, int64_t k, const int64_t first[2], const int64_t last[2]) {
  const pcn_rays *rays = m->rays;
  double spread[2], depth_mm[2];
  int64_t from[2], to[2];
  find_spread(rays, k, spread);
  for (int a = 0; a < 2; a++) {
    const int64_t away = 1 + (int64_t)ceil(m->reach_mm / (rays->cell[a].step * spread[a]));
    from[a] = clamp(first[a] - away, rays->cell[a].count);
    to[a] = clamp(last[a] - 1 + away, rays->cell[a].count) + 1;
  }
  pcn_rays_extremes(rays, k, from, to, depth_mm);
  return depth_mm[0] + m->bragg->before_mm < end_of(m) && 2 * (depth_mm[1] - depth_mm[0]) > differ_mm;
}

static void mix_cells(const pcn_mixing *m, const int64_t cell[3], int64_t n, float *dose) {
  const pcn_rays *rays = m->rays;
  const int64_t k = cell[2];
  double spread[2];
  find_spread(rays, k, spread);
  for (int64_t i = 0; i < n; i++) {
    way w = {.m = m,
             .column = {pcn_rays_column(rays, 0, cell[0] + i, spread[0]),
                        pcn_rays_column(rays, 1, cell[1], spread[1])}};
    if (column_at(rays, w.column[0], w.column[1])[k * plane_of(rays)] > matter_mm) {
      find_width(&w, k, spread);
      const double differs = difference(&w, k);
      if (differs > differ_mm) {
        const double share = fmin((differs - differ_mm) / (differ_more_mm - differ_mm), 1);
        dose[i] = (float)((1 - share) * (double)dose[i] + share * mean_dose(&w, k));
      }
    }
  }
}

// Cells of a row in the field: first, one behind the last.
static void field_range(const pcn_mixing *m, const double spread[2], int64_t y, int64_t range[2]) {
  const pcn_axis *cell = m->rays->cell;
  const double at_y = (cell[1].first + cell[1].step * (double)y) / spread[1], most = (double)cell[0].count;
  const int inside = at_y >= m->field_mm[1][0] && at_y <= m->field_mm[1][1];
  const double low = (m->field_mm[0][0] * spread[0] - cell[0].first) / cell[0].step;
  const double high = (m->field_mm[0][1] * spread[0] - cell[0].first) / cell[0].step;
  range[0] = (int64_t)fmin(fmax(ceil(low), 0), most);
  range[1] = inside ? (int64_t)fmin(fmax(floor(high) + 1, 0), most) : range[0];
}

// In blocks that do not depend on the part of the row that is asked for.
void pcn_mixed_row(const pcn_mixing *mixing, int64_t k, int64_t y, int64_t x, int64_t n, float *dose) {
  const pcn_rays *rays = mixing->rays;
  double spread[2];
  int64_t range[2];
  find_spread(rays, k, spread);
  field_range(mixing, spread, y, range);
  const int64_t row = pcn_rays_column(rays, 1, y, spread[1]),
                end_of_row = range[1] - x < n ? range[1] - x : n;
  for (int64_t i = range[0] > x ? range[0] - x : 0, next; i < end_of_row; i = next) {
    const int64_t block = (x + i) / PCN_RAYS_BLOCK * PCN_RAYS_BLOCK, end = block + PCN_RAYS_BLOCK;
    const int64_t first[2] = {pcn_rays_column(rays, 0, block, spread[0]), row};
    const int64_t last[2] = {pcn_rays_column(rays, 0, end - 1, spread[0]) + 1, row + 1};
    next = end - x < end_of_row ? end - x : end_of_row;
    if (pcn_mixing_may(mixing, k, first, last)) {
      const int64_t cell[3] = {x + i, y, k};
      mix_cells(mixing, cell, next - i, dose + i);
    }
  }
}

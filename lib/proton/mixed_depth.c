// SPDX-License-Identifier: Apache-2.0
// A proton that arrives beside the line of its ray has left it on the way: its mean place at a share s of the way is at
// a share s^2 (3 - s) / 2 of the distance (eq. 12). The dose of a cell is the mean over where its protons came from.
#include "proton/mixed_depth.h"

#include "num/constants.h"
#include "proton/optics.h"
#include <math.h>

enum { PIECES = 4, POINTS = 16 };

// Ends of pieces of the way, where the mean place is at 1/6, 1/2 and 5/6 of the distance.
static const double piece_end[PIECES - 1] = {0.352, 0.653, 0.878};

// Where protons came from, in sigmas: three rings of equal share of a Gaussian, each at its median.
static const struct {
  int points;
  double radius, angle; ///< of the first point, in steps between points
} rings[3] = {{4, 0.604, 0.25}, {6, 1.177, 0}, {6, 1.893, 0.5}};

static const double differ_mm = 1, differ_more_mm = 3; // of water: between them the mean comes in

/// A cell and the way to it.
typedef struct way {
  const pcn_mixing *m;
  int64_t column[2]; ///< under the cell
  double entry, end; ///< faces: where the column meets matter, and the middle of the cell
  double per_sigma[2]; ///< columns in one sigma of scatter
} way;

static int64_t clamp(int64_t i, int64_t count) {
  return i < 0 ? 0 : i < count ? i : count - 1;
}

static const float *column_at(const pcn_rays *rays, int64_t x, int64_t y) {
  const int64_t nx = rays->cell[0].count, ny = rays->cell[1].count;
  return rays->column + (clamp(y, ny) * nx + clamp(x, nx)) * (rays->cell[2].count + 1);
}

static double water_at(const float *column, double face) {
  const int64_t i = (int64_t)face;
  const double u = face - (double)i;
  return u > 0 ? (1 - u) * (double)column[i] + u * (double)column[i + 1] : (double)column[i];
}

// The column of cells whose ray goes through a cell of a plane: they are counted in the isocentre plane.
static int64_t column_of(pcn_axis cell, int64_t i, double spread) {
  const double at = ((cell.first + cell.step * (double)i) / spread - cell.first) / cell.step;
  return (int64_t)floor(fmin(fmax(at, 0), (double)(cell.count - 1)) + 0.5);
}

static double core_at(const pcn_depth_table *table, double depth_mm) {
  const double at = fmin(fmax(depth_mm, 0), table->r80_mm) / table->step_mm;
  return table->row[(int)fmin(at, table->count - 1)].core;
}

// Last face before matter of 0.05 mm of water.
static int64_t entry_of(const float *column, int64_t faces) {
  int64_t low = 0, high = faces - 1;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    *(column[middle] <= 0.05f ? &low : &high) = middle;
  }
  return low;
}

// How much the columns around a cell differ at a face from a plane through its own, where one of them is within the range;
// else 0. A slope alone is no matter of mixing: the mean over a broad field would be taken for each of its spots.
static double difference(const way *w, int64_t face, double sigmas) {
  const pcn_rays *rays = w->m->rays;
  const double own = (double)column_at(rays, w->column[0], w->column[1])[face];
  double most = 0, least_mm = own;
  for (int axis = 0; axis < 2; axis++) {
    const int64_t away = (int64_t)ceil(sigmas * w->per_sigma[axis]), x = axis == 0 ? away : 0, y = axis == 1 ? away : 0;
    const double before = (double)column_at(rays, w->column[0] - x, w->column[1] - y)[face];
    const double after = (double)column_at(rays, w->column[0] + x, w->column[1] + y)[face];
    most = fmax(most, fabs(before + after - 2 * own));
    least_mm = fmin(least_mm, fmin(before, after));
  }
  const double end_mm = w->m->table->step_mm * (w->m->table->count - 1);
  return least_mm + w->m->before_mm < end_mm ? most : 0;
}

static double dose_between(const pcn_mixing *m, double from_mm, double to_mm) {
  const double middle = m->before_mm + 0.5 * (from_mm + to_mm), half = fmax(0.5 * (to_mm - from_mm), 0.1);
  const double part = pcn_depth_table_sum(m->table, middle + half) - pcn_depth_table_sum(m->table, middle - half);
  return m->scale * fmax(part, 0) / (half + fmin(middle, half));
}

// Dose of protons that came from a place, in sigmas from the cell's own column.
static double dose_from(const way *w, int64_t k, double x, double y) {
  const pcn_rays *rays = w->m->rays;
  double water = 0, before = 0;
  for (int p = 0; p < PIECES - 1; p++) {
    const double left = 1 - p / (double)(PIECES - 1), face = w->entry + piece_end[p] * (w->end - w->entry);
    const float *column = column_at(rays, w->column[0] + (int64_t)rint(left * x * w->per_sigma[0]),
                                    w->column[1] + (int64_t)rint(left * y * w->per_sigma[1]));
    water += water_at(column, face) - (p > 0 ? water_at(column, before) : 0);
    before = face;
  }
  const float *own = column_at(rays, w->column[0], w->column[1]);
  water -= water_at(own, before);
  return dose_between(w->m, water + (double)own[k], water + (double)own[k + 1]);
}

static double mean_dose(const way *w, int64_t k) {
  double sum = 0;
  for (int r = 0; r < 3; r++) {
    for (int i = 0; i < rings[r].points; i++) {
      const double angle = 2 * PCN_PI * (i + rings[r].angle) / rings[r].points;
      sum += dose_from(w, k, rings[r].radius * cos(angle), rings[r].radius * sin(angle)) / (3 * rings[r].points);
    }
  }
  return sum;
}

// Scatter stretches with the way: 100 mm of lung are 26 mm of water.
static void find_width(way *w, int64_t k, const double spread[2]) {
  const pcn_rays *rays = w->m->rays;
  const float *own = column_at(rays, w->column[0], w->column[1]);
  const double water = 0.5 * (double)(own[k] + own[k + 1]), most = 3;
  w->entry = (double)entry_of(own, rays->cell[2].count + 1);
  w->end = (double)k + 0.5;
  const double way_mm = rays->cell[2].step * (w->end - w->entry);
  const double stretch = water > 0 ? fmin(way_mm / water, most) : 1;
  const double sigma = stretch * sqrt(core_at(w->m->table, w->m->before_mm + water));
  for (int a = 0; a < 2; a++) {
    w->per_sigma[a] = sigma / (rays->cell[a].step * spread[a]);
  }
}

void pcn_mixed_row(const pcn_mixing *mixing, int64_t k, int64_t y, int64_t x, int64_t n, float *dose) {
  const pcn_rays *rays = mixing->rays;
  const double z = rays->cell[2].first + rays->cell[2].step * (double)k, sigmas = 1.9;
  const double spread[2] = {pcn_optics_spread(rays->machine, 0, z), pcn_optics_spread(rays->machine, 1, z)};
  for (int64_t i = 0; i < n; i++) {
    way w = {.m = mixing, .column = {column_of(rays->cell[0], x + i, spread[0]), column_of(rays->cell[1], y, spread[1])}};
    const double own = (double)column_at(rays, w.column[0], w.column[1])[k];
    if (!(own > 0.05)) {
      continue;
    }
    find_width(&w, k, spread);
    const double differs = difference(&w, k, sigmas);
    if (differs > differ_mm) {
      const double share = fmin((differs - differ_mm) / (differ_more_mm - differ_mm), 1);
      dose[i] = (float)((1 - share) * (double)dose[i] + share * mean_dose(&w, k));
    }
  }
}

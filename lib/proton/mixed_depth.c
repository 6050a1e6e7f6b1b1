// SPDX-License-Identifier: Apache-2.0
// A proton that arrives beside the line of its ray has left it on the way: its mean place at a share s of the
// way is at a share s^2 (3 - s) / 2 of the distance (eq. 12). The dose of a voxel is the mean over where its
// protons came from.
#include "proton/mixed_depth.h"

#include <math.h>

#include "base/base.h"
#include "num/constants.h"
#include "proton/optics.h"

enum { PIECES = 4, POINTS = PCN_MIXING_POINTS, UNEVEN = 3 };

// Ends of pieces of the way, where the mean place is at 1/6, 1/2 and 5/6 of the distance.
static const double piece_end[PIECES - 1] = {0.352, 0.653, 0.878};

// Where protons came from, in sigmas: three rings of equal share of a Gaussian, each at its median.
static const struct {
  int points;
  double radius, angle;  ///< of the first point, in steps between points
} rings[3] = {{4, 0.604, 0.25}, {6, 1.177, 0}, {6, 1.893, 0.5}};

// Bone is no reason to shrink: it scatters more per mm of water. The least is more than 1 as rings have 0.89
// of the variance and ways wander about their mean.
static const double stretch_least = 1.2, stretch_most = 3, far_sigmas = 1.9;
static const double differ_mm = 1, differ_more_mm = 3;  // of water: between them the mean comes in
static const double before_peak_mm = 10;                // of R80: from there on the depth dose bends

/// A voxel and the way to it.
typedef struct way {
  const pcn_mixing *m;
  int64_t column[2];    ///< under the voxel
  double begin;         ///< face where the voxel begins
  double entry, end;    ///< faces: where the column meets matter, and the middle of the voxel
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

// z of a face.
static double face_z(const pcn_rays *rays, double face) {
  return rays->cell[2].first + rays->cell[2].step * (face - 0.5);
}

static double end_of(const pcn_mixing *m) {
  return m->table->step_mm * (m->table->count - 1);
}

// Depth of columns from where on the depth dose bends.
static double bent_of(const pcn_mixing *m) {
  return m->table->r80_mm - before_peak_mm - m->bragg->before_mm;
}

// How much the columns around a voxel differ where it begins from a plane through its own, where one of them
// is within the range; else 0. On a slope the mean over ways is that of the middle one but where the depth
// dose bends: there half of the difference of columns counts.
static double difference(const way *w) {
  const pcn_rays *rays = w->m->rays;
  const int64_t plane = plane_of(rays);
  const double own = water_at(column_at(rays, w->column[0], w->column[1]), plane, w->begin);
  const double bent = bent_of(w->m);
  double most = 0, least_mm = own;
  for (int axis = 0; axis < 2; axis++) {
    const int64_t away = (int64_t)ceil(far_sigmas * w->per_sigma[axis]), x = axis == 0 ? away : 0,
                  y = axis == 1 ? away : 0;
    const double before = water_at(column_at(rays, w->column[0] - x, w->column[1] - y), plane, w->begin);
    const double after = water_at(column_at(rays, w->column[0] + x, w->column[1] + y), plane, w->begin);
    const double slope = fmax(before, after) > bent ? 0.5 * fabs(after - before) : 0;
    most = fmax(most, fmax(fabs(before + after - 2 * own), slope));
    least_mm = fmin(least_mm, fmin(before, after));
  }
  return least_mm + w->m->bragg->before_mm < end_of(w->m) ? most : 0;
}

// Water before both sides of the voxel for protons that came from a place, in sigmas from the voxel's own
// column.
static void depths_from(const way *w, const double place[2], float depth_mm[2]) {
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
  for (int side = 0; side < 2; side++) {
    depth_mm[side] = (float)(water + water_at(own, plane, w->begin + side));
  }
}

static double mean_dose(const way *w) {
  float from_mm[POINTS], to_mm[POINTS], dose[POINTS];
  double sum = 0;
  for (int p = 0; p < POINTS; p++) {
    float depth_mm[2];
    depths_from(w, w->m->point[p], depth_mm);
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
static void find_width(way *w) {
  const pcn_rays *rays = w->m->rays;
  const int64_t plane = plane_of(rays);
  const float *own = column_at(rays, w->column[0], w->column[1]);
  const double water = 0.5 * (water_at(own, plane, w->begin) + water_at(own, plane, w->begin + 1));
  w->entry = (double)rays->entry[clamp(w->column[1], rays->cell[1].count) * rays->cell[0].count +
                                 clamp(w->column[0], rays->cell[0].count)];
  w->end = w->begin + 0.5;
  const double way_mm = rays->cell[2].step * (w->end - w->entry);
  const double stretch = fmin(fmax(way_mm / fmax(water, 1e-3), stretch_least), stretch_most);
  const double sigma = stretch * sqrt(core_at(w->m->table, w->m->bragg->before_mm + water));
  for (int a = 0; a < 2; a++) {
    w->per_sigma[a] =
        sigma / (rays->cell[a].step * pcn_optics_spread(rays->machine, a, face_z(rays, w->end)));
  }
}

// --- where it can be ---------------------------------------------------------------------------

double pcn_mixing_reach(const pcn_depth_table *table) {
  double core = 0;
  for (int i = 0; i < table->count && i * table->step_mm <= table->r80_mm; i++) {
    core = fmax(core, table->row[i].core);
  }
  return far_sigmas * stretch_most * sqrt(core);
}

/// Columns of a face around a block: first, one behind the last; and in each row those in the grid.
typedef struct around {
  const pcn_rays *rays;
  const float *depth;  ///< of the face
  int64_t from[2], to[2];
  const int64_t (*seen)[2];
} around;

// Slopes of the depths along x and y: least squares, from every fourth column of every fourth row.
static void find_slopes(const around *a, double slope[2]) {
  enum { EVERY = 4 };
  double n = 0, x = 0, y = 0, d = 0, xx = 0, xy = 0, yy = 0, xd = 0, yd = 0;
  for (int64_t j = a->from[1]; j < a->to[1]; j += EVERY) {
    const float *row = a->depth + j * a->rays->cell[0].count;
    const int64_t last = pcn_smaller(a->to[0], a->seen[j][1]);
    for (int64_t i = pcn_larger(a->from[0], a->seen[j][0]); i < last; i += EVERY) {
      const double u = (double)(i - a->from[0]), v = (double)(j - a->from[1]), w = (double)row[i];
      n += 1;
      x += u;
      y += v;
      d += w;
      xx += u * u;
      xy += u * v;
      yy += v * v;
      xd += u * w;
      yd += v * w;
    }
  }
  const double sxx = n * xx - x * x, sxy = n * xy - x * y, syy = n * yy - y * y, sxd = n * xd - x * d,
               syd = n * yd - y * d;
  const double all = sxx * syy - sxy * sxy;
  slope[0] = all > 0 ? (sxd * syy - syd * sxy) / all : 0;
  slope[1] = all > 0 ? (syd * sxx - sxd * sxy) / all : 0;
}

// Least and largest depth over a plane with slopes: what second differences are made of.
static double range_over(const around *a, const double slope[2]) {
  float least = INFINITY, most = -INFINITY;
  const float along = (float)slope[0];
  for (int64_t j = a->from[1]; j < a->to[1]; j++) {
    const float *row = a->depth + j * a->rays->cell[0].count,
                plane = (float)(slope[1] * (double)(j - a->from[1]));
    const int64_t last = pcn_smaller(a->to[0], a->seen[j][1]);
    for (int64_t i = pcn_larger(a->from[0], a->seen[j][0]); i < last; i++) {
      const float over = row[i] - plane - along * (float)(i - a->from[0]);
      least = over < least ? over : least;
      most = over > most ? over : most;
    }
  }
  return most > least ? (double)(most - least) : 0;
}

typedef struct uneven_work {
  const pcn_rays *rays;
  const pencone_grid *grid;
  double reach_mm;
  float *uneven;
  int64_t (*seen)[2];  ///< scratch of each thread: of the rows of a face
} uneven_work;

static void find_around(const uneven_work *w, double face, int64_t b, around *out) {
  const pcn_axis *cell = w->rays->cell;
  const int64_t bx = pcn_rays_blocks(cell[0]), by = pcn_rays_blocks(cell[1]),
                block[2] = {b % bx, b / bx % by};
  for (int a = 0; a < 2; a++) {
    const double spread = pcn_optics_spread(w->rays->machine, a, face_z(w->rays, face));
    const int64_t away = 1 + (int64_t)ceil(w->reach_mm / (cell[a].step * spread));
    out->from[a] = clamp(block[a] * PCN_RAYS_BLOCK - away, cell[a].count);
    out->to[a] = clamp((block[a] + 1) * PCN_RAYS_BLOCK - 1 + away, cell[a].count) + 1;
  }
}

static void find_uneven(void *work, size_t face, int worker) {
  const uneven_work *w = work;
  const pcn_axis *cell = w->rays->cell;
  const int64_t blocks = pcn_rays_blocks(cell[0]) * pcn_rays_blocks(cell[1]);
  int64_t(*seen)[2] = w->seen + worker * cell[1].count;
  around here = {w->rays,
                 w->rays->column + (int64_t)face * plane_of(w->rays),
                 {0, 0},
                 {0, 0},
                 (const int64_t(*)[2])seen};
  int known = 0;
  for (int64_t b = 0; b < blocks; b++) {
    float *out = w->uneven + UNEVEN * ((int64_t)face * blocks + b);
    double depth_mm[2];
    find_around(w, (double)face, b, &here);
    pcn_rays_extremes(w->rays, (int64_t)face, here.from, here.to, depth_mm);
    double most = fmax(depth_mm[1] - depth_mm[0], 0);
    if (2 * most > differ_mm) {
      for (; !known; known = 1) {
        pcn_rays_seen(w->rays, w->grid, (int64_t)face, seen);
      }
      double slope[2];
      find_slopes(&here, slope);
      most = fmin(most, range_over(&here, slope));
    }
    out[0] = (float)depth_mm[0];
    out[1] = (float)depth_mm[1];
    out[2] = (float)most;
  }
}

float *pcn_mixing_uneven(pencone_context *ctx, const pcn_rays *rays, const pencone_grid *grid,
                         double reach_mm) {
  const int64_t faces = rays->cell[2].count + 1,
                blocks = pcn_rays_blocks(rays->cell[0]) * pcn_rays_blocks(rays->cell[1]);
  uneven_work w = {rays, grid, reach_mm, NULL, NULL};
  w.uneven = pcn_alloc(ctx, (size_t)(UNEVEN * faces * blocks), sizeof *w.uneven);
  w.seen = pcn_alloc(ctx, (size_t)(rays->cell[1].count * pencone_context_threads(ctx)), sizeof *w.seen);
  if (w.uneven != NULL && w.seen != NULL) {
    pcn_parallel_for(ctx, (size_t)faces, find_uneven, &w);
  } else {
    pcn_free(w.uneven);
    w.uneven = NULL;
  }
  pcn_free(w.seen);
  return w.uneven;
}

void pcn_mixing_set_field(pcn_mixing *m, double (*field_mm)[2]) {
  for (int a = 0; a < 2; a++) {
    const pcn_axis cell = m->rays->cell[a];
    const double most = (double)cell.count;
    m->field[a][0] = (int64_t)fmin(fmax(ceil((field_mm[a][0] - cell.first) / cell.step), 0), most);
    m->field[a][1] = (int64_t)fmin(fmax(floor((field_mm[a][1] - cell.first) / cell.step) + 1, 0), most);
  }
}

int pcn_mixing_may(const pcn_mixing *m, int64_t face, const int64_t first[2], const int64_t last[2]) {
  const int64_t bx = pcn_rays_blocks(m->rays->cell[0]), by = pcn_rays_blocks(m->rays->cell[1]);
  const float end = (float)(end_of(m) - m->bragg->before_mm), half = (float)(0.5 * differ_mm),
              bent = (float)bent_of(m);
  const int64_t from[2] = {pcn_larger(first[0], m->field[0][0]), pcn_larger(first[1], m->field[1][0])};
  const int64_t to[2] = {pcn_smaller(last[0], m->field[0][1]), pcn_smaller(last[1], m->field[1][1])};
  for (int64_t j = from[1] / PCN_RAYS_BLOCK; j * PCN_RAYS_BLOCK < to[1] && from[0] < to[0]; j++) {
    for (int64_t i = from[0] / PCN_RAYS_BLOCK; i * PCN_RAYS_BLOCK < to[0]; i++) {
      const float *here = m->uneven + UNEVEN * ((face * by + j) * bx + i);
      if (here[0] < end && (here[2] > half || (here[1] > bent && here[1] - here[0] > 4 * half))) {
        return 1;
      }
    }
  }
  return 0;
}

void pcn_mixing_extremes(const pcn_mixing *m, const int64_t face[2], const int64_t first[2],
                         const int64_t last[2], double *least_mm, double *most_mm) {
  const pcn_rays *rays = m->rays;
  const double reach_mm = pcn_mixing_reach(m->table);
  int64_t from[2], to[2];
  double near[2], far[2];
  for (int a = 0; a < 2; a++) {
    const double spread = pcn_optics_spread(rays->machine, a, face_z(rays, (double)face[0]));
    const int64_t away = 1 + (int64_t)ceil(reach_mm / (rays->cell[a].step * spread));
    from[a] = clamp(first[a] - away, rays->cell[a].count);
    to[a] = clamp(last[a] - 1 + away, rays->cell[a].count) + 1;
  }
  pcn_rays_extremes(rays, face[0], from, to, near);
  pcn_rays_extremes(rays, face[1], from, to, far);
  const double more = 0.25 * fmax(far[1] - near[0], 0);
  *least_mm = fmin(*least_mm, near[0] - more);
  *most_mm = fmax(*most_mm, far[1] + more);
}

// --- rows --------------------------------------------------------------------------------------

void pcn_mixing_make(const pcn_rays *rays, const pcn_depth_table *table, const pcn_bragg_table *bragg,
                     const pcn_isa *isa, const float *uneven, pcn_mixing *out) {
  *out = (pcn_mixing){.rays = rays, .table = table, .bragg = bragg, .isa = isa, .uneven = uneven};
  for (int r = 0, p = 0; r < 3; r++) {
    for (int i = 0; i < rings[r].points; i++, p++) {
      const double angle = 2 * PCN_PI * (i + rings[r].angle) / rings[r].points;
      out->point[p][0] = rings[r].radius * cos(angle);
      out->point[p][1] = rings[r].radius * sin(angle);
      out->weight[p] = 1.0 / (3 * rings[r].points);
    }
  }
}

// Columns under a line and the faces that it crosses: first, one behind the last.
static void find_bounds(const pcn_rays *rays, const pcn_volume_line *line, int64_t n, int64_t first[3],
                        int64_t last[3]) {
  for (int a = 0; a < 3; a++) {
    const int64_t most = a < 2 ? rays->cell[a].count : rays->cell[2].count + 1;
    const double ends[2] = {line->at[a], line->at[a] + line->step[a] * (double)(n - 1)};
    first[a] = clamp((int64_t)floor(fmin(ends[0], ends[1]) + (a < 2 ? 0.5 : 0)), most);
    last[a] = clamp((int64_t)floor(fmax(ends[0], ends[1]) + (a < 2 ? 0.5 : 0)), most) + 1;
  }
}

static int inside(const pcn_mixing *m, const int64_t column[2]) {
  return column[0] >= m->field[0][0] && column[0] < m->field[0][1] && column[1] >= m->field[1][0] &&
         column[1] < m->field[1][1];
}

static void mix(const pcn_mixing *m, const pcn_volume_line *line, int64_t i, float *dose) {
  const pcn_rays *rays = m->rays;
  const double most = (double)rays->cell[2].count - 1, begin = line->at[2] + line->step[2] * (double)i;
  way w = {.m = m, .begin = fmin(fmax(begin, 0), most)};
  for (int a = 0; a < 2; a++) {
    w.column[a] = clamp((int64_t)floor(line->at[a] + line->step[a] * (double)i + 0.5), rays->cell[a].count);
  }
  if (inside(m, w.column) && water_at(column_at(rays, w.column[0], w.column[1]), plane_of(rays), w.begin) >
                                 (double)PCN_RAYS_MATTER_MM) {
    find_width(&w);
    const double differs = difference(&w);
    if (differs > differ_mm) {
      const double share = fmin((differs - differ_mm) / (differ_more_mm - differ_mm), 1);
      *dose = (float)((1 - share) * (double)*dose + share * mean_dose(&w));
    }
  }
}

int pcn_mixing_on(const pcn_mixing *m, const pcn_volume_line *line, int64_t n) {
  int64_t first[3], last[3];
  find_bounds(m->rays, line, n, first, last);
  for (int64_t face = first[2]; face < last[2]; face++) {
    if (pcn_mixing_may(m, face, first, last)) {
      return 1;
    }
  }
  return 0;
}

void pcn_mixed_run(const pcn_mixing *m, const pcn_volume_line *line, int64_t first, int64_t last,
                   float *dose) {
  for (int64_t i = first; i < last; i++) {
    mix(m, line, i, &dose[i - first]);
  }
}

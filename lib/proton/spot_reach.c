// SPDX-License-Identifier: Apache-2.0
// Which cells of a spot's planes can be above the threshold.
#include <math.h>

#include "num/constants.h"
#include "proton/spot_work.h"

enum { PARTS = PCN_PROTON_PARTS };

/// Sum of Gaussians around a spot, which is less than the bound: exp(level - r^2 / 2 variance) each.
typedef struct bound {
  int count;
  double level[PARTS * (2 * PCN_CLASS_MOST + 1)], variance[PARTS * (2 * PCN_CLASS_MOST + 1)];
} bound;

static void make_bound(const pcn_spot_work *w, int64_t k, const pcn_spot_plane *p, bound *out) {
  out->count = 0;
  for (int part = 0; part < PARTS; part++) {
    for (int c = p->range[part][0]; c <= p->range[part][1]; c++) {
      const pcn_spot_class *one = pcn_spot_class_of(w->s, k, part, c);
      out->level[out->count] = one->level;
      out->variance[out->count++] = one->spot;
    }
  }
}

// Where rays differ, each class has few of a spot's protons: no more than they would have as one Gaussian
// around their middle, seen from as far as reach_mm.
static void use_parts(const pcn_spot_work *w, int64_t k, const pcn_spot_plane *p, double reach_mm,
                      bound *out) {
  const double *ratio = &w->s->ratio;
  const pcn_rays *rays = &w->s->layer.engine->rays;
  int at = 0;
  for (int part = 0; part < PARTS; part++) {
    for (int c = p->range[part][0]; c <= p->range[part][1]; c++, at++) {
      const pcn_spot_class *one = pcn_spot_class_of(w->s, k, part, c);
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
        const double place =
            rays->ray[a].first + rays->ray[a].step * ((double)image.first[a] + middle[a] / sum);
        away = hypot(away, pcn_spot_spread_at(w->s, a, k) * (place - w->place[a]));
      }
      const double level =
          log(*ratio * sum / (2 * PCN_PI * one->variance) + 1e-300) + reach_mm * away / one->spot;
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
static double most_within(const pcn_spot_work *w, int64_t k, double radius_mm) {
  const pcn_axis *cell = w->s->layer.engine->rays.cell;
  int64_t face[2], first[2], last[2];
  for (int a = 0; a < 2; a++) {
    const double reach = radius_mm / pcn_spot_spread_at(w->s, a, k), most = (double)cell[a].count, half = 0.5;
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
static void find_radius(const pcn_spot_work *w, int64_t k, pcn_spot_plane *p) {
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
static void find_tile(const pcn_spot_work *w, int64_t k, pcn_spot_plane *p) {
  const pcn_layer *l = &w->s->layer;
  double widest = 0;
  for (int part = 0; part < PARTS; part++) {
    if (p->range[part][1] >= p->range[part][0]) {
      widest = fmax(widest, pcn_spot_class_of(w->s, k, part, p->range[part][1])->variance);
    }
  }
  const double reach = l->engine->cut * sqrt(widest);
  for (int a = 0; a < 2; a++) {
    const pcn_axis ray = l->engine->rays.ray[a], cell = l->engine->rays.cell[a];
    const double spread = pcn_spot_spread_at(w->s, a, k), centre = spread * w->place[a];
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

// Around a wanted cell all cells are, that voxels beside it lie between.
static void expand_radii(const pcn_spot_work *w) {
  const pcn_axis *cell = w->s->layer.engine->rays.cell;
  const pcn_planes spread = w->s->layer.spread;
  const int64_t planes = w->s->layer.planes;
  const double beside = w->s->between ? hypot(cell[0].step, cell[1].step) : 0;
  pcn_spot_plane *p = w->scratch->plane;
  double before = -1;
  for (int64_t k = 0, next; k < planes; k = next) {
    next = pcn_planes_next(spread, k);
    const double own = p[k].radius_mm, after = next < planes ? p[next].radius_mm : -1;
    const double most = fmax(own, fmax(before, after));
    p[k].radius_mm = most >= 0 ? most + beside : -1;
    before = own;
  }
}

void pcn_spot_plan_planes(const pcn_spot_work *w) {
  const pcn_spot_layer *s = w->s;
  const pcn_planes spread = s->layer.spread;
  pcn_spot_plane *p = w->scratch->plane;
  for (int64_t k = 0; k < s->layer.planes; k = pcn_planes_next(spread, k)) {
    p[k].radius_mm = -1;
    if (p[k].axis_gy >= w->least_axis_gy) {
      find_radius(w, k, &p[k]);
    }
  }
  if ((s->between || spread.every > 1) && w->wanted_gy > 0) {
    expand_radii(w);
  }
  for (int64_t k = 0; k < s->layer.planes; k = pcn_planes_next(spread, k)) {
    p[k].tile.count[0] = p[k].tile.count[1] = 0;
    if (pcn_planes_next(spread, k) > s->bounds[2][0] && pcn_planes_before(spread, k) < s->bounds[2][1] &&
        p[k].radius_mm >= 0) {
      find_tile(w, k, &p[k]);
    }
  }
}

double pcn_spot_look_ahead(const pcn_spot_work *w) {
  const pcn_layer *l = &w->s->layer;
  const pcn_axis *cell = l->engine->rays.cell;
  double most = 0;
  int64_t column[2];
  for (int a = 0; a < 2; a++) {
    const double i = rint((w->place[a] - cell[a].first) / cell[a].step);
    column[a] = (int64_t)fmin(fmax(i, 0), (double)(cell[a].count - 1));
  }
  const int64_t axis = column[1] * cell[0].count + column[0];
  for (int64_t k = 0; k < l->planes; k = pcn_planes_next(l->spread, k)) {
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
        const pcn_spot_class *one = pcn_spot_class_of(w->s, k, part, middle);
        protons += (double)one->largest / (2 * PCN_PI * one->spot);
      }
    }
    p->axis_gy = protons * pcn_layer_own_dose(l, k, &axis, 1);
    most = fmax(most, p->axis_gy);
  }
  return most;
}

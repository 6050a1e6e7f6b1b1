// SPDX-License-Identifier: Apache-2.0
// Neighbouring rays that have met the same matter have the same cells. Their weights are products of x and y, so their
// Gaussians are the product of two sums: a line along x times a line along y instead of a plane for each ray.
#include "proton/spot_plane.h"

#include <math.h>
#include <string.h>

enum { FEW = 1 }; // groups, up to which wide Gaussians are taken group by group: as the forward dose, which is not linear in
// its protons where the rays of a block differ

static const float same_width = 1e-5f, same_share = 1e-6f;

static int close_to(float a, float b, float share) {
  return fabsf(a - b) <= share * fabsf(a);
}

static int same(const pcn_ray_cell *a, const pcn_ray_cell *b) {
  return close_to(a->core, b->core, same_width) && close_to(a->wide[0], b->wide[0], same_width) &&
         close_to(a->wide[1], b->wide[1], same_width) &&
         fabsf(a->share[0] - b->share[0]) <= same_share && fabsf(a->share[1] - b->share[1]) <= same_share;
}

static const pcn_ray_cell *cell_at(const pcn_spot_plane *s, int64_t k, int64_t i, int64_t j) {
  const pcn_rays *rays = &s->work->engine->rays;
  return s->work->cell + k * rays->rays + (s->rays.first[1] + j) * rays->ray[0].count + s->rays.first[0] + i;
}

static int same_row(const pcn_spot_plane *s, int64_t k, int64_t a, int64_t b) {
  for (int64_t i = 0; i < s->rays.count[0]; i++) {
    if (!same(cell_at(s, k, i, a), cell_at(s, k, i, b))) {
      return 0;
    }
  }
  return 1;
}

// Bands of equal rows, and in each the runs of equal cells. @return how many groups
static int64_t find_groups(const pcn_spot_plane *s, int64_t k) {
  int64_t count = 0, j1;
  for (int64_t j0 = 0; j0 < s->rays.count[1]; j0 = j1) {
    for (j1 = j0 + 1; j1 < s->rays.count[1] && same_row(s, k, j0, j1); j1++) {
    }
    int64_t i1;
    for (int64_t i0 = 0; i0 < s->rays.count[0]; i0 = i1) {
      for (i1 = i0 + 1; i1 < s->rays.count[0] && same(cell_at(s, k, i0, j0), cell_at(s, k, i1, j0)); i1++) {
      }
      const pcn_ray_group g = {i0, i1, j0, j1};
      s->group[count++] = g;
    }
  }
  return count;
}

/// Part of a line that is not 0.
typedef struct part {
  float *value;
  int64_t low, high;
} part;

/// Rays along one axis and how their Gaussians are taken: as one for so many neighbours.
typedef struct line_job {
  int axis;
  int64_t first, last, together;
  double variance, spread;
} line_job;

// Sum of weight times Gaussian over the rays of one axis. Neighbours taken as one keep their mean and variance.
static part make_line(const pcn_spot_plane *s, const line_job *job, float *scratch, float *out) {
  const pcn_axis ray = s->work->engine->rays.ray[job->axis], cell = s->cell[job->axis];
  const double *weight = s->rays.weight[job->axis];
  part p = {out, cell.count, 0};
  memset(out, 0, (size_t)cell.count * sizeof *out);
  for (int64_t i0 = job->first, i1; i0 < job->last; i0 = i1) {
    const int64_t next = i0 + job->together - (s->rays.first[job->axis] + i0) % job->together; // as in the forward dose
    i1 = next < job->last ? next : job->last;
    double sum = 0, mean = 0, square = 0;
    for (int64_t i = i0; i < i1; i++) {
      const double at = job->spread * (ray.first + ray.step * (double)(s->rays.first[job->axis] + i));
      sum += weight[i];
      mean += weight[i] * at;
      square += weight[i] * at * at;
    }
    mean /= sum;
    int64_t n;
    const double sigma = sqrt(job->variance + fmax(square / sum - mean * mean, 0));
    const int64_t first = pcn_edge_shares(&s->work->edges[0], cell, mean, sigma, scratch, &n);
    for (int64_t x = 0; x < n; x++) {
      out[first + x] += (float)sum * scratch[x];
    }
    p.low = n > 0 && first < p.low ? first : p.low;
    p.high = n > 0 && first + n > p.high ? first + n : p.high;
  }
  return p;
}

static void add_product(const pcn_spot_plane *s, part x, part y, double integral, float *plane) {
  for (int64_t j = y.low; j < y.high; j++) {
    const float row = (float)integral * y.value[j];
    float *restrict out = plane + j * s->cell[0].count;
    const float *restrict along = x.value;
#pragma omp simd
    for (int64_t i = x.low; i < x.high; i++) {
      out[i] += row * along[i];
    }
  }
}

// One Gaussian of a group. together: rays along each axis taken as one.
static void add_group(const pcn_spot_plane *s, const pcn_ray_group *g, const double spread[2], double variance,
                      double integral, int64_t together, float *plane) {
  const line_job x = {0, g->i0, g->i1, together, variance, spread[0]}, y = {1, g->j0, g->j1, together, variance, spread[1]};
  float *scratch = s->line + s->cell[0].count + s->cell[1].count;
  const part along_x = make_line(s, &x, scratch, s->line);
  const part along_y = make_line(s, &y, scratch, s->line + s->cell[0].count);
  add_product(s, along_x, along_y, integral, plane);
}

// A wide Gaussian where rays differ: that of each block of rays with its mean place and variance, as in the forward dose.
static void add_block(const pcn_spot_plane *s, int64_t k, const int64_t first[2], const double spread[2], float *plane) {
  const pcn_rays *rays = &s->work->engine->rays;
  const int64_t block = s->work->block;
  for (int c = 0; c < PCN_PROTON_WIDE; c++) {
    double sum = 0, x = 0, y = 0, square = 0, variance = 0;
    for (int64_t j = first[1] > 0 ? first[1] : 0; j < first[1] + block && j < s->rays.count[1]; j++) {
      for (int64_t i = first[0] > 0 ? first[0] : 0; i < first[0] + block && i < s->rays.count[0]; i++) {
        const pcn_ray_cell *cell = cell_at(s, k, i, j);
        const double share = s->rays.weight[0][i] * s->rays.weight[1][j] * (double)cell->protons * (double)cell->share[c];
        const double rx = spread[0] * (rays->ray[0].first + rays->ray[0].step * (double)(s->rays.first[0] + i));
        const double ry = spread[1] * (rays->ray[1].first + rays->ray[1].step * (double)(s->rays.first[1] + j));
        sum += share;
        x += share * rx;
        y += share * ry;
        square += share * (rx * rx + ry * ry);
        variance += share * (double)cell->wide[c];
      }
    }
    if (sum > 0) {
      const double apart = fmax(square / sum - (x * x + y * y) / (sum * sum), 0) / 2;
      const pcn_gaussian g = {x / sum, y / sum, sqrt(variance / sum + apart), sum};
      pcn_plane_add(&s->work->edges[1], s->cell, &g, s->line, plane);
    }
  }
}

void pcn_spot_plane_add(const pcn_spot_plane *s, int64_t k, float *plane) {
  const pcn_rays *rays = &s->work->engine->rays;
  const double z = rays->cell[2].first + rays->cell[2].step * (double)k;
  const double spread[2] = {pcn_optics_spread(rays->machine, 0, z), pcn_optics_spread(rays->machine, 1, z)};
  const int64_t groups = find_groups(s, k), block = s->work->block;
  for (int64_t n = 0; n < groups; n++) {
    const pcn_ray_group *g = &s->group[n];
    const pcn_ray_cell *c = cell_at(s, k, g->i0, g->j0);
    const double protons = (double)c->protons;
    add_group(s, g, spread, (double)c->core, protons * (1 - (double)c->share[0] - (double)c->share[1]), 1, plane);
    for (int w = 0; w < PCN_PROTON_WIDE && groups <= FEW; w++) {
      add_group(s, g, spread, (double)c->wide[w], protons * (double)c->share[w], block, plane);
    }
  }
  for (int64_t j = -(s->rays.first[1] % block); j < s->rays.count[1] && groups > FEW; j += block) {
    for (int64_t i = -(s->rays.first[0] % block); i < s->rays.count[0]; i += block) {
      const int64_t first[2] = {i, j};
      add_block(s, k, first, spread, plane);
    }
  }
}

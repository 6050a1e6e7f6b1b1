// SPDX-License-Identifier: Apache-2.0
#include "geom/reach.h"

#include <math.h>

#include "geom/corner.h"

void pcn_reach_rows(const pcn_reach *reach, double radius_mm, int64_t low[2], int64_t high[2]) {
  const pcn_frame *f = reach->frame;
  const pencone_grid *g = &reach->box->grid;
  double z[2] = {INFINITY, -INFINITY}, least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY};
  for (int corner = 0; corner < 8; corner++) {
    const double depth = pcn_v3_dot(pcn_v3_sub(pcn_grid_corner(g, corner, 0), f->source), f->ez);
    z[0] = fmin(z[0], depth);
    z[1] = fmax(z[1], depth);
  }
  for (int corner = 0; corner < 8 && isfinite(radius_mm); corner++) {
    const double x = reach->x_mm + (corner & 1 ? radius_mm : -radius_mm);
    const double y = reach->y_mm + (corner & 2 ? radius_mm : -radius_mm),
                 depth = fmax(z[corner >> 2], 0) / f->sad_mm;
    pcn_vec3 way = pcn_v3_add(pcn_v3_scale(f->ex, x), pcn_v3_scale(f->ey, y));
    way = pcn_v3_scale(pcn_v3_add(way, pcn_v3_scale(f->ez, f->sad_mm)), depth);
    const pcn_vec3 point = pcn_v3_add(f->source, way);
    for (int k = 0; k < 2; k++) {
      least[k] = fmin(least[k], pcn_v3_component(point, k + 1));
      most[k] = fmax(most[k], pcn_v3_component(point, k + 1));
    }
  }
  for (int k = 0; k < 2; k++) {
    low[k] = 0;
    high[k] = g->size[k + 1];
    if (isfinite(radius_mm)) {
      low[k] = (int64_t)fmax(0, ceil((least[k] - g->origin_mm[k + 1]) / g->spacing_mm[k + 1]));
      high[k] =
          (int64_t)fmin((double)high[k], floor((most[k] - g->origin_mm[k + 1]) / g->spacing_mm[k + 1]) + 1);
    }
  }
}

// Keeps first..last, both included, inside the row.
static void put_range(double first, double last, int64_t n, int64_t range[2]) {
  const double low = fmax(0, ceil(first)), high = fmin((double)(n - 1), floor(last));
  range[0] = high < low ? 0 : (int64_t)low;
  range[1] = high < low ? 0 : (int64_t)high + 1;
}

// Voxels of a row: (u + i du)^2 + (v + i dv)^2 <= radius^2 (z + i dz)^2, docs/theory/influence-matrix.md,
// eq. 4.
static void find_range(const double at[3], const double step[3], double radius_mm, int64_t n,
                       int64_t range[2]) {
  const double square = radius_mm * radius_mm, own = step[0] * step[0] + step[1] * step[1];
  const double a = own - square * step[2] * step[2],
               b = at[0] * step[0] + at[1] * step[1] - square * at[2] * step[2];
  const double c = at[0] * at[0] + at[1] * at[1] - square * at[2] * at[2];
  const double root = b * b - a * c, flat = 1e-9 * (own + square * step[2] * step[2]);
  range[0] = 0;
  range[1] = n;
  if (root < 0) {  // the row never leaves the cone, or never meets it
    range[1] = a > 0 || c > 0 ? 0 : n;
  } else if (a > flat) {
    const double half = sqrt(root);
    put_range((-b - half) / a, (-b + half) / a, n, range);
  } else if (a <
             -flat) {  // between the roots it is outside; of the two cones at the source the one ahead counts
    const double low = (-b + sqrt(root)) / a, high = (-b - sqrt(root)) / a;
    put_range(step[2] > 0 ? high : -1, step[2] > 0 ? (double)n : low, n, range);
  }
}

void pcn_reach_ranges(const pcn_reach *reach, int64_t k, const int64_t rows[2], const double *radius_mm,
                      int32_t (*range)[2]) {
  const pcn_frame *f = reach->frame;
  const pencone_grid *g = &reach->box->grid;
  const double *h = g->spacing_mm, sad = f->sad_mm;
  double xyz[3];
  pencone_grid_centre(g, 0, rows[0], k, xyz);
  const pcn_vec3 r = pcn_v3_sub(pcn_v3_from(xyz), f->source);
  // u, v and z of eq. 4 at the first row's first voxel, along a row, and from row to row.
  const pcn_vec3 axis[3] = {pcn_v3_sub(pcn_v3_scale(f->ex, sad), pcn_v3_scale(f->ez, reach->x_mm)),
                            pcn_v3_sub(pcn_v3_scale(f->ey, sad), pcn_v3_scale(f->ez, reach->y_mm)), f->ez};
  double start[3], step[3], next[3];
  for (int a = 0; a < 3; a++) {
    start[a] = pcn_v3_dot(axis[a], r);
    step[a] = h[0] * axis[a].x;
    next[a] = h[1] * axis[a].y;
  }
  for (int64_t j = 0; j < rows[1] - rows[0]; j++) {
    const double at[3] = {start[0] + (double)j * next[0], start[1] + (double)j * next[1],
                          start[2] + (double)j * next[2]};
    int64_t here[2] = {0, g->size[0]};
    if (isfinite(radius_mm[j])) {
      find_range(at, step, radius_mm[j], g->size[0], here);
    }
    range[j][0] = (int32_t)here[0];
    range[j][1] = (int32_t)here[1];
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "geom/reach.h"

#include <math.h>

void pcn_reach_rows(const pcn_reach *reach, double radius_mm, int64_t low[2], int64_t high[2]) {
  const pcn_frame *f = reach->frame;
  const pencone_grid *g = &reach->box->grid;
  double z[2] = {INFINITY, -INFINITY}, least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY};
  for (int corner = 0; corner < 8; corner++) {
    double xyz[3];
    pencone_grid_centre(g, corner & 1 ? g->size[0] - 1 : 0, corner & 2 ? g->size[1] - 1 : 0,
                        corner & 4 ? g->size[2] - 1 : 0, xyz);
    const double depth = pcn_v3_dot(pcn_v3_sub(pcn_v3_from(xyz), f->source), f->ez);
    z[0] = fmin(z[0], depth);
    z[1] = fmax(z[1], depth);
  }
  for (int corner = 0; corner < 8 && isfinite(radius_mm); corner++) {
    const double x = reach->x_mm + (corner & 1 ? radius_mm : -radius_mm);
    const double y = reach->y_mm + (corner & 2 ? radius_mm : -radius_mm), depth = fmax(z[corner >> 2], 0) / f->sad_mm;
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
      high[k] = (int64_t)fmin((double)high[k], floor((most[k] - g->origin_mm[k + 1]) / g->spacing_mm[k + 1]) + 1);
    }
  }
}

// Keeps first..last, both included, inside the row.
static void put_range(double first, double last, int64_t n, int64_t range[2]) {
  const double low = fmax(0, ceil(first)), high = fmin((double)(n - 1), floor(last));
  range[0] = high < low ? 0 : (int64_t)low;
  range[1] = high < low ? 0 : (int64_t)high + 1;
}

void pcn_reach_row(const pcn_reach *reach, double radius_mm, const int64_t row[2], int64_t range[2]) {
  const pcn_frame *f = reach->frame;
  const pencone_grid *g = &reach->box->grid;
  const int64_t n = g->size[0];
  double xyz[3];
  range[0] = 0;
  range[1] = n;
  if (!isfinite(radius_mm)) {
    return;
  }
  pencone_grid_centre(g, 0, row[0], row[1], xyz);
  const pcn_vec3 r = pcn_v3_sub(pcn_v3_from(xyz), f->source);
  const double h = g->spacing_mm[0], z = pcn_v3_dot(r, f->ez), dz = h * f->ez.x;
  const double u = f->sad_mm * pcn_v3_dot(r, f->ex) - reach->x_mm * z, du = f->sad_mm * h * f->ex.x - reach->x_mm * dz;
  const double v = f->sad_mm * pcn_v3_dot(r, f->ey) - reach->y_mm * z, dv = f->sad_mm * h * f->ey.x - reach->y_mm * dz;
  // (u + i du)^2 + (v + i dv)^2 <= radius^2 (z + i dz)^2
  const double square = radius_mm * radius_mm, a = du * du + dv * dv - square * dz * dz;
  const double b = u * du + v * dv - square * z * dz, c = u * u + v * v - square * z * z;
  const double root = b * b - a * c, flat = 1e-9 * (du * du + dv * dv + square * dz * dz);
  if (root < 0) { // the row never leaves the cone, or never meets it
    range[1] = a > 0 || c > 0 ? 0 : n;
  } else if (a > flat) {
    put_range((-b - sqrt(root)) / a, (-b + sqrt(root)) / a, n, range);
  } else if (a < -flat) { // between the roots it is outside; of the two cones at the source the one ahead counts
    const double low = (-b + sqrt(root)) / a, high = (-b - sqrt(root)) / a;
    put_range(dz > 0 ? high : -1, dz > 0 ? (double)n : low, n, range);
  }
}

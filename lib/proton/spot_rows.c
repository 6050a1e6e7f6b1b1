// SPDX-License-Identifier: Apache-2.0
// Rows of voxels around one spot that may have entries.
#include <math.h>

#include "proton/spot_work.h"

/// The spot's way through the planes of cells, mm across the beam in the first and per plane.
typedef struct spot_way {
  double at[2], slope[2];
} spot_way;

// The farthest that voxels between two places among the planes are wanted; below 0: none is.
static double radius_between(const pcn_spot_work *w, double near, double far) {
  const pcn_planes spread = w->s->layer.spread;
  const double tiny = 1e-6;
  int64_t k = near > 0 ? pcn_planes_below(spread, near + tiny) : 0;
  double radius = -1;
  for (; k < w->s->layer.planes; k = pcn_planes_next(spread, k)) {
    const double own = w->scratch->plane[k].radius_mm;
    radius = own > radius ? own : radius;
    if ((double)k > far - tiny) {
      break;
    }
  }
  return radius;
}

// Parts of a row of voxels that are farther than any wanted cell from the spot's way through the planes that
// it crosses.
static void trim_row(const pcn_spot_work *w, const spot_way *way, const pcn_volume_line *line,
                     int64_t range[2]) {
  const double begin_z = (double)w->first[2], *at = line->at, *by = line->step;
  double from[2], step[2];
  for (int a = 0; a < 2; a++) {  // distance from the way, mm
    from[a] = w->cells.axis[a].first + w->cells.axis[a].step * at[a] - way->at[a] -
              way->slope[a] * (at[2] + begin_z);
    step[a] = w->cells.axis[a].step * by[a] - way->slope[a] * by[2];
  }
  const double square = step[0] * step[0] + step[1] * step[1], mixed = from[0] * step[0] + from[1] * step[1];
  const double off = from[0] * from[0] + from[1] * from[1];
  const int along = by[2] > 1e-9 || by[2] < -1e-9;
  for (int twice = 0; twice < 1 + along && range[0] < range[1]; twice++) {
    const double ends[2] = {at[2] + (double)range[0] * by[2], at[2] + (double)(range[1] - 1) * by[2]};
    const double near = ends[0] < ends[1] ? ends[0] : ends[1], far = ends[0] < ends[1] ? ends[1] : ends[0],
                 tiny = 1e-6;
    const double radius = radius_between(w, near + begin_z, far + begin_z);
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

// Of a row across the beam along x of its cells: what pcn_voxel_range() and trim_row() find, at once.
static void flat_range(const pcn_spot_work *w, const spot_way *way, const pcn_volume_line *line,
                       int64_t range[2]) {
  const pcn_axis *axis = w->cells.axis;
  const double *at = line->at, half = 0.5 - 1e-9, tiny = 1e-6;
  range[0] = range[1] = 0;
  if (!(at[1] > -half && at[1] < (double)axis[1].count - 1 + half && at[2] > -half &&
        at[2] < (double)axis[2].count - 1 + half)) {
    return;
  }
  const double plane = at[2] + (double)w->first[2];
  const double y = axis[1].first + axis[1].step * at[1] - way->at[1] - way->slope[1] * plane;
  const double radius = radius_between(w, plane, plane), rest = radius * radius - y * y;
  if (radius < 0 || rest < 0) {
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
  return rows->whole && (rows->place[1] == 1 || rows->place[1] == -1) && rows->step[2] < tiny &&
         rows->step[2] > -tiny;
}

static void find_row(const pcn_spot_work *w, const spot_way *way, const pcn_volume_line *line,
                     int64_t range[2]) {
  pcn_voxel_range(&w->rows, &w->cells, line, range);
  if (w->wanted_gy > 0 && range[0] < range[1]) {
    trim_row(w, way, line, range);
  }
}

pcn_spot_rows pcn_spot_plan_rows(const pcn_spot_work *w) {
  const pcn_rays *rays = &w->s->layer.engine->rays;
  const int is_flat = flat(&w->rows);
  int32_t(*range)[2] = w->scratch->range;
  pcn_spot_rows plan = {.voxels = 0};
  spot_way way;
  for (int a = 0; a < 2; a++) {
    way.at[a] = pcn_spot_spread_at(w->s, a, 0) * w->place[a];
    way.slope[a] = pcn_spot_spread_at(w->s, a, 1) * w->place[a] - way.at[a];
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

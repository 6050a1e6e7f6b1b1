// SPDX-License-Identifier: Apache-2.0
#include "proton/voxels.h"

#include <math.h>

pcn_cell_box pcn_cell_box_of(const pcn_rays *rays) {
  const pcn_axis *cell = rays->cell;
  const pcn_cell_box box = {
      {cell[0], cell[1], cell[2]}, {1, 0}, cell[0].count, cell[0].count * cell[1].count, NULL};
  return box;
}

// Places of voxels that are cells across the beam; 0 when some are not.
static int find_places(const pcn_cell_box *cells, pcn_voxel_rows *rows) {
  const int64_t step[2] = {1, cells->row};
  const double *way[4] = {rows->at, rows->step, rows->down, rows->back};
  for (int w = 0; w < 4; w++) {
    rows->place[w] = 0;
    for (int a = 0; a < 2; a++) {
      const double near = rint(way[w][a]);
      if (fabs(way[w][a] - near) > (w == 0 ? 1e-6 : 1e-9)) {
        return 0;
      }
      rows->place[w] += (int64_t)near * step[a];
    }
  }
  return 1;
}

pcn_voxel_rows pcn_voxel_rows_make(const pcn_rays *rays, const pcn_cell_box *cells,
                                   const pencone_grid *grid) {
  const pcn_vec3 e[3] = {rays->frame.ex, rays->frame.ey, rays->frame.ez};
  pcn_voxel_rows rows = {.count = grid->size[0]};
  double xyz[3];
  pencone_grid_centre(grid, 0, 0, 0, xyz);
  const pcn_vec3 p = pcn_rays_project(rays, pcn_v3_from(xyz));
  const double q[3] = {p.x, p.y, p.z};
  for (int a = 0; a < 3; a++) {
    rows.at[a] = (q[a] - cells->axis[a].first) / cells->axis[a].step;
    rows.step[a] = grid->spacing_mm[0] * e[a].x / cells->axis[a].step;
    rows.down[a] = grid->spacing_mm[1] * e[a].y / cells->axis[a].step;
    rows.back[a] = grid->spacing_mm[2] * e[a].z / cells->axis[a].step;
  }
  rows.whole = find_places(cells, &rows);
  return rows;
}

// Whole numbers of what is not below 0: no calls where the processor has no instruction for them.
static int64_t up(double x) {
  const int64_t i = (int64_t)x;
  return i + (x > (double)i);
}

void pcn_voxel_range(const pcn_voxel_rows *rows, const pcn_cell_box *cells, const pcn_volume_line *line,
                     int64_t range[2]) {
  double low = 0, high = (double)(rows->count - 1);
  for (int a = 0; a < 3; a++) {
    const double least = -0.5 + 1e-9, most = (double)cells->axis[a].count - 0.5 - 1e-9, at = line->at[a];
    const double step = line->step[a];
    if (step < 1e-9 && step > -1e-9) {
      high = at > least && at < most ? high : -1;
    } else {
      const double t0 = (least - at) / step, t1 = (most - at) / step;
      const double near = t0 < t1 ? t0 : t1, far = t0 < t1 ? t1 : t0;
      low = near > low ? near : low;
      high = far < high ? far : high;
    }
  }
  range[0] = range[1] = 0;
  if (high >= low) {
    range[0] = up(low);
    range[1] = (int64_t)high + 1 > range[0] ? (int64_t)high + 1 : range[0];
  }
}

// 1 when rows lie in planes.
static int runs_across(const pcn_voxel_rows *rows) {
  return rows->step[2] < 1e-9 && rows->step[2] > -1e-9;
}

// Of a run's first voxel in a plane, where voxels are cells.
static int64_t place_of(const pcn_voxel_rows *rows, const pcn_voxel_run *run) {
  return rows->place[0] + run->first * rows->place[1] + run->j * rows->place[2] + run->k * rows->place[3];
}

// Along a plane, between it and the next one.
static const float *read_across(const float *from, int64_t stride, int64_t plane, float u, int64_t n,
                                float *restrict scratch) {
  if (u == 0 && stride == 1) {
    return from;
  }
  const float *to = u == 0 ? from : from + plane;
  if (stride == 1) {
    for (int64_t i = 0; i < n; i++) {
      scratch[i] = from[i] + u * (to[i] - from[i]);
    }
    return scratch;
  }
  for (int64_t i = 0; i < n; i++) {
    scratch[i] = from[i * stride] + u * (to[i * stride] - from[i * stride]);
  }
  return scratch;
}

// Place along the beam: how many planes with values are before the one in front of it, and how far behind
// that it is.
static int64_t plane_before(const pcn_cell_box *cells, double z, float *u) {
  const double most = (double)(cells->axis[2].count - 1), tiny = 1e-6,
               inside = z < tiny          ? 0
                        : z > most - tiny ? most
                                          : z;
  const int64_t k = pcn_planes_below(cells->planes, inside + tiny);
  const double rest = (inside - (double)k) / (double)(pcn_planes_next(cells->planes, k) - k);
  *u = rest < tiny ? 0 : (float)rest;
  return pcn_planes_index(cells->planes, k);
}

static const float *read_whole(const pcn_cell_box *cells, const pcn_voxel_rows *rows,
                               const pcn_voxel_run *run, float *scratch) {
  const int64_t stride = rows->place[1];
  const float *from = cells->value + place_of(rows, run);
  const double z = pcn_voxel_line(rows, run->j, run->k).at[2];
  float u;
  if (runs_across(rows)) {
    const int64_t k = plane_before(cells, z, &u);
    return read_across(from + k * cells->plane, stride, cells->plane, u, run->count, scratch);
  }
  for (int64_t i = 0; i < run->count; i++) {
    const float *at = from + i * stride +
                      plane_before(cells, z + (double)(run->first + i) * rows->step[2], &u) * cells->plane;
    scratch[i] = u == 0 ? *at : *at + u * (at[cells->plane] - *at);
  }
  return scratch;
}

// z of the line: in planes with values.
static void read_between(const pcn_isa *isa, const pcn_cell_box *cells, const pcn_volume_line *line,
                         int64_t first, int64_t n, float *out) {
  const int64_t planes = pcn_planes_index(cells->planes, cells->axis[2].count - 1) + 1;
  const pcn_volume volume = {cells->value,
                             {(int32_t)cells->axis[0].count, (int32_t)cells->axis[1].count, (int32_t)planes},
                             {1, (int32_t)cells->row, (int32_t)cells->plane}};
  isa->volume(&volume, line, (size_t)first, (size_t)n, out);
}

const float *pcn_voxel_read(const pcn_isa *isa, const pcn_cell_box *cells, const pcn_voxel_rows *rows,
                            const pcn_voxel_run *run, float *scratch) {
  if (rows->whole) {
    return read_whole(cells, rows, run, scratch);
  }
  const pcn_volume_line line = pcn_voxel_line(rows, run->j, run->k);
  const double knee = (double)cells->planes.knee, every = (double)cells->planes.every;
  // Voxels before the knee come first or last.
  int64_t split = line.at[2] + line.step[2] * (double)run->first < knee ? run->count : 0;
  if (!runs_across(rows)) {
    const double crossing = (knee - line.at[2]) / line.step[2] - (double)run->first,
                 most = (double)run->count;
    split = crossing > 0 ? up(crossing < most ? crossing : most) : 0;
  }
  for (int part = 0; part < 2; part++) {
    const int64_t first = part == 0 ? 0 : split, last = part == 0 ? split : run->count;
    if (first < last) {
      const double middle =
          line.at[2] + line.step[2] * ((double)run->first + 0.5 * (double)(first + last - 1));
      const double scale = middle < knee ? 1 / every : 1, shift = middle < knee ? 0 : knee / every - knee;
      pcn_volume_line here = line;
      here.at[2] = line.at[2] * scale + shift;
      here.step[2] = line.step[2] * scale;
      read_between(isa, cells, &here, run->first + first, last - first, scratch + first);
    }
  }
  return scratch;
}

int pcn_voxel_planes(const pcn_cell_box *cells, const pcn_voxel_rows *rows, const pcn_voxel_run *run,
                     pcn_blend *out) {
  if (!rows->whole || rows->place[1] != 1 || !runs_across(rows)) {
    return 0;
  }
  const int64_t plane = plane_before(cells, pcn_voxel_line(rows, run->j, run->k).at[2], &out->u);
  out->near = cells->value + place_of(rows, run) + plane * cells->plane;
  out->far = out->u == 0 ? out->near : out->near + cells->plane;
  return 1;
}

void pcn_voxel_bounds(const pcn_rays *rays, const pcn_cell_box *cells, const pencone_grid *grid,
                      int64_t first[3], int64_t last[3]) {
  const pcn_vec3 e[3] = {rays->frame.ex, rays->frame.ey, rays->frame.ez};
  double low[3] = {INFINITY, INFINITY, INFINITY}, high[3] = {-INFINITY, -INFINITY, -INFINITY};
  for (int corner = 0; corner < 8; corner++) {
    pcn_vec3 p = rays->isocenter;
    for (int a = 0; a < 3; a++) {
      const pcn_axis axis = cells->axis[a];
      const double cell = corner >> a & 1 ? (double)axis.count - 0.5 : -0.5;
      p = pcn_v3_add(p, pcn_v3_scale(e[a], axis.first + axis.step * cell));
    }
    const double q[3] = {p.x, p.y, p.z};
    for (int a = 0; a < 3; a++) {
      const double at = (q[a] - grid->origin_mm[a]) / grid->spacing_mm[a];
      low[a] = fmin(low[a], at);
      high[a] = fmax(high[a], at);
    }
  }
  for (int a = 0; a < 3; a++) {
    const double most = (double)grid->size[a];
    first[a] = (int64_t)fmin(fmax(ceil(low[a] - 1e-6), 0), most);
    last[a] = (int64_t)fmin(fmax(floor(high[a] + 1e-6) + 1, 0), most);
  }
}

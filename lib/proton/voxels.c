// SPDX-License-Identifier: Apache-2.0
#include "proton/voxels.h"

#include <math.h>
#include <string.h>

static void limit(const pcn_cell_box *cells, int64_t n, pcn_voxel_row *row) {
  double low = 0, high = (double)(n - 1);
  for (int a = 0; a < 3; a++) {
    const double least = -0.5 + 1e-9, most = (double)cells->axis[a].count - 0.5 - 1e-9, at = row->line.at[a];
    const double step = row->line.step[a];
    if (fabs(step) < 1e-9) {
      high = at > least && at < most ? high : -1;
    } else {
      const double t0 = (least - at) / step, t1 = (most - at) / step;
      low = fmax(low, fmin(t0, t1));
      high = fmin(high, fmax(t0, t1));
    }
  }
  row->range[0] = (int64_t)ceil(low);
  row->range[1] = high >= ceil(low) ? (int64_t)floor(high) + 1 : row->range[0];
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
  return rows;
}

pcn_voxel_row pcn_voxel_row_make(const pcn_voxel_rows *rows, const pcn_cell_box *cells, int64_t j,
                                 int64_t k) {
  pcn_voxel_row row;
  for (int a = 0; a < 3; a++) {
    row.line.at[a] = rows->at[a] + (double)j * rows->down[a] + (double)k * rows->back[a];
    row.line.step[a] = rows->step[a];
  }
  limit(cells, rows->count, &row);
  return row;
}

// 1 when voxels and cells coincide along the row: then start is the cell of voxel 0 and stride the way to the
// next.
static int coincide(const pcn_volume_line *v, const pcn_cell_box *c, int64_t *start, int64_t *stride) {
  const int64_t step[3] = {1, c->axis[0].count, c->axis[0].count * c->axis[1].count};
  *start = *stride = 0;
  for (int a = 0; a < 3; a++) {
    const double at = rint(v->at[a]), by = rint(v->step[a]);
    if (fabs(v->at[a] - at) > 1e-6 || fabs(v->step[a] - by) > 1e-9) {
      return 0;
    }
    *start += (int64_t)at * step[a];
    *stride += (int64_t)by * step[a];
  }
  return 1;
}

void pcn_voxel_row_read(const pcn_isa *isa, const pcn_cell_box *cells, const pcn_voxel_row *row, float *out) {
  const int64_t n = row->range[1] - row->range[0], nx = cells->axis[0].count,
                plane = nx * cells->axis[1].count;
  int64_t start, stride;
  if (coincide(&row->line, cells, &start, &stride)) {
    const float *from = cells->value + start + row->range[0] * stride;
    if (stride == 1) {
      memcpy(out, from, (size_t)n * sizeof *out);
      return;
    }
    for (int64_t i = 0; i < n; i++) {
      out[i] = from[i * stride];
    }
    return;
  }
  const pcn_volume volume = {cells->value,
                             {(int32_t)nx, (int32_t)cells->axis[1].count, (int32_t)cells->axis[2].count},
                             {1, (int32_t)nx, (int32_t)plane}};
  isa->volume(&volume, &row->line, (size_t)row->range[0], (size_t)n, out);
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

// SPDX-License-Identifier: Apache-2.0
#include "proton/depths.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "proton/optics.h"

enum { RUN = PCN_DEPTHS_RUN };

static const float far_mm = 1e6F;  // beside all columns: no proton comes there

static int spreads(const pcn_rays *rays) {
  return rays->machine->scan_sad_mm[0] > 0 || rays->machine->scan_sad_mm[1] > 0;
}

// The line of a run of cells, seen from where columns have spread. Over a run it is straight to 0.01 mm.
static void unspread(const pcn_rays *rays, pcn_volume_line *line) {
  for (int a = 0; a < 2; a++) {
    const pcn_axis cell = rays->cell[a];
    const double first = cell.first / cell.step;
    double at[2];
    for (int end = 0; end < 2; end++) {
      const double i = end * RUN,
                   z = rays->cell[2].first + rays->cell[2].step * (line->at[2] + i * line->step[2]);
      at[end] = (line->at[a] + i * line->step[a] + first) / pcn_optics_spread(rays->machine, a, z) - first;
    }
    line->at[a] = at[0];
    line->step[a] = (at[1] - at[0]) / RUN;
  }
}

pcn_volume_line pcn_depths_line(const pcn_depths *depths, const pcn_voxel_run *run) {
  pcn_volume_line line = pcn_voxel_line(&depths->rows, run->j, run->k);
  for (int a = 0; a < 3; a++) {
    line.at[a] += (double)run->first * line.step[a];
  }
  if (spreads(depths->rays)) {
    unspread(depths->rays, &line);
  }
  return line;
}

typedef struct depths_work {
  const pcn_depths *depths;
  const pcn_isa *isa;
} depths_work;

static void read_slice(void *work, size_t k, int worker) {
  (void)worker;
  const depths_work *w = work;
  const pcn_depths *d = w->depths;
  const pcn_axis *cell = d->rays->cell;
  const pcn_cell_box cells = pcn_cell_box_of(d->rays);
  const pcn_volume volume = {d->rays->column,
                             {(int32_t)cell[0].count, (int32_t)cell[1].count, (int32_t)cell[2].count + 1},
                             {1, (int32_t)cells.row, (int32_t)cells.plane}};
  for (int64_t j = 0; j < d->grid->size[1]; j++) {
    const int64_t row = ((int64_t)k * d->grid->size[1] + j) * d->grid->size[0];
    const pcn_volume_line all = pcn_voxel_line(&d->rows, j, (int64_t)k);
    int64_t range[2];
    pcn_voxel_range(&d->rows, &cells, &all, range);
    for (int64_t i = 0; i < d->grid->size[0]; i++) {
      d->side[0][row + i] = d->side[1][row + i] = far_mm;
    }
    for (int64_t i = range[0]; i < range[1]; i += RUN) {
      const pcn_voxel_run run = {j, (int64_t)k, i, range[1] - i < RUN ? range[1] - i : RUN};
      pcn_volume_line line = pcn_depths_line(d, &run);
      for (int s = 0; s < 2; s++) {
        w->isa->volume(&volume, &line, 0, (size_t)run.count, d->side[s] + row + i);
        line.at[2] += 1;
      }
    }
  }
}

pencone_status pcn_depths_make(pencone_context *ctx, const pcn_rays *rays, const pencone_grid *grid,
                               pcn_depths *out) {
  const pcn_cell_box cells = pcn_cell_box_of(rays);
  memset(out, 0, sizeof *out);
  out->rays = rays;
  out->grid = grid;
  out->rows = pcn_voxel_rows_make(rays, &cells, grid);
  if (out->rows.whole && out->rows.place[1] == 1 && !spreads(rays)) {
    return PENCONE_OK;
  }
  for (int s = 0; s < 2; s++) {
    out->side[s] = pcn_alloc(ctx, (size_t)pencone_grid_voxels(grid), sizeof *out->side[s]);
    if (out->side[s] == NULL) {
      return PENCONE_E_MEMORY;
    }
  }
  depths_work w = {out, pcn_isa_of(ctx)};
  pcn_parallel_for(ctx, (size_t)grid->size[2], read_slice, &w);
  return PENCONE_OK;
}

void pcn_depths_free(pcn_depths *depths) {
  pcn_free(depths->side[0]);
  pcn_free(depths->side[1]);
  memset(depths, 0, sizeof *depths);
}

void pcn_depths_range(const pcn_depths *d, int64_t j, int64_t k, int64_t range[2]) {
  const pcn_cell_box cells = pcn_cell_box_of(d->rays);
  const pcn_volume_line line = pcn_voxel_line(&d->rows, j, k);
  range[0] = 0;
  range[1] = d->grid->size[0];
  if (d->side[0] == NULL) {
    pcn_voxel_range(&d->rows, &cells, &line, range);
  }
}

void pcn_depths_of(const pcn_depths *d, const pcn_voxel_run *run, const float *depth[2]) {
  if (d->side[0] != NULL) {
    const int64_t at = (run->k * d->grid->size[1] + run->j) * d->grid->size[0] + run->first;
    depth[0] = d->side[0] + at;
    depth[1] = d->side[1] + at;
    return;
  }
  const pcn_axis *cell = d->rays->cell;
  const pcn_voxel_rows *rows = &d->rows;
  const double face = rint(rows->at[2] + (double)run->j * rows->down[2] + (double)run->k * rows->back[2]);
  const int64_t plane = cell[0].count * cell[1].count;
  depth[0] = d->rays->column + (int64_t)face * plane + rows->place[0] + run->first + run->j * rows->place[2] +
             run->k * rows->place[3];
  depth[1] = depth[0] + plane;
}

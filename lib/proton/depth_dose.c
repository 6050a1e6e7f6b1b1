// SPDX-License-Identifier: Apache-2.0
#include "proton/depth_dose.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "proton/optics.h"

enum { RUN = PCN_DEPTH_RUN };

// --- depths ------------------------------------------------------------------------------------

static int spreads(const pcn_rays *rays) {
  return rays->machine->scan_sad_mm[0] > 0 || rays->machine->scan_sad_mm[1] > 0;
}

pcn_depth_rows pcn_depth_rows_make(const pcn_layer *layer, const pcn_box *box) {
  const pcn_rays *rays = &layer->engine->rays;
  pcn_depth_rows rows = {.layer = layer, .box = box, .column = pcn_cell_box_of(rays)};
  rows.rows = pcn_voxel_rows_make(rays, &rows.column, &box->grid);
  rows.straight = rows.rows.whole && !spreads(rays);
  rows.column.value = rays->column;
  rows.column.axis[2].count++;  // faces
  return rows;
}

// The line of a run of cells, seen from where columns have spread. Over a run it is straight to 0.01 mm.
static void unspread(const pcn_rays *rays, pcn_volume_line *line) {
  for (int a = 0; a < 2; a++) {
    const pcn_axis cell = rays->cell[a];
    const double first = cell.first / cell.step;
    double at[2];
    for (int end = 0; end < 2; end++) {
      const double i = end * RUN, z = rays->cell[2].first + rays->cell[2].step * (line->at[2] + i * line->step[2]);
      at[end] = (line->at[a] + i * line->step[a] + first) / pcn_optics_spread(rays->machine, a, z) - first;
    }
    line->at[a] = at[0];
    line->step[a] = (at[1] - at[0]) / RUN;
  }
}

void pcn_depth_run(const pcn_depth_rows *rows, const pcn_voxel_run *run, pcn_volume_line *line,
                   float *scratch, const float *depth[2]) {
  const pcn_rays *rays = &rows->layer->engine->rays;
  *line = pcn_voxel_line(&rows->rows, run->j, run->k);
  for (int a = 0; a < 3; a++) {
    line->at[a] += (double)run->first * line->step[a];
  }
  pcn_cell_box side = rows->column;
  if (rows->straight) {
    for (int s = 0; s < 2; s++) {
      depth[s] = pcn_voxel_read(rows->layer->isa, &side, &rows->rows, run, scratch + s * RUN);
      side.value += side.plane;
    }
    return;
  }
  if (spreads(rays)) {
    unspread(rays, line);
  }
  const pcn_volume volume = {
      side.value,
      {(int32_t)side.axis[0].count, (int32_t)side.axis[1].count, (int32_t)side.axis[2].count},
      {1, (int32_t)side.row, (int32_t)side.plane}};
  pcn_volume_line there = *line;
  for (int s = 0; s < 2; s++) {
    rows->layer->isa->volume(&volume, &there, 0, (size_t)run->count, scratch + s * RUN);
    depth[s] = scratch + s * RUN;
    there.at[2] += 1;
  }
}

// --- dose --------------------------------------------------------------------------------------

// Of dose to water.
static void use_medium(const pcn_depth_rows *rows, const pcn_voxel_run *run, float *restrict dose) {
  const pcn_medium *m = rows->layer->engine->medium;
  const int64_t *n = m->grid.size, *first = rows->box->first;
  const int64_t voxel = ((run->k + first[2]) * n[1] + run->j + first[1]) * n[0] + run->first + first[0];
  const float *restrict stopping = m->stopping + voxel, *restrict density = m->density + voxel;
#pragma omp simd
  for (int64_t i = 0; i < run->count; i++) {
    dose[i] *= density[i] > 0 ? stopping[i] / density[i] : 0;
  }
}

void pcn_depth_dose_run(const pcn_depth_rows *rows, const pcn_voxel_run *run, float *dose) {
  const pcn_layer *layer = rows->layer;
  float scratch[2 * RUN];
  const float *depth[2];
  pcn_volume_line line;
  pcn_depth_run(rows, run, &line, scratch, depth);
  layer->isa->bragg(&layer->table, depth[0], depth[1], (size_t)run->count, dose);
  pcn_mixed_run(&layer->mixing, &line, run->count, dose);
  if (layer->engine->quantity == PENCONE_DOSE_TO_MEDIUM) {
    use_medium(rows, run, dose);
  }
}

// --- kept for many spots -----------------------------------------------------------------------

pencone_status pcn_depth_dose_make(pencone_context *ctx, const pcn_box *box, pcn_depth_dose *out) {
  const int64_t *n = box->grid.size;
  memset(out, 0, sizeof *out);
  out->rows.box = box;
  out->runs = (n[0] + RUN - 1) / RUN;
  out->value = pcn_alloc(ctx, (size_t)(n[0] * n[1] * n[2]), sizeof *out->value);
  out->made = pcn_alloc(ctx, (size_t)(out->runs * n[1] * n[2]), sizeof *out->made);
  return out->value != NULL && out->made != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

void pcn_depth_dose_free(pcn_depth_dose *dose) {
  pcn_free(dose->value);
  pcn_free(dose->made);
  memset(dose, 0, sizeof *dose);
}

void pcn_depth_dose_set(pcn_depth_dose *dose, const pcn_layer *layer) {
  const pcn_box *box = dose->rows.box;
  const int64_t runs = dose->runs * box->grid.size[1] * box->grid.size[2];
  dose->rows = pcn_depth_rows_make(layer, box);
  for (int64_t r = 0; r < runs; r++) {
    atomic_init(&dose->made[r], 0);
  }
}

static void make_run(const pcn_depth_dose *d, int64_t row, int64_t r, atomic_uchar *made) {
  const pencone_grid *g = &d->rows.box->grid;
  const int64_t first = r * RUN, rest = g->size[0] - first;
  const pcn_voxel_run run = {row % g->size[1], row / g->size[1], first, rest < RUN ? rest : RUN};
  unsigned char none = 0;
  if (atomic_compare_exchange_strong(made, &none, 1)) {
    pcn_depth_dose_run(&d->rows, &run, d->value + row * g->size[0] + first);
    atomic_store_explicit(made, 2, memory_order_release);
  }
  while (atomic_load_explicit(made, memory_order_acquire) != 2) {  // another thread is at it
  }
}

const float *pcn_depth_dose_row(const pcn_depth_dose *d, int64_t j, int64_t k, int64_t first, int64_t last) {
  const int64_t *n = d->rows.box->grid.size, row = k * n[1] + j;
  for (int64_t r = first / RUN; r * RUN < last; r++) {
    atomic_uchar *made = &d->made[row * d->runs + r];
    if (atomic_load_explicit(made, memory_order_acquire) != 2) {
      make_run(d, row, r, made);
    }
  }
  return d->value + row * n[0];
}

// SPDX-License-Identifier: Apache-2.0
#include "proton/depth_dose.h"

#include <string.h>

#include "base/base.h"

enum { RUN = PCN_DEPTHS_RUN };

// --- a run -------------------------------------------------------------------------------------

static pcn_voxel_run in_medium(const pcn_box *box, const pcn_voxel_run *run) {
  const pcn_voxel_run out = {run->j + box->first[1], run->k + box->first[2], run->first + box->first[0],
                             run->count};
  return out;
}

// In parts of the whole row, so that what a voxel gets does not depend on the run.
static void mix(const pcn_layer *layer, const pcn_voxel_run *run, float *dose) {
  const pcn_depths *depths = &layer->engine->depths;
  const int64_t end = run->first + run->count;
  for (int64_t first = run->first / RUN * RUN; first < end; first += RUN) {
    const int64_t rest = depths->grid->size[0] - first, whole = rest < RUN ? rest : RUN;
    const int64_t from = run->first > first ? run->first - first : 0,
                  to = end - first < whole ? end - first : whole;
    const pcn_voxel_run part = {run->j, run->k, first, whole};
    const pcn_volume_line line = pcn_depths_line(depths, &part);
    if (pcn_mixing_on(&layer->mixing, &line, whole)) {
      pcn_mixed_run(&layer->mixing, &line, from, to, dose + first + from - run->first);
    }
  }
}

void pcn_depth_dose_run(const pcn_layer *layer, const pcn_box *box, const pcn_voxel_run *run, float *dose) {
  const pcn_voxel_run here = in_medium(box, run);
  const float *depth[2];
  pcn_depths_of(&layer->engine->depths, &here, depth);
  layer->isa->bragg(&layer->table, depth[0], depth[1], (size_t)run->count, dose);
  if (layer->mixes) {
    mix(layer, &here, dose);
  }
}

void pcn_depth_ratio(const pcn_proton_beam *engine, const pcn_box *box, const pcn_voxel_run *run,
                     float *restrict ratio) {
  const pcn_medium *m = engine->medium;
  const pcn_voxel_run here = in_medium(box, run);
  const int64_t *n = m->grid.size, voxel = (here.k * n[1] + here.j) * n[0] + here.first;
  const int water = engine->quantity == PENCONE_DOSE_TO_WATER;
  const float *restrict stopping = m->stopping + voxel, *restrict density = m->density + voxel;
#pragma omp simd
  for (int64_t i = 0; i < run->count; i++) {
    ratio[i] = water ? 1 : density[i] > 0 ? stopping[i] / density[i] : 0;
  }
}

// --- kept for many spots -----------------------------------------------------------------------

static void fill_ratio(void *work, size_t row, int worker) {
  (void)worker;
  const pcn_depth_dose *d = work;
  const int64_t *n = d->box->grid.size;
  const pcn_voxel_run run = {(int64_t)row % n[1], (int64_t)row / n[1], 0, n[0]};
  pcn_depth_ratio(d->engine, d->box, &run, d->ratio + (int64_t)row * n[0]);
}

pencone_status pcn_depth_dose_make(pencone_context *ctx, const pcn_proton_beam *engine, const pcn_box *box,
                                   pcn_depth_dose *out) {
  const int64_t *n = box->grid.size;
  memset(out, 0, sizeof *out);
  out->engine = engine;
  out->box = box;
  out->runs = (n[0] + RUN - 1) / RUN;
  out->value = pcn_alloc(ctx, (size_t)(n[0] * n[1] * n[2]), sizeof *out->value);
  out->made = pcn_alloc(ctx, (size_t)(out->runs * n[1] * n[2]), sizeof *out->made);
  out->ratio = pcn_alloc(ctx, (size_t)(n[0] * n[1] * n[2]), sizeof *out->ratio);
  if (out->value == NULL || out->made == NULL || out->ratio == NULL) {
    return PENCONE_E_MEMORY;
  }
  pcn_parallel_for(ctx, (size_t)(n[1] * n[2]), fill_ratio, out);
  return PENCONE_OK;
}

void pcn_depth_dose_free(pcn_depth_dose *dose) {
  pcn_free(dose->value);
  pcn_free(dose->made);
  pcn_free(dose->ratio);
  memset(dose, 0, sizeof *dose);
}

void pcn_depth_dose_set(pcn_depth_dose *dose, const pcn_layer *layer) {
  const int64_t *n = dose->box->grid.size;
  dose->layer = layer;
  memset((void *)dose->made, 0, (size_t)(dose->runs * n[1] * n[2]) * sizeof *dose->made);
}

// A run of the box: 0 where no proton comes.
static void fill_run(const pcn_depth_dose *d, const pcn_voxel_run *run, float *restrict value,
                     const float *restrict ratio) {
  int64_t range[2];
  pcn_depths_range(&d->engine->depths, run->j + d->box->first[1], run->k + d->box->first[2], range);
  const int64_t low = range[0] - d->box->first[0], high = range[1] - d->box->first[0];
  pcn_voxel_run seen = *run;
  seen.first = low > run->first ? low : run->first;
  seen.count = (high < run->first + run->count ? high : run->first + run->count) - seen.first;
  memset(value, 0, (size_t)run->count * sizeof *value);
  if (seen.count > 0) {
    pcn_depth_dose_run(d->layer, d->box, &seen, value + seen.first - run->first);
  }
#pragma omp simd
  for (int64_t i = 0; i < run->count; i++) {
    value[i] *= ratio[i];
  }
}

static void make_run(const pcn_depth_dose *d, int64_t row, int64_t r, atomic_uchar *made) {
  const pencone_grid *g = &d->box->grid;
  const int64_t first = r * RUN, rest = g->size[0] - first, at = row * g->size[0] + first;
  const pcn_voxel_run run = {row % g->size[1], row / g->size[1], first, rest < RUN ? rest : RUN};
  unsigned char none = 0;
  if (atomic_compare_exchange_strong(made, &none, 1)) {
    fill_run(d, &run, d->value + at, d->ratio + at);
    atomic_store_explicit(made, 2, memory_order_release);
  }
  while (atomic_load_explicit(made, memory_order_acquire) != 2) {  // another thread is at it
  }
}

const float *pcn_depth_dose_row(const pcn_depth_dose *d, int64_t j, int64_t k, int64_t first, int64_t last) {
  const int64_t *n = d->box->grid.size, row = k * n[1] + j;
  for (int64_t r = first / RUN; r * RUN < last; r++) {
    atomic_uchar *made = &d->made[row * d->runs + r];
    if (atomic_load_explicit(made, memory_order_acquire) != 2) {
      make_run(d, row, r, made);
    }
  }
  return d->value + row * n[0];
}

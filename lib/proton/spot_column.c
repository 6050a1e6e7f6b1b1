// SPDX-License-Identifier: Apache-2.0
// One spot: the dose of its cells in the voxels between them.
#include "proton/spot_column.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "proton/spot_work.h"

static void append_run(pcn_spot_work *w, const pcn_voxel_run *run, pcn_column *out) {
  const pcn_spot_layer *s = w->s;
  const pcn_isa *isa = s->layer.isa;
  const int64_t *n = s->box->grid.size, count = run->count,
                place = (run->k * n[1] + run->j) * n[0] + run->first;
  const float least = w->wanted_gy > 0 ? (float)w->wanted_gy : FLT_TRUE_MIN;
  float *value = w->scratch->row;
  pcn_blend blend;
  pcn_column_fetch(out, count);
  if (!pcn_voxel_planes(&w->cells, &w->rows, run, &blend)) {
    blend.u = 0;
    blend.near = blend.far = pcn_voxel_read(isa, &w->cells, &w->rows, run, w->scratch->between);
  }
  blend.dose = pcn_depth_dose_row(&s->dose, run->j, run->k, run->first, run->first + count) + run->first;
  isa->blend(&blend, (size_t)count, value);
  out->count += (int64_t)isa->sift(value, (size_t)count, (int32_t)place, least, out->value + out->count,
                                   out->voxel + out->count, &w->sift);
}

static pencone_status append(pencone_context *ctx, pcn_spot_work *w, pcn_column *out) {
  const pcn_spot_rows plan = pcn_spot_plan_rows(w);
  const int32_t(*range)[2] = (const int32_t(*)[2])w->scratch->range;
  PCN_TRY(pcn_column_reserve(ctx, out, plan.voxels + PCN_SIFT_LANES));
  for (int64_t k = plan.first[2]; k < plan.last[2]; k++) {
    for (int64_t j = plan.first[1]; j < plan.last[1]; j++, range++) {
      if ((*range)[0] < (*range)[1]) {
        const pcn_voxel_run run = {j, k, (*range)[0], (*range)[1] - (*range)[0]};
        append_run(w, &run, out);
      }
    }
  }
  return PENCONE_OK;
}

// One pass with all entries from wanted_gy on.
static pencone_status pass(pencone_context *ctx, pcn_spot_work *w, pcn_column *out) {
  memset(&w->sift, 0, sizeof w->sift);
  out->count = 0;
  pcn_spot_plan_planes(w);
  pcn_spot_sides dose;
  PCN_TRY(pcn_spot_fill(ctx, w, &dose));
  if (w->cells.axis[0].count > 0) {
    PCN_TRY(append(ctx, w, out));
  }
  // What is at other depths where ways mix is so beyond as it is inside.
  out->beyond = dose.inside > 0 ? dose.beyond * w->sift.sum / dose.inside : dose.beyond;
  return PENCONE_OK;
}

// --- a column ----------------------------------------------------------------------------------

static pcn_spot_scratch *take_scratch(const pcn_spot_layer *s) {
  for (int t = 0;; t = (t + 1) % s->threads) {
    if (!atomic_flag_test_and_set(&s->scratch[t].taken)) {
      return &s->scratch[t];
    }
  }
}

// Entries of what was found to be the largest's size on, and what the sieve said of the others.
static void finish(const pcn_spot_work *w, pcn_column *out) {
  double below = w->wanted_gy > 0 ? w->sift.below : 0;
  if (w->s->sift && w->s->threshold * (double)w->sift.largest > w->wanted_gy) {
    below += pcn_column_drop(out, (float)(w->s->threshold * (double)w->sift.largest));
  }
  out->sum = w->sift.sum;
  out->below = below;
  out->beyond += w->s->sift ? 0 : below;
}

// Two passes: the first one finds the largest entry, near the axis where the dose is high.
static pencone_status passing_spot(pencone_context *ctx, pcn_spot_work *w, double passing, pcn_column *out) {
  const double near_peak = 0.8, near_axis = 0.5, below_one = 1 - 1e-5,
               guess = passing * pcn_spot_look_ahead(w);
  double largest = 0;
  if (w->s->threshold > 0) {
    w->least_axis_gy = near_peak * guess / passing;
    w->wanted_gy = near_axis * guess;
    PCN_TRY(pass(ctx, w, out));
    largest = (double)w->sift.largest;
  }
  w->least_axis_gy = 0;
  w->wanted_gy = fmin(w->s->threshold, below_one) * largest;
  PCN_TRY(pass(ctx, w, out));
  finish(w, out);
  return PENCONE_OK;
}

pencone_status pcn_spot_column(pencone_context *ctx, const pcn_spot_layer *layer,
                               const pencone_proton_spot *spot, pcn_column *out) {
  const pcn_axis *cell = layer->layer.engine->rays.cell;
  const double *voxel = layer->box->grid.spacing_mm;
  pcn_spot_work w = {.s = layer, .scratch = take_scratch(layer)};
  w.volume = cell[0].step * cell[1].step * cell[2].step / (voxel[0] * voxel[1] * voxel[2]);
  const double passing =
      pcn_spot_window(&layer->layer, spot, w.scratch->spread, w.scratch->weight, &w.window);
  w.place[0] = spot->x_mm;
  w.place[1] = spot->y_mm;
  out->count = 0;
  out->beyond = out->sum = out->below = 0;
  pencone_status status = PENCONE_OK;
  if (passing > 0) {
    status = passing_spot(ctx, &w, passing, out);
  }
  atomic_flag_clear(&w.scratch->taken);
  return status;
}

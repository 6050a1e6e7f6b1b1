// SPDX-License-Identifier: Apache-2.0
#include "photon/cone_beamlet.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

static pencone_beam bixel_of(const pencone_beam *beam, const double centre_mm[2]) {
  pencone_beam bixel = *beam;
  bixel.fluence_per_cm2 = 1;
  bixel.control_points = NULL;  // of a fluence map
  bixel.control_point_count = 0;
  bixel.fluence_map = NULL;
  for (int side = 0; side < 2; side++) {
    const double half = side == 0 ? -0.5 : 0.5;
    bixel.field_x_mm[side] = centre_mm[0] + half * beam->bixel_mm[0];
    bixel.field_y_mm[side] = centre_mm[1] + half * beam->bixel_mm[1];
  }
  return bixel;
}

// The voxels of the box, of which the dose beyond the margin is 0.
static pencone_status append(pencone_context *ctx, const pencone_grid *whole, const float *dose,
                             const pcn_box *box, pcn_column *out) {
  const int64_t *n = box->grid.size;
  int64_t count = 0;
  for (int64_t row = 0; row < n[1] * n[2]; row++) {
    const int64_t j = row % n[1] + box->first[1], k = row / n[1] + box->first[2];
    const float *from = dose + (k * whole->size[1] + j) * whole->size[0] + box->first[0];
    PCN_TRY(pcn_column_reserve(ctx, out, n[0]));
    count = out->count;
    for (int64_t i = 0; i < n[0]; i++) {
      out->voxel[count] = (int32_t)(row * n[0] + i);
      out->value[count] = from[i];
      count += from[i] > 0;
    }
    out->count = count;
  }
  return PENCONE_OK;
}

static pencone_status calculate(pencone_context *ctx, const pcn_cone_beamlets *b, const double centre_mm[2],
                                int margin, pcn_column *out) {
  const pencone_beam bixel = bixel_of(b->engine->beam, centre_mm);
  const pencone_grid *grid = &b->engine->medium->grid;
  const double progress[2] = {0, 0};
  pcn_collapsed_cone engine = *b->engine;
  float *dose = pcn_calloc(ctx, pencone_grid_voxels(grid), sizeof *dose), *const all[2] = {dose, NULL};
  if (dose == NULL) {
    return PENCONE_E_MEMORY;
  }
  engine.beam = &bixel;
  engine.margin = margin;
  pencone_status status = pcn_collapsed_cone_add(ctx, &engine, all, progress);
  if (status == PENCONE_OK) {
    status = append(ctx, grid, dose, b->box, out);
  }
  pcn_free(dose);
  return status;
}

static double sum_of(const pcn_column *c) {
  double sum = 0;
  for (int64_t i = 0; i < c->count; i++) {
    sum += (double)c->value[i];
  }
  return sum;
}

pencone_status pcn_cone_beamlet(pencone_context *ctx, const pcn_cone_beamlets *b, const double centre_mm[2],
                                pcn_column *out) {
  PCN_TRY(calculate(ctx, b, centre_mm, b->margin, out));
  out->beyond = b->beyond > 0 ? b->beyond * sum_of(out) : 0;
  return PENCONE_OK;
}

// Centre of the bixel in the middle of the field.
static void middle_of(const pencone_beam *beam, double centre_mm[2]) {
  const double *field[2] = {beam->field_x_mm, beam->field_y_mm};
  for (int a = 0; a < 2; a++) {
    const double bixels = round((field[a][1] - field[a][0]) / beam->bixel_mm[a]);
    centre_mm[a] = field[a][0] + beam->bixel_mm[a] * (floor(0.5 * bixels) + 0.5);
  }
}

uint64_t pcn_cone_beamlets_bytes(const pencone_grid *medium) {
  return pcn_collapsed_cone_bytes(medium, 1) + sizeof(float) * (uint64_t)pencone_grid_voxels(medium);
}

pencone_status pcn_cone_beamlets_make(pencone_context *ctx, const pcn_collapsed_cone *engine,
                                      const pcn_box *box, double margin_mm, pcn_cone_beamlets *out) {
  const double *h = engine->medium->grid.spacing_mm;
  const int margin = (int)ceil(margin_mm / fmin(h[0], fmin(h[1], h[2])));
  memset(out, 0, sizeof *out);
  out->engine = engine;
  out->box = box;
  out->margin = margin > 0 && (engine->margin == 0 || margin < engine->margin) ? margin : engine->margin;
  if (out->margin == engine->margin) {
    return PENCONE_OK;
  }
  double centre_mm[2], sum[2] = {0, 0};
  pcn_quota quota = {.limit = 0};
  pcn_column column = {.quota = &quota};
  atomic_init(&quota.used, 0);
  middle_of(engine->beam, centre_mm);
  pencone_status status = PENCONE_OK;
  for (int whole = 0; whole < 2 && status == PENCONE_OK; whole++) {
    column.count = 0;
    status = calculate(ctx, out, centre_mm, whole ? engine->margin : out->margin, &column);
    sum[whole] = sum_of(&column);
  }
  if (status == PENCONE_OK && sum[0] > 0) {
    out->beyond = fmax(0, sum[1] / sum[0] - 1);
  }
  pcn_column_free(&column);
  return status;
}

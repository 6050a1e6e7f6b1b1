// SPDX-License-Identifier: Apache-2.0
#include "engine/beamlets.h"

#include <math.h>

#include "base/base.h"
#include "beam/fluence_map.h"
#include "engine/biology.h"

static int is_proton(const pencone_beam *beam) {
  return pencone_machine_describe(beam->machine)->modality == PENCONE_PROTON;
}

pencone_status pcn_bixels_count(pencone_context *ctx, const pencone_beam *beam, int count[2]) {
  const double *bixel = beam->bixel_mm, per_bixel = 1e-6, most = 1000;
  const double *field[2] = {beam->field_x_mm, beam->field_y_mm};
  double pixel_mm[2];
  pcn_fluence_pixel_mm(beam, pixel_mm);
  count[0] = count[1] = 0;
  if (bixel[0] == 0 && bixel[1] == 0) {
    return PENCONE_OK;
  }
  int wanted[2];
  for (int a = 0; a < 2; a++) {
    const double width = field[a][1] - field[a][0], bixels = width / bixel[a];
    PCN_CHECK(ctx, isfinite(bixel[a]) && bixel[a] > 0, PENCONE_E_RANGE,
              "beam %s: bixel width %c: got %g mm, expected more than 0, or 0 for both", beam->name, 'x' + a,
              bixel[a]);
    PCN_CHECK(
        ctx, bixels > 0.5 && bixels < most && fabs(bixels - round(bixels)) <= per_bixel, PENCONE_E_RANGE,
        "beam %s: bixel width %c: got %g mm, which is not a whole part of the field of %g mm (%g to %g), expected "
        "1 to %g bixels",
        beam->name, 'x' + a, bixel[a], width, field[a][0], field[a][1], most);
    PCN_CHECK(
        ctx, pixel_mm[a] == 0 || pcn_fluence_divides(bixel[a], pixel_mm[a]), PENCONE_E_RANGE,
        "beam %s: bixel width %c: got %g mm, which does not divide the fluence map's pixels of %g mm, expected a whole part of a pixel, or whole pixels",
        beam->name, 'x' + a, bixel[a], pixel_mm[a]);
    wanted[a] = (int)round(bixels);
  }
  count[0] = wanted[0];
  count[1] = wanted[1];
  return PENCONE_OK;
}

int64_t pcn_beam_columns(const pencone_beam *beam) {
  int64_t columns = 0;
  int count[2];
  if (!is_proton(beam)) {
    return pcn_bixels_count(NULL, beam, count) == PENCONE_OK ? (int64_t)count[0] * count[1] : 0;
  }
  for (int l = 0; l < beam->layer_count; l++) {
    columns += beam->layers[l].spot_count;
  }
  return columns;
}

int64_t pencone_dij_columns(const pencone_plan *plan) {
  int64_t columns = 0;
  for (int i = 0; i < pencone_plan_beam_count(plan); i++) {
    columns += pcn_beam_columns(pencone_plan_beam(plan, i));
  }
  return columns;
}

static pencone_status put_bixels(pencone_context *ctx, const pencone_beam *beam, int index,
                                 pencone_beamlet **next) {
  int count[2];
  PCN_TRY(pcn_bixels_count(ctx, beam, count));
  PCN_CHECK(ctx, count[0] > 0, PENCONE_E_RANGE,
            "beam %s: it has no bixels: got bixel_mm 0, expected their widths for an influence matrix",
            beam->name);
  PCN_CHECK(
      ctx, beam->control_point_count == 0, PENCONE_E_UNSUPPORTED,
      "beam %s: it has %d control points and bixels: the influence matrix of a beam is for one open field, expected "
      "no control points (a beam for each angle)",
      beam->name, beam->control_point_count);
  for (int j = 0; j < count[1]; j++) {
    for (int i = 0; i < count[0]; i++) {
      const pencone_beamlet b = {.beam = index,
                                 .x_mm = beam->field_x_mm[0] + beam->bixel_mm[0] * (i + 0.5),
                                 .y_mm = beam->field_y_mm[0] + beam->bixel_mm[1] * (j + 0.5),
                                 .width_mm = {beam->bixel_mm[0], beam->bixel_mm[1]},
                                 .weight = beam->fluence_per_cm2 * pcn_fluence_mean(beam, i, j)};
      *(*next)++ = b;
    }
  }
  return PENCONE_OK;
}

static void put_spots(const pencone_beam *beam, int index, pencone_beamlet **next) {
  for (int l = 0; l < beam->layer_count; l++) {
    for (int s = 0; s < beam->layers[l].spot_count; s++) {
      const pencone_proton_spot *spot = &beam->layers[l].spots[s];
      const pencone_beamlet b = {.beam = index,
                                 .layer = l,
                                 .x_mm = spot->x_mm,
                                 .y_mm = spot->y_mm,
                                 .energy_mev = beam->layers[l].energy_mev,
                                 .weight = spot->protons};
      *(*next)++ = b;
    }
  }
}

pencone_status pencone_dij_beamlets(pencone_context *ctx, const pencone_plan *plan, pencone_beamlet *out) {
  PCN_CHECK(ctx, plan != NULL && out != NULL, PENCONE_E_ARGUMENT,
            "pencone_dij_beamlets: an argument is NULL");
  const int beams = pencone_plan_beam_count(plan);
  PCN_CHECK(ctx, beams > 0, PENCONE_E_RANGE, "plan %s: it has no beams", pencone_plan_name(plan));
  PCN_TRY(pcn_biology_refuse(ctx, plan));
  for (int i = 0; i < beams; i++) {
    const pencone_beam *beam = pencone_plan_beam(plan, i);
    if (is_proton(beam)) {
      put_spots(beam, i, &out);
    } else {
      PCN_TRY(put_bixels(ctx, beam, i, &out));
    }
  }
  return PENCONE_OK;
}

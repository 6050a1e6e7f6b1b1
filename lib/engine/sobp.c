// SPDX-License-Identifier: Apache-2.0
// A plan whose dose in water is one box in depth and across.
#include <math.h>

#include "base/base.h"
#include "proton/spread_peak.h"

static pencone_status check(pencone_context *ctx, const pencone_sobp *s, const pencone_machine *machine) {
  PCN_CHECK(ctx, s != NULL && machine != NULL, PENCONE_E_ARGUMENT, "pencone_sobp_plan: an argument is NULL");
  PCN_CHECK(ctx, s->struct_size == sizeof *s, PENCONE_E_ARGUMENT,
            "pencone_sobp_plan: struct_size is %zu, expected %zu: start from PENCONE_SOBP_DEFAULT",
            s->struct_size, sizeof *s);
  PCN_CHECK(ctx, pencone_machine_describe(machine)->modality == PENCONE_PROTON, PENCONE_E_UNSUPPORTED,
            "spread-out peak: machine %s makes photons, expected a proton machine",
            pencone_machine_describe(machine)->name);
  PCN_CHECK(ctx, isfinite(s->range_mm) && s->range_mm > 0 && s->width_mm > 0 && s->width_mm <= s->range_mm,
            PENCONE_E_RANGE,
            "spread-out peak: got a range of %g and a width of %g mm, expected 0 < width <= range",
            s->range_mm, s->width_mm);
  PCN_CHECK(ctx, s->size_mm[0] >= 5 && s->size_mm[1] >= 5 && s->size_mm[0] <= 600 && s->size_mm[1] <= 600,
            PENCONE_E_RANGE, "spread-out peak: field: got %g x %g mm, expected 5 to 600", s->size_mm[0],
            s->size_mm[1]);
  PCN_CHECK(ctx, isfinite(s->dose_gy) && s->dose_gy > 0, PENCONE_E_RANGE,
            "spread-out peak: dose: got %g Gy, expected above 0", s->dose_gy);
  PCN_CHECK(ctx, s->spot_spacing_mm == 0 || (s->spot_spacing_mm >= 1 && s->spot_spacing_mm <= 20),
            PENCONE_E_RANGE, "spread-out peak: distance of spots: got %g mm, expected 1 to 20, or 0",
            s->spot_spacing_mm);
  return PENCONE_OK;
}

static int add_layers(const pcn_spread_peak *peak, pencone_proton_layer *layer, pencone_proton_spot *spots) {
  int layers = 0;
  for (int l = 0; l < peak->layers; l++) {
    if (!(peak->protons[l] > 0)) {
      continue;
    }
    const pencone_proton_layer one = {peak->energy_mev[l], peak->spots[0] * peak->spots[1], spots};
    layer[layers++] = one;
    for (int j = 0; j < peak->spots[1]; j++) {
      for (int i = 0; i < peak->spots[0]; i++) {
        const pencone_proton_spot spot = {peak->spacing_mm * (i - 0.5 * (peak->spots[0] - 1)),
                                          peak->spacing_mm * (j - 0.5 * (peak->spots[1] - 1)),
                                          peak->protons[l]};
        *spots++ = spot;
      }
    }
  }
  return layers;
}

static pencone_status add_beam(pencone_context *ctx, const pcn_spread_peak *peak, pencone_beam *beam,
                               pencone_plan *plan) {
  const size_t count = (size_t)peak->layers * (size_t)peak->spots[0] * (size_t)peak->spots[1];
  pencone_proton_layer layers[PCN_PEAK_LAYERS];
  pencone_proton_spot *spots = pcn_alloc(ctx, count, sizeof *spots);
  if (spots == NULL) {
    return PENCONE_E_MEMORY;
  }
  beam->name = "field";
  beam->layer_count = add_layers(peak, layers, spots);
  beam->layers = layers;
  const pencone_status status = pencone_plan_add_beam(ctx, plan, beam);
  pcn_free(spots);
  return status;
}

pencone_status pencone_sobp_plan(pencone_context *ctx, const pencone_sobp *wanted,
                                 const pencone_machine *machine, pencone_plan **out, double *flatness_pct) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "pencone_sobp_plan: out is NULL");
  *out = NULL;
  PCN_TRY(check(ctx, wanted, machine));
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  beam.machine = machine;
  beam.range_shifter_mm = wanted->range_shifter_mm;
  beam.range_shifter_material = wanted->range_shifter_material;
  pcn_spread_peak peak;
  PCN_TRY(pcn_spread_peak_make(ctx, wanted, &beam, &peak));
  pencone_plan *plan = NULL;
  PCN_TRY(pencone_plan_create(ctx, "spread-out peak", &plan));
  pencone_status status = pencone_plan_set_engine(ctx, plan, "proton-pencil-beam");
  if (status == PENCONE_OK) {
    status = add_beam(ctx, &peak, &beam, plan);
  }
  if (status != PENCONE_OK) {
    pencone_plan_destroy(plan);
    return status;
  }
  if (flatness_pct != NULL) {
    *flatness_pct = peak.flatness_pct;
  }
  *out = plan;
  return PENCONE_OK;
}

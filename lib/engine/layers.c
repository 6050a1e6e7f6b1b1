// SPDX-License-Identifier: Apache-2.0
#include "engine/layers.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "proton/collimator.h"

static const double energy_min_mev = 70, energy_max_mev = 230;  // the beam data
static const double shifter_max_mm = 300;

static pencone_status check_spot(pencone_context *ctx, const pencone_beam *beam, int layer, int i) {
  const pencone_proton_spot *spot = &beam->layers[layer].spots[i];
  const pencone_machine_desc *machine = pencone_machine_describe(beam->machine);
  const double *limit_mm = machine->spot_limit_mm;
  PCN_CHECK(ctx, fabs(spot->x_mm) <= limit_mm[0] && fabs(spot->y_mm) <= limit_mm[1], PENCONE_E_RANGE,
            "beam %s: layer %d, spot %d: got (%g, %g) mm, expected -%g to %g and -%g to %g of machine %s",
            beam->name, layer + 1, i + 1, spot->x_mm, spot->y_mm, limit_mm[0], limit_mm[0], limit_mm[1],
            limit_mm[1], machine->name);
  PCN_CHECK(ctx, isfinite(spot->protons) && spot->protons >= 0, PENCONE_E_RANGE,
            "beam %s: layer %d, spot %d: protons: got %g, expected 0 or more", beam->name, layer + 1, i + 1,
            spot->protons);
  return PENCONE_OK;
}

static pencone_status check_shifter(pencone_context *ctx, const pencone_beam *beam) {
  const char *material = beam->range_shifter_material;
  PCN_CHECK(ctx, beam->range_shifter_mm >= 0 && beam->range_shifter_mm <= shifter_max_mm, PENCONE_E_RANGE,
            "beam %s: range_shifter_mm: got %g, expected 0 to %g", beam->name, beam->range_shifter_mm,
            shifter_max_mm);
  PCN_CHECK(ctx, material == NULL || strcmp(material, "pmma") == 0 || strcmp(material, "water") == 0,
            PENCONE_E_RANGE, "beam %s: range_shifter_material: got %.40s, expected pmma or water", beam->name,
            material);
  const double water_mm = pcn_shifter_water_mm(beam);
  for (int l = 0; water_mm > 0 && l < beam->layer_count; l++) {
    const double range_mm = pcn_proton_range_mm(beam->layers[l].energy_mev);
    PCN_CHECK(
        ctx, water_mm < range_mm, PENCONE_E_RANGE,
        "beam %s: layer %d: range_shifter_mm: got %g, which are %.1f mm of water, expected less than the range of "
        "%g MeV, %.1f mm",
        beam->name, l + 1, beam->range_shifter_mm, water_mm, beam->layers[l].energy_mev, range_mm);
  }
  return PENCONE_OK;
}

pencone_status pcn_layers_check(pencone_context *ctx, const pencone_beam *beam) {
  PCN_CHECK(ctx, beam->layer_count > 0 && beam->layers != NULL, PENCONE_E_ARGUMENT,
            "beam %s: layers: got none, expected one or more for a proton machine", beam->name);
  for (int l = 0; l < beam->layer_count; l++) {
    const pencone_proton_layer *layer = &beam->layers[l];
    PCN_CHECK(ctx, layer->energy_mev >= energy_min_mev && layer->energy_mev <= energy_max_mev,
              PENCONE_E_RANGE, "beam %s: layer %d: energy_mev: got %g, expected %g to %g", beam->name, l + 1,
              layer->energy_mev, energy_min_mev, energy_max_mev);
    PCN_CHECK(ctx, layer->spot_count > 0 && layer->spots != NULL, PENCONE_E_ARGUMENT,
              "beam %s: layer %d: spots: got none, expected one or more", beam->name, l + 1);
    for (int i = 0; i < layer->spot_count; i++) {
      PCN_TRY(check_spot(ctx, beam, l, i));
    }
  }
  PCN_TRY(pcn_collimator_check(ctx, beam));
  return check_shifter(ctx, beam);
}

pencone_status pcn_layers_copy(pencone_context *ctx, const pencone_beam *beam, pencone_proton_layer **out) {
  size_t spots = 0;
  for (int l = 0; l < beam->layer_count; l++) {
    spots += (size_t)beam->layers[l].spot_count;
  }
  const size_t head = (size_t)beam->layer_count * sizeof(pencone_proton_layer);
  pencone_proton_layer *copy = pcn_alloc(ctx, 1, head + spots * sizeof(pencone_proton_spot));
  *out = copy;
  if (copy == NULL) {
    return PENCONE_E_MEMORY;
  }
  pencone_proton_spot *place = (pencone_proton_spot *)(void *)((char *)copy + head);
  for (int l = 0; l < beam->layer_count; l++) {
    copy[l] = beam->layers[l];
    memcpy(place, copy[l].spots, (size_t)copy[l].spot_count * sizeof *place);
    copy[l].spots = place;
    place += copy[l].spot_count;
  }
  return PENCONE_OK;
}

pencone_status pcn_aperture_copy(pencone_context *ctx, const pencone_beam *beam,
                                 pencone_aperture_point **out) {
  const size_t count = (size_t)beam->aperture_point_count;
  *out = pcn_alloc(ctx, count, sizeof **out);
  if (*out == NULL) {
    return PENCONE_E_MEMORY;
  }
  memcpy(*out, beam->aperture_points, count * sizeof **out);
  return PENCONE_OK;
}

pencone_status pcn_layers_give(pencone_context *ctx, const pencone_beam *beam) {
  double protons = 0;
  for (int l = 0; l < beam->layer_count; l++) {
    for (int i = 0; i < beam->layers[l].spot_count; i++) {
      protons += beam->layers[l].spots[i].protons;
    }
  }
  PCN_CHECK(
      ctx, protons > 0, PENCONE_E_RANGE,
      "beam %s: protons: got 0 in each of its spots, expected more than 0 in one (only influence matrices need none)",
      beam->name);
  return PENCONE_OK;
}

static void include(double limits[2], double at) {
  limits[0] = fmin(limits[0], at - 1);
  limits[1] = fmax(limits[1], at + 1);
}

void pcn_layers_field(pencone_beam *beam) {
  beam->field_x_mm[0] = beam->field_y_mm[0] = INFINITY;
  beam->field_x_mm[1] = beam->field_y_mm[1] = -INFINITY;
  for (int l = 0; l < beam->layer_count; l++) {
    for (int i = 0; i < beam->layers[l].spot_count; i++) {
      include(beam->field_x_mm, beam->layers[l].spots[i].x_mm);
      include(beam->field_y_mm, beam->layers[l].spots[i].y_mm);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "spots.h"

static const pcn_range energy_range_mev = {70, 230}; // the beam data
static const pcn_range spot_range = {-1e300, 1e300};  // place and number are the plan's own checks

static const pcn_key layer_keys[] = {{"energy_mev", PCN_REQUIRED}, {"spots", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};

static pencone_status read_layer(pcn_node node, pencone_proton_layer *layer, pencone_proton_spot *spots) {
  const pcn_node list = pcn_yaml_get(node, "spots");
  PCN_TRY(pcn_yaml_number(pcn_yaml_get(node, "energy_mev"), "energy_mev", energy_range_mev, &layer->energy_mev));
  layer->spots = spots;
  for (int i = 0; i < layer->spot_count; ++i) {
    double value[3];
    const pcn_node item = pcn_yaml_item(list, i);
    PCN_TRY(pcn_yaml_numbers(item, "spot [x_mm, y_mm, protons]", spot_range, 3, value));
    if (!(value[2] >= 0)) {
      return pcn_yaml_fail(item, PENCONE_E_RANGE, "protons: got %g, expected 0 or more", value[2]);
    }
    const pencone_proton_spot spot = {value[0], value[1], value[2]};
    spots[i] = spot;
  }
  return PENCONE_OK;
}

pencone_status pcn_spots_read(pencone_context *ctx, pcn_node list, pencone_beam *beam, pcn_spots *out) {
  int layers = 0;
  size_t spots = 0, used = 0;
  PCN_TRY(pcn_yaml_list(list, "layers", &layers));
  out->layers = pcn_calloc(ctx, (size_t)layers, sizeof *out->layers);
  if (out->layers == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int i = 0; i < layers; ++i) {
    const pcn_node layer = pcn_yaml_item(list, i);
    PCN_TRY(pcn_yaml_keys(layer, "layer", layer_keys));
    PCN_TRY(pcn_yaml_list(pcn_yaml_get(layer, "spots"), "spots", &out->layers[i].spot_count));
    spots += (size_t)out->layers[i].spot_count;
  }
  out->spots = pcn_alloc(ctx, spots, sizeof *out->spots);
  if (out->spots == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int i = 0; i < layers; ++i) {
    PCN_TRY(read_layer(pcn_yaml_item(list, i), &out->layers[i], out->spots + used));
    used += (size_t)out->layers[i].spot_count;
  }
  beam->layer_count = layers;
  beam->layers = out->layers;
  return PENCONE_OK;
}

void pcn_spots_free(pcn_spots *spots) {
  pcn_free(spots->layers);
  pcn_free(spots->spots);
}

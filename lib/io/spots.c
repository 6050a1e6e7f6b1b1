// SPDX-License-Identifier: Apache-2.0
#include "spots.h"

#include <string.h>

static const pcn_range energy_range_mev = {70, 230};  // the beam data
static const pcn_range spot_range = {-1e300, 1e300};  // place and number are the plan's own checks

static const pcn_key layer_keys[] = {
    {"energy_mev", PCN_REQUIRED}, {"spots", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};

static pencone_status read_layer(pcn_node node, pencone_proton_layer *layer, pencone_proton_spot *spots) {
  const pcn_node list = pcn_yaml_get(node, "spots");
  PCN_TRY(
      pcn_yaml_number(pcn_yaml_get(node, "energy_mev"), "energy_mev", energy_range_mev, &layer->energy_mev));
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

// --- aperture ----------------------------------------------------------------------------------

static const pcn_range outline_range_mm = {-1000, 1000}, distance_range_mm = {0, 2000};

static pencone_status read_rectangle(pencone_context *ctx, pcn_node node, pencone_beam *beam,
                                     pencone_aperture_point **out) {
  static const pcn_key keys[] = {{"x", PCN_REQUIRED}, {"y", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  double x[2], y[2];
  PCN_TRY(pcn_yaml_keys(node, "aperture field_mm", keys));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "x"), "aperture field_mm x", outline_range_mm, 2, x));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "y"), "aperture field_mm y", outline_range_mm, 2, y));
  if (!(x[0] < x[1] && y[0] < y[1])) {
    return pcn_yaml_fail(node, PENCONE_E_RANGE,
                         "aperture field_mm: got x from %g to %g and y from %g to %g, expected them to rise",
                         x[0], x[1], y[0], y[1]);
  }
  const pencone_aperture_point corner[4] = {{x[0], y[0]}, {x[1], y[0]}, {x[1], y[1]}, {x[0], y[1]}};
  *out = pcn_alloc(ctx, 4, sizeof **out);
  if (*out == NULL) {
    return PENCONE_E_MEMORY;
  }
  memcpy(*out, corner, sizeof corner);
  beam->aperture_point_count = 4;
  return PENCONE_OK;
}

static pencone_status read_polygon(pencone_context *ctx, pcn_node list, pencone_beam *beam,
                                   pencone_aperture_point **out) {
  int count = 0;
  PCN_TRY(pcn_yaml_list(list, "aperture points_mm", &count));
  *out = pcn_alloc(ctx, (size_t)count, sizeof **out);
  if (*out == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int i = 0; i < count; ++i) {
    double xy[2];
    PCN_TRY(pcn_yaml_numbers(pcn_yaml_item(list, i), "aperture point [x_mm, y_mm]", outline_range_mm, 2, xy));
    const pencone_aperture_point point = {xy[0], xy[1]};
    (*out)[i] = point;
  }
  beam->aperture_point_count = count;
  return PENCONE_OK;
}

pencone_status pcn_aperture_read(pencone_context *ctx, pcn_node node, int protons, pencone_beam *beam,
                                 pencone_aperture_point **out) {
  static const pcn_key keys[] = {{"distance_mm", PCN_REQUIRED},
                                 {"field_mm", PCN_OPTIONAL},
                                 {"points_mm", PCN_OPTIONAL},
                                 {NULL, PCN_OPTIONAL}};
  *out = NULL;
  if (node.node == NULL) {
    return PENCONE_OK;
  }
  if (!protons) {
    return pcn_yaml_fail(node, PENCONE_E_FORMAT,
                         "beam: got an aperture without 'layers', expected it in beams of protons");
  }
  PCN_TRY(pcn_yaml_keys(node, "aperture", keys));
  PCN_TRY(pcn_yaml_number(pcn_yaml_get(node, "distance_mm"), "aperture distance_mm", distance_range_mm,
                          &beam->aperture_distance_mm));
  const pcn_node field = pcn_yaml_get(node, "field_mm"), points = pcn_yaml_get(node, "points_mm");
  if ((field.node != NULL) == (points.node != NULL)) {
    return pcn_yaml_fail(node, PENCONE_E_FORMAT,
                         "aperture: got %s, expected one of 'field_mm' and 'points_mm'",
                         field.node != NULL ? "both" : "none");
  }
  PCN_TRY(field.node != NULL ? read_rectangle(ctx, field, beam, out) : read_polygon(ctx, points, beam, out));
  beam->aperture_points = *out;
  return PENCONE_OK;
}

void pcn_spots_free(pcn_spots *spots) {
  pcn_free(spots->layers);
  pcn_free(spots->aperture);
  pcn_free(spots->spots);
}

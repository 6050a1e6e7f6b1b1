// SPDX-License-Identifier: Apache-2.0
#include "machine_extras.h"

enum { TERMS_MAX = 4, NODES_MAX = 700, HORN_MAX = 100 };
static const pcn_range place_mm = {0, 1000}, value = {-1e6, 1e6}, horn_mm = {0, 400}, fluence = {0.1, 3};

static pencone_status count_of(pcn_node map, const char *key, int most, int *out) {
  const pcn_node list = pcn_yaml_get(map, key);
  PCN_TRY(pcn_yaml_list(list, key, out));
  return *out <= most ? PENCONE_OK
                      : pcn_yaml_fail(list, PENCONE_E_RANGE, "%s: got %d values, expected at most %d", key,
                                      *out, most);
}

// Places and values must rise and so on: told here with their line, by the machine for those who make one.
static pencone_status rising(pcn_node list, const char *key, const double *x, int n) {
  for (int i = 0; i < n; i++) {
    if (i == 0 ? x[0] > 0 : !(x[i] > x[i - 1])) {
      return pcn_yaml_fail(list, PENCONE_E_RANGE, "%s: got %g as value %d, expected %s", key, x[i], i + 1,
                           i == 0 ? "0" : "more than the one before");
    }
  }
  return PENCONE_OK;
}

static pencone_status read_places(pcn_node map, const char *key, pcn_range range, int n, double *out) {
  const pcn_node list = pcn_yaml_get(map, key);
  PCN_TRY(pcn_yaml_numbers(list, key, range, n, out));
  return rising(list, key, out, n);
}

static pencone_status read_terms(pcn_node map, const char *key, int terms, int n, double *out) {
  const pcn_node list = pcn_yaml_get(map, key);
  int found = 0;
  PCN_TRY(pcn_yaml_list(list, key, &found));
  if (found != terms) {
    return pcn_yaml_fail(list, PENCONE_E_RANGE, "%s: got %d terms, expected %d, as many as of the other", key,
                         found, terms);
  }
  for (int t = 0; t < terms; t++) {
    PCN_TRY(pcn_yaml_numbers(pcn_yaml_item(list, t), key, value, n, out + t * n));
  }
  return PENCONE_OK;
}

static pencone_status read_pencil(pcn_node map, pencone_pencil_terms *k, double *room) {
  double *depth_mm = room, *radius_mm = depth_mm + k->depths, *depth = radius_mm + k->radii,
         *circle = depth + k->terms * k->depths;
  PCN_TRY(read_places(map, "depth_mm", place_mm, k->depths, depth_mm));
  PCN_TRY(read_places(map, "radius_mm", place_mm, k->radii, radius_mm));
  PCN_TRY(read_terms(map, "depth", k->terms, k->depths, depth));
  PCN_TRY(read_terms(map, "circle", k->terms, k->radii, circle));
  k->depth_mm = depth_mm;
  k->radius_mm = radius_mm;
  k->depth = depth;
  k->circle = circle;
  return PENCONE_OK;
}

static pencone_status count_pencil(pcn_node map, pencone_pencil_terms *k) {
  static const pcn_key keys[] = {{"depth_mm", PCN_REQUIRED},
                                 {"radius_mm", PCN_REQUIRED},
                                 {"depth", PCN_REQUIRED},
                                 {"circle", PCN_REQUIRED},
                                 {NULL, PCN_OPTIONAL}};
  PCN_TRY(pcn_yaml_keys(map, "pencil_beam", keys));
  PCN_TRY(count_of(map, "depth_mm", NODES_MAX, &k->depths));
  PCN_TRY(count_of(map, "radius_mm", NODES_MAX, &k->radii));
  return count_of(map, "depth", TERMS_MAX, &k->terms);
}

static pencone_status count_horn(pcn_node map, int *points) {
  static const pcn_key keys[] = {
      {"radius_mm", PCN_REQUIRED}, {"fluence", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  PCN_TRY(pcn_yaml_keys(map, "horn", keys));
  return count_of(map, "radius_mm", HORN_MAX, points);
}

pencone_status pcn_machine_extras_read(pencone_context *ctx, pcn_node root, pcn_machine_extras *extras,
                                       pencone_machine_desc *desc) {
  static const pcn_range sigma_mm = {0, 20};
  const pcn_node pencil = pcn_yaml_get(root, "pencil_beam"), horn = pcn_yaml_get(root, "horn"),
                 penumbra = pcn_yaml_get(root, "penumbra_sigma_mm");
  pencone_pencil_terms *k = &extras->pencil;
  if (penumbra.node != NULL) {
    PCN_TRY(pcn_yaml_number(penumbra, "penumbra_sigma_mm", sigma_mm, &desc->penumbra_sigma_mm));
  }
  if (horn.node != NULL) {
    PCN_TRY(count_horn(horn, &desc->horn_points));
  }
  if (pencil.node != NULL) {
    PCN_TRY(count_pencil(pencil, k));
  }
  const int points = desc->horn_points;
  extras->values =
      pcn_alloc(ctx, 2 * (size_t)points + (size_t)((k->terms + 1) * (k->depths + k->radii)), sizeof(double));
  if (extras->values == NULL) {
    return PENCONE_E_MEMORY;
  }
  if (horn.node != NULL) {
    PCN_TRY(read_places(horn, "radius_mm", horn_mm, points, extras->values));
    PCN_TRY(
        pcn_yaml_numbers(pcn_yaml_get(horn, "fluence"), "fluence", fluence, points, extras->values + points));
    desc->horn_radius_mm = extras->values;
    desc->horn = extras->values + points;
  }
  if (pencil.node != NULL) {
    PCN_TRY(read_pencil(pencil, k, extras->values + 2 * points));
    desc->pencil = k;
  }
  return PENCONE_OK;
}

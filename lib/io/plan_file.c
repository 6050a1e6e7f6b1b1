// SPDX-License-Identifier: Apache-2.0
// Plan files (docs/formats.md).
#include <pencone/io.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "beam/control_points.h"
#include "file.h"
#include "fluence_file.h"
#include "machine_file.h"
#include "spots.h"
#include "yaml.h"

static const pcn_range length_range_mm = {-1e5, 1e5};
static const pcn_range spacing_range_mm = {1e-3, 1e3};
static const pcn_range angle_range_deg = {-360, 360};
static const pcn_range weight_range = {0, 1e6};
static const pcn_range bixel_range_mm = {0.1, 1000};
static const pcn_range fluence_range = {0, 1e300};  // that it is not 0 is the plan's own check

static const pcn_key plan_keys[] = {{"plan", PCN_REQUIRED},        {"phantom", PCN_OPTIONAL},
                                    {"description", PCN_OPTIONAL}, {"engine", PCN_OPTIONAL},
                                    {"quantity", PCN_OPTIONAL},    {"dose_grid", PCN_OPTIONAL},
                                    {"beams", PCN_REQUIRED},       {NULL, PCN_OPTIONAL}};

static const pcn_key beam_keys[] = {
    {"name", PCN_REQUIRED},
    {"machine", PCN_REQUIRED},
    {"isocenter_mm", PCN_REQUIRED},
    {"gantry_deg", PCN_REQUIRED},
    {"collimator_deg", PCN_OPTIONAL},
    {"couch_deg", PCN_OPTIONAL},
    {"field_mm", PCN_OPTIONAL},  // required of photon beams, not allowed with layers: read_output()
    {"fluence_per_cm2", PCN_OPTIONAL},
    {"monitor_units", PCN_UNSUPPORTED},
    {"bixel_mm", PCN_OPTIONAL},
    {"mlc_mm", PCN_UNSUPPORTED},
    {"control_points", PCN_OPTIONAL},  // not with layers: read_output()
    {"fluence_map", PCN_OPTIONAL},
    {"wedge", PCN_UNSUPPORTED},
    {"layers", PCN_OPTIONAL},
    {"range_shifter_mm", PCN_OPTIONAL},  // with layers only: read_output()
    {"range_shifter_material", PCN_OPTIONAL},
    {"aperture", PCN_OPTIONAL},  // with layers only: pcn_aperture_read()
    {NULL, PCN_OPTIONAL},
};

static const pcn_key point_keys[] = {{"gantry_deg", PCN_OPTIONAL}, {"collimator_deg", PCN_OPTIONAL},
                                     {"couch_deg", PCN_OPTIONAL},  {"field_mm", PCN_OPTIONAL},
                                     {"weight", PCN_REQUIRED},     {NULL, PCN_OPTIONAL}};

// --- engine, quantity, dose grid ---------------------------------------------------------------

/// name and options; the values go to the plan as text, which checks them.
static pencone_status read_engine(pencone_context *ctx, pcn_node node, pencone_plan *plan) {
  const char *name = NULL;
  PCN_TRY(pcn_yaml_any_keys(node, "engine"));
  const pcn_node name_node = pcn_yaml_get(node, "name");
  if (name_node.node == NULL) {
    return pcn_yaml_fail(node, PENCONE_E_FORMAT, "engine: got no 'name', expected this key");
  }
  PCN_TRY(pcn_yaml_string(name_node, "engine name", &name));
  PCN_TRY(pcn_yaml_at(name_node, pencone_plan_set_engine(ctx, plan, name)));
  const int pairs = pcn_yaml_pairs(node);
  for (int i = 0; i < pairs; ++i) {
    pcn_node key_node, value_node;
    const char *key = NULL;
    const char *value = NULL;
    pcn_yaml_pair(node, i, &key_node, &value_node);
    PCN_TRY(pcn_yaml_string(key_node, "engine option", &key));
    if (strcmp(key, "name") != 0) {
      PCN_TRY(pcn_yaml_string(value_node, key, &value));
      PCN_TRY(pcn_yaml_at(key_node, pencone_plan_set_option(ctx, plan, key, value)));
    }
  }
  return PENCONE_OK;
}

static pencone_status read_quantity(pencone_context *ctx, pcn_node node, pencone_plan *plan) {
  static const char *const words[] = {"dose-to-medium", "dose-to-water", NULL};
  int word = 0;
  PCN_TRY(pcn_yaml_word(node, "quantity", words, &word));
  return pcn_yaml_at(
      node, pencone_plan_set_quantity(ctx, plan, word == 0 ? PENCONE_DOSE_TO_MEDIUM : PENCONE_DOSE_TO_WATER));
}

static pencone_status read_dose_box(pcn_node node, pencone_dose_grid *grid) {
  static const pcn_key keys[] = {{"min", PCN_REQUIRED}, {"max", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  PCN_TRY(pcn_yaml_keys(node, "box_mm", keys));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "min"), "box_mm min", length_range_mm, 3, grid->box_min_mm));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "max"), "box_mm max", length_range_mm, 3, grid->box_max_mm));
  for (int axis = 0; axis < 3; ++axis) {
    if (!(grid->box_min_mm[axis] < grid->box_max_mm[axis])) {
      return pcn_yaml_fail(node, PENCONE_E_RANGE,
                           "box_mm: got min %g and max %g along %c, expected min < max",
                           grid->box_min_mm[axis], grid->box_max_mm[axis], "xyz"[axis]);
    }
  }
  grid->has_box = 1;
  return PENCONE_OK;
}

static pencone_status read_dose_grid(pencone_context *ctx, pcn_node node, pencone_plan *plan) {
  static const pcn_key keys[] = {
      {"spacing_mm", PCN_OPTIONAL}, {"box_mm", PCN_OPTIONAL}, {NULL, PCN_OPTIONAL}};
  PCN_TRY(pcn_yaml_keys(node, "dose_grid", keys));
  pencone_dose_grid grid = PENCONE_DOSE_GRID_DEFAULT;
  const pcn_node spacing = pcn_yaml_get(node, "spacing_mm");
  const pcn_node box = pcn_yaml_get(node, "box_mm");
  if (spacing.node != NULL) {
    PCN_TRY(pcn_yaml_numbers(spacing, "spacing_mm", spacing_range_mm, 3, grid.spacing_mm));
  }
  if (box.node != NULL) {
    PCN_TRY(read_dose_box(box, &grid));
  }
  return pcn_yaml_at(node, pencone_plan_set_dose_grid(ctx, plan, &grid));
}

// --- beams -------------------------------------------------------------------------------------

/// An angle that stays as it is when its key is absent.
static pencone_status read_angle(pcn_node map, const char *key, double *angle_deg) {
  const pcn_node node = pcn_yaml_get(map, key);
  return node.node != NULL ? pcn_yaml_number(node, key, angle_range_deg, angle_deg) : PENCONE_OK;
}

static pencone_status read_field(pcn_node node, double x_mm[2], double y_mm[2]) {
  static const pcn_key keys[] = {{"x", PCN_REQUIRED}, {"y", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  PCN_TRY(pcn_yaml_keys(node, "field_mm", keys));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "x"), "field_mm x", length_range_mm, 2, x_mm));
  return pcn_yaml_numbers(pcn_yaml_get(node, "y"), "field_mm y", length_range_mm, 2, y_mm);
}

/// A shipped machine by its name, or a file beside the plan.
static pencone_status read_machine(pencone_context *ctx, pcn_node node, pencone_machine **out) {
  const char *name = NULL;
  PCN_TRY(pcn_yaml_string(node, "machine", &name));
  if (!pcn_machine_is_path(name)) {
    return pcn_yaml_at(node, pencone_machine_read(ctx, name, out));
  }
  char *path = pcn_file_beside(ctx, pcn_yaml_file(node.yaml), name);
  const pencone_status status = path != NULL ? pencone_machine_read(ctx, path, out) : PENCONE_E_MEMORY;
  pcn_free(path);
  return pcn_yaml_at(node, status);
}

/// One control point; what it leaves out is as it stands in the beam.
static pencone_status read_point(pencone_context *ctx, pcn_node node, int number,
                                 pencone_control_point *point) {
  char what[48];
  snprintf(what, sizeof what, "control point %d", number);
  PCN_TRY(pcn_yaml_keys(node, what, point_keys));
  PCN_TRY(read_angle(node, "gantry_deg", &point->gantry_deg));
  PCN_TRY(read_angle(node, "collimator_deg", &point->collimator_deg));
  PCN_TRY(read_angle(node, "couch_deg", &point->couch_deg));
  PCN_TRY(pcn_yaml_number(pcn_yaml_get(node, "weight"), "weight", weight_range, &point->weight));
  const pcn_node field = pcn_yaml_get(node, "field_mm");
  if (field.node != NULL) {
    PCN_TRY(read_field(field, point->field_x_mm, point->field_y_mm));
  }
  return pcn_yaml_at(node, pcn_control_point_check(ctx, what, point));
}

/// @param[out] points  what the beam then points to, to be freed also after a failure
static pencone_status read_points(pencone_context *ctx, pcn_node list, pencone_beam *beam,
                                  pencone_control_point **points) {
  int count = 0;
  if (list.node == NULL) {
    return PENCONE_OK;
  }
  PCN_TRY(pcn_yaml_list(list, "control_points", &count));
  *points = pcn_alloc(ctx, (size_t)count, sizeof **points);
  if (*points == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int i = 0; i < count; ++i) {
    (*points)[i] = pcn_control_point_of(beam);
    PCN_TRY(read_point(ctx, pcn_yaml_item(list, i), i + 1, &(*points)[i]));
  }
  beam->control_points = *points;
  beam->control_point_count = count;
  return PENCONE_OK;
}

/// One width for both axes, or one for each.
static pencone_status read_bixels(pcn_node node, pencone_beam *beam) {
  if (pcn_yaml_is_list(node)) {
    return pcn_yaml_numbers(node, "bixel_mm", bixel_range_mm, 2, beam->bixel_mm);
  }
  PCN_TRY(pcn_yaml_number(node, "bixel_mm", bixel_range_mm, &beam->bixel_mm[0]));
  beam->bixel_mm[1] = beam->bixel_mm[0];
  return PENCONE_OK;
}

static pencone_status read_shifter(pcn_node node, int protons, pencone_beam *beam) {
  static const pcn_range thickness_mm = {0, 300};
  static const char *const words[] = {"pmma", "water", NULL};
  const pcn_node thickness = pcn_yaml_get(node, "range_shifter_mm"),
                 material = pcn_yaml_get(node, "range_shifter_material");
  int word = 0;
  if (!protons && (thickness.node != NULL || material.node != NULL)) {
    return pcn_yaml_fail(thickness.node != NULL ? thickness : material, PENCONE_E_FORMAT,
                         "beam: got a range shifter without 'layers', expected it in beams of protons");
  }
  if (thickness.node != NULL) {
    PCN_TRY(pcn_yaml_number(thickness, "range_shifter_mm", thickness_mm, &beam->range_shifter_mm));
  }
  if (material.node != NULL) {
    PCN_TRY(pcn_yaml_word(material, "range_shifter_material", words, &word));
  }
  beam->range_shifter_material = words[word];
  return PENCONE_OK;
}

/// What comes out of the machine: protons in layers, or photons through a field.
/// @param[out] spots, map  what the beam then points to, to be freed also after a failure
static pencone_status read_output(pencone_context *ctx, pcn_node node, pencone_beam *beam, pcn_spots *spots,
                                  double **map) {
  const pcn_node layers = pcn_yaml_get(node, "layers");
  static const char *const photon_keys[] = {"field_mm", "fluence_per_cm2", "bixel_mm", "fluence_map"};
  for (int i = 0; i < 4; ++i) {
    const pcn_node there = pcn_yaml_get(node, photon_keys[i]);
    if (layers.node == NULL && there.node == NULL && i < 2) {
      return pcn_yaml_fail(node, PENCONE_E_FORMAT, "beam: got no '%s', expected this key", photon_keys[i]);
    }
    if (layers.node != NULL && there.node != NULL) {
      return pcn_yaml_fail(there, PENCONE_E_FORMAT, "beam: got '%s' and 'layers', expected one of them",
                           photon_keys[i]);
    }
  }
  const pcn_node points = pcn_yaml_get(node, "control_points");
  if (layers.node != NULL && points.node != NULL) {
    return pcn_yaml_fail(
        points, PENCONE_E_FORMAT,
        "beam: got 'control_points' and 'layers', expected one of them: protons have layers, "
        "photons have control points");
  }
  PCN_TRY(read_shifter(node, layers.node != NULL, beam));
  PCN_TRY(
      pcn_aperture_read(ctx, pcn_yaml_get(node, "aperture"), layers.node != NULL, beam, &spots->aperture));
  if (layers.node != NULL) {
    return pcn_spots_read(ctx, layers, beam, spots);
  }
  PCN_TRY(read_field(pcn_yaml_get(node, "field_mm"), beam->field_x_mm, beam->field_y_mm));
  const pcn_node bixels = pcn_yaml_get(node, "bixel_mm");
  if (bixels.node != NULL) {
    PCN_TRY(read_bixels(bixels, beam));
  }
  PCN_TRY(pcn_fluence_read(ctx, pcn_yaml_get(node, "fluence_map"), beam, map));
  return pcn_yaml_number(pcn_yaml_get(node, "fluence_per_cm2"), "fluence_per_cm2", fluence_range,
                         &beam->fluence_per_cm2);
}

static pencone_status read_beam(pencone_context *ctx, pcn_node node, pencone_plan *plan) {
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  PCN_TRY(pcn_yaml_string(pcn_yaml_get(node, "name"), "name", &beam.name));
  for (int i = 0; i < pencone_plan_beam_count(plan); ++i) {
    if (strcmp(pencone_plan_beam(plan, i)->name, beam.name) == 0) {
      return pcn_yaml_fail(node, PENCONE_E_FORMAT,
                           "name: got '%.60s' for a second beam, expected another name", beam.name);
    }
  }
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "isocenter_mm"), "isocenter_mm", length_range_mm, 3,
                           beam.isocenter_mm));
  PCN_TRY(read_angle(node, "gantry_deg", &beam.gantry_deg));
  PCN_TRY(read_angle(node, "collimator_deg", &beam.collimator_deg));
  PCN_TRY(read_angle(node, "couch_deg", &beam.couch_deg));
  pcn_spots spots = {NULL, NULL, NULL};
  pencone_control_point *points = NULL;
  pencone_machine *machine = NULL;
  double *map = NULL;
  pencone_status status = read_output(ctx, node, &beam, &spots, &map);
  if (status == PENCONE_OK) {
    status = read_machine(ctx, pcn_yaml_get(node, "machine"), &machine);
  }
  if (status == PENCONE_OK) {
    beam.machine = machine;
    status = read_points(ctx, pcn_yaml_get(node, "control_points"), &beam, &points);
  }
  if (status == PENCONE_OK) {
    status = pcn_yaml_at(node, pencone_plan_add_beam(ctx, plan, &beam));
  }
  pcn_free(points);
  pcn_free(map);
  pencone_machine_destroy(machine);
  pcn_spots_free(&spots);
  return status;
}

// --- plan --------------------------------------------------------------------------------------

/// Keys of every mapping first: what this version cannot do is said before an engine or machine is missed.
static pencone_status check_keys(const pcn_yaml *yaml, int *beams) {
  const pcn_node root = pcn_yaml_root(yaml);
  PCN_TRY(pcn_yaml_keys(root, "plan", plan_keys));
  const pcn_node list = pcn_yaml_get(root, "beams");
  PCN_TRY(pcn_yaml_list(list, "beams", beams));
  for (int i = 0; i < *beams; ++i) {
    char what[32];
    snprintf(what, sizeof what, "beam %d", i + 1);
    PCN_TRY(pcn_yaml_keys(pcn_yaml_item(list, i), what, beam_keys));
  }
  return PENCONE_OK;
}

static pencone_status fill_plan(pencone_context *ctx, const pcn_yaml *yaml, int beams, pencone_plan *plan) {
  const pcn_node root = pcn_yaml_root(yaml);
  const pcn_node engine = pcn_yaml_get(root, "engine");
  if (engine.node != NULL) {  // else the plan's own default
    PCN_TRY(read_engine(ctx, engine, plan));
  }
  const pcn_node quantity = pcn_yaml_get(root, "quantity");
  const pcn_node dose_grid = pcn_yaml_get(root, "dose_grid");
  if (quantity.node != NULL) {
    PCN_TRY(read_quantity(ctx, quantity, plan));
  }
  if (dose_grid.node != NULL) {
    PCN_TRY(read_dose_grid(ctx, dose_grid, plan));
  }
  for (int i = 0; i < beams; ++i) {
    PCN_TRY(read_beam(ctx, pcn_yaml_item(pcn_yaml_get(root, "beams"), i), plan));
  }
  return PENCONE_OK;
}

/// The path of the phantom (NULL where the plan names none) and the text of the file, if they are wanted.
static pencone_status copy_texts(pencone_context *ctx, const pcn_yaml *yaml, char **phantom_path,
                                 char **text) {
  const pcn_node node = pcn_yaml_get(pcn_yaml_root(yaml), "phantom");
  if (node.node != NULL) {
    const char *name = NULL;
    PCN_TRY(pcn_yaml_string(node, "phantom", &name));
    char *path = pcn_file_beside(ctx, pcn_yaml_file(yaml), name);
    if (path == NULL) {
      return PENCONE_E_MEMORY;
    }
    if (phantom_path != NULL) {
      *phantom_path = path;
    } else {
      pcn_free(path);
    }
  }
  if (text != NULL) {
    *text = pcn_strdup(ctx, pcn_yaml_text(yaml));
    return *text != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  }
  return PENCONE_OK;
}

static pencone_status plan_from(pencone_context *ctx, const pcn_yaml *yaml, pencone_plan **out) {
  const char *name = NULL;
  int beams = 0;
  PCN_TRY(check_keys(yaml, &beams));
  PCN_TRY(pcn_yaml_string(pcn_yaml_get(pcn_yaml_root(yaml), "plan"), "plan", &name));
  PCN_TRY(pencone_plan_create(ctx, name, out));
  return fill_plan(ctx, yaml, beams, *out);
}

pencone_status pencone_plan_read(pencone_context *ctx, const char *path, pencone_plan **out,
                                 char **phantom_path, char **text) {
  if (phantom_path != NULL) {
    *phantom_path = NULL;
  }
  if (text != NULL) {
    *text = NULL;
  }
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "plan: the place for the result is NULL");
  *out = NULL;
  pcn_yaml *yaml = NULL;
  PCN_TRY(pcn_yaml_open(ctx, path, &yaml));
  pencone_status status = plan_from(ctx, yaml, out);
  if (status == PENCONE_OK) {
    status = copy_texts(ctx, yaml, phantom_path, text);
  }
  if (status != PENCONE_OK) {
    pencone_plan_destroy(*out);
    *out = NULL;
    if (phantom_path != NULL) {
      pencone_string_free(*phantom_path);
      *phantom_path = NULL;
    }
  }
  pcn_yaml_close(yaml);
  return status;
}

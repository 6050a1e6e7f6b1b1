// SPDX-License-Identifier: Apache-2.0
// Phantom recipes (docs/formats.md).
#include <math.h>
#include <pencone/io.h>
#include <stdio.h>
#include <string.h>

#include "recipe.h"

static const pcn_range place_mm = {-1e5, 1e5};
static const pcn_range length_mm = {1e-6, 1e5};
static const pcn_range density_g_cm3 = {0, 25};
static const pcn_range voxels_per_axis = {1, 32767};

// The shapes, and what every entry may have besides.
#define SHAPE_KEYS                                                                        \
  {"box", PCN_OPTIONAL}, {"cylinder", PCN_OPTIONAL}, {"elliptic_cylinder", PCN_OPTIONAL}, \
      {"sphere", PCN_OPTIONAL}, {"ellipsoid", PCN_OPTIONAL}, {                            \
    "half_space", PCN_OPTIONAL                                                            \
  }

// --- grid --------------------------------------------------------------------------------------

/// Number of voxels along each axis from size or extent_mm.
static pencone_status read_size(pcn_node node, pencone_grid *grid) {
  const pcn_node size = pcn_yaml_get(node, "size");
  const pcn_node extent = pcn_yaml_get(node, "extent_mm");
  double edge[3];
  if ((size.node != NULL) == (extent.node != NULL)) {
    return pcn_yaml_fail(node, PENCONE_E_FORMAT, "grid: got %s, expected one of size and extent_mm",
                         size.node != NULL ? "both" : "neither");
  }
  if (size.node != NULL) {
    return pcn_yaml_integers(size, "size", voxels_per_axis, 3, grid->size);
  }
  PCN_TRY(pcn_yaml_numbers(extent, "extent_mm", length_mm, 3, edge));
  for (int a = 0; a < 3; ++a) {
    const double count = edge[a] / grid->spacing_mm[a];
    if (fabs(count - round(count)) > 1e-6 * count || round(count) < 1) {
      return pcn_yaml_fail(extent, PENCONE_E_RANGE,
                           "extent_mm: got %g mm along %c, expected a whole number of voxels of %g mm",
                           edge[a], "xyz"[a], grid -> spacing_mm[a]);
    }
    grid->size[a] = (int64_t)round(count);
  }
  return PENCONE_OK;
}

static pencone_status read_grid(pcn_node node, pencone_grid *grid) {
  static const pcn_key keys[] = {{"size", PCN_OPTIONAL},       {"extent_mm", PCN_OPTIONAL},
                                 {"spacing_mm", PCN_REQUIRED}, {"origin_mm", PCN_OPTIONAL},
                                 {"centre_mm", PCN_OPTIONAL},  {NULL, PCN_OPTIONAL}};
  PCN_TRY(pcn_yaml_keys(node, "grid", keys));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "spacing_mm"), "spacing_mm", length_mm, 3, grid->spacing_mm));
  PCN_TRY(read_size(node, grid));
  const pcn_node origin = pcn_yaml_get(node, "origin_mm");
  const pcn_node centre = pcn_yaml_get(node, "centre_mm");
  if ((origin.node != NULL) == (centre.node != NULL)) {
    return pcn_yaml_fail(
        node, PENCONE_E_FORMAT,
        "grid: got %s, expected one of origin_mm (centre of the first voxel) and centre_mm (middle "
        "of the grid)",
        origin.node != NULL ? "both" : "neither");
  }
  if (origin.node != NULL) {
    PCN_TRY(pcn_yaml_numbers(origin, "origin_mm", place_mm, 3, grid->origin_mm));
  } else {
    double middle[3];
    PCN_TRY(pcn_yaml_numbers(centre, "centre_mm", place_mm, 3, middle));
    for (int a = 0; a < 3; ++a) {
      grid->origin_mm[a] = middle[a] - 0.5 * (double)(grid->size[a] - 1) * grid->spacing_mm[a];
    }
  }
  return pcn_yaml_at(node, pencone_grid_check(pcn_yaml_context(node.yaml), grid));
}

// --- materials and structures ------------------------------------------------------------------

/// Index of a material in the recipe's list, which grows as needed; its nominal density.
static pencone_status find_material(pcn_recipe *recipe, pcn_node node, int *index, double *density) {
  const char *name = NULL;
  pencone_material material;
  PCN_TRY(pcn_yaml_string(node, "material", &name));
  PCN_TRY(pcn_yaml_at(node, pencone_material_find(pcn_yaml_context(node.yaml), name, &material)));
  *density = material.density_g_cm3;
  for (int m = 0; m < recipe->materials; ++m) {
    if (strcmp(recipe->material_name[m], name) == 0) {
      *index = m;
      return PENCONE_OK;
    }
  }
  if (recipe->materials == PCN_RECIPE_MATERIALS) {
    return pcn_yaml_fail(node, PENCONE_E_RANGE, "material: got more than %d different ones",
                         PCN_RECIPE_MATERIALS);
  }
  *index = recipe->materials++;
  recipe->material_name[*index] = name;
  return PENCONE_OK;
}

/// material and density_g_cm3 of a mapping.
static pencone_status read_matter(pcn_recipe *recipe, pcn_node map, pcn_body *body) {
  const pcn_node material = pcn_yaml_get(map, "material");
  const pcn_node density = pcn_yaml_get(map, "density_g_cm3");
  if (material.node == NULL) {
    return pcn_yaml_fail(map, PENCONE_E_FORMAT, "object: got no 'material', expected this key");
  }
  PCN_TRY(find_material(recipe, material, &body->material, &body->density_g_cm3));
  return density.node != NULL ? pcn_yaml_number(density, "density_g_cm3", density_g_cm3, &body->density_g_cm3)
                              : PENCONE_OK;
}

/// A text of a mapping that may be absent.
static pencone_status optional_string(pcn_node map, const char *key, const char **out) {
  const pcn_node node = pcn_yaml_get(map, key);
  return node.node != NULL ? pcn_yaml_string(node, key, out) : PENCONE_OK;
}

/// Index of a structure by the keys name, type and colour of a mapping, or by a name alone.
static pencone_status find_structure(pcn_recipe *recipe, pcn_node node, int *index) {
  pcn_recipe_structure wanted = {NULL, NULL, NULL};
  if (pcn_yaml_is_map(node)) {
    PCN_TRY(pcn_yaml_string(pcn_yaml_get(node, "name"), "name", &wanted.name));
    PCN_TRY(optional_string(node, "type", &wanted.type));
    PCN_TRY(optional_string(node, "colour", &wanted.colour));
  } else {
    PCN_TRY(pcn_yaml_string(node, "structure", &wanted.name));
  }
  int s = 0;
  while (s < recipe->structures && strcmp(recipe->structure[s].name, wanted.name) != 0) {
    s++;
  }
  if (s == PCN_RECIPE_STRUCTURES) {
    return pcn_yaml_fail(node, PENCONE_E_RANGE, "structure: got more than %d different ones",
                         PCN_RECIPE_STRUCTURES);
  }
  if (s == recipe->structures) {
    recipe->structure[recipe->structures++] = wanted;
  }
  pcn_recipe_structure *found = &recipe->structure[s];
  found->type = wanted.type != NULL ? wanted.type : found->type;
  found->colour = wanted.colour != NULL ? wanted.colour : found->colour;
  *index = s;
  return PENCONE_OK;
}

/// The key `structure` of an object or layer.
static pencone_status read_structure_key(pcn_recipe *recipe, pcn_node map, pcn_body *body) {
  static const pcn_key keys[] = {
      {"name", PCN_REQUIRED}, {"type", PCN_OPTIONAL}, {"colour", PCN_OPTIONAL}, {NULL, PCN_OPTIONAL}};
  const pcn_node node = pcn_yaml_get(map, "structure");
  if (node.node == NULL) {
    return PENCONE_OK;
  }
  if (pcn_yaml_is_map(node)) {
    PCN_TRY(pcn_yaml_keys(node, "structure", keys));
  }
  return find_structure(recipe, node, &body->structure);
}

// --- bodies ------------------------------------------------------------------------------------

static pencone_status add_body(pcn_recipe *recipe, pcn_node node, pcn_body **out) {
  if (recipe->bodies == PCN_RECIPE_ITEMS) {
    return pcn_yaml_fail(node, PENCONE_E_RANGE, "objects: got more than %d", PCN_RECIPE_ITEMS);
  }
  *out = &recipe->body[recipe->bodies++];
  memset(*out, 0, sizeof **out);
  (*out)->material = -1;
  (*out)->structure = -1;
  return PENCONE_OK;
}

/// The one shape of a mapping.
static pencone_status read_shape(pcn_node map, pcn_shape *out) {
  int found = -1;
  for (int i = 0; pcn_shape_names[i] != NULL; ++i) {
    if (pcn_yaml_get(map, pcn_shape_names[i]).node != NULL) {
      if (found >= 0) {
        return pcn_yaml_fail(map, PENCONE_E_FORMAT, "object: got %s and %s, expected one shape",
                             pcn_shape_names[found], pcn_shape_names[i]);
      }
      found = i;
    }
  }
  if (found < 0) {
    return pcn_yaml_fail(
        map, PENCONE_E_FORMAT,
        "object: got no shape, expected box, cylinder, elliptic_cylinder, sphere, ellipsoid, "
        "half_space or slabs");
  }
  return pcn_shape_read(pcn_yaml_get(map, pcn_shape_names[found]), found, out);
}

/// The shapes of within or without.
static pencone_status read_cuts(pcn_node map, const char *key, int is_without, pcn_body *body) {
  static const pcn_key keys[] = {SHAPE_KEYS, {NULL, PCN_OPTIONAL}};
  const pcn_node list = pcn_yaml_get(map, key);
  int count = 0;
  if (list.node == NULL) {
    return PENCONE_OK;
  }
  PCN_TRY(pcn_yaml_list(list, key, &count));
  for (int i = 0; i < count; ++i) {
    const pcn_node item = pcn_yaml_item(list, i);
    if (body->count == PCN_RECIPE_PARTS) {
      return pcn_yaml_fail(item, PENCONE_E_RANGE,
                           "%s: got too many shapes, expected at most %d in one object", key,
                           PCN_RECIPE_PARTS - 1);
    }
    PCN_TRY(pcn_yaml_keys(item, key, keys));
    PCN_TRY(read_shape(item, &body->shape[body->count]));
    body->is_without[body->count++] = is_without;
  }
  return PENCONE_OK;
}

static pencone_status read_region(pcn_node map, pcn_body *body) {
  PCN_TRY(read_shape(map, &body->shape[0]));
  body->count = 1;
  PCN_TRY(read_cuts(map, "within", 0, body));
  return read_cuts(map, "without", 1, body);
}

/// A stack of layers along an axis; each is a body of its own.
static pencone_status read_slabs(pcn_recipe *recipe, pcn_node object) {
  static const pcn_key object_keys[] = {{"slabs", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  static const pcn_key keys[] = {
      {"axis", PCN_REQUIRED}, {"from_mm", PCN_REQUIRED}, {"layers", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  static const pcn_key layer_keys[] = {{"thickness_mm", PCN_REQUIRED},
                                       {"material", PCN_REQUIRED},
                                       {"density_g_cm3", PCN_OPTIONAL},
                                       {"structure", PCN_OPTIONAL},
                                       {NULL, PCN_OPTIONAL}};
  static const char *const axes[] = {"x", "y", "z", NULL};
  int axis = 0;
  int count = 0;
  double at = 0;
  PCN_TRY(pcn_yaml_keys(object, "object with slabs", object_keys));
  const pcn_node node = pcn_yaml_get(object, "slabs");
  PCN_TRY(pcn_yaml_keys(node, "slabs", keys));
  PCN_TRY(pcn_yaml_word(pcn_yaml_get(node, "axis"), "axis", axes, &axis));
  PCN_TRY(pcn_yaml_number(pcn_yaml_get(node, "from_mm"), "from_mm", place_mm, &at));
  const pcn_node layers = pcn_yaml_get(node, "layers");
  PCN_TRY(pcn_yaml_list(layers, "layers", &count));
  for (int i = 0; i < count; ++i) {
    const pcn_node layer = pcn_yaml_item(layers, i);
    double thickness = 0;
    pcn_body *body = NULL;
    PCN_TRY(pcn_yaml_keys(layer, "layer", layer_keys));
    PCN_TRY(pcn_yaml_number(pcn_yaml_get(layer, "thickness_mm"), "thickness_mm", length_mm, &thickness));
    PCN_TRY(add_body(recipe, layer, &body));
    body->shape[0] = pcn_shape_layer(axis, at, at + thickness);
    body->count = 1;
    PCN_TRY(read_matter(recipe, layer, body));
    PCN_TRY(read_structure_key(recipe, layer, body));
    at += thickness;
  }
  return PENCONE_OK;
}

static pencone_status read_object(pcn_recipe *recipe, pcn_node node) {
  static const pcn_key keys[] = {SHAPE_KEYS,
                                 {"slabs", PCN_OPTIONAL},
                                 {"within", PCN_OPTIONAL},
                                 {"without", PCN_OPTIONAL},
                                 {"material", PCN_OPTIONAL},
                                 {"density_g_cm3", PCN_OPTIONAL},
                                 {"structure", PCN_OPTIONAL},
                                 {NULL, PCN_OPTIONAL}};
  pcn_body *body = NULL;
  PCN_TRY(pcn_yaml_keys(node, "object", keys));
  if (pcn_yaml_get(node, "slabs").node != NULL) {
    return read_slabs(recipe, node);
  }
  PCN_TRY(add_body(recipe, node, &body));
  PCN_TRY(read_region(node, body));
  PCN_TRY(read_matter(recipe, node, body));
  return read_structure_key(recipe, node, body);
}

/// An entry of `structures`: a mask without matter.
static pencone_status read_structure(pcn_recipe *recipe, pcn_node node) {
  static const pcn_key keys[] = {SHAPE_KEYS,
                                 {"name", PCN_REQUIRED},
                                 {"type", PCN_OPTIONAL},
                                 {"colour", PCN_OPTIONAL},
                                 {"within", PCN_OPTIONAL},
                                 {"without", PCN_OPTIONAL},
                                 {NULL, PCN_OPTIONAL}};
  pcn_body *body = NULL;
  PCN_TRY(pcn_yaml_keys(node, "structure", keys));
  PCN_TRY(add_body(recipe, node, &body));
  PCN_TRY(read_region(node, body));
  return find_structure(recipe, node, &body->structure);
}

/// The background: the name of a material, or material and density.
static pencone_status read_background(pcn_recipe *recipe, pcn_node node) {
  static const pcn_key keys[] = {
      {"material", PCN_REQUIRED}, {"density_g_cm3", PCN_OPTIONAL}, {NULL, PCN_OPTIONAL}};
  pcn_body *body = NULL;
  PCN_TRY(add_body(recipe, node, &body));  // without shapes: everywhere
  if (!pcn_yaml_is_map(node)) {
    return find_material(recipe, node, &body->material, &body->density_g_cm3);
  }
  PCN_TRY(pcn_yaml_keys(node, "background", keys));
  return read_matter(recipe, node, body);
}

typedef pencone_status (*read_entry)(pcn_recipe *recipe, pcn_node node);

static pencone_status read_list(pcn_recipe *recipe, pcn_node root, const char *key, read_entry read) {
  const pcn_node list = pcn_yaml_get(root, key);
  int count = 0;
  if (list.node == NULL) {
    return PENCONE_OK;
  }
  PCN_TRY(pcn_yaml_list(list, key, &count));
  for (int i = 0; i < count; ++i) {
    PCN_TRY(read(recipe, pcn_yaml_item(list, i)));
  }
  return PENCONE_OK;
}

pencone_status pcn_recipe_read(const pcn_yaml *yaml, pcn_recipe *out) {
  static const pcn_key keys[] = {{"recipe", PCN_REQUIRED},  {"description", PCN_OPTIONAL},
                                 {"grid", PCN_REQUIRED},    {"background", PCN_REQUIRED},
                                 {"objects", PCN_OPTIONAL}, {"structures", PCN_OPTIONAL},
                                 {NULL, PCN_OPTIONAL}};
  const pcn_node root = pcn_yaml_root(yaml);
  const char *text = NULL;
  memset(out, 0, sizeof *out);
  PCN_TRY(pcn_yaml_keys(root, "recipe", keys));
  PCN_TRY(pcn_yaml_string(pcn_yaml_get(root, "recipe"), "recipe", &text));
  PCN_TRY(optional_string(root, "description", &text));
  out->body = pcn_alloc(pcn_yaml_context(yaml), PCN_RECIPE_ITEMS, sizeof *out->body);
  if (out->body == NULL) {
    return PENCONE_E_MEMORY;
  }
  PCN_TRY(read_grid(pcn_yaml_get(root, "grid"), &out->grid));
  PCN_TRY(read_background(out, pcn_yaml_get(root, "background")));
  PCN_TRY(read_list(out, root, "objects", read_object));
  return read_list(out, root, "structures", read_structure);
}

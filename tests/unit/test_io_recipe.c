// SPDX-License-Identifier: Apache-2.0
// Phantom recipes: volumes and masses of the shapes, order, cuts, masks, messages.
#define _XOPEN_SOURCE 700
#include "unit_io.h"

#define PI 3.14159265358979323846

static pencone_phantom *build(const unit_files *f, const char *text) {
  pencone_phantom *phantom = NULL;
  const pencone_status status = pencone_phantom_build(f->ctx, unit_write_text(f, "r.yaml", text), &phantom);
  if (status != PENCONE_OK) {
    print_error("%s\n", pencone_context_error(f->ctx));
  }
  assert_int_equal(status, PENCONE_OK);
  return phantom;
}

/// A grid of 40 x 40 x 40 voxels of 1 x 2 x 1.5 mm around the origin, of air without mass, and one object.
static pencone_phantom *build_one(const unit_files *f, const char *object) {
  char text[2000];
  snprintf(
      text, sizeof text,
      "recipe: one\ngrid: {size: [40, 40, 40], spacing_mm: [1, 2, 1.5], centre_mm: [0, 0, 0]}\n"
      "background: {material: air, density_g_cm3: 0}\nobjects:\n  - {%s, material: water, structure: s}\n",
      object);
  return build(f, text);
}

static double sum_of_density(const pencone_phantom *phantom) {
  const pencone_phantom_desc *desc = pencone_phantom_describe(phantom);
  double sum = 0;
  for (size_t v = 0; v < pencone_grid_voxels(&desc->grid); ++v) {
    sum += (double)desc->density[v];
  }
  return sum;
}

static double sum_of_mask(const pencone_phantom *phantom, int i) {
  const uint8_t *mask = pencone_phantom_structure_mask(phantom, i);
  double sum = 0;
  for (size_t v = 0; v < pencone_grid_voxels(&pencone_phantom_describe(phantom)->grid); ++v) {
    sum += mask[v] / 255.0;
  }
  return sum;
}

static const double voxel_mm3 = 3.0;
static const double water_g_cm3 = 1.0;

static void shapes_have_their_volumes(void **state) {
  const unit_files *f = *state;
  static const struct {
    const char *text;
    double mm3, tolerance;  // relative
  } shapes[] = {
      {"box: {min_mm: [-5, -10, -9], max_mm: [7, 4, 6]}", 12 * 14 * 15, 1e-6},
      {"box: {centre_mm: [0, 0, 0], size_mm: [11, 11, 10.5]}", 11 * 11 * 10.5, 1e-6},
      {"cylinder: {axis: z, centre_mm: [1, 2, 0], radius_mm: 12, length_mm: 30}", PI * 144 * 30, 5e-3},
      {"cylinder: {axis: x, centre_mm: [0, 0, 0], radius_mm: 12, length_mm: 20}", PI * 144 * 20, 5e-3},
      {"elliptic_cylinder: {axis: y, centre_mm: [0, 0, 0], semi_axes_mm: [10, 20], length_mm: 40}",
       PI * 200 * 40, 5e-3},
      {"sphere: {centre_mm: [0.3, 0.2, 0.1], radius_mm: 15}", 4 * PI / 3 * 3375, 5e-3},
      {"ellipsoid: {centre_mm: [0, 0, 0], semi_axes_mm: [10, 20, 15]}", 4 * PI / 3 * 3000, 5e-3},
      {"half_space: {point_mm: [0, 0, 0], direction: [0, 3, 0]}", 40 * 40 * 60, 1e-6},
      {"half_space: {point_mm: [0, 0, 0], direction: [-1, 1, 0.5]}", 40 * 40 * 60, 5e-3},
      {"sphere: {centre_mm: [0, 0, 0], radius_mm: 15}, within: [half_space: {point_mm: [0, 0, 0], direction: "
       "[0, 0, 1]}]",
       2 * PI / 3 * 3375, 5e-3},
      {"cylinder: {axis: z, centre_mm: [0, 0, 0], radius_mm: 18, length_mm: 30}, "
       "without: [cylinder: {axis: z, centre_mm: [0, 0, 0], radius_mm: 9, length_mm: 60}]",
       PI * (324 - 81) * 30, 5e-3},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; ++i) {
    pencone_phantom *phantom = build_one(f, shapes[i].text);
    pencone_material water;
    assert_int_equal(pencone_material_find(f->ctx, "water", &water), PENCONE_OK);
    assert_near(water.density_g_cm3, water_g_cm3, 0.01);
    assert_near(sum_of_density(phantom) * voxel_mm3, shapes[i].mm3 * water.density_g_cm3,
                shapes[i].tolerance);
    // 255 steps and 64 points: rounding cancels over many voxels
    assert_near(sum_of_mask(phantom, 0) * voxel_mm3, shapes[i].mm3, shapes[i].tolerance + 1e-3);
    pencone_phantom_destroy(phantom);
  }
}

static double density(const pencone_phantom *phantom, int64_t i, int64_t j, int64_t k) {
  return pencone_phantom_density_at(phantom, i, j, k);
}

static const char *material(const pencone_phantom *phantom, int64_t i, int64_t j, int64_t k) {
  const pencone_phantom_desc *desc = pencone_phantom_describe(phantom);
  return desc->material_names[desc->material[(k * desc->grid.size[1] + j) * desc->grid.size[0] + i]];
}

static void slabs_lie_where_they_should(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom =
      build(f,
            "recipe: slab\n"
            "grid: {extent_mm: [5, 300, 5], spacing_mm: [2.5, 2.5, 2.5], origin_mm: [-1.25, 1.25, -1.25]}\n"
            "background: water\n"
            "objects:\n"
            "  - slabs:\n"
            "      axis: y\n"
            "      from_mm: 30\n"
            "      layers:\n"
            "        - {thickness_mm: 20, material: aluminium, structure: {name: metal, type: EXTERNAL}}\n"
            "        - {thickness_mm: 71, material: lung, density_g_cm3: 0.26}\n");
  const pencone_grid *grid = &pencone_phantom_describe(phantom)->grid;
  assert_int_equal(grid->size[0], 2);
  assert_int_equal(grid->size[1], 120);
  assert_string_equal(material(phantom, 0, 11, 0), "water");
  assert_string_equal(material(phantom, 1, 12, 1), "aluminium");
  assert_string_equal(material(phantom, 0, 19, 0), "aluminium");
  assert_string_equal(material(phantom, 0, 20, 0), "lung");
  assert_true(density(phantom, 0, 20, 0) == (double)0.26F);
  // the last layer ends at 121 mm, 1 mm into voxel 48: 2 of the 4 points lie in lung, the tie is the layer's
  assert_close(density(phantom, 0, 48, 0), 0.5 * 0.26 + 0.5 * density(phantom, 0, 0, 0), 1e-6);
  assert_string_equal(material(phantom, 0, 48, 0), "lung");
  assert_string_equal(material(phantom, 0, 49, 0), "water");
  assert_string_equal(pencone_phantom_structure_name(phantom, 0), "metal");
  assert_string_equal(pencone_phantom_structure_type(phantom, 0), "EXTERNAL");
  assert_close(sum_of_mask(phantom, 0), 8 * 2 * 2, 1e-9);
  pencone_phantom_destroy(phantom);
}

static void later_objects_overwrite_and_masks_do_not(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom = build(
      f,
      "recipe: order\n"
      "grid: {size: [4, 1, 1], spacing_mm: [1, 1, 1], origin_mm: [0, 0, 0]}\n"
      "background: air\n"
      "objects:\n"
      "  - {box: {min_mm: [-0.5, -9, -9], max_mm: [2.5, 9, 9]}, material: water, structure: body}\n"
      "  - {box: {min_mm: [0.5, -9, -9], max_mm: [1.5, 9, 9]}, material: lung, density_g_cm3: 0.3, "
      "structure: lung}\n"
      "  - {box: {min_mm: [2.5, -9, -9], max_mm: [3.5, 9, 9]}, material: pmma, structure: body}\n"
      "structures:\n"
      "  - {name: target, type: PTV, colour: red, box: {min_mm: [2.25, -9, -9], max_mm: [3.5, 9, 9]}}\n");
  assert_string_equal(material(phantom, 0, 0, 0), "water");
  assert_string_equal(material(phantom, 1, 0, 0), "lung");
  assert_string_equal(material(phantom, 3, 0, 0), "pmma");
  assert_true(density(phantom, 1, 0, 0) == (double)0.3F);
  assert_int_equal(pencone_phantom_structure_count(phantom), 3);
  const uint8_t body[] = {255, 255, 255, 255};
  const uint8_t lung[] = {0, 255, 0, 0};
  const uint8_t target[] = {0, 0, 64, 255};
  assert_memory_equal(pencone_phantom_structure_mask(phantom, 0), body, 4);
  assert_memory_equal(pencone_phantom_structure_mask(phantom, 1), lung, 4);
  assert_memory_equal(pencone_phantom_structure_mask(phantom, 2), target, 4);
  assert_string_equal(pencone_phantom_structure_colour(phantom, 2), "red");
  pencone_phantom_destroy(phantom);
}

static void threads_do_not_change_it(void **state) {
  const unit_files *f = *state;
  const char *object = "sphere: {centre_mm: [0.3, 0.2, 0.1], radius_mm: 15}";
  assert_int_equal(pencone_context_set_threads(f->ctx, 1), PENCONE_OK);
  pencone_phantom *one = build_one(f, object);
  assert_int_equal(pencone_context_set_threads(f->ctx, 5), PENCONE_OK);
  pencone_phantom *five = build_one(f, object);
  unit_same_phantom(one, five);
  pencone_phantom_destroy(one);
  pencone_phantom_destroy(five);
}

static const char good[] =
    "recipe: x\n"
    "grid: {size: [4, 4, 4], spacing_mm: [1, 1, 1], centre_mm: [0, 0, 0]}\n"
    "background: water\n"
    "objects:\n"
    "  - sphere: {centre_mm: [0, 0, 0], radius_mm: 1}\n"
    "    material: lung\n"
    "    density_g_cm3: 0.3\n"
    "    structure: s\n";

static void wrong_recipes_are_refused(void **state) {
  const unit_files *f = *state;
  static const struct {
    const char *from, *to;
    pencone_status status;
    const char *part;
  } cases[] = {
      {"size: [4", "size: [0", PENCONE_E_RANGE, "r.yaml:2: size: got 0"},
      {"size: [4", "size: [4.5", PENCONE_E_FORMAT, "r.yaml:2: size: got '4.5', expected a whole number"},
      {"size: [4, 4, 4]", "extent_mm: [4.5, 4, 4]", PENCONE_E_RANGE,
       "r.yaml:2: extent_mm: got 4.5 mm along x"},
      {"size: [4, 4, 4], ", "", PENCONE_E_FORMAT, "r.yaml:2: grid: got neither"},
      {"size: [4, 4, 4]", "size: [30000, 30000, 30000]", PENCONE_E_RANGE, "r.yaml:2"},
      {"centre_mm: [0, 0, 0]}\nb", "origin_mm: [0, 0, 0], centre_mm: [0, 0, 0]}\nb", PENCONE_E_FORMAT,
       "got both"},
      {"spacing_mm: [1", "spacing_mm: [-1", PENCONE_E_RANGE, "r.yaml:2: spacing_mm: got -1"},
      {"background: water", "background: watr", PENCONE_E_MISSING, "r.yaml:3: "},
      {"sphere", "spere", PENCONE_E_FORMAT,
       "r.yaml:5: object: got the unknown key 'spere', expected 'sphere'?"},
      {"radius_mm: 1", "radius_mm: 0", PENCONE_E_RANGE, "r.yaml:5: radius_mm: got 0"},
      {"radius_mm: 1", "radius: 1", PENCONE_E_FORMAT, "r.yaml:5: sphere: got the unknown key 'radius'"},
      {"    material: lung\n", "", PENCONE_E_FORMAT, "r.yaml:5: object: got no 'material'"},
      {"density_g_cm3: 0.3", "density_g_cm3: 26", PENCONE_E_RANGE, "r.yaml:7: density_g_cm3: got 26"},
      {"    structure: s", "    box: {min_mm: [0, 0, 0], max_mm: [1, 1, 1]}", PENCONE_E_FORMAT,
       "got box and sphere"},
      {"sphere: {centre_mm: [0, 0, 0], radius_mm: 1}", "box: {min_mm: [0, 0, 0], max_mm: [1, 0, 1]}",
       PENCONE_E_RANGE, "r.yaml:5: box: got min 0 and max 0 mm along y"},
      {"sphere: {centre_mm: [0, 0, 0], radius_mm: 1}",
       "half_space: {point_mm: [0, 0, 0], direction: [0, 0, 0]}", PENCONE_E_RANGE, "r.yaml:5: direction"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    char text[1000];
    pencone_phantom *phantom = NULL;
    const char *at = strstr(good, cases[i].from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, cases[i].to, at + strlen(cases[i].from));
    assert_int_equal(pencone_phantom_build(f->ctx, unit_write_text(f, "r.yaml", text), &phantom),
                     cases[i].status);
    assert_null(phantom);
    assert_error_has(f->ctx, cases[i].part);
  }
}

static void the_memory_budget_is_kept(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom = NULL;
  pencone_context_set_memory_budget(f->ctx, 100);
  assert_int_equal(pencone_phantom_build(f->ctx, unit_write_text(f, "r.yaml", good), &phantom),
                   PENCONE_E_BUDGET);
  assert_error_has(f->ctx, "r.yaml:2: grid");
}

static void building_survives_every_memory_failure(void **state) {
  const unit_files *f = *state;
  const char *path = unit_write_text(f, "r.yaml", good);
  pencone_status status = PENCONE_E_MEMORY;
  int tries = 0;
  for (; status != PENCONE_OK && tries < 1000; ++tries) {
    pencone_phantom *phantom = NULL;
    pcn_alloc_fail_after(f->ctx, tries);
    status = pencone_phantom_build(f->ctx, path, &phantom);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && phantom == NULL));
    pencone_phantom_destroy(phantom);
  }
  assert_true(tries > 8 && tries < 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_FILES_TEST(shapes_have_their_volumes),
      UNIT_FILES_TEST(slabs_lie_where_they_should),
      UNIT_FILES_TEST(later_objects_overwrite_and_masks_do_not),
      UNIT_FILES_TEST(threads_do_not_change_it),
      UNIT_FILES_TEST(wrong_recipes_are_refused),
      UNIT_FILES_TEST(the_memory_budget_is_kept),
      UNIT_FILES_TEST(building_survives_every_memory_failure),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

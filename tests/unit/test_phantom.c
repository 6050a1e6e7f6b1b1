// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "matter/phantom.h"
#include "unit.h"

enum { NX = 2, NY = 3, NZ = 4, VOXELS = NX * NY * NZ };

typedef struct arrays {
  int16_t hu[VOXELS];
  float density[VOXELS];
  uint8_t material[VOXELS];
} arrays;

static const char *const names[] = {"water", "cortical-bone"};

static arrays plain_arrays(void) {
  arrays a;
  for (int v = 0; v < VOXELS; v++) {
    a.hu[v] = (int16_t)(v * 10);
    a.density[v] = 1.0F + 0.01F * (float)v;
    a.material[v] = (uint8_t)(v % 2);
  }
  return a;
}

static pencone_phantom_desc full_desc(const arrays *a) {
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  const pencone_grid grid = {{NX, NY, NZ}, {1, 2, 3}, {0, 0, 0}};
  desc.grid = grid;
  desc.hu = a->hu;
  desc.density = a->density;
  desc.material = a->material;
  desc.material_names = names;
  desc.material_count = 2;
  return desc;
}

static void arrays_are_borrowed(void **state) {
  const arrays a = plain_arrays();
  const pencone_phantom_desc desc = full_desc(&a);
  pencone_phantom *phantom = NULL;
  assert_int_equal(pencone_phantom_borrow(*state, &desc, &phantom), PENCONE_OK);
  const pencone_phantom_desc *got = pencone_phantom_describe(phantom);
  assert_ptr_equal(got->hu, a.hu);
  assert_ptr_equal(got->density, a.density);
  assert_true(got->stride[0] == 1 && got->stride[1] == NX && got->stride[2] == NX * NY);
  assert_string_equal(got->material_names[1], "cortical-bone");
  assert_ptr_not_equal(got->material_names, names);
  assert_true(pencone_phantom_density_at(phantom, 1, 2, 3) == (double)a.density[VOXELS - 1]);
  assert_string_equal(pcn_phantom_material_at(phantom, 1, 0, 0)->name, "cortical-bone");
  pencone_phantom_destroy(phantom);
  pencone_phantom_destroy(NULL);
  assert_null(pencone_phantom_describe(NULL));
}

static void copies_are_independent_and_in_c_order(void **state) {
  arrays a = plain_arrays();
  pencone_phantom_desc desc = full_desc(&a);
  // The caller's x runs backwards and slowest.
  desc.hu = a.hu + (NX - 1) * NY * NZ;
  desc.density = a.density + (NX - 1) * NY * NZ;
  desc.material = a.material + (NX - 1) * NY * NZ;
  desc.stride[0] = -NY * NZ;
  desc.stride[1] = 1;
  desc.stride[2] = NY;
  pencone_phantom *borrowed = NULL, *copied = NULL;
  assert_int_equal(pencone_phantom_borrow(*state, &desc, &borrowed), PENCONE_OK);
  assert_int_equal(pencone_phantom_copy(*state, &desc, &copied), PENCONE_OK);
  for (int v = 0; v < VOXELS; v++) {
    const int i = v % NX, j = v / NX % NY, k = v / (NX * NY);
    const int at = (NX - 1 - i) * NY * NZ + j + k * NY;
    assert_true(pencone_phantom_density_at(borrowed, i, j, k) == (double)a.density[at]);
    assert_true(pencone_phantom_density_at(copied, i, j, k) == (double)a.density[at]);
    assert_int_equal(pencone_phantom_describe(copied)->hu[v], a.hu[at]);
    assert_int_equal(pencone_phantom_describe(copied)->material[v], a.material[at]);
  }
  memset(&a, 0, sizeof a);
  assert_true(pencone_phantom_density_at(copied, 0, 0, 0) > 1);
  pencone_phantom_destroy(borrowed);
  pencone_phantom_destroy(copied);
}

static void density_from_the_hu_curve(void **state) {
  const arrays a = plain_arrays();
  pencone_phantom_desc desc = full_desc(&a);
  desc.density = NULL;
  desc.material = NULL;
  desc.hu_curve = PENCONE_HU_BILINEAR;
  pencone_phantom *phantom = NULL;
  assert_int_equal(pencone_phantom_borrow(*state, &desc, &phantom), PENCONE_OK);
  assert_near(pencone_phantom_density_at(phantom, 1, 0, 0), 1.005, 1e-12);
  assert_string_equal(pcn_phantom_material_at(phantom, 1, 0, 0)->name, "water");
  assert_int_equal(pencone_phantom_describe(phantom)->material_count, 0);
  assert_null(pencone_phantom_describe(phantom)->material_names);
  pencone_phantom_destroy(phantom);
  desc.hu_curve = PENCONE_HU_SCHNEIDER2000;
  assert_int_equal(pencone_phantom_borrow(*state, &desc, &phantom), PENCONE_OK);
  assert_near(pencone_phantom_density_at(phantom, 0, 0, 0), 1.018, 1e-12);
  assert_string_equal(pcn_phantom_material_at(phantom, 1, 2, 3)->name, "schneider2000-11");  // HU 230
  pencone_phantom_destroy(phantom);
  desc.density = a.density;
  desc.hu = NULL;
  assert_int_equal(pencone_phantom_borrow(*state, &desc, &phantom), PENCONE_OK);
  assert_string_equal(pcn_phantom_material_at(phantom, 0, 0, 0)->name,
                      "schneider2000-06");  // 1 g/cm3: HU -21
  pencone_phantom_destroy(phantom);
}

static void rejects(pencone_context *ctx, const pencone_phantom_desc *desc, pencone_status status,
                    const char *text) {
  pencone_phantom *phantom = (pencone_phantom *)ctx;  // anything but NULL
  assert_int_equal(pencone_phantom_borrow(ctx, desc, &phantom), status);
  assert_null(phantom);
  assert_error_has(ctx, text);
  phantom = (pencone_phantom *)ctx;
  assert_int_equal(pencone_phantom_copy(ctx, desc, &phantom), status);
  assert_null(phantom);
}

static void every_voxel_is_checked(void **state) {
  pencone_context *ctx = *state;
  arrays a = plain_arrays();
  const pencone_phantom_desc desc = full_desc(&a);
  const float bad[] = {NAN, INFINITY, -0.001F, 25.1F};
  for (int b = 0; b < 4; b++) {
    a = plain_arrays();
    a.density[VOXELS - 1] = bad[b];
    rejects(ctx, &desc, PENCONE_E_RANGE, "density of voxel (1, 2, 3): got ");
  }
  a = plain_arrays();
  a.density[1] = NAN;
  rejects(ctx, &desc, PENCONE_E_RANGE, "voxel (1, 0, 0): got nan, expected 0 to 25 g/cm3");
  a = plain_arrays();
  a.hu[NX] = -1025;
  rejects(ctx, &desc, PENCONE_E_RANGE, "HU of voxel (0, 1, 0): got -1025, expected -1024 to 3071");
  a.hu[NX] = 3072;
  rejects(ctx, &desc, PENCONE_E_RANGE, "got 3072");
  a = plain_arrays();
  a.material[0] = 2;
  rejects(ctx, &desc, PENCONE_E_RANGE, "material of voxel (0, 0, 0): got 2");
}

static void bad_descriptions_say_what(void **state) {
  pencone_context *ctx = *state;
  static const char *const unknown[] = {"water", "cheese"};
  static const char *const none[] = {"water", NULL};
  const arrays a = plain_arrays();
  const pencone_phantom_desc good = full_desc(&a);
  pencone_phantom_desc desc = good;
  assert_int_equal(pencone_phantom_borrow(ctx, &good, NULL), PENCONE_E_ARGUMENT);
  rejects(ctx, NULL, PENCONE_E_ARGUMENT, "NULL");
  desc.struct_size = 0;
  rejects(ctx, &desc, PENCONE_E_ARGUMENT, "struct_size: got 0");
  desc = good;
  desc.grid.spacing_mm[1] = -2;
  rejects(ctx, &desc, PENCONE_E_RANGE, "spacing y: got -2 mm");
  desc = good;
  desc.hu = NULL;
  desc.density = NULL;
  rejects(ctx, &desc, PENCONE_E_ARGUMENT, "neither hu nor density");
  desc = good;
  desc.hu_curve = (pencone_hu_curve)9;
  rejects(ctx, &desc, PENCONE_E_ARGUMENT, "hu_curve: got 9");
  desc = good;
  desc.material_count = 0;
  rejects(ctx, &desc, PENCONE_E_ARGUMENT, "material_count: got 0");
  desc = good;
  desc.material_names = NULL;
  rejects(ctx, &desc, PENCONE_E_ARGUMENT, "material_names");
  desc = good;
  desc.material_names = unknown;
  rejects(ctx, &desc, PENCONE_E_MISSING, "phantom: material: got \"cheese\", expected one of: water");
  desc.material_names = none;
  rejects(ctx, &desc, PENCONE_E_MISSING, "material: got \"\"");
  desc = good;
  desc.stride[0] = 1;
  rejects(ctx, &desc, PENCONE_E_ARGUMENT, "stride y: got 0");
}

static void structures(void **state) {
  pencone_context *ctx = *state;
  const arrays a = plain_arrays();
  const pencone_phantom_desc desc = full_desc(&a);
  pencone_phantom *phantom = NULL;
  uint8_t mask[VOXELS] = {255, 128};
  assert_int_equal(pencone_phantom_borrow(ctx, &desc, &phantom), PENCONE_OK);
  assert_int_equal(pencone_phantom_add_structure(ctx, phantom, "target", mask), PENCONE_OK);
  mask[0] = 7;
  assert_int_equal(pencone_phantom_add_structure(ctx, phantom, "cord", mask), PENCONE_OK);
  assert_int_equal(pencone_phantom_add_structure(ctx, phantom, "target", mask), PENCONE_E_ARGUMENT);
  assert_error_has(ctx, "\"target\" again");
  assert_int_equal(pencone_phantom_add_structure(ctx, phantom, "", mask), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_phantom_add_structure(ctx, phantom, "x", NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_phantom_add_structure(ctx, NULL, "x", mask), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_phantom_structure_count(phantom), 2);
  assert_string_equal(pencone_phantom_structure_name(phantom, 1), "cord");
  assert_int_equal(pencone_phantom_structure_mask(phantom, 0)[0], 255);
  assert_int_equal(pencone_phantom_structure_mask(phantom, 1)[0], 7);
  assert_null(pencone_phantom_structure_name(phantom, 2));
  assert_null(pencone_phantom_structure_mask(phantom, -1));
  pencone_phantom_destroy(phantom);
}

typedef pencone_status (*create_fn)(pencone_context *, const pencone_phantom_desc *, pencone_phantom **);

static int failures_until_success(pencone_context *ctx, create_fn create, const pencone_phantom_desc *desc) {
  pencone_phantom *phantom = NULL;
  pencone_status status = PENCONE_E_MEMORY;
  int failures = -1;
  while (status != PENCONE_OK) {
    pcn_alloc_fail_after(ctx, ++failures);
    status = create(ctx, desc, &phantom);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && phantom == NULL));
  }
  pcn_alloc_fail_after(ctx, -1);
  pencone_phantom_destroy(phantom);
  return failures;
}

static void no_memory_is_an_error(void **state) {
  pencone_context *ctx = *state;
  const arrays a = plain_arrays();
  const pencone_phantom_desc desc = full_desc(&a);
  assert_int_equal(failures_until_success(ctx, pencone_phantom_borrow, &desc), 3);
  assert_int_equal(failures_until_success(ctx, pencone_phantom_copy, &desc), 6);
  pencone_phantom *phantom = NULL;
  assert_int_equal(pencone_phantom_borrow(ctx, &desc, &phantom), PENCONE_OK);
  for (int failures = 0; failures < 4; failures++) {
    pcn_alloc_fail_after(ctx, failures);
    const pencone_status status = pencone_phantom_add_structure(ctx, phantom, "s", a.material);
    assert_int_equal(status, failures < 3 ? PENCONE_E_MEMORY : PENCONE_OK);
    assert_int_equal(pencone_phantom_structure_count(phantom), failures < 3 ? 0 : 1);
  }
  pcn_alloc_fail_after(ctx, -1);
  pencone_phantom_destroy(phantom);
}

static void adopted_arrays_are_freed(void **state) {
  pencone_context *ctx = *state;
  const arrays a = plain_arrays();
  pencone_phantom_desc desc = full_desc(&a);
  float *density = pcn_alloc(ctx, VOXELS, sizeof *density);
  assert_non_null(density);
  memcpy(density, a.density, sizeof a.density);
  desc.density = density;
  desc.hu = NULL;
  desc.material = NULL;
  pencone_phantom *phantom = NULL;
  assert_int_equal(pcn_phantom_adopt(ctx, &desc, &phantom), PENCONE_OK);
  assert_ptr_equal(pencone_phantom_describe(phantom)->density, density);
  pencone_phantom_destroy(phantom);  // the leak checker sees the rest
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(arrays_are_borrowed),       UNIT_TEST(copies_are_independent_and_in_c_order),
      UNIT_TEST(density_from_the_hu_curve), UNIT_TEST(every_voxel_is_checked),
      UNIT_TEST(bad_descriptions_say_what), UNIT_TEST(structures),
      UNIT_TEST(no_memory_is_an_error),     UNIT_TEST(adopted_arrays_are_freed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

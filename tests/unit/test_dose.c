// SPDX-License-Identifier: Apache-2.0
// The dose object: values, parts, units, provenance, interpolation.
#include <pencone/dose.h>

#include "base/base.h"
#include "unit.h"

static const pencone_grid grid = {{4, 3, 5}, {2, 3, 1.5}, {-3, 10, 0}};
enum { VOXELS = 60 };

static void starts_as_zeros_in_gray(void **state) {
  pencone_dose *dose = NULL;
  assert_int_equal(pencone_dose_create(*state, &grid, &dose), PENCONE_OK);
  assert_true(pencone_grid_equal(pencone_dose_grid_of(dose), &grid));
  for (int v = 0; v < VOXELS; v++) {
    assert_true(pencone_dose_values_const(dose)[v] == 0.0F);
  }
  assert_string_equal(pencone_dose_units(dose), "Gy");
  assert_string_equal(pencone_dose_quantity(dose), "unspecified");
  assert_int_equal(pencone_dose_part_count(dose), 0);
  assert_int_equal(pencone_dose_provenance_count(dose), 0);
  pencone_dose_destroy(dose);
  pencone_dose_destroy(NULL);
}

static void refuses_wrong_arguments(void **state) {
  pencone_context *ctx = *state;
  pencone_grid bad = grid;
  bad.spacing_mm[1] = -3;
  pencone_dose *dose = (pencone_dose *)&bad;
  assert_int_equal(pencone_dose_create(ctx, &bad, &dose), PENCONE_E_RANGE);
  assert_null(dose);
  assert_int_equal(pencone_dose_create(ctx, &grid, NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_dose_create(ctx, NULL, &dose), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_dose_borrow(ctx, &grid, NULL, &dose), PENCONE_E_ARGUMENT);
  assert_error_has(ctx, "NULL");
  assert_int_equal(pencone_dose_set_units(ctx, NULL, "Gy", NULL, NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_dose_set_provenance(ctx, NULL, "a", "b"), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_dose_add_part(ctx, NULL, "a", NULL), PENCONE_E_ARGUMENT);
  assert_null(pencone_dose_values(NULL));
  assert_null(pencone_dose_grid_of(NULL));
  assert_null(pencone_dose_units(NULL));
  assert_true(isnan(pencone_dose_at(NULL, grid.origin_mm)));
}

static void borrowed_values_are_the_callers(void **state) {
  float values[VOXELS] = {0};
  pencone_dose *dose = NULL;
  assert_int_equal(pencone_dose_borrow(*state, &grid, values, &dose), PENCONE_OK);
  assert_ptr_equal(pencone_dose_values(dose), values);
  pencone_dose_values(dose)[7] = 2.5F;
  pencone_dose_destroy(dose);
  assert_true(values[7] == 2.5F);
}

static void units_change_one_by_one(void **state) {
  pencone_dose *dose = NULL;
  assert_int_equal(pencone_dose_create(*state, &grid, &dose), PENCONE_OK);
  assert_int_equal(pencone_dose_set_units(*state, dose, "Gy cm2", "dose-to-water", "per fluence"),
                   PENCONE_OK);
  assert_int_equal(pencone_dose_set_units(*state, dose, NULL, "dose-to-medium", NULL), PENCONE_OK);
  assert_string_equal(pencone_dose_units(dose), "Gy cm2");
  assert_string_equal(pencone_dose_quantity(dose), "dose-to-medium");
  assert_string_equal(pencone_dose_normalisation(dose), "per fluence");
  pencone_dose_destroy(dose);
}

static void provenance_keeps_its_order(void **state) {
  pencone_context *ctx = *state;
  pencone_dose *dose = NULL;
  assert_int_equal(pencone_dose_create(ctx, &grid, &dose), PENCONE_OK);
  for (int i = 0; i < 20; i++) {  // more than the first room
    const char name[] = {(char)('a' + i), '\0'};
    assert_int_equal(pencone_dose_set_provenance(ctx, dose, name, "first"), PENCONE_OK);
  }
  assert_int_equal(pencone_dose_set_provenance(ctx, dose, "c", "second"), PENCONE_OK);
  assert_int_equal(pencone_dose_provenance_count(dose), 20);
  assert_string_equal(pencone_dose_provenance_name(dose, 2), "c");
  assert_string_equal(pencone_dose_provenance_text(dose, 2), "second");
  assert_string_equal(pencone_dose_provenance_text(dose, 19), "first");
  assert_null(pencone_dose_provenance_name(dose, 20));
  assert_null(pencone_dose_provenance_text(dose, -1));
  assert_int_equal(pencone_dose_set_provenance(ctx, dose, "", "x"), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_dose_set_provenance(ctx, dose, "x", NULL), PENCONE_E_ARGUMENT);
  pencone_dose_destroy(dose);
}

static void parts_stay_where_they_are(void **state) {
  pencone_context *ctx = *state;
  pencone_dose *dose = NULL;
  float *first = NULL;
  assert_int_equal(pencone_dose_create(ctx, &grid, &dose), PENCONE_OK);
  assert_int_equal(pencone_dose_add_part(ctx, dose, "AP", &first), PENCONE_OK);
  first[VOXELS - 1] = 3.0F;
  for (int i = 0; i < 10; i++) {
    const char name[] = {(char)('0' + i), '\0'};
    assert_int_equal(pencone_dose_add_part(ctx, dose, name, NULL), PENCONE_OK);
  }
  assert_ptr_equal(pencone_dose_part_values(dose, 0), first);
  assert_true(pencone_dose_part_values(dose, 0)[VOXELS - 1] == 3.0F);
  assert_string_equal(pencone_dose_part_name(dose, 10), "9");
  assert_null(pencone_dose_part_name(dose, 11));
  assert_int_equal(pencone_dose_add_part(ctx, dose, "AP", &first), PENCONE_E_ARGUMENT);
  assert_error_has(ctx, "second beam 'AP'");
  assert_null(first);
  assert_int_equal(pencone_dose_part_count(dose), 11);
  pencone_dose_destroy(dose);
}

static void volumes_have_names(void **state) {
  pencone_context *ctx = *state;
  pencone_dose *dose = NULL;
  float *plan = NULL, *beam = NULL;
  assert_int_equal(pencone_dose_create(ctx, &grid, &dose), PENCONE_OK);
  assert_int_equal(pencone_dose_add_volume(ctx, dose, NULL, "let", "keV/um", "LET", &plan), PENCONE_OK);
  assert_int_equal(pencone_dose_add_volume(ctx, dose, "AP", "let", "keV/um", "LET", &beam), PENCONE_OK);
  assert_ptr_equal(pencone_dose_volume_find(dose, NULL, "let"), plan);
  assert_ptr_equal(pencone_dose_volume_find(dose, "AP", "let"), beam);
  assert_null(pencone_dose_volume_find(dose, "PA", "let"));
  assert_int_equal(pencone_dose_volume_count(dose), 2);
  assert_int_equal(pencone_dose_add_volume(ctx, dose, "AP", "let", "keV/um", "LET", NULL),
                   PENCONE_E_ARGUMENT);
  assert_error_has(ctx, "second 'let'");
  assert_int_equal(pencone_dose_add_volume(ctx, dose, NULL, "", "keV/um", "LET", NULL), PENCONE_E_ARGUMENT);
  assert_null(pencone_dose_volume_name(dose, 2));
  assert_null(pencone_dose_volume_values(dose, -1));
  pencone_dose_destroy(dose);
}

/// A dose that is linear in x, y and z, so that trilinear interpolation is exact.
static double linear(const double p[3]) {
  return 1 + 0.5 * p[0] - 0.25 * p[1] + 2 * p[2];
}

static pencone_dose *linear_dose(pencone_context *ctx, const pencone_grid *g) {
  pencone_dose *dose = NULL;
  assert_int_equal(pencone_dose_create(ctx, g, &dose), PENCONE_OK);
  float *value = pencone_dose_values(dose);
  for (int64_t k = 0; k < g->size[2]; k++) {
    for (int64_t j = 0; j < g->size[1]; j++) {
      for (int64_t i = 0; i < g->size[0]; i++) {
        double p[3];
        pencone_grid_centre(g, i, j, k, p);
        *value++ = (float)linear(p);
      }
    }
  }
  return dose;
}

static void interpolation_is_exact_for_a_linear_dose(void **state) {
  pencone_dose *dose = linear_dose(*state, &grid);
  for (double t = 0; t <= 1; t += 1.0 / 64) {  // the diagonal between the outermost centres, and bends off it
    const double p[3] = {-3 + 6 * t, 10 + 6 * (1 - t) * (1 - t), 6 * t * t};
    assert_close(pencone_dose_at(dose, p), linear(p), 1e-5);
  }
  pencone_dose_destroy(dose);
}

static void the_outer_half_voxel_takes_the_nearest_values(void **state) {
  pencone_dose *dose = linear_dose(*state, &grid);
  const double outside_x[3] = {-3.99, 11, 2};
  const double same_x[3] = {-3, 11, 2};
  const double corner[3] = {4, 17.5, 6.75};  // on the outer faces
  const double last[3] = {3, 16, 6};
  assert_close(pencone_dose_at(dose, outside_x), linear(same_x), 1e-5);
  assert_close(pencone_dose_at(dose, corner), linear(last), 1e-5);
  pencone_dose_destroy(dose);
}

static void outside_the_grid_there_is_no_dose(void **state) {
  pencone_dose *dose = linear_dose(*state, &grid);
  for (int axis = 0; axis < 3; axis++) {
    double p[3] = {0, 12, 3};
    p[axis] = grid.origin_mm[axis] - 0.501 * grid.spacing_mm[axis];
    assert_true(isnan(pencone_dose_at(dose, p)));
    p[axis] = grid.origin_mm[axis] + ((double)grid.size[axis] - 0.499) * grid.spacing_mm[axis];
    assert_true(isnan(pencone_dose_at(dose, p)));
    p[axis] = NAN;
    assert_true(isnan(pencone_dose_at(dose, p)));
    p[axis] = INFINITY;
    assert_true(isnan(pencone_dose_at(dose, p)));
  }
  pencone_dose_destroy(dose);
}

static void axes_of_one_voxel_work(void **state) {
  const pencone_grid flat = {{3, 1, 1}, {1, 2, 2}, {0, 0, 0}};
  pencone_dose *dose = linear_dose(*state, &flat);
  const double p[3] = {0.5, 0.9, -0.9};
  const double middle[3] = {0.5, 0, 0};
  assert_close(pencone_dose_at(dose, p), linear(middle), 1e-6);
  pencone_dose_destroy(dose);
}

/// Everything that allocates, each allocation failing once. @return the outcome
static pencone_status build_all(pencone_context *ctx) {
  pencone_dose *dose = NULL;
  pencone_status status = pencone_dose_create(ctx, &grid, &dose);
  if (status == PENCONE_OK) {
    status = pencone_dose_set_units(ctx, dose, "Gy cm2", "q", "n");
  }
  if (status == PENCONE_OK) {
    status = pencone_dose_set_provenance(ctx, dose, "name", "text");
  }
  if (status == PENCONE_OK) {
    status = pencone_dose_set_provenance(ctx, dose, "name", "other");
  }
  if (status == PENCONE_OK) {
    status = pencone_dose_add_part(ctx, dose, "beam", NULL);
  }
  pencone_dose_destroy(dose);
  return status;
}

static void every_allocation_may_fail(void **state) {
  int failures = 0;
  for (;; failures++) {
    pcn_alloc_fail_after(*state, failures);
    const pencone_status status = build_all(*state);
    if (status == PENCONE_OK) {
      break;
    }
    assert_int_equal(status, PENCONE_E_MEMORY);
    assert_true(failures < 100);
  }
  assert_true(failures >= 14);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(starts_as_zeros_in_gray),
      UNIT_TEST(refuses_wrong_arguments),
      UNIT_TEST(borrowed_values_are_the_callers),
      UNIT_TEST(units_change_one_by_one),
      UNIT_TEST(provenance_keeps_its_order),
      UNIT_TEST(parts_stay_where_they_are),
      UNIT_TEST(volumes_have_names),
      UNIT_TEST(interpolation_is_exact_for_a_linear_dose),
      UNIT_TEST(the_outer_half_voxel_takes_the_nearest_values),
      UNIT_TEST(outside_the_grid_there_is_no_dose),
      UNIT_TEST(axes_of_one_voxel_work),
      UNIT_TEST(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

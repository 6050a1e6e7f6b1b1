// SPDX-License-Identifier: Apache-2.0
// References on rectilinear grids, and means of a dose over their voxels.
#include <pencone/analysis.h>

#include "base/base.h"
#include "unit.h"

static const double edges_x[] = {0, 2.5, 5, 10}, edges_y[] = {0, 1, 4}, edges_z[] = {-1, 1, 11};
static const pencone_grid grid = {{6, 5, 7}, {2, 1, 2}, {1, 0.5, -1}};

static pencone_reference_desc describe(const float *dose, const float *sigma) {
  pencone_reference_desc d = PENCONE_REFERENCE_DESC_DEFAULT;
  d.size[0] = 3;
  d.size[1] = d.size[2] = 2;
  d.edges_mm[0] = edges_x;
  d.edges_mm[1] = edges_y;
  d.edges_mm[2] = edges_z;
  d.dose = dose;
  d.relative_sigma = sigma;
  return d;
}

static void keeps_a_copy(void **state) {
  float dose[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, sigma[12] = {0.01F};
  pencone_reference *r = NULL;
  pencone_reference_desc d = describe(dose, sigma);
  d.units = "Gy cm2";
  assert_int_equal(pencone_reference_create(*state, &d, &r), PENCONE_OK);
  dose[0] = sigma[0] = 99;
  const pencone_reference_desc *kept = pencone_reference_describe(r);
  assert_close((double)kept->dose[0], 1, 0);
  assert_close((double)kept->relative_sigma[0], 0.01, 1e-8);
  assert_close(kept->edges_mm[0][3], 10, 0);
  assert_string_equal(kept->units, "Gy cm2");
  assert_string_equal(kept->quantity, "unspecified");
  pencone_reference_destroy(r);
}

/// Linear dose: the mean over a box is the value at its centre, wherever the voxel edges lie.
static void means_of_a_linear_dose(void **state) {
  const float ones[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  float mean[12];
  pencone_reference *r = NULL;
  pencone_dose *dose = NULL;
  const pencone_reference_desc d = describe(ones, NULL);
  assert_int_equal(pencone_reference_create(*state, &d, &r), PENCONE_OK);
  assert_int_equal(pencone_dose_create(*state, &grid, &dose), PENCONE_OK);
  for (int v = 0; v < 6 * 5 * 7; v++) {
    pencone_dose_values(dose)[v] = (float)(2 * (v % 6) + (v / 6 % 5));  // 1 per mm in x and in y
  }
  assert_int_equal(pencone_reference_average(*state, r, dose, mean), PENCONE_OK);
  // x 0..2.5 covers voxel 0 (value 0, 2 mm) and a quarter of voxel 1 (value 2, 0.5 mm)
  assert_close((double)mean[0], 0.4, 1e-6);
  assert_close((double)mean[1], (1.5 * 2 + 1 * 4) / 2.5, 1e-6);
  assert_close((double)mean[2], (1.0 * 4 + 2 * 6 + 2 * 8) / 5, 1e-6);
  assert_close((double)mean[3], 0.4 + 2, 1e-6);  // y 1..4: values 1, 2, 3
  assert_close((double)mean[6], 0.4, 1e-6);
  pencone_dose_destroy(dose);
  pencone_reference_destroy(r);
}

static void voxels_outside_are_nan(void **state) {
  const float ones[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const pencone_grid part = {{2, 5, 7}, {2, 1, 2}, {1, 0.5, -1}},
                     apart = {{2, 2, 2}, {1, 1, 1}, {50, 50, 50}};
  float mean[12];
  pencone_reference *r = NULL;
  pencone_dose *dose = NULL;
  const pencone_reference_desc d = describe(ones, NULL);
  assert_int_equal(pencone_reference_create(*state, &d, &r), PENCONE_OK);
  assert_int_equal(pencone_dose_create(*state, &part, &dose), PENCONE_OK);
  for (int v = 0; v < 2 * 5 * 7; v++) {
    pencone_dose_values(dose)[v] = 3;
  }
  assert_int_equal(pencone_reference_average(*state, r, dose, mean), PENCONE_OK);
  assert_close((double)mean[1], 3, 1e-6);  // x 2.5..5, of which 2.5..4 is covered
  assert_true(isnan(mean[2]));
  pencone_dose_destroy(dose);
  assert_int_equal(pencone_dose_create(*state, &apart, &dose), PENCONE_OK);
  assert_int_equal(pencone_reference_average(*state, r, dose, mean), PENCONE_E_SHAPE);
  assert_error_has(*state, "does not overlap");
  pencone_dose_destroy(dose);
  pencone_reference_destroy(r);
}

static void a_dose_becomes_a_reference(void **state) {
  pencone_dose *dose = NULL;
  pencone_reference *r = NULL;
  float mean[6 * 5 * 7];
  assert_int_equal(pencone_dose_create(*state, &grid, &dose), PENCONE_OK);
  assert_int_equal(pencone_reference_from_dose(*state, dose, &r), PENCONE_E_RANGE);  // no dose at all
  for (int v = 0; v < 6 * 5 * 7; v++) {
    pencone_dose_values(dose)[v] = (float)(v + 1);
  }
  assert_int_equal(pencone_reference_from_dose(*state, dose, &r), PENCONE_OK);
  assert_int_equal(pencone_reference_average(*state, r, dose, mean), PENCONE_OK);
  assert_memory_equal(mean, pencone_dose_values(dose), sizeof mean);
  pencone_reference_destroy(r);
  pencone_dose_destroy(dose);
}

static void refuses_bad_input(void **state) {
  pencone_context *ctx = *state;
  float dose[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, sigma[12] = {0};
  static const double falling[] = {0, 2, 1, 3};
  pencone_reference *r = NULL;
  pencone_reference_desc d = describe(dose, sigma);
  d.edges_mm[0] = falling;
  assert_int_equal(pencone_reference_create(ctx, &d, &r), PENCONE_E_RANGE);
  assert_error_has(ctx, "edge 2 along x");
  d = describe(dose, sigma);
  sigma[4] = -0.1F;
  assert_int_equal(pencone_reference_create(ctx, &d, &r), PENCONE_E_RANGE);
  assert_error_has(ctx, "sigma of voxel 4");
  sigma[4] = 0;
  dose[7] = NAN;
  assert_int_equal(pencone_reference_create(ctx, &d, &r), PENCONE_E_RANGE);
  assert_error_has(ctx, "value 7");
  memset(dose, 0, sizeof dose);
  assert_int_equal(pencone_reference_create(ctx, &d, &r), PENCONE_E_RANGE);
  assert_error_has(ctx, "largest dose of 0");
  d.dose = NULL;
  assert_int_equal(pencone_reference_create(ctx, &d, &r), PENCONE_E_ARGUMENT);
  assert_null(r);
  pencone_reference_destroy(NULL);
}

static void every_failing_allocation_is_reported(void **state) {
  const float ones[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const pencone_reference_desc d = describe(ones, NULL);
  pencone_reference *r = NULL;
  pencone_status status = PENCONE_E_MEMORY;
  for (int n = 0; status != PENCONE_OK && n < 20; n++) {
    pcn_alloc_fail_after(*state, n);
    status = pencone_reference_create(*state, &d, &r);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && r == NULL));
  }
  pcn_alloc_fail_after(*state, -1);
  assert_int_equal(status, PENCONE_OK);
  pencone_reference_destroy(r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(keeps_a_copy),           UNIT_TEST(means_of_a_linear_dose),
      UNIT_TEST(voxels_outside_are_nan), UNIT_TEST(a_dose_becomes_a_reference),
      UNIT_TEST(refuses_bad_input),      UNIT_TEST(every_failing_allocation_is_reported),
  };
  return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}

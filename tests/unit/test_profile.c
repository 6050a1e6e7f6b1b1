// SPDX-License-Identifier: Apache-2.0
// Dose along a line.
#include <pencone/analysis.h>

#include "unit.h"

static const pencone_grid grid = {{11, 11, 11}, {2, 2, 2}, {-10, -10, -10}};

/// Dose 3 + y/10: a straight line in every profile.
static pencone_dose *make_dose(pencone_context *ctx) {
  pencone_dose *dose = NULL;
  assert_int_equal(pencone_dose_create(ctx, &grid, &dose), PENCONE_OK);
  float *value = pencone_dose_values(dose);
  for (int v = 0; v < 11 * 11 * 11; v++) {
    value[v] = (float)(3 + 0.1 * (-10 + 2 * (v / 11 % 11)));
  }
  return dose;
}

static void both_ends_are_included(void **state) {
  pencone_dose *dose = make_dose(*state);
  const double from[3] = {1, -10, 0.3};
  const double to[3] = {1, 10, 0.3};
  double distance[21];
  double value[21];
  assert_int_equal(pencone_profile_sample(*state, dose, from, to, 21, distance, value), PENCONE_OK);
  for (int i = 0; i < 21; i++) {
    assert_close(distance[i], i, 1e-12);
    assert_close(value[i], 2 + 0.1 * i, 1e-6);
  }
  pencone_dose_destroy(dose);
}

static void an_oblique_line_measures_its_own_length(void **state) {
  pencone_dose *dose = make_dose(*state);
  const double from[3] = {-6, -8, 0};
  const double to[3] = {6, 8, 0};
  double distance[3];
  double value[3];
  assert_int_equal(pencone_profile_sample(*state, dose, from, to, 3, distance, value), PENCONE_OK);
  assert_close(distance[1], 10, 1e-12);
  assert_close(distance[2], 20, 1e-12);
  assert_close(value[0], 2.2, 1e-6);
  assert_close(value[1], 3, 1e-6);
  assert_int_equal(pencone_profile_sample(*state, dose, from, to, 3, NULL, value), PENCONE_OK);
  pencone_dose_destroy(dose);
}

static void outside_is_nan(void **state) {
  pencone_dose *dose = make_dose(*state);
  const double from[3] = {0, -20, 0};
  const double to[3] = {0, 20, 0};
  double value[5];
  assert_int_equal(pencone_profile_sample(*state, dose, from, to, 5, NULL, value), PENCONE_OK);
  assert_true(isnan(value[0]) && isnan(value[4]));
  assert_close(value[1], 2, 1e-6);
  pencone_dose_destroy(dose);
}

static void refuses_what_is_no_line(void **state) {
  pencone_context *ctx = *state;
  pencone_dose *dose = make_dose(ctx);
  const double a[3] = {0, 0, 0};
  const double b[3] = {0, 5, 0};
  const double bad[3] = {0, NAN, 0};
  double value[4];
  assert_int_equal(pencone_profile_sample(ctx, dose, a, a, 4, NULL, value), PENCONE_E_RANGE);
  assert_error_has(ctx, "two different points");
  assert_int_equal(pencone_profile_sample(ctx, dose, a, bad, 4, NULL, value), PENCONE_E_RANGE);
  assert_int_equal(pencone_profile_sample(ctx, dose, a, b, 1, NULL, value), PENCONE_E_ARGUMENT);
  assert_error_has(ctx, "got 1 samples");
  assert_int_equal(pencone_profile_sample(ctx, NULL, a, b, 4, NULL, value), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_profile_sample(ctx, dose, NULL, b, 4, NULL, value), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_profile_sample(ctx, dose, a, b, 4, NULL, NULL), PENCONE_E_ARGUMENT);
  pencone_dose_destroy(dose);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(both_ends_are_included),
      UNIT_TEST(an_oblique_line_measures_its_own_length),
      UNIT_TEST(outside_is_nan),
      UNIT_TEST(refuses_what_is_no_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

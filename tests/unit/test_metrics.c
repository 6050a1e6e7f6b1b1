// SPDX-License-Identifier: Apache-2.0
// What is read off depth doses and profiles, on curves whose answers are known.
#include <pencone/analysis.h>

#include "unit.h"

enum { N = 601 };

static double x[N], y[N];

/// Samples f every step from start.
static void sample(double (*f)(double), double start, double step) {
  for (int i = 0; i < N; i++) {
    x[i] = start + step * i;
    y[i] = f(x[i]);
  }
}

/// An edge of Gaussian blur: 80-20 % is 1.6832 sigma wide.
static double field_of_100(double u) {
  const double sigma = 3;
  return 0.5 * (erf((u - 2 + 50) / (sigma * sqrt(2.0))) - erf((u - 2 - 50) / (sigma * sqrt(2.0))));
}

static void a_blurred_field(void **state) {
  pencone_profile_metrics m = PENCONE_PROFILE_METRICS_INIT;
  sample(field_of_100, -90, 0.3);
  assert_int_equal(pencone_profile_measure(*state, x, y, N, &m), PENCONE_OK);
  assert_close(m.field_mm, 100, 0.01);
  assert_close(m.left_mm, -48, 0.01);
  assert_close(m.right_mm, 52, 0.01);
  assert_close(m.penumbra_left_mm, 1.68324 * 3, 0.01);
  assert_close(m.penumbra_right_mm, 1.68324 * 3, 0.01);
  assert_close(m.flatness_pct, 100 * (1 - y[170]) / (1 + y[170]), 0.1);
  assert_close(m.symmetry_pct, 0, 1e-2);
}

static double tilted(double u) {
  return fabs(u) < 50 ? 1 + 0.001 * u : 0.01;
}

static void a_tilted_field_is_neither_flat_nor_symmetric(void **state) {
  pencone_profile_metrics m = PENCONE_PROFILE_METRICS_INIT;
  sample(tilted, -90, 0.3);
  assert_int_equal(pencone_profile_measure(*state, x, y, N, &m), PENCONE_OK);
  assert_close(m.field_mm, 100, 0.4);
  assert_close(m.flatness_pct, 4, 0.1);  // 0.96 to 1.04
  assert_close(m.symmetry_pct, 8, 0.1);
}

static double rising(double u) {
  return 1 + 0.001 * u;
}

static void a_profile_without_edges_has_no_field(void **state) {
  pencone_profile_metrics m = PENCONE_PROFILE_METRICS_INIT;
  sample(rising, -90, 0.3);
  assert_int_equal(pencone_profile_measure(*state, x, y, N, &m), PENCONE_OK);
  assert_true(isnan(m.field_mm) && isnan(m.penumbra_left_mm) && isnan(m.flatness_pct));
}

/// Build-up and attenuation: the maximum is where both slopes cancel, ln(b/a)/(b-a).
static double photon(double u) {
  return exp(-0.005 * u) - 0.7 * exp(-0.25 * u);
}

static void a_photon_depth_dose(void **state) {
  pencone_depth_metrics m = PENCONE_DEPTH_METRICS_INIT;
  sample(photon, 0, 0.5);
  assert_int_equal(pencone_depth_measure(*state, x, y, N, &m), PENCONE_OK);
  assert_close(m.dmax_mm, log(0.7 * 0.25 / 0.005) / 0.245, 0.02);
  assert_close(m.dose_max, photon(m.dmax_mm), 1e-5);
  assert_close(m.d20_d10, exp(-0.5), 1e-9);
  assert_close(m.tpr20_10, 1.2661 * exp(-0.5) - 0.0595, 1e-9);
  assert_true(isnan(m.r20_mm) && isnan(m.distal_falloff_mm));
  assert_close(m.r80_mm, -log(0.8 * m.dose_max) / 0.005, 0.05);
}

/// A plateau between 100 and 150 mm with straight flanks of 20 mm and 8 mm.
static double spread_out(double u) {
  if (u < 100) {
    return fmax(0.6, 1 - (100 - u) / 20);
  }
  return u < 150 ? 1 : fmax(0, 1 - (u - 150) / 8);
}

static void a_spread_out_bragg_peak(void **state) {
  pencone_depth_metrics m = PENCONE_DEPTH_METRICS_INIT;
  sample(spread_out, 0, 0.4);
  assert_int_equal(pencone_depth_measure(*state, x, y, N, &m), PENCONE_OK);
  assert_close(m.r90_mm, 150.8, 1e-6);
  assert_close(m.r80_mm, 151.6, 1e-6);
  assert_close(m.r50_mm, 154, 1e-6);
  assert_close(m.r20_mm, 156.4, 1e-6);
  assert_close(m.distal_falloff_mm, 4.8, 1e-6);
  assert_close(m.sobp_width_mm, 150.8 - 98, 1e-6);
}

static void tpr_from_two_set_ups(void **state) {
  (void)state;
  assert_close(pencone_tpr20_10(0.667, 1.0), 0.667, 1e-12);
  assert_true(isnan(pencone_tpr20_10(1, 0)));
}

static void refuses_bad_curves(void **state) {
  pencone_depth_metrics d = PENCONE_DEPTH_METRICS_INIT;
  pencone_profile_metrics p = PENCONE_PROFILE_METRICS_INIT;
  sample(photon, 0, 0.5);
  assert_int_equal(pencone_depth_measure(*state, x, y, 4, &d), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_depth_measure(*state, NULL, y, N, &d), PENCONE_E_ARGUMENT);
  y[9] = NAN;
  assert_int_equal(pencone_depth_measure(*state, x, y, N, &d), PENCONE_E_RANGE);
  assert_error_has(*state, "sample 9");
  y[9] = 1;
  x[5] = x[4];
  assert_int_equal(pencone_profile_measure(*state, x, y, N, &p), PENCONE_E_RANGE);
  assert_error_has(*state, "rising positions");
  sample(photon, 0, 0.5);
  for (int i = 0; i < N; i++) {
    y[i] = 0;
  }
  assert_int_equal(pencone_profile_measure(*state, x, y, N, &p), PENCONE_E_RANGE);
  assert_error_has(*state, "a dose above 0");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(a_blurred_field),
      UNIT_TEST(a_tilted_field_is_neither_flat_nor_symmetric),
      UNIT_TEST(a_profile_without_edges_has_no_field),
      UNIT_TEST(a_photon_depth_dose),
      UNIT_TEST(a_spread_out_bragg_peak),
      UNIT_TEST(tpr_from_two_set_ups),
      UNIT_TEST(refuses_bad_curves),
  };
  return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}

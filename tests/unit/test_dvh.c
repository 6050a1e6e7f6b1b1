// SPDX-License-Identifier: Apache-2.0
// Dose-volume histograms of bodies in linear gradients against closed forms, and what follows from them.
#include <pencone/analysis.h>
#include <stdlib.h>

#include "base/base.h"
#include "unit.h"

/// 1 when a point is inside the body.
typedef int (*body_fn)(double x, double y, double z);

static int sphere(double x, double y, double z) {
  return x * x + y * y + z * z <= 400;  // radius 20
}

static int cylinder(double x, double y, double z) {
  return y * y + z * z <= 100 && fabs(x) <= 15;  // along x, radius 10, length 30
}

static int cone(double x, double y, double z) {
  const double r = 10 * (15 - x) / 30;  // tip at x = 15, radius 10 at x = -15
  return fabs(x) <= 15 && y * y + z * z <= r * r;
}

/// Mask with the share of each voxel, by n x n x n samples. @return freed by the caller
static uint8_t *make_mask(const pencone_grid *g, body_fn inside, int n) {
  uint8_t *mask = malloc(pencone_grid_voxels(g));
  assert_non_null(mask);
  for (size_t v = 0; v < pencone_grid_voxels(g); v++) {
    const size_t nx = (size_t)g->size[0], ny = (size_t)g->size[1];
    double c[3];
    int count = 0;
    pencone_grid_centre(g, (int64_t)(v % nx), (int64_t)(v / nx % ny), (int64_t)(v / nx / ny), c);
    for (int m = 0; m < n * n * n; m++) {
      const double step = g->spacing_mm[0] / n, low = 0.5 * (step - g->spacing_mm[0]);
      count += inside(c[0] + low + step * (m % n), c[1] + low + step * (m / n % n),
                      c[2] + low + step * (m / n / n));
    }
    mask[v] = (uint8_t)(255.0 * count / (n * n * n) + 0.5);
  }
  return mask;
}

/// Dose 50 + slope . r on a grid of 2.5 mm.
static pencone_dose *make_dose(pencone_context *ctx, const double slope[3]) {
  const pencone_grid g = {{24, 24, 24}, {2.5, 2.5, 2.5}, {-28.75, -28.75, -28.75}};
  pencone_dose *dose = NULL;
  assert_int_equal(pencone_dose_create(ctx, &g, &dose), PENCONE_OK);
  for (size_t v = 0; v < pencone_grid_voxels(&g); v++) {
    double p[3];
    pencone_grid_centre(&g, (int64_t)(v % 24), (int64_t)(v / 24 % 24), (int64_t)(v / 576), p);
    pencone_dose_values(dose)[v] = (float)(50 + slope[0] * p[0] + slope[1] * p[1] + slope[2] * p[2]);
  }
  return dose;
}

static const double along_x[3] = {1, 0, 0};

/// Share of the body beyond xi on the way up the gradient.
static double sphere_share(double xi) {
  return fabs(xi) < 20 ? (20 - xi) * (20 - xi) * (40 + xi) / (4 * 8000) : xi < 0;
}

static double cylinder_share(double xi) {
  return fmin(fmax((15 - xi) / 30, 0), 1);
}

static double cone_share(double xi) {
  return pow(fmin(fmax((15 - xi) / 30, 0), 1), 3);
}

/// Largest difference of the histogram from the closed form, in per cent of the volume.
static double worst(pencone_context *ctx, body_fn body, double (*share)(double), double spacing,
                    const double slope[3]) {
  const int64_t n = (int64_t)(44 / spacing);
  const double low = -0.5 * spacing * (double)(n - 1) + 0.2;  // off centre: no symmetry helps
  const pencone_grid g = {{n, n, n}, {spacing, spacing, spacing}, {low, low, low}};
  uint8_t *mask = make_mask(&g, body, spacing > 1 ? 10 : 5);
  pencone_dose *dose = make_dose(ctx, slope);
  pencone_dvh *dvh = NULL;
  assert_int_equal(pencone_dvh_create(ctx, dose, &g, mask, &dvh), PENCONE_OK);
  const double steepness = sqrt(slope[0] * slope[0] + slope[1] * slope[1] + slope[2] * slope[2]);
  double largest = 0;
  // The rim of a cone's base, a sharp edge in partly filled voxels, is good to 1 % only.
  for (double xi = body == cone ? -14.5 : -21; xi <= 21; xi += 0.25) {
    largest = fmax(largest, fabs(pencone_dvh_volume_at(dvh, 50 + steepness * xi) - 100 * share(xi)));
  }
  pencone_dvh_destroy(dvh);
  pencone_dose_destroy(dose);
  free(mask);
  return largest;
}

static void bodies_in_gradients_have_their_closed_form(void **state) {
  static const double oblique[3] = {1, 2, -0.5}, diagonal[3] = {-1, 1, 1};
  assert_true(worst(*state, sphere, sphere_share, 2, along_x) < 0.5);
  assert_true(worst(*state, sphere, sphere_share, 2, oblique) < 0.5);
  assert_true(worst(*state, sphere, sphere_share, 2, diagonal) < 0.5);
  assert_true(worst(*state, cylinder, cylinder_share, 2, along_x) < 0.5);
  assert_true(worst(*state, cone, cone_share, 2, along_x) < 0.5);
}

static void fine_voxels_come_closer(void **state) {
  static const double diagonal[3] = {-1, 1, 1};
  assert_true(worst(*state, sphere, sphere_share, 0.5, diagonal) < 0.1);
}

/// The usual figures of a sphere of radius 20 mm in 1 Gy/mm around 50 Gy.
static void figures_of_a_sphere(void **state) {
  const pencone_grid g = {{22, 22, 22}, {2, 2, 2}, {-21, -21, -21}};
  uint8_t *mask = make_mask(&g, sphere, 10);
  pencone_dose *dose = make_dose(*state, along_x);
  pencone_dvh *dvh = NULL;
  pencone_dvh_summary s = PENCONE_DVH_SUMMARY_INIT;
  assert_int_equal(pencone_dvh_create(*state, dose, &g, mask, &dvh), PENCONE_OK);
  pencone_dvh_summarise(dvh, &s);
  assert_near(s.volume_cm3, 33.5103, 1e-3);
  assert_close(s.mean, 50, 1e-3);
  assert_close(s.d50, 50, 0.01);
  assert_close(s.d95, 50 - 14.588, 0.02);  // (1 - u)^2 (2 + u) / 4 = 0.95 at u = -0.7294
  assert_close(s.d5, 50 + 14.588, 0.02);
  assert_close(s.d98, 50 - 16.64, 0.03);
  assert_close(s.d2, 50 + 16.64, 0.03);
  assert_close(s.homogeneity, 2 * 16.64 / 50, 1e-3);
  assert_close(pencone_dvh_volume_at(dvh, 0), 100, 0);
  assert_close(pencone_dvh_volume_at(dvh, 80), 0, 0);
  assert_true(s.min >= 30 && s.max <= 70 && s.min <= s.d98 && s.d2 <= s.max);
  assert_true(isnan(pencone_dvh_dose_at(dvh, 101)) && isnan(pencone_dvh_dose_at(dvh, -1)));
  pencone_dvh_destroy(dvh);
  pencone_dose_destroy(dose);
  free(mask);
}

/// All of a structure gets the dose that it gets: V is "this or more".
static void a_uniform_dose_counts_at_its_own_value(void **state) {
  static const double none[3] = {0, 0, 0};
  const pencone_grid g = {{8, 8, 8}, {2, 2, 2}, {-7, -7, -7}};
  uint8_t mask[512];
  memset(mask, 255, sizeof mask);
  pencone_dose *dose = make_dose(*state, none);
  pencone_dvh *dvh = NULL;
  assert_int_equal(pencone_dvh_create(*state, dose, &g, mask, &dvh), PENCONE_OK);
  assert_close(pencone_dvh_volume_at(dvh, 50), 100, 0);
  assert_close(pencone_dvh_volume_at(dvh, 50.001), 0, 0);
  assert_close(pencone_dvh_dose_at(dvh, 95), 50, 0);
  assert_close(pencone_dvh_geud(dvh, 1), 50, 1e-5);
  assert_close(pencone_dvh_geud(dvh, -20), 50, 1e-5);
  assert_close(pencone_dvh_ntcp_lkb(dvh, 0.5, 0.2, 50), 0.5, 1e-6);
  assert_close(pencone_dvh_ntcp_lkb(dvh, 0.5, 0.25, 40), 0.84134, 1e-4);  // Phi(1)
  const pencone_tcp_model model = {1e7, 0.3, 10, 25};                     // alpha D (1 + d/10) = 18 for d = 2
  assert_close(pencone_dvh_tcp_poisson(dvh, &model), exp(-1e7 * 4.096 * exp(-18)), 1e-4);
  assert_true(isnan(pencone_dvh_ntcp_lkb(dvh, 0, 0.2, 50)) && isnan(pencone_dvh_geud(dvh, 0)));
  pencone_dvh_destroy(dvh);
  pencone_dose_destroy(dose);
}

/// A quarter of the structure gets 50 Gy, the rest next to nothing: no homogeneity.
static void homogeneity_of_next_to_nothing_is_none(void **state) {
  const pencone_grid g = {{8, 8, 8}, {2, 2, 2}, {-7, -7, -7}};
  const double low_gy[] = {49, 1e-8};
  uint8_t mask[512];
  memset(mask, 255, sizeof mask);
  for (int i = 0; i < 2; i++) {
    pencone_dose *dose = make_dose(*state, along_x);
    pencone_dvh *dvh = NULL;
    pencone_dvh_summary s = PENCONE_DVH_SUMMARY_INIT;
    for (size_t v = 0; v < 24 * 24 * 24; v++) {
      pencone_dose_values(dose)[v] = (float)(v % 24 > 13 ? 50 : low_gy[i]);
    }
    assert_int_equal(pencone_dvh_create(*state, dose, &g, mask, &dvh), PENCONE_OK);
    pencone_dvh_summarise(dvh, &s);
    assert_true(s.d2 > 49.5 && s.d50 < 50);
    assert_int_equal(isnan(s.homogeneity), i);
    pencone_dvh_destroy(dvh);
    pencone_dose_destroy(dose);
  }
}

static void eqd2_is_what_it_says(void **state) {
  (void)state;
  assert_close(pencone_eqd2(60, 3, 10), 65, 1e-12);
  assert_close(pencone_eqd2(60, 2, 3), 60, 1e-12);
  assert_true(isnan(pencone_eqd2(60, 2, 0)));
}

/// In a gradient the 50 Gy isodose is half of the grid; a target on the hot side is covered.
static void conformity_of_half_a_grid(void **state) {
  const pencone_grid g = {{10, 24, 24}, {2.5, 2.5, 2.5}, {3.75, -28.75, -28.75}};
  uint8_t *target = malloc(pencone_grid_voxels(&g));
  assert_non_null(target);
  memset(target, 255, pencone_grid_voxels(&g));
  pencone_dose *dose = make_dose(*state, along_x);
  pencone_conformity c = PENCONE_CONFORMITY_INIT;
  assert_int_equal(pencone_conformity_measure(*state, dose, &g, target, 50, &c), PENCONE_OK);
  assert_near(c.target_cm3, 90, 1e-6);
  assert_near(c.isodose_cm3, 108, 1e-3);
  assert_near(c.both_cm3, 90, 1e-6);
  assert_near(c.rtog, 1.2, 1e-3);
  assert_near(c.paddick, 90 * 90 / (90 * 108.0), 1e-3);
  assert_int_equal(pencone_conformity_measure(*state, dose, &g, target, -1, &c), PENCONE_E_RANGE);
  pencone_dose_destroy(dose);
  free(target);
}

static void refuses_bad_input(void **state) {
  pencone_context *ctx = *state;
  const pencone_grid g = {{8, 8, 8}, {2, 2, 2}, {-7, -7, -7}}, apart = {{8, 8, 8}, {2, 2, 2}, {25, 0, 0}};
  uint8_t mask[512] = {0};
  pencone_dose *dose = make_dose(ctx, along_x);
  pencone_dvh *dvh = NULL;
  assert_int_equal(pencone_dvh_create(ctx, dose, &g, mask, &dvh), PENCONE_E_RANGE);
  assert_error_has(ctx, "without voxels");
  memset(mask, 255, sizeof mask);
  assert_int_equal(pencone_dvh_create(ctx, dose, &apart, mask, &dvh), PENCONE_E_SHAPE);
  assert_error_has(ctx, "outside the dose grid");
  pencone_dose_values(dose)[3] = NAN;
  assert_int_equal(pencone_dvh_create(ctx, dose, &g, mask, &dvh), PENCONE_E_RANGE);
  assert_error_has(ctx, "value 3");
  assert_null(dvh);
  assert_int_equal(pencone_dvh_create(ctx, NULL, &g, mask, &dvh), PENCONE_E_ARGUMENT);
  pencone_dose_destroy(dose);
}

static void every_failing_allocation_is_reported(void **state) {
  const pencone_grid g = {{8, 8, 8}, {2, 2, 2}, {-7, -7, -7}};
  uint8_t mask[512];
  memset(mask, 200, sizeof mask);
  pencone_dose *dose = make_dose(*state, along_x);
  pencone_dvh *dvh = NULL;
  pencone_status status = PENCONE_E_MEMORY;
  for (int n = 0; status != PENCONE_OK && n < 20; n++) {
    pcn_alloc_fail_after(*state, n);
    status = pencone_dvh_create(*state, dose, &g, mask, &dvh);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && dvh == NULL));
  }
  pcn_alloc_fail_after(*state, -1);
  assert_int_equal(status, PENCONE_OK);
  pencone_dvh_destroy(dvh);
  pencone_dose_destroy(dose);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(bodies_in_gradients_have_their_closed_form),
      UNIT_TEST(fine_voxels_come_closer),
      UNIT_TEST(figures_of_a_sphere),
      UNIT_TEST(a_uniform_dose_counts_at_its_own_value),
      UNIT_TEST(homogeneity_of_next_to_nothing_is_none),
      UNIT_TEST(eqd2_is_what_it_says),
      UNIT_TEST(conformity_of_half_a_grid),
      UNIT_TEST(refuses_bad_input),
      UNIT_TEST(every_failing_allocation_is_reported),
  };
  return cmocka_run_group_tests_name("dvh", tests, NULL, NULL);
}

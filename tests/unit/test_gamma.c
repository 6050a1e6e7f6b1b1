// SPDX-License-Identifier: Apache-2.0
// Gamma against closed forms: ramps, steps, flat fields; grids, roles, sigma, bad input, threads, levels.
#include <pencone/analysis.h>
#include <stdlib.h>

#include "base/base.h"
#include "simd/isa.h"
#include "unit.h"

typedef double (*dose_fn)(const double xyz[3], const double *parameters);

static pencone_dose *make(pencone_context *ctx, const pencone_grid *grid, dose_fn f,
                          const double *parameters) {
  pencone_dose *dose = NULL;
  assert_int_equal(pencone_dose_create(ctx, grid, &dose), PENCONE_OK);
  float *values = pencone_dose_values(dose);
  for (int64_t k = 0; k < grid->size[2]; k++) {
    for (int64_t j = 0; j < grid->size[1]; j++) {
      for (int64_t i = 0; i < grid->size[0]; i++) {
        double xyz[3];
        pencone_grid_centre(grid, i, j, k, xyz);
        values[(k * grid->size[1] + j) * grid->size[0] + i] = (float)f(xyz, parameters);
      }
    }
  }
  return dose;
}

/// p[0] + p[1] x + p[2] y + p[3] z
static double plane(const double xyz[3], const double *p) {
  return p[0] + p[1] * xyz[0] + p[2] * xyz[1] + p[3] * xyz[2];
}

/// 100 for x below p[0], else 10
static double step(const double xyz[3], const double *p) {
  return xyz[0] < p[0] ? 100 : 10;
}

static double bump(const double xyz[3], const double *p) {
  double r2 = 0;
  for (int axis = 0; axis < 3; axis++) {
    r2 += pow((xyz[axis] - p[axis]) / (12 + 2 * axis), 2);
  }
  return p[3] * exp(-r2);
}

static const pencone_grid grid1 = {{40, 24, 24}, {1, 1, 1}, {0, 0, 0}};

/// Gamma in the middle of the reference grid, where no border interferes.
static double middle_gamma(pencone_context *ctx, const pencone_dose *e, const pencone_dose *r,
                           const pencone_gamma_options *o) {
  const pencone_grid *g = pencone_dose_grid_of(r);
  float *map = malloc(pencone_grid_voxels(g) * sizeof *map);
  pencone_gamma_result result = PENCONE_GAMMA_RESULT_INIT;
  assert_non_null(map);
  assert_int_equal(pencone_gamma_compute(ctx, e, r, o, map, &result), PENCONE_OK);
  const double gamma =
      (double)map[(g->size[2] / 2 * g->size[1] + g->size[1] / 2) * g->size[0] + g->size[0] / 2];
  free(map);
  return gamma;
}

/// Two ramps of slope (gx, gy, gz) per mm, the evaluated one higher by delta: delta / sqrt(dD^2 + G^2 dr^2).
static void check_ramps(pencone_context *ctx, const double slope[3], double delta,
                        const pencone_grid *evaluated) {
  const double low[4] = {200, slope[0], slope[1], slope[2]},
               high[4] = {200 + delta, slope[0], slope[1], slope[2]};
  pencone_dose *r = make(ctx, &grid1, plane, low);
  pencone_dose *e = make(ctx, evaluated, plane, high);
  pencone_gamma_options o = PENCONE_GAMMA_OPTIONS_DEFAULT;
  o.normalisation_gy = 100;
  const double steepness = sqrt(slope[0] * slope[0] + slope[1] * slope[1] + slope[2] * slope[2]);
  const double want = fabs(delta) / sqrt(9 + steepness * steepness * 9);
  assert_close(middle_gamma(ctx, e, r, &o), want, 1e-4);
  pencone_dose_destroy(r);
  pencone_dose_destroy(e);
}

static void ramps_have_their_closed_form(void **state) {
  static const double slopes[][3] = {{1, 0, 0},  {3, 0, 0},        {0, 0, 0},
                                     {0, -1, 0}, {0.5, 0.7, -0.3}, {-2, 1, 2.2}};
  static const pencone_grid grids[] = {{{40, 24, 24}, {1, 1, 1}, {0, 0, 0}},
                                       {{40, 24, 24}, {1, 1, 1}, {0.37, -0.21, 0.5}},
                                       {{60, 30, 20}, {0.7, 0.9, 1.3}, {-0.2, -0.4, -0.9}}};
  for (size_t s = 0; s < sizeof slopes / sizeof slopes[0]; s++) {
    for (size_t g = 0; g < sizeof grids / sizeof grids[0]; g++) {
      check_ramps(*state, slopes[s], 3, &grids[g]);
      check_ramps(*state, slopes[s], -1.7, &grids[g]);
    }
  }
}

static void a_shifted_step_is_as_far_as_its_shift(void **state) {
  const double at = 20, shifted = 18;
  pencone_dose *r = make(*state, &grid1, step, &at);
  pencone_dose *e = make(*state, &grid1, step, &shifted);
  pencone_gamma_options o = PENCONE_GAMMA_OPTIONS_DEFAULT;
  pencone_gamma_result result = PENCONE_GAMMA_RESULT_INIT;
  o.threshold_pct = 50;
  assert_int_equal(pencone_gamma_compute(*state, e, r, &o, NULL, &result), PENCONE_OK);
  assert_close(result.max, 2.0 / 3.0, 1e-3);  // the last high voxel, 2 mm from the last high one of the other
  assert_close(result.pass_rate_pct, 100, 0);
  assert_int_equal(result.points, 20 * 24 * 24);
  pencone_dose_destroy(r);
  pencone_dose_destroy(e);
}

static void flat_fields_differ_by_dose_only(void **state) {
  const double low[4] = {100, 0, 0, 0}, high[4] = {102, 0, 0, 0};
  pencone_dose *r = make(*state, &grid1, plane, low);
  pencone_dose *e = make(*state, &grid1, plane, high);
  pencone_gamma_options o = PENCONE_GAMMA_OPTIONS_DEFAULT;
  assert_close(middle_gamma(*state, e, r, &o), 2.0 / 3.0, 1e-5);
  o.dose_pct = 1;
  assert_close(middle_gamma(*state, e, r, &o), 2, 1e-5);
  o.normalisation_gy = 200;
  assert_close(middle_gamma(*state, e, r, &o), 1, 1e-5);
  o.normalisation_gy = 200;
  o.local = 1;
  assert_close(middle_gamma(*state, e, r, &o), 2, 1e-5);
  pencone_dose_destroy(r);
  pencone_dose_destroy(e);
}

static void sigma_widens_the_dose_criterion(void **state) {
  const double low[4] = {100, 0, 0, 0}, high[4] = {105, 0, 0, 0};
  pencone_dose *r = make(*state, &grid1, plane, low);
  pencone_dose *e = make(*state, &grid1, plane, high);
  const size_t n = pencone_grid_voxels(&grid1);
  float *sigma = malloc(n * sizeof *sigma);
  assert_non_null(sigma);
  for (size_t i = 0; i < n; i++) {
    sigma[i] = 0.04F;
  }
  pencone_gamma_options o = PENCONE_GAMMA_OPTIONS_DEFAULT;
  o.relative_sigma = sigma;
  assert_close(middle_gamma(*state, e, r, &o), 1.0, 1e-5);  // 5 / sqrt(3^2 + 4^2)
  free(sigma);
  pencone_dose_destroy(r);
  pencone_dose_destroy(e);
}

static void a_dose_agrees_with_itself(void **state) {
  static const double p[4] = {20, 12, 12, 60};
  pencone_dose *r = make(*state, &grid1, bump, p);
  pencone_gamma_result result = PENCONE_GAMMA_RESULT_INIT;
  assert_int_equal(pencone_gamma_compute(*state, r, r, NULL, NULL, &result), PENCONE_OK);
  assert_close(result.mean, 0, 0);
  assert_close(result.max, 0, 0);
  assert_close(result.pass_rate_pct, 100, 0);
  assert_int_equal(result.histogram[0], result.points);
  assert_int_equal(result.outside, 0);
  pencone_dose_destroy(r);
}

/// The roles are not alike: the finer evaluated grid finds what the coarse one steps over.
static void the_grid_of_the_evaluated_dose_converges(void **state) {
  static const double p[4] = {20, 12, 12, 60}, q[4] = {20.8, 12.5, 11.5, 60.6};
  const pencone_grid fine = {{120, 72, 72}, {1.0 / 3, 1.0 / 3, 1.0 / 3}, {-1.0 / 3, -1.0 / 3, -1.0 / 3}};
  pencone_dose *r = make(*state, &grid1, bump, p);
  pencone_dose *coarse = make(*state, &grid1, bump, q);
  pencone_dose *finer = make(*state, &fine, bump, q);
  pencone_gamma_result a = PENCONE_GAMMA_RESULT_INIT, b = PENCONE_GAMMA_RESULT_INIT;
  assert_int_equal(pencone_gamma_compute(*state, coarse, r, NULL, NULL, &a), PENCONE_OK);
  assert_int_equal(pencone_gamma_compute(*state, finer, r, NULL, NULL, &b), PENCONE_OK);
  assert_close(a.mean, b.mean, 0.01);
  pencone_dose_destroy(r);
  pencone_dose_destroy(coarse);
  pencone_dose_destroy(finer);
}

/// The stated bound: the lattice alone is above the refined value by no more than
/// docs/theory/gamma.md, eq. 6, allows.
static void the_lattice_keeps_its_bound(void **state) {
  const double low[4] = {200, 0.5, 0.7, -0.3}, high[4] = {202.3, 0.5, 0.7, -0.3};
  pencone_dose *r = make(*state, &grid1, plane, low);
  pencone_dose *e = make(*state, &grid1, plane, high);
  pencone_gamma_options o = PENCONE_GAMMA_OPTIONS_DEFAULT;
  o.normalisation_gy = 100;
  o.refine = 0;
  const double steepness = sqrt(0.25 + 0.49 + 0.09), exact = 2.3 / sqrt(9 + steepness * steepness * 9);
  for (o.steps = 3; o.steps <= 20; o.steps++) {
    const double gamma = middle_gamma(*state, e, r, &o);
    assert_true(gamma >= exact - 1e-5);
    assert_true(gamma <= exact + sqrt(3.0) / (2 * o.steps) * sqrt(1 + steepness * steepness));
  }
  pencone_dose_destroy(r);
  pencone_dose_destroy(e);
}

static void any_number_of_threads_gives_the_same_bits(void **state) {
  static const double p[4] = {20, 12, 12, 60}, q[4] = {21.6, 12.9, 11.2, 62};
  const size_t n = pencone_grid_voxels(&grid1);
  pencone_dose *r = make(*state, &grid1, bump, p);
  pencone_dose *e = make(*state, &grid1, bump, q);
  pencone_gamma_result result = PENCONE_GAMMA_RESULT_INIT;
  float *maps = malloc(2 * n * sizeof *maps);
  assert_non_null(maps);
  static const int threads[] = {1, 2, 5};
  for (int t = 0; t < 3; t++) {
    assert_int_equal(pencone_context_set_threads(*state, threads[t]), PENCONE_OK);
    assert_int_equal(pencone_gamma_compute(*state, e, r, NULL, maps + (t > 0 ? n : 0), &result), PENCONE_OK);
    assert_true(t == 0 || memcmp(maps, maps + n, n * sizeof *maps) == 0);
  }
  free(maps);
  pencone_dose_destroy(r);
  pencone_dose_destroy(e);
}

static void every_instruction_set_agrees_with_the_reference(void **state) {
  static const double p[4] = {20, 12, 12, 60}, q[4] = {21.6, 12.9, 11.2, 62};
  const size_t n = pencone_grid_voxels(&grid1);
  pencone_dose *r = make(*state, &grid1, bump, p);
  pencone_dose *e = make(*state, &grid1, bump, q);
  pencone_gamma_options o = PENCONE_GAMMA_OPTIONS_DEFAULT;
  pencone_gamma_result result = PENCONE_GAMMA_RESULT_INIT;
  float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got);
  assert_true(want != NULL && got != NULL);
  o.refine = 0;
  assert_int_equal(pencone_context_set_isa(*state, "reference"), PENCONE_OK);
  assert_int_equal(pencone_gamma_compute(*state, e, r, &o, want, &result), PENCONE_OK);
  for (int level = 0; level < pcn_isa_count(); level++) {
    if (!pcn_isa_runs(pcn_isa_at(level))) {
      continue;
    }
    assert_int_equal(pencone_context_set_isa(*state, pcn_isa_at(level)->name), PENCONE_OK);
    assert_int_equal(pencone_gamma_compute(*state, e, r, &o, got, &result), PENCONE_OK);
    for (size_t i = 0; i < n; i++) {
      assert_true(isnan(want[i]) == isnan(got[i]));
      assert_true(isnan(want[i]) || fabs((double)want[i] - (double)got[i]) < 1e-4);
    }
  }
  free(want);
  free(got);
  pencone_dose_destroy(r);
  pencone_dose_destroy(e);
}

static void points_outside_are_counted_apart(void **state) {
  const double flat[4] = {50, 0, 0, 0};
  const pencone_grid half = {{20, 24, 24}, {1, 1, 1}, {0, 0, 0}};
  pencone_dose *r = make(*state, &grid1, plane, flat);
  pencone_dose *e = make(*state, &half, plane, flat);
  pencone_gamma_result result = PENCONE_GAMMA_RESULT_INIT;
  assert_int_equal(pencone_gamma_compute(*state, e, r, NULL, NULL, &result), PENCONE_OK);
  assert_int_equal(result.points, 20 * 24 * 24);
  assert_int_equal(result.outside, 20 * 24 * 24);
  pencone_dose_destroy(r);
  pencone_dose_destroy(e);
}

static void refuses_bad_input(void **state) {
  pencone_context *ctx = *state;
  const double flat[4] = {50, 0, 0, 0}, zero[4] = {0, 0, 0, 0};
  const pencone_grid apart = {{8, 8, 8}, {1, 1, 1}, {1000, 0, 0}};
  pencone_dose *r = make(ctx, &grid1, plane, flat);
  pencone_dose *far = make(ctx, &apart, plane, flat);
  pencone_dose *nothing = make(ctx, &grid1, plane, zero);
  pencone_dose *broken = make(ctx, &grid1, plane, flat);
  pencone_dose_values(broken)[17] = NAN;
  pencone_gamma_options o = PENCONE_GAMMA_OPTIONS_DEFAULT;
  pencone_gamma_result result = PENCONE_GAMMA_RESULT_INIT;
  assert_int_equal(pencone_gamma_compute(ctx, far, r, &o, NULL, &result), PENCONE_E_SHAPE);
  assert_error_has(ctx, "do not overlap along x");
  assert_int_equal(pencone_gamma_compute(ctx, r, nothing, &o, NULL, &result), PENCONE_E_RANGE);
  assert_error_has(ctx, "maximum of 0");
  assert_int_equal(pencone_gamma_compute(ctx, broken, r, &o, NULL, &result), PENCONE_E_RANGE);
  assert_error_has(ctx, "evaluated dose: value 17");
  assert_int_equal(pencone_gamma_compute(ctx, r, broken, &o, NULL, &result), PENCONE_E_RANGE);
  assert_error_has(ctx, "reference dose: value 17");
  o.dose_pct = -3;
  assert_int_equal(pencone_gamma_compute(ctx, r, r, &o, NULL, &result), PENCONE_E_RANGE);
  assert_error_has(ctx, "got -3 %");
  o.dose_pct = 3;
  o.distance_mm = 0;
  assert_int_equal(pencone_gamma_compute(ctx, r, r, &o, NULL, &result), PENCONE_E_RANGE);
  o.distance_mm = 3;
  o.max_gamma = 1;
  assert_int_equal(pencone_gamma_compute(ctx, r, r, &o, NULL, &result), PENCONE_E_RANGE);
  assert_int_equal(pencone_gamma_compute(ctx, r, NULL, NULL, NULL, &result), PENCONE_E_ARGUMENT);
  pencone_dose_destroy(r);
  pencone_dose_destroy(far);
  pencone_dose_destroy(nothing);
  pencone_dose_destroy(broken);
}

static void every_failing_allocation_is_reported(void **state) {
  const double flat[4] = {50, 0, 0, 0};
  const pencone_grid small = {{6, 5, 4}, {2, 2, 2}, {0, 0, 0}};
  pencone_dose *r = make(*state, &small, plane, flat);
  pencone_gamma_result result = PENCONE_GAMMA_RESULT_INIT;
  pencone_status status = PENCONE_E_MEMORY;
  for (int n = 0; status != PENCONE_OK && n < 30; n++) {
    pcn_alloc_fail_after(*state, n);
    status = pencone_gamma_compute(*state, r, r, NULL, NULL, &result);
    assert_true(status == PENCONE_OK || status == PENCONE_E_MEMORY);
  }
  pcn_alloc_fail_after(*state, -1);
  assert_int_equal(status, PENCONE_OK);
  pencone_dose_destroy(r);
}

// --- profiles ----------------------------------------------------------------------------------

static void curves_have_their_closed_form(void **state) {
  enum { N = 41 };
  double x[N], reference[N], evaluated[N], gamma[N];
  pencone_gamma_options o = PENCONE_GAMMA_OPTIONS_DEFAULT;
  pencone_gamma_result result = PENCONE_GAMMA_RESULT_INIT;
  static const double slopes[] = {0, 1, 3, 0.4};
  o.normalisation_gy = 100;
  for (int s = 0; s < 4; s++) {
    for (int i = 0; i < N; i++) {
      x[i] = i;
      reference[i] = 50 + slopes[s] * i;
      evaluated[i] = reference[i] + 3;
    }
    const pencone_curve e = {N, x, evaluated}, r = {N, x, reference};
    assert_int_equal(pencone_gamma_compute_profile(*state, &e, &r, &o, gamma, &result), PENCONE_OK);
    assert_close(gamma[20], 3 / sqrt(9 + slopes[s] * slopes[s] * 9), 1e-12);
    assert_close(result.pass_rate_pct, 100, 0);
  }
  const pencone_curve e = {N, x, evaluated}, r = {1, x, reference};
  assert_int_equal(pencone_gamma_compute_profile(*state, &e, &r, &o, gamma, &result), PENCONE_E_ARGUMENT);
  x[7] = x[6];
  const pencone_curve bad = {N, x, reference};
  assert_int_equal(pencone_gamma_compute_profile(*state, &e, &bad, &o, gamma, &result), PENCONE_E_RANGE);
  assert_error_has(*state, "rising positions");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(ramps_have_their_closed_form),
      UNIT_TEST(a_shifted_step_is_as_far_as_its_shift),
      UNIT_TEST(flat_fields_differ_by_dose_only),
      UNIT_TEST(sigma_widens_the_dose_criterion),
      UNIT_TEST(a_dose_agrees_with_itself),
      UNIT_TEST(the_grid_of_the_evaluated_dose_converges),
      UNIT_TEST(the_lattice_keeps_its_bound),
      UNIT_TEST(any_number_of_threads_gives_the_same_bits),
      UNIT_TEST(every_instruction_set_agrees_with_the_reference),
      UNIT_TEST(points_outside_are_counted_apart),
      UNIT_TEST(refuses_bad_input),
      UNIT_TEST(every_failing_allocation_is_reported),
      UNIT_TEST(curves_have_their_closed_form),
  };
  return cmocka_run_group_tests_name("gamma", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Figures of a comparison whose answers are known; expectations; criteria files.
#define _POSIX_C_SOURCE 200809L
#include <pencone/analysis.h>
#include <pencone/io.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

static const pencone_grid grid = {{40, 40, 40}, {2, 2, 2}, {-39, 1, -39}};

/// A field that is flat across, and falls in depth by 0.3 % of the maximum per mm at most.
static double field(const double p[3]) {
  const double edge = 1 / (1 + exp((fmax(fabs(p[0]), fabs(p[2])) - 20) / 1.5));
  return 2e-12 * edge * exp(-0.003 * p[1]);
}

static pencone_dose *make(pencone_context *ctx, double factor) {
  pencone_dose *dose = NULL;
  assert_int_equal(pencone_dose_create(ctx, &grid, &dose), PENCONE_OK);
  for (int v = 0; v < 64000; v++) {
    double p[3];
    pencone_grid_centre(&grid, v % 40, v / 40 % 40, v / 1600, p);
    pencone_dose_values(dose)[v] = (float)(factor * field(p));
  }
  return dose;
}

/// The dose as a reference with noise of the given size: plus and minus in turn, so that the rms is known.
static pencone_reference *noisy(pencone_context *ctx, double sigma) {
  enum { V = 64000 };
  pencone_dose *dose = make(ctx, 1);
  pencone_reference *clean = NULL, *out = NULL;
  float *sigmas = malloc(V * sizeof *sigmas);
  assert_non_null(sigmas);
  for (int v = 0; v < V; v++) {
    const int sign = (v % 40 + v / 40 % 40 + v / 1600) % 2 == 0 ? 1 : -1;
    pencone_dose_values(dose)[v] *= (float)(1 / (1 + sign * sigma));
    sigmas[v] = (float)sigma;
  }
  assert_int_equal(pencone_reference_from_dose(ctx, dose, &clean), PENCONE_OK);
  pencone_reference_desc d = *pencone_reference_describe(clean);
  d.relative_sigma = sigmas;
  assert_int_equal(pencone_reference_create(ctx, &d, &out), PENCONE_OK);
  pencone_reference_destroy(clean);
  pencone_dose_destroy(dose);
  free(sigmas);
  return out;
}

static void a_dose_agrees_with_itself(void **state) {
  pencone_dose *dose = make(*state, 1);
  pencone_reference *r = NULL;
  pencone_compare_result c = PENCONE_COMPARE_RESULT_INIT;
  assert_int_equal(pencone_reference_from_dose(*state, dose, &r), PENCONE_OK);
  assert_int_equal(pencone_reference_compare(*state, r, dose, NULL, NULL, &c), PENCONE_OK);
  assert_close(c.absolute_ratio, 1, 1e-12);
  assert_close(c.mean_pct, 0, 0);
  assert_close(c.max_pct, 0, 0);
  assert_close(c.gamma.mean, 0, 0);
  assert_close(c.gamma.pass_rate_pct, 100, 0);
  assert_true(c.high_is_flat && c.high_points > 1000 && c.gamma.points > c.high_points);
  pencone_reference_destroy(r);
  pencone_dose_destroy(dose);
}

static void a_factor_shows_in_every_figure(void **state) {
  pencone_dose *dose = make(*state, 1.01), *one = make(*state, 1);
  pencone_reference *r = NULL;
  pencone_compare_result c = PENCONE_COMPARE_RESULT_INIT;
  pencone_compare_options o = PENCONE_COMPARE_OPTIONS_DEFAULT;
  assert_int_equal(pencone_reference_from_dose(*state, one, &r), PENCONE_OK);
  assert_int_equal(pencone_reference_compare(*state, r, dose, &o, NULL, &c), PENCONE_OK);
  assert_close(c.absolute_ratio, 1.01, 1e-6);
  assert_close(c.mean_pct, 1, 1e-4);
  assert_close(c.rms_pct, 1, 1e-4);
  assert_close(c.max_pct, 1, 1e-4);
  assert_close(pencone_compare_figure(&c, "confidence_pct"), 1, 1e-2);
  assert_true(c.gamma.max < 0.51 && c.gamma.mean > 0.1);
  o.scale = 0;  // fitted
  assert_int_equal(pencone_reference_compare(*state, r, dose, &o, NULL, &c), PENCONE_OK);
  assert_close(c.scale, 1 / 1.01, 1e-6);
  assert_close(c.mean_pct, 0, 1e-4);
  pencone_reference_destroy(r);
  pencone_dose_destroy(dose);
  pencone_dose_destroy(one);
}

static void noise_is_removed(void **state) {
  pencone_dose *dose = make(*state, 1);
  pencone_reference *r = noisy(*state, 0.02);
  pencone_compare_result c = PENCONE_COMPARE_RESULT_INIT;
  assert_int_equal(pencone_reference_compare(*state, r, dose, NULL, NULL, &c), PENCONE_OK);
  assert_close(c.rms_pct, 2, 0.01);
  assert_close(c.sigma_pct, 2, 1e-3);
  assert_close(c.rms_noise_removed_pct, 0, 0.1);
  assert_close(c.gamma.pass_rate_pct, 100, 0);  // 2 % off, criterion sqrt(2^2 + 2^2) %
  pencone_compare_options o = PENCONE_COMPARE_OPTIONS_DEFAULT;
  o.max_sigma = 0.01;
  assert_int_equal(pencone_reference_compare(*state, r, dose, &o, NULL, &c), PENCONE_E_SHAPE);
  assert_error_has(*state, "no reference voxel");
  pencone_reference_destroy(r);
  pencone_dose_destroy(dose);
}

static void refuses_bad_input(void **state) {
  pencone_context *ctx = *state;
  pencone_dose *dose = make(ctx, 1), *zero = make(ctx, 0);
  pencone_reference *r = noisy(ctx, 0.01);
  pencone_compare_result c = PENCONE_COMPARE_RESULT_INIT;
  pencone_compare_options o = PENCONE_COMPARE_OPTIONS_DEFAULT;
  assert_int_equal(pencone_reference_compare(ctx, r, zero, NULL, NULL, &c), PENCONE_E_RANGE);
  o.gamma.distance_mm = -2;
  assert_int_equal(pencone_reference_compare(ctx, r, dose, &o, NULL, &c), PENCONE_E_RANGE);
  assert_error_has(ctx, "got -2 mm");
  pencone_dose_values(dose)[11] = INFINITY;
  assert_int_equal(pencone_reference_compare(ctx, r, dose, NULL, NULL, &c), PENCONE_E_RANGE);
  assert_error_has(ctx, "computed dose: value 11");
  assert_int_equal(pencone_reference_compare(ctx, NULL, dose, NULL, NULL, &c), PENCONE_E_ARGUMENT);
  pencone_reference_destroy(r);
  pencone_dose_destroy(dose);
  pencone_dose_destroy(zero);
}

// --- expectations and criteria -----------------------------------------------------------------

static void expectations_by_dose_or_distance(void **state) {
  pencone_dose *dose = make(*state, 1);
  const pencone_normalisation n = {{0, 20, 0}, 80};
  const double at_50 = 80 * exp(-0.003 * 30);
  const pencone_expectation e[] = {{"equal", {0, 50, 0}, at_50, 0.1, 0, "s"},
                                   {"too far off", {0, 50, 0}, at_50 + 0.5, 0.1, 0, "s"},
                                   {"near enough", {0, 50, 0}, at_50 + 0.5, 0.1, 4, "s"},
                                   {"outside", {0, 500, 0}, 10, 5, 0, "s"}};
  pencone_finding f[4];
  assert_int_equal(pencone_expectation_compare(*state, dose, &n, e, 4, f), PENCONE_OK);
  assert_close(f[0].computed, at_50, 0.01);
  assert_true(f[0].passed && !f[1].passed && f[2].passed && !f[3].passed);
  const pencone_normalisation outside = {{0, 500, 0}, 80};
  assert_int_equal(pencone_expectation_compare(*state, dose, &outside, e, 4, f), PENCONE_E_RANGE);
  pencone_dose_destroy(dose);
}

static void figures_have_names(void **state) {
  (void)state;
  pencone_compare_result c = PENCONE_COMPARE_RESULT_INIT;
  c.gamma.pass_rate_pct = 98.5;
  assert_close(pencone_compare_figure(&c, "gamma_pass_pct"), 98.5, 0);
  assert_true(isnan(pencone_compare_figure(&c, "gamma")));
  assert_string_equal(pencone_compare_figure_name(0), "points");
  assert_null(pencone_compare_figure_name(pencone_compare_figure_count()));
}

static void write_file(const char *path, const char *text) {
  FILE *out = fopen(path, "w");
  assert_non_null(out);
  assert_true(fputs(text, out) >= 0 && fclose(out) == 0);
}

/// Reads criteria from a text, with a table beside it.
static pencone_status read_text(pencone_context *ctx, const char *yaml, const char *table,
                                pencone_criteria **out) {
  char folder[] = "pencone-criteria-XXXXXX", path[64], points[64];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/criteria.yaml", folder);
  snprintf(points, sizeof points, "%s/points.csv", folder);
  write_file(path, yaml);
  write_file(points, table);
  const pencone_status status = pencone_criteria_read(ctx, path, out);
  remove(path);
  remove(points);
  rmdir(folder);
  return status;
}

#define HEADING "name,x_mm,y_mm,z_mm,expected,tolerance,distance_mm,source\n"

static void criteria_files(void **state) {
  static const char yaml[] =
      "case: mine\n"
      "compare: {dose_pct: 3, distance_mm: 1.5, dose_is: local, margin_low_mm: [1, 2, 3]}\n"
      "limits:\n"
      "  - {figure: gamma_pass_pct, min: 95, source: a paper}\n"
      "  - {figure: mean_pct, max_abs: 2, source: \"another, doi:10.1/2\"}\n"
      "points: {file: points.csv, normalise: {at_mm: [0, 100, 0], value: 66.4}}\n";
  pencone_criteria *c = NULL;
  assert_int_equal(read_text(*state, yaml, "# comment\n" HEADING "a point,1,2,3,50,1.5,2,book; page 3\n", &c),
                   PENCONE_OK);
  const pencone_criteria_desc *d = pencone_criteria_describe(c);
  assert_string_equal(d->name, "mine");
  assert_close(d->compare.gamma.distance_mm, 1.5, 0);
  assert_int_equal(d->compare.gamma.local, 1);
  assert_close(d->compare.margin_low_mm[2], 3, 0);
  assert_close(d->compare.margin_high_mm[2], 10, 0);
  assert_int_equal(d->limit_count, 2);
  assert_true(isinf(d->limits[0].max));
  assert_close(d->limits[1].min, -2, 0);
  assert_int_equal(d->expectation_count, 1);
  assert_string_equal(d->expectations[0].name, "a point");
  assert_string_equal(d->expectations[0].source, "book; page 3");
  assert_close(d->expectations[0].expected, 50, 0);
  assert_close(d->normalisation.value, 66.4, 0);
  pencone_criteria_destroy(c);
}

static void criteria_that_are_wrong(void **state) {
  static const struct {
    const char *yaml, *table, *text;
  } wrong[] = {
      {"case: c\nlimits:\n  - {figure: gamma_pass_pct, min: 95}\n", "", "source"},
      {"case: c\nlimits:\n  - {figure: gama, min: 95, source: s}\n", "", "expected one of points"},
      {"case: c\nlimits:\n  - {figure: mean_pct, source: s}\n", "", "no bound"},
      {"case: c\nlimits:\n  - {figure: mean_pct, min: 3, max: 2, source: s}\n", "", "min 3 above max 2"},
      {"case: c\nlimits:\n  - {figure: mean_pct, max_abs: -2, source: s}\n", "", "max_abs"},
      {"case: c\n", "", "neither limits nor points"},
      {"case: c\ncompare: {dose_pct: -2}\nlimits:\n  - {figure: mean_pct, max: 2, source: s}\n", "",
       "dose_pct"},
      {"case: c\npoints: {file: points.csv, normalise: {at_mm: [0, 0, 0], value: 1}}\n", "name,x\n",
       ":1: heading"},
      {"case: c\npoints: {file: points.csv, normalise: {at_mm: [0, 0, 0], value: 1}}\n",
       HEADING "a,1,2,3,4,five,0,s\n", ":2: row"},
      {"case: c\npoints: {file: points.csv, normalise: {at_mm: [0, 0, 0], value: 1}}\n",
       HEADING "a,1,2,3,4,5,0,\n", ":2: row"},
      {"case: c\npoints: {file: points.csv, normalise: {at_mm: [0, 0, 0], value: 1}}\n",
       HEADING "a,1,2,3,4,-5,0,s\n", "got -5"},
      {"case: c\npoints: {file: none.csv, normalise: {at_mm: [0, 0, 0], value: 1}}\n", "", "none.csv"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    pencone_criteria *c = NULL;
    assert_int_not_equal(read_text(*state, wrong[i].yaml, wrong[i].table, &c), PENCONE_OK);
    assert_null(c);
    assert_error_has(*state, wrong[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(a_dose_agrees_with_itself),
      UNIT_TEST(a_factor_shows_in_every_figure),
      UNIT_TEST(noise_is_removed),
      UNIT_TEST(refuses_bad_input),
      UNIT_TEST(expectations_by_dose_or_distance),
      UNIT_TEST(figures_have_names),
      UNIT_TEST(criteria_files),
      UNIT_TEST(criteria_that_are_wrong),
  };
  return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}

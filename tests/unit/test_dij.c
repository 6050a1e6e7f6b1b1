// SPDX-License-Identifier: Apache-2.0
// The stream of an influence matrix: order, threads, resuming, sampling, masks, budget, cancel, sinks that
// fail, and what is refused.
#include "base/base.h"
#include "dij.h"

static physics_setup water(void) {
  const physics_setup setup = {.grid = physics_grid(21, 16, 21, 10, 10, 10),
                               .layer = {{1e6, 1, "water"}},
                               .field_mm = 90,
                               .engine = "photon-pencil-beam",
                               .option = {"reach_mm"},
                               .value = {"60"}};
  return setup;
}

enum { COLUMNS = 81 };  // of water() with bixels of 10 mm: two blocks and a part of one

static void prepare(pencone_context *ctx, physics_case *c) {
  const physics_setup setup = water();
  dij_prepare(ctx, &setup, 0, 10, c);
}

static void columns_come_in_order_with_the_same_bits(void **state) {
  const int threads[] = {1, 2, 5};
  uint64_t hash = 0;
  for (int sampling = 0; sampling < 2; sampling++) {
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
      physics_case c;
      dij_seen seen;
      const pencone_dij_sink sink = dij_see(&seen);
      pencone_dij_options options = dij_threshold(1e-3);
      options.sampling = sampling;
      pencone_context_set_threads(*state, threads[t]);
      prepare(*state, &c);
      physics_ok(*state, pencone_dij_stream(*state, c.engine, &options, &sink, NULL));
      assert_true(seen.begun == 1 && seen.ended == 1 && seen.columns == COLUMNS && seen.worst_busy == 1);
      assert_true(t == 0 || seen.hash == hash);
      hash = seen.hash;
      physics_free(&c);
    }
  }
  pencone_context_set_threads(*state, 0);
}

// The columns from a block on are those of the whole stream.
static void a_stream_goes_on_where_it_ended(void **state) {
  physics_case c;
  prepare(*state, &c);
  pencone_dij_options options = dij_threshold(1e-3);
  options.sampling = 1;
  pencone_dij *whole = dij_make(*state, c.engine, &options, NULL);
  const pencone_dij_view view = pencone_dij_view_of(whole);
  dij_seen seen;
  const pencone_dij_sink sink = dij_see(&seen);
  options.first_column = PENCONE_DIJ_BLOCK;
  uint64_t hash = seen.hash;
  for (int64_t j = PENCONE_DIJ_BLOCK; j < COLUMNS; j++) {
    const size_t n = (size_t)(view.first[j + 1] - view.first[j]);
    hash = dij_hash(hash, view.voxel + view.first[j], n * sizeof *view.voxel);
    hash = dij_hash(hash, view.value + view.first[j], n * sizeof *view.value);
  }
  physics_ok(*state, pencone_dij_stream(*state, c.engine, &options, &sink, NULL));
  assert_true(seen.columns == COLUMNS && seen.hash == hash);
  options.first_column = 5;
  assert_int_equal(pencone_dij_stream(*state, c.engine, &options, &sink, NULL), PENCONE_E_RANGE);
  assert_error_has(*state, "first column: got 5, expected a multiple of 32 below 81");
  pencone_dij_destroy(whole);
  physics_free(&c);
}

// With sampling, the sum over a column is right in the mean: 16 seeds against 5 standard deviations. An entry
// v below the threshold t has a variance of v (t - v) < v t.
static void sampling_is_unbiased(void **state) {
  enum { SEEDS = 16 };
  const double threshold = 0.02;
  physics_case c;
  prepare(*state, &c);
  pencone_dij_options all = dij_threshold(0), options = dij_threshold(threshold);
  pencone_dij *exact = dij_make(*state, c.engine, &all, NULL);
  const pencone_dij_view view = pencone_dij_view_of(exact);
  double variance = 0, mean = 0, sum = 0;
  for (int64_t j = 0; j < COLUMNS; j++) {
    double largest = 0;
    for (int64_t e = view.first[j]; e < view.first[j + 1]; e++) {
      largest = fmax(largest, (double)view.value[e]);
      assert_true(view.value[e] > 0 && (e == view.first[j] || view.voxel[e] > view.voxel[e - 1]));
    }
    for (int64_t e = view.first[j]; e < view.first[j + 1]; e++) {
      const double v = (double)view.value[e];
      variance += v < threshold * largest ? v * (threshold * largest - v) : 0;
      sum += v;
    }
  }
  options.sampling = 1;
  int64_t entries[2] = {0, 0};
  for (int s = 0; s < SEEDS; s++) {
    pencone_dij_report report = PENCONE_DIJ_REPORT_DEFAULT;
    options.seed = (uint64_t)s;
    pencone_dij *dij = dij_make(*state, c.engine, &options, &report);
    assert_close(report.sum, sum, 1e-5 * sum);
    mean += report.lost / SEEDS;
    entries[s % 2] += report.entries;
    pencone_dij_destroy(dij);
  }
  print_message("mean of the lost dose %.2g of the sum, standard deviation of the mean %.2g\n", mean / sum,
                sqrt(variance / SEEDS) / sum);
  assert_true(fabs(mean) <= 5 * sqrt(variance / SEEDS));
  assert_true(variance > 0 && entries[0] != entries[1]);
  pencone_dij_destroy(exact);
  physics_free(&c);
}

// A mask takes rows away and changes nothing else.
static void a_mask_takes_rows_away(void **state) {
  physics_case c;
  prepare(*state, &c);
  const size_t voxels = pencone_grid_voxels(pencone_engine_grid(c.engine));
  uint8_t *mask = calloc(voxels, 1);
  assert_non_null(mask);
  for (size_t i = 0; i < voxels; i += 3) {
    mask[i] = 1;
  }
  pencone_dij_options options = dij_threshold(1e-3);
  pencone_dij_report all = PENCONE_DIJ_REPORT_DEFAULT, some = PENCONE_DIJ_REPORT_DEFAULT;
  pencone_dij *whole = dij_make(*state, c.engine, &options, &all);
  options.mask = mask;
  pencone_dij *masked = dij_make(*state, c.engine, &options, &some);
  const pencone_dij_view a = pencone_dij_view_of(whole), b = pencone_dij_view_of(masked);
  int64_t n = 0;
  for (int64_t j = 0; j < COLUMNS; j++) {
    for (int64_t e = a.first[j]; e < a.first[j + 1]; e++) {
      if (mask[a.voxel[e]] != 0) {
        assert_true(b.voxel[n] == a.voxel[e] && b.value[n] == a.value[e]);
        n++;
      }
    }
    assert_true(b.first[j + 1] == n);
  }
  assert_true(some.entries == n && some.sum < all.sum && some.lost < all.lost);
  memset(mask, 0, voxels);
  dij_seen seen;
  const pencone_dij_sink sink = dij_see(&seen);
  assert_int_equal(pencone_dij_stream(*state, c.engine, &options, &sink, NULL), PENCONE_E_NUMERIC);
  assert_error_has(*state, "all 81 columns are empty");
  assert_int_equal(seen.ended, 0);
  pencone_dij_destroy(whole);
  pencone_dij_destroy(masked);
  free(mask);
  physics_free(&c);
}

// Only the voxels of the dose grid's box are rows, with the same values.
static void a_box_restricts_the_rows(void **state) {
  physics_case c;
  prepare(*state, &c);
  const pencone_dij_options options = dij_threshold(0);
  pencone_dij *whole = dij_make(*state, c.engine, &options, NULL);
  const pencone_dose_grid box = {sizeof box, {0, 0, 0}, 1, {-30, 20, -40}, {50, 110, 30}};
  pencone_engine_destroy(c.engine);
  physics_ok(*state, pencone_plan_set_dose_grid(*state, c.plan, &box));
  physics_make_engine(*state, &c);
  pencone_dij *boxed = dij_make(*state, c.engine, &options, NULL);
  const pencone_dij_view a = pencone_dij_view_of(whole), b = pencone_dij_view_of(boxed);
  const int64_t first[3] = {7, 2, 6}, *n = b.grid.size, *all = a.grid.size;
  assert_true(n[0] == 9 && n[1] == 9 && n[2] == 8);
  int64_t at = 0;
  for (int64_t e = a.first[40]; e < a.first[41]; e++) {
    const int64_t i = a.voxel[e] % all[0] - first[0], j = a.voxel[e] / all[0] % all[1] - first[1];
    const int64_t k = a.voxel[e] / all[0] / all[1] - first[2];
    if (i >= 0 && i < n[0] && j >= 0 && j < n[1] && k >= 0 && k < n[2]) {
      assert_true(b.voxel[b.first[40] + at] == (k * n[1] + j) * n[0] + i);
      assert_close((double)b.value[b.first[40] + at], (double)a.value[e], 1e-5 * (double)a.value[e]);
      at++;
    }
  }
  assert_true(at == b.first[41] - b.first[40]);
  pencone_dij_destroy(whole);
  pencone_dij_destroy(boxed);
  physics_free(&c);
}

static int cancel_late(void *user, double fraction, const char *stage) {
  (void)user;
  return strcmp(stage, "influence matrix") == 0 && fraction > 0.5;
}

static void sinks_budgets_and_cancel_end_a_stream(void **state) {
  physics_case c;
  dij_seen seen;
  prepare(*state, &c);
  for (int threads = 1; threads <= 3; threads += 2) {
    pencone_context_set_threads(*state, threads);
    const pencone_dij_sink sink = dij_see(&seen);
    seen.fail_at = 40;
    assert_int_equal(pencone_dij_stream(*state, c.engine, NULL, &sink, NULL), PENCONE_E_FILE);
    assert_true(seen.columns == 40 && seen.ended == 0);
    const pencone_dij_sink again = dij_see(&seen);
    pencone_context_set_progress(*state, cancel_late, NULL);
    assert_int_equal(pencone_dij_stream(*state, c.engine, NULL, &again, NULL), PENCONE_E_CANCELLED);
    pencone_context_set_progress(*state, NULL, NULL);
    assert_true(seen.columns < COLUMNS && seen.ended == 0);
  }
  pencone_context_set_threads(*state, 0);
  uint64_t bytes;
  int64_t entries;
  physics_ok(*state, pencone_dij_estimate(*state, c.engine, NULL, &bytes, &entries));
  const pencone_dij_sink sink = dij_see(&seen);
  pencone_context_set_memory_budget(*state, bytes / 2);
  assert_int_equal(pencone_dij_stream(*state, c.engine, NULL, &sink, NULL), PENCONE_E_BUDGET);
  assert_error_has(*state, "the influence matrix needs about");
  assert_int_equal(seen.begun, 0);
  pencone_context_set_memory_budget(*state, 2 * bytes);
  pencone_dij_report report = PENCONE_DIJ_REPORT_DEFAULT;
  physics_ok(*state, pencone_dij_stream(*state, c.engine, NULL, &sink, &report));
  pencone_context_set_memory_budget(*state, 0);
  assert_true(entries > report.entries / 2 && entries < 2 * report.entries);
  physics_free(&c);
}

static void allocations_that_fail_are_reported(void **state) {
  physics_case c;
  prepare(*state, &c);
  int failures = 0;
  for (int64_t after = 0; after < 40; after++) {
    dij_seen seen;
    const pencone_dij_sink sink = dij_see(&seen);
    pcn_alloc_fail_after(*state, after);
    const pencone_status status = pencone_dij_stream(*state, c.engine, NULL, &sink, NULL);
    pcn_alloc_fail_after(*state, -1);
    assert_true(status == PENCONE_E_MEMORY || status == PENCONE_OK);
    failures += status == PENCONE_E_MEMORY;
  }
  assert_true(failures >= 10 && failures < 40);
  physics_free(&c);
}

static void bixels_must_fit_the_field(void **state) {
  const physics_setup setup = water();
  physics_case c;
  physics_prepare(*state, &setup, &c);
  pencone_beam beam = physics_beam(c.machine, 90);
  beam.name = "AP";
  const struct {
    double x_mm, y_mm;
    const char *words;
  } cases[] = {
      {7, 10,
       "beam AP: bixel width x: got 7 mm, which is not a whole part of the field of 90 mm (-45 to 45)"},
      {10, -10, "beam AP: bixel width y: got -10 mm, expected more than 0"},
      {10, 0, "beam AP: bixel width y: got 0 mm"},
      {180, 10, "bixel width x: got 180 mm"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    beam.bixel_mm[0] = cases[i].x_mm;
    beam.bixel_mm[1] = cases[i].y_mm;
    assert_int_equal(pencone_plan_add_beam(*state, c.plan, &beam), PENCONE_E_RANGE);
    assert_error_has(*state, cases[i].words);
  }
  pencone_beamlet beamlets[COLUMNS];
  assert_int_equal(pencone_dij_columns(c.plan), 0);
  assert_int_equal(pencone_dij_columns(NULL), 0);
  assert_int_equal(pencone_dij_beamlets(*state, c.plan, beamlets), PENCONE_E_RANGE);
  assert_error_has(*state, "it has no bixels");
  dij_use_bixels(*state, &c, &setup, 0, 10);
  physics_ok(*state, pencone_dij_beamlets(*state, c.plan, beamlets));
  assert_true(pencone_dij_columns(c.plan) == COLUMNS && beamlets[10].x_mm == -30 && beamlets[10].y_mm == -30);
  const pencone_control_point point = {.field_x_mm = {-10, 10}, .field_y_mm = {-10, 10}, .weight = 1};
  beam.name = "arc";
  beam.bixel_mm[0] = beam.bixel_mm[1] = 10;
  beam.control_points = &point;
  beam.control_point_count = 1;
  physics_ok(*state, pencone_plan_add_beam(*state, c.plan, &beam));
  pencone_beamlet more[2 * COLUMNS];
  assert_int_equal(pencone_dij_beamlets(*state, c.plan, more), PENCONE_E_UNSUPPORTED);
  assert_error_has(*state, "beam arc: it has 1 control points and bixels");
  physics_free(&c);
}

static void arguments_are_checked(void **state) {
  physics_case c;
  prepare(*state, &c);
  pencone_dij_options options = dij_threshold(2);
  dij_seen seen;
  const pencone_dij_sink sink = dij_see(&seen);
  assert_int_equal(pencone_dij_stream(*state, c.engine, &options, &sink, NULL), PENCONE_E_RANGE);
  assert_error_has(*state, "threshold: got 2");
  options.struct_size = 1;
  assert_int_equal(pencone_dij_stream(*state, c.engine, &options, &sink, NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_dij_stream(*state, NULL, NULL, &sink, NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_dij_stream(*state, c.engine, NULL, NULL, NULL), PENCONE_E_ARGUMENT);
  options = dij_threshold(1e-3);
  pencone_dij *dij = dij_make(*state, c.engine, &options, NULL);
  double weights[COLUMNS] = {0};
  const size_t voxels = pencone_grid_voxels(pencone_engine_grid(c.engine));
  float *dose = malloc(voxels * sizeof *dose);
  assert_non_null(dose);
  assert_int_equal(pencone_dij_dose(*state, dij, COLUMNS - 1, weights, dose), PENCONE_E_SHAPE);
  assert_error_has(*state, "weights: got 80, expected 81");
  weights[3] = -1;
  assert_int_equal(pencone_dij_dose(*state, dij, COLUMNS, weights, dose), PENCONE_E_RANGE);
  assert_error_has(*state, "weight 4: got -1");
  weights[3] = 1e300;  // beyond a float
  assert_int_equal(pencone_dij_dose(*state, dij, COLUMNS, weights, dose), PENCONE_E_RANGE);
  assert_error_has(*state, "expected a finite dose");
  free(dose);
  pencone_dij_destroy(dij);
  pencone_dij_destroy(NULL);
  physics_free(&c);
  physics_setup setup = water();
  setup.engine = "photon-convolution";
  setup.option[0] = NULL;
  dij_prepare(*state, &setup, 0, 10, &c);
  assert_int_equal(pencone_dij_stream(*state, c.engine, NULL, &sink, NULL), PENCONE_E_UNSUPPORTED);
  assert_error_has(*state, "engine photon-convolution makes no influence matrices");
  physics_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(columns_come_in_order_with_the_same_bits),
                                     UNIT_TEST(a_stream_goes_on_where_it_ended),
                                     UNIT_TEST(sampling_is_unbiased),
                                     UNIT_TEST(a_mask_takes_rows_away),
                                     UNIT_TEST(a_box_restricts_the_rows),
                                     UNIT_TEST(sinks_budgets_and_cancel_end_a_stream),
                                     UNIT_TEST(allocations_that_fail_are_reported),
                                     UNIT_TEST(bixels_must_fit_the_field),
                                     UNIT_TEST(arguments_are_checked)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

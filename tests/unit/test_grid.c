// SPDX-License-Identifier: Apache-2.0
#include <pencone/grid.h>

#include "unit.h"

static const pencone_grid good = {{10, 20, 30}, {1, 2, 2.5}, {-4.5, 0, 100}};

static void good_grids_pass(void **state) {
  const pencone_grid widest = {{32767, 32767, 2}, {1, 1, 1}, {0, 0, 0}};
  const pencone_grid point = {{1, 1, 1}, {1e-3, 1, 1}, {0, 0, 0}};
  assert_int_equal(pencone_grid_check(*state, &good), PENCONE_OK);
  assert_int_equal(pencone_grid_check(*state, &point), PENCONE_OK);
  assert_int_equal(pencone_grid_check(*state, &widest), PENCONE_OK);
  assert_int_equal(pencone_grid_voxels(&widest), (size_t)32767 * 32767 * 2);
  assert_int_equal(pencone_grid_voxels(&good), 6000);
}

static void bad_grids_say_what(void **state) {
  pencone_context *ctx = *state;
  assert_int_equal(pencone_grid_check(ctx, NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_grid_check(NULL, NULL), PENCONE_E_ARGUMENT);
  pencone_grid grid = good;
  grid.size[1] = 0;
  assert_int_equal(pencone_grid_check(ctx, &grid), PENCONE_E_RANGE);
  assert_error_has(ctx, "size y: got 0");
  grid.size[1] = 32768;
  assert_int_equal(pencone_grid_check(ctx, &grid), PENCONE_E_RANGE);
  grid = good;
  grid.size[0] = grid.size[1] = grid.size[2] = 32767;
  assert_int_equal(pencone_grid_check(ctx, &grid), PENCONE_E_RANGE);
  assert_error_has(ctx, "2147483647");
  const double spacings[] = {0, -1, NAN, INFINITY};
  for (int i = 0; i < 4; i++) {
    grid = good;
    grid.spacing_mm[2] = spacings[i];
    assert_int_equal(pencone_grid_check(ctx, &grid), PENCONE_E_RANGE);
    assert_error_has(ctx, "spacing z");
  }
  grid = good;
  grid.origin_mm[0] = NAN;
  assert_int_equal(pencone_grid_check(ctx, &grid), PENCONE_E_RANGE);
  assert_error_has(ctx, "origin x: got nan mm");
}

static void origin_is_the_centre_of_the_first_voxel(void **state) {
  (void)state;
  double p[3];
  pencone_grid_centre(&good, 0, 0, 0, p);
  assert_true(p[0] == -4.5 && p[1] == 0 && p[2] == 100);
  pencone_grid_centre(&good, 9, -1, 2, p);
  assert_true(p[0] == 4.5 && p[1] == -2 && p[2] == 105);
}

static void equality_has_a_tolerance(void **state) {
  (void)state;
  pencone_grid grid = good;
  assert_true(pencone_grid_equal(&grid, &good));
  grid.origin_mm[1] += 0.9e-6;
  assert_true(pencone_grid_equal(&grid, &good));
  grid.origin_mm[1] += 0.9e-6;
  assert_false(pencone_grid_equal(&grid, &good));
  grid = good;
  grid.size[2]++;
  assert_false(pencone_grid_equal(&grid, &good));
  grid = good;
  grid.spacing_mm[0] += 1e-3;
  assert_false(pencone_grid_equal(&grid, &good));
  assert_false(pencone_grid_equal(NULL, &good));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(good_grids_pass),
      UNIT_TEST(bad_grids_say_what),
      UNIT_TEST(origin_is_the_centre_of_the_first_voxel),
      UNIT_TEST(equality_has_a_tolerance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Weights that carry voxel means from one set of intervals to another.
#include "base/base.h"
#include "geom/overlap.h"
#include "unit.h"

static pencone_grid line(int64_t cells, double spacing_mm, double origin_mm) {
  const pencone_grid grid = {{cells, 1, 1}, {spacing_mm, 1, 1}, {origin_mm, 0, 0}};
  return grid;
}

static double sum_of(const pcn_overlap *o, int64_t target) {
  double sum = 0;
  for (int64_t c = 0; c < o->count[target]; c++) {
    sum += o->weight[o->start[target] + c];
  }
  return sum;
}

static void the_same_grid_is_the_identity(void **state) {
  const pencone_grid grid = line(17, 0.7, -3.3);
  pcn_overlap o;
  assert_int_equal(pcn_overlap_make(*state, &grid, &grid, 0, &o), PENCONE_OK);
  assert_int_equal(o.targets, 17);
  for (int64_t i = 0; i < 17; i++) {
    assert_int_equal(o.first[i], i);
    assert_int_equal(o.count[i], 1);
    assert_close(o.weight[o.start[i]], 1, 1e-12);
  }
  pcn_overlap_free(&o);
}

static void whole_multiples(void **state) {
  const pencone_grid fine = line(12, 1, 0.5), coarse = line(4, 3, 1.5);
  pcn_overlap o;
  assert_int_equal(pcn_overlap_make(*state, &fine, &coarse, 0, &o), PENCONE_OK);
  for (int64_t i = 0; i < 4; i++) {
    assert_int_equal(o.first[i], 3 * i);
    assert_int_equal(o.count[i], 3);
    for (int c = 0; c < 3; c++) {
      assert_close(o.weight[o.start[i] + c], 1.0 / 3, 1e-12);
    }
  }
  pcn_overlap_free(&o);
  assert_int_equal(pcn_overlap_make(*state, &coarse, &fine, 0, &o), PENCONE_OK);
  for (int64_t i = 0; i < 12; i++) {
    assert_int_equal(o.first[i], i / 3);
    assert_int_equal(o.count[i], 1);
    assert_close(o.weight[o.start[i]], 1, 1e-12);
  }
  pcn_overlap_free(&o);
}

// Any spacings and offsets: inside, weights sum to 1; what a source cell gives, times lengths, is its length
// where targets cover it: the integral is conserved.
static void integrals_are_conserved(void **state) {
  static const double cases[][3] = {{1.3, 0.21, 40}, {0.77, -1.9, 70}, {3.7, 2.2, 16}, {1.0, 0.5, 50}};
  const pencone_grid source = line(20, 1.1, 5);  // 4.45 to 26.45
  for (size_t n = 0; n < 4; n++) {
    const pencone_grid target = line((int64_t)cases[n][2], cases[n][0], cases[n][1]);
    pcn_overlap o;
    double given[20] = {0};
    assert_int_equal(pcn_overlap_make(*state, &source, &target, 0, &o), PENCONE_OK);
    for (int64_t i = 0; i < o.targets; i++) {
      const double low = target.origin_mm[0] + target.spacing_mm[0] * ((double)i - 0.5);
      const double covered =
          fmax(0, fmin(26.45, low + target.spacing_mm[0]) - fmax(4.45, low)) / target.spacing_mm[0];
      assert_close(sum_of(&o, i), covered, 1e-9);
      for (int64_t c = 0; c < o.count[i]; c++) {
        assert_true(o.first[i] + c >= 0 && o.first[i] + c < 20);
        assert_true(o.weight[o.start[i] + c] >= 0);
        given[o.first[i] + c] += o.weight[o.start[i] + c] * target.spacing_mm[0];
      }
    }
    for (int s = 0; s < 20; s++) {
      assert_close(given[s], 1.1, 1e-9);
    }
    pcn_overlap_free(&o);
  }
}

static void outside_there_is_nothing(void **state) {
  const pencone_grid source = line(4, 1, 0.5), target = line(3, 1, 10.5);
  pcn_overlap o;
  assert_int_equal(pcn_overlap_make(*state, &source, &target, 0, &o), PENCONE_OK);
  for (int64_t i = 0; i < 3; i++) {
    assert_true(o.count[i] <= 0 || sum_of(&o, i) == 0);
  }
  pcn_overlap_free(&o);
}

static void edges_of_any_width(void **state) {
  const double edges[] = {-1, 0.25, 0.5, 4, 9};
  const pencone_grid source = line(5, 2, 0);  // -1 to 9
  pcn_overlap o;
  assert_int_equal(pcn_overlap_make_edges(*state, &source, 0, edges, 4, &o), PENCONE_OK);
  assert_int_equal(o.targets, 4);
  for (int64_t i = 0; i < 4; i++) {
    assert_close(sum_of(&o, i), 1, 1e-12);
  }
  assert_int_equal(o.first[2], 0);  // 0.5 to 4: 0.5 of cell 0, 2 of cell 1, 1 of cell 2
  assert_int_equal(o.count[2], 3);
  assert_close(o.weight[o.start[2]], 0.5 / 3.5, 1e-12);
  assert_close(o.weight[o.start[2] + 1], 2 / 3.5, 1e-12);
  assert_close(o.weight[o.start[2] + 2], 1 / 3.5, 1e-12);
  pcn_overlap_free(&o);
}

static void no_memory_is_an_error(void **state) {
  const pencone_grid grid = line(4, 1, 0.5);
  int failures = 0;
  for (;; failures++) {
    pcn_overlap o;
    pcn_alloc_fail_after(*state, failures);
    const pencone_status status = pcn_overlap_make(*state, &grid, &grid, 0, &o);
    pcn_overlap_free(&o);
    if (status == PENCONE_OK) {
      break;
    }
    assert_int_equal(status, PENCONE_E_MEMORY);
  }
  assert_true(failures >= 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(the_same_grid_is_the_identity),
      UNIT_TEST(whole_multiples),
      UNIT_TEST(integrals_are_conserved),
      UNIT_TEST(outside_there_is_nothing),
      UNIT_TEST(edges_of_any_width),
      UNIT_TEST(no_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

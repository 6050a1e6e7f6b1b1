// SPDX-License-Identifier: Apache-2.0
// Allocation and parallel work.
#include "base/base.h"
#include "unit.h"

static void memory_is_aligned(void **state) {
  for (size_t count = 0; count < 200; count += 7) {
    unsigned char *p = pcn_calloc(*state, count, 3);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 64, 0);
    for (size_t i = 0; i < 3 * count; i++) {
      assert_int_equal(p[i], 0);
    }
    pcn_free(p);
  }
  pcn_free(NULL);
}

static void sizes_that_overflow_fail(void **state) {
  assert_null(pcn_alloc(*state, SIZE_MAX / 2, 8));
  assert_error_has(*state, "no memory");
  assert_null(pcn_calloc(*state, SIZE_MAX, SIZE_MAX));
}

static void texts_are_copied(void **state) {
  assert_null(pcn_strdup(*state, NULL));
  char *copy = pcn_strdup(*state, "abc");
  assert_string_equal(copy, "abc");
  pcn_free(copy);
}

static void a_chosen_allocation_fails_once(void **state) {
  pencone_context *ctx = *state;
  pcn_alloc_fail_after(ctx, 1);
  void *first = pcn_alloc(ctx, 1, 1);
  assert_non_null(first);
  assert_null(pcn_alloc(ctx, 1, 1));
  void *third = pcn_alloc(ctx, 1, 1);
  assert_non_null(third);
  pcn_free(first);
  pcn_free(third);
}

enum { TASKS = 1000 };

static void square(void *work, size_t index, int worker) {
  double *values = work;
  assert_true(worker >= 0 && worker < 5);
  values[index] += (double)(index * index);
}

static void every_task_runs_once(void **state) {
  pencone_context *ctx = *state;
  const int threads[] = {1, 2, 5};
  for (int t = 0; t < 3; t++) {
    double values[TASKS] = {0};
    assert_int_equal(pencone_context_set_threads(ctx, threads[t]), PENCONE_OK);
    pcn_parallel_for(ctx, TASKS, square, values);
    assert_int_equal(pcn_parallel_for_progress(ctx, TASKS, square, values, 0, 1, "test"), PENCONE_OK);
    for (size_t i = 0; i < TASKS; i++) {
      assert_true(values[i] == 2.0 * (double)(i * i));
    }
  }
}

static int always_cancel(void *user, double fraction, const char *stage) {
  (void)user;
  (void)fraction;
  (void)stage;
  return 1;
}

static void cancel_stops_the_work(void **state) {
  pencone_context *ctx = *state;
  double values[TASKS] = {0};
  pencone_context_set_progress(ctx, always_cancel, NULL);
  assert_int_equal(pcn_parallel_for_progress(ctx, TASKS, square, values, 0, 1, "test"), PENCONE_E_CANCELLED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(memory_is_aligned),    UNIT_TEST(sizes_that_overflow_fail),
      UNIT_TEST(texts_are_copied),     UNIT_TEST(a_chosen_allocation_fails_once),
      UNIT_TEST(every_task_runs_once), UNIT_TEST(cancel_stops_the_work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

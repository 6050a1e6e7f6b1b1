// SPDX-License-Identifier: Apache-2.0
// Allocation and parallel work.
#define _POSIX_C_SOURCE 200809L
#include <time.h>

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

enum { DISTANCE = 3 };

// Needs what the task DISTANCE before it, and one long before, have written.
static void follow(void *work, size_t index, int worker) {
  double *values = work;
  assert_true(worker >= 0 && worker < 5);
  const double one = index >= DISTANCE ? values[index - DISTANCE] : 0;
  const double other = index >= 7 * DISTANCE ? values[index - 7 * DISTANCE] : 0;
  values[index] = 1 + fmod(one + 2 * other, 1000);
}

static void tasks_of_a_chain_find_the_earlier_ones_done(void **state) {
  pencone_context *ctx = *state;
  const int threads[] = {1, 2, 5};
  const double progress[2] = {0, 1};
  double want[TASKS] = {0};
  for (size_t i = 0; i < TASKS; i++) {
    follow(want, i, 0);
  }
  for (int n = 0; n < 60; n++) {
    double values[TASKS] = {0};
    assert_int_equal(pencone_context_set_threads(ctx, threads[n % 3]), PENCONE_OK);
    assert_int_equal(pcn_parallel_chain(ctx, TASKS, DISTANCE, follow, values, progress, "test"), PENCONE_OK);
    assert_memory_equal(values, want, sizeof want);
  }
}

static pencone_status always_missing(void *user) {
  (void)user;
  return PENCONE_E_MISSING;
}

/// Loops and chains that a crew runs.
typedef struct crew_work {
  pencone_context *ctx;
  double values[TASKS], links[TASKS];
} crew_work;

// A loop inside a task: its crew is at work, so the task does it alone.
static void square_in_a_loop(void *work, size_t index, int worker) {
  crew_work *w = work;
  double twice[2] = {0};
  assert_true(worker >= 0 && worker < 5);
  pcn_parallel_for(w->ctx, 2, square, twice);
  w->values[index] += (double)(index * index) * twice[1];
}

static pencone_status many_loops(void *user) {
  crew_work *w = user;
  const double progress[2] = {0, 1};
  for (int n = 0; n < 100; n++) {
    pcn_parallel_for(w->ctx, TASKS, square_in_a_loop, w);
    PCN_TRY(pcn_parallel_chain(w->ctx, TASKS, DISTANCE, follow, w->links, progress, "test"));
  }
  return pcn_with_crew(w->ctx, always_missing, w);  // a crew in a crew
}

static void a_crew_runs_many_loops(void **state) {
  const int threads[] = {1, 2, 5};
  double want[TASKS] = {0};
  for (size_t i = 0; i < TASKS; i++) {
    follow(want, i, 0);
  }
  for (int t = 0; t < 3; t++) {
    crew_work w = {.ctx = *state};
    assert_int_equal(pencone_context_set_threads(w.ctx, threads[t]), PENCONE_OK);
    assert_int_equal(pcn_with_crew(w.ctx, many_loops, &w), PENCONE_E_MISSING);
    for (size_t i = 0; i < TASKS; i++) {
      assert_true(w.values[i] == 100.0 * (double)(i * i));
    }
    assert_memory_equal(w.links, want, sizeof want);
  }
}

static pencone_status loops_and_pauses(void *user) {
  double values[TASKS] = {0};
  const struct timespec pause = {0, 10000000};
  for (int n = 0; n < 40; n++) {
    pcn_parallel_for(user, 4, square, values);
    nanosleep(&pause, NULL);
  }
  return PENCONE_OK;
}

static double seconds_of_work(pencone_context *ctx, int threads) {
  assert_int_equal(pencone_context_set_threads(ctx, threads), PENCONE_OK);
  const clock_t before = clock();
  assert_int_equal(pcn_with_crew(ctx, loops_and_pauses, ctx), PENCONE_OK);
  return (double)(clock() - before) / CLOCKS_PER_SEC;
}

// OpenMP's threads would spin for milliseconds after each of 40 loops: more than 0.1 s. The spinning of a
// crew is below 0.1 ms a loop.
static void a_waiting_crew_sleeps(void **state) {
  const double alone = seconds_of_work(*state, 1), two = seconds_of_work(*state, 2);
  assert_true(two < alone + 0.05);
}

// Cancels as soon as some of the work is done.
static int cancel_later(void *user, double fraction, const char *stage) {
  (void)stage;
  *(double *)user = fraction;
  return fraction > 0;
}

static void busy(void *work, size_t index, int worker) {
  (void)worker;
  double *values = work;
  for (int i = 0; i < 1000000;
       i++) {  // a second in all: more than the time between two calls of the progress function
    values[index] += 1e-9 * values[index] + 1;
  }
}

static void a_chain_can_be_cancelled(void **state) {
  pencone_context *ctx = *state;
  const double progress[2] = {0, 1};
  double values[TASKS] = {0}, fraction = 0;
  pencone_context_set_progress(ctx, cancel_later, &fraction);
  assert_int_equal(pencone_context_set_threads(ctx, 2), PENCONE_OK);
  assert_int_equal(pcn_parallel_chain(ctx, TASKS, DISTANCE, busy, values, progress, "test"),
                   PENCONE_E_CANCELLED);
  assert_true(fraction > 0 && fraction < 1 && values[TASKS - 1] == 0);
  pencone_context_set_progress(ctx, NULL, NULL);
  pcn_alloc_fail_after(ctx, 0);
  assert_int_equal(pcn_parallel_chain(ctx, TASKS, DISTANCE, busy, values, progress, "test"),
                   PENCONE_E_MEMORY);
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
      UNIT_TEST(memory_is_aligned),        UNIT_TEST(sizes_that_overflow_fail),
      UNIT_TEST(texts_are_copied),         UNIT_TEST(a_chosen_allocation_fails_once),
      UNIT_TEST(every_task_runs_once),     UNIT_TEST(tasks_of_a_chain_find_the_earlier_ones_done),
      UNIT_TEST(a_crew_runs_many_loops),   UNIT_TEST(a_waiting_crew_sleeps),
      UNIT_TEST(a_chain_can_be_cancelled), UNIT_TEST(cancel_stops_the_work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// How a calculation runs: threads, two at once, cancel, memory that ends.
// clock_gettime() and pthread_create() are POSIX, not C.
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>

#include "base/base.h"
#include "physics.h"

// No size is a multiple of another or of a vector's width; three layers; an oblique beam.
static void prepare_lopsided(pencone_context *ctx, const char *engine, physics_case *c) {
  physics_setup setup = {
      .grid = physics_grid(29, 23, 19, 4, 5, 6),
      .layer = {{25, 1, "water"}, {60, 0.26, "lung"}, {80, 1.85, "cortical-bone"}, {1e6, 1, "water"}},
      .field_mm = 40,
      .engine = engine};
  if (strcmp(engine, "photon-superposition") == 0) {
    setup.grid = physics_grid(9, 7, 8, 12, 15, 12);
    setup.option[0] = "polar";
    setup.value[0] = "16";
    setup.option[1] = "azimuths";
    setup.value[1] = "8";
  }
  physics_prepare(ctx, &setup, c);
  pencone_beam beam = physics_beam(c->machine, 35);
  beam.name = "oblique";
  beam.gantry_deg = 130;
  beam.couch_deg = 15;
  beam.isocenter_mm[1] = 50;
  physics_ok(ctx, pencone_plan_add_beam(ctx, c->plan, &beam));
}

static void same_bits_for(pencone_context *ctx, const char *engine) {
  static const int threads[] = {1, 2, 5};
  physics_case first = {0};
  for (int n = 0; n < 3; n++) {
    physics_case c;
    physics_ok(ctx, pencone_context_set_threads(ctx, threads[n]));
    prepare_lopsided(ctx, engine, &c);
    physics_run(ctx, &c);
    if (n == 0) {
      first = c;
      continue;
    }
    const size_t voxels = pencone_grid_voxels(pencone_dose_grid_of(c.dose));
    assert_memory_equal(pencone_dose_values_const(c.dose), pencone_dose_values_const(first.dose),
                        voxels * sizeof(float));
    physics_free(&c);
  }
  assert_true(physics_max(first.dose) > 0);
  physics_free(&first);
}

// CONTRIBUTING.md, rules of the house.
static void threads_do_not_change_a_bit(void **state) {
  same_bits_for(*state, "photon-collapsed-cone");
  same_bits_for(*state, "photon-superposition");
}

typedef struct runner {
  const pencone_engine *engine;
  pencone_dose *dose;
  pencone_status status;
} runner;

static void *run_alone(void *argument) {
  runner *r = argument;
  pencone_context *ctx = NULL;
  r->status = pencone_context_create(&ctx);
  if (r->status == PENCONE_OK) {
    r->status = pencone_context_set_threads(ctx, 2);
  }
  for (int n = 0; n < 3 && r->status == PENCONE_OK; n++) {
    r->status = pencone_engine_compute(ctx, r->engine, 0, r->dose);
  }
  pencone_context_destroy(ctx);
  return NULL;
}

// Two threads with their own contexts and doses on one engine.
static void one_engine_serves_two_threads(void **state) {
  physics_case c;
  runner r[2];
  pthread_t thread[2];
  prepare_lopsided(*state, "photon-collapsed-cone", &c);
  physics_run(*state, &c);
  for (int n = 0; n < 2; n++) {
    r[n].engine = c.engine;
    r[n].status = PENCONE_E_INTERNAL;
    physics_ok(*state, pencone_dose_create(*state, pencone_engine_grid(c.engine), &r[n].dose));
  }
  for (int n = 0; n < 2; n++) {
    assert_int_equal(pthread_create(&thread[n], NULL, run_alone, &r[n]), 0);
  }
  const size_t bytes = pencone_grid_voxels(pencone_dose_grid_of(c.dose)) * sizeof(float);
  for (int n = 0; n < 2; n++) {
    assert_int_equal(pthread_join(thread[n], NULL), 0);
    assert_int_equal(r[n].status, PENCONE_OK);
    assert_memory_equal(pencone_dose_values_const(r[n].dose), pencone_dose_values_const(c.dose), bytes);
    pencone_dose_destroy(r[n].dose);
  }
  physics_free(&c);
}

// --- progress and cancel -----------------------------------------------------------------------

/// What a progress callback saw.
typedef struct watch {
  double cancel_at;  ///< fraction; above 1: never
  double last, said_no_s, called_s, longest_gap_s;
  int calls, backwards, outside, asked_again;
} watch;

static int look(void *user, double fraction, const char *stage) {
  watch *w = user;
  const double now = pcn_seconds();
  w->outside += fraction < 0 || fraction > 1 || stage == NULL;
  w->backwards += fraction < w->last;
  w->asked_again += w->said_no_s > 0;
  w->longest_gap_s = w->calls > 0 ? fmax(w->longest_gap_s, now - w->called_s) : 0;
  w->last = fraction;
  w->called_s = now;
  w->calls++;
  if (fraction >= w->cancel_at) {
    w->said_no_s = now;
    return 1;
  }
  return 0;
}

static void prepare_large(pencone_context *ctx, physics_case *c) {
  physics_setup setup = {
      .grid = physics_grid(121, 100, 121, 3, 3, 3), .layer = {{1e6, 1, "water"}}, .field_mm = 200};
  if (PHYSICS_SLOW) {
    setup.grid = physics_grid(61, 50, 61, 6, 6, 6);
  }
  physics_prepare(ctx, &setup, c);
  physics_make_engine(ctx, c);
  physics_ok(ctx, pencone_dose_create(ctx, pencone_engine_grid(c->engine), &c->dose));
}

// The header promises 0.1 s; a machine that does other things too, and sanitizers, get 1 s. Nobody is asked
// again after a no. ASan finds what leaks.
static void cancel_ends_soon(void **state) {
  physics_case c;
  prepare_large(*state, &c);
  static const double at[] = {0, 1e-9, 0.3, 0.9};
  for (int n = 0; n < 4; n++) {
    watch w = {.cancel_at = at[n]};
    pencone_context_set_progress(*state, look, &w);
    assert_int_equal(pencone_engine_compute(*state, c.engine, 0, c.dose), PENCONE_E_CANCELLED);
    const double took = pcn_seconds() - w.said_no_s;
    assert_true(took < 1);
    assert_int_equal(w.asked_again, 0);
    assert_error_has(*state, "cancelled");
  }
  watch all = {.cancel_at = 2};
  pencone_context_set_progress(*state, look, &all);
  physics_ok(*state, pencone_engine_compute(*state, c.engine, 0, c.dose));  // the engine is as before
  assert_int_equal(all.backwards + all.outside, 0);
  assert_true(all.last == 1);
  assert_true(all.longest_gap_s < 1);
  physics_free(&c);
}

static void cancel_while_tables_are_made(void **state) {
  physics_case c;
  watch w = {.cancel_at = 0};
  prepare_lopsided(*state, "photon-collapsed-cone", &c);
  pencone_context_set_progress(*state, look, &w);
  assert_int_equal(pencone_engine_create(*state, c.plan, c.phantom, &c.engine), PENCONE_E_CANCELLED);
  assert_null(c.engine);
  physics_free(&c);
}

// --- memory ------------------------------------------------------------------------------------

static void budget_is_refused_before_allocation(void **state) {
  physics_case c;
  pencone_estimate_info estimate = PENCONE_ESTIMATE_DEFAULT;
  prepare_lopsided(*state, "photon-collapsed-cone", &c);
  physics_ok(*state, pencone_estimate(*state, c.plan, c.phantom, &estimate));
  assert_int_equal(estimate.voxels, 29 * 23 * 19);
  assert_true(estimate.bytes >= estimate.voxels * 4 * 7);  // medium, TERMA, dose
  assert_true(estimate.seconds > 0);
  pencone_context_set_memory_budget(*state, estimate.bytes - 1);
  pcn_alloc_fail_after(*state, 0);  // the first allocation would fail with E_MEMORY
  assert_int_equal(pencone_engine_create(*state, c.plan, c.phantom, &c.engine), PENCONE_E_BUDGET);
  pcn_alloc_fail_after(*state, -1);
  assert_error_has(*state, "MiB");
  assert_null(c.engine);
  pencone_context_set_memory_budget(*state, estimate.bytes);
  physics_make_engine(*state, &c);
  physics_free(&c);
}

// Everything that may fail in one small calculation. @return the outcome
static pencone_status calculate(pencone_context *ctx, const physics_case *c, pencone_dose_grid *wanted) {
  pencone_engine *engine = NULL;
  pencone_dose *dose = NULL;
  pencone_status status = pencone_plan_set_dose_grid(ctx, c->plan, wanted);
  if (status == PENCONE_OK) {
    status = pencone_engine_create(ctx, c->plan, c->phantom, &engine);
  }
  if (status == PENCONE_OK) {
    status = pencone_dose_create(ctx, pencone_engine_grid(engine), &dose);
  }
  if (status == PENCONE_OK) {
    status = pencone_engine_compute(ctx, engine, 1, dose);
  }
  pencone_dose_destroy(dose);
  pencone_engine_destroy(engine);
  return status;
}

static void fail_each_allocation(pencone_context *ctx, const char *engine, int cropped, int least) {
  pencone_dose_grid wanted = PENCONE_DOSE_GRID_DEFAULT;
  physics_setup setup = {.grid = physics_grid(5, 4, 3, 10, 10, 10),
                         .layer = {{1e6, 1, "water"}},
                         .field_mm = 20,
                         .engine = engine};
  physics_case c;
  wanted.has_box = cropped;
  for (int a = 0; a < 3; a++) {
    wanted.box_min_mm[a] = 0;
    wanted.box_max_mm[a] = 20;
  }
  if (strcmp(engine, "photon-superposition") == 0) {
    setup.option[0] = "polar";
    setup.value[0] = "8";
  }
  physics_prepare(ctx, &setup, &c);
  int failures = 0;
  for (;; failures++) {
    pcn_alloc_fail_after(ctx, failures);
    const pencone_status status = calculate(ctx, &c, &wanted);
    if (status == PENCONE_OK) {
      break;
    }
    assert_int_equal(status, PENCONE_E_MEMORY);
    assert_error_has(ctx, "no memory");
    assert_true(failures < 1000);
  }
  pcn_alloc_fail_after(ctx, -1);
  assert_true(failures >= least);
  physics_free(&c);
}

// Every allocation is made to fail once. Fewer than these would mean that the test misses some.
static void every_allocation_may_fail(void **state) {
  fail_each_allocation(*state, "photon-collapsed-cone", 0, 45);
  fail_each_allocation(*state, "photon-collapsed-cone", 1, 47);
  fail_each_allocation(*state, "photon-superposition", 0, 36);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(threads_do_not_change_a_bit),
      UNIT_TEST(one_engine_serves_two_threads),
      UNIT_TEST(cancel_ends_soon),
      UNIT_TEST(cancel_while_tables_are_made),
      UNIT_TEST(budget_is_refused_before_allocation),
      UNIT_TEST(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

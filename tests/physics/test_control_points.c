// SPDX-License-Identifier: Apache-2.0
// Beams of several steps: the sum of the steps' beams, at less than their cost.
#include <time.h>

#include "physics.h"

enum { STEPS = 20, ANGLES = 8 };

static void setup_of(physics_setup *setup, int64_t n, double spacing_mm) {
  memset(setup, 0, sizeof *setup);
  setup->grid = physics_grid(n, n, n, spacing_mm, spacing_mm, spacing_mm);
  setup->layer[0] = (physics_layer){1000, 1, "water"};
  setup->field_mm = 60;
  setup->option[0] = "directions";
  setup->value[0] = "48";
}

static pencone_control_point step_of(double gantry, double collimator, double left, double right,
                                     double weight) {
  const pencone_control_point point = {gantry, collimator, 0, {left, right}, {-20, 25}, weight};
  return point;
}

// Dose of a plan with one beam of these steps, or with a beam for each.
static void run(pencone_context *ctx, const physics_setup *setup, const pencone_control_point *points,
                int count, int together, physics_case *c) {
  physics_prepare(ctx, setup, c);
  pencone_plan_destroy(c->plan);
  physics_ok(ctx, pencone_plan_create(ctx, "steps", &c->plan));
  physics_ok(ctx, pencone_plan_set_option(ctx, c->plan, setup->option[0], setup->value[0]));
  const double middle = 0.5 * setup->grid.spacing_mm[1] * (double)setup->grid.size[1];
  for (int i = 0; i < (together ? 1 : count); i++) {
    char name[16];
    pencone_beam beam = physics_beam(c->machine, setup->field_mm);
    snprintf(name, sizeof name, "%d", i);
    beam.name = name;
    beam.isocenter_mm[1] = middle;
    if (together) {
      beam.control_points = points;
      beam.control_point_count = count;
    } else {
      beam.gantry_deg = points[i].gantry_deg;
      beam.collimator_deg = points[i].collimator_deg;
      memcpy(beam.field_x_mm, points[i].field_x_mm, sizeof beam.field_x_mm);
      memcpy(beam.field_y_mm, points[i].field_y_mm, sizeof beam.field_y_mm);
      beam.fluence_per_cm2 = points[i].weight;
    }
    physics_ok(ctx, pencone_plan_add_beam(ctx, c->plan, &beam));
  }
  physics_run(ctx, c);
}

static void same_dose(pencone_context *ctx, const physics_setup *setup, const pencone_control_point *points,
                      int count, double tolerance) {
  physics_case one, many;
  run(ctx, setup, points, count, 1, &one);
  run(ctx, setup, points, count, 0, &many);
  const size_t voxels = pencone_grid_voxels(&setup->grid);
  const float *a = pencone_dose_values_const(one.dose), *b = pencone_dose_values_const(many.dose);
  const double largest = physics_max(many.dose);
  double worst = 0;
  for (size_t i = 0; i < voxels; i++) {
    worst = fmax(worst, fabs((double)a[i] - (double)b[i]) / largest);
  }
  assert_true(largest > 0);
  assert_close(worst, 0, tolerance);
  physics_free(&one);
  physics_free(&many);
}

// Openings that slide over the field; the widest is the last, so that all beams' kernels are tabulated alike.
static void steps_at_one_angle_are_the_sum_of_beams(void **state) {
  physics_setup setup;
  pencone_control_point points[STEPS];
  setup_of(&setup, 24, 5);
  for (int i = 0; i < STEPS; i++) {
    points[i] = i % 2 == 0 ? step_of(0, 0, -30, -28 + 2.5 * i, 0.02 * (i + 1))
                           : step_of(0, 0, 28 - 2.5 * i, 30, 0.02 * (i + 1));
  }
  same_dose(*state, &setup, points, STEPS, 1e-5);
}

// The transport directions turn with the collimator: equal to their own accuracy only.
static void turned_collimators_share_a_calculation(void **state) {
  physics_setup setup;
  setup_of(&setup, 24, 5);
  setup.value[0] = "512";
  const pencone_control_point points[3] = {step_of(0, 0, -10, 30, 0.5), step_of(0, 40, -30, 15, 0.3),
                                           step_of(360, 90, -20, 30, 0.2)};
  same_dose(*state, &setup, points, 3, 0.01);
}

static void an_arc_is_the_sum_of_its_angles(void **state) {
  physics_setup setup;
  setup_of(&setup, 20, 6);
  pencone_control_point points[ANGLES];
  for (int i = 0; i < ANGLES; i++) {
    points[i] = step_of(45 * i, 10 * i, -30 + i, 30, i == 3 ? 0.5 : 0.1);
  }
  same_dose(*state, &setup, points, ANGLES, 1e-6);
}

static double user_seconds(void) {
  return (double)clock() / CLOCKS_PER_SEC;
}

// The transport is done once: 20 steps cost far less than 20 beams. The bound leaves room for a busy machine.
static void steps_at_one_angle_cost_little(void **state) {
  physics_setup setup;
  pencone_control_point points[STEPS];
  setup_of(&setup, 64, 3);
  physics_ok(*state, pencone_context_set_threads(*state, 1));
  for (int i = 0; i < STEPS; i++) {
    points[i] = step_of(0, 0, -30, -28 + 2.5 * i, 0.05);
  }
  physics_case c;
  double seconds[2];
  for (int many = 0; many < 2; many++) {
    const double start = user_seconds();
    run(*state, &setup, points + (many ? 0 : STEPS - 1), many ? STEPS : 1, 1, &c);
    seconds[many] = user_seconds() - start;
    physics_free(&c);
  }
  print_message("1 step: %.3f s, 20 steps: %.3f s\n", seconds[0], seconds[1]);
  assert_true(seconds[1] < 6 * seconds[0]);
}

// Tables belong to the machine: an engine for 36 angles makes them once. What is left for each angle is to
// look whether it meets the phantom. 3 leaves room for a busy machine; tables for each angle would cost 36
// times.
static void angles_share_their_tables(void **state) {
  enum { TURNS = 36 };
  physics_setup setup;
  pencone_control_point points[TURNS];
  double seconds[2] = {1e9, 1e9};
  setup_of(&setup, 8, 20);
  for (int i = 0; i < TURNS; i++) {
    points[i] = step_of(360.0 / TURNS * i, 0, -30, 30, 1.0 / TURNS);
  }
  for (int many = 0; many < 2; many++) {
    physics_case c;
    run(*state, &setup, points, many ? TURNS : 1, 1, &c);
    for (int n = 0; n < 5; n++) {
      pencone_engine *engine = NULL;
      const double start = user_seconds();
      physics_ok(*state, pencone_engine_create(*state, c.plan, c.phantom, &engine));
      seconds[many] = fmin(seconds[many], user_seconds() - start);
      pencone_engine_destroy(engine);
    }
    physics_free(&c);
  }
  print_message("engine for 1 angle: %.4f s, for %d angles: %.4f s\n", seconds[0], TURNS, seconds[1]);
  assert_true(seconds[1] < 3 * seconds[0]);
}

// Parts are replaced when a dose is calculated again; a beam of several angles is one part.
static void parts_are_kept_per_beam(void **state) {
  physics_setup setup;
  setup_of(&setup, 16, 6);
  const pencone_control_point points[2] = {step_of(0, 0, -30, 30, 1), step_of(90, 0, -30, 30, 1)};
  physics_case c;
  run(*state, &setup, points, 2, 1, &c);
  for (int n = 0; n < 2; n++) {
    physics_ok(*state, pencone_engine_compute(*state, c.engine, 1, c.dose));
    assert_int_equal(pencone_dose_part_count(c.dose), 1);
    assert_memory_equal(pencone_dose_part_values(c.dose, 0), pencone_dose_values(c.dose),
                        pencone_grid_voxels(&setup.grid) * sizeof(float));
  }
  physics_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(steps_at_one_angle_are_the_sum_of_beams), UNIT_TEST(turned_collimators_share_a_calculation),
      UNIT_TEST(an_arc_is_the_sum_of_its_angles),         UNIT_TEST(parts_are_kept_per_beam),
      UNIT_TEST(steps_at_one_angle_cost_little),          UNIT_TEST(angles_share_their_tables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

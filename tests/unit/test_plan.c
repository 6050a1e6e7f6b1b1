// SPDX-License-Identifier: Apache-2.0
// Plans: beams, engine, options, dose grid; what is refused, and with which words.
#include "../physics/physics.h"
#include "base/base.h"
#include "engine/engine_type.h"

/// A plan and a machine for its beams.
typedef struct stage {
  pencone_plan *plan;
  pencone_machine *machine;
  pencone_beam beam;
} stage;

static stage begin(pencone_context *ctx) {
  stage s = {.machine = physics_machine(ctx, "mohan6", 1000)};
  physics_ok(ctx, pencone_plan_create(ctx, "test", &s.plan));
  s.beam = physics_beam(s.machine, 100);
  return s;
}

static void end(stage *s) {
  pencone_plan_destroy(s->plan);
  pencone_machine_destroy(s->machine);
}

static void starts_with_the_defaults(void **state) {
  stage s = begin(*state);
  assert_string_equal(pencone_plan_name(s.plan), "test");
  assert_string_equal(pencone_plan_engine(s.plan), "photon-collapsed-cone");
  assert_string_equal(pencone_plan_options_text(s.plan), "");
  assert_int_equal(pencone_plan_beam_count(s.plan), 0);
  assert_null(pencone_plan_beam(s.plan, 0));
  assert_int_equal(pencone_plan_quantity(s.plan), PENCONE_DOSE_TO_MEDIUM);
  assert_int_equal(pencone_plan_dose_grid(s.plan)->has_box, 0);
  end(&s);
  pencone_plan_destroy(NULL);
}

static void beams_are_copied_with_their_machine(void **state) {
  stage s = begin(*state);
  char name[] = "left";
  s.beam.name = name;
  s.beam.gantry_deg = 90;
  physics_ok(*state, pencone_plan_add_beam(*state, s.plan, &s.beam));
  name[0] = 'x';
  s.beam.name = NULL;
  s.beam.gantry_deg = -360;
  physics_ok(*state, pencone_plan_add_beam(*state, s.plan, &s.beam));
  const pencone_machine *first = pencone_plan_beam(s.plan, 0)->machine;
  assert_ptr_not_equal(first, s.machine);
  assert_string_equal(pencone_machine_sha256(first), pencone_machine_sha256(s.machine));
  pencone_machine_destroy(s.machine);
  s.machine = NULL;
  assert_int_equal(pencone_plan_beam_count(s.plan), 2);
  assert_string_equal(pencone_plan_beam(s.plan, 0)->name, "left");
  assert_string_equal(pencone_plan_beam(s.plan, 1)->name, "beam");
  assert_close(pencone_plan_beam(s.plan, 0)->gantry_deg, 90, 0);
  assert_close(pencone_machine_describe(pencone_plan_beam(s.plan, 1)->machine)->sad_mm, 1000, 0);
  assert_null(pencone_plan_beam(s.plan, 2));
  assert_null(pencone_plan_beam(s.plan, -1));
  end(&s);
}

static void refused(pencone_context *ctx, stage *s, const pencone_beam *beam, pencone_status status,
                    const char *words) {
  pencone_context_clear_error(ctx);
  assert_int_equal(pencone_plan_add_beam(ctx, s->plan, beam), status);
  assert_error_has(ctx, words);
  assert_null(strchr(pencone_context_error(ctx), '\n'));
  assert_int_equal(pencone_plan_beam_count(s->plan), 0);
}

static void bad_beams_say_what(void **state) {
  stage s = begin(*state);
  pencone_beam b;
  s.beam.name = "AP";
#define WITH(change, status, words)         \
  do {                                      \
    b = s.beam;                             \
    change;                                 \
    refused(*state, &s, &b, status, words); \
  } while (0)
  WITH(b.struct_size = 8, PENCONE_E_ARGUMENT, "PENCONE_BEAM_DEFAULT");
  WITH(b.machine = NULL, PENCONE_E_ARGUMENT, "beam AP: it has no machine");
  WITH(b.isocenter_mm[2] = NAN, PENCONE_E_RANGE, "isocentre z: got nan");
  WITH(b.gantry_deg = 361, PENCONE_E_RANGE, "gantry angle: got 361");
  WITH(b.gantry_deg = NAN, PENCONE_E_RANGE, "gantry angle: got nan");
  WITH(b.collimator_deg = -400, PENCONE_E_RANGE, "collimator angle: got -400, expected -360 to 360 degrees");
  WITH(b.couch_deg = INFINITY, PENCONE_E_RANGE, "couch angle: got inf");
  WITH(b.field_x_mm[1] = b.field_x_mm[0], PENCONE_E_RANGE,
       "field x: got -50 to -50 mm, expected a field of more than zero size");
  WITH(b.field_y_mm[0] = 60, PENCONE_E_RANGE, "field y: got 60 to 50 mm");
  WITH(b.field_y_mm[1] = 1e6, PENCONE_E_RANGE, "field y: got -50 to 1e+06 mm");
  WITH(b.field_x_mm[0] = NAN, PENCONE_E_RANGE, "field x: got nan");
  WITH(b.fluence_per_cm2 = 0, PENCONE_E_RANGE, "fluence: got 0, expected more than 0");
  WITH(b.fluence_per_cm2 = -1, PENCONE_E_RANGE, "fluence: got -1");
  WITH(b.fluence_per_cm2 = NAN, PENCONE_E_RANGE, "fluence: got nan");
#undef WITH
  assert_int_equal(pencone_plan_add_beam(*state, s.plan, NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_plan_add_beam(*state, NULL, &s.beam), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_plan_create(*state, "x", NULL), PENCONE_E_ARGUMENT);
  end(&s);
}

static void the_table_of_engines(void **state) {
  stage s = begin(*state);
  assert_true(pencone_engine_count() >= 2);
  assert_null(pencone_engine_at(-1));
  assert_null(pencone_engine_at(pencone_engine_count()));
  for (int i = 0; i < pencone_engine_count(); i++) {
    const pencone_engine_info *info = pencone_engine_at(i);
    physics_ok(*state, pencone_plan_set_engine(*state, s.plan, info->name));
    assert_non_null(strstr(info->references, "doi:10."));
    for (int o = 0; o < info->option_count; o++) {  // defaults are valid values
      physics_ok(*state, pencone_plan_set_option(*state, s.plan, info->options[o].key,
                                                 info->options[o].default_value));
      assert_true(info->options[o].choices != NULL || info->options[o].max > info->options[o].min);
    }
  }
  assert_int_equal(pencone_plan_set_engine(*state, s.plan, "photon-monte-carlo"), PENCONE_E_MISSING);
  assert_error_has(*state,
                   "got \"photon-monte-carlo\", expected one of photon-collapsed-cone, photon-superposition");
  assert_int_equal(pencone_plan_set_engine(*state, s.plan, NULL), PENCONE_E_ARGUMENT);
  end(&s);
}

// A quality stands for options; what is set by itself counts more, whatever the order.
static void quality_sets_options(void **state) {
  stage s = begin(*state);
  physics_ok(*state, pencone_plan_set_option(*state, s.plan, "margin_mm", "25"));
  physics_ok(*state, pencone_plan_set_option(*state, s.plan, "quality", "fast"));
  assert_close(pcn_plan_option_number(s.plan, "directions"), 48, 0);
  assert_close(pcn_plan_option_number(s.plan, "margin_mm"), 25, 0);
  physics_ok(*state, pencone_plan_set_option(*state, s.plan, "quality", "reference"));
  assert_close(pcn_plan_option_number(s.plan, "directions"), 264, 0);
  assert_int_equal(pencone_plan_set_option(*state, s.plan, "quality", "best"), PENCONE_E_RANGE);
  assert_error_has(*state, "expected fast|standard|reference");
  end(&s);
}

static void options_are_checked_and_told(void **state) {
  stage s = begin(*state);
  assert_close(pcn_plan_option_number(s.plan, "directions"), 128, 0);
  physics_ok(*state, pencone_plan_set_option(*state, s.plan, "kernel_depth_cm", "7.5"));
  physics_ok(*state, pencone_plan_set_option(*state, s.plan, "directions", "48"));
  physics_ok(*state, pencone_plan_set_option(*state, s.plan, "directions", "96"));
  assert_string_equal(pencone_plan_options_text(s.plan), "directions=96 kernel_depth_cm=7.5");
  assert_close(pcn_plan_option_number(s.plan, "directions"), 96, 0);
  static const char *const bad[] = {"", "12.5", "many", "23", "1025", "-96", "96x", " "};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(pencone_plan_set_option(*state, s.plan, "directions", bad[i]), PENCONE_E_RANGE);
    assert_error_has(*state, "expected a whole number from 24 to 1024");
    assert_error_has(*state, bad[i]);
  }
  assert_int_equal(pencone_plan_set_option(*state, s.plan, "kernel_depth_cm", "nan"), PENCONE_E_RANGE);
  assert_int_equal(pencone_plan_set_option(*state, s.plan, "direction", "96"), PENCONE_E_MISSING);
  assert_error_has(*state, "engine photon-collapsed-cone has no option \"direction\"");
  assert_int_equal(pencone_plan_set_option(*state, s.plan, NULL, "96"), PENCONE_E_ARGUMENT);
  assert_close(pcn_plan_option_number(s.plan, "directions"), 96, 0);  // as it was
  physics_ok(*state, pencone_plan_set_engine(*state, s.plan, "photon-collapsed-cone"));
  assert_string_equal(pencone_plan_options_text(s.plan), "");  // back to the defaults
  end(&s);
}

static void dose_grids_are_checked(void **state) {
  stage s = begin(*state);
  pencone_dose_grid g = PENCONE_DOSE_GRID_DEFAULT;
  static const double bad[][3] = {{2, 0, 2}, {-1, 2, 2}, {2, 2, NAN}, {INFINITY, 2, 2}};
  for (size_t i = 0; i < 4; i++) {
    memcpy(g.spacing_mm, bad[i], sizeof g.spacing_mm);
    assert_int_equal(pencone_plan_set_dose_grid(*state, s.plan, &g), PENCONE_E_RANGE);
    assert_error_has(*state, "dose grid: spacing");
  }
  const pencone_dose_grid box = {sizeof box, {2, 2, 2}, 1, {-1, -1, -1}, {1, 1, 1}};
  g = box;
  physics_ok(*state, pencone_plan_set_dose_grid(*state, s.plan, &g));
  g.box_max_mm[1] = -1;
  assert_int_equal(pencone_plan_set_dose_grid(*state, s.plan, &g), PENCONE_E_RANGE);
  assert_error_has(*state, "box y: got -1 to -1 mm");
  g.box_max_mm[1] = NAN;
  assert_int_equal(pencone_plan_set_dose_grid(*state, s.plan, &g), PENCONE_E_RANGE);
  g.struct_size = 0;
  assert_int_equal(pencone_plan_set_dose_grid(*state, s.plan, &g), PENCONE_E_ARGUMENT);
  assert_close(pencone_plan_dose_grid(s.plan)->box_max_mm[1], 1, 0);  // as it was
  assert_int_equal(pencone_plan_set_quantity(*state, s.plan, (pencone_quantity)7), PENCONE_E_RANGE);
  physics_ok(*state, pencone_plan_set_quantity(*state, s.plan, PENCONE_DOSE_TO_WATER));
  assert_int_equal(pencone_plan_quantity(s.plan), PENCONE_DOSE_TO_WATER);
  end(&s);
}

/// Everything that allocates. @return the outcome
static pencone_status build(pencone_context *ctx, const pencone_beam *beam) {
  const pencone_control_point step = {0, 0, 0, {-1, 1}, {-1, 1}, 1};
  pencone_plan *plan = NULL;
  pencone_status status = pencone_plan_create(ctx, "name", &plan);
  for (int i = 0; i < 2 && status == PENCONE_OK; i++) {
    pencone_beam named = *beam;
    named.name = i == 0 ? "first" : "second";
    named.control_points = &step;
    named.control_point_count = 1;
    status = pencone_plan_add_beam(ctx, plan, &named);
  }
  if (status == PENCONE_OK) {
    status = pencone_plan_set_option(ctx, plan, "directions", "48");
  }
  pencone_plan_destroy(plan);
  return status;
}

static void names_are_given_once(void **state) {
  stage s = begin(*state);
  s.beam.name = "AP";
  physics_ok(*state, pencone_plan_add_beam(*state, s.plan, &s.beam));
  assert_int_equal(pencone_plan_add_beam(*state, s.plan, &s.beam), PENCONE_E_ARGUMENT);
  assert_error_has(*state, "beam AP: beam 1 of the plan has this name");
  assert_int_equal(pencone_plan_beam_count(s.plan), 1);
  assert_int_equal(pencone_plan_beam_count(NULL), 0);
  assert_null(pencone_plan_name(NULL));
  assert_null(pencone_plan_beam(NULL, 0));
  assert_null(pencone_engine_grid(NULL));
  end(&s);
}

static void control_points_are_checked_and_copied(void **state) {
  stage s = begin(*state);
  pencone_control_point steps[2] = {{10, 20, 30, {-1, 1}, {-2, 2}, 0.5}, {10, 20, 30, {5, 5}, {-2, 2}, 0}};
  s.beam.control_points = steps;
  s.beam.control_point_count = 2;
  physics_ok(*state, pencone_plan_add_beam(*state, s.plan, &s.beam));  // zero size is allowed at weight 0
  steps[0].weight = 0;
  assert_close(pencone_plan_beam(s.plan, 0)->control_points[0].weight, 0.5, 0);
  s.beam.name = "next";
  assert_int_equal(pencone_plan_add_beam(*state, s.plan, &s.beam), PENCONE_E_RANGE);
  assert_error_has(*state, "sum of 0");
  steps[1].weight = 1;
  assert_int_equal(pencone_plan_add_beam(*state, s.plan, &s.beam), PENCONE_E_RANGE);
  assert_error_has(*state, "beam next: control point 2: field x: got 5 to 5 mm");
  s.beam.control_points = NULL;
  assert_int_equal(pencone_plan_add_beam(*state, s.plan, &s.beam), PENCONE_E_ARGUMENT);
  end(&s);
}

static void fluence_maps_are_checked_and_copied(void **state) {
  stage s = begin(*state);
  double map[6] = {0, 1, 2, 3, 4, 5};
  s.beam.name = "AP";
  s.beam.fluence_map_size[0] = 3;
  s.beam.fluence_map_size[1] = 2;
  refused(*state, &s, &s.beam, PENCONE_E_ARGUMENT, "fluence map: got NULL for 3 x 2 pixels");
  s.beam.fluence_map = map;
  s.beam.fluence_map_size[1] = 0;
  refused(*state, &s, &s.beam, PENCONE_E_RANGE, "got 3 x 0 pixels (x, y), expected 1 to 500");
  s.beam.fluence_map_size[1] = 2;
  map[4] = INFINITY;
  refused(*state, &s, &s.beam, PENCONE_E_RANGE, "pixel (1, 1): got inf");
  map[4] = 4;
  physics_ok(*state, pencone_plan_add_beam(*state, s.plan, &s.beam));
  map[4] = 0;
  const pencone_beam *copy = pencone_plan_beam(s.plan, 0);
  assert_close(copy->fluence_map[4], 4, 0);
  assert_close(copy->bixel_mm[0], 100.0 / 3, 1e-12);
  assert_close(copy->bixel_mm[1], 50, 0);
  end(&s);
}

static void no_memory_is_an_error(void **state) {
  stage s = begin(*state);
  int failures = 0;
  for (;; failures++) {
    pcn_alloc_fail_after(*state, failures);
    const pencone_status status = build(*state, &s.beam);
    if (status == PENCONE_OK) {
      break;
    }
    assert_int_equal(status, PENCONE_E_MEMORY);
  }
  assert_true(failures >= 10);
  pcn_alloc_fail_after(*state, -1);
  end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(starts_with_the_defaults),
      UNIT_TEST(beams_are_copied_with_their_machine),
      UNIT_TEST(bad_beams_say_what),
      UNIT_TEST(the_table_of_engines),
      UNIT_TEST(quality_sets_options),
      UNIT_TEST(options_are_checked_and_told),
      UNIT_TEST(dose_grids_are_checked),
      UNIT_TEST(names_are_given_once),
      UNIT_TEST(control_points_are_checked_and_copied),
      UNIT_TEST(fluence_maps_are_checked_and_copied),
      UNIT_TEST(no_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

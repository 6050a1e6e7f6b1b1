// SPDX-License-Identifier: Apache-2.0
// Engines through the public interface: estimate, what is refused, provenance, points.
#include "../physics/physics.h"
#include "base/base.h"
#include "matter/hu.h"

static physics_setup small(void) {
  const physics_setup setup = {.grid = physics_grid(9, 8, 7, 10, 10, 10),
                               .layer = {{1e6, 1, "water"}},
                               .field_mm = 30,
                               .option = {"directions"},
                               .value = {"24"}};
  return setup;
}

/// Replaces the plan's beam by one that the test has changed.
static void use_beam(pencone_context *ctx, physics_case *c, const pencone_beam *beam) {
  pencone_plan_destroy(c->plan);
  c->plan = NULL;
  physics_ok(ctx, pencone_plan_create(ctx, "changed", &c->plan));
  physics_ok(ctx, pencone_plan_add_beam(ctx, c->plan, beam));
}

static void refused(pencone_context *ctx, physics_case *c, pencone_status status, const char *words) {
  pencone_engine *engine = (pencone_engine *)c;  // must be cleared
  pencone_context_clear_error(ctx);
  assert_int_equal(pencone_engine_create(ctx, c->plan, c->phantom, &engine), status);
  assert_null(engine);
  assert_error_has(ctx, words);
  assert_null(strchr(pencone_context_error(ctx), '\n'));
}

static void beams_must_meet_the_phantom(void **state) {
  const physics_setup setup = small();
  physics_case c;
  physics_prepare(*state, &setup, &c);
  pencone_beam beam = physics_beam(c.machine, 30);
  beam.name = "AP";
  beam.isocenter_mm[0] = 500;
  use_beam(*state, &c, &beam);
  refused(*state, &c, PENCONE_E_GEOMETRY, "beam AP: it misses the phantom (source (500.0, -1000.0, 0.0) mm");
  beam.isocenter_mm[0] = 0;
  beam.field_x_mm[0] = 100;  // a field beside the phantom
  beam.field_x_mm[1] = 120;
  use_beam(*state, &c, &beam);
  refused(*state, &c, PENCONE_E_GEOMETRY, "beam AP: it misses");
  beam = physics_beam(c.machine, 30);
  beam.isocenter_mm[1] = 1020;  // the source comes to lie 2 cm deep
  use_beam(*state, &c, &beam);
  refused(*state, &c, PENCONE_E_GEOMETRY, "inside the phantom");
  physics_free(&c);
}

// A beam through vacuum meets nothing.
static void an_empty_phantom_is_missed(void **state) {
  physics_setup setup = small();
  setup.layer[0].density_g_cm3 = 0;
  physics_case c;
  physics_prepare(*state, &setup, &c);
  refused(*state, &c, PENCONE_E_GEOMETRY, "misses the phantom");
  physics_free(&c);
}

static void plans_and_grids_must_fit(void **state) {
  const physics_setup setup = small();
  physics_case c;
  pencone_plan *empty = NULL;
  pencone_engine *engine = NULL;
  physics_prepare(*state, &setup, &c);
  physics_ok(*state, pencone_plan_create(*state, "empty", &empty));
  assert_int_equal(pencone_engine_create(*state, empty, c.phantom, &engine), PENCONE_E_RANGE);
  assert_error_has(*state, "plan empty: it has no beams");
  pencone_plan_destroy(empty);
  pencone_dose_grid g = {sizeof g, {0, 0, 0}, 1, {500, -10, -10}, {600, 10, 10}};
  physics_ok(*state, pencone_plan_set_dose_grid(*state, c.plan, &g));
  refused(*state, &c, PENCONE_E_RANGE,
          "box x: 500 to 600 mm holds no voxel centre of the phantom, which spans -45 to 45 mm");
  g.has_box = 0;
  g.spacing_mm[0] = g.spacing_mm[1] = g.spacing_mm[2] = 0.001;  // 90000 voxels across
  physics_ok(*state, pencone_plan_set_dose_grid(*state, c.plan, &g));
  refused(*state, &c, PENCONE_E_RANGE, "grid size x: got 90000");
  g.spacing_mm[0] = g.spacing_mm[1] = g.spacing_mm[2] = 0.05;  // 4e9 voxels
  physics_ok(*state, pencone_plan_set_dose_grid(*state, c.plan, &g));
  refused(*state, &c, PENCONE_E_RANGE, "voxels");
  g.spacing_mm[0] = g.spacing_mm[1] = g.spacing_mm[2] = 0.5;  // 4e6 voxels
  physics_ok(*state, pencone_plan_set_dose_grid(*state, c.plan, &g));
  pencone_context_set_memory_budget(*state, 50 << 20);
  refused(*state, &c, PENCONE_E_BUDGET, "4032000 voxels need");
  assert_error_has(*state, "the budget is 50.0 MiB");
  physics_free(&c);
}

static void arguments_are_checked(void **state) {
  const physics_setup setup = small();
  physics_case c;
  pencone_engine *engine = NULL;
  pencone_estimate_info estimate = PENCONE_ESTIMATE_DEFAULT;
  physics_prepare(*state, &setup, &c);
  assert_int_equal(pencone_engine_create(*state, NULL, c.phantom, &engine), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_engine_create(*state, c.plan, NULL, &engine), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_engine_create(*state, c.plan, c.phantom, NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_estimate(*state, c.plan, c.phantom, NULL), PENCONE_E_ARGUMENT);
  estimate.struct_size = 1;
  assert_int_equal(pencone_estimate(*state, c.plan, c.phantom, &estimate), PENCONE_E_ARGUMENT);
  physics_make_engine(*state, &c);
  assert_int_equal(pencone_engine_compute(*state, c.engine, 0, NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_engine_compute(*state, NULL, 0, NULL), PENCONE_E_ARGUMENT);
  pencone_grid other = setup.grid;
  other.origin_mm[0] += 1;
  physics_ok(*state, pencone_dose_create(*state, &other, &c.dose));
  assert_int_equal(pencone_engine_compute(*state, c.engine, 0, c.dose), PENCONE_E_SHAPE);
  assert_error_has(*state, "expected pencone_engine_grid()");
  const double point[3] = {0, 10, 0};
  double dose;
  assert_int_equal(pencone_engine_points(*state, c.engine, 1, point, &dose), PENCONE_E_UNSUPPORTED);
  assert_error_has(*state, "photon-collapsed-cone calculates grids");
  assert_int_equal(pencone_engine_points(*state, c.engine, 1, NULL, &dose), PENCONE_E_ARGUMENT);
  pencone_engine_destroy(NULL);
  physics_free(&c);
}

static const char *note(const pencone_dose *dose, const char *name) {
  for (int i = 0; i < pencone_dose_provenance_count(dose); i++) {
    if (strcmp(pencone_dose_provenance_name(dose, i), name) == 0) {
      return pencone_dose_provenance_text(dose, i);
    }
  }
  return "";
}

// docs/formats.md: what a dose must tell of its making; defaults are told as well.
static void provenance_tells_how(void **state) {
  const physics_setup setup = small();
  physics_case c;
  physics_prepare(*state, &setup, &c);
  physics_ok(*state, pencone_context_set_threads(*state, 2));
  physics_run(*state, &c);
  assert_string_equal(note(c.dose, "version"), pencone_version());
  assert_string_equal(note(c.dose, "commit"), pencone_commit());
  assert_string_equal(note(c.dose, "engine"), "photon-collapsed-cone");
  assert_non_null(strstr(note(c.dose, "options"), "directions=24"));
  const pencone_option_info *option = pencone_engine_at(0)->options;
  char wanted[128];
  for (int i = 0; i < pencone_engine_at(0)->option_count; i++) {  // the defaults
    if (strcmp(option[i].key, "directions") == 0) {
      continue;  // set above
    }
    snprintf(wanted, sizeof wanted, "%s=%s", option[i].key, option[i].default_value);
    assert_non_null(strstr(note(c.dose, "options"), wanted));
  }
  assert_string_equal(note(c.dose, "machine"), "mohan6");
  assert_string_equal(note(c.dose, "machine_sha256"), pencone_machine_sha256(c.machine));
  assert_non_null(strstr(note(c.dose, "hu_curve"), "none"));
  assert_string_equal(note(c.dose, "hu_curve_sha256"), "");
  assert_string_equal(note(c.dose, "isa"), pencone_context_isa(*state));
  assert_true(strlen(note(c.dose, "threads")) > 0 && strlen(note(c.dose, "seconds")) > 0);
  assert_string_equal(pencone_dose_quantity(c.dose), "dose to medium");
  // A second calculation into the same dose replaces the first.
  const double before = physics_max(c.dose);
  physics_ok(*state, pencone_engine_compute(*state, c.engine, 0, c.dose));
  assert_true(physics_max(c.dose) == before);
  physics_free(&c);
}

// Where only densities are given, the composition is looked up on a curve: its name and its content are told.
static void provenance_tells_the_curve(void **state) {
  const physics_setup setup = small();
  physics_case c;
  char hash[PCN_HU_SHA256_HEX];
  physics_prepare(*state, &setup, &c);
  pencone_phantom *own = c.phantom;
  pencone_phantom_desc desc = *pencone_phantom_describe(own);
  desc.material = NULL;
  desc.material_names = NULL;
  desc.material_count = 0;
  desc.hu_curve = PENCONE_HU_BILINEAR;
  physics_ok(*state, pencone_phantom_copy(*state, &desc, &c.phantom));
  pencone_phantom_destroy(own);
  physics_run(*state, &c);
  pcn_hu_curve_sha256(PENCONE_HU_BILINEAR, hash);
  assert_string_equal(note(c.dose, "hu_curve"), "bilinear");
  assert_string_equal(note(c.dose, "hu_curve_sha256"), hash);
  physics_free(&c);
}

// The plan names only the file of a map: what was in it when the dose was made, its fingerprint tells.
static void provenance_tells_the_fluence_maps(void **state) {
  const physics_setup setup = small();
  physics_case c;
  double map[6] = {0, 1, 2, 3, 4, 5.5};
  // by Python: hashlib.sha256(struct.pack("<qq6d", 3, 2, *map)).hexdigest()
  static const char wanted[] = "none, f5b62610c0952f8fdac6614f215cf3ca4e4cc1792ef58975445ac6149ccf57d9";
  physics_prepare(*state, &setup, &c);
  pencone_beam beam = *pencone_plan_beam(c.plan, 0);
  beam.name = "map";
  beam.fluence_map = map;
  beam.fluence_map_size[0] = 3;
  beam.fluence_map_size[1] = 2;
  physics_ok(*state, pencone_plan_add_beam(*state, c.plan, &beam));
  physics_run(*state, &c);
  assert_string_equal(note(c.dose, "fluence_map_sha256"), wanted);
  map[4] = nextafter(4, 5);
  beam.name = "changed";
  physics_ok(*state, pencone_plan_add_beam(*state, c.plan, &beam));
  pencone_engine_destroy(c.engine);
  pencone_dose_destroy(c.dose);
  physics_run(*state, &c);
  const char *both = note(c.dose, "fluence_map_sha256");
  assert_int_equal(strncmp(both, wanted, strlen(wanted)), 0);
  assert_int_equal(strlen(both), strlen(wanted) + 2 + 64);
  assert_string_not_equal(strrchr(both, ' '), strrchr(wanted, ' '));
  physics_free(&c);
}

static void estimates_are_of_the_right_order(void **state) {
  physics_setup setup = small();
  physics_case c;
  pencone_estimate_info small_one = PENCONE_ESTIMATE_DEFAULT, large_one = PENCONE_ESTIMATE_DEFAULT;
  physics_prepare(*state, &setup, &c);
  physics_ok(*state, pencone_estimate(*state, c.plan, c.phantom, &small_one));
  pencone_dose_grid g = {sizeof g, {2, 2, 2}, 1, {-10, 0, -10}, {10, 40, 10}};
  physics_ok(*state, pencone_plan_set_dose_grid(*state, c.plan, &g));
  physics_ok(*state, pencone_estimate(*state, c.plan, c.phantom, &large_one));
  assert_int_equal(small_one.voxels, 9 * 8 * 7);
  assert_int_equal(large_one.voxels, 45 * 40 * 35);
  assert_true(large_one.bytes > 28 * large_one.voxels && large_one.bytes < 400 * large_one.voxels);
  assert_true(large_one.seconds > small_one.seconds);
  assert_close(large_one.grid.spacing_mm[1], 2, 0);
  assert_int_equal(large_one.grid.size[1], 20);
  physics_make_engine(*state, &c);
  assert_true(pencone_grid_equal(pencone_engine_grid(c.engine), &large_one.grid));
  physics_free(&c);
}

// Points of the oracle are its grid at voxel centres; outside the phantom there is no dose.
static void points_agree_with_the_grid(void **state) {
  physics_setup setup = small();
  setup.grid = physics_grid(5, 4, 3, 10, 10, 10);
  setup.engine = "photon-superposition";
  setup.option[0] = "polar";
  setup.value[0] = "24";
  setup.option[1] = "azimuths";
  setup.value[1] = "8";
  physics_case c;
  physics_prepare(*state, &setup, &c);
  physics_run(*state, &c);
  for (int64_t j = 0; j < 4; j++) {
    double xyz[3], dose;
    pencone_grid_centre(&setup.grid, 2, j, 1, xyz);
    physics_ok(*state, pencone_engine_points(*state, c.engine, 1, xyz, &dose));
    assert_near(dose, (double)pencone_dose_values_const(c.dose)[(1 * 4 + j) * 5 + 2], 1e-6);
  }
  const double outside[3] = {0, -1, 0};
  double dose = 0;
  physics_ok(*state, pencone_engine_points(*state, c.engine, 1, outside, &dose));
  assert_true(isnan(dose));
  physics_ok(*state, pencone_engine_points(*state, c.engine, 0, NULL, NULL));
  physics_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(beams_must_meet_the_phantom),
      UNIT_TEST(an_empty_phantom_is_missed),
      UNIT_TEST(plans_and_grids_must_fit),
      UNIT_TEST(arguments_are_checked),
      UNIT_TEST(provenance_tells_how),
      UNIT_TEST(provenance_tells_the_curve),
      UNIT_TEST(provenance_tells_the_fluence_maps),
      UNIT_TEST(estimates_are_of_the_right_order),
      UNIT_TEST(points_agree_with_the_grid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

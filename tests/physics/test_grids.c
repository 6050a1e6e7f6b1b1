// SPDX-License-Identifier: Apache-2.0
// Where and as what the dose is wanted: boxes, spacings, beams, quantities.
#include "physics.h"

static physics_setup small_setup(void) {
  const physics_setup setup = {.grid = physics_grid(31, 28, 27, 4, 4, 4),
                               .layer = {{40, 1, "water"}, {80, 0.26, "lung"}, {1e6, 1, "water"}},
                               .field_mm = 50,
                               .option = {"directions"},
                               .value = {"48"}};
  return setup;
}

// The whole phantom is calculated; the box only cuts: the same bits.
static void a_box_is_a_cut_of_the_whole(void **state) {
  const physics_setup setup = small_setup();
  physics_case whole, cut;
  physics_prepare(*state, &setup, &whole);
  physics_run(*state, &whole);
  physics_prepare(*state, &setup, &cut);
  pencone_dose_grid box = PENCONE_DOSE_GRID_DEFAULT;
  const double low[3] = {-33, 10, -21}, high[3] = {14.5, 200, 9};  // beyond the phantom in y
  box.has_box = 1;
  memcpy(box.box_min_mm, low, sizeof low);
  memcpy(box.box_max_mm, high, sizeof high);
  physics_ok(*state, pencone_plan_set_dose_grid(*state, cut.plan, &box));
  physics_run(*state, &cut);
  const pencone_grid *g = pencone_dose_grid_of(cut.dose), *all = &setup.grid;
  const int64_t first[3] = {7, 2, 8};  // centres at -32, 10 and -20
  assert_int_equal(g->size[0], 12);    // to 12
  assert_int_equal(g->size[1], 26);
  assert_int_equal(g->size[2], 8);  // to 8
  for (int64_t k = 0; k < g->size[2]; k++) {
    for (int64_t j = 0; j < g->size[1]; j++) {
      const float *want = pencone_dose_values_const(whole.dose) +
                          ((k + first[2]) * all->size[1] + j + first[1]) * all->size[0] + first[0];
      const float *got = pencone_dose_values_const(cut.dose) + (k * g->size[1] + j) * g->size[0];
      assert_memory_equal(got, want, (size_t)g->size[0] * sizeof *got);
    }
  }
  physics_free(&whole);
  physics_free(&cut);
}

// Around the box of the field the dose is the same, beyond the margin there is none: straight lines that
// leave a box do not come back. To rounding: the loops take the ends of shorter rows differently.
static void a_margin_leaves_the_rest_out(void **state) {
  physics_setup setup = small_setup();
  physics_case whole, near;
  physics_prepare(*state, &setup, &whole);
  physics_run(*state, &whole);
  setup.option[1] = "margin_mm";
  setup.value[1] = "8";
  physics_prepare(*state, &setup, &near);
  physics_run(*state, &near);
  const float *want = pencone_dose_values_const(whole.dose), *got = pencone_dose_values_const(near.dose);
  size_t index = 0, left = 0;
  for (int64_t k = 0; k < setup.grid.size[2]; k++) {
    for (int64_t j = 0; j < setup.grid.size[1]; j++) {
      for (int64_t i = 0; i < setup.grid.size[0]; i++, index++) {
        double at[3];
        pencone_grid_centre(&setup.grid, i, j, k, at);
        if (got[index] != 0) {
          assert_true(fabsf(got[index] - want[index]) <= 1e-5F * want[index]);
        }
        if (fabs(at[0]) < 33 && fabs(at[2]) < 33) {  // 25 mm and the margin
          assert_true(got[index] > 0);
        }
        left += got[index] == 0;
      }
    }
  }
  assert_true(left > index / 4);
  physics_free(&whole);
  physics_free(&near);
}

// Voxels of 8 mm against the mean of 2 x 2 x 2 of 4 mm: where the field's edge is 2 cm away 1 % of the
// maximum (released energy is taken at the middle of a voxel, and lines fall on other voxels), all energy 0.5
// %.
static void a_coarser_grid_gives_the_average(void **state) {
  physics_setup setup = small_setup();
  setup.grid = physics_grid(32, 28, 32, 4, 4, 4);
  setup.option[0] = NULL;  // as many directions as usual
  physics_case fine, coarse;
  physics_prepare(*state, &setup, &fine);
  physics_run(*state, &fine);
  physics_prepare(*state, &setup, &coarse);
  pencone_dose_grid wanted = PENCONE_DOSE_GRID_DEFAULT;
  wanted.spacing_mm[0] = wanted.spacing_mm[1] = wanted.spacing_mm[2] = 8;
  physics_ok(*state, pencone_plan_set_dose_grid(*state, coarse.plan, &wanted));
  physics_run(*state, &coarse);
  const pencone_grid *g = pencone_dose_grid_of(coarse.dose);
  assert_int_equal(g->size[0], 16);
  assert_int_equal(g->size[1], 14);
  assert_close(g->origin_mm[0], setup.grid.origin_mm[0] + 2, 1e-9);
  const double largest = physics_max(fine.dose);
  double sum = 0, all = 0;
  for (size_t v = 0; v < pencone_grid_voxels(g); v++) {
    const int64_t at[3] = {(int64_t)v % 16, (int64_t)v / 16 % 14, (int64_t)v / (16 * 14)};
    double mean = 0, xyz[3];
    for (int n = 0; n < 8; n++) {
      const int64_t i = 2 * at[0] + n % 2, j = 2 * at[1] + n / 2 % 2, k = 2 * at[2] + n / 4;
      mean += 0.125 * (double)pencone_dose_values_const(fine.dose)[(k * 28 + j) * 32 + i];
    }
    const double got = (double)pencone_dose_values_const(coarse.dose)[v];
    pencone_grid_centre(g, at[0], at[1], at[2], xyz);
    sum += got;
    all += mean;
    if (fabs(xyz[0]) < 8 && fabs(xyz[2]) < 8 && xyz[1] > 16) {
      assert_close(got, mean, 0.01 * largest);
    }
  }
  assert_near(sum, all, 0.005);  // energy
  physics_free(&fine);
  physics_free(&coarse);
}

static void add_second_beam(pencone_context *ctx, physics_case *c, double gantry_deg) {
  pencone_beam beam = physics_beam(c->machine, 30);
  beam.name = "second";
  beam.gantry_deg = gantry_deg;
  beam.isocenter_mm[1] = 40;
  beam.fluence_per_cm2 = 2;
  physics_ok(ctx, pencone_plan_add_beam(ctx, c->plan, &beam));
}

// Parts per beam and their sum; one beam's part is the dose of a plan with that beam alone.
static void beams_add_up(void **state) {
  const physics_setup setup = small_setup();
  physics_case both, one;
  physics_prepare(*state, &setup, &one);
  physics_run(*state, &one);
  physics_prepare(*state, &setup, &both);
  add_second_beam(*state, &both, 100);
  physics_make_engine(*state, &both);
  physics_ok(*state, pencone_dose_create(*state, pencone_engine_grid(both.engine), &both.dose));
  physics_ok(*state, pencone_engine_compute(*state, both.engine, 1, both.dose));
  assert_int_equal(pencone_dose_part_count(both.dose), 2);
  assert_string_equal(pencone_dose_part_name(both.dose, 1), "second");
  const float *total = pencone_dose_values_const(both.dose);
  const float *first = pencone_dose_part_values(both.dose, 0),
              *second = pencone_dose_part_values(both.dose, 1);
  const size_t voxels = pencone_grid_voxels(&setup.grid);
  assert_memory_equal(first, pencone_dose_values_const(one.dose), voxels * sizeof *first);
  for (size_t v = 0; v < voxels; v++) {
    assert_true(total[v] == first[v] + second[v]);
  }
  physics_free(&both);
  physics_free(&one);
}

static double quantity_on_axis(pencone_context *ctx, const physics_setup *setup, pencone_quantity quantity,
                               double depth) {
  physics_case c;
  physics_prepare(ctx, setup, &c);
  physics_ok(ctx, pencone_plan_set_quantity(ctx, c.plan, quantity));
  physics_run(ctx, &c);
  const double dose = physics_on_axis(c.dose, depth);
  assert_string_equal(pencone_dose_quantity(c.dose),
                      quantity == PENCONE_DOSE_TO_WATER ? "dose to water" : "dose to medium");
  physics_free(&c);
  return dose;
}

// Siebers et al. 2000, doi:10.1088/0031-9155/45/4/313: dose to water over dose to medium is 1.116 in cortical
// bone, with one factor for all of a field, and about 1.01 in soft tissue. Ours is a stopping power ratio at
// 1 MeV from water and aluminium: 1.5 %, and 1 %. In water the two quantities are one.
static void dose_to_water_over_dose_to_medium(void **state) {
  static const struct {
    const char *material;
    double density, ratio, tolerance;
  } tissues[] = {
      {"water", 1, 1, 1e-6}, {"cortical-bone", 1.85, 1.116, 0.015}, {"soft-tissue", 1.06, 1.010, 0.01}};
  for (size_t i = 0; i < sizeof tissues / sizeof tissues[0]; i++) {
    physics_setup setup = small_setup();
    const physics_layer layers[PHYSICS_LAYERS] = {
        {40, 1, "water"}, {80, tissues[i].density, tissues[i].material}, {1e6, 1, "water"}};
    memcpy(setup.layer, layers, sizeof layers);
    const double medium = quantity_on_axis(*state, &setup, PENCONE_DOSE_TO_MEDIUM, 62);
    const double water = quantity_on_axis(*state, &setup, PENCONE_DOSE_TO_WATER, 62);
    assert_close(water / medium, tissues[i].ratio, tissues[i].tolerance);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(a_box_is_a_cut_of_the_whole),       UNIT_TEST(a_margin_leaves_the_rest_out),
      UNIT_TEST(a_coarser_grid_gives_the_average),  UNIT_TEST(beams_add_up),
      UNIT_TEST(dose_to_water_over_dose_to_medium),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

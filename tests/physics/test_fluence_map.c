// SPDX-License-Identifier: Apache-2.0
// Fluence maps against fields: ones are the open field, blocks of pixels are fields of their own, whichever
// way the collimator stands.
#include "../unit/dij.h"

enum { NX = 6, NY = 4, PIXELS = NX * NY };

static const double pixel_mm = 10;

/// What a dose is asked for.
typedef struct wanted {
  const char *engine;
  double collimator_deg;
  const double *map;  ///< NULL: none
} wanted;

static physics_setup slab(const char *engine) {
  const physics_setup setup = {.grid = physics_grid(30, 24, 28, 5, 5, 5),
                               .layer = {{40, 1, "water"}, {70, 0.26, "lung"}, {1e6, 1, "water"}},
                               .field_mm = 60,
                               .engine = engine};
  return setup;
}

// 60 x 40 mm, off the axis, so that neither x and y nor their signs can be taken for each other. Bixels of a
// pixel put all fields on one lattice of the pencil beam.
static pencone_beam field_of(const physics_case *c, const wanted *w) {
  pencone_beam beam = physics_beam(c->machine, NX * pixel_mm);
  beam.field_y_mm[0] = -10;
  beam.field_y_mm[1] = NY * pixel_mm - 10;
  beam.collimator_deg = w->collimator_deg;
  beam.bixel_mm[0] = beam.bixel_mm[1] = pixel_mm;
  if (w->map != NULL) {
    beam.fluence_map = w->map;
    beam.fluence_map_size[0] = NX;
    beam.fluence_map_size[1] = NY;
  }
  return beam;
}

static void start(pencone_context *ctx, const wanted *w, physics_case *c) {
  const physics_setup setup = slab(w->engine);
  physics_prepare(ctx, &setup, c);
  pencone_plan_destroy(c->plan);
  physics_ok(ctx, pencone_plan_create(ctx, "map", &c->plan));
  physics_ok(ctx, pencone_plan_set_engine(ctx, c->plan, w->engine));
}

static void run_one(pencone_context *ctx, const wanted *w, physics_case *c) {
  start(ctx, w, c);
  const pencone_beam beam = field_of(c, w);
  physics_ok(ctx, pencone_plan_add_beam(ctx, c->plan, &beam));
  physics_run(ctx, c);
}

// Largest difference over the largest dose of b.
static double worst(const physics_case *a, const physics_case *b) {
  const float *x = pencone_dose_values_const(a->dose), *y = pencone_dose_values_const(b->dose);
  const size_t voxels = pencone_grid_voxels(pencone_dose_grid_of(b->dose));
  const double largest = physics_max(b->dose);
  double difference = 0;
  assert_true(largest > 0);
  for (size_t i = 0; i < voxels; i++) {
    difference = fmax(difference, fabs((double)x[i] - (double)y[i]) / largest);
  }
  return difference;
}

static const char *const engines[] = {"photon-collapsed-cone", "photon-pencil-beam"};
static const double collimators_deg[] = {0, 30};

// Floats: of the shares of pixels that meet in a voxel (1e-6), of the transforms of a map (1e-5).
static void ones_are_the_open_field(void **state) {
  static const double tolerance[] = {1e-6, 1e-5};
  double map[PIXELS];
  for (int i = 0; i < PIXELS; i++) {
    map[i] = 1;
  }
  for (int e = 0; e < 2; e++) {
    for (int k = 0; k < 2; k++) {
      const wanted with = {engines[e], collimators_deg[k], map},
                   without = {engines[e], collimators_deg[k], NULL};
      physics_case a, b;
      run_one(*state, &with, &a);
      run_one(*state, &without, &b);
      assert_close(worst(&a, &b), 0, tolerance[e]);
      physics_free(&a);
      physics_free(&b);
    }
  }
}

// One number for each of the blocks of 2 x 1 pixels from the corner at the smallest x and y on.
static double block_weight(int i, int j) {
  return j * 0.3 + i * i * 0.1;
}

static void make_blocks(double map[PIXELS]) {
  for (int j = 0; j < NY; j++) {
    for (int i = 0; i < NX; i++) {
      map[j * NX + i] = block_weight(i / 2, j);
    }
  }
}

// The blocks as a beam each.
static void run_blocks(pencone_context *ctx, const wanted *w, physics_case *c) {
  start(ctx, w, c);
  for (int j = 0; j < NY; j++) {
    for (int i = 0; i < NX / 2; i++) {
      char name[16];
      pencone_beam beam = field_of(c, w);
      if (block_weight(i, j) > 0) {
        snprintf(name, sizeof name, "%d %d", i, j);
        beam.name = name;
        beam.field_x_mm[0] += 2 * pixel_mm * i;
        beam.field_x_mm[1] = beam.field_x_mm[0] + 2 * pixel_mm;
        beam.field_y_mm[0] += pixel_mm * j;
        beam.field_y_mm[1] = beam.field_y_mm[0] + pixel_mm;
        beam.fluence_per_cm2 = block_weight(i, j);
        physics_ok(ctx, pencone_plan_add_beam(ctx, c->plan, &beam));
      }
    }
  }
  physics_run(ctx, c);
}

// Both engines are linear in the fluence to what floats leave, the pencil beam's transforms included.
static void blocks_are_the_sum_of_fields(void **state) {
  static const double tolerance[] = {2e-6, 1e-5};
  double map[PIXELS];
  make_blocks(map);
  for (int e = 0; e < 2; e++) {
    for (int k = 0; k < 2; k++) {
      const wanted with = {engines[e], collimators_deg[k], map},
                   without = {engines[e], collimators_deg[k], NULL};
      physics_case a, b;
      run_one(*state, &with, &a);
      run_blocks(*state, &without, &b);
      print_message("%s, collimator %g: %.2g\n", engines[e], collimators_deg[k], worst(&a, &b));
      assert_close(worst(&a, &b), 0, tolerance[e]);
      physics_free(&a);
      physics_free(&b);
    }
  }
}

static void scaled_kernels_see_the_map(void **state) {
  double map[PIXELS];
  pencone_control_point step[PIXELS];
  physics_case c[2];
  make_blocks(map);
  for (int as_steps = 0; as_steps < 2; as_steps++) {
    const wanted w = {"photon-pencil-beam", 30, as_steps ? NULL : map};
    start(*state, &w, &c[as_steps]);
    pencone_beam beam = field_of(&c[as_steps], &w);
    for (int i = 0; i < PIXELS && as_steps; i++) {
      const double x = beam.field_x_mm[0] + pixel_mm * (i % NX), y = beam.field_y_mm[0] + pixel_mm * (i / NX);
      step[i] = (pencone_control_point){0, 30, 0, {x, x + pixel_mm}, {y, y + pixel_mm}, map[i]};
      beam.control_points = step;
      beam.control_point_count = i + 1;
    }
    physics_ok(*state, pencone_plan_set_option(*state, c[as_steps].plan, "lateral_scaling", "yes"));
    physics_ok(*state, pencone_plan_add_beam(*state, c[as_steps].plan, &beam));
    physics_run(*state, &c[as_steps]);
  }
  // The first row and the first column have no weight, and the steps reach no farther than what has.
  assert_close(worst(&c[0], &c[1]), 0, 1e-3);
  physics_free(&c[0]);
  physics_free(&c[1]);
}

// A w of the plan's own weights, to what floats leave.
static void bixels_take_the_weights_of_the_map(void **state) {
  static const double tolerance[] = {2e-6, 1e-5}, bixels_mm[] = {0, 5};
  double map[PIXELS];
  make_blocks(map);
  for (int e = 0; e < 2; e++) {
    for (int k = 0; k < 2; k++) {
      const wanted w = {engines[e], 30, map};
      physics_case c, product;
      start(*state, &w, &c);
      pencone_beam beam = field_of(&c, &w);
      beam.bixel_mm[0] = beam.bixel_mm[1] = bixels_mm[k];
      physics_ok(*state, pencone_plan_add_beam(*state, c.plan, &beam));
      physics_run(*state, &c);
      product = c;
      const int64_t columns = pencone_dij_columns(c.plan);
      assert_int_equal(columns, k == 0 ? PIXELS : 4 * PIXELS);
      pencone_beamlet beamlets[4 * PIXELS];
      double weights[4 * PIXELS];
      physics_ok(*state, pencone_dij_beamlets(*state, c.plan, beamlets));
      for (int64_t i = 0; i < columns; i++) {
        weights[i] = beamlets[i].weight;
      }
      const pencone_dij_options options = dij_threshold(0);
      pencone_dij_report report = PENCONE_DIJ_REPORT_DEFAULT;
      pencone_dij *dij = dij_make(*state, c.engine, &options, &report);
      physics_ok(*state, pencone_dose_create(*state, pencone_engine_grid(c.engine), &product.dose));
      physics_ok(*state, pencone_dij_dose(*state, dij, columns, weights, pencone_dose_values(product.dose)));
      print_message("%s, bixels %g mm: %.2g\n", engines[e], bixels_mm[k], worst(&product, &c));
      assert_close(worst(&product, &c), 0, tolerance[e]);
      pencone_dij_destroy(dij);
      pencone_dose_destroy(product.dose);
      physics_free(&c);
    }
  }
}

static void threads_do_not_change_a_bit(void **state) {
  double map[PIXELS];
  make_blocks(map);
  for (int e = 0; e < 2; e++) {
    const wanted w = {engines[e], 30, map};
    physics_case c[2];
    for (int n = 0; n < 2; n++) {
      physics_ok(*state, pencone_context_set_threads(*state, n == 0 ? 1 : 5));
      run_one(*state, &w, &c[n]);
    }
    assert_memory_equal(pencone_dose_values_const(c[0].dose), pencone_dose_values_const(c[1].dose),
                        pencone_grid_voxels(pencone_dose_grid_of(c[0].dose)) * sizeof(float));
    physics_free(&c[0]);
    physics_free(&c[1]);
  }
}

static void other_engines_refuse_maps(void **state) {
  static const char *const others[] = {"photon-superposition", "photon-convolution"};
  double map[PIXELS];
  make_blocks(map);
  for (int e = 0; e < 2; e++) {
    const wanted w = {others[e], 0, map};
    physics_case c;
    start(*state, &w, &c);
    const pencone_beam beam = field_of(&c, &w);
    physics_ok(*state, pencone_plan_add_beam(*state, c.plan, &beam));
    assert_int_equal(pencone_engine_create(*state, c.plan, c.phantom, &c.engine), PENCONE_E_UNSUPPORTED);
    assert_error_has(*state, "expected photon-collapsed-cone or photon-pencil-beam");
    physics_free(&c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(ones_are_the_open_field),     UNIT_TEST(blocks_are_the_sum_of_fields),
      UNIT_TEST(scaled_kernels_see_the_map),  UNIT_TEST(bixels_take_the_weights_of_the_map),
      UNIT_TEST(threads_do_not_change_a_bit), UNIT_TEST(other_engines_refuse_maps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

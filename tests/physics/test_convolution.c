// SPDX-License-Identifier: Apache-2.0
// Convolution by FFT against direct superposition at voxel centres: in a nearly parallel beam (source at 10
// m) they must agree to 0.3 % of the maximum; with the source at 1 m they differ by the kernel's tilt, 1 %.
#include "physics.h"

static void compare(pencone_context *ctx, double sad_mm, double allowed) {
  static const int64_t depth[] = {0, 1, 2, 4, 8, 14, 20, 28, 35};
  static const int64_t side[] = {18, 20, 24, 27, 29, 31, 33, 35};
  physics_setup setup = {.grid = physics_grid(37, 36, 37, 4, 4, 4),
                         .layer = {{1e6, 1, "water"}},
                         .sad_mm = sad_mm,
                         .field_mm = 80,
                         .engine = "photon-convolution"};
  physics_case fft, oracle;
  physics_prepare(ctx, &setup, &fft);
  physics_run(ctx, &fft);
  setup.engine = "photon-superposition";
  physics_prepare(ctx, &setup, &oracle);
  physics_make_engine(ctx, &oracle);
  const double largest = physics_max(fft.dose);
  double worst = 0;
  for (size_t j = 0; j < sizeof depth / sizeof depth[0]; j++) {
    for (size_t i = j % 2; i < sizeof side / sizeof side[0]; i += PHYSICS_SLOW ? 4 : 2) {
      double xyz[3], exact;
      pencone_grid_centre(&setup.grid, side[i], depth[j], 18, xyz);
      physics_ok(ctx, pencone_engine_points(ctx, oracle.engine, 1, xyz, &exact));
      worst = fmax(worst, fabs(pencone_dose_at(fft.dose, xyz) - exact) / largest);
    }
  }
  print_message("source at %g mm: the worst point differs by %.3f %% of the maximum\n", sad_mm, 100 * worst);
  physics_free(&fft);
  physics_free(&oracle);
  assert_true(worst <= allowed);
}

static void parallel(void **state) {
  compare(*state, 10000, 0.003);
}

static void divergent(void **state) {
  compare(*state, 1000, 0.01);
}

static void refuses_lung(void **state) {
  const physics_setup setup = {.grid = physics_grid(9, 20, 9, 5, 5, 5),
                               .layer = {{50, 1, "water"}, {1e6, 0.26, "lung"}},
                               .field_mm = 20,
                               .engine = "photon-convolution"};
  physics_case c;
  physics_prepare(*state, &setup, &c);
  assert_int_equal(pencone_engine_create(*state, c.plan, c.phantom, &c.engine), PENCONE_E_UNSUPPORTED);
  assert_non_null(strstr(pencone_context_error(*state), "not homogeneous"));
  physics_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(parallel), UNIT_TEST(divergent), UNIT_TEST(refuses_lung)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Pencil beam against direct superposition in water: what the separation into terms, the maps and the single SSD
// cost. Off the gradients of surface and edge: 1 % of the maximum. Bits do not depend on threads.
#include "physics.h"

#include "base/base.h"
#include "photon/pencil_kernel.h"

static void compare(pencone_context *ctx, double field_mm, const char *terms, double allowed) {
  static const int64_t depth[] = {4, 8, 14, 20, 28, 35};
  physics_setup setup = {.grid = physics_grid(51, 40, 51, 4, 4, 4),
                         .layer = {{1e6, 1, "water"}},
                         .field_mm = field_mm,
                         .engine = "photon-pencil-beam",
                         .option = {"terms"},
                         .value = {terms}};
  physics_case pencil, oracle;
  physics_prepare(ctx, &setup, &pencil);
  physics_run(ctx, &pencil);
  setup.engine = "photon-superposition";
  setup.option[0] = NULL;
  physics_prepare(ctx, &setup, &oracle);
  physics_make_engine(ctx, &oracle);
  const double largest = physics_max(pencil.dose);
  double worst = 0;
  for (size_t j = 0; j < sizeof depth / sizeof depth[0]; j++) {
    const double half = 0.5 * field_mm * (1 + 0.004 * (double)depth[j]), x[] = {0, half - 10, half + 10, half + 30};
    for (size_t i = 0; i < 4; i += PHYSICS_SLOW ? 3 : 1) {
      double xyz[3], exact;
      pencone_grid_centre(&setup.grid, 25 + (int64_t)(x[i] / 4), depth[j], 25, xyz);
      physics_ok(ctx, pencone_engine_points(ctx, oracle.engine, 1, xyz, &exact));
      worst = fmax(worst, fabs(pencone_dose_at(pencil.dose, xyz) - exact) / largest);
    }
  }
  print_message("%g mm, %s terms: the worst point differs by %.2f %% of the maximum\n", field_mm, terms, 100 * worst);
  physics_free(&pencil);
  physics_free(&oracle);
  assert_true(worst <= allowed);
}

static void field_3(void **state) {
  compare(*state, 30, "4", 0.01);
}

static void field_10(void **state) {
  compare(*state, 100, "3", 0.01);
}

static void four_terms(void **state) {
  compare(*state, 100, "4", 0.01);
}

static void terms_converge(void **state) {
  pencone_machine *machine = physics_machine(*state, "mohan6", 1000);
  pcn_photon_tables tables;
  physics_ok(*state, pcn_photon_tables_make(*state, machine, 10, &tables));
  double residual[PCN_PENCIL_TERMS];
  for (int terms = 1; terms <= PCN_PENCIL_TERMS; terms++) {
    pcn_pencil_kernel *kernel;
    physics_ok(*state, pcn_pencil_kernel_make(*state, &tables, 900, terms, &kernel));
    residual[terms - 1] = kernel->residual;
    print_message("%d terms: %.3f %% of the depth's dose\n", terms, 100 * kernel->residual);
    pcn_free(kernel);
  }
  pcn_photon_tables_free(&tables);
  pencone_machine_destroy(machine);
  assert_true(residual[2] < residual[1] && residual[1] < residual[0] && residual[3] < residual[2]);
  assert_true(residual[3] < 0.02);
}

static void same_bits(void **state) {
  const physics_setup setup = {.grid = physics_grid(31, 30, 31, 5, 5, 5),
                               .layer = {{50, 1, "water"}, {100, 0.26, "lung"}, {1e6, 1, "water"}},
                               .field_mm = 60,
                               .engine = "photon-pencil-beam"};
  physics_case one, five;
  pencone_context_set_threads(*state, 1);
  physics_prepare(*state, &setup, &one);
  physics_run(*state, &one);
  pencone_context_set_threads(*state, 5);
  physics_prepare(*state, &setup, &five);
  physics_run(*state, &five);
  pencone_context_set_threads(*state, 0);
  assert_memory_equal(pencone_dose_values(one.dose), pencone_dose_values(five.dose),
                      pencone_grid_voxels(&setup.grid) * sizeof(float));
  physics_free(&one);
  physics_free(&five);
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(field_3), UNIT_TEST(field_10), UNIT_TEST(four_terms),
                                     UNIT_TEST(terms_converge), UNIT_TEST(same_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Kernels scaled by the density across the beam: nothing changes in flat water, density scaling holds in
// uniform media, and behind and in lung the dose is nearer to direct superposition than without.
#include <pencone/dij.h>

#include "base/base.h"
#include "photon/lateral_terms.h"
#include "physics.h"
#include "simd/isa.h"

static const char *const modes[2] = {"no", "yes"};

static physics_setup setup_of(double field_mm, const char *mode) {
  const physics_setup setup = {.grid = physics_grid(41, 60, 41, 4, 4, 4),
                               .layer = {{1e6, 1, "water"}},
                               .field_mm = field_mm,
                               .engine = "photon-pencil-beam",
                               .option = {"lateral_scaling"},
                               .value = {mode}};
  return setup;
}

static void lay_lung(physics_setup *setup) {
  setup->layer[0] = (physics_layer){60, 1, "water"};
  setup->layer[1] = (physics_layer){140, 0.26, "lung"};
  setup->layer[2] = (physics_layer){1e6, 1, "water"};
}

// The ratio is then that of equal sums: rounding of single precision, ten terms and sixteen directions, each
// to 2^-24.
static void water_is_water(void **state) {
  physics_case c[2];
  for (int m = 0; m < 2; m++) {
    const physics_setup setup = setup_of(80, modes[m]);
    physics_prepare(*state, &setup, &c[m]);
    physics_run(*state, &c[m]);
  }
  const double largest = physics_max(c[0].dose);
  double worst = 0;
  for (size_t i = 0; i < pencone_grid_voxels(pencone_dose_grid_of(c[0].dose)); i++) {
    const double apart = (double)(pencone_dose_values(c[0].dose)[i] - pencone_dose_values(c[1].dose)[i]);
    worst = fmax(worst, fabs(apart) / largest);
  }
  print_message("water: the worst voxel differs by %.2g of the maximum\n", worst);
  physics_free(&c[0]);
  physics_free(&c[1]);
  assert_true(worst < 1e-5);
}

// Energy within a square of a width, over all of it, 100 mm deep in water.
static double share_within(pencone_context *ctx, double width_mm) {
  pencone_machine *machine = physics_machine(ctx, "mohan6", 1000);
  pcn_photon_tables tables;
  pcn_pencil_kernel *k = NULL;
  const double width[2] = {width_mm, width_mm};
  physics_ok(ctx, pcn_photon_tables_make(ctx, machine, 10, &tables));
  physics_ok(ctx, pcn_pencil_kernel_make(ctx, &tables, NULL, 1000, 4, &k));
  const double dose = pcn_pencil_on_axis(k, width, 100);
  pcn_free(k);
  pcn_photon_tables_free(&tables);
  pencone_machine_destroy(machine);
  return dose;
}

// 1.3 % of the largest circle's dose at most, near the pencil; both sums of the ratio have it.
static void ten_exponentials_do(void **state) {
  static const char *const spectra[2] = {"mohan6", "mohan15"};
  for (int i = 0; i < 2; i++) {
    pencone_machine *machine = physics_machine(*state, spectra[i], 1000);
    pcn_photon_tables tables;
    pcn_pencil_kernel *k = NULL;
    pcn_lateral_terms *terms = NULL;
    physics_ok(*state, pcn_photon_tables_make(*state, machine, 10, &tables));
    physics_ok(*state, pcn_pencil_kernel_make(*state, &tables, NULL, 1000, 4, &k));
    physics_ok(*state, pcn_lateral_terms_make(*state, k, &terms));
    print_message("%s: ten exponentials leave %.2f %%\n", spectra[i], 100 * terms->residual);
    assert_true(terms->residual < 0.015);
    pcn_free(terms);
    pcn_free(k);
    pcn_photon_tables_free(&tables);
    pencone_machine_destroy(machine);
  }
}

// A medium of density 0.25 has at 400 mm the depth of 100 mm of water; a field that is 60 mm there looks like
// one of 15 mm: the two modes differ by the ratio of those two fields. The rest is the lattice: pitch 4 mm,
// 16 directions.
static void uniform_medium(void **state) {
  const double deep_mm = 402, magnified = 1 + 0.001 * deep_mm;
  double axis[2];
  for (int m = 0; m < 2; m++) {
    physics_setup setup = setup_of(60 / magnified, modes[m]);
    setup.grid = physics_grid(41, 120, 41, 4, 4, 4);
    setup.layer[0] = (physics_layer){1e6, 0.25, "water"};
    physics_case c;
    physics_prepare(*state, &setup, &c);
    physics_run(*state, &c);
    const double xyz[3] = {0, deep_mm, 0};
    axis[m] = pencone_dose_at(c.dose, xyz);
    physics_free(&c);
  }
  const double expected = share_within(*state, 15) / share_within(*state, 60);
  print_message("density 0.25: %.4f of the plain dose, expected %.4f\n", axis[1] / axis[0], expected);
  assert_near(axis[1] / axis[0], expected, 0.02);
}

// In and behind lung, on the axis of a narrow beam, against direct superposition: each point nearer or within
// 3 %, and the sum of squares a tenth at most.
static void lung_is_nearer(void **state) {
  static const double depth_mm[] = {90, 110, 130, 154, 170, 200};
  enum { POINTS = sizeof depth_mm / sizeof depth_mm[0] };
  double dose[2][POINTS], exact[POINTS], squares[2] = {0};
  for (int m = 0; m < 2; m++) {
    physics_setup setup = setup_of(24, modes[m]);
    physics_case c;
    lay_lung(&setup);
    physics_prepare(*state, &setup, &c);
    physics_run(*state, &c);
    for (int i = 0; i < POINTS; i++) {
      const double xyz[3] = {0, depth_mm[i], 0};
      dose[m][i] = pencone_dose_at(c.dose, xyz);
    }
    physics_free(&c);
  }
  physics_setup setup = setup_of(24, "no");
  physics_case oracle;
  setup.engine = "photon-superposition";
  setup.option[0] = NULL;
  lay_lung(&setup);
  physics_prepare(*state, &setup, &oracle);
  physics_make_engine(*state, &oracle);
  for (int i = 0; i < POINTS; i++) {
    const double xyz[3] = {0, depth_mm[i], 0};
    physics_ok(*state, pencone_engine_points(*state, oracle.engine, 1, xyz, &exact[i]));
    const double off[2] = {dose[0][i] / exact[i] - 1, dose[1][i] / exact[i] - 1};
    print_message("%g mm: plain %+.1f %%, scaled %+.1f %%\n", depth_mm[i], 100 * off[0], 100 * off[1]);
    squares[0] += off[0] * off[0];
    squares[1] += off[1] * off[1];
    assert_true(fabs(off[1]) < fmax(0.03, fabs(off[0])));
  }
  physics_free(&oracle);
  assert_true(squares[1] < 0.1 * squares[0]);
}

static void same_bits(void **state) {
  static const int threads[3] = {1, 2, 5};
  physics_case c[3];
  physics_setup setup = setup_of(60, "yes");
  lay_lung(&setup);
  for (int i = 0; i < 3; i++) {
    pencone_context_set_threads(*state, threads[i]);
    physics_prepare(*state, &setup, &c[i]);
    physics_run(*state, &c[i]);
  }
  pencone_context_set_threads(*state, 0);
  for (int i = 1; i < 3; i++) {
    assert_memory_equal(pencone_dose_values(c[0].dose), pencone_dose_values(c[i].dose),
                        pencone_grid_voxels(&setup.grid) * sizeof(float));
  }
  for (int i = 0; i < 3; i++) {
    physics_free(&c[i]);
  }
}

static void no_influence_matrix(void **state) {
  const pencone_grid grid = physics_grid(11, 11, 11, 8, 8, 8);
  const physics_layer water[PHYSICS_LAYERS] = {{1e6, 1, "water"}};
  physics_case c = {.machine = physics_machine(*state, "mohan6", 1000),
                    .phantom = physics_phantom(*state, &grid, water)};
  pencone_beam beam = physics_beam(c.machine, 40);
  beam.bixel_mm[0] = beam.bixel_mm[1] = 10;
  physics_ok(*state, pencone_plan_create(*state, "bixels", &c.plan));
  physics_ok(*state, pencone_plan_add_beam(*state, c.plan, &beam));
  physics_ok(*state, pencone_plan_set_engine(*state, c.plan, "photon-pencil-beam"));
  physics_ok(*state, pencone_plan_set_option(*state, c.plan, "lateral_scaling", "yes"));
  physics_make_engine(*state, &c);
  pencone_dij *dij = NULL;
  physics_ok(*state, pencone_dij_create(*state, &dij));
  const pencone_dij_options options = PENCONE_DIJ_OPTIONS_DEFAULT;
  const pencone_dij_sink sink = pencone_dij_fill(dij);
  assert_int_equal(pencone_dij_stream(*state, c.engine, &options, &sink, NULL), PENCONE_E_UNSUPPORTED);
  assert_error_has(*state, "lateral_scaling: got yes, expected no for an influence matrix");
  pencone_dij_destroy(dij);
  physics_free(&c);
}

// Every instruction set's loop against its slow twin, to the rounding of single precision.
static void loops_agree(void **state) {
  enum { N = 37, STRIDE = 48, T = PCN_LATERAL_TERMS, ALL = T * STRIDE + 2 * STRIDE };
  static float fluence[N], density[2][N], in[2][ALL], share[ALL], out[2][2][ALL], sum[2][2][N];
  uint64_t seed = 11;
  (void)state;
  for (int i = 0; i < ALL; i++) {
    share[i] = (float)physics_random(&seed);
    in[0][i] = (float)physics_random(&seed);
    in[1][i] = (float)physics_random(&seed);
  }
  for (int i = 0; i < N; i++) {
    fluence[i] = (float)physics_random(&seed);
    density[0][i] = (float)(2 * physics_random(&seed));
    density[1][i] = (float)(3 * physics_random(&seed));
  }
  pcn_lateral_step step = {.length_mm = 3.2f, .aside = 0.4f, .from = -1, .weight = 0.0625f};
  for (int i = 0; i <= T; i++) {
    step.half[i] = (float)exp(-1.6 * ldexp(1, i) / PCN_LATERAL_LONGEST_MM);
  }
  for (int level = 0; level < pcn_isa_count(); level++) {
    for (int which = 0; which < 2 && pcn_isa_runs(pcn_isa_at(level)); which++) {
      memset(sum[which], 0, sizeof sum[which]);
      const pcn_lateral_row row = {.fluence = fluence,
                                   .density = {density[0], density[1]},
                                   .share = share,
                                   .in = in[0] + STRIDE,
                                   .in_water = in[1] + STRIDE,
                                   .out = out[which][0],
                                   .out_water = out[which][1],
                                   .sum = sum[which][0],
                                   .sum_water = sum[which][1],
                                   .stride = STRIDE};
      (which == 0 ? pcn_lateral_row_reference : pcn_isa_at(level)->lateral)(&step, &row, N);
    }
    for (int i = 0; i < N; i++) {
      assert_near((double)sum[1][0][i], (double)sum[0][0][i], 1e-5);
      assert_near((double)sum[1][1][i], (double)sum[0][1][i], 1e-5);
      for (int t = 0; t < T;
           t++) {  // rounding of the longest term's exponential, doubled nine times by its squares
        assert_close((double)out[1][0][t * STRIDE + i], (double)out[0][0][t * STRIDE + i], 1e-4);
        assert_close((double)out[1][1][t * STRIDE + i], (double)out[0][1][t * STRIDE + i], 1e-6);
      }
    }
    step.from = -step.from;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(water_is_water), UNIT_TEST(ten_exponentials_do),
                                     UNIT_TEST(uniform_medium), UNIT_TEST(lung_is_nearer),
                                     UNIT_TEST(same_bits),      UNIT_TEST(no_influence_matrix),
                                     UNIT_TEST(loops_agree)};
  return cmocka_run_group_tests_name("lateral", tests, NULL, NULL);
}

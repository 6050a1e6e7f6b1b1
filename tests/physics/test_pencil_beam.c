// SPDX-License-Identifier: Apache-2.0
// Pencil beam against direct superposition in water: what the separation into terms, the maps and the single
// SSD cost. Off the gradients of surface and edge: 1 % of the maximum. Bits do not depend on threads.
#include "base/base.h"
#include "num/constants.h"
#include "photon/pencil_kernel.h"
#include "physics.h"

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
    const double half = 0.5 * field_mm * (1 + 0.004 * (double)depth[j]),
                 x[] = {0, half - 10, half + 10, half + 30};
    for (size_t i = 0; i < 4; i += PHYSICS_SLOW ? 3 : 1) {
      double xyz[3], exact;
      pencone_grid_centre(&setup.grid, 25 + (int64_t)(x[i] / 4), depth[j], 25, xyz);
      physics_ok(ctx, pencone_engine_points(ctx, oracle.engine, 1, xyz, &exact));
      worst = fmax(worst, fabs(pencone_dose_at(pencil.dose, xyz) - exact) / largest);
    }
  }
  print_message("%g mm, %s terms: the worst point differs by %.2f %% of the maximum\n", field_mm, terms,
                100 * worst);
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
    physics_ok(*state, pcn_pencil_kernel_make(*state, &tables, NULL, 900, terms, &kernel));
    residual[terms - 1] = kernel->residual;
    print_message("%d terms: %.3f %% of the depth's dose\n", terms, 100 * kernel->residual);
    pcn_free(kernel);
  }
  pcn_photon_tables_free(&tables);
  pencone_machine_destroy(machine);
  assert_true(residual[2] < residual[1] && residual[1] < residual[0] && residual[3] < residual[2]);
  assert_true(residual[3] < 0.02);
}

static double root_step(void) {
  return sqrt(500) / (PCN_PENCIL_RADII - 1);
}

// Slow twin of the table: docs/theory/pencil-beam.md, eq. 3, summed point by point, angles by atan2, kernel
// and spectrum by their own functions.
static void sum_circles(const pcn_photon_tables *tables, double ssd_mm, double depth_mm,
                        double sum[PCN_PENCIL_RADII]) {
  enum { ANGLES = PHYSICS_SLOW ? 240 : 720, STEPS = 240 };
  double within[PCN_PARTS][PCN_PENCIL_RADII] = {{0}}, total[PCN_PARTS] = {0};
  for (int a = 0; a < ANGLES; a++) {
    const double width = PCN_PI / ANGLES, theta = (a + 0.5) * width, s = sin(theta), c = cos(theta);
    const double angle = 2 * PCN_PI * (cos(theta - 0.5 * width) - cos(theta + 0.5 * width));
    for (int part = 0; part < PCN_PARTS; part++) {
      total[part] += angle * pcn_kernel_per_sr(&tables->kernel, (pcn_part)part, c);
    }
    for (int i = 0; i < STEPS; i++) {
      const double low = 600 * pow((double)i / STEPS, 3), high = 600 * pow((i + 1.0) / STEPS, 3),
                   r = 0.5 * (low + high);
      const double from_z = ssd_mm + depth_mm - r * c, aside = r * s, scale = (ssd_mm + depth_mm) / from_z;
      const int bin = (int)ceil(sqrt(aside * scale) / root_step());
      if (r * c > depth_mm || bin >= PCN_PENCIL_RADII) {
        continue;
      }
      const double turned = cos(theta + atan2(aside, from_z)), slant = hypot(aside, from_z) / from_z;
      const pcn_release release = pcn_quality_at(tables->quality, 0.1 * (depth_mm - r * c) * slant, 0);
      for (int part = 0; part < PCN_PARTS; part++) {
        const double left = pcn_kernel_within(&tables->kernel, (pcn_part)part, turned, 0.1 * high) -
                            pcn_kernel_within(&tables->kernel, (pcn_part)part, turned, 0.1 * low);
        within[part][bin] += angle * left * (double)release.water[part] * scale * scale * slant;
      }
    }
  }
  double so_far = 0;
  for (int i = 0; i < PCN_PENCIL_RADII; i++) {
    so_far += within[PCN_PRIMARY][i] / total[PCN_PRIMARY] + within[PCN_SCATTER][i] / total[PCN_SCATTER];
    sum[i] = so_far;
  }
}

// Beyond the build-up and 2 mm, over the dose of the same depth in a field of 10 cm. @return the worst; and
// the mean square
static double differ(double (*table)[PCN_PENCIL_RADII], double (*exact)[PCN_PENCIL_RADII], double *square) {
  const int reference = (int)(sqrt(56.4) / root_step()), first = (int)(sqrt(2) / root_step()) + 1;
  double worst = 0;
  int count = 0;
  *square = 0;
  for (int i = 0; i < PCN_PENCIL_NODES; i++) {
    for (int j = first; j < PCN_PENCIL_RADII && pcn_pencil_node_mm(i) >= 4; j++, count++) {
      const double difference = (table[i][j] - exact[i][j]) / exact[i][reference];
      worst = fmax(worst, fabs(difference));
      *square += difference * difference;
    }
  }
  *square /= count;
  return worst;
}

// The table against a far finer one, and against its slow twin at a few depths. Both tolerances are a tenth
// of what the split into terms leaves (terms_converge()).
static void circles_converge(void **state) {
  static double table[PCN_PENCIL_NODES][PCN_PENCIL_RADII], fine[PCN_PENCIL_NODES][PCN_PENCIL_RADII],
      slow[PCN_PENCIL_RADII];
  static const int nodes[] = {5, 30, 48};
  const pcn_pencil_quadrature finer = {720, 4};
  pencone_machine *machine = physics_machine(*state, "mohan6", 1000);
  pcn_photon_tables tables;
  physics_ok(*state, pcn_photon_tables_make(*state, machine, 10, &tables));
  physics_ok(*state, pcn_pencil_circles(*state, &tables, 900, NULL, table));
  physics_ok(*state, pcn_pencil_circles(*state, &tables, 900, &finer, fine));
  double square, twin = 0;
  const double worst = differ(table, fine, &square);
  for (size_t n = 0; n < sizeof nodes / sizeof nodes[0]; n++) {
    const double *exact = table[nodes[n]];
    sum_circles(&tables, 900, pcn_pencil_node_mm(nodes[n]), slow);
    for (int j = (int)(sqrt(2) / root_step()) + 1; j < PCN_PENCIL_RADII; j++) {
      twin = fmax(twin, fabs(slow[j] - exact[j]) / exact[(int)(sqrt(56.4) / root_step())]);
    }
  }
  print_message("table: worst %.2g, rms %.2g of the depth's dose; slow twin: worst %.2g\n", worst,
                sqrt(square), twin);
  pcn_photon_tables_free(&tables);
  pencone_machine_destroy(machine);
  assert_true(worst < 7e-4 && square < 2e-4 * 2e-4);
  assert_true(twin < 1.5e-3);
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

// A beam with two openings, one of them turned, gives the doses of two beams.
static void openings_add_up(void **state) {
  const pencone_control_point points[2] = {
      {.gantry_deg = 20, .field_x_mm = {-30, 5}, .field_y_mm = {-20, 20}, .weight = 0.25},
      {.gantry_deg = 20,
       .collimator_deg = 35,
       .field_x_mm = {0, 40},
       .field_y_mm = {-10, 35},
       .weight = 1.5}};
  const physics_setup setup = {.grid = physics_grid(31, 24, 31, 5, 5, 5),
                               .layer = {{1e6, 1, "water"}},
                               .field_mm = 60,
                               .engine = "photon-pencil-beam"};
  physics_case c[2];
  for (int apart = 0; apart < 2; apart++) {
    physics_prepare(*state, &setup, &c[apart]);
    pencone_plan_destroy(c[apart].plan);
    physics_ok(*state, pencone_plan_create(*state, "openings", &c[apart].plan));
    physics_ok(*state, pencone_plan_set_engine(*state, c[apart].plan, "photon-pencil-beam"));
    for (int b = 0; b <= apart; b++) {
      pencone_beam beam = physics_beam(c[apart].machine, 60);
      beam.name = b == 0 ? "one" : "two";
      beam.control_points = points + b;
      beam.control_point_count = apart ? 1 : 2;
      physics_ok(*state, pencone_plan_add_beam(*state, c[apart].plan, &beam));
    }
    physics_run(*state, &c[apart]);
  }
  const double largest = physics_max(c[0].dose);
  double worst = 0;
  for (size_t i = 0; i < pencone_grid_voxels(&setup.grid); i++) {
    const double together = (double)pencone_dose_values(c[0].dose)[i],
                 apart = (double)pencone_dose_values(c[1].dose)[i];
    worst = fmax(worst, fabs(together - apart) / largest);
  }
  print_message("the worst voxel differs by %.2g of the maximum\n", worst);
  physics_free(&c[0]);
  physics_free(&c[1]);
  assert_true(worst <= 3e-3);  // the kernel is that of one distance from source to surface, here of two
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(field_3),          UNIT_TEST(field_10),  UNIT_TEST(four_terms),     UNIT_TEST(terms_converge),
      UNIT_TEST(circles_converge), UNIT_TEST(same_bits), UNIT_TEST(openings_add_up)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

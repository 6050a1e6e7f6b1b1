// SPDX-License-Identifier: Apache-2.0
// Depth doses of the Mohan 6 MV spectrum, SSD 100 cm, against direct superposition by an independent program
// (REFERENCE.md B1.3: 288 x 16 directions, tabulated kernels, tilt at the interaction point, hardening; its
// kernels and attenuation are another set than ours).
#include "num/constants.h"
#include "photon/tables.h"
#include "physics.h"

enum { FIELDS = 4, DEPTHS = 10 };
static const double fields_mm[FIELDS] = {30, 50, 100, 200};
static const double depths_mm[DEPTHS] = {15, 20, 30, 50, 80, 100, 150, 200, 250, 300};
static const double published[FIELDS][DEPTHS] = {{100, 98.6, 93.6, 83.1, 68.9, 60.7, 44.3, 32.5, 24.0, 17.8},
                                                 {100, 98.8, 94.4, 84.8, 71.3, 63.2, 46.7, 34.5, 25.6, 19.2},
                                                 {100, 99.1, 95.1, 86.7, 74.6, 67.0, 51.0, 38.5, 29.0, 22.0},
                                                 {100, 99.2, 95.6, 88.0, 76.9, 70.0, 55.0, 42.7, 33.0, 25.7}};
// D(10 cm) over released energy at the surface, per mass.
static const double per_surface[FIELDS] = {.2968, .3120, .3362, .3589};

// 44 x 40 x 44 cm: 8 cm around a field of 28 cm at the bottom. Depth in 2.5 mm (the mean over a voxel is 0.05
// % below the maximum's peak), 5 mm across except for the smallest fields.
static physics_setup tank(double field_mm) {
  physics_setup setup = {
      .grid = physics_grid(89, 160, 89, 5, 2.5, 5), .layer = {{1e6, 1, "water"}}, .field_mm = field_mm};
  if (field_mm < 100) {
    setup.grid = physics_grid(101, 160, 101, 3, 2.5, 3);
  }
  return setup;
}

static double largest_on_axis(const pencone_dose *dose) {
  double largest = 0;
  for (double depth = 10; depth < 25; depth += 0.25) {
    largest = fmax(largest, physics_on_axis(dose, depth));
  }
  return largest;
}

// All energy that the photons release at the surface of water, Gy per unit fluence.
static double released_at_surface(pencone_context *ctx, const pencone_machine *machine) {
  pcn_photon_tables tables;
  pcn_edk *edk = NULL;
  double weight[PCN_KERNEL_ENERGIES][PCN_PARTS], kept = 0, released = 0;
  physics_ok(ctx, pcn_photon_tables_make(ctx, machine, 5, &tables));
  physics_ok(ctx, pcn_edk_load(ctx, &edk));
  // What leaves the kernels' 60 cm is not in the table's scatter: undo it with their sums.
  pcn_quality_kernel_weights(tables.quality, edk, 0, weight);
  for (int e = 0; e < PCN_KERNEL_ENERGIES; e++) {
    released += weight[e][PCN_PRIMARY];
    kept += weight[e][PCN_PRIMARY] * (pcn_edk_share(edk, PCN_PRIMARY, edk->energy_mev[e]) +
                                      pcn_edk_share(edk, PCN_SCATTER, edk->energy_mev[e]));
  }
  const pcn_release r = pcn_quality_at(tables.quality, 0, 0);
  pcn_photon_tables_free(&tables);
  pencone_string_free(NULL);
  free(edk);
  return PCN_GY_PER_MEV_G * (double)(r.water[0] + r.water[1]) * released / kept;
}

// Beyond 1.5 cm within 0.7 % of the maximum (the reach of issue 2: two kernel sets, two attenuation tables);
// D(10 cm) per released energy within 1 %.
static void check_field(pencone_context *ctx, int field) {
  const physics_setup setup = tank(fields_mm[field]);
  physics_case c;
  physics_prepare(ctx, &setup, &c);
  physics_run(ctx, &c);
  const double largest = largest_on_axis(c.dose);
  for (int i = 0; i < DEPTHS; i++) {
    const double got = 100 * physics_on_axis(c.dose, depths_mm[i]) / largest;
    assert_close(got, published[field][i], 0.7);
  }
  const double ratio = physics_on_axis(c.dose, 100) / released_at_surface(ctx, c.machine);
  assert_near(ratio, per_surface[field], 0.01);
  physics_free(&c);
}

static void field_3(void **state) {
  if (PHYSICS_SLOW) {
    skip();
  }
  check_field(*state, 0);
}
static void field_5(void **state) {
  if (PHYSICS_SLOW) {
    skip();
  }
  check_field(*state, 1);
}
static void field_10(void **state) {
  check_field(*state, 2);
}
static void field_20(void **state) {
  if (PHYSICS_SLOW) {
    skip();
  }
  check_field(*state, 3);
}

// Lung of 0.26 g/cm3 from 5 to 15 cm, ratio to water at the same depth (B1.3, a prototype good to 1 %; ours 1
// % beside that in quadrature, 1.5 %; at 0.5 cm from an interface where the ratio changes by 10 % per cm, 2.5
// %).
static void behind_and_in_lung(void **state) {
  if (PHYSICS_SLOW) {
    skip();
  }
  static const double at_mm[9] = {45, 60, 80, 100, 120, 140, 155, 170, 200};
  static const double want[2][9] = {{.996, 1.003, 1.021, 1.067, 1.128, 1.197, 1.283, 1.317, 1.349},
                                    {.991, .998, 1.023, 1.071, 1.122, 1.180, 1.232, 1.257, 1.287}};
  for (int f = 0; f < 2; f++) {
    physics_setup setup = tank(fields_mm[f + 1]);
    setup.grid.size[1] = 120;  // 30 cm
    physics_case plain, lung;
    physics_prepare(*state, &setup, &plain);
    physics_run(*state, &plain);
    const physics_layer layers[PHYSICS_LAYERS] = {{50, 1, "water"}, {150, 0.26, "water"}, {1e6, 1, "water"}};
    memcpy(setup.layer, layers, sizeof layers);
    physics_prepare(*state, &setup, &lung);
    physics_run(*state, &lung);
    for (int i = 0; i < 9; i++) {
      const double got = physics_on_axis(lung.dose, at_mm[i]) / physics_on_axis(plain.dose, at_mm[i]);
      assert_close(got, want[f][i], 0.015);
    }
    physics_free(&plain);
    physics_free(&lung);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(field_3),
      UNIT_TEST(field_5),
      UNIT_TEST(field_10),
      UNIT_TEST(field_20),
      UNIT_TEST(behind_and_in_lung),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

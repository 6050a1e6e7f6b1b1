// SPDX-License-Identifier: Apache-2.0
// The pencil beam with what machines know besides a spectrum: penumbra, horn, measured kernels.
#include "base/base.h"
#include "physics.h"

enum { ACROSS = 81 };
static const double voxel_mm = 2;

// Dose of a field of 60 mm along x at 100 mm, through the axis, by a machine. @return PENCONE_OK or the
// engine's failure
static pencone_status profile(pencone_context *ctx, const pencone_machine_desc *desc, const char *engine,
                              double out[ACROSS]) {
  const pencone_grid grid = physics_grid(ACROSS, 60, ACROSS, voxel_mm, 2, voxel_mm);
  const physics_layer water[PHYSICS_LAYERS] = {{1e6, 1, "water"}};
  physics_case c = {.phantom = physics_phantom(ctx, &grid, water)};
  physics_ok(ctx, pencone_machine_create(ctx, desc, &c.machine));
  physics_ok(ctx, pencone_plan_create(ctx, "profile", &c.plan));
  const pencone_beam beam = physics_beam(c.machine, 60);
  physics_ok(ctx, pencone_plan_add_beam(ctx, c.plan, &beam));
  physics_ok(ctx, pencone_plan_set_engine(ctx, c.plan, engine));
  const pencone_status status = pencone_engine_create(ctx, c.plan, c.phantom, &c.engine);
  if (status == PENCONE_OK) {
    physics_ok(ctx, pencone_dose_create(ctx, pencone_engine_grid(c.engine), &c.dose));
    physics_ok(ctx, pencone_engine_compute(ctx, c.engine, 0, c.dose));
    for (int i = 0; i < ACROSS; i++) {
      const double xyz[3] = {voxel_mm * (i - ACROSS / 2), 101, 0};
      out[i] = pencone_dose_at(c.dose, xyz);
    }
  }
  physics_free(&c);
  return status;
}

static pencone_machine_desc plain(pencone_machine **owner, pencone_context *ctx) {
  *owner = physics_machine(ctx, "mohan6", 1000);
  return *pencone_machine_describe(*owner);
}

// The profile is that of the point source, averaged over the Gaussian as wide as it is 101 mm behind the
// isocentre.
static void penumbra_is_a_gaussian(void **state) {
  double sharp[ACROSS], blurred[ACROSS], worst = 0;
  pencone_machine *owner = NULL;
  pencone_machine_desc desc = plain(&owner, *state);
  physics_ok(*state, profile(*state, &desc, "photon-pencil-beam", sharp));
  desc.penumbra_sigma_mm = 4;
  physics_ok(*state, profile(*state, &desc, "photon-pencil-beam", blurred));
  for (int i = 12; i < ACROSS - 12; i++) {
    double sum = 0, weights = 0;
    for (int k = -11; k <= 11; k++) {
      const double x = k * voxel_mm / (desc.penumbra_sigma_mm * 1.101), weight = exp(-0.5 * x * x);
      sum += weight * sharp[i + k];
      weights += weight;
    }
    worst = fmax(worst, fabs(sum / weights - blurred[i]) / sharp[ACROSS / 2]);
  }
  print_message("penumbra: the worst voxel differs by %.2g of the axis\n", worst);
  pencone_machine_destroy(owner);
  assert_true(worst <
              0.005);  // the Gaussian is made of passes over pixels of 1 mm, and here of voxels of 2 mm
}

static void horn_multiplies(void **state) {
  static const double radius_mm[3] = {0, 20, 40}, fluence[3] = {1, 1.05, 1.2};
  double flat[ACROSS], horned[ACROSS];
  pencone_machine *owner = NULL;
  pencone_machine_desc desc = plain(&owner, *state);
  physics_ok(*state, profile(*state, &desc, "photon-pencil-beam", flat));
  desc.horn_points = 3;
  desc.horn_radius_mm = radius_mm;
  desc.horn = fluence;
  physics_ok(*state, profile(*state, &desc, "photon-pencil-beam", horned));
  const int at = ACROSS / 2 + (int)(22 / voxel_mm);  // 20 mm in the isocentre plane, to 0.1 %
  assert_near(horned[ACROSS / 2] / flat[ACROSS / 2], 1, 1e-6);
  assert_near(horned[at] / flat[at], 1.05, 1e-3);
  pencone_machine_destroy(owner);
}

static void others_refuse(void **state) {
  double none[ACROSS];
  pencone_machine *owner = NULL;
  pencone_machine_desc desc = plain(&owner, *state);
  desc.penumbra_sigma_mm = 3;
  assert_int_equal(profile(*state, &desc, "photon-collapsed-cone", none), PENCONE_E_UNSUPPORTED);
  assert_error_has(*state, "has a penumbra or a horn, which engine photon-collapsed-cone does not know");
  pencone_machine_destroy(owner);
}

// Kernels that are twice another's give twice the dose, whatever the spectrum.
static void kernels_count(void **state) {
  static const double depth_mm[4] = {0, 20, 200, 600}, radius_mm[4] = {0, 10, 100, 500};
  static const double circle[4] = {0, 0.8, 0.95, 1}, depth[4] = {2e-12, 7e-12, 3e-12, 4e-13};
  static const double twice[4] = {4e-12, 14e-12, 6e-12, 8e-13};
  pencone_pencil_terms terms = {1, 4, 4, depth_mm, radius_mm, depth, circle};
  double once[ACROSS], more[ACROSS];
  pencone_machine *owner = NULL;
  pencone_machine_desc desc = plain(&owner, *state);
  desc.pencil = &terms;
  physics_ok(*state, profile(*state, &desc, "photon-pencil-beam", once));
  terms.depth = twice;
  physics_ok(*state, profile(*state, &desc, "photon-pencil-beam", more));
  for (int i = 0; i < ACROSS; i++) {
    assert_near(more[i], 2 * once[i], 1e-5);
  }
  assert_true(once[ACROSS / 2] > 3e-12 && once[ACROSS / 2] < 7e-12);
  pencone_machine_destroy(owner);
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(penumbra_is_a_gaussian), UNIT_TEST(horn_multiplies),
                                     UNIT_TEST(others_refuse), UNIT_TEST(kernels_count)};
  return cmocka_run_group_tests_name("pencil_machine", tests, NULL, NULL);
}

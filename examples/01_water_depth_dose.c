// SPDX-License-Identifier: Apache-2.0
// Depth dose of a 10 x 10 cm2 field of 6 MV photons in a water tank, source to surface 100 cm.
// Usage: 01_water_depth_dose [DOSE.h5 [DIRECTIONS]]
#include <pencone/pencone.h>
#include <stdio.h>
#include <stdlib.h>

enum { NX = 61, NY = 60, NZ = 61 };     // voxels along x (to the left), y (to posterior), z (to superior)
static float density[NX * NY * NZ];     // g/cm3, x fastest
static uint8_t material[NX * NY * NZ];  // index into a list of names: all 0, water

// Ends the program when a call has failed. The context knows why, with the values in its text.
static void check(pencone_context *ctx, pencone_status status) {
  if (status != PENCONE_OK) {
    fprintf(stderr, "%s: %s\n", pencone_status_name(status), pencone_context_error(ctx));
    exit(EXIT_FAILURE);
  }
}

// A tank of water, 5 mm voxels. Its upper face is the plane y = 0; the beam comes from -y (anterior).
static pencone_phantom *make_tank(pencone_context *ctx) {
  static const char *const materials[] = {"water"};
  for (size_t i = 0; i < (size_t)NX * NY * NZ; i++) {
    density[i] = 1.0f;
  }
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  desc.grid =
      (pencone_grid){{NX, NY, NZ}, {5, 5, 5}, {-150, 2.5, -150}};  // origin: centre of the first voxel
  desc.density = density;
  desc.material = material;
  desc.material_names = materials;
  desc.material_count = 1;
  pencone_phantom *phantom = NULL;
  check(ctx, pencone_phantom_borrow(ctx, &desc, &phantom));  // uses our arrays: they must outlive it
  return phantom;
}

static pencone_plan *make_plan(pencone_context *ctx, const char *directions) {
  pencone_machine *machine = NULL;
  check(ctx, pencone_machine_read(ctx, "ideal-mohan-6mv", &machine));  // SAD 1000 mm
  pencone_beam beam = PENCONE_BEAM_DEFAULT;  // gantry 0; isocentre 0, 0, 0: on the surface of the water
  beam.machine = machine;
  beam.field_x_mm[0] = beam.field_y_mm[0] = -50;
  beam.field_x_mm[1] = beam.field_y_mm[1] = 50;
  beam.fluence_per_cm2 = 1e11;  // photons/cm2 in the isocentre plane
  pencone_plan *plan = NULL;
  check(ctx, pencone_plan_create(ctx, "water-depth-dose", &plan));
  check(ctx, pencone_plan_add_beam(ctx, plan, &beam));
  check(ctx, pencone_plan_set_option(ctx, plan, "directions", directions));
  pencone_machine_destroy(machine);  // the plan has its own copy
  return plan;
}

int main(int argc, char **argv) {
  pencone_context *ctx = NULL;
  check(NULL, pencone_context_create(&ctx));
  pencone_phantom *phantom = make_tank(ctx);
  pencone_plan *plan = make_plan(ctx, argc > 2 ? argv[2] : "96");
  pencone_engine *engine = NULL;
  pencone_dose *dose = NULL;
  check(ctx, pencone_engine_create(ctx, plan, phantom, &engine));
  check(ctx, pencone_dose_create(ctx, pencone_engine_grid(engine), &dose));
  check(ctx, pencone_engine_compute(ctx, engine, 0, dose));
  printf("# depth_mm  dose_%s\n", pencone_dose_units(dose));
  for (double depth = 5; depth <= 250; depth += depth < 50 ? 5 : 10) {
    printf("%10.1f  %.4f\n", depth, pencone_dose_at(dose, (double[3]){0, depth, 0}));
  }
  if (argc > 1) {
    check(ctx, pencone_dose_write(ctx, argv[1], dose, phantom));
  }
  pencone_dose_destroy(dose);  // every object is freed by who made it; order does not matter
  pencone_engine_destroy(engine);
  pencone_plan_destroy(plan);
  pencone_phantom_destroy(phantom);
  pencone_context_destroy(ctx);
  return EXIT_SUCCESS;
}

// SPDX-License-Identifier: Apache-2.0
// A program's own arrays for CT and dose; progress, cancel and a memory budget.
#include <pencone/pencone.h>
#include <stdio.h>
#include <stdlib.h>

enum { NX = 40, NY = 36, NZ = 32, VOXELS = NX * NY * NZ };
static int16_t ct[VOXELS];     // HU; this program keeps z fastest: [x][y][z]
static float dose_gy[VOXELS];  // x fastest: [z][y][x], as every dose is stored

static void check(pencone_context *ctx, pencone_status got, pencone_status wanted) {
  if (got != wanted) {
    fprintf(stderr, "got %s, expected %s: %s\n", pencone_status_name(got), pencone_status_name(wanted),
            pencone_context_error(ctx));
    exit(EXIT_FAILURE);
  }
}

// Called on our thread at least ten times a second. A value that is not 0 cancels the calculation.
static int show_progress(void *user, double fraction, const char *stage) {
  printf("\r%3.0f %%  %-14s", 100 * fraction, stage);  // over the last one
  return fraction >= *(const double *)user;
}

static pencone_phantom *make_phantom(pencone_context *ctx) {
  for (int n = 0; n < VOXELS; n++) {
    const int j = n / NZ % NY;
    ct[n] = j < 4 ? -1000 : (j >= 12 && j < 20 ? -700 : 0);  // air; lung in water
  }
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  desc.grid = (pencone_grid){{NX, NY, NZ}, {5, 5, 5}, {-97.5, -97.5, -77.5}};
  desc.hu = ct;
  desc.stride[0] = NY * NZ;  // elements from a voxel to its neighbour along x, along y, along z
  desc.stride[1] = NZ;
  desc.stride[2] = 1;
  desc.hu_curve = PENCONE_HU_SCHNEIDER2000;  // no curve is chosen behind your back: the dose names it
  pencone_phantom *phantom = NULL;
  check(ctx, pencone_phantom_borrow(ctx, &desc, &phantom), PENCONE_OK);
  return phantom;
}

int main(void) {
  pencone_context *ctx = NULL;
  check(NULL, pencone_context_create(&ctx), PENCONE_OK);
  pencone_phantom *phantom = make_phantom(ctx);
  pencone_machine *machine = NULL;
  check(ctx, pencone_machine_read(ctx, "ideal-mohan-6mv", &machine), PENCONE_OK);
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  beam.machine = machine;
  beam.field_x_mm[0] = beam.field_y_mm[0] = -25;
  beam.field_x_mm[1] = beam.field_y_mm[1] = 25;
  pencone_plan *plan = NULL;
  check(ctx, pencone_plan_create(ctx, "own arrays", &plan), PENCONE_OK);
  check(ctx, pencone_plan_add_beam(ctx, plan, &beam), PENCONE_OK);
  // With half of what it will take, the library says so before it takes any.
  pencone_estimate_info need = PENCONE_ESTIMATE_DEFAULT;
  check(ctx, pencone_estimate(ctx, plan, phantom, &need), PENCONE_OK);
  pencone_engine *engine = NULL;
  pencone_context_set_memory_budget(ctx, need.bytes / 2);
  check(ctx, pencone_engine_create(ctx, plan, phantom, &engine), PENCONE_E_BUDGET);
  printf("too small a budget: %s\n", pencone_context_error(ctx));
  pencone_context_set_memory_budget(ctx, need.bytes);
  check(ctx, pencone_engine_create(ctx, plan, phantom, &engine), PENCONE_OK);
  pencone_dose *dose = NULL;
  check(ctx, pencone_dose_borrow(ctx, pencone_engine_grid(engine), dose_gy, &dose), PENCONE_OK);
  double cancel_at = 0;  // at once
  pencone_context_set_progress(ctx, show_progress, &cancel_at);
  check(ctx, pencone_engine_compute(ctx, engine, 0, dose), PENCONE_E_CANCELLED);
  cancel_at = 2;  // never: the same engine computes again
  check(ctx, pencone_engine_compute(ctx, engine, 0, dose), PENCONE_OK);
  printf("\ndose at the isocentre: %.4g Gy per photon/cm2\n", pencone_dose_at(dose, beam.isocenter_mm));
  pencone_dose_destroy(dose);  // dose_gy is ours
  pencone_engine_destroy(engine);
  pencone_plan_destroy(plan);
  pencone_machine_destroy(machine);
  pencone_phantom_destroy(phantom);
  pencone_context_destroy(ctx);
  return EXIT_SUCCESS;
}

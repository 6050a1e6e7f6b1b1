// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "engine/engine_type.h"
#include "engine/photon_shared.h"
#include "photon/superposition.h"

static const pencone_option_info options[] = {
    {"polar", "polar steps of the gather over 180 degrees", "96", NULL, 8, 1000, 1},
    {"azimuths", "azimuthal steps of the gather", "24", NULL, 4, 360, 1},
    {"kernel_depth_cm", "depth of water whose spectrum shapes the scatter kernel, cm", "10", NULL, 0, 50, 0},
};

static uint64_t bytes(const pencone_grid *grid, int threads) {
  (void)threads;
  return (PCN_PARTS + 1) * (uint64_t)pencone_grid_voxels(grid) * sizeof(float);
}

static double seconds(const pencone_plan *plan, const pencone_grid *grid) {
  const double ns_per_segment = 60, segments = (double)(grid->size[0] + grid->size[1] + grid->size[2]) / 2;
  return 1e-9 * ns_per_segment * segments * pcn_plan_option_number(plan, "polar") *
         pcn_plan_option_number(plan, "azimuths") * (double)pencone_grid_voxels(grid);
}

static pencone_status make(pencone_context *ctx, const pcn_job *job, void *state) {
  pcn_superposition *engine = state;
  const int directions[2] = {(int)pcn_plan_option_number(job->plan, "polar"),
                             (int)pcn_plan_option_number(job->plan, "azimuths")};
  PCN_TRY(
      pcn_superposition_make(ctx, job->medium, job->beam, job->shared, directions, job->progress, engine));
  engine->beam.quantity = pencone_plan_quantity(job->plan);
  return PENCONE_OK;
}

static void destroy(void *state) {
  pcn_superposition_free(state);
}

static pencone_status add(pencone_context *ctx, const void *state, float *const out[4],
                          const double progress[2]) {
  return pcn_superposition_add(ctx, state, out, progress);
}

static double at(const void *state, const double xyz_mm[3]) {
  return pcn_superposition_dose_at(state, xyz_mm);
}

const pcn_engine_type pcn_engine_superposition = {
    .info =
        {.name = "photon-superposition",
         .summary = "direct superposition of tabulated kernels, gathered at each point: slow, the reference",
         .references =
             "Mackie et al. 1985, doi:10.1118/1.595774\nMackie et al. 1988, doi:10.1088/0031-9155/33/1/001",
         .options = options,
         .option_count = sizeof options / sizeof options[0]},
    .bytes = bytes,
    .seconds = seconds,
    .shared_size = sizeof(pcn_photon_tables),
    .shared_make = pcn_photon_shared_make,
    .shared_free = pcn_photon_shared_free,
    .state_size = sizeof(pcn_superposition),
    .make = make,
    .free = destroy,
    .add = add,
    .at = at,
};

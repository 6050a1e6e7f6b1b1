// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "engine/engine_type.h"
#include "engine/photon_shared.h"
#include "photon/convolution.h"

static const pencone_option_info options[] = {
    {"polar", "polar steps by which the kernel is spread over voxels", "192", NULL, 8, 1000, 1},
    {"azimuths", "azimuthal steps", "96", NULL, 4, 1000, 1},
    {"kernel_depth_cm", "depth of water whose spectrum shapes the scatter kernel, cm", "10", NULL, 0, 50, 0},
};

static uint64_t bytes(const pencone_grid *grid, int threads) {
  (void)threads;
  return pcn_convolution_bytes(grid);
}

static double seconds(const pencone_plan *plan, const pencone_grid *grid) {
  (void)plan;
  return 1.5e-6 * (double)pencone_grid_voxels(grid);  // five transforms of eight times the voxels
}

static pencone_status make(pencone_context *ctx, const pcn_job *job, void *state) {
  pcn_convolution *engine = state;
  const int directions[2] = {(int)pcn_plan_option_number(job->plan, "polar"),
                             (int)pcn_plan_option_number(job->plan, "azimuths")};
  PCN_TRY(pcn_convolution_make(ctx, job->medium, job->beam, job->shared, directions, job->progress, engine));
  engine->beam.quantity = pencone_plan_quantity(job->plan);
  return PENCONE_OK;
}

static void destroy(void *state) {
  pcn_convolution_free(state);
}

static pencone_status add(pencone_context *ctx, const void *state, float *const out[4],
                          const double progress[2]) {
  return pcn_convolution_add(ctx, state, out, progress);
}

const pcn_engine_type pcn_engine_convolution = {
    .info = {.name = "photon-convolution",
             .summary = "convolution by FFT with one kernel along the beam's axis: homogeneous phantoms only",
             .references = "Boyer and Mok 1985, Med. Phys. 12, 169\nMackie et al. 1985, doi:10.1118/1.595774",
             .options = options,
             .option_count = sizeof options / sizeof options[0]},
    .bytes = bytes,
    .seconds = seconds,
    .shared_size = sizeof(pcn_photon_tables),
    .shared_make = pcn_photon_shared_make,
    .shared_free = pcn_photon_shared_free,
    .state_size = sizeof(pcn_convolution),
    .make = make,
    .free = destroy,
    .add = add,
};

// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "engine/engine_type.h"
#include "proton/proton_beam.h"

static const pencone_option_info options[] = {
    {"ray_spacing_mm", "distance of the rays into which spots are split, mm", "1.5", NULL, 0.25, 4, 0},
    {"cut_sigma", "where Gaussians end, in standard deviations; what is cut is scaled back", "4", NULL, 2.5,
     6, 0},
};

static double seconds(const pencone_plan *plan, const pencone_grid *grid) {
  (void)plan;
  return 5e-7 * (double)pencone_grid_voxels(grid);
}

static pencone_status make(pencone_context *ctx, const pcn_job *job, void *state) {
  pcn_proton_beam *engine = state;
  PCN_TRY(pcn_proton_beam_make(ctx, job->medium, job->beam,
                               pcn_plan_option_number(job->plan, "ray_spacing_mm"),
                               pcn_plan_option_number(job->plan, "cut_sigma"), engine));
  engine->quantity = pencone_plan_quantity(job->plan);
  return PENCONE_OK;
}

static void destroy(void *state) {
  pcn_proton_beam_free(state);
}

static pencone_status add(pencone_context *ctx, const void *state, float *const out[2],
                          const double progress[2]) {
  return pcn_proton_beam_add(ctx, state, out, progress);
}

const pcn_engine_type pcn_engine_proton_pencil_beam = {
    .info = {.name = "proton-pencil-beam",
             .summary =
                 "scanned protons: rays with their own paths, core and two wider Gaussians from Monte Carlo",
             .references = "Hong et al. 1996, doi:10.1088/0031-9155/41/8/005\n"
                           "Gottschalk 2010, doi:10.1118/1.3264177",
             .options = options,
             .option_count = sizeof options / sizeof options[0]},
    .modality = PENCONE_PROTON,
    .bytes = pcn_proton_beam_bytes,
    .seconds = seconds,
    .state_size = sizeof(pcn_proton_beam),
    .make = make,
    .free = destroy,
    .add = add,
};

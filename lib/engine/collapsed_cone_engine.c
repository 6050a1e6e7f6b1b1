// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "engine/engine_type.h"
#include "photon/collapsed_cone.h"

static const pencone_option_info options[] = {
    {"quality", "sets the options below: fast is 48 directions and 50 mm of margin, reference 264 directions",
     "standard", "fast|standard|reference", 0, 0, 0},
    {"directions", "transport directions around the kernel; the nearest possible number is used", "128", NULL,
     24, 1024, 1},
    {"margin_mm", "dose only this far around the box of the field, mm, the same there; 0: everywhere", "0",
     NULL, 0, 1000, 0},
    {"kernel_depth_cm", "depth of water whose spectrum shapes the scatter kernel, cm", "10", NULL, 0, 50, 0},
};

static const pcn_preset presets[] = {
    {"fast", "directions", "48"}, {"fast", "margin_mm", "50"}, {"reference", "directions", "264"}};

static pcn_collapsed_cone_options options_of(const pencone_plan *plan) {
  const pcn_collapsed_cone_options o = {.directions = (int)pcn_plan_option_number(plan, "directions"),
                                        .kernel_depth_g_cm2 = pcn_plan_option_number(plan, "kernel_depth_cm"),
                                        .margin_mm = pcn_plan_option_number(plan, "margin_mm")};
  return o;
}

static uint64_t bytes(const pencone_grid *grid, int threads) {
  return pcn_collapsed_cone_bytes(grid, threads);
}

static double seconds(const pencone_plan *plan, const pencone_grid *grid) {
  const double ns_per_voxel_and_direction = 4;
  return 1e-9 * ns_per_voxel_and_direction * options_of(plan).directions * (double)pencone_grid_voxels(grid);
}

static pencone_status make(pencone_context *ctx, const pcn_job *job, void *state) {
  pcn_collapsed_cone *engine = state;
  const pcn_collapsed_cone_options chosen = options_of(job->plan);
  PCN_TRY(pcn_collapsed_cone_make(ctx, job->medium, job->beam, &chosen, engine));
  engine->quantity = pencone_plan_quantity(job->plan);
  return PENCONE_OK;
}

static void destroy(void *state) {
  pcn_collapsed_cone_free(state);
}

static pencone_status add(pencone_context *ctx, const void *state, float *const out[4],
                          const double progress[2]) {
  return pcn_collapsed_cone_add(ctx, state, out, progress);
}

const pcn_engine_type pcn_engine_collapsed_cone = {
    .info = {.name = "photon-collapsed-cone",
             .summary = "collapsed-cone superposition: tilted kernels, hardening, electron-density scaling",
             .references =
                 "Ahnesjo 1989, doi:10.1118/1.596360\nLu et al. 2005, doi:10.1088/0031-9155/50/4/007",
             .options = options,
             .option_count = sizeof options / sizeof options[0]},
    .presets = presets,
    .preset_count = sizeof presets / sizeof presets[0],
    .bytes = bytes,
    .seconds = seconds,
    .state_size = sizeof(pcn_collapsed_cone),
    .make = make,
    .free = destroy,
    .add = add,
};

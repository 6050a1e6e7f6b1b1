// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "engine/engine_type.h"
#include "photon/cone_beamlet.h"

static const pencone_option_info options[] = {
    {"quality", "sets the options below: fast is 48 directions and 50 mm of margin, reference 264 directions",
     "standard", "fast|standard|reference", 0, 0, 0},
    {"directions", "transport directions around the kernel; the nearest possible number is used", "128", NULL,
     24, 1024, 1},
    {"margin_mm", "dose only this far around the box of the field, mm, the same there; 0: everywhere", "0",
     NULL, 0, 1000, 0},
    {"beamlet_margin_mm",
     "influence matrices: dose only this far around the box of a bixel, mm; 0: like margin_mm", "0", NULL, 0,
     1000, 0},
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
  const double ns_per_voxel_and_direction = 1.5;
  return 1e-9 * ns_per_voxel_and_direction * options_of(plan).directions * (double)pencone_grid_voxels(grid);
}

// The cones' tilt is tabulated as far as the widest of the machine's beams needs it.
static pencone_status shared_make(pencone_context *ctx, const pcn_job *job, void *shared) {
  const char *sha256 = pencone_machine_sha256(job->beam->machine);
  const pcn_collapsed_cone_options chosen = options_of(job->plan);
  double tilt = 0;
  for (int i = 0; i < pencone_plan_beam_count(job->plan); i++) {
    const pencone_beam *beam = pencone_plan_beam(job->plan, i);
    if (strcmp(pencone_machine_sha256(beam->machine), sha256) == 0) {
      tilt = fmax(tilt, pcn_collapsed_cone_tilt(beam, &job->medium->grid));
    }
  }
  return pcn_collapsed_cone_tables_make(ctx, job->beam->machine, &chosen, tilt, shared);
}

static void shared_free(void *shared) {
  pcn_collapsed_cone_tables_free(shared);
}

static pencone_status make(pencone_context *ctx, const pcn_job *job, void *state) {
  (void)ctx;
  const double *h = job->medium->grid.spacing_mm;
  const double smallest_mm = fmin(h[0], fmin(h[1], h[2]));
  const pcn_collapsed_cone engine = {.medium = job->medium,
                                     .beam = job->beam,
                                     .quantity = pencone_plan_quantity(job->plan),
                                     .tables = job->shared,
                                     .margin = (int)ceil(options_of(job->plan).margin_mm / smallest_mm)};
  *(pcn_collapsed_cone *)state = engine;
  return PENCONE_OK;
}

static void destroy(void *state) {
  (void)state;  // all of it is borrowed
}

static pencone_status add(pencone_context *ctx, const void *state, float *const out[4],
                          const double progress[2]) {
  return pcn_collapsed_cone_add(ctx, state, out, progress);
}

static uint64_t beamlets_bytes(const pencone_plan *plan, const pencone_grid *medium, const pencone_grid *rows,
                               int threads) {
  (void)plan;
  (void)rows;
  return pcn_cone_beamlets_bytes(medium) * (uint64_t)threads;
}

static pencone_status beamlets_make(pencone_context *ctx, const pcn_beamlet_job *job, void *beamlets) {
  return pcn_cone_beamlets_make(ctx, job->state, job->rows,
                                pcn_plan_option_number(job->plan, "beamlet_margin_mm"), beamlets);
}

static void beamlets_free(void *beamlets) {
  (void)beamlets;  // all of it is borrowed
}

static pencone_status beamlet(pencone_context *ctx, const void *beamlets, const pencone_beamlet *which,
                              pcn_column *out) {
  const double centre_mm[2] = {which->x_mm, which->y_mm};
  return pcn_cone_beamlet(ctx, beamlets, centre_mm, out);
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
    .takes_map = 1,
    .bytes = bytes,
    .seconds = seconds,
    .shared_size = sizeof(pcn_collapsed_cone_tables),
    .shared_make = shared_make,
    .shared_free = shared_free,
    .state_size = sizeof(pcn_collapsed_cone),
    .make = make,
    .free = destroy,
    .add = add,
    .beamlets_size = sizeof(pcn_cone_beamlets),
    .beamlets_bytes = beamlets_bytes,
    .beamlets_make = beamlets_make,
    .beamlets_free = beamlets_free,
    .beamlet = beamlet,
};

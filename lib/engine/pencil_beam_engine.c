// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "engine/engine_type.h"
#include "engine/photon_shared.h"
#include "photon/pencil_beamlet.h"
#include "photon/pencil_field.h"

static const pencone_option_info options[] = {
    {"terms", "products of depth and lateral kernel; Bortfeld et al. took 3", "4", NULL, 1, 4, 1},
    {"reach_mm", "how far around the field dose is calculated, in the isocentre plane", "200", NULL, 20, 300,
     0},
    {"lateral_scaling",
     "kernels scaled by the density across the beam (AAA-like); not for influence matrices", "no", "no|yes",
     0, 0, 0},
    {"beamlet_reach_mm",
     "how far around a bixel's ray an influence matrix goes, in the isocentre plane; 0: like reach_mm", "0",
     NULL, 0, 300, 0},
};

static int is_scaled(const pencone_plan *plan) {
  return strcmp(pencone_plan_option(plan, "lateral_scaling"), "yes") == 0;
}

// Of a beam's fluence map.
static uint64_t map_bytes(const pencone_plan *plan, const pencone_beam *beam, const pencone_grid *grid) {
  if (beam->fluence_map == NULL) {
    return 0;
  }
  const double reach_mm = pcn_plan_option_number(plan, "reach_mm"), *h = grid->spacing_mm;
  const double width_mm[2] = {beam->field_x_mm[1] - beam->field_x_mm[0],
                              beam->field_y_mm[1] - beam->field_y_mm[0]};
  double pixel_mm[2], square = 0;
  for (int a = 0; a < 3; a++) {
    square += h[a] * h[a] * (double)(grid->size[a] * grid->size[a]);
  }
  pcn_pencil_pixels(beam, width_mm, reach_mm, pixel_mm);
  const pcn_pencil_field field = pcn_pencil_field_of(beam, pixel_mm, reach_mm);
  return pcn_pencil_field_bytes(
      &field, pcn_pencil_plane_count(sqrt(square) / pencone_machine_describe(beam->machine)->sad_mm));
}

static uint64_t option_bytes(const pencone_plan *plan, const pencone_grid *grid, int threads) {
  uint64_t most = 0;
  for (int i = 0; i < pencone_plan_beam_count(plan); i++) {
    const uint64_t here = map_bytes(plan, pencone_plan_beam(plan, i), grid);
    most = here > most ? here : most;
  }
  return most + (is_scaled(plan) ? pcn_lateral_scaling_bytes(grid, threads) : 0);
}

static uint64_t bytes(const pencone_grid *grid, int threads) {
  (void)threads;
  const uint64_t tables = 64u * 1024 * 1024;  // maps of a field of 40 cm, and the corners they are made of
  return 3 * (uint64_t)pencone_grid_voxels(grid) * sizeof(float) + tables;
}

static double seconds(const pencone_plan *plan, const pencone_grid *grid) {
  return 0.5 + (is_scaled(plan) ? 3e-7 : 6e-8) * (double)pencone_grid_voxels(grid);
}

static pencone_status shared_make(pencone_context *ctx, const pcn_job *job, void *shared) {
  const double kernel_depth_g_cm2 = 10;
  return pcn_photon_tables_make(ctx, job->beam->machine, kernel_depth_g_cm2, shared);
}

static pencone_status make(pencone_context *ctx, const pcn_job *job, void *state) {
  pcn_pencil_beam *engine = state;
  PCN_TRY(pcn_pencil_beam_make(ctx, job->medium, job->beam, job->shared,
                               (int)pcn_plan_option_number(job->plan, "terms"),
                               pcn_plan_option_number(job->plan, "reach_mm"), engine));
  engine->quantity = pencone_plan_quantity(job->plan);
  const pencone_status status =
      is_scaled(job->plan) ? pcn_pencil_beam_scale(ctx, job->beam, job->progress, engine) : PENCONE_OK;
  if (status != PENCONE_OK) {
    pcn_pencil_beam_free(engine);
  }
  return status;
}

static void destroy(void *state) {
  pcn_pencil_beam_free(state);
}

static pencone_status add(pencone_context *ctx, const void *state, float *const out[4],
                          const double progress[2]) {
  return pcn_pencil_beam_add(ctx, state, out, progress);
}

static uint64_t beamlets_bytes(const pencone_plan *plan, const pencone_grid *medium, const pencone_grid *rows,
                               int threads) {
  (void)plan;
  (void)threads;
  (void)medium;
  return pcn_pencil_beamlets_bytes(rows);
}

static pencone_status beamlets_make(pencone_context *ctx, const pcn_beamlet_job *job, void *beamlets) {
  PCN_CHECK(
      ctx, !is_scaled(job->plan), PENCONE_E_UNSUPPORTED,
      "photon-pencil-beam: lateral_scaling: got yes, expected no for an influence matrix: what it does to a bixel "
      "depends on the others' fluence");
  const pcn_pencil_cut cut = {job->threshold, pcn_plan_option_number(job->plan, "beamlet_reach_mm"),
                              job->sift};
  return pcn_pencil_beamlets_make(ctx, job->state, job->beam, job->rows, &cut, beamlets);
}

static void beamlets_free(void *beamlets) {
  pcn_pencil_beamlets_free(beamlets);
}

enum { TOGETHER = 8 };  // their columns are written at once, and each needs its share of the caches

static pencone_status beamlet_group(pencone_context *ctx, const void *beamlets, int count,
                                    const pencone_beamlet *which, pcn_column *out) {
  double centre_mm[TOGETHER][2];
  for (int i = 0; i < count; i++) {
    centre_mm[i][0] = which[i].x_mm;
    centre_mm[i][1] = which[i].y_mm;
  }
  return pcn_pencil_bixels(ctx, beamlets, count, centre_mm, out);
}

const pcn_engine_type pcn_engine_pencil_beam = {
    .info =
        {.name = "photon-pencil-beam",
         .summary =
             "pencil beam: depth times lateral kernels by singular values; density along the ray, and across "
             "it with lateral_scaling",
         .references = "Bortfeld, Schlegel and Rhein 1993, doi:10.1118/1.597070\n"
                       "lateral_scaling: Tillikainen et al. 2008, doi:10.1088/0031-9155/53/14/008",
         .options = options,
         .option_count = sizeof options / sizeof options[0]},
    .takes_profile = 1,
    .takes_map = 1,
    .bytes = bytes,
    .option_bytes = option_bytes,
    .seconds = seconds,
    .shared_size = sizeof(pcn_photon_tables),
    .shared_make = shared_make,
    .shared_free = pcn_photon_shared_free,
    .state_size = sizeof(pcn_pencil_beam),
    .make = make,
    .free = destroy,
    .add = add,
    .beamlets_size = sizeof(pcn_pencil_beamlets),
    .beamlets_bytes = beamlets_bytes,
    .beamlets_make = beamlets_make,
    .beamlets_free = beamlets_free,
    .together = TOGETHER,
    .beamlet_group = beamlet_group,
};

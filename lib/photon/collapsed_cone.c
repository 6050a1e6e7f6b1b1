// SPDX-License-Identifier: Apache-2.0
#include "photon/collapsed_cone.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "beam/control_points.h"
#include "photon/sweep.h"

double pcn_collapsed_cone_tilt(const pencone_beam *beam, const pencone_grid *grid) {
  const double sad = pencone_machine_describe(beam->machine)->sad_mm;
  const double *h = grid->spacing_mm;
  return 1.02 * pcn_beam_reach(beam) / sad + fmax(h[0], fmax(h[1], h[2])) / sad;
}

pencone_status pcn_collapsed_cone_tables_make(pencone_context *ctx, const pencone_machine *machine,
                                              const pcn_collapsed_cone_options *options, double largest_tilt,
                                              pcn_collapsed_cone_tables *out) {
  memset(out, 0, sizeof *out);
  PCN_TRY(pcn_photon_tables_make(ctx, machine, options->kernel_depth_g_cm2, &out->photon));
  const pencone_status status =
      pcn_cones_make(ctx, &out->photon.kernel, options->directions, largest_tilt, &out->cones);
  if (status != PENCONE_OK) {
    pcn_collapsed_cone_tables_free(out);
  }
  return status;
}

void pcn_collapsed_cone_tables_free(pcn_collapsed_cone_tables *tables) {
  pcn_photon_tables_free(&tables->photon);
  pcn_cones_free(&tables->cones);
  memset(tables, 0, sizeof *tables);
}

uint64_t pcn_collapsed_cone_bytes(const pencone_grid *grid, int threads) {
  return PCN_PARTS * (uint64_t)pencone_grid_voxels(grid) * sizeof(float) + pcn_sweep_bytes(grid, threads);
}

pencone_status pcn_collapsed_cone_add(pencone_context *ctx, const pcn_collapsed_cone *engine,
                                      float *const out[2], const double progress[2]) {
  const pencone_grid *grid = &engine->medium->grid;
  const double released[2] = {progress[0], 0.1 * progress[1]};
  pcn_terma terma;
  PCN_TRY(pcn_terma_make(ctx, grid, &terma));
  float *energy = terma.part[PCN_PRIMARY];  // takes the place of what was released
  pencone_status status = pcn_terma_fill(ctx, engine->medium, engine->beam, engine->tables->photon.quality,
                                         PCN_DEPTH_LATTICE, released, &terma);
  if (status == PENCONE_OK) {
    const pcn_frame frame = pcn_beam_frame(engine->beam);
    const pcn_sweep sweep = {engine->medium, &terma, &engine->tables->cones, &frame, engine->margin};
    status = pcn_sweep_run(ctx, &sweep, energy, progress[0] + released[1], progress[1] - released[1]);
  }
  if (status == PENCONE_OK) {
    pcn_add_dose(ctx, engine->medium, engine->quantity, energy, out);
  }
  pcn_terma_free(&terma);
  return status;
}

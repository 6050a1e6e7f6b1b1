// SPDX-License-Identifier: Apache-2.0
// Released energy in 120^3 voxels, field 10 x 10 cm2, radiological depth included; resampling of a phantom on
// the calculation grid; and the tables of a machine. Verified: TERMA against every voxel's own ray;
// resampling keeps the mass. usage: bench_terma [--quick] [--verify] [RUNS]
#include <math.h>
#include <stdlib.h>

#include "bench.h"
#include "photon/tables.h"

enum { EDGE = 120 };

static const double progress[2] = {0, 1};

typedef struct release {
  pencone_context *ctx;
  pencone_machine *machine;
  pencone_phantom *phantom;
  pencone_grid grid, coarse;
  pencone_beam beam;
  pcn_medium medium, resampled;
  pcn_photon_tables tables;
  pcn_terma terma, exact;
} release;

static int fill(void *user) {
  release *r = user;
  return pcn_terma_fill(r->ctx, &r->medium, &r->beam, r->tables.quality, PCN_DEPTH_LATTICE, progress,
                        &r->terma) != PENCONE_OK;
}

static int resample(void *user) {
  release *r = user;
  pcn_medium_free(&r->resampled);
  return pcn_medium_make(r->ctx, r->phantom, &r->coarse, progress, &r->resampled) != PENCONE_OK;
}

static int take_over(void *user) {
  release *r = user;
  pcn_medium_free(&r->resampled);
  return pcn_medium_make(r->ctx, r->phantom, &r->grid, progress, &r->resampled) != PENCONE_OK;
}

static int make_tables(void *user) {
  release *r = user;
  pcn_photon_tables_free(&r->tables);
  return pcn_photon_tables_make(r->ctx, r->machine, 10, &r->tables) != PENCONE_OK;
}

// Blurring of the lattice across the beam is what may differ: 2.5 % in one voxel, nothing on average
// (physics/test_terma).
static int verify_terma(release *r) {
  if (pcn_terma_fill(r->ctx, &r->medium, &r->beam, r->tables.quality, PCN_DEPTH_EXACT, progress, &r->exact) !=
          PENCONE_OK ||
      fill(r)) {
    return bench_failed(r->ctx, "TERMA");
  }
  double sum = 0, off = 0, worst = 0;
  for (size_t v = 0; v < pencone_grid_voxels(&r->grid); v++) {
    const double exact = (double)r->exact.part[PCN_PRIMARY][v], got = (double)r->terma.part[PCN_PRIMARY][v];
    sum += exact;
    off += got - exact;
    worst = exact > 0 ? fmax(worst, fabs(got / exact - 1)) : worst;
  }
  return bench_near("TERMA by the lattice, mean", off / sum, 0, 2e-4) ||
         bench_near("TERMA by the lattice, worst", worst, 0, 0.025);
}

static double mass_of(const pcn_medium *m) {
  double sum = 0;
  for (size_t v = 0; v < pencone_grid_voxels(&m->grid); v++) {
    sum += (double)m->density[v];
  }
  return sum * m->grid.spacing_mm[0] * m->grid.spacing_mm[1] * m->grid.spacing_mm[2];
}

static int set_up(release *r) {
  const double spacing_mm[3] = {3, 3, 3};
  if (pencone_context_create(&r->ctx) != PENCONE_OK || pencone_context_set_threads(r->ctx, 1) != PENCONE_OK ||
      pencone_machine_read(r->ctx, "ideal-mohan-6mv", &r->machine) != PENCONE_OK ||
      bench_phantom(r->ctx, &r->grid, 1, &r->phantom) != 0 ||
      pcn_medium_make(r->ctx, r->phantom, &r->grid, progress, &r->medium) != PENCONE_OK ||
      pcn_terma_make(r->ctx, &r->grid, &r->terma) != PENCONE_OK ||
      pcn_terma_make(r->ctx, &r->grid, &r->exact) != PENCONE_OK || make_tables(r)) {
    return bench_failed(r->ctx, "set-up");
  }
  r->beam = bench_beam(r->machine, 100);
  pcn_medium_grid(&r->grid, spacing_mm, &r->coarse);
  return 0;
}

static int run(release *r, const bench_options *o) {
  if (set_up(r) || verify_terma(r) || resample(r) ||
      bench_near("mass after resampling", mass_of(&r->resampled), mass_of(&r->medium),
                 1e-5 * mass_of(&r->medium))) {
    return 1;
  }
  const double voxels = (double)pencone_grid_voxels(&r->grid),
               coarse = (double)pencone_grid_voxels(&r->coarse);
  // Both parts are cleared and written, density and aluminium read once.
  bench_case terma = {"terma-120", "terma", "-", 1, voxels, "voxel", 16 * voxels, 16 * voxels, 0, 0, 0};
  // Density and material are read, three volumes written.
  const bench_case sampled = {"resample-120",
                              "resampling",
                              "-",
                              1,
                              voxels,
                              "voxel",
                              5 * voxels + 12 * coarse,
                              5 * voxels + 12 * coarse,
                              0,
                              0,
                              0};
  const bench_case same = {"take-over-120", "resampling", "-", 1, voxels, "voxel",
                           17 * voxels,     17 * voxels,  0,   0, 0};
  const bench_case tables = {"photon-tables", "tables", "-", 1, 1, "machine", 0, 0, 0, 0, 0};
  if (bench_time(o, &terma, fill, r) != 0 || pencone_context_set_threads(r->ctx, 0) != PENCONE_OK) {
    return 1;
  }
  terma.threads = pencone_context_threads(r->ctx);
  return (terma.threads > 1 && bench_time(o, &terma, fill, r)) ||
         pencone_context_set_threads(r->ctx, 1) != PENCONE_OK || bench_time(o, &sampled, resample, r) ||
         bench_time(o, &same, take_over, r) || bench_time(o, &tables, make_tables, r);
}

int main(int argc, char **argv) {
  bench_options o;
  int status;
  if (!bench_begin(argc, argv, &o, &status)) {
    return status;
  }
  release r = {.grid = bench_grid(EDGE, 2.5)};
  const int bad = run(&r, &o);
  pcn_terma_free(&r.terma);
  pcn_terma_free(&r.exact);
  pcn_photon_tables_free(&r.tables);
  pcn_medium_free(&r.medium);
  pcn_medium_free(&r.resampled);
  pencone_phantom_destroy(r.phantom);
  pencone_machine_destroy(r.machine);
  pencone_context_destroy(r.ctx);
  return bad;
}

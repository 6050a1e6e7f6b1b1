// SPDX-License-Identifier: Apache-2.0
// All of a collapsed-cone beam but its sweep, in 120^3 voxels of 2.5 mm with a field of 10 x 10 cm2 at gantry 0
// and 90: tables of the machine (per table made: the column's voxels are 1), medium, radiological depth, TERMA.
// The engine's internals are timed one by one, so this links the static library.
// Verified: TERMA by the lattice of depths against every voxel's own ray.
// usage: bench_terma [RUNS]
#include "bench.h"

#include "base/base.h"
#include "geom/depth.h"
#include "photon/collapsed_cone.h"
#include "simd/isa.h"
#include <math.h>
#include <pencone/pencone.h>
#include <stdio.h>
#include <stdlib.h>

enum { EDGE = 120, VOXELS = EDGE * EDGE * EDGE, MATERIALS = 3 };
static const double progress[2] = {0, 1};

typedef struct job {
  pencone_context *ctx;
  pencone_machine *machine;
  pencone_phantom *phantom;
  pencone_beam beam;
  pcn_medium medium;
  pcn_collapsed_cone_tables tables;
  pcn_terma terma, exact;
} job;

static const pcn_collapsed_cone_options options = {.directions = 128, .kernel_depth_g_cm2 = 10};

/// The slab of water, aluminium, lung and water, or water alone.
static void fill(int slabs, float *density, uint8_t *material) {
  for (int i = 0; i < VOXELS; i++) {
    const double depth_mm = 2.5 * (i / EDGE % EDGE);
    material[i] = !slabs || depth_mm < 30 || depth_mm > 120 ? 0 : (depth_mm < 50 ? 1 : 2);
    density[i] = material[i] == 0 ? 1.0F : (material[i] == 1 ? 2.7F : 0.26F);
  }
}

static pencone_status set_up(job *j, int slabs, float *density, uint8_t *material) {
  static const char *const names[MATERIALS] = {"water", "aluminium", "lung"};
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  const pencone_beam beam = PENCONE_BEAM_DEFAULT;
  fill(slabs, density, material);
  desc.grid = (pencone_grid){{EDGE, EDGE, EDGE}, {2.5, 2.5, 2.5}, {-148.75, 1.25, -148.75}};
  desc.density = density;
  desc.material = material;
  desc.material_names = names;
  desc.material_count = MATERIALS;
  PCN_TRY(pencone_context_create(&j->ctx));
  PCN_TRY(pencone_context_set_threads(j->ctx, 1));
  PCN_TRY(pencone_phantom_borrow(j->ctx, &desc, &j->phantom));
  PCN_TRY(pencone_machine_read(j->ctx, "ideal-mohan-6mv", &j->machine));
  j->beam = beam;
  j->beam.machine = j->machine;
  j->beam.isocenter_mm[1] = 100;
  for (int side = 0; side < 2; side++) {
    j->beam.field_x_mm[side] = j->beam.field_y_mm[side] = side == 0 ? -50.0 : 50.0;
  }
  PCN_TRY(pcn_medium_make(j->ctx, j->phantom, &desc.grid, progress, &j->medium));
  PCN_TRY(pcn_collapsed_cone_tables_make(j->ctx, j->machine, &options,
                                         pcn_collapsed_cone_tilt(&j->beam, &desc.grid), &j->tables));
  PCN_TRY(pcn_terma_make(j->ctx, &desc.grid, &j->terma));
  return pcn_terma_make(j->ctx, &desc.grid, &j->exact);
}

static void tear_down(job *j) {
  pcn_terma_free(&j->exact);
  pcn_terma_free(&j->terma);
  pcn_collapsed_cone_tables_free(&j->tables);
  pcn_medium_free(&j->medium);
  pencone_machine_destroy(j->machine);
  pencone_phantom_destroy(j->phantom);
  pencone_context_destroy(j->ctx);
}

// --- what is timed -----------------------------------------------------------------------------

static int photon_tables(void *user) {
  job *j = user;
  pcn_photon_tables tables;
  const int bad = pcn_photon_tables_make(j->ctx, j->machine, options.kernel_depth_g_cm2, &tables) != PENCONE_OK;
  pcn_photon_tables_free(&tables);
  return bad;
}

static int cones(void *user) {
  job *j = user;
  pcn_cones made;
  const double tilt = pcn_collapsed_cone_tilt(&j->beam, &j->medium.grid);
  const int bad = pcn_cones_make(j->ctx, &j->tables.photon.kernel, options.directions, tilt, &made) != PENCONE_OK;
  pcn_cones_free(&made);
  return bad;
}

static int medium(void *user) {
  job *j = user;
  pcn_medium made;
  const int bad = pcn_medium_make(j->ctx, j->phantom, &j->medium.grid, progress, &made) != PENCONE_OK;
  pcn_medium_free(&made);
  return bad;
}

static int depth(void *user) {
  job *j = user;
  const pcn_frame frame = pcn_beam_frame(&j->beam);
  const float *const value[PCN_DEPTH_VALUES] = {j->medium.electron_density,
                                                j->medium.has_aluminium ? j->medium.aluminium : NULL};
  const pcn_depth_field field = {&frame, {-50, 50}, {-50, 50}};
  pcn_depth made;
  const int bad = pcn_depth_make(j->ctx, &j->medium.grid, value, &field, progress, &made) != PENCONE_OK;
  pcn_depth_free(&made);
  return bad;
}

/// Depths included.
static int terma(void *user) {
  job *j = user;
  return pcn_terma_fill(j->ctx, &j->medium, &j->beam, j->tables.photon.quality, PCN_DEPTH_LATTICE, progress,
                        &j->terma) != PENCONE_OK;
}

// --- verify ------------------------------------------------------------------------------------

// Faces of the slabs are planes of the lattice or blurred by less than a voxel: 3 % of the energy in one voxel.
static int verify(job *j) {
  double largest = 0, worst = 0;
  if (terma(j) != 0 || pcn_terma_fill(j->ctx, &j->medium, &j->beam, j->tables.photon.quality, PCN_DEPTH_EXACT,
                                      progress, &j->exact) != PENCONE_OK) {
    return 1;
  }
  for (size_t i = 0; i < VOXELS; i++) {
    const double exact = (double)j->exact.part[0][i];
    largest = fmax(largest, exact);
    worst = fmax(worst, fabs((double)j->terma.part[0][i] - exact));
  }
  return worst < 0.03 * largest ? 0 : bench_wrong("TERMA by the lattice, of the largest", worst / largest, 0);
}

static int time_all(job *j, int slabs, int runs) {
  const struct {
    const char *what;
    bench_work work;
    size_t voxels;
  } parts[] = {{"photon-tables", photon_tables, 1}, {"cones", cones, 1},      {"medium", medium, VOXELS},
               {"depth", depth, VOXELS},            {"terma", terma, VOXELS}};
  for (int gantry = 0; gantry <= 90; gantry += 90) {
    j->beam.gantry_deg = gantry;
    for (size_t i = gantry == 0 ? 0 : 3; i < sizeof parts / sizeof parts[0]; i++) {
      char name[32];
      snprintf(name, sizeof name, "%s-120-gantry-%d", slabs ? "slabs" : "water", gantry);
      const bench_case what = {name, parts[i].what, pencone_context_isa(j->ctx), 1, parts[i].voxels, 1, runs};
      if ((gantry > 0 && verify(j) != 0) || bench_time(&what, parts[i].work, j) != 0) {
        return 1;
      }
    }
  }
  return 0;
}

static int run(int slabs, float *density, uint8_t *material, int runs) {
  job j = {0};
  const int wrong = set_up(&j, slabs, density, material) != PENCONE_OK || verify(&j) != 0 || time_all(&j, slabs, runs);
  if (wrong) {
    fprintf(stderr, "bench_terma: %s\n", pencone_context_error(j.ctx));
  }
  tear_down(&j);
  return wrong;
}

int main(int argc, char **argv) {
  const long runs = argc > 1 ? strtol(argv[1], NULL, 10) : 10;
  if (runs < 1 || runs > 1000) {
    fprintf(stderr, "usage: bench_terma [RUNS]   (1 to 1000)\n");
    return 2;
  }
  float *density = malloc(VOXELS * sizeof *density);
  uint8_t *material = malloc(VOXELS);
  int wrong = density == NULL || material == NULL;
  bench_header();
  for (int slabs = 0; slabs < 2 && !wrong; slabs++) {
    wrong = run(slabs, density, material, (int)runs);
  }
  free(material);
  free(density);
  return wrong;
}

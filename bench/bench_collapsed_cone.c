// SPDX-License-Identifier: Apache-2.0
// Collapsed cone in a water cube of 100^3 voxels, field 10 x 10 cm2, on one thread and on all processors.
// Verified: both runs give the same bits, and the dose on the axis falls behind its maximum.
// usage: bench_collapsed_cone [RUNS]
#include "bench.h"

#include <pencone/pencone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EDGE = 100, VOXELS = EDGE * EDGE * EDGE, DIRECTIONS = 96 };

typedef struct job {
  pencone_context *ctx;
  pencone_machine *machine;
  pencone_phantom *phantom;
  pencone_plan *plan;
  pencone_engine *engine;
  pencone_dose *dose;
} job;

static int set_up(job *j, float *density) {
  const pencone_grid grid = {{EDGE, EDGE, EDGE}, {3, 3, 3}, {-148.5, 1.5, -148.5}};
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  for (int i = 0; i < VOXELS; i++) {
    density[i] = 1.0F;
  }
  desc.grid = grid;
  desc.density = density;
  if (pencone_context_create(&j->ctx) != PENCONE_OK ||
      pencone_phantom_borrow(j->ctx, &desc, &j->phantom) != PENCONE_OK ||
      pencone_machine_read(j->ctx, "ideal-mohan-6mv", &j->machine) != PENCONE_OK) {
    return 1;
  }
  beam.machine = j->machine;
  for (int side = 0; side < 2; side++) {
    beam.field_x_mm[side] = beam.field_y_mm[side] = side == 0 ? -50.0 : 50.0;
  }
  char directions[16];
  snprintf(directions, sizeof directions, "%d", DIRECTIONS);
  if (pencone_plan_create(j->ctx, "bench", &j->plan) != PENCONE_OK ||
      pencone_plan_add_beam(j->ctx, j->plan, &beam) != PENCONE_OK ||
      pencone_plan_set_engine(j->ctx, j->plan, "photon-collapsed-cone") != PENCONE_OK ||
      pencone_plan_set_option(j->ctx, j->plan, "directions", directions) != PENCONE_OK ||
      pencone_engine_create(j->ctx, j->plan, j->phantom, &j->engine) != PENCONE_OK) {
    return 1;
  }
  return pencone_dose_create(j->ctx, pencone_engine_grid(j->engine), &j->dose) != PENCONE_OK;
}

static void tear_down(job *j) {
  pencone_dose_destroy(j->dose);
  pencone_engine_destroy(j->engine);
  pencone_plan_destroy(j->plan);
  pencone_machine_destroy(j->machine);
  pencone_phantom_destroy(j->phantom);
  pencone_context_destroy(j->ctx);
}

static int compute(void *user) {
  job *j = user;
  return pencone_engine_compute(j->ctx, j->engine, 0, j->dose) != PENCONE_OK;
}

static int compute_on(job *j, int threads) {
  return pencone_context_set_threads(j->ctx, threads) != PENCONE_OK || compute(j);
}

static int verify(job *j, float *first) {
  const size_t bytes = VOXELS * sizeof(float);
  if (compute_on(j, 1) != 0) {
    return 1;
  }
  memcpy(first, pencone_dose_values(j->dose), bytes);
  if (compute_on(j, 3) != 0) {
    return 1;
  }
  if (memcmp(first, pencone_dose_values(j->dose), bytes) != 0) {
    return bench_wrong("same bits on 1 and 3 threads", 0.0, 1.0);
  }
  const double shallow = pencone_dose_at(j->dose, (const double[3]){0, 20, 0});
  const double deep = pencone_dose_at(j->dose, (const double[3]){0, 200, 0});
  // Any 6 MV beam: at 20 cm a third to a half of the dose at 2 cm.
  if (!(deep > 0.3 * shallow && deep < 0.5 * shallow)) {
    return bench_wrong("dose at 200 mm over dose at 20 mm", deep / shallow, 0.4);
  }
  return 0;
}

static int run(job *j, float *density, float *first, int runs) {
  if (set_up(j, density) != 0 || verify(j, first) != 0) {
    fprintf(stderr, "bench_collapsed_cone: %s\n",
            j->ctx != NULL ? pencone_context_error(j->ctx) : "no context");
    return 1;
  }
  bench_header();
  for (int all = 0; all < 2; all++) {
    if (pencone_context_set_threads(j->ctx, all ? 0 : 1) != PENCONE_OK) {
      return 1;
    }
    const bench_case what = {"water-100-10x10",
                             "photon-collapsed-cone",
                             "default",
                             pencone_context_threads(j->ctx),
                             VOXELS,
                             DIRECTIONS,
                             runs};
    if (bench_time(&what, compute, j) != 0) {
      return 1;
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  const long runs = argc > 1 ? strtol(argv[1], NULL, 10) : 3;
  if (runs < 1 || runs > 1000) {
    fprintf(stderr, "usage: bench_collapsed_cone [RUNS]   (1 to 1000)\n");
    return 2;
  }
  job j = {0};
  float *density = malloc(VOXELS * sizeof *density);
  float *first = malloc(VOXELS * sizeof *first);
  const int wrong = density == NULL || first == NULL || run(&j, density, first, (int)runs);
  tear_down(&j);
  free(first);
  free(density);
  return wrong;
}

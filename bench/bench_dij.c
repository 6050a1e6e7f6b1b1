// SPDX-License-Identifier: Apache-2.0
// Influence matrices on 120^3 voxels of 2.5 mm: 225 bixels of 5 mm by the pencil beam, and proton spots of 30
// layers, threshold 1e-4. A sink that counts takes the columns, so that no file is timed. Verified on 48^3
// voxels with the default threshold: the matrix times the plan's weights is the plan's dose to 0.1 % of the
// maximum. usage: bench_dij [--quick] [--verify] [RUNS]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

enum { EDGE = 120, SMALL = 48, LAYERS = 30, SPOTS = 9 };

typedef struct matrix {
  bench_session plan;
  pencone_dij *dij;
} matrix;

static void tear_down(matrix *m) {
  pencone_dij_destroy(m->dij);
  bench_session_end(&m->plan);
}

static int add_beam(matrix *m, int protons) {
  pencone_proton_spot spot[SPOTS];
  pencone_proton_layer layer[LAYERS];
  for (int s = 0; s < SPOTS; s++) {
    const pencone_proton_spot at = {10.0 * (s % 3 - 1), 10.0 * (s / 3 - 1), 1e6};
    spot[s] = at;
  }
  for (int l = 0; l < LAYERS; l++) {
    const pencone_proton_layer of = {150 - 2 * l, SPOTS, spot};
    layer[l] = of;
  }
  pencone_beam beam = bench_beam(m->plan.machine, 75);
  if (protons) {
    beam.layer_count = LAYERS;
    beam.layers = layer;
  } else {
    beam.bixel_mm[0] = beam.bixel_mm[1] = 5;
  }
  return pencone_plan_add_beam(m->plan.ctx, m->plan.plan, &beam) != PENCONE_OK;
}

static int set_up(matrix *m, int protons, int edge) {
  const pencone_grid grid = bench_grid(edge, 2.5);
  if (bench_session_begin(protons ? "ideal-proton" : "ideal-mohan-6mv",
                          protons ? "proton-pencil-beam" : "photon-pencil-beam", &grid, &m->plan) != 0) {
    return 1;
  }
  if (add_beam(m, protons) != 0 || bench_session_create(&m->plan) ||
      pencone_dij_create(m->plan.ctx, &m->dij) != PENCONE_OK) {
    return bench_failed(m->plan.ctx, "set-up");
  }
  return 0;
}

static int compare(matrix *m, float *sum, double *weight) {
  const pencone_dij_sink sink = pencone_dij_fill(m->dij);
  if (pencone_dij_stream(m->plan.ctx, m->plan.engine, NULL, &sink, NULL) != PENCONE_OK) {
    return bench_failed(m->plan.ctx, "matrix");
  }
  const pencone_dij_view view = pencone_dij_view_of(m->dij);
  for (int64_t j = 0; j < view.columns; j++) {
    weight[j] = view.beamlets[j].weight;
  }
  if (pencone_dij_dose(m->plan.ctx, m->dij, view.columns, weight, sum) != PENCONE_OK ||
      bench_session_compute(&m->plan)) {
    return bench_failed(m->plan.ctx, "dose of the matrix");
  }
  double largest = 0, worst = 0;
  for (size_t v = 0; v < pencone_grid_voxels(&view.grid); v++) {
    const double forward = (double)pencone_dose_values(m->plan.dose)[v];
    largest = fmax(largest, forward);
    worst = fmax(worst, fabs((double)sum[v] - forward));
  }
  return largest > 0 ? bench_near("matrix times weights against the dose", worst / largest, 0, 0.001)
                     : bench_wrong("largest dose", largest, 1);
}

static int verify(int protons) {
  matrix m = {0};
  float *sum = malloc((size_t)SMALL * SMALL * SMALL * sizeof *sum);
  double *weight = NULL;
  int bad = sum == NULL || set_up(&m, protons, SMALL) != 0;
  if (!bad) {
    weight = malloc((size_t)pencone_dij_columns(m.plan.plan) * sizeof *weight);
    bad = weight == NULL || compare(&m, sum, weight) != 0;
  }
  free(sum);
  free(weight);
  tear_down(&m);
  return bad;
}

static int run(const bench_options *o, const char *name, int protons) {
  matrix m = {0};
  int bad = verify(protons);
  if (!bad && !o->verify_only) {
    bad = set_up(&m, protons, EDGE) || bench_time_matrix(o, &m.plan, 1e-4, name);
  }
  tear_down(&m);
  return bad;
}

int main(int argc, char **argv) {
  bench_options o;
  int status;
  if (!bench_begin(argc, argv, &o, &status)) {
    return status;
  }
  return run(&o, "dij-225", 0) || run(&o, "dij-proton", 1);
}

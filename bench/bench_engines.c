// SPDX-License-Identifier: Apache-2.0
// Whole engines on one field of 10 x 10 cm2 in water: making the tables ("create") and calculating
// ("compute"), from the densities to the dose in Gy. Verified: bits on 1 and 3 threads, and each engine
// against direct superposition at points on and beside the axis; superposition itself against a published
// depth dose. usage: bench_engines [--quick] [--verify] [RUNS]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/// What is calculated.
typedef struct setting {
  const char *name, *engine;
  const char *key, *value;  ///< one option, or NULL
  int edge;
  int large;                 ///< left out in quick runs
  double tolerance;          ///< against superposition, share of the dose at 5 cm; 0: not compared
  double bytes, operations;  ///< per voxel, at least; counted by hand where the entries say how
  int other_levels;          ///< 1: timed with every instruction set
} setting;

// Collapsed cone: of the voxels and directions energy reaches a quarter and is released in an eighth (10 x 10
// cm2 in this cube), at 12 bytes and 49 operations, and 34 more (bench_sweep.c). Pencil beam: 4 terms
// bilinear in 4 nodes, 4 depths linear in 2: 60 operations; density read, energy and dose written: 12 bytes.
// Convolution: 3 transforms in single precision of 8 times the voxels, 2.5 n log2 n of them real, both parts:
// 3 x 2 x 8 x 2.5 x 20.
enum { CONE_BYTES = 12 / 4, CONE_OPERATIONS = 49 / 4 + 34 / 8 };
static const setting settings[] = {
    {"collapsed-cone-60-48", "photon-collapsed-cone", "directions", "48", 60, 0, 0.01, 48 * CONE_BYTES,
     48 * CONE_OPERATIONS, 0},
    {"collapsed-cone-120-48", "photon-collapsed-cone", "directions", "48", 120, 0, 0.01, 48 * CONE_BYTES,
     48 * CONE_OPERATIONS, 1},
    {"collapsed-cone-120-128", "photon-collapsed-cone", "directions", "128", 120, 0, 0.01, 128 * CONE_BYTES,
     128 * CONE_OPERATIONS, 0},
    {"collapsed-cone-256-128", "photon-collapsed-cone", "directions", "128", 256, 1, 0, 128 * CONE_BYTES,
     128 * CONE_OPERATIONS, 0},
    {"pencil-beam-120", "photon-pencil-beam", NULL, NULL, 120, 0, 0.01, 12, 60, 0},
    {"convolution-60", "photon-convolution", NULL, NULL, 60, 0, 0.015, 0, 2400, 0},
};

static int set_up(bench_session *j, const setting *s) {
  const pencone_grid grid = bench_grid(s->edge, 300.0 / s->edge);
  if (bench_session_begin("ideal-mohan-6mv", s->engine, &grid, j) != 0) {
    return 1;
  }
  const pencone_beam beam = bench_beam(j->machine, 100);
  if (pencone_plan_add_beam(j->ctx, j->plan, &beam) != PENCONE_OK ||
      (s->key != NULL && pencone_plan_set_option(j->ctx, j->plan, s->key, s->value) != PENCONE_OK) ||
      bench_session_create(j)) {
    return bench_failed(j->ctx, s->name);
  }
  return 0;
}

// Where engines are compared: off the edges' gradients, where they promise 1 %. The last two are for
// superposition.
static const double points_mm[][3] = {{2.5, 52.5, 2.5},     {2.5, 102.5, 2.5},  {2.5, 202.5, 2.5},
                                      {32.5, 102.5, -27.5}, {72.5, 102.5, 2.5}, {0, 80, 0},
                                      {0, 200, 0}};
enum { POINTS = sizeof points_mm / sizeof points_mm[0], COMPARED = POINTS - 2 };

static int compare(const bench_session *j, const setting *s, const double oracle[POINTS]) {
  for (int p = 0; p < COMPARED; p++) {
    const double off = (pencone_dose_at(j->dose, points_mm[p]) - oracle[p]) / oracle[0];
    if (bench_near(s->name, off, 0, s->tolerance) != 0) {
      return 1;
    }
  }
  return 0;
}

static int same_bits(bench_session *j) {
  const size_t bytes = pencone_grid_voxels(pencone_dose_grid_of(j->dose)) * sizeof(float);
  float *first = malloc(bytes);
  int bad = first == NULL || bench_session_compute(j);
  if (!bad) {
    memcpy(first, pencone_dose_values(j->dose), bytes);
    bad = pencone_context_set_threads(j->ctx, 3) != PENCONE_OK || bench_session_compute(j) ||
          bench_near("bits on 1 and 3 threads", memcmp(first, pencone_dose_values(j->dose), bytes), 0, 0) ||
          pencone_context_set_threads(j->ctx, 1) != PENCONE_OK;
  }
  free(first);
  return bad;
}

static int time_compute(bench_session *j, const setting *s, const bench_options *o) {
  const double voxels = (double)s->edge * s->edge * s->edge;
  const bench_case what = {s->name,
                           s->engine,
                           pencone_context_isa(j->ctx),
                           pencone_context_threads(j->ctx),
                           voxels,
                           "voxel",
                           s->bytes * voxels,
                           16 * voxels,
                           s->operations * voxels,
                           0,
                           0};
  return bench_time(o, &what, bench_session_compute, j);
}

// The instruction-set levels below the best, as far as the processor has them.
static int time_levels(bench_session *j, const setting *s, const bench_options *o) {
  static const char *const levels[] = {"x86-64-v3", "baseline"};
  const char *best = pencone_context_isa(j->ctx);
  int bad = 0;
  for (int i = 0; i < 2 && !bad; i++) {
    if (strcmp(levels[i], best) != 0 && pencone_context_set_isa(j->ctx, levels[i]) == PENCONE_OK) {
      bad = time_compute(j, s, o);
    }
  }
  return bad || pencone_context_set_isa(j->ctx, NULL) != PENCONE_OK;
}

static int time_create(bench_session *j, const setting *s, const bench_options *o) {
  char name[64];
  snprintf(name, sizeof name, "%s-create", s->name);
  const bench_case make = {name, s->engine, "-", pencone_context_threads(j->ctx), 1, "engine", 0, 0, 0, 0, 0};
  return bench_time(o, &make, bench_session_create, j);
}

static int time_engine(bench_session *j, const setting *s, const bench_options *o) {
  for (int all = 0; all < 2; all++) {
    const int threads =
        pencone_context_set_threads(j->ctx, all ? 0 : 1) == PENCONE_OK ? pencone_context_threads(j->ctx) : 0;
    if (threads == 0 || ((!all || threads > 1) && (time_create(j, s, o) || time_compute(j, s, o)))) {
      return 1;
    }
  }
  return pencone_context_set_threads(j->ctx, 1) != PENCONE_OK ||
         (s->other_levels && time_levels(j, s, o) != 0);
}

static int run(const setting *s, const bench_options *o, const double oracle[POINTS]) {
  bench_session j = {0};
  const int bad = set_up(&j, s) || (s->tolerance > 0 && (same_bits(&j) || compare(&j, s, oracle))) ||
                  (!o->verify_only && time_engine(&j, s, o));
  bench_session_end(&j);
  return bad;
}

typedef struct oracle_work {
  bench_session j;
  double dose[POINTS];
} oracle_work;

static int ask_oracle(void *user) {
  oracle_work *w = user;
  return pencone_engine_points(w->j.ctx, w->j.engine, POINTS, points_mm[0], w->dose) != PENCONE_OK;
}

// Depth doses at 200 and 80 mm, 38.1 and 73.9 % at SSD 1000 mm (phantoms/cases/golden-6mv-10x10/points.csv),
// taken to SSD 900 mm by the square of the distances: 0.505. Within 2 % of the maximum, as that case allows.
static int run_oracle(oracle_work *w, const bench_options *o) {
  const setting s = {"superposition-points", "photon-superposition", NULL, NULL, 60, 0, 0, 0, 0, 0};
  if (set_up(&w->j, &s) || ask_oracle(w) ||
      bench_near("D(200 mm) / D(80 mm)", w->dose[POINTS - 1] / w->dose[POINTS - 2], 0.505, 0.027)) {
    return 1;
  }
  // 96 x 24 directions, half the phantom's edge away on average.
  const double segments = POINTS * 96.0 * 24.0 * 45.0;
  const bench_case what = {s.name, s.engine, "-", 1, POINTS, "point", 0, 0, 0, 4 * segments, 0};
  return bench_time(o, &what, ask_oracle, w);
}

int main(int argc, char **argv) {
  bench_options o;
  int status;
  if (!bench_begin(argc, argv, &o, &status)) {
    return status;
  }
  oracle_work oracle = {0};
  int bad = run_oracle(&oracle, &o);
  for (size_t i = 0; i < sizeof settings / sizeof settings[0] && !bad; i++) {
    const int wanted = o.quick ? !settings[i].large : 1;
    bad = wanted && run(&settings[i], &o, oracle.dose);
  }
  bench_session_end(&oracle.j);
  return bad;
}

// SPDX-License-Identifier: Apache-2.0
// Small fixed cases for bench/guard, which counts the instructions between entry and return of guarded(). One
// thread; what is not to be counted happens before. Each case says whether its result is plausible: exit
// status 1 if not. usage: guard_cases --list | guard_cases CASE ISA
#define _XOPEN_SOURCE 700

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/// The objects of a case; those behind the session are NULL unless it uses them.
typedef struct objects {
  bench_session session;
  pencone_dose *other;
  pencone_dvh *dvh;
  uint8_t *mask;
  char path[64];
} objects;

/// A piece of work that is counted; 0: well.
typedef struct guard_step {
  const char *name;
  int (*work)(objects *o);
} guard_step;

enum { STEPS_MAX = 2 };

typedef struct guard_case {
  const char *name;
  const char *engine, *key, *value;  ///< NULL: no engine is made
  int edge;
  int (*prepare)(objects *o);  ///< not counted; may be NULL
  guard_step step[STEPS_MAX];  ///< one after the other
} guard_case;

static int create(objects *o) {
  return bench_session_create(&o->session);
}

static int compute(objects *o) {
  const double inside[3] = {0, 30, 0};
  return bench_session_compute(&o->session) || !(pencone_dose_at(o->session.dose, inside) > 0);
}

static int ask_point(objects *o) {
  const bench_session *s = &o->session;
  const double xyz_mm[3] = {2, 50, 2};
  double dose = 0;
  return pencone_engine_points(s->ctx, s->engine, 1, xyz_mm, &dose) != PENCONE_OK || !(dose > 0);
}

// On a grid of 3.1 mm, so that the phantom is resampled; the tables are small beside it.
static int resample(objects *o) {
  pencone_dose_grid grid = PENCONE_DOSE_GRID_DEFAULT;
  grid.spacing_mm[0] = grid.spacing_mm[1] = grid.spacing_mm[2] = 3.1;
  return pencone_plan_set_dose_grid(o->session.ctx, o->session.plan, &grid) != PENCONE_OK || create(o);
}

static int fill_doses(objects *o) {
  const bench_session *s = &o->session;
  const size_t voxels = pencone_grid_voxels(&s->grid);
  o->mask = malloc(voxels);
  if (o->mask == NULL || pencone_dose_create(s->ctx, &s->grid, &o->other) != PENCONE_OK) {
    return 1;
  }
  for (size_t v = 0; v < voxels; v++) {
    const int64_t n = s->grid.size[0], i = (int64_t)v % n, j = (int64_t)v / n % n, k = (int64_t)v / (n * n);
    const double x = (double)(i - n / 2), y = (double)(j - n / 2), z = (double)(k - n / 2);
    pencone_dose_values(s->dose)[v] = (float)(100 * exp(-0.003 * (x * x + y * y + z * z)));
    pencone_dose_values(o->other)[v] = (float)(101 * exp(-0.003 * ((x + 0.3) * (x + 0.3) + y * y + z * z)));
    o->mask[v] = x * x + y * y + z * z < 0.1 * (double)(n * n) ? 255 : 0;
  }
  snprintf(o->path, sizeof o->path, "guard-%ld.h5", (long)getpid());
  return 0;
}

static int judge(objects *o) {
  pencone_gamma_options options = PENCONE_GAMMA_OPTIONS_DEFAULT;
  pencone_gamma_result result = PENCONE_GAMMA_RESULT_INIT;
  options.dose_pct = options.distance_mm = 2;
  return pencone_gamma_compute(o->session.ctx, o->other, o->session.dose, &options, NULL, &result) !=
             PENCONE_OK ||
         !(result.pass_rate_pct > 50);
}

static int collect(objects *o) {
  const bench_session *s = &o->session;
  return pencone_dvh_create(s->ctx, s->dose, &s->grid, o->mask, &o->dvh) != PENCONE_OK ||
         !(pencone_dvh_dose_at(o->dvh, 50) > 0);
}

static int write_and_read(objects *o) {
  const bench_session *s = &o->session;
  pencone_dose *back = NULL;
  const int bad = pencone_dose_write(s->ctx, o->path, s->dose, NULL) != PENCONE_OK ||
                  pencone_dose_read(s->ctx, o->path, &back) != PENCONE_OK;
  pencone_dose_destroy(back);
  remove(o->path);
  return bad;
}

#define BOTH              \
  {                       \
    {"create", create}, { \
      "compute", compute  \
    }                     \
  }

// The dearest first, so that none is left for the end when several run at once.
static const guard_case cases[] = {
    {"pencil-beam-40", "photon-pencil-beam", "reach_mm", "40", 40, NULL, BOTH},
    {"collapsed-cone-60-48", "photon-collapsed-cone", "directions", "48", 60, NULL, BOTH},
    {"convolution-20", "photon-convolution", "polar", "48", 20, NULL, BOTH},
    {"resample-40", "photon-collapsed-cone", "directions", "24", 40, NULL, {{"create", resample}}},
    {"gamma-2-2-40", NULL, NULL, NULL, 40, fill_doses, {{"search", judge}}},
    {"proton-9-spots-40", "proton-pencil-beam", NULL, NULL, 40, NULL, BOTH},
    {"superposition-30",
     "photon-superposition",
     "polar",
     "48",
     30,
     NULL,
     {{"create", create}, {"point", ask_point}}},
    {"dvh-40", NULL, NULL, NULL, 40, fill_doses, {{"collect", collect}}},
    {"hdf5-dose-40", NULL, NULL, NULL, 40, fill_doses, {{"write-read", write_and_read}}},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static int add_beam(bench_session *s, int protons) {
  pencone_proton_spot spots[9];
  for (int i = 0; i < 9; i++) {
    const pencone_proton_spot spot = {5.0 * (i % 3 - 1), 5.0 * (i / 3 - 1), 1e6};
    spots[i] = spot;
  }
  const pencone_proton_layer layer = {120, 9, spots};
  pencone_beam beam = bench_beam(s->machine, 60);
  beam.layer_count = protons;
  beam.layers = protons ? &layer : NULL;
  return pencone_plan_add_beam(s->ctx, s->plan, &beam) != PENCONE_OK;
}

static int prepare(const guard_case *c, const char *isa, objects *o) {
  const char *engine = c->engine != NULL ? c->engine : "photon-collapsed-cone";
  const int protons = strncmp(engine, "proton", 6) == 0,
            homogeneous = strcmp(engine, "photon-convolution") == 0;
  const pencone_grid grid = bench_grid(c->edge, 200.0 / c->edge);
  bench_session *s = &o->session;
  return bench_session_begin_in(protons ? "ideal-proton" : "ideal-mohan-6mv", engine, &grid, !homogeneous,
                                s) ||
         pencone_context_set_isa(s->ctx, isa) != PENCONE_OK ||
         (c->key != NULL && pencone_plan_set_option(s->ctx, s->plan, c->key, c->value) != PENCONE_OK) ||
         add_beam(s, protons) || (c->prepare != NULL && c->prepare(o));
}

// Seen from outside and never inlined: valgrind starts and stops counting by its name.
int guarded(const guard_step *step, objects *o);
__attribute__((noinline)) int guarded(const guard_step *step, objects *o) {
  const int bad = step->work(o);
  __asm__ volatile("" ::: "memory");  // no jump in place of the call
  return bad;
}

static int run(const guard_case *c, const char *isa) {
  objects o = {.mask = NULL};
  int bad = prepare(c, isa, &o);
  for (int i = 0; i < STEPS_MAX && c->step[i].work != NULL && !bad; i++) {
    bad = guarded(&c->step[i], &o);
  }
  if (bad) {
    bench_failed(o.session.ctx, c->name);
  }
  pencone_dvh_destroy(o.dvh);
  pencone_dose_destroy(o.other);
  bench_session_end(&o.session);
  free(o.mask);
  return bad;
}

static void list(void) {
  for (int i = 0; i < CASES; i++) {
    printf("%s", cases[i].name);
    for (int k = 0; k < STEPS_MAX && cases[i].step[k].work != NULL; k++) {
      printf(" %s", cases[i].step[k].name);
    }
    printf("\n");
  }
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    list();
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "--compiler") == 0) {
    puts(bench_compiler());
    return 0;
  }
  for (int i = 0; i < CASES && argc == 3; i++) {
    if (strcmp(argv[1], cases[i].name) == 0) {
      return run(&cases[i], argv[2]);
    }
  }
  fprintf(stderr, "usage: guard_cases --list | guard_cases --compiler | guard_cases CASE ISA\n");
  return 2;
}

// SPDX-License-Identifier: Apache-2.0
// Gamma of two doses on one 100 x 100 x 100 grid of 2.5 mm: a shifted, slightly higher field against itself.
// Verified: pass rate and mean of each instruction set against the reference loop, point by point in double.
// usage: bench_gamma [--quick] [--verify] [RUNS]
#include <math.h>
#include <stdio.h>

#include "bench.h"

enum { EDGE = 100 };

/// What is compared.
typedef struct comparison {
  pencone_context *ctx;
  pencone_dose *evaluated, *reference;
  pencone_gamma_options options;
  pencone_gamma_result result;
} comparison;

static double field(const double p[3], const double shift_mm[3]) {
  double value = 100;
  for (int axis = 0; axis < 3; axis += 2) {
    const double x = p[axis] + shift_mm[axis];
    value *= 0.5 * (erf((x + 50) / 6) - erf((x - 50) / 6));
  }
  const double depth = p[1] + shift_mm[1] + 130;
  return value * (exp(-depth / 200) - 0.6 * exp(-depth / 8)) + 2;
}

static pencone_status make(pencone_context *ctx, double factor, const double shift_mm[3],
                           pencone_dose **out) {
  const pencone_grid grid = {{EDGE, EDGE, EDGE}, {2.5, 2.5, 2.5}, {-123.75, -123.75, -123.75}};
  const pencone_status status = pencone_dose_create(ctx, &grid, out);
  for (int v = 0; status == PENCONE_OK && v < EDGE * EDGE * EDGE; v++) {
    double p[3];
    pencone_grid_centre(&grid, v % EDGE, v / EDGE % EDGE, v / (EDGE * EDGE), p);
    const double ripple = 0.2 * sin(p[0] / 9) * cos(p[1] / 11) * sin(p[2] / 7);
    pencone_dose_values(*out)[v] = (float)(factor * field(p, shift_mm) + (factor > 1 ? ripple : 0));
  }
  return status;
}

static int compare(void *user) {
  comparison *c = user;
  return pencone_gamma_compute(c->ctx, c->evaluated, c->reference, &c->options, NULL, &c->result) !=
         PENCONE_OK;
}

static int verify(comparison *c) {
  if (pencone_context_set_isa(c->ctx, "reference") != PENCONE_OK || compare(c) != 0) {
    return bench_failed(c->ctx, "reference");
  }
  const pencone_gamma_result slow = c->result;
  if (pencone_context_set_isa(c->ctx, NULL) != PENCONE_OK || compare(c) != 0) {
    return bench_failed(c->ctx, "gamma");
  }
  return bench_near("pass rate, %", c->result.pass_rate_pct, slow.pass_rate_pct, 0.01) ||
         bench_near("mean gamma", c->result.mean, slow.mean, 1e-5);
}

static int run(comparison *c, const bench_options *o) {
  static const double criteria[] = {3, 2, 1};
  for (int i = 0; i < 3; i++) {
    char name[64];
    c->options.dose_pct = c->options.distance_mm = criteria[i];
    snprintf(name, sizeof name, "gamma-%g-%g", criteria[i], criteria[i]);
    if ((i < 2 || !o->quick) && verify(c) != 0) {
      return 1;
    }
    // How many places of the lattice are looked at depends on the doses: no count.
    const bench_case what = {
        name, "gamma", pencone_context_isa(c->ctx), 1, (double)c->result.points, "point", 0, 0, 0, 0, 0};
    if (bench_time(o, &what, compare, c) != 0) {
      return 1;
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  static const double none[3] = {0, 0, 0}, shift_mm[3] = {0.5, 1, -0.75};
  bench_options o;
  int status;
  if (!bench_begin(argc, argv, &o, &status)) {
    return status;
  }
  comparison c = {.options = PENCONE_GAMMA_OPTIONS_DEFAULT, .result = PENCONE_GAMMA_RESULT_INIT};
  int bad = pencone_context_create(&c.ctx) != PENCONE_OK ||
            pencone_context_set_threads(c.ctx, 1) != PENCONE_OK ||
            make(c.ctx, 1.0, none, &c.reference) != PENCONE_OK ||
            make(c.ctx, 1.01, shift_mm, &c.evaluated) != PENCONE_OK;
  bad = bad ? bench_failed(c.ctx, "set-up") : run(&c, &o);
  pencone_dose_destroy(c.evaluated);
  pencone_dose_destroy(c.reference);
  pencone_context_destroy(c.ctx);
  return bad;
}

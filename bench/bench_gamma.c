// SPDX-License-Identifier: Apache-2.0
// Gamma of two doses on one 100 x 100 x 100 grid of 2.5 mm: a shifted, slightly higher field against itself.
#include <math.h>
#include <pencone/analysis.h>
#include <pencone/context.h>
#include <stdio.h>

#include "bench.h"

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
  const pencone_grid grid = {{100, 100, 100}, {2.5, 2.5, 2.5}, {-123.75, -123.75, -123.75}};
  const pencone_status status = pencone_dose_create(ctx, &grid, out);
  for (int v = 0; status == PENCONE_OK && v < 1000000; v++) {
    double p[3];
    pencone_grid_centre(&grid, v % 100, v / 100 % 100, v / 10000, p);
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

static int run(comparison *c) {
  static const double criteria[] = {3, 2, 1};
  int bad = 0;
  for (int i = 0; i < 3 && bad == 0; i++) {
    char name[64];
    c->options.dose_pct = c->options.distance_mm = criteria[i];
    snprintf(name, sizeof name, "gamma %g%%/%gmm", criteria[i], criteria[i]);
    bad = compare(c);
    if (bad == 0 && i == 0 && c->result.pass_rate_pct < 99.4) {
      bad = bench_wrong("pass rate at 3 %/3 mm", c->result.pass_rate_pct, 100);
    }
    const bench_case what = {name, "gamma", pencone_context_isa(c->ctx), 1, c->result.points, 1, 5};
    bad = bad == 0 ? bench_time(&what, compare, c) : bad;
  }
  return bad;
}

int main(void) {
  static const double none[3] = {0, 0, 0}, shift_mm[3] = {0.5, 1, -0.75};
  comparison c = {.options = PENCONE_GAMMA_OPTIONS_DEFAULT, .result = PENCONE_GAMMA_RESULT_INIT};
  int bad = pencone_context_create(&c.ctx) != PENCONE_OK ||
            pencone_context_set_threads(c.ctx, 1) != PENCONE_OK ||
            make(c.ctx, 1.0, none, &c.reference) != PENCONE_OK ||
            make(c.ctx, 1.01, shift_mm, &c.evaluated) != PENCONE_OK;
  if (!bad) {
    bench_header();
    bad = run(&c);
  }
  if (bad && c.ctx != NULL) {
    fprintf(stderr, "bench_gamma: %s\n", pencone_context_error(c.ctx));
  }
  pencone_dose_destroy(c.evaluated);
  pencone_dose_destroy(c.reference);
  pencone_context_destroy(c.ctx);
  return bad;
}

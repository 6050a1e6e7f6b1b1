// SPDX-License-Identifier: Apache-2.0
// Gamma index: criteria, checks, and the two forms, volume against volume and curve against curve.
#include <math.h>
#include <pencone/analysis.h>

#include "base/base.h"
#include "gamma_search.h"

static const pencone_gamma_options default_options = PENCONE_GAMMA_OPTIONS_DEFAULT;

pencone_status pcn_gamma_check(pencone_context *ctx, const pencone_gamma_options *o) {
  PCN_CHECK(ctx, o->struct_size >= sizeof *o, PENCONE_E_ARGUMENT,
            "gamma: got options of %zu bytes, expected %zu (PENCONE_GAMMA_OPTIONS_DEFAULT)", o->struct_size,
            sizeof *o);
  PCN_CHECK(ctx, o->dose_pct > 0 && o->dose_pct <= 100, PENCONE_E_RANGE,
            "gamma: dose criterion: got %g %%, expected more than 0 to 100 %%", o->dose_pct);
  PCN_CHECK(ctx, o->distance_mm > 0 && o->distance_mm <= 100, PENCONE_E_RANGE,
            "gamma: distance criterion: got %g mm, expected more than 0 to 100 mm", o->distance_mm);
  PCN_CHECK(ctx, o->threshold_pct >= 0 && o->threshold_pct <= 100, PENCONE_E_RANGE,
            "gamma: threshold: got %g %%, expected 0 to 100 %%", o->threshold_pct);
  PCN_CHECK(ctx, o->normalisation_gy >= 0 && isfinite(o->normalisation_gy), PENCONE_E_RANGE,
            "gamma: normalisation: got %g, expected a dose above 0, or 0 for the reference's maximum",
            o->normalisation_gy);
  PCN_CHECK(ctx, o->max_gamma > 1 && o->max_gamma <= 5, PENCONE_E_RANGE,
            "gamma: largest gamma: got %g, expected more than 1 to 5", o->max_gamma);
  PCN_CHECK(ctx, o->steps >= 1 && o->steps <= 50 && o->steps * o->max_gamma <= 100, PENCONE_E_RANGE,
            "gamma: lattice: got %d steps and a largest gamma of %g, expected 1 to 50 steps and a product of "
            "100 at most",
            o->steps, o->max_gamma);
  return PENCONE_OK;
}

pencone_status pcn_check_finite(pencone_context *ctx, const char *what, const float *values, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    PCN_CHECK(ctx, isfinite(values[i]), PENCONE_E_RANGE,
              "%s: value %zu of %zu: got %g, expected a finite number", what, i, count, (double)values[i]);
  }
  return PENCONE_OK;
}

/// Fills normalisation_gy from the maximum where it is not given.
static pencone_status normalise(pencone_context *ctx, double maximum, pencone_gamma_options *options) {
  PCN_CHECK(ctx, maximum > 0, PENCONE_E_RANGE,
            "gamma: reference: got a maximum of %g, expected a dose above 0 somewhere", maximum);
  if (!(options->normalisation_gy > 0)) {
    options->normalisation_gy = maximum;
  }
  return PENCONE_OK;
}

static pencone_status check_doses(pencone_context *ctx, const pencone_dose *evaluated,
                                  const pencone_dose *reference, pencone_gamma_options *options) {
  const float *values = pencone_dose_values_const(reference);
  const size_t count = pencone_grid_voxels(pencone_dose_grid_of(reference));
  PCN_TRY(pcn_check_finite(ctx, "gamma: reference dose", values, count));
  PCN_TRY(pcn_check_finite(ctx, "gamma: evaluated dose", pencone_dose_values_const(evaluated),
                           pencone_grid_voxels(pencone_dose_grid_of(evaluated))));
  if (options->relative_sigma != NULL) {
    PCN_TRY(pcn_check_finite(ctx, "gamma: relative sigma", options->relative_sigma, count));
  }
  float maximum = 0;
  for (size_t i = 0; i < count; ++i) {
    maximum = values[i] > maximum ? values[i] : maximum;
  }
  return normalise(ctx, (double)maximum, options);
}

/// Voxel centres along the three axes in one array.
static double *grid_centres(pencone_context *ctx, const pencone_grid *g, pcn_gamma_points *points) {
  double *centres = pcn_alloc(ctx, (size_t)(g->size[0] + g->size[1] + g->size[2]), sizeof(double));
  double *next = centres;
  for (int axis = 0; centres != NULL && axis < 3; ++axis) {
    points->size[axis] = g->size[axis];
    points->centre_mm[axis] = next;
    for (int64_t i = 0; i < g->size[axis]; ++i) {
      *next++ = g->origin_mm[axis] + (double)i * g->spacing_mm[axis];
    }
  }
  return centres;
}

pencone_status pencone_gamma_compute(pencone_context *ctx, const pencone_dose *evaluated,
                                     const pencone_dose *reference, const pencone_gamma_options *options,
                                     float *map, pencone_gamma_result *result) {
  PCN_CHECK(ctx, evaluated != NULL && reference != NULL && result != NULL, PENCONE_E_ARGUMENT,
            "gamma: got evaluated dose %s, reference %s, result %s, expected all three",
            evaluated ? "given" : "NULL", reference ? "given" : "NULL", result ? "given" : "NULL");
  pencone_gamma_options o = options != NULL ? *options : default_options;
  PCN_TRY(pcn_gamma_check(ctx, &o));
  PCN_TRY(check_doses(ctx, evaluated, reference, &o));
  const pencone_grid *grid = pencone_dose_grid_of(reference);
  pcn_gamma_points points = {.dose = pencone_dose_values_const(reference),
                             .relative_sigma = o.relative_sigma};
  double *centres = grid_centres(ctx, grid, &points);
  float *own_map = map != NULL ? NULL : pcn_alloc(ctx, pencone_grid_voxels(grid), sizeof(float));
  pencone_status status = PENCONE_E_MEMORY;
  if (centres != NULL && (map != NULL || own_map != NULL)) {
    status = pcn_gamma_run(ctx, evaluated, 1.0, &points, &o, map != NULL ? map : own_map, result);
  }
  pcn_free(centres);
  pcn_free(own_map);
  PCN_TRY(status);
  PCN_CHECK(ctx, result->points > 0, PENCONE_E_SHAPE,
            "gamma: got no reference point above the threshold inside the evaluated grid (%zu outside), "
            "expected grids that overlap in the treated region",
            result->outside);
  return PENCONE_OK;
}

// --- along a profile ---------------------------------------------------------------------------

static pencone_status check_curve(pencone_context *ctx, const char *what, const pencone_curve *c) {
  PCN_CHECK(ctx, c != NULL && c->position_mm != NULL && c->dose != NULL && c->count >= 2, PENCONE_E_ARGUMENT,
            "gamma: %s curve: got %zu samples, expected positions and doses of 2 or more", what,
            c != NULL ? c->count : (size_t)0);
  for (size_t i = 0; i < c->count; ++i) {
    PCN_CHECK(ctx, isfinite(c->position_mm[i]) && isfinite(c->dose[i]), PENCONE_E_RANGE,
              "gamma: %s curve: sample %zu: got %g mm, %g, expected finite numbers", what, i,
              c->position_mm[i], c->dose[i]);
    PCN_CHECK(ctx, i == 0 || c->position_mm[i] > c->position_mm[i - 1], PENCONE_E_RANGE,
              "gamma: %s curve: sample %zu: got %g mm after %g mm, expected rising positions", what, i,
              c->position_mm[i], c->position_mm[i - 1]);
  }
  return PENCONE_OK;
}

/// Squared distance from the origin to the segment a-b of the (distance, dose) plane, both in units of
/// their criterion.
static double segment_distance2(const double a[2], const double b[2]) {
  const double d[2] = {b[0] - a[0], b[1] - a[1]};
  const double t = -(a[0] * d[0] + a[1] * d[1]) / (d[0] * d[0] + d[1] * d[1]);
  const double s = fmin(fmax(t, 0.0), 1.0);
  const double x = a[0] + s * d[0];
  const double y = a[1] + s * d[1];
  return x * x + y * y;
}

static double curve_gamma(const pencone_curve *evaluated, double x, double dose, double distance_mm,
                          double dose_criterion) {
  double best2 = INFINITY;
  for (size_t i = 1; i < evaluated->count; ++i) {
    const double a[2] = {(evaluated->position_mm[i - 1] - x) / distance_mm,
                         (evaluated->dose[i - 1] - dose) / dose_criterion};
    const double b[2] = {(evaluated->position_mm[i] - x) / distance_mm,
                         (evaluated->dose[i] - dose) / dose_criterion};
    best2 = fmin(best2, segment_distance2(a, b));
  }
  return sqrt(best2);
}

static pencone_status curve_run(pencone_context *ctx, const pencone_curve *evaluated,
                                const pencone_curve *reference, const pencone_gamma_options *o, double *gamma,
                                pencone_gamma_result *result) {
  float *map = pcn_alloc(ctx, reference->count, sizeof(float));
  if (map == NULL) {
    return PENCONE_E_MEMORY;
  }
  const double low = evaluated->position_mm[0];
  const double high = evaluated->position_mm[evaluated->count - 1];
  result->outside = 0;
  for (size_t i = 0; i < reference->count; ++i) {
    const double x = reference->position_mm[i];
    const double dose = reference->dose[i];
    const int above = dose > 0 && dose >= o->threshold_pct / 100 * o->normalisation_gy;
    const int inside = x >= low && x <= high;
    result->outside += above && !inside;
    const double criterion = o->dose_pct / 100 * (o->local ? dose : o->normalisation_gy);
    const double g = above && inside ? curve_gamma(evaluated, x, dose, o->distance_mm, criterion) : NAN;
    map[i] = (float)g;
    if (gamma != NULL) {
      gamma[i] = g;
    }
  }
  result->normalisation = o->normalisation_gy;
  pcn_gamma_summarise(map, reference->count, o, result);
  pcn_free(map);
  PCN_CHECK(ctx, result->points > 0, PENCONE_E_SHAPE,
            "gamma: got no reference sample above the threshold between %g and %g mm (%zu outside), expected "
            "curves that overlap",
            low, high, result->outside);
  return PENCONE_OK;
}

pencone_status pencone_gamma_compute_profile(pencone_context *ctx, const pencone_curve *evaluated,
                                             const pencone_curve *reference,
                                             const pencone_gamma_options *options, double *gamma,
                                             pencone_gamma_result *result) {
  PCN_CHECK(ctx, result != NULL, PENCONE_E_ARGUMENT, "gamma: the place for the result is NULL");
  pencone_gamma_options o = options != NULL ? *options : default_options;
  PCN_TRY(pcn_gamma_check(ctx, &o));
  PCN_TRY(check_curve(ctx, "evaluated", evaluated));
  PCN_TRY(check_curve(ctx, "reference", reference));
  double maximum = 0;
  for (size_t i = 0; i < reference->count; ++i) {
    maximum = fmax(maximum, reference->dose[i]);
  }
  PCN_TRY(normalise(ctx, maximum, &o));
  return curve_run(ctx, evaluated, reference, &o, gamma, result);
}

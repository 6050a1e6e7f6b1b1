// SPDX-License-Identifier: Apache-2.0
// Known doses at points, and the figures of a comparison by name: what criteria are made of.
#include <math.h>
#include <pencone/analysis.h>
#include <string.h>

#include "base/base.h"

// --- figures by name ---------------------------------------------------------------------------

/// Venselaar's confidence limit (doi:10.1016/S0167-8140(01)00377-2) without the reference's noise.
static double confidence_pct(const pencone_compare_result *r) {
  const double variance = r->rms_noise_removed_pct * r->rms_noise_removed_pct - r->mean_pct * r->mean_pct;
  return fabs(r->mean_pct) + 1.5 * sqrt(fmax(0, variance));
}

static const char *const names[] = {
    "points",   "absolute_ratio", "mean_pct",       "rms_pct",        "rms_noise_removed_pct",
    "max_pct",  "sigma_pct",      "confidence_pct", "gamma_pass_pct", "gamma_mean",
    "gamma_max"};

enum { FIGURES = sizeof names / sizeof names[0] };

int pencone_compare_figure_count(void) {
  return FIGURES;
}

const char *pencone_compare_figure_name(int i) {
  return i >= 0 && i < FIGURES ? names[i] : NULL;
}

double pencone_compare_figure(const pencone_compare_result *r, const char *name) {
  if (r == NULL || name == NULL) {
    return NAN;
  }
  const double values[FIGURES] = {
      (double)r->gamma.points,  r->absolute_ratio, r->mean_pct,  r->rms_pct,
      r->rms_noise_removed_pct, r->max_pct,        r->sigma_pct, confidence_pct(r),
      r->gamma.pass_rate_pct,   r->gamma.mean,     r->gamma.max};
  for (int i = 0; i < FIGURES; ++i) {
    if (strcmp(names[i], name) == 0) {
      return values[i];
    }
  }
  return NAN;
}

// --- expectations ------------------------------------------------------------------------------

/// Tells whether the dose takes a value within a distance along one of the axes.
static int occurs_near(const pencone_dose *dose, const double xyz_mm[3], double distance_mm, double wanted) {
  const int steps = 20;  // to each side
  double low = INFINITY, high = -INFINITY;
  for (int axis = 0; axis < 3; ++axis) {
    for (int n = -steps; n <= steps; ++n) {
      double p[3] = {xyz_mm[0], xyz_mm[1], xyz_mm[2]};
      p[axis] += distance_mm * n / steps;
      const double value = pencone_dose_at(dose, p);
      low = value < low ? value : low;  // NaN outside the grid counts for nothing
      high = value > high ? value : high;
    }
  }
  return wanted >= low && wanted <= high;
}

pencone_status pencone_expectation_compare(pencone_context *ctx, const pencone_dose *dose,
                                           const pencone_normalisation *normalisation,
                                           const pencone_expectation *expectations, size_t count,
                                           pencone_finding *findings) {
  PCN_CHECK(
      ctx,
      dose != NULL && normalisation != NULL && (count == 0 || (expectations != NULL && findings != NULL)),
      PENCONE_E_ARGUMENT, "expectations: got dose %s, normalisation %s, %zu expectations, expected all",
      dose ? "given" : "NULL", normalisation ? "given" : "NULL", count);
  const double *at = normalisation->xyz_mm;
  const double there = pencone_dose_at(dose, at);
  PCN_CHECK(ctx, there > 0 && isfinite(there) && normalisation->value > 0, PENCONE_E_RANGE,
            "expectations: got a dose of %g at %g,%g,%g mm to be called %g, expected both above 0", there,
            at[0], at[1], at[2], normalisation->value);
  const double factor = normalisation->value / there;
  for (size_t i = 0; i < count; ++i) {
    const pencone_expectation *e = &expectations[i];
    pencone_finding *f = &findings[i];
    f->computed = factor * pencone_dose_at(dose, e->xyz_mm);
    f->difference = f->computed - e->expected;
    f->passed = fabs(f->difference) <= e->tolerance ||
                (e->distance_mm > 0 && occurs_near(dose, e->xyz_mm, e->distance_mm, e->expected / factor));
  }
  return PENCONE_OK;
}

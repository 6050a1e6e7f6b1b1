// SPDX-License-Identifier: Apache-2.0
// Curves of several fields in one unit, by output factors.
#include <math.h>
#include <pencone/measurement.h>
#include <string.h>

#include "base/base.h"
#include "num/cubic.h"

enum { CURVES_MAX = 100 };
static const double same_mm = 0.01;

static int is_field(const pencone_depth_dose *c, const pencone_output_factor *f) {
  return fabs(c->field_x_mm - f->field_x_mm) <= same_mm && fabs(c->field_y_mm - f->field_y_mm) <= same_mm;
}

// Each field has one curve and one factor.
static pencone_status find_factor(pencone_context *ctx, const pencone_measurement *m,
                                  const pencone_depth_dose *c, int factors,
                                  const pencone_output_factor *factor, const pencone_output_factor **out) {
  const pencone_output_factor own = {c->field_x_mm, c->field_y_mm, 0, 0};
  int found = 0, curves = 0;
  for (int i = 0; i < pencone_measurement_count(m); i++) {
    curves += is_field(pencone_measurement_at(m, i), &own);
  }
  PCN_CHECK(ctx, curves == 1, PENCONE_E_RANGE,
            "output factors: field %g x %g mm: got %d curves of it, expected 1", c->field_x_mm, c->field_y_mm,
            curves);
  for (int i = 0; i < factors; i++) {
    if (is_field(c, &factor[i])) {
      *out = &factor[i];
      found++;
    }
  }
  PCN_CHECK(ctx, found == 1, PENCONE_E_RANGE,
            "output factors: field %g x %g mm: got %d factors for its curve, expected 1", c->field_x_mm,
            c->field_y_mm, found);
  return PENCONE_OK;
}

// @param[out] dose  the curve's doses, scaled
static pencone_status scale_curve(pencone_context *ctx, const pencone_depth_dose *c,
                                  const pencone_output_factor *f, double *dose) {
  const double last_mm = c->depth_mm[c->points - 1];
  PCN_CHECK(ctx, f->depth_mm >= c->depth_mm[0] && f->depth_mm <= last_mm, PENCONE_E_RANGE,
            "output factors: field %g x %g mm: depth: got %g mm, expected one within the curve, %g to %g mm",
            f->field_x_mm, f->field_y_mm, f->depth_mm, c->depth_mm[0], last_mm);
  PCN_CHECK(ctx, f->factor > 0 && f->factor < 1e6, PENCONE_E_RANGE,
            "output factors: field %g x %g mm: got %g, expected more than 0", f->field_x_mm, f->field_y_mm,
            f->factor);
  const double scale = f->factor / pcn_cubic(c->depth_mm, c->dose, c->points, f->depth_mm);
  for (int k = 0; k < c->points; k++) {
    dose[k] = scale * c->dose[k];
  }
  return PENCONE_OK;
}

static pencone_status scale_all(pencone_context *ctx, const pencone_measurement *m, int factors,
                                const pencone_output_factor *factor, double *dose,
                                pencone_measurement **out) {
  const int curves = pencone_measurement_count(m);
  pencone_depth_dose scaled[CURVES_MAX];
  for (int i = 0; i < curves; i++) {
    const pencone_output_factor *own = NULL;
    scaled[i] = *pencone_measurement_at(m, i);
    PCN_TRY(find_factor(ctx, m, &scaled[i], factors, factor, &own));
    PCN_TRY(scale_curve(ctx, &scaled[i], own, dose));
    scaled[i].dose = dose;
    dose += scaled[i].points;
  }
  PCN_CHECK(ctx, factors == curves, PENCONE_E_RANGE,
            "output factors: got %d, expected %d, one for each curve", factors, curves);
  return pencone_measurement_create(ctx, curves, scaled, out);
}

pencone_status pencone_measurement_scale(pencone_context *ctx, const pencone_measurement *measurement,
                                         int factors, const pencone_output_factor *factor,
                                         pencone_measurement **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT,
            "output factors: got NULL, expected a place for the measurement");
  *out = NULL;
  PCN_CHECK(ctx, measurement != NULL && factor != NULL && factors > 0, PENCONE_E_ARGUMENT,
            "output factors: got no measurement or no factors, expected both");
  size_t points = 0;
  for (int i = 0; i < pencone_measurement_count(measurement); i++) {
    points += (size_t)pencone_measurement_at(measurement, i)->points;
  }
  double *dose = pcn_alloc(ctx, points, sizeof *dose);
  const pencone_status status =
      dose != NULL ? scale_all(ctx, measurement, factors, factor, dose, out) : PENCONE_E_MEMORY;
  pcn_free(dose);
  return status;
}

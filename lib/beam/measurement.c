// SPDX-License-Identifier: Apache-2.0
#include <pencone/measurement.h>
#include <string.h>

#include "base/base.h"

enum { CURVES_MAX = 100, POINTS_MAX = 10000 };
static const double field_mm[2] = {5, 400}, ssd_mm[2] = {300, 5000}, depth_mm[2] = {0, 600},
                    largest_dose = 1e30;

struct pencone_measurement {
  int curves;
  pencone_depth_dose *curve;
  double *values;  ///< depths, then doses, of one curve after the other
};

static int is_in(double value, const double range[2]) {
  return value >= range[0] && value <= range[1];
}

static pencone_status check_curve(pencone_context *ctx, int i, const pencone_depth_dose *c) {
  PCN_CHECK(ctx, is_in(c->field_x_mm, field_mm) && is_in(c->field_y_mm, field_mm), PENCONE_E_RANGE,
            "depth dose %d: field: got %g x %g mm, expected %g to %g mm", i + 1, c->field_x_mm, c->field_y_mm,
            field_mm[0], field_mm[1]);
  PCN_CHECK(ctx, c->ssd_mm == 0 || is_in(c->ssd_mm, ssd_mm), PENCONE_E_RANGE,
            "depth dose %d: ssd: got %g mm, expected %g to %g mm, or 0: tissue-phantom ratios", i + 1,
            c->ssd_mm, ssd_mm[0], ssd_mm[1]);
  PCN_CHECK(ctx, c->points >= 2 && c->points <= POINTS_MAX, PENCONE_E_RANGE,
            "depth dose %d: got %d points, expected 2 to %d", i + 1, c->points, POINTS_MAX);
  PCN_CHECK(ctx, c->depth_mm != NULL && c->dose != NULL, PENCONE_E_ARGUMENT,
            "depth dose %d: got NULL, expected depths and doses", i + 1);
  for (int k = 0; k < c->points; k++) {
    PCN_CHECK(ctx, is_in(c->depth_mm[k], depth_mm), PENCONE_E_RANGE,
              "depth dose %d, point %d: depth: got %g mm, expected %g to %g mm", i + 1, k + 1, c->depth_mm[k],
              depth_mm[0], depth_mm[1]);
    PCN_CHECK(ctx, k == 0 || c->depth_mm[k] > c->depth_mm[k - 1], PENCONE_E_RANGE,
              "depth dose %d, point %d: depth: got %g mm, expected more than the %g mm before", i + 1, k + 1,
              c->depth_mm[k], c->depth_mm[k - 1]);
    PCN_CHECK(ctx, c->dose[k] > 0 && c->dose[k] < largest_dose, PENCONE_E_RANGE,
              "depth dose %d, point %d: dose: got %g, expected more than 0", i + 1, k + 1, c->dose[k]);
  }
  return PENCONE_OK;
}

static pencone_status fill(pencone_context *ctx, const pencone_depth_dose *curve, pencone_measurement *m) {
  size_t points = 0;
  for (int i = 0; i < m->curves; i++) {
    points += (size_t)curve[i].points;
  }
  m->curve = pcn_alloc(ctx, (size_t)m->curves, sizeof *m->curve);
  m->values = pcn_alloc(ctx, 2 * points, sizeof *m->values);
  if (m->curve == NULL || m->values == NULL) {
    return PENCONE_E_MEMORY;
  }
  double *next = m->values;
  for (int i = 0; i < m->curves; i++) {
    const size_t n = (size_t)curve[i].points;
    m->curve[i] = curve[i];
    m->curve[i].depth_mm = memcpy(next, curve[i].depth_mm, n * sizeof *next);
    m->curve[i].dose = memcpy(next + n, curve[i].dose, n * sizeof *next);
    next += 2 * n;
  }
  return PENCONE_OK;
}

pencone_status pencone_measurement_create(pencone_context *ctx, int curves, const pencone_depth_dose *curve,
                                          pencone_measurement **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "measurement: got NULL, expected a place for it");
  *out = NULL;
  PCN_CHECK(ctx, curve != NULL, PENCONE_E_ARGUMENT, "measurement: got NULL, expected depth doses");
  PCN_CHECK(ctx, curves >= 1 && curves <= CURVES_MAX, PENCONE_E_RANGE,
            "measurement: got %d depth doses, expected 1 to %d", curves, CURVES_MAX);
  for (int i = 0; i < curves; i++) {
    PCN_TRY(check_curve(ctx, i, &curve[i]));
  }
  pencone_measurement *m = pcn_calloc(ctx, 1, sizeof *m);
  if (m == NULL) {
    return PENCONE_E_MEMORY;
  }
  m->curves = curves;
  const pencone_status status = fill(ctx, curve, m);
  if (status != PENCONE_OK) {
    pencone_measurement_destroy(m);
    return status;
  }
  *out = m;
  return PENCONE_OK;
}

void pencone_measurement_destroy(pencone_measurement *measurement) {
  if (measurement != NULL) {
    pcn_free(measurement->curve);
    pcn_free(measurement->values);
    pcn_free(measurement);
  }
}

int pencone_measurement_count(const pencone_measurement *measurement) {
  return measurement != NULL ? measurement->curves : 0;
}

const pencone_depth_dose *pencone_measurement_at(const pencone_measurement *measurement, int i) {
  return measurement != NULL && i >= 0 && i < measurement->curves ? &measurement->curve[i] : NULL;
}

// SPDX-License-Identifier: Apache-2.0
// A point at depth d behind a surface at a distance SSD sees a field of f (SSD + d) / SAD, and the inverse
// square of that (docs/theory/commissioning.md, eq. 16).
#include "commission/phantom_ratio.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/cubic.h"

enum { WANTED = 3, FIELDS_MAX = 100, LEAST = 3 };
static const double wanted_mm[WANTED] = {50, 100, 200};
static const double before_mm = 100;  // surface before the isocentre

static int is_square(const pencone_depth_dose *c) {
  return fabs(c->field_x_mm - c->field_y_mm) < 0.01;
}

// @param[out] chosen  curves, each once. @return how many
static int choose(const pencone_measurement *m, int chosen[WANTED]) {
  int count = 0;
  for (int w = 0; w < WANTED; w++) {
    int best = -1;
    for (int i = 0; i < pencone_measurement_count(m); i++) {
      const pencone_depth_dose *c = pencone_measurement_at(m, i);
      const double off = fabs(log(c->field_x_mm / wanted_mm[w]));
      if (is_square(c) &&
          (best < 0 || off < fabs(log(pencone_measurement_at(m, best)->field_x_mm / wanted_mm[w])))) {
        best = i;
      }
    }
    int before = best < 0;
    for (int k = 0; k < count; k++) {
      before = before || chosen[k] == best;
    }
    if (!before) {
      chosen[count++] = best;
    }
  }
  return count;
}

// Logarithm of what all square fields that reach a depth have there, against that of their width, rising.
static int across_fields(const pencone_measurement *m, double depth_mm, double *x, double *y) {
  int count = 0;
  for (int i = 0; i < pencone_measurement_count(m); i++) {
    const pencone_depth_dose *c = pencone_measurement_at(m, i);
    if (!is_square(c) || depth_mm < c->depth_mm[0] || depth_mm > c->depth_mm[c->points - 1]) {
      continue;
    }
    const double width = log(c->field_x_mm), dose = log(pcn_cubic(c->depth_mm, c->dose, c->points, depth_mm));
    int at = count++;
    for (; at > 0 && x[at - 1] > width; at--) {
      x[at] = x[at - 1];
      y[at] = y[at - 1];
    }
    x[at] = width;
    y[at] = dose;
  }
  return count;
}

// @param[out] depth_mm, dose  room for all of the curve's points. @return how many there are
static int convert(const pencone_measurement *m, const pencone_depth_dose *c, double sad_mm, double *depth_mm,
                   double *dose) {
  double x[FIELDS_MAX], y[FIELDS_MAX];
  int points = 0;
  for (int k = 0; k < c->points; k++) {
    const double scale = (sad_mm - before_mm + c->depth_mm[k]) / sad_mm, wanted = log(c->field_x_mm * scale);
    const int fields = across_fields(m, c->depth_mm[k], x, y);
    if (fields >= 2 && wanted >= x[0] && wanted <= x[fields - 1]) {
      depth_mm[points] = c->depth_mm[k];
      dose[points++] = exp(pcn_cubic(x, y, fields, wanted)) / (scale * scale);
    }
  }
  return points;
}

static pencone_status make(pencone_context *ctx, const pencone_measurement *m, double sad_mm, double *room,
                           pencone_measurement **out) {
  int chosen[WANTED];
  const int count = choose(m, chosen);
  pencone_depth_dose curve[WANTED];
  int made = 0;
  for (int i = 0; i < count; i++) {
    const pencone_depth_dose *c = pencone_measurement_at(m, chosen[i]);
    curve[made] = *c;
    if (!(c->ssd_mm > 0)) {
      curve[made].ssd_mm = sad_mm - before_mm;
      curve[made].depth_mm = room;
      curve[made].dose = room + c->points;
      curve[made].points = convert(m, c, sad_mm, room, room + c->points);
      room += 2 * (size_t)c->points;
    }
    made += curve[made].points >= LEAST;
  }
  PCN_CHECK(ctx, made > 0, PENCONE_E_RANGE,
            "spectrum: got no square field with %d points or more whose neighbours are there, expected one",
            (int)LEAST);
  return pencone_measurement_create(ctx, made, curve, out);
}

pencone_status pcn_depth_doses(pencone_context *ctx, const pencone_measurement *m, double sad_mm,
                               pencone_measurement **out) {
  size_t points = 0;
  *out = NULL;
  for (int i = 0; i < pencone_measurement_count(m); i++) {
    points += (size_t)pencone_measurement_at(m, i)->points;
  }
  double *room = pcn_alloc(ctx, 2 * points, sizeof *room);
  const pencone_status status = room != NULL ? make(ctx, m, sad_mm, room, out) : PENCONE_E_MEMORY;
  pcn_free(room);
  return status;
}

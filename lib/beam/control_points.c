// SPDX-License-Identifier: Apache-2.0
#include "beam/control_points.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "beam/fluence_map.h"

pencone_control_point pcn_control_point_of(const pencone_beam *beam) {
  const pencone_control_point point = {.gantry_deg = beam->gantry_deg,
                                       .collimator_deg = beam->collimator_deg,
                                       .couch_deg = beam->couch_deg,
                                       .field_x_mm = {beam->field_x_mm[0], beam->field_x_mm[1]},
                                       .field_y_mm = {beam->field_y_mm[0], beam->field_y_mm[1]},
                                       .weight = 1};
  return point;
}

// --- checks ------------------------------------------------------------------------------------

static pencone_status check_angle(pencone_context *ctx, const char *what, const char *angle, double degrees) {
  PCN_CHECK(ctx, isfinite(degrees) && fabs(degrees) <= 360, PENCONE_E_RANGE,
            "%s: %s: got %g, expected -360 to 360 degrees", what, angle, degrees);
  return PENCONE_OK;
}

static pencone_status check_jaws(pencone_context *ctx, const char *what, char axis, const double jaw_mm[2],
                                 double weight) {
  const double largest = 1000;
  PCN_CHECK(
      ctx,
      isfinite(jaw_mm[0]) && isfinite(jaw_mm[1]) && fabs(jaw_mm[0]) <= largest && fabs(jaw_mm[1]) <= largest,
      PENCONE_E_RANGE, "%s: field %c: got %g to %g mm, expected -%g to %g", what, axis, jaw_mm[0], jaw_mm[1],
      largest, largest);
  PCN_CHECK(ctx, jaw_mm[1] > jaw_mm[0] || weight == 0, PENCONE_E_RANGE,
            "%s: field %c: got %g to %g mm, expected a field of more than zero size", what, axis, jaw_mm[0],
            jaw_mm[1]);
  return PENCONE_OK;
}

pencone_status pcn_control_point_check(pencone_context *ctx, const char *what,
                                       const pencone_control_point *point) {
  PCN_CHECK(ctx, isfinite(point->weight) && point->weight >= 0, PENCONE_E_RANGE,
            "%s: weight: got %g, expected 0 or more", what, point->weight);
  PCN_TRY(check_angle(ctx, what, "gantry angle", point->gantry_deg));
  PCN_TRY(check_angle(ctx, what, "collimator angle", point->collimator_deg));
  PCN_TRY(check_angle(ctx, what, "couch angle", point->couch_deg));
  PCN_TRY(check_jaws(ctx, what, 'x', point->field_x_mm, point->weight));
  return check_jaws(ctx, what, 'y', point->field_y_mm, point->weight);
}

// --- groups ------------------------------------------------------------------------------------

// One number for each direction: -90 and 270 are one, and so are 0 and 360.
static double whole_turn(double degrees) {
  const double positive = degrees < 0 ? degrees + 360 : degrees;
  return positive >= 360 ? positive - 360 : positive;
}

static int share_geometry(const pencone_control_point *a, const pencone_control_point *b) {
  return whole_turn(a->gantry_deg) == whole_turn(b->gantry_deg) &&
         whole_turn(a->couch_deg) == whole_turn(b->couch_deg);
}

// 1 when a step opens a group: none before it has weight and its geometry.
static int opens_group(const pencone_beam *beam, int i) {
  const pencone_control_point *points = beam->control_points;
  for (int k = 0; k < i; k++) {
    if (points[k].weight > 0 && share_geometry(&points[k], &points[i])) {
      return 0;
    }
  }
  return points[i].weight > 0;
}

int pcn_beam_groups_count(const pencone_beam *beam) {
  int count = beam->control_point_count > 0 ? 0 : 1;
  for (int i = 0; i < beam->control_point_count; i++) {
    count += opens_group(beam, i);
  }
  return count;
}

// Copies the steps that share the geometry of step first; returns how many.
static int gather(const pencone_beam *beam, int first, pencone_control_point *out) {
  int count = 0;
  for (int i = first; i < beam->control_point_count; i++) {
    if (beam->control_points[i].weight > 0 &&
        share_geometry(&beam->control_points[first], &beam->control_points[i])) {
      out[count++] = beam->control_points[i];
    }
  }
  return count;
}

static pencone_beam group_of(const pencone_beam *beam, const pencone_control_point *points, int count) {
  pencone_beam group = *beam;
  group.gantry_deg = points[0].gantry_deg;
  group.collimator_deg = points[0].collimator_deg;
  group.couch_deg = points[0].couch_deg;
  group.control_points = points;
  group.control_point_count = count;
  return group;
}

pencone_status pcn_beam_groups_make(pencone_context *ctx, const pencone_beam *beam, pcn_beam_groups *out) {
  memset(out, 0, sizeof *out);
  const int count = pcn_beam_groups_count(beam);
  const int steps = beam->fluence_map != NULL ? pcn_fluence_steps(beam, NULL) : beam->control_point_count;
  out->beam = pcn_alloc(ctx, (size_t)count, sizeof *out->beam);
  out->point = pcn_alloc(ctx, (size_t)steps, sizeof *out->point);
  if (out->beam == NULL || out->point == NULL) {
    pcn_beam_groups_free(out);
    return PENCONE_E_MEMORY;
  }
  if (beam->fluence_map != NULL) {
    pcn_fluence_steps(beam, out->point);
    out->beam[out->count++] = group_of(beam, out->point, steps);
  } else if (beam->control_point_count == 0) {
    out->beam[out->count++] = *beam;
  }
  pencone_control_point *next = out->point;
  for (int i = 0; i < beam->control_point_count; i++) {
    if (opens_group(beam, i)) {
      const int points = gather(beam, i, next);
      out->beam[out->count++] = group_of(beam, next, points);
      next += points;
    }
  }
  return PENCONE_OK;
}

void pcn_beam_groups_free(pcn_beam_groups *groups) {
  pcn_free(groups->beam);
  pcn_free(groups->point);
  memset(groups, 0, sizeof *groups);
}

// --- reach -------------------------------------------------------------------------------------

static double corner(const double x_mm[2], const double y_mm[2]) {
  return hypot(fmax(fabs(x_mm[0]), fabs(x_mm[1])), fmax(fabs(y_mm[0]), fabs(y_mm[1])));
}

double pcn_beam_reach(const pencone_beam *beam) {
  double reach = beam->control_point_count > 0 ? 0 : corner(beam->field_x_mm, beam->field_y_mm);
  for (int i = 0; i < beam->control_point_count; i++) {
    const pencone_control_point *p = &beam->control_points[i];
    reach = p->weight > 0 ? fmax(reach, corner(p->field_x_mm, p->field_y_mm)) : reach;
  }
  return reach;
}

// SPDX-License-Identifier: Apache-2.0
#include "beam/aperture.h"

#include "base/base.h"
#include "beam/control_points.h"
#include <math.h>
#include <string.h>

pcn_frame pcn_beam_frame(const pencone_beam *beam) {
  return pcn_frame_make(beam->isocenter_mm, pencone_machine_describe(beam->machine)->sad_mm, beam->gantry_deg,
                        beam->collimator_deg, beam->couch_deg);
}

static pcn_opening opening_of(const pencone_beam *beam, const pencone_control_point *point) {
  const pcn_frame f = pcn_frame_make(beam->isocenter_mm, pencone_machine_describe(beam->machine)->sad_mm,
                                     beam->gantry_deg, point->collimator_deg, beam->couch_deg);
  const pcn_opening opening = {f.ex,
                               f.ey,
                               {point->field_x_mm[0], point->field_x_mm[1]},
                               {point->field_y_mm[0], point->field_y_mm[1]},
                               point->weight};
  return opening;
}

static void widen(double range[2], double value) {
  range[0] = fmin(range[0], value);
  range[1] = fmax(range[1], value);
}

// Widens the rectangle around all openings by one more, which may be turned against the frame.
static void enclose(pcn_aperture *a, const pcn_opening *o) {
  for (int corner = 0; corner < 4; corner++) {
    const double x = o->x_mm[corner & 1], y = o->y_mm[corner >> 1];
    widen(a->x_mm, x * pcn_v3_dot(o->ex, a->frame.ex) + y * pcn_v3_dot(o->ey, a->frame.ex));
    widen(a->y_mm, x * pcn_v3_dot(o->ex, a->frame.ey) + y * pcn_v3_dot(o->ey, a->frame.ey));
  }
}

pencone_status pcn_aperture_make(pencone_context *ctx, const pencone_beam *beam, const double spacing_mm[3],
                                 pcn_aperture *out) {
  memset(out, 0, sizeof *out);
  const int count = beam->control_point_count;
  out->opening = pcn_alloc(ctx, count > 0 ? (size_t)count : 1, sizeof *out->opening);
  if (out->opening == NULL) {
    return PENCONE_E_MEMORY;
  }
  out->frame = pcn_beam_frame(beam);
  double square = 0;
  for (int k = 0; k < 3; k++) {
    out->spacing_mm[k] = spacing_mm[k];
    square += spacing_mm[k] * spacing_mm[k];
  }
  out->reach_mm = 0.5 * sqrt(square);
  const pencone_control_point own = pcn_control_point_of(beam);
  const pencone_control_point *points = count > 0 ? beam->control_points : &own;
  out->x_mm[0] = out->y_mm[0] = INFINITY;
  out->x_mm[1] = out->y_mm[1] = -INFINITY;
  for (int i = 0; i < (count > 0 ? count : 1); i++) {
    if (points[i].weight > 0) {
      out->opening[out->openings] = opening_of(beam, &points[i]);
      enclose(out, &out->opening[out->openings++]);
    }
  }
  return PENCONE_OK;
}

void pcn_aperture_free(pcn_aperture *aperture) {
  pcn_free(aperture->opening);
  memset(aperture, 0, sizeof *aperture);
}

// Share of the interval at +- half that lies below edge.
static double below(double edge, double at, double half) {
  const double share = 0.5 + 0.5 * (edge - at) / half;
  return share < 0 ? 0 : (share > 1 ? 1 : share);
}

// Share of a box whose projected coordinate lies between two edges. The coordinate is at in the centre
// and changes by slope[k] from face to face along axis k: exact along the steepest axis, 4 x 4 samples
// across the others.
static double box_share(double at, const double slope[3], const double edges[2]) {
  enum { SAMPLES = 4 };
  int steep = 0;
  for (int k = 1; k < 3; k++) {
    steep = fabs(slope[k]) > fabs(slope[steep]) ? k : steep;
  }
  const double a = slope[(steep + 1) % 3], b = slope[(steep + 2) % 3], half = 0.5 * fabs(slope[steep]);
  double sum = 0;
  for (int i = 0; i < SAMPLES; i++) {
    for (int j = 0; j < SAMPLES; j++) {
      const double here = at + a * ((i + 0.5) / SAMPLES - 0.5) + b * ((j + 0.5) / SAMPLES - 0.5);
      sum += below(edges[1], here, half) - below(edges[0], here, half);
    }
  }
  return sum / (SAMPLES * SAMPLES);
}

/// A voxel seen from the source: its centre's offset and how it projects.
typedef struct look {
  pcn_vec3 r, ez;
  double scale; ///< of the projection on the isocentre plane
  double sad_mm;
  double reach_mm; ///< half diagonal as projected
} look;

// Share of the voxel inside one opening.
static double opening_share(const pcn_aperture *a, const pcn_opening *o, const look *l) {
  const double x = pcn_v3_dot(l->r, o->ex) * l->scale, y = pcn_v3_dot(l->r, o->ey) * l->scale, reach = l->reach_mm;
  if (x - reach >= o->x_mm[1] || x + reach <= o->x_mm[0] || y - reach >= o->y_mm[1] || y + reach <= o->y_mm[0]) {
    return 0;
  }
  if (x + reach <= o->x_mm[1] && x - reach >= o->x_mm[0] && y + reach <= o->y_mm[1] && y - reach >= o->y_mm[0]) {
    return 1;
  }
  const pcn_vec3 dx = pcn_v3_scale(pcn_v3_sub(o->ex, pcn_v3_scale(l->ez, x / l->sad_mm)), l->scale);
  const pcn_vec3 dy = pcn_v3_scale(pcn_v3_sub(o->ey, pcn_v3_scale(l->ez, y / l->sad_mm)), l->scale);
  const double *h = a->spacing_mm;
  const double slope_x[3] = {dx.x * h[0], dx.y * h[1], dx.z * h[2]};
  const double slope_y[3] = {dy.x * h[0], dy.y * h[1], dy.z * h[2]};
  return box_share(x, slope_x, o->x_mm) * box_share(y, slope_y, o->y_mm);
}

double pcn_aperture_share(const pcn_aperture *a, pcn_vec3 centre) {
  const pcn_frame *f = &a->frame;
  double x, y, z;
  pcn_frame_project(f, centre, &x, &y, &z);
  if (!(z > a->reach_mm)) {
    return 0;
  }
  const double scale = f->sad_mm / z;
  const double reach = a->reach_mm * scale * (1 + 2 * hypot(x, y) / f->sad_mm);
  if (x - reach >= a->x_mm[1] || x + reach <= a->x_mm[0] || y - reach >= a->y_mm[1] || y + reach <= a->y_mm[0]) {
    return 0;
  }
  const look l = {pcn_v3_sub(centre, f->source), f->ez, scale, f->sad_mm, reach};
  double share = 0;
  for (int i = 0; i < a->openings; i++) {
    share += a->opening[i].weight * opening_share(a, &a->opening[i], &l);
  }
  return share;
}

void pencone_beam_project(const pencone_beam *beam, const double xyz_mm[3], double bev[3]) {
  const pcn_frame frame = pcn_beam_frame(beam);
  pcn_frame_project(&frame, pcn_v3_from(xyz_mm), &bev[0], &bev[1], &bev[2]);
}

void pencone_beam_source(const pencone_beam *beam, double xyz_mm[3]) {
  const pcn_frame frame = pcn_beam_frame(beam);
  xyz_mm[0] = frame.source.x;
  xyz_mm[1] = frame.source.y;
  xyz_mm[2] = frame.source.z;
}

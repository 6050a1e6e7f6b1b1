// SPDX-License-Identifier: Apache-2.0
#include "beam/aperture.h"

#include <math.h>

pcn_aperture pcn_aperture_make(const pencone_beam *beam, const double spacing_mm[3]) {
  pcn_aperture a;
  a.frame = pcn_frame_make(beam->isocenter_mm, pencone_machine_describe(beam->machine)->sad_mm,
                           beam->gantry_deg, beam->collimator_deg, beam->couch_deg);
  double square = 0;
  for (int k = 0; k < 3; k++) {
    a.spacing_mm[k] = spacing_mm[k];
    square += spacing_mm[k] * spacing_mm[k];
  }
  for (int k = 0; k < 2; k++) {
    a.x_mm[k] = beam->field_x_mm[k];
    a.y_mm[k] = beam->field_y_mm[k];
  }
  a.reach_mm = 0.5 * sqrt(square);
  return a;
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

double pcn_aperture_share(const pcn_aperture *a, pcn_vec3 centre) {
  const pcn_frame *f = &a->frame;
  double x, y, z;
  pcn_frame_project(f, centre, &x, &y, &z);
  if (!(z > a->reach_mm)) {
    return 0;
  }
  const double scale = f->sad_mm / z;
  const double reach = a->reach_mm * scale * (1 + 2 * hypot(x, y) / f->sad_mm); // projected half diagonal
  if (x - reach >= a->x_mm[1] || x + reach <= a->x_mm[0] || y - reach >= a->y_mm[1] ||
      y + reach <= a->y_mm[0]) {
    return 0;
  }
  if (x + reach <= a->x_mm[1] && x - reach >= a->x_mm[0] && y + reach <= a->y_mm[1] &&
      y - reach >= a->y_mm[0]) {
    return 1;
  }
  const pcn_vec3 dx = pcn_v3_scale(pcn_v3_sub(f->ex, pcn_v3_scale(f->ez, x / f->sad_mm)), scale);
  const pcn_vec3 dy = pcn_v3_scale(pcn_v3_sub(f->ey, pcn_v3_scale(f->ez, y / f->sad_mm)), scale);
  const double h[3] = {a->spacing_mm[0], a->spacing_mm[1], a->spacing_mm[2]};
  const double slope_x[3] = {dx.x * h[0], dx.y * h[1], dx.z * h[2]};
  const double slope_y[3] = {dy.x * h[0], dy.y * h[1], dy.z * h[2]};
  return box_share(x, slope_x, a->x_mm) * box_share(y, slope_y, a->y_mm);
}

static pcn_frame frame_of(const pencone_beam *beam) {
  return pcn_frame_make(beam->isocenter_mm, pencone_machine_describe(beam->machine)->sad_mm, beam->gantry_deg,
                        beam->collimator_deg, beam->couch_deg);
}

void pencone_beam_project(const pencone_beam *beam, const double xyz_mm[3], double bev[3]) {
  const pcn_frame frame = frame_of(beam);
  pcn_frame_project(&frame, pcn_v3_from(xyz_mm), &bev[0], &bev[1], &bev[2]);
}

void pencone_beam_source(const pencone_beam *beam, double xyz_mm[3]) {
  const pcn_frame frame = frame_of(beam);
  xyz_mm[0] = frame.source.x;
  xyz_mm[1] = frame.source.y;
  xyz_mm[2] = frame.source.z;
}

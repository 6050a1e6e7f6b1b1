// SPDX-License-Identifier: Apache-2.0
#include "geom/frame.h"

#include <math.h>

#include "num/constants.h"

// IEC fixed axes (x to the patient's left, y to the head, z up) at couch 0, to LPS.
static pcn_vec3 lps_from_iec(pcn_vec3 v) {
  return pcn_v3(v.x, -v.z, v.y);
}

// Exact at the quarter turns, where most beams are and where the dose must not depend on rounding.
static void sine_cosine(double degrees, double *s, double *c) {
  const double quarter = degrees / 90.0;
  if (quarter == floor(quarter)) {
    static const double sines[4] = {0, 1, 0, -1};
    const int turn = (int)(fmod(fmod(quarter, 4) + 4, 4));
    *s = sines[turn];
    *c = sines[(turn + 1) % 4];
  } else {
    *s = sin(pcn_radians(degrees));
    *c = cos(pcn_radians(degrees));
  }
}

// A vector that is fixed in the room, seen by a patient who turns with the couch.
static pcn_vec3 room_to_patient(pcn_vec3 v, double s, double c) {
  return lps_from_iec(pcn_v3(c * v.x + s * v.y, -s * v.x + c * v.y, v.z));
}

pcn_frame pcn_frame_make(const double isocenter_mm[3], double sad_mm, double gantry_deg,
                         double collimator_deg, double couch_deg) {
  double sg, cg, sc, cc, sp, cp;
  sine_cosine(gantry_deg, &sg, &cg);
  sine_cosine(collimator_deg, &sc, &cc);
  sine_cosine(couch_deg, &sp, &cp);
  const pcn_vec3 xg = pcn_v3(cg, 0, -sg), yg = pcn_v3(0, 1, 0), to_source = pcn_v3(sg, 0, cg);
  const pcn_vec3 xb = pcn_v3_add(pcn_v3_scale(xg, cc), pcn_v3_scale(yg, sc));
  const pcn_vec3 yb = pcn_v3_add(pcn_v3_scale(xg, -sc), pcn_v3_scale(yg, cc));
  pcn_frame frame;
  frame.ex = room_to_patient(xb, sp, cp);
  frame.ey = room_to_patient(yb, sp, cp);
  frame.ez = room_to_patient(pcn_v3_scale(to_source, -1), sp, cp);
  frame.sad_mm = sad_mm;
  frame.source = pcn_v3_sub(pcn_v3_from(isocenter_mm), pcn_v3_scale(frame.ez, sad_mm));
  return frame;
}

void pcn_frame_project(const pcn_frame *frame, pcn_vec3 point, double *x_mm, double *y_mm, double *z_mm) {
  const pcn_vec3 r = pcn_v3_sub(point, frame->source);
  const double z = pcn_v3_dot(r, frame->ez);
  const double scale = frame->sad_mm / z;
  *x_mm = pcn_v3_dot(r, frame->ex) * scale;
  *y_mm = pcn_v3_dot(r, frame->ey) * scale;
  *z_mm = z;
}

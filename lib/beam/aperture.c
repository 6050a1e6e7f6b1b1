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

// Mean share of intervals that lies below an edge: as wide as steep, their middles over at +- a/2 +- b/2.
static double below(double edge, double at, double steep, double a, double b) {
  enum { SAMPLES = 4 };
  const double reach = 0.5 * (steep + fabs(a) + fabs(b)), per_width = 1 / steep;
  if (fabs(edge - at) >= reach) {
    return edge > at ? 1 : 0;
  }
  double sum = 0;
  for (int i = 0; i < SAMPLES; i++) {
    for (int j = 0; j < SAMPLES; j++) {
      const double here = at + a * ((i + 0.5) / SAMPLES - 0.5) + b * ((j + 0.5) / SAMPLES - 0.5);
      const double share = 0.5 + (edge - here) * per_width;
      sum += share < 0 ? 0 : (share > 1 ? 1 : share);
    }
  }
  return sum / (SAMPLES * SAMPLES);
}

// Share of a box whose projected coordinate lies between two edges. The coordinate is at in the centre
// and changes by slope[k] from face to face along axis k: exact along the steepest axis, 4 x 4 samples
// across the others.
static double box_share(double at, const double slope[3], const double edges[2]) {
  int steep = 0;
  for (int k = 1; k < 3; k++) {
    steep = fabs(slope[k]) > fabs(slope[steep]) ? k : steep;
  }
  const double a = slope[(steep + 1) % 3], b = slope[(steep + 2) % 3], width = fabs(slope[steep]);
  return below(edges[1], at, width, a, b) - below(edges[0], at, width, a, b);
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
  const int inside_x = x + reach <= o->x_mm[1] && x - reach >= o->x_mm[0];
  const int inside_y = y + reach <= o->y_mm[1] && y - reach >= o->y_mm[0];
  if (inside_x && inside_y) {
    return 1;
  }
  const pcn_vec3 dx = pcn_v3_scale(pcn_v3_sub(o->ex, pcn_v3_scale(l->ez, x / l->sad_mm)), l->scale);
  const pcn_vec3 dy = pcn_v3_scale(pcn_v3_sub(o->ey, pcn_v3_scale(l->ez, y / l->sad_mm)), l->scale);
  const double *h = a->spacing_mm;
  const double slope_x[3] = {dx.x * h[0], dx.y * h[1], dx.z * h[2]};
  const double slope_y[3] = {dy.x * h[0], dy.y * h[1], dy.z * h[2]};
  return (inside_x ? 1 : box_share(x, slope_x, o->x_mm)) * (inside_y ? 1 : box_share(y, slope_y, o->y_mm));
}

// Returns 0 when the voxel is not before the source plane.
static int look_at(const pcn_aperture *a, pcn_vec3 centre, look *out) {
  const pcn_frame *f = &a->frame;
  double x, y, z;
  pcn_frame_project(f, centre, &x, &y, &z);
  if (!(z > a->reach_mm)) {
    return 0;
  }
  const double scale = f->sad_mm / z;
  const look l = {pcn_v3_sub(centre, f->source), f->ez, scale, f->sad_mm,
                  a->reach_mm * scale * (1 + 2 * sqrt(x * x + y * y) / f->sad_mm)};
  *out = l;
  return 1;
}

double pcn_aperture_share(const pcn_aperture *a, pcn_vec3 centre) {
  look l;
  double share = 0;
  if (look_at(a, centre, &l)) {
    for (int i = 0; i < a->openings; i++) {
      share += a->opening[i].weight * opening_share(a, &a->opening[i], &l);
    }
  }
  return share;
}

// --- rows --------------------------------------------------------------------------------------

/// A row of voxels along x, as the first is seen from the source.
typedef struct row_view {
  pcn_vec3 r, step;
  double z, z_step; ///< along the axis
} row_view;

// Narrows first .. last to where at + step * i <= limit.
static void narrow(double at, double step, double limit, double range[2]) {
  if (step > 0) {
    range[1] = fmin(range[1], floor((limit - at) / step));
  } else if (step < 0) {
    range[0] = fmax(range[0], ceil((limit - at) / step));
  } else if (at > limit) {
    range[1] = -1;
  }
}

// Narrows a range to the voxels whose centres lie inside a rectangle or less than a margin (mm, at the voxel)
// outside it: the distance from each edge's plane is linear along the row.
static void narrow_to(const row_view *v, const pcn_vec3 side[2], const double *const edge[2], double sad_mm,
                      double margin_mm, double range[2]) {
  for (int a = 0; a < 2; a++) {
    const double x = pcn_v3_dot(v->r, side[a]), dx = pcn_v3_dot(v->step, side[a]);
    for (int e = 0; e < 2; e++) {
      const double sign = e == 0 ? -1 : 1, slope = edge[a][e] / sad_mm;
      narrow(sign * (x - slope * v->z), sign * (dx - slope * v->z_step), margin_mm * sqrt(1 + slope * slope), range);
    }
  }
}

// The half-open range of whole numbers.
static void to_voxels(const double range[2], int64_t out[2]) {
  const int empty = !(range[1] >= range[0]);
  out[0] = empty ? 0 : (int64_t)range[0];
  out[1] = empty ? 0 : (int64_t)range[1] + 1;
}

static void add_edge(const pcn_aperture *a, const pcn_opening *o, pcn_vec3 first, const int64_t range[2], float *share) {
  for (int64_t i = range[0]; i < range[1]; i++) {
    look l;
    if (look_at(a, pcn_v3(first.x + a->spacing_mm[0] * (double)i, first.y, first.z), &l)) {
      share[i] += (float)(o->weight * opening_share(a, o, &l));
    }
  }
}

// Voxels that the whole opening holds need no look: as far as a voxel inside the field can reach, at most.
static void add_opening(const pcn_aperture *a, const pcn_opening *o, pcn_vec3 first, const row_view *v,
                        const int64_t row[2], float *share) {
  const double sad = a->frame.sad_mm;
  const double x = fmax(fabs(a->x_mm[0]), fabs(a->x_mm[1])), y = fmax(fabs(a->y_mm[0]), fabs(a->y_mm[1]));
  const double corner = sqrt(x * x + y * y);
  const double reach = 1.01 * a->reach_mm * (1 + 2 * corner / sad);
  const pcn_vec3 side[2] = {o->ex, o->ey};
  const double *const edge[2] = {o->x_mm, o->y_mm};
  double touched[2] = {(double)row[0], (double)(row[1] - 1)}, held[2] = {(double)row[0], (double)(row[1] - 1)};
  int64_t part[2], whole[2];
  narrow_to(v, side, edge, sad, reach, touched);
  narrow_to(v, side, edge, sad, -reach, held);
  to_voxels(touched, part);
  to_voxels(held, whole);
  if (whole[1] <= whole[0]) {
    add_edge(a, o, first, part, share);
    return;
  }
  const int64_t before[2] = {part[0], whole[0]}, after[2] = {whole[1], part[1]};
  add_edge(a, o, first, before, share);
  for (int64_t i = whole[0]; i < whole[1]; i++) {
    share[i] += (float)o->weight;
  }
  add_edge(a, o, first, after, share);
}

void pcn_aperture_row(const pcn_aperture *a, pcn_vec3 first, int64_t n, int64_t range[2], float *share) {
  const pcn_frame *f = &a->frame;
  const pcn_vec3 r = pcn_v3_sub(first, f->source), step = pcn_v3(a->spacing_mm[0], 0, 0);
  const row_view v = {r, step, pcn_v3_dot(r, f->ez), pcn_v3_dot(step, f->ez)};
  const pcn_vec3 side[2] = {f->ex, f->ey};
  const double *const edge[2] = {a->x_mm, a->y_mm};
  double row[2] = {0, (double)(n - 1)};
  narrow(-v.z, -v.z_step, -a->reach_mm, row);
  narrow_to(&v, side, edge, f->sad_mm, 1.01 * a->reach_mm, row);
  to_voxels(row, range);
  for (int64_t i = range[0]; i < range[1]; i++) {
    share[i] = 0;
  }
  for (int i = 0; i < a->openings && range[1] > range[0]; i++) {
    add_opening(a, &a->opening[i], first, &v, range, share);
  }
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

// SPDX-License-Identifier: Apache-2.0
#include "beam/aperture.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "beam/control_points.h"

pcn_frame pcn_beam_frame(const pencone_beam *beam) {
  return pcn_frame_make(beam->isocenter_mm, pencone_machine_describe(beam->machine)->sad_mm, beam->gantry_deg,
                        beam->collimator_deg, beam->couch_deg);
}

static void set_edges(const pcn_aperture *a, const pcn_vec3 side[2], const double *const bounds_mm[2],
                      pcn_edge_plane edge[PCN_EDGES]) {
  for (int e = 0; e < PCN_EDGES; e++) {
    const double sign = e % 2 == 0 ? -1 : 1, slope = bounds_mm[e / 2][e % 2] / a->frame.sad_mm;
    const pcn_vec3 n = pcn_v3_scale(pcn_v3_sub(side[e / 2], pcn_v3_scale(a->frame.ez, slope)), sign);
    const double *h = a->spacing_mm;
    edge[e].normal = n;
    edge[e].half = 0.5 * (fabs(n.x) * h[0] + fabs(n.y) * h[1] + fabs(n.z) * h[2]);
    edge[e].reach = a->reach_mm * pcn_v3_length(n);
  }
}

static pcn_opening opening_of(const pcn_aperture *a, const pencone_beam *beam,
                              const pencone_control_point *point) {
  const pcn_frame f = pcn_frame_make(beam->isocenter_mm, a->frame.sad_mm, beam->gantry_deg,
                                     point->collimator_deg, beam->couch_deg);
  pcn_opening opening = {.ex = f.ex,
                         .ey = f.ey,
                         .x_mm = {point->field_x_mm[0], point->field_x_mm[1]},
                         .y_mm = {point->field_y_mm[0], point->field_y_mm[1]},
                         .weight = point->weight};
  set_edges(a, (const pcn_vec3[2]){f.ex, f.ey}, (const double *const[2]){opening.x_mm, opening.y_mm},
            opening.edge);
  return opening;
}

static void widen(double range[2], double value) {
  range[0] = fmin(range[0], value);
  range[1] = fmax(range[1], value);
}

// Around a turned opening's corner, opening_share() gives voxels that both edges' planes cut but the corner
// does not reach a little: they lie up to the square root of 2 times their half diagonal outside.
static void allow_corners(pcn_aperture *a) {
  for (int i = 0; i < a->openings; i++) {
    const int turned = fabs(pcn_v3_dot(a->opening[i].ex, a->frame.ex)) < 1 - 1e-12;
    for (int e = 0; e < PCN_EDGES && turned; e++) {
      a->edge[e].half = 1.5 * a->edge[e].reach;
    }
  }
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
      out->opening[out->openings] = opening_of(out, beam, &points[i]);
      enclose(out, &out->opening[out->openings++]);
    }
  }
  if (beam->fluence_map != NULL) {  // the field also where it has no fluence: bixels may have some there
    const pcn_opening field = opening_of(out, beam, &own);
    enclose(out, &field);
  }
  set_edges(out, (const pcn_vec3[2]){out->frame.ex, out->frame.ey},
            (const double *const[2]){out->x_mm, out->y_mm}, out->edge);
  allow_corners(out);
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
  if (fabs(edge - at) <= steep - reach) {  // it cuts all intervals, and their mean is the middle one's
    return 0.5 + (edge - at) * per_width;
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
  double scale;  ///< of the projection on the isocentre plane
  double sad_mm;
  double bend;  ///< its half diagonal over its distance from the source
} look;

// A voxel's half width across an edge's plane, where opening_share() projects with the slope at the voxel's
// centre instead of at the edge: wider by its half diagonal over its distance from the source, at most.
static double half_width(const pcn_edge_plane *edge, double bend) {
  return 1.001 * edge->half + bend * edge->reach;
}

// Whether the edges of one side leave the voxel whole.
static int held_between(const pcn_edge_plane edge[2], const look *l, double at, const double bounds_mm[2]) {
  return at - bounds_mm[0] > half_width(&edge[0], l->bend) * l->scale &&
         bounds_mm[1] - at > half_width(&edge[1], l->bend) * l->scale;
}

// Share of the voxel inside one opening.
static double opening_share(const pcn_aperture *a, const pcn_opening *o, const look *l) {
  const pcn_vec3 side[2] = {o->ex, o->ey};
  const double *const edges[2] = {o->x_mm, o->y_mm}, *h = a->spacing_mm;
  double share = 1;
  for (int i = 0; i < 2 && share > 0; i++) {
    const double at = pcn_v3_dot(l->r, side[i]) * l->scale;
    if (held_between(&o->edge[2 * i], l, at, edges[i])) {
      continue;
    }
    const pcn_vec3 d = pcn_v3_scale(pcn_v3_sub(side[i], pcn_v3_scale(l->ez, at / l->sad_mm)), l->scale);
    const double slope[3] = {d.x * h[0], d.y * h[1], d.z * h[2]};
    share *= box_share(at, slope, edges[i]);
  }
  return share;
}

double pcn_aperture_share(const pcn_aperture *a, pcn_vec3 centre) {
  const pcn_frame *f = &a->frame;
  const pcn_vec3 r = pcn_v3_sub(centre, f->source);
  const double z = pcn_v3_dot(r, f->ez);
  double share = 0;
  if (z > a->reach_mm) {  // the voxel is before the source plane
    const look l = {r, f->ez, f->sad_mm / z, f->sad_mm, a->reach_mm / z};
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
  double z, z_step;  ///< along the axis
  double bend;       ///< a voxel's half diagonal over the distance of the nearest from the source
} row_view;

// Narrows a range to where at + step * i <= limit.
static void narrow(double at, double step, double limit, double range[2]) {
  const double end = (limit - at) / step;
  if (step > 0) {
    range[1] = end < range[1] ? end : range[1];
  } else if (step < 0) {
    range[0] = end > range[0] ? end : range[0];
  } else if (at > limit) {
    range[1] = -1;
  }
}

// Narrows one range to the voxels that a rectangle may touch, and one to those that it holds: the distance
// from each edge's plane is linear along the row.
static void narrow_to(const row_view *v, const pcn_edge_plane edge[PCN_EDGES], double touched[2],
                      double held[2]) {
  for (int e = 0; e < PCN_EDGES; e++) {
    const double at = pcn_v3_dot(v->r, edge[e].normal), step = pcn_v3_dot(v->step, edge[e].normal);
    const double margin = half_width(&edge[e], v->bend);
    narrow(at, step, margin, touched);
    narrow(at, step, -margin, held);
  }
}

// The half-open range of whole numbers.
static void to_voxels(const double range[2], int64_t out[2]) {
  const double first = ceil(range[0]), last = floor(range[1]);
  const int empty = !(last >= first);
  out[0] = empty ? 0 : (int64_t)first;
  out[1] = empty ? 0 : (int64_t)last + 1;
}

static void add_edge(const pcn_aperture *a, const pcn_opening *o, const row_view *v, const int64_t range[2],
                     float *share) {
  for (int64_t i = range[0]; i < range[1]; i++) {
    const double z = v->z + v->z_step * (double)i;
    if (z > a->reach_mm) {
      const pcn_vec3 r = pcn_v3_add(v->r, pcn_v3_scale(v->step, (double)i));
      const look l = {r, a->frame.ez, a->frame.sad_mm / z, a->frame.sad_mm, a->reach_mm / z};
      share[i] += (float)(o->weight * opening_share(a, o, &l));
    }
  }
}

// Voxels that the whole opening holds need no look.
static void add_opening(const pcn_aperture *a, const pcn_opening *o, const row_view *v, const int64_t row[2],
                        float *share) {
  double touched[2] = {(double)row[0], (double)(row[1] - 1)},
         held[2] = {(double)row[0], (double)(row[1] - 1)};
  int64_t part[2], whole[2];
  narrow_to(v, o->edge, touched, held);
  to_voxels(touched, part);
  to_voxels(held, whole);
  if (whole[1] <= whole[0]) {
    add_edge(a, o, v, part, share);
    return;
  }
  const int64_t before[2] = {part[0], whole[0]}, after[2] = {whole[1], part[1]};
  add_edge(a, o, v, before, share);
  for (int64_t i = whole[0]; i < whole[1]; i++) {
    share[i] += (float)o->weight;
  }
  add_edge(a, o, v, after, share);
}

void pcn_aperture_row(const pcn_aperture *a, pcn_vec3 first, int64_t n, int64_t range[2], float *share) {
  const pcn_frame *f = &a->frame;
  const pcn_vec3 r = pcn_v3_sub(first, f->source), step = pcn_v3(a->spacing_mm[0], 0, 0);
  row_view v = {r, step, pcn_v3_dot(r, f->ez), pcn_v3_dot(step, f->ez), 0};
  const double nearest = fmin(v.z, v.z + v.z_step * (double)(n - 1));
  v.bend = nearest > a->reach_mm ? a->reach_mm / nearest : 1;
  double row[2] = {0, (double)(n - 1)}, held[2] = {0, 0};
  narrow(-v.z, -v.z_step, -a->reach_mm, row);
  narrow_to(&v, a->edge, row, held);
  to_voxels(row, range);
  for (int64_t i = range[0]; i < range[1]; i++) {
    share[i] = 0;
  }
  for (int i = 0; i < a->openings && range[1] > range[0]; i++) {
    add_opening(a, &a->opening[i], &v, range, share);
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

// SPDX-License-Identifier: Apache-2.0
#include "photon/lateral_scaling.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "beam/pencil_terms.h"
#include "geom/corner.h"
#include "num/constants.h"
#include "simd/isa.h"

enum {
  TERMS = PCN_LATERAL_TERMS,
  DIRECTIONS = 16,
  PARTS = 8,
  PAD = 16,
  SIDE_MOST = 1024,
  LAYERS_MOST = 4096
};
static const double side_least_mm = 2, side_most_mm = 5;
// Electrons in a cavity come from what lies before it, not from beside: no density below this scales.
static const double least_density = 0.05;
static const double air =
    0.05;  // no more than this is taken for matter before the surface, as the plain mode does
// How far before a plane lies what energy that arrives from beside has crossed: scattered photons, mm;
// electrons, in parts of the depth of the dose's maximum, which goes as their range. Round numbers of the
// right order: half and twice them change the shipped cases little (docs/theory/pencil-beam.md).
static const double scatter_mm = 50, electron_share = 0.15;
// Where less than this of a plane's largest dose arrives, nothing is known of what scaling does to it.
static const float least_dose = 1e-4f;

/// A plane as its rows are walked: along x (rows of y) or along y (rows of x). Terms are
/// [row][TERMS][stride].
typedef struct layout {
  int rows, n;
  size_t stride;
  float *fluence;                               ///< [row][n], of all planes
  float *density[2], *share, *sum, *sum_water;  ///< of a worker
} layout;

typedef struct scaling_work {
  const pcn_lateral_beam *beam;
  const pcn_lateral_scaling *out;
  const pcn_lateral_terms *terms;
  pcn_lateral_row_loop loop;
  double electron_mm;            ///< see electron_share, mm of water
  float *density[2], *depth_mm;  ///< [layer][y][x]; depth straight along the beam, of water
  layout layout[2];              ///< sizes and fluence; the rest is at room
  float *room;
  size_t room_size;  ///< of a worker, floats
} scaling_work;

static double layer_mm(const scaling_work *w) {
  return w->out->pitch * w->beam->aperture->frame.sad_mm;
}

static size_t plane_size(const pcn_lateral_scaling *s) {
  return (size_t)s->size[0] * (size_t)s->size[1];
}

// --- the lattice ---------------------------------------------------------------------------------------

// The field and what lies around it, as far as the medium goes there.
static void find_lattice(const pcn_lateral_beam *b, pcn_lateral_scaling *out) {
  const pencone_grid *g = &b->medium->grid;
  const pcn_frame *f = &b->aperture->frame;
  double low[2] = {1e30, 1e30}, high[2] = {-1e30, -1e30};
  for (int corner = 0; corner < 8; corner++) {
    double at[2], z;
    pcn_frame_project(f, pcn_grid_corner(g, corner, 1), &at[0], &at[1], &z);
    for (int a = 0; a < 2; a++) {
      low[a] = z > 0.05 * f->sad_mm ? fmin(low[a], at[a]) : -1e30;
      high[a] = z > 0.05 * f->sad_mm ? fmax(high[a], at[a]) : 1e30;
    }
  }
  const double spacing_mm = fmin(g->spacing_mm[0], fmin(g->spacing_mm[1], g->spacing_mm[2]));
  out->side_mm = fmin(fmax(spacing_mm, side_least_mm), side_most_mm);
  for (int a = 0; a < 2; a++) {
    const double *field = a == 0 ? b->aperture->x_mm : b->aperture->y_mm;
    const double from = fmax(field[0] - b->reach_mm, low[a]), to = fmin(field[1] + b->reach_mm, high[a]);
    const double width_mm = fmax(to - from, 2 * out->side_mm);
    out->size[a] = (int)fmin(2 + ceil(width_mm / out->side_mm), SIDE_MOST);
    out->first_mm[a] = 0.5 * (from + to) - 0.5 * (out->size[a] - 1) * out->side_mm;
  }
  const double length_mm = (b->span[1] - b->span[0]) * f->sad_mm;
  out->size[2] = (int)fmin(2 + ceil(length_mm / out->side_mm), LAYERS_MOST);
  out->first = b->span[0];
  out->pitch = (b->span[1] - b->span[0]) / (out->size[2] - 1);
}

// --- density and depth -----------------------------------------------------------------------------------

// Along one axis: the voxels beside a place and the share of the second. @return 0 outside the grid
static int beside(double at, int64_t size, int64_t voxel[2], double *share) {
  if (at < -0.5 || at > (double)size - 0.5) {
    return 0;
  }
  const double inside = fmin(fmax(at, 0), (double)(size - 1));
  voxel[0] = (int64_t)inside;
  voxel[1] = voxel[0] + 1 < size ? voxel[0] + 1 : voxel[0];
  *share = inside - (double)voxel[0];
  return 1;
}

static double density_at(const pcn_medium *m, pcn_vec3 p) {
  const pencone_grid *g = &m->grid;
  const double xyz[3] = {p.x, p.y, p.z};
  int64_t voxel[3][2];
  double share[3], sum = 0;
  for (int a = 0; a < 3; a++) {
    if (!beside((xyz[a] - g->origin_mm[a]) / g->spacing_mm[a], g->size[a], voxel[a], &share[a])) {
      return 0;
    }
  }
  for (int c = 0; c < 8; c++) {
    const int x = c & 1, y = (c >> 1) & 1, z = c >> 2;
    const double weight =
        (x ? share[0] : 1 - share[0]) * (y ? share[1] : 1 - share[1]) * (z ? share[2] : 1 - share[2]);
    const int64_t at = (voxel[2][z] * g->size[1] + voxel[1][y]) * g->size[0] + voxel[0][x];
    sum += weight * (double)m->electron_density[at];
  }
  return sum;
}

// The rays of a row of the lattice: the depth of a layer is that of its middle. Scattered photons come from
// matter by its density, electrons go far by one over it (eq. 11).
static void fill_rays(void *data, size_t row, int worker) {
  (void)worker;
  const scaling_work *w = data;
  const pcn_lateral_scaling *s = w->out;
  const pcn_frame *f = &w->beam->aperture->frame;
  const double thick_mm = layer_mm(w), kept = exp(-thick_mm / scatter_mm),
               y = s->first_mm[1] + (double)row * s->side_mm;
  for (int i = 0; i < s->size[0]; i++) {
    const double x = s->first_mm[0] + i * s->side_mm;
    pcn_vec3 way = pcn_v3_scale(f->ez, f->sad_mm);
    way = pcn_v3_add(way, pcn_v3_add(pcn_v3_scale(f->ex, x), pcn_v3_scale(f->ey, y)));
    double depth_mm = 0, scatter = 0, electron = 0;
    int is_inside = 0;  // behind the surface
    for (int k = 0; k < s->size[2]; k++) {
      const size_t at = (size_t)k * plane_size(s) + row * (size_t)s->size[0] + (size_t)i;
      const double density =
          density_at(w->beam->medium, pcn_v3_add(f->source, pcn_v3_scale(way, s->first + k * s->pitch)));
      const double stretch = 1 / fmax(density, least_density);
      scatter = is_inside ? density + (scatter - density) * kept : density;
      electron =
          is_inside ? stretch + (electron - stretch) * exp(-thick_mm / (stretch * w->electron_mm)) : stretch;
      is_inside = is_inside || density > air;
      w->density[0][at] = (float)(is_inside ? fmax(scatter, least_density) : density);
      w->density[1][at] = (float)(is_inside ? 1 / electron : density);
      w->depth_mm[at] = (float)(depth_mm + 0.5 * density * thick_mm);
      depth_mm += density * thick_mm;
    }
  }
}

// --- fluence ---------------------------------------------------------------------------------------------

// Share of a point's square inside an opening, by parts of it.
static double inside(const pcn_opening *o, const pcn_frame *f, double x_mm, double y_mm, double side_mm) {
  const double cosine = pcn_v3_dot(o->ex, f->ex), sine = pcn_v3_dot(o->ex, f->ey);
  const double x0 = cosine * x_mm + sine * y_mm, y0 = cosine * y_mm - sine * x_mm;
  int count = 0;
  // Half a square's diagonal at most: a map has many openings, and most of them are far away.
  if (x0 < o->x_mm[0] - side_mm || x0 > o->x_mm[1] + side_mm || y0 < o->y_mm[0] - side_mm ||
      y0 > o->y_mm[1] + side_mm) {
    return 0;
  }
  for (int j = 0; j < PARTS; j++) {
    for (int i = 0; i < PARTS; i++) {
      const double x = x_mm + side_mm * ((i + 0.5) / PARTS - 0.5),
                   y = y_mm + side_mm * ((j + 0.5) / PARTS - 0.5);
      const double u = cosine * x + sine * y, v = cosine * y - sine * x;
      count += u > o->x_mm[0] && u < o->x_mm[1] && v > o->y_mm[0] && v < o->y_mm[1];
    }
  }
  return (double)count / (PARTS * PARTS);
}

static void fill_fluence(void *data, size_t row, int worker) {
  (void)worker;
  const scaling_work *w = data;
  const pcn_lateral_scaling *s = w->out;
  const pcn_aperture *a = w->beam->aperture;
  const double y = s->first_mm[1] + (double)row * s->side_mm;
  for (int i = 0; i < s->size[0]; i++) {
    const double x = s->first_mm[0] + i * s->side_mm;
    double sum = 0;
    for (int o = 0; o < a->openings; o++) {
      sum += a->opening[o].weight * inside(&a->opening[o], &a->frame, x, y, s->side_mm);
    }
    sum *= sum > 0 ? pcn_horn(w->beam->machine, hypot(x, y)) : 1;
    w->layout[0].fluence[row * (size_t)s->size[0] + (size_t)i] = (float)sum;
    w->layout[1].fluence[(size_t)i * (size_t)s->size[1] + row] = (float)sum;
  }
}

// --- planes ----------------------------------------------------------------------------------------------

static size_t layout_size(const layout *l) {
  const size_t points = (size_t)l->rows * (size_t)l->n;
  return 4 * points + (size_t)l->rows * TERMS * l->stride;
}

static void place_layout(const layout *of, float *room, layout *out) {
  const size_t points = (size_t)of->rows * (size_t)of->n;
  *out = *of;
  out->density[0] = room;
  out->density[1] = room + points;
  out->sum = room + 2 * points;
  out->sum_water = out->sum + points;
  out->share = out->sum_water + points;
  memset(out->sum, 0, 2 * points * sizeof *room);
}

// Eq. 8 at the depths of a plane, for both layouts.
static void fill_plane(const scaling_work *w, size_t layer, layout *along, layout *turned) {
  const pcn_lateral_scaling *s = w->out;
  const float *depth_mm = w->depth_mm + layer * plane_size(s);
  for (size_t j = 0; j < (size_t)s->size[1]; j++) {
    for (size_t i = 0; i < (size_t)s->size[0]; i++) {
      const size_t at = j * (size_t)s->size[0] + i;
      const float depth = fminf(depth_mm[at], PCN_PENCIL_DEPTHS - 1.001f);
      const size_t d = (size_t)depth;
      const float x = depth - (float)d, *near = w->terms->share[d], *far = w->terms->share[d + 1];
      for (int k = 0; k < 2; k++) {
        const float density = w->density[k][layer * plane_size(s) + at];
        along->density[k][at] = turned->density[k][i * (size_t)s->size[1] + j] = density;
      }
      for (size_t t = 0; t < TERMS; t++) {
        const float share = near[t] + x * (far[t] - near[t]);
        along->share[(j * TERMS + t) * along->stride + i] = share;
        turned->share[(i * TERMS + t) * turned->stride + j] = share;
      }
    }
  }
}

// A direction whose rows are those of a layout. @param across, on  its parts along a row and from row to row
static pcn_lateral_step make_step(double side_mm, double across, double on, double weight) {
  pcn_lateral_step step = {.length_mm = (float)(side_mm / fabs(on)),
                           .aside = (float)fabs(across / on),
                           .from = across > 0 ? -1 : 1,
                           .weight = (float)weight};
  for (int i = 0; i <= TERMS; i++) {
    step.half[i] = (float)exp(-0.5 * side_mm / fabs(on) / pcn_lateral_length_mm(i));
  }
  return step;
}

// @param state  room for rows that come in and go out, with densities and in water
static void walk(const scaling_work *w, const layout *l, const pcn_lateral_step *step, int backwards,
                 float *state) {
  const size_t size = TERMS * l->stride + 2 * PAD;
  float *in = state + PAD, *in_water = in + size, *out = in_water + size, *out_water = out + size;
  memset(state, 0, 4 * size * sizeof *state);
  for (int r = 0; r < l->rows; r++) {
    const size_t row = (size_t)(backwards ? l->rows - 1 - r : r), at = row * (size_t)l->n;
    const pcn_lateral_row values = {.fluence = l->fluence + at,
                                    .density = {l->density[0] + at, l->density[1] + at},
                                    .share = l->share + row * TERMS * l->stride,
                                    .in = in,
                                    .in_water = in_water,
                                    .out = out,
                                    .out_water = out_water,
                                    .sum = l->sum + at,
                                    .sum_water = l->sum_water + at,
                                    .stride = l->stride};
    w->loop(step, &values, (size_t)l->n);
    float *const next = in, *const next_water = in_water;
    in = out;
    in_water = out_water;
    out = next;
    out_water = next_water;
  }
}

static void put_ratio(const scaling_work *w, size_t layer, const layout *along, const layout *turned) {
  const pcn_lateral_scaling *s = w->out;
  float *ratio = s->ratio + layer * plane_size(s), largest = 0;
  for (size_t j = 0; j < (size_t)s->size[1]; j++) {
    for (size_t i = 0; i < (size_t)s->size[0]; i++) {
      const size_t at = j * (size_t)s->size[0] + i, other = i * (size_t)s->size[1] + j;
      along->sum[at] += turned->sum[other];
      along->sum_water[at] += turned->sum_water[other];
      largest = fmaxf(largest, along->sum_water[at]);
    }
  }
  for (size_t at = 0; at < plane_size(s); at++) {
    ratio[at] = along->sum_water[at] > least_dose * largest ? along->sum[at] / along->sum_water[at] : 1;
  }
}

static void fill_layer(void *data, size_t layer, int worker) {
  const scaling_work *w = data;
  const double side_mm = w->out->side_mm * (w->out->first + (double)layer * w->out->pitch);
  float *room = w->room + (size_t)worker * w->room_size;
  layout l[2];
  place_layout(&w->layout[0], room, &l[0]);
  place_layout(&w->layout[1], room + layout_size(&w->layout[0]), &l[1]);
  float *state = room + layout_size(&w->layout[0]) + layout_size(&w->layout[1]);
  fill_plane(w, layer, &l[0], &l[1]);
  for (int d = 0; d < DIRECTIONS; d++) {
    const double angle = 2 * PCN_PI * (d + 0.5) / DIRECTIONS, x = cos(angle), y = sin(angle);
    const int turned = fabs(x) > fabs(y);
    const pcn_lateral_step step = make_step(side_mm, turned ? y : x, turned ? x : y, 1.0 / DIRECTIONS);
    walk(w, &l[turned], &step, (turned ? x : y) < 0, state);
  }
  put_ratio(w, layer, &l[0], &l[1]);
}

// Before the first matter on a ray and behind the last there is no dose to scale; the ratio of the surface
// stands there, so that it is not mixed with another between two points of the lattice.
static void mend_ray(const scaling_work *w, size_t at) {
  const size_t plane = plane_size(w->out);
  const int layers = w->out->size[2];
  const double half_air_mm = 0.5 * air * layer_mm(w);
  float *ratio = w->out->ratio + at;
  double above_mm = 0;
  int first = layers, last = -1;
  for (int k = 0; k < layers; k++) {
    const double half_mm = (double)w->depth_mm[at + (size_t)k * plane] - above_mm;
    const int is_matter = half_mm > half_air_mm;
    above_mm += 2 * half_mm;
    first = is_matter && first == layers ? k : first;
    last = is_matter ? k : last;
  }
  for (int k = 0; k < layers; k++) {
    const int from = k < first ? first : (k > last ? last : k);
    ratio[(size_t)k * plane] = last < 0 ? 1 : ratio[(size_t)from * plane];
  }
}

static void mend_rays(void *data, size_t row, int worker) {
  (void)worker;
  const scaling_work *w = data;
  for (size_t i = 0; i < (size_t)w->out->size[0]; i++) {
    mend_ray(w, row * (size_t)w->out->size[0] + i);
  }
}

// --- all of it -------------------------------------------------------------------------------------------

uint64_t pcn_lateral_scaling_bytes(const pencone_grid *grid, int threads) {
  const double least = fmin(grid->spacing_mm[0], fmin(grid->spacing_mm[1], grid->spacing_mm[2]));
  const double side_mm = fmin(fmax(least, side_least_mm), side_most_mm);
  double points = 1, widest = 0;
  for (int a = 0; a < 3; a++) {
    const double length = 1.2 * (double)grid->size[a] * grid->spacing_mm[a] / side_mm + 4;
    points *= length;
    widest = fmax(widest, length);
  }
  return (uint64_t)(sizeof(float) * (4 * points + (double)threads * 2 * (TERMS + 5) * widest * widest));
}

// Of a field of 10 cm.
static double maximum_mm(const pcn_pencil_kernel *k) {
  const double width_mm[2] = {100, 100};
  int best = 0;
  for (int d = 1; d < 100; d++) {
    best = pcn_pencil_on_axis(k, width_mm, d) > pcn_pencil_on_axis(k, width_mm, best) ? d : best;
  }
  return best;
}

static pencone_status make_room(pencone_context *ctx, scaling_work *w, pcn_lateral_scaling *out) {
  const size_t all = plane_size(out) * (size_t)out->size[2];
  size_t longest = 0;
  w->room_size = 0;
  for (int l = 0; l < 2; l++) {
    layout *own = &w->layout[l];
    own->rows = out->size[1 - l];
    own->n = out->size[l];
    own->stride = ((size_t)own->n + PAD) / PAD * PAD;
    own->fluence = pcn_alloc(ctx, plane_size(out), sizeof(float));
    longest = own->stride > longest ? own->stride : longest;
    w->room_size += layout_size(own);
  }
  w->room_size += 4 * (TERMS * longest + 2 * PAD);
  w->density[0] = pcn_alloc(ctx, all, sizeof(float));
  w->density[1] = pcn_alloc(ctx, all, sizeof(float));
  w->depth_mm = pcn_alloc(ctx, all, sizeof(float));
  out->ratio = pcn_alloc(ctx, all, sizeof(float));
  w->room = pcn_alloc(ctx, w->room_size * (size_t)pencone_context_threads(ctx), sizeof(float));
  return w->layout[0].fluence != NULL && w->layout[1].fluence != NULL && w->density[0] != NULL &&
                 w->density[1] != NULL && w->depth_mm != NULL && out->ratio != NULL && w->room != NULL
             ? PENCONE_OK
             : PENCONE_E_MEMORY;
}

static pencone_status run(pencone_context *ctx, scaling_work *w, const double progress[2]) {
  const pcn_lateral_scaling *s = w->out;
  const size_t rows = (size_t)s->size[1];
  pcn_parallel_for(ctx, rows, fill_fluence, w);
  PCN_TRY(
      pcn_parallel_for_progress(ctx, rows, fill_rays, w, progress[0], 0.2 * progress[1], "lateral scaling"));
  PCN_TRY(pcn_parallel_for_progress(ctx, (size_t)s->size[2], fill_layer, w, progress[0] + 0.2 * progress[1],
                                    0.8 * progress[1], "lateral scaling"));
  pcn_parallel_for(ctx, rows, mend_rays, w);
  return PENCONE_OK;
}

pencone_status pcn_lateral_scaling_make(pencone_context *ctx, const pcn_lateral_beam *beam,
                                        const double progress[2], pcn_lateral_scaling *out) {
  pcn_lateral_terms *terms = NULL;
  memset(out, 0, sizeof *out);
  PCN_TRY(pcn_lateral_terms_make(ctx, beam->kernel, &terms));
  find_lattice(beam, out);
  scaling_work w = {.beam = beam, .out = out, .terms = terms, .loop = pcn_isa_of(ctx)->lateral};
  w.electron_mm = electron_share * maximum_mm(beam->kernel);
  pencone_status status = make_room(ctx, &w, out);
  if (status == PENCONE_OK) {
    status = run(ctx, &w, progress);
  }
  pcn_free(w.room);
  pcn_free(w.density[0]);
  pcn_free(w.density[1]);
  pcn_free(w.depth_mm);
  pcn_free(w.layout[0].fluence);
  pcn_free(w.layout[1].fluence);
  pcn_free(terms);
  if (status != PENCONE_OK) {
    pcn_lateral_scaling_free(out);
  }
  return status;
}

void pcn_lateral_scaling_free(pcn_lateral_scaling *scaling) {
  pcn_free(scaling->ratio);
  memset(scaling, 0, sizeof *scaling);
}

// --- voxels ----------------------------------------------------------------------------------------------

// The point before a place on an axis of the lattice and the share of the one behind; places beyond are its
// edges.
static size_t point_before(double at, int size, double *share) {
  const double inside = fmin(fmax(at, 0), size - 1.001);
  const size_t point = (size_t)inside;
  *share = inside - (double)point;
  return point;
}

void pcn_lateral_scaling_apply(const pcn_lateral_scaling *s, double plane_pitch,
                               const pcn_pencil_voxels *voxels, size_t n, float *dose) {
  const size_t row = (size_t)s->size[0], plane = plane_size(s);
  for (size_t v = 0; v < n; v++) {
    double share[3];
    const size_t i =
        point_before(((double)voxels->x[v] - s->first_mm[0]) / s->side_mm, s->size[0], &share[0]);
    const size_t j =
        point_before(((double)voxels->y[v] - s->first_mm[1]) / s->side_mm, s->size[1], &share[1]);
    const size_t k = point_before((double)voxels->plane[v] * plane_pitch / s->pitch, s->size[2], &share[2]);
    const float *at = s->ratio + k * plane + j * row + i, x = (float)share[0], y = (float)share[1],
                z = (float)share[2];
    float layer[2];
    for (int l = 0; l < 2; l++, at += plane) {
      const float near = at[0] + x * (at[1] - at[0]), far = at[row] + x * (at[row + 1] - at[row]);
      layer[l] = near + y * (far - near);
    }
    dose[v] *= layer[0] + z * (layer[1] - layer[0]);
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_beam.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "beam/fluence_map.h"
#include "beam/pencil_terms.h"
#include "geom/corner.h"
#include "geom/ray.h"
#include "photon/pencil_field.h"
#include "simd/isa.h"

enum { TERMS = PCN_PENCIL_TERMS, CHUNK = 256 };

// --- making ready ------------------------------------------------------------------------------

// Nearest and farthest corner of the grid along the beam's axis, over the SAD.
static void find_span(const pencone_grid *grid, const pcn_frame *f, double span[2]) {
  span[0] = 1e30;
  span[1] = 0;
  for (int corner = 0; corner < 8; corner++) {
    double x, y, z;
    pcn_frame_project(f, pcn_grid_corner(grid, corner, 1), &x, &y, &z);
    span[0] = fmin(span[0], z / f->sad_mm);
    span[1] = fmax(span[1], z / f->sad_mm);
  }
  span[0] = fmax(span[0], 0.05);
}

// Distance from the source to the first matter on the axis through the field's centre; without any, to the
// grid.
static double find_ssd(const pcn_medium *m, const pcn_pencil_beam *a, double nearest_mm) {
  const double air = 0.05;
  const pcn_frame *f = &a->frame;
  pcn_vec3 way = pcn_v3_scale(f->ez, f->sad_mm);
  way = pcn_v3_add(way, pcn_v3_scale(f->ex, 0.5 * (a->x_mm[0] + a->x_mm[1])));
  way = pcn_v3_add(way, pcn_v3_scale(f->ey, 0.5 * (a->y_mm[0] + a->y_mm[1])));
  const double length_mm = pcn_v3_length(way);
  pcn_ray ray;
  int64_t voxel;
  double length;
  if (pcn_ray_begin(&ray, &m->grid, f->source, pcn_v3_add(f->source, pcn_v3_scale(way, 10)))) {
    while (pcn_ray_next(&ray, &voxel, &length)) {
      if ((double)m->electron_density[voxel] > air) {
        return (ray.at - length) * f->sad_mm / length_mm;
      }
    }
  }
  return nearest_mm;
}

void pcn_pencil_pixels(const pencone_beam *beam, const double width_mm[2], double reach_mm,
                       double pixel_mm[2]) {
  double part_mm[2];
  pcn_fluence_pixel_mm(beam, part_mm);
  for (int a = 0; a < 2; a++) {
    const double wanted = width_mm[a] + reach_mm <= 400 ? 1 : 2;
    const double bixel_mm = beam->bixel_mm[a] > 0 ? beam->bixel_mm[a] : width_mm[a];
    const double unit =
        0.5 * (part_mm[a] > 0 ? fmin(part_mm[a], bixel_mm) : bixel_mm);  // one divides the other
    pixel_mm[a] = unit / ceil(unit / wanted - 1e-6);
  }
}

// How far the grid's voxels lie from an opening's centre along its own sides, in the isocentre plane;
// infinite where some are beside the source or behind it.
static void find_farthest(const pcn_pencil_beam *e, const pcn_pencil_opening *o, double farthest_mm[2]) {
  const double beside_mm = 1;
  farthest_mm[0] = farthest_mm[1] = 0;
  for (int corner = 0; corner < 8; corner++) {
    double x, y, z;
    pcn_frame_project(&e->frame, pcn_grid_corner(&e->medium->grid, corner, 0), &x, &y, &z);
    const double along = o->turn[0] * x + o->turn[1] * y, across = o->turn[0] * y - o->turn[1] * x;
    const int ahead = z > beside_mm;
    farthest_mm[0] = ahead ? fmax(farthest_mm[0], fabs(along - o->centre_mm[0])) : INFINITY;
    farthest_mm[1] = ahead ? fmax(farthest_mm[1], fabs(across - o->centre_mm[1])) : INFINITY;
  }
}

// The map ends where the dose does or where the grid does; what averages lack at its end stays behind that.
static void limit_reach(const pcn_pencil_beam *e, const pcn_pencil_opening *o, pcn_pencil_shape *shape) {
  const double nearest = e->planes.first;
  double farthest_mm[2];
  find_farthest(e, o, farthest_mm);
  for (int a = 0; a < 2; a++) {
    const double sigma_mm = sqrt(shape->blur_mm2[a] / (nearest * nearest) + e->kernel->penumbra_mm2);
    const double beyond_mm =
        fmax(0, farthest_mm[a] - shape->half_mm[a]) + 2 * shape->pixel_mm[a] + 4 * sigma_mm;
    shape->reach_mm[a] = fmin(e->reach_mm, beyond_mm);
  }
}

static pencone_status make_opening(pencone_context *ctx, const pcn_pencil_beam *e, const pencone_beam *beam,
                                   const pcn_opening *o, pcn_pencil_opening *out) {
  const double *h = e->medium->grid.spacing_mm, *edge[2] = {o->x_mm, o->y_mm};
  const pcn_vec3 side[2] = {o->ex, o->ey};
  pcn_pencil_shape shape;
  const double width_mm[2] = {o->x_mm[1] - o->x_mm[0], o->y_mm[1] - o->y_mm[0]};
  pcn_pencil_pixels(beam, width_mm, e->reach_mm, shape.pixel_mm);
  for (int a = 0; a < 2; a++) {
    const pcn_vec3 v = {side[a].x * h[0], side[a].y * h[1], side[a].z * h[2]};
    shape.blur_mm2[a] = pcn_v3_dot(v, v) / 12;  // of a box: its width squared over 12
    shape.half_mm[a] = 0.5 * width_mm[a];
    out->centre_mm[a] = 0.5 * (edge[a][0] + edge[a][1]);
  }
  out->turn[0] = pcn_v3_dot(o->ex, e->frame.ex);
  out->turn[1] = pcn_v3_dot(o->ex, e->frame.ey);
  out->weight = o->weight;
  limit_reach(e, out, &shape);
  return pcn_pencil_map_make(ctx, e->kernel, &e->planes, &shape, &out->map);
}

// All of a fluence map as one opening, whose centre is its lattice's corner: every voxel lies on the one side
// of it that a map has.
static pencone_status make_field(pencone_context *ctx, pcn_pencil_beam *e, const pencone_beam *beam) {
  const double *h = e->medium->grid.spacing_mm, *edge[2] = {beam->field_x_mm, beam->field_y_mm};
  const pcn_vec3 side[2] = {e->frame.ex, e->frame.ey};
  const double width_mm[2] = {e->x_mm[1] - e->x_mm[0], e->y_mm[1] - e->y_mm[0]};
  double part_mm[2];
  pcn_pencil_shape shape;
  pcn_pencil_map pixel;
  pcn_fluence_pixel_mm(beam, part_mm);
  pcn_pencil_pixels(beam, width_mm, e->reach_mm, shape.pixel_mm);
  const pcn_pencil_field field = pcn_pencil_field_of(beam, shape.pixel_mm, e->reach_mm);
  e->opening = pcn_calloc(ctx, 1, sizeof *e->opening);
  if (e->opening == NULL) {
    return PENCONE_E_MEMORY;
  }
  e->openings = 1;
  for (int a = 0; a < 2; a++) {
    const pcn_vec3 v = {side[a].x * h[0], side[a].y * h[1], side[a].z * h[2]};
    shape.blur_mm2[a] = pcn_v3_dot(v, v) / 12;
    shape.half_mm[a] = 0.5 * part_mm[a];
    shape.reach_mm[a] = width_mm[a] - part_mm[a] + e->reach_mm;  // from the farthest pixel
    e->opening->centre_mm[a] = edge[a][0] - field.around[a] * shape.pixel_mm[a];
  }
  e->opening->turn[0] = 1;
  e->opening->weight = 1;
  PCN_TRY(pcn_pencil_map_make(ctx, e->kernel, &e->planes, &shape, &pixel));
  const pencone_status status = pcn_pencil_field_make(ctx, &field, &pixel, &e->opening->map);
  pcn_free(pixel.value);
  return status;
}

static pencone_status make_openings(pencone_context *ctx, pcn_pencil_beam *e, const pencone_beam *beam,
                                    const pcn_aperture *aperture) {
  if (beam->fluence_map != NULL) {
    return make_field(ctx, e, beam);
  }
  e->opening = pcn_calloc(ctx, (size_t)aperture->openings, sizeof *e->opening);
  if (e->opening == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (; e->openings < aperture->openings; e->openings++) {
    PCN_TRY(make_opening(ctx, e, beam, &aperture->opening[e->openings], &e->opening[e->openings]));
  }
  return PENCONE_OK;
}

int pcn_pencil_plane_count(double length) {
  const double wanted_pitch = 0.1;
  return 2 + (int)(length / wanted_pitch);
}

pencone_status pcn_pencil_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    const pcn_photon_tables *tables, int terms, double reach_mm,
                                    pcn_pencil_beam *out) {
  pcn_aperture aperture;
  double span[2];
  memset(out, 0, sizeof *out);
  PCN_TRY(pcn_aperture_make(ctx, beam, medium->grid.spacing_mm, &aperture));
  out->medium = medium;
  out->frame = aperture.frame;
  memcpy(out->x_mm, aperture.x_mm, sizeof out->x_mm);
  memcpy(out->y_mm, aperture.y_mm, sizeof out->y_mm);
  out->reach_mm = reach_mm;
  out->fluence_per_cm2 = beam->fluence_per_cm2;
  out->machine = pencone_machine_describe(beam->machine);
  find_span(&medium->grid, &out->frame, span);
  out->planes.count = pcn_pencil_plane_count(span[1] - span[0]);
  out->planes.first = span[0];
  out->planes.pitch = (span[1] - span[0]) / (out->planes.count - 1);
  pencone_status status =
      pcn_pencil_kernel_make(ctx, tables, out->machine->pencil,
                             find_ssd(medium, out, span[0] * out->frame.sad_mm), terms, &out->kernel);
  if (status == PENCONE_OK) {
    out->kernel->penumbra_mm2 = out->machine->penumbra_sigma_mm * out->machine->penumbra_sigma_mm;
    status = make_openings(ctx, out, beam, &aperture);
  }
  pcn_aperture_free(&aperture);
  if (status != PENCONE_OK) {
    pcn_pencil_beam_free(out);
  }
  return status;
}

pencone_status pcn_pencil_beam_scale(pencone_context *ctx, const pencone_beam *beam, const double progress[2],
                                     pcn_pencil_beam *e) {
  pcn_aperture aperture;
  PCN_TRY(pcn_aperture_make(ctx, beam, e->medium->grid.spacing_mm, &aperture));
  const pcn_lateral_beam of = {
      .medium = e->medium,
      .aperture = &aperture,
      .machine = e->machine,
      .kernel = e->kernel,
      .reach_mm = e->reach_mm,
      .span = {e->planes.first, e->planes.first + (e->planes.count - 1) * e->planes.pitch}};
  const pencone_status status = pcn_lateral_scaling_make(ctx, &of, progress, &e->lateral);
  pcn_aperture_free(&aperture);
  return status;
}

void pcn_pencil_beam_free(pcn_pencil_beam *engine) {
  pcn_lateral_scaling_free(&engine->lateral);
  for (int o = 0; o < engine->openings; o++) {
    pcn_free(engine->opening[o].map.value);
  }
  pcn_free(engine->opening);
  pcn_free(engine->kernel);
  memset(engine, 0, sizeof *engine);
}

// --- voxels ------------------------------------------------------------------------------------

pencone_status pcn_pencil_depths(pencone_context *ctx, const pcn_pencil_beam *e, const double progress[2],
                                 pcn_pencil_rays *out) {
  const pcn_depth_field field = {&e->frame,
                                 {e->x_mm[0] - e->reach_mm, e->x_mm[1] + e->reach_mm},
                                 {e->y_mm[0] - e->reach_mm, e->y_mm[1] + e->reach_mm}};
  const float *const value[PCN_DEPTH_VALUES] = {e->medium->electron_density, NULL};
  out->isa = pcn_isa_of(ctx);
  const pencone_status status = pcn_depth_make(ctx, &e->medium->grid, value, &field, progress, &out->lattice);
  if (status == PENCONE_E_UNSUPPORTED) {
    memset(&out->lattice, 0, sizeof out->lattice);
    out->lattice.axis[0] = -1;
    return PENCONE_OK;
  }
  return status;
}

// Depths of n voxels from ijk on.
static void find_depths(const pcn_pencil_beam *e, const pcn_pencil_rays *rays, const int64_t ijk[3],
                        int64_t n, float *depth_mm) {
  const pencone_grid *grid = &e->medium->grid;
  if (rays->lattice.axis[0] >= 0) {
    float *const out[PCN_DEPTH_VALUES] = {depth_mm, NULL};
    pcn_depth_row(&rays->lattice, rays->isa, ijk, (size_t)n, out);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    double xyz[3];
    pencone_grid_centre(grid, ijk[0] + i, ijk[1], ijk[2], xyz);
    depth_mm[i] =
        (float)pcn_ray_integral(grid, e->medium->electron_density, e->frame.source, pcn_v3_from(xyz));
  }
}

static pcn_pencil_line line_of(const pcn_pencil_beam *e, const int64_t ijk[3]) {
  const pcn_frame *f = &e->frame;
  double xyz[3];
  pencone_grid_centre(&e->medium->grid, ijk[0], ijk[1], ijk[2], xyz);
  const pcn_vec3 r = pcn_v3_sub(pcn_v3_from(xyz), f->source), axis[3] = {f->ex, f->ey, f->ez};
  pcn_pencil_line line = {.sad_mm = (float)f->sad_mm,
                          .x_mm = {(float)(e->x_mm[0] - e->reach_mm), (float)(e->x_mm[1] + e->reach_mm)},
                          .y_mm = {(float)(e->y_mm[0] - e->reach_mm), (float)(e->y_mm[1] + e->reach_mm)},
                          .first_plane = (float)e->planes.first,
                          .per_plane = (float)(1 / e->planes.pitch),
                          .last_plane = (float)(e->planes.count - 1)};
  for (int a = 0; a < 3; a++) {
    line.at_mm[a] = (float)pcn_v3_dot(r, axis[a]);
    line.step_mm[a] = (float)(e->medium->grid.spacing_mm[0] * axis[a].x);
  }
  return line;
}

static int fill_chunk(const pcn_pencil_beam *e, const pcn_pencil_rays *rays, const int64_t ijk[3], int64_t n,
                      const pcn_pencil_buffer *out) {
  const pcn_medium *m = e->medium;
  const size_t first = (size_t)((ijk[2] * m->grid.size[1] + ijk[1]) * m->grid.size[0] + ijk[0]),
               count = (size_t)n;
  const pcn_pencil_line line = line_of(e, ijk);
  const pcn_pencil_depth_table table = {e->kernel->depth[0], PCN_PENCIL_DEPTHS};
  float x[CHUNK], y[CHUNK], plane[CHUNK], scale[CHUNK], depth_mm[CHUNK];
  const int reached = rays->isa->pencil_place(&line, count, &(pcn_pencil_places){x, y, plane, scale});
  memcpy(out->x, x, count * sizeof *x);
  memcpy(out->y, y, count * sizeof *y);
  memcpy(out->plane, plane, count * sizeof *plane);
  if (reached == 0) {
    memset(out->weight, 0, count * TERMS * sizeof *out->weight);
    return 0;
  }
  find_depths(e, rays, ijk, n, depth_mm);
  pcn_scale_dose(m, e->quantity, first, count, scale);
  for (int64_t i = 0; e->machine->horn_points > 0 && i < n; i++) {
    scale[i] *= (float)pcn_horn(e->machine, hypot((double)x[i], (double)y[i]));
  }
  rays->isa->pencil_weight(&table, depth_mm, scale, count, out->weight);
  return reached;
}

int pcn_pencil_fill(const pcn_pencil_beam *e, const pcn_pencil_rays *rays, const int64_t ijk[3], int64_t n,
                    const pcn_pencil_buffer *out) {
  int reached = 0;
  for (int64_t i = 0; i < n; i += CHUNK) {
    const int64_t from[3] = {ijk[0] + i, ijk[1], ijk[2]};
    const pcn_pencil_buffer part = {out->x + i, out->y + i, out->plane + i, out->weight + i * TERMS};
    reached |= fill_chunk(e, rays, from, n - i < CHUNK ? n - i : CHUNK, &part) != 0;
  }
  return reached;
}

// --- dose --------------------------------------------------------------------------------------

typedef struct dose_work {
  const pcn_pencil_beam *engine;
  const pcn_pencil_rays *rays;
  float *const *out;
} dose_work;

static void add_scaled(float *restrict to, const float *restrict from, float scale, size_t n) {
  for (size_t i = 0; i < n; i++) {
    to[i] += scale * from[i];
  }
}

// Eq. 6 for a part of a row.
static void dose_chunk(const dose_work *w, const int64_t ijk[3], size_t n) {
  const pcn_pencil_beam *e = w->engine;
  float x[CHUNK + PCN_PENCIL_LANES], y[CHUNK + PCN_PENCIL_LANES], plane[CHUNK + PCN_PENCIL_LANES];
  float weight[CHUNK * TERMS], one[CHUNK], sum[CHUNK];
  const pcn_pencil_buffer buffer = {x, y, plane, weight};
  const pcn_pencil_voxels voxels = {x, y, plane, weight};
  if (!pcn_pencil_fill(e, w->rays, ijk, (int64_t)n, &buffer)) {
    return;
  }
  for (size_t i = n; i < n + PCN_PENCIL_LANES; i++) {  // the loop reads whole vectors
    x[i] = y[i] = plane[i] = 0;
  }
  memset(sum, 0, n * sizeof *sum);
  for (int o = 0; o < e->openings; o++) {
    const pcn_pencil_opening *opening = &e->opening[o];
    const pcn_pencil_table table = pcn_pencil_map_table(&opening->map, opening->centre_mm, opening->turn);
    w->rays->isa->pencil(&table, &voxels, n, one);
    add_scaled(sum, one, (float)(e->fluence_per_cm2 * opening->weight), n);
  }
  if (e->lateral.ratio != NULL) {
    pcn_lateral_scaling_apply(&e->lateral, e->planes.pitch, &voxels, n, sum);
  }
  const int64_t *size = e->medium->grid.size, first = (ijk[2] * size[1] + ijk[1]) * size[0] + ijk[0];
  for (int o = 0; o < 2; o++) {
    if (w->out[o] != NULL) {
      add_scaled(w->out[o] + first, sum, 1, n);
    }
  }
}

static void dose_row(void *data, size_t row, int worker) {
  (void)worker;
  const dose_work *w = data;
  const int64_t *size = w->engine->medium->grid.size;
  int64_t ijk[3] = {0, (int64_t)row % size[1], (int64_t)row / size[1]};
  for (; ijk[0] < size[0]; ijk[0] += CHUNK) {
    dose_chunk(w, ijk, (size_t)(size[0] - ijk[0] < CHUNK ? size[0] - ijk[0] : CHUNK));
  }
}

pencone_status pcn_pencil_beam_add(pencone_context *ctx, const pcn_pencil_beam *engine, float *const out[2],
                                   const double progress[2]) {
  const int64_t *size = engine->medium->grid.size;
  const double parts[2][2] = {{progress[0], 0.3 * progress[1]},
                              {progress[0] + 0.3 * progress[1], 0.7 * progress[1]}};
  pcn_pencil_rays rays;
  PCN_TRY(pcn_pencil_depths(ctx, engine, parts[0], &rays));
  dose_work work = {engine, &rays, out};
  const pencone_status status = pcn_parallel_for_progress(ctx, (size_t)(size[1] * size[2]), dose_row, &work,
                                                          parts[1][0], parts[1][1], "pencil beam");
  pcn_depth_free(&rays.lattice);
  return status;
}

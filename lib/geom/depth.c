// SPDX-License-Identifier: Apache-2.0
#include "geom/depth.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "geom/corner.h"
#include "geom/ray.h"

static const double rays_per_voxel = 1.5;  // at the far end of the grid; nearer, the rays are denser
static const double steepest = 3;          // slope against the main axis; a single field spans less

static int main_axis_of(const pcn_frame *frame) {
  int main_axis = 2;
  for (int a = 1; a >= 0; a--) {
    main_axis = fabs(pcn_v3_component(frame->ez, a)) > fabs(pcn_v3_component(frame->ez, main_axis)) + 1e-9
                    ? a
                    : main_axis;
  }
  return main_axis;
}

// Smallest and largest slopes of the field's corners; 0 when one does not advance along the main axis.
static int slope_range(const pcn_depth_field *field, const int axis[3], double low[2], double high[2]) {
  const pcn_frame *f = field->frame;
  low[0] = low[1] = INFINITY;
  high[0] = high[1] = -INFINITY;
  for (int corner = 0; corner < 4; corner++) {
    pcn_vec3 way = pcn_v3_scale(f->ez, f->sad_mm);
    way = pcn_v3_add(way, pcn_v3_scale(f->ex, field->x_mm[corner & 1]));
    way = pcn_v3_add(way, pcn_v3_scale(f->ey, field->y_mm[corner >> 1]));
    const double ahead = pcn_v3_component(way, axis[0]);
    if (!(ahead * pcn_v3_component(f->ez, axis[0]) > 0)) {
      return 0;
    }
    for (int k = 0; k < 2; k++) {
      const double slope = pcn_v3_component(way, axis[k + 1]) / ahead;
      low[k] = fmin(low[k], slope);
      high[k] = fmax(high[k], slope);
    }
  }
  return fabs(low[0]) < steepest && fabs(low[1]) < steepest && fabs(high[0]) < steepest &&
         fabs(high[1]) < steepest;
}

// Leaves out the slopes that no voxel of a grid ahead of the source has.
static void clip_to_grid(const pencone_grid *grid, const pcn_depth *d, double low[2], double high[2]) {
  double least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY};
  for (int corner = 0; corner < 8; corner++) {
    const pcn_vec3 r = pcn_v3_sub(pcn_grid_corner(grid, corner, 0), d->source);
    for (int k = 0; k < 2; k++) {
      const double slope = pcn_v3_component(r, d->axis[k + 1]) / pcn_v3_component(r, d->axis[0]);
      least[k] = fmin(least[k], slope);
      most[k] = fmax(most[k], slope);
    }
  }
  for (int k = 0; k < 2; k++) {
    if (least[k] < high[k] && most[k] > low[k]) {
      low[k] = fmax(low[k], least[k]);
      high[k] = fmin(high[k], most[k]);
    }
  }
}

// Places the rays. Returns 0 when the field cannot be covered.
static int lay_out(const pencone_grid *grid, const pcn_depth_field *field, pcn_depth *out) {
  double low[2], high[2];
  out->grid = grid;
  out->source = field->frame->source;
  out->axis[0] = main_axis_of(field->frame);
  out->ahead = pcn_v3_component(field->frame->ez, out->axis[0]) > 0 ? 1 : -1;
  out->axis[1] = out->axis[0] == 0 ? 1 : 0;
  out->axis[2] = 3 - out->axis[0] - out->axis[1];
  if (!slope_range(field, out->axis, low, high)) {
    return 0;
  }
  const int a = out->axis[0];
  const double first = grid->origin_mm[a] - pcn_v3_component(out->source, a);
  const double last = first + grid->spacing_mm[a] * (double)(grid->size[a] - 1);
  const double farthest = fmax(fabs(first), fabs(last));
  if (first * last > 0) {
    clip_to_grid(grid, out, low, high);
  }
  for (int k = 0; k < 2; k++) {
    const double h = grid->spacing_mm[out->axis[k + 1]];
    out->pitch[k] = h / farthest / rays_per_voxel;
    const double margin = 2 * out->pitch[k];  // voxels that the field's edge cuts
    out->rays[k] = 2 + (int64_t)ceil((high[k] - low[k] + 2 * margin) / out->pitch[k]);
    out->slope[k] =
        0.5 * (low[k] + high[k]) - 0.5 * out->pitch[k] * (double)(out->rays[k] - 1);  // its own mirror image
  }
  return 1;
}

enum { SCRATCH_ROWS = PCN_DEPTH_VALUES + 1 };

typedef struct walk {
  const pcn_depth *depth;
  const float *value[PCN_DEPTH_VALUES];
  int64_t stride[3];  ///< of the volumes
  const pcn_isa *isa;
  float *scratch;  ///< SCRATCH_ROWS rows of rays for each worker
} walk;

// Planes whose middles a ray meets, in the order in which it meets them; those behind the source first.
typedef struct planes {
  int64_t next, step, left;
  double distance, pitch;  ///< along the ray, to the next middle and between middles
} planes;

static planes planes_of(const pcn_depth *d, pcn_vec3 way) {
  const int a = d->axis[0];
  const double first = d->grid->origin_mm[a] - pcn_v3_component(d->source, a);
  const double h = d->grid->spacing_mm[a], per_mm = pcn_v3_component(way, a) / pcn_v3_length(way);
  planes p = {.step = per_mm > 0 ? 1 : -1, .left = d->grid->size[a], .pitch = h / fabs(per_mm)};
  p.next = per_mm > 0 ? 0 : d->grid->size[a] - 1;
  p.distance = (first + h * (double)p.next) / per_mm;
  return p;
}

static void keep(const pcn_depth *d, const planes *p, int64_t i, int64_t j,
                 const double sum[PCN_DEPTH_VALUES]) {
  float *out = pcn_depth_node(d, p->next, i, j);
  for (int v = 0; v < d->values; v++) {
    out[v] = (float)sum[v];
  }
}

static void pass(planes *p) {
  p->next += p->step;
  p->distance += p->pitch;
  p->left--;
}

static void walk_ray(const walk *w, int64_t i, int64_t j) {
  const pcn_depth *d = w->depth;
  const int a = d->axis[0];
  const double ahead = d->ahead, far_mm = 1e5;
  double step[3];
  step[a] = ahead;
  step[d->axis[1]] = ahead * (d->slope[0] + d->pitch[0] * (double)i);
  step[d->axis[2]] = ahead * (d->slope[1] + d->pitch[1] * (double)j);
  const pcn_vec3 way = pcn_v3_from(step);
  planes p = planes_of(d, way);
  pcn_ray ray;
  double sum[PCN_DEPTH_VALUES] = {0}, length;
  int64_t voxel;
  if (pcn_ray_begin(&ray, d->grid, d->source, pcn_v3_add(d->source, pcn_v3_scale(way, far_mm)))) {
    while (p.left > 0 && p.distance <= ray.at) {  // middles before the ray enters the grid
      keep(d, &p, i, j, sum);
      pass(&p);
    }
    while (p.left > 0 && pcn_ray_next(&ray, &voxel, &length)) {
      while (p.left > 0 && p.distance <= ray.at) {
        double here[PCN_DEPTH_VALUES];
        for (int v = 0; v < d->values; v++) {
          here[v] = sum[v] + (double)w->value[v][voxel] * (p.distance - (ray.at - length));
        }
        keep(d, &p, i, j, here);
        pass(&p);
      }
      for (int v = 0; v < d->values; v++) {
        sum[v] += (double)w->value[v][voxel] * length;
      }
    }
  }
  while (p.left > 0) {  // beyond the grid
    keep(d, &p, i, j, sum);
    pass(&p);
  }
}

static void walk_row(void *work, size_t j, int worker) {
  (void)worker;
  const walk *w = work;
  for (int64_t i = 0; i < w->depth->rays[0]; i++) {
    walk_ray(w, i, (int64_t)j);
  }
}

// --- rows of rays in lock step -----------------------------------------------------------------

// Rays of a row cross the planes' faces and the voxels' faces across the row together: only where each
// crosses faces along the row is its own. Lengths are along the main axis until they are kept.

/// A row of rays on its way.
typedef struct row_march {
  const walk *walk;
  double slope;  ///< of the row, along axis[2]
  const float *plane[PCN_DEPTH_VALUES];
  float *sum[PCN_DEPTH_VALUES];
  float *stretch;  ///< each ray's length per mm along the main axis
} row_march;

static double low_face(const pencone_grid *grid, int axis) {
  return grid->origin_mm[axis] - 0.5 * grid->spacing_mm[axis];
}

// From one distance along the main axis to another, inside a row of voxels.
static void step_in_row(const row_march *m, int64_t voxel_row, const double way[2]) {
  const pcn_depth *d = m->walk->depth;
  const pencone_grid *grid = d->grid;
  const int a = d->axis[1];
  const double h = grid->spacing_mm[a], start = (pcn_v3_component(d->source, a) - low_face(grid, a)) / h;
  const ptrdiff_t row = (ptrdiff_t)(voxel_row * m->walk->stride[d->axis[2]]);
  const pcn_depth_step step = {{m->plane[0] + row, d->values > 1 ? m->plane[1] + row : NULL},
                               (int32_t)m->walk->stride[a],
                               (int32_t)grid->size[a],
                               (float)(start + d->slope[0] * way[0] / h),
                               (float)(d->pitch[0] * way[0] / h),
                               (float)(start + d->slope[0] * way[1] / h),
                               (float)(d->pitch[0] * way[1] / h),
                               (float)fabs(way[1] - way[0])};
  m->walk->isa->depth_step(&step, (size_t)d->rays[0], m->sum);
}

// The same inside a plane, split where the rays cross the faces between its rows.
static void step_in_plane(const row_march *m, const double way[2]) {
  const pcn_depth *d = m->walk->depth;
  const int a = d->axis[2];
  const double h = d->grid->spacing_mm[a],
               start = (pcn_v3_component(d->source, a) - low_face(d->grid, a)) / h;
  const double per_mm = m->slope / h, from = start + per_mm * way[0], to = start + per_mm * way[1];
  const double first = fmax(0, floor(fmin(from, to))),
               last = fmin((double)d->grid->size[a] - 1, floor(fmax(from, to)));
  for (double row = first; row <= last; row++) {
    double part[2] = {way[0], way[1]};
    if (floor(from) != floor(to)) {
      const double lower = (row - start) / per_mm, upper = (row + 1 - start) / per_mm;
      const double near = fmin(lower, upper), far = fmax(lower, upper);
      const int up = way[1] > way[0];
      part[0] = up ? fmax(way[0], near) : fmin(way[0], far);
      part[1] = up ? fmin(way[1], far) : fmax(way[1], near);
    }
    if ((part[1] - part[0]) * (way[1] - way[0]) > 0) {
      step_in_row(m, (int64_t)row, part);
    }
  }
}

// Keeps the sums at the middle of a plane, now along the rays.
static void keep_row(const row_march *m, int64_t plane, int64_t j) {
  const pcn_depth *d = m->walk->depth;
  float *out = pcn_depth_node(d, plane, 0, j);
  if (d->values == 1) {
    for (int64_t i = 0; i < d->rays[0]; i++) {
      out[i] = m->sum[0][i] * m->stretch[i];
    }
    return;
  }
  for (int64_t i = 0; i < d->rays[0]; i++) {
    out[2 * i] = m->sum[0][i] * m->stretch[i];
    out[2 * i + 1] = m->sum[1][i] * m->stretch[i];
  }
}

static void march_row(void *work, size_t j, int worker) {
  const walk *w = work;
  const pcn_depth *d = w->depth;
  const int a = d->axis[0];
  const double h = d->grid->spacing_mm[a], low = low_face(d->grid, a) - pcn_v3_component(d->source, a);
  const int64_t count = d->grid->size[a], rays = d->rays[0];
  const int backwards = d->ahead < 0;
  row_march m = {.walk = w, .slope = d->slope[1] + d->pitch[1] * (double)j};
  for (int v = 0; v < d->values; v++) {
    m.sum[v] = w->scratch + ((int64_t)worker * SCRATCH_ROWS + v) * rays;
    memset(m.sum[v], 0, (size_t)rays * sizeof *m.sum[v]);
  }
  m.stretch = w->scratch + ((int64_t)worker * SCRATCH_ROWS + PCN_DEPTH_VALUES) * rays;
  for (int64_t i = 0; i < rays; i++) {
    const double slope = d->slope[0] + d->pitch[0] * (double)i;
    m.stretch[i] = (float)sqrt(1 + slope * slope + m.slope * m.slope);
  }
  for (int64_t p = 0; p < count; p++) {
    const int64_t plane = backwards ? count - 1 - p : p;
    const double near = low + h * (double)(backwards ? plane + 1 : plane),
                 far = backwards ? near - h : near + h;
    const double middle = 0.5 * (near + far),
                 start = near * far > 0 ? near : 0;  // at the source, inside the plane
    if (far * (backwards ? -1 : 1) <= 0) {           // behind the source
      keep_row(&m, plane, (int64_t)j);
      continue;
    }
    for (int v = 0; v < d->values; v++) {
      m.plane[v] = w->value[v] + plane * w->stride[a];
    }
    const double halves[2][2] = {{start, middle}, {middle, far}};
    step_in_plane(&m, halves[0]);
    keep_row(&m, plane, (int64_t)j);
    step_in_plane(&m, halves[1]);
  }
}

// 1 when no ray crosses more than one face along its row in half a plane.
static int is_steady(const pcn_depth *d) {
  const double h = d->grid->spacing_mm[d->axis[0]],
               last = d->slope[0] + d->pitch[0] * (double)(d->rays[0] - 1);
  return 0.5 * h * fmax(fabs(d->slope[0]), fabs(last)) < 0.999 * d->grid->spacing_mm[d->axis[1]];
}

pencone_status pcn_depth_make(pencone_context *ctx, const pencone_grid *grid,
                              const float *const value[PCN_DEPTH_VALUES], const pcn_depth_field *field,
                              const double progress[2], pcn_depth *out) {
  memset(out, 0, sizeof *out);
  if (!lay_out(grid, field, out)) {
    return PENCONE_E_UNSUPPORTED;
  }
  out->values = value[1] != NULL ? 2 : 1;
  const size_t rays = (size_t)(out->rays[0] * out->rays[1]), threads = (size_t)pencone_context_threads(ctx);
  walk work = {.depth = out,
               .value = {value[0], value[1]},
               .stride = {1, grid->size[0], grid->size[0] * grid->size[1]},
               .isa = pcn_isa_of(ctx)};
  out->integral =
      pcn_alloc(ctx, rays * (size_t)grid->size[out->axis[0]] * (size_t)out->values, sizeof *out->integral);
  work.scratch = pcn_alloc(ctx, threads * SCRATCH_ROWS * (size_t)out->rays[0], sizeof *work.scratch);
  pencone_status status = out->integral != NULL && work.scratch != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    status = pcn_parallel_for_progress(ctx, (size_t)out->rays[1], is_steady(out) ? march_row : walk_row,
                                       &work, progress[0], progress[1], "depth");
  }
  pcn_free(work.scratch);
  if (status != PENCONE_OK) {
    pcn_depth_free(out);
  }
  return status;
}

void pcn_depth_free(pcn_depth *depth) {
  pcn_free(depth->integral);
  memset(depth, 0, sizeof *depth);
}

// Cell and share of a ray coordinate, kept inside the lattice.
static int64_t cell(double at, int64_t rays, double *share) {
  const double inside = fmin((double)(rays - 1) - 1e-9, fmax(0, at));
  const int64_t i = (int64_t)inside;
  *share = inside - (double)i;
  return i;
}

void pcn_depth_at(const pcn_depth *d, int64_t plane, pcn_vec3 point, double integral[PCN_DEPTH_VALUES]) {
  const pcn_vec3 r = pcn_v3_sub(point, d->source);
  const double inverse = 1 / pcn_v3_component(r, d->axis[0]);
  double u, v;
  const int64_t i =
      cell((pcn_v3_component(r, d->axis[1]) * inverse - d->slope[0]) / d->pitch[0], d->rays[0], &u);
  const int64_t j =
      cell((pcn_v3_component(r, d->axis[2]) * inverse - d->slope[1]) / d->pitch[1], d->rays[1], &v);
  const float *a = pcn_depth_node(d, plane, i, j), *b = pcn_depth_node(d, plane, i, j + 1);
  integral[1] = 0;
  for (int k = 0; k < d->values; k++) {
    const double top = (1 - u) * (double)a[k] + u * (double)a[k + d->values];
    const double bottom = (1 - u) * (double)b[k] + u * (double)b[k + d->values];
    integral[k] = (1 - v) * top + v * bottom;
  }
}

void pcn_depth_row(const pcn_depth *d, const pcn_isa *isa, const int64_t ijk[3], size_t n,
                   float *const integral[PCN_DEPTH_VALUES]) {
  double xyz[3], at[2], step[2];
  pencone_grid_centre(d->grid, ijk[0], ijk[1], ijk[2], xyz);
  const pcn_vec3 r = pcn_v3_sub(pcn_v3_from(xyz), d->source);
  const double h = d->grid->spacing_mm[0];
  const double depth = pcn_v3_component(r, d->axis[0]), depth_step = d->axis[0] == 0 ? h : 0;
  for (int k = 0; k < 2; k++) {
    at[k] = (pcn_v3_component(r, d->axis[k + 1]) - d->slope[k] * depth) / d->pitch[k];
    step[k] = ((d->axis[k + 1] == 0 ? h : 0) - d->slope[k] * depth_step) / d->pitch[k];
  }
  const ptrdiff_t plane = (ptrdiff_t)d->rays[0] * d->values;
  const pcn_depth_rays rays = {pcn_depth_node(d, ijk[d->axis[0]], 0, 0), plane * d->grid->size[d->axis[0]],
                               (int32_t)d->rays[0], (int32_t)d->rays[1], d->values};
  const pcn_depth_line line = {(float)at[0],
                               (float)at[1],
                               (float)depth,
                               (float)step[0],
                               (float)step[1],
                               (float)depth_step,
                               d->axis[0] == 0 ? plane : 0};
  isa->depth(&rays, &line, n, integral);
}

// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_corner.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"

enum { TERMS = PCN_PENCIL_TERMS, NEAR = 8, POINTS_NEAR = 4, POINTS_FAR = 2, BATCH = NEAR * POINTS_NEAR };

/// GNU C vectors, which gcc and clang know: all terms together.
typedef float terms __attribute__((vector_size(TERMS * sizeof(float))));
typedef double sums __attribute__((vector_size(TERMS * sizeof(double))));

static terms load(const float from[TERMS]) {
  terms out;
  memcpy(&out, from, sizeof out);
  return out;
}

static size_t points_before(size_t step) {
  return step < NEAR ? step * POINTS_NEAR : NEAR * POINTS_NEAR + (step - NEAR) * POINTS_FAR;
}

// --- places that do not depend on the plane -------------------------------------------------------

// Eq. 5 with s = u tan(phi): dphi = u / (u^2 + s^2) ds, by Gauss's rule, for the steps from first to last.
static void put_points(const pcn_corner_points *side, size_t line, const double u_and_step[2], size_t first,
                       size_t last) {
  static const double place[2][POINTS_NEAR] = {
      {-0.5773502691896257, 0.5773502691896257},
      {-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526}};
  static const double weight[2][POINTS_NEAR] = {
      {1, 1}, {0.3478548451374538, 0.6521451548625461, 0.6521451548625461, 0.3478548451374538}};
  const int rule = first < NEAR;
  const size_t count = rule ? POINTS_NEAR : POINTS_FAR, at = line * side->count + points_before(first);
  const float u = (float)u_and_step[0], step = (float)u_and_step[1];
  for (size_t p = 0; p < count; p++) {
    const float start = (float)((double)first + 0.5 * (1 + place[rule][p])) * step,
                all = 0.5F * step * (float)weight[rule][p] * u / (float)(2 * PCN_PI);
    float *root = side->root + at + p, *share = side->weight + at + p;
    for (int32_t k = 0; k < (int32_t)(last - first); k++) {
      const float s = start + (float)k * step, square = u * u + s * s;
      root[(size_t)k * count] = sqrtf(sqrtf(square));
      share[(size_t)k * count] = all / square;
    }
  }
}

typedef struct point_work {
  const pcn_corners *corners;
  int axis;
} point_work;

static void find_points(void *data, size_t line, int worker) {
  (void)worker;
  const point_work *w = data;
  const pcn_corner_points *side = &w->corners->side[w->axis];
  const double *pixel_mm = w->corners->pixel_mm,
               u_and_step[2] = {(double)line * pixel_mm[w->axis], pixel_mm[1 - w->axis]};
  const size_t near = side->steps < NEAR ? side->steps : NEAR;
  put_points(side, line, u_and_step, 0, near);
  put_points(side, line, u_and_step, near, side->steps);
}

pencone_status pcn_corners_make(pencone_context *ctx, const pcn_pencil_kernel *kernel,
                                const double pixel_mm[2], const size_t size[2], pcn_corners *out) {
  memset(out, 0, sizeof *out);
  out->kernel = kernel;
  out->value = pcn_alloc(ctx, size[0] * size[1] * TERMS, sizeof *out->value);
  int made = out->value != NULL;
  for (int axis = 0; axis < 2; axis++) {
    pcn_corner_points *side = &out->side[axis];
    out->pixel_mm[axis] = pixel_mm[axis];
    out->size[axis] = size[axis];
    side->steps = size[1 - axis] - 1;
    side->count = points_before(side->steps);
    side->root = pcn_alloc(ctx, size[axis] * side->count, sizeof *side->root);
    side->weight = pcn_alloc(ctx, size[axis] * side->count, sizeof *side->weight);
    made = made && side->root != NULL && side->weight != NULL;
  }
  if (!made) {
    pcn_corners_free(out);
    return PENCONE_E_MEMORY;
  }
  for (int axis = 0; axis < 2; axis++) {
    point_work work = {out, axis};
    pcn_parallel_for(ctx, size[axis], find_points, &work);
  }
  return PENCONE_OK;
}

void pcn_corners_free(pcn_corners *corners) {
  for (int axis = 0; axis < 2; axis++) {
    pcn_free(corners->side[axis].root);
    pcn_free(corners->side[axis].weight);
  }
  pcn_free(corners->value);
  memset(corners, 0, sizeof *corners);
}

// --- a plane -----------------------------------------------------------------------------------------

/// Where points lie among the kernel's radii.
typedef struct radii {
  int32_t node[BATCH];
  float share[BATCH];
} radii;

static void find_radii(const float *restrict root, float per_root, size_t n, radii *out) {
  const float last = PCN_PENCIL_RADII - 1.001F;
#pragma omp simd
  for (size_t q = 0; q < n; q++) {
    const float at = per_root * root[q], x = at < last ? at : last;
    const int32_t i = (int32_t)x;
    out->node[q] = i;
    out->share[q] = x - (float)i;
  }
}

/// A line on its way.
typedef struct run {
  const float (*circle)[TERMS];
  float *out;
  size_t stride;
  int adds;  ///< 0: begins the values
  sums sum;
} run;

static inline __attribute__((always_inline)) void add_steps(run *r, const radii *at, const float *weight,
                                                            size_t steps, size_t count) {
  for (size_t k = 0, q = 0; k < steps; k++) {
    terms step = {0};
    for (size_t end = q + count; q < end; q++) {
      const float *circle = r->circle[at->node[q]];
      const terms near = load(circle), far = load(circle + TERMS);
      step += weight[q] * (near + at->share[q] * (far - near));
    }
    r->sum += __builtin_convertvector(step, sums);
    r->out += r->stride;
    terms here = __builtin_convertvector(r->sum, terms);
    here = r->adds ? here + load(r->out) : here;
    memcpy(r->out, &here, sizeof here);
  }
}

// The triangles beside a line, each from the one before. axis: 0 is a column of fixed u, which begins the
// values; 1 a row of fixed v, which is added.
static void fill_line(const pcn_corners *c, int axis, size_t line) {
  const pcn_corner_points *side = &c->side[axis];
  const float *root = side->root + line * side->count, *weight = side->weight + line * side->count;
  run r = {c->kernel->circle,
           c->value + line * (axis == 0 ? 1 : c->size[0]) * TERMS,
           (axis == 0 ? c->size[0] : 1) * TERMS,
           axis == 1,
           {0}};
  radii found;
  if (axis == 0) {
    memset(r.out, 0, TERMS * sizeof *r.out);
  }
  for (size_t first = 0; first < side->count; first += BATCH) {
    const size_t count = side->count - first < BATCH ? side->count - first : BATCH;
    find_radii(root + first, c->per_root, count, &found);
    if (first == 0) {
      add_steps(&r, &found, weight, count / POINTS_NEAR, POINTS_NEAR);
    } else {
      add_steps(&r, &found, weight + first, count / POINTS_FAR, POINTS_FAR);
    }
  }
}

static void fill_column(void *data, size_t column, int worker) {
  (void)worker;
  fill_line(data, 0, column);
}

static void fill_row(void *data, size_t row, int worker) {
  (void)worker;
  fill_line(data, 1, row);
}

void pcn_corners_fill(pencone_context *ctx, double magnification, pcn_corners *corners) {
  corners->per_root = (float)(sqrt(magnification) / corners->kernel->root_step);
  pcn_parallel_for(ctx, corners->size[0], fill_column, corners);
  pcn_parallel_for(ctx, corners->size[1], fill_row, corners);
}

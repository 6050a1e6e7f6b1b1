// SPDX-License-Identifier: Apache-2.0
// Gamma index (Low et al. 1998, doi:10.1118/1.598248) by a search on a lattice around each point, nearest
// positions first, which ends when no farther one can be better (Wendling et al. 2007,
// doi:10.1118/1.2721657), and a closed-form last step (docs/theory/gamma.md, eq. 5).
//
// The evaluated dose is copied once into a padded volume in units of the normalisation: one layer repeats
// the outer voxels (the dose in the outer half voxel), the rest is so large that it never comes near.
#include "gamma_search.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "simd/isa.h"

static const float nowhere = 1e9F;    // dose outside the evaluated grid, in units of the normalisation
static const double unknown2 = 1e30;  // gamma^2 before the search

/// The evaluated dose with its padding.
typedef struct volume {
  float *values;
  int64_t size[3], pad[3];
  double spacing_mm[3], origin_mm[3];  ///< origin: centre of the padded voxel 0
  ptrdiff_t corner[8];
} volume;

/// A search in progress; the same for all points.
typedef struct search {
  volume v;
  pcn_gamma_points points;
  const pencone_gamma_options *options;
  const pcn_isa *isa;
  double unit;     ///< 1 / normalisation
  double scale;    ///< of the evaluated dose
  double step_mm;  ///< of the lattice
  pcn_gamma_offset *offsets;
  int8_t (*lattice)[4];  ///< steps along x, y, z of each offset
  size_t offset_count;
  int aligned;         ///< points lie on a grid of the volume's spacing
  double first[3];     ///< aligned: padded index of point (0,0,0)
  uint8_t *inside[3];  ///< per axis: the position lies in the evaluated grid
  float *map;
} search;

static size_t point_count(const pcn_gamma_points *p) {
  return (size_t)(p->size[0] * p->size[1] * p->size[2]);
}

// --- the padded volume -------------------------------------------------------------------------

static void fill_row(const volume *v, const float *from, int64_t n, float factor, float *row) {
  for (int64_t i = 0; i < v->size[0]; ++i) {
    const int64_t source = i - v->pad[0];
    row[i] = nowhere;
    if (source >= -1 && source <= n) {
      row[i] = from[source < 0 ? 0 : (source >= n ? n - 1 : source)] * factor;
    }
  }
}

static void fill_volume(volume *v, const pencone_grid *g, const float *values, float factor) {
  for (int64_t k = 0; k < v->size[2]; ++k) {
    for (int64_t j = 0; j < v->size[1]; ++j) {
      float *row = v->values + (k * v->size[1] + j) * v->size[0];
      int64_t source_j = j - v->pad[1];
      int64_t source_k = k - v->pad[2];
      if (source_j < -1 || source_j > g->size[1] || source_k < -1 || source_k > g->size[2]) {
        for (int64_t i = 0; i < v->size[0]; ++i) {
          row[i] = nowhere;
        }
        continue;
      }
      source_j = source_j < 0 ? 0 : (source_j >= g->size[1] ? g->size[1] - 1 : source_j);
      source_k = source_k < 0 ? 0 : (source_k >= g->size[2] ? g->size[2] - 1 : source_k);
      fill_row(v, values + (source_k * g->size[1] + source_j) * g->size[0], g->size[0], factor, row);
    }
  }
}

static pencone_status make_volume(pencone_context *ctx, const pencone_dose *dose, double factor,
                                  double radius_mm, volume *v) {
  const pencone_grid *g = pencone_dose_grid_of(dose);
  for (int axis = 0; axis < 3; ++axis) {
    // Two voxels more than the radius: the cell of the farthest offset and a point between two voxels.
    v->pad[axis] = (int64_t)ceil(radius_mm / g->spacing_mm[axis]) + 3;
    v->size[axis] = g->size[axis] + 2 * v->pad[axis] + (axis == 0 ? PCN_GAMMA_LANES : 0);
    v->spacing_mm[axis] = g->spacing_mm[axis];
    v->origin_mm[axis] = g->origin_mm[axis] - (double)v->pad[axis] * g->spacing_mm[axis];
  }
  for (int c = 0; c < 8; ++c) {
    v->corner[c] = (c & 1) + ((c >> 1) & 1) * v->size[0] + (c >> 2) * v->size[0] * v->size[1];
  }
  v->values = pcn_alloc(ctx, (size_t)(v->size[0] * v->size[1] * v->size[2]), sizeof(float));
  if (v->values == NULL) {
    return PENCONE_E_MEMORY;
  }
  fill_volume(v, g, pencone_dose_values_const(dose), (float)factor);
  return PENCONE_OK;
}

/// The cell of a padded index inside the padding: its lower corner and the position in it.
static const float *cell_of(const volume *v, const double u[3], double f[3]) {
  int64_t low[3];
  for (int axis = 0; axis < 3; ++axis) {
    low[axis] = (int64_t)u[axis];  // indices are positive
    f[axis] = u[axis] - (double)low[axis];
  }
  return v->values + (low[2] * v->size[1] + low[1]) * v->size[0] + low[0];
}

/// Trilinear dose at a padded index inside the padding.
static double dose_at(const volume *v, const double u[3]) {
  double f[3];
  const float *p = cell_of(v, u, f);
  double face[2];
  for (int z = 0; z < 2; ++z) {
    const float *q = p + v->corner[4 * z];
    const double near = (double)q[0] + f[0] * (double)(q[1] - q[0]);
    const float *r = q + v->corner[2];
    const double far = (double)r[0] + f[0] * (double)(r[1] - r[0]);
    face[z] = near + f[1] * (far - near);
  }
  return face[0] + f[2] * (face[1] - face[0]);
}

/// The same with its gradient per voxel.
static double dose_and_gradient(const volume *v, const double u[3], double gradient[3]) {
  double f[3];
  const float *p = cell_of(v, u, f);
  double face[2], along_x[2], along_y[2];
  for (int z = 0; z < 2; ++z) {
    const float *q = p + v->corner[4 * z];
    const float *r = q + v->corner[2];
    const double near_x = (double)(q[1] - q[0]), far_x = (double)(r[1] - r[0]);
    const double near = (double)q[0] + f[0] * near_x;
    const double far = (double)r[0] + f[0] * far_x;
    along_x[z] = near_x + f[1] * (far_x - near_x);
    along_y[z] = far - near;
    face[z] = near + f[1] * along_y[z];
  }
  gradient[0] = along_x[0] + f[2] * (along_x[1] - along_x[0]);
  gradient[1] = along_y[0] + f[2] * (along_y[1] - along_y[0]);
  gradient[2] = face[1] - face[0];
  return face[0] + f[2] * gradient[2];
}

// --- the search lattice ------------------------------------------------------------------------

/// Counts the lattice positions inside the sphere of n steps. start: for each squared distance, the place
/// of its first position in the sorted list.
static size_t lattice_count(int n, size_t *start) {
  size_t total = 0;
  const int n2 = n * n;
  for (int k = -n; k <= n; ++k) {
    for (int j = -n; j <= n; ++j) {
      for (int i = -n; i <= n; ++i) {
        const int d2 = i * i + j * j + k * k;
        if (d2 <= n2) {
          ++start[d2 + 1];
          ++total;
        }
      }
    }
  }
  for (int d2 = 1; d2 <= n2; ++d2) {
    start[d2] += start[d2 - 1];
  }
  return total;
}

static void lattice_place(int n, size_t *start, int8_t (*lattice)[4]) {
  for (int k = -n; k <= n; ++k) {
    for (int j = -n; j <= n; ++j) {
      for (int i = -n; i <= n; ++i) {
        const int d2 = i * i + j * j + k * k;
        if (d2 <= n * n) {
          int8_t *place = lattice[start[d2]++];
          place[0] = (int8_t)i;
          place[1] = (int8_t)j;
          place[2] = (int8_t)k;
        }
      }
    }
  }
}

/// Weights and shifts for points whose fractional position is the same everywhere.
static void weigh_offsets(search *s) {
  for (size_t n = 0; n < s->offset_count; ++n) {
    pcn_gamma_offset *o = &s->offsets[n];
    double f[3];
    o->shift = 0;
    for (int axis = 2; axis >= 0; --axis) {
      const double fraction = s->first[axis] - floor(s->first[axis]);
      double u = fraction + s->lattice[n][axis] * s->step_mm / s->v.spacing_mm[axis];
      if (fabs(u - round(u)) < 1e-9) {  // a position meant to be a voxel centre
        u = round(u);
      }
      f[axis] = u - floor(u);
      o->shift = o->shift * s->v.size[axis] + (ptrdiff_t)floor(u);
    }
    for (int c = 0; c < 8; ++c) {
      o->weight[c] = (float)(((c & 1) ? f[0] : 1 - f[0]) * (((c >> 1) & 1) ? f[1] : 1 - f[1]) *
                             ((c >> 2) ? f[2] : 1 - f[2]));
    }
  }
}

static pencone_status make_offsets(pencone_context *ctx, search *s) {
  const int n = (int)floor(s->options->max_gamma * s->options->steps + 1e-9);
  size_t *start = pcn_calloc(ctx, (size_t)(n * n + 2), sizeof *start);
  if (start == NULL) {
    return PENCONE_E_MEMORY;
  }
  s->offset_count = lattice_count(n, start);
  s->lattice = pcn_alloc(ctx, s->offset_count, sizeof *s->lattice);
  s->offsets = pcn_calloc(ctx, s->offset_count, sizeof *s->offsets);
  if (s->lattice == NULL || s->offsets == NULL) {
    pcn_free(start);
    return PENCONE_E_MEMORY;
  }
  lattice_place(n, start, s->lattice);
  pcn_free(start);
  const double steps = s->options->steps;
  for (size_t i = 0; i < s->offset_count; ++i) {
    const int8_t *l = s->lattice[i];
    s->offsets[i].distance2 = (float)((l[0] * l[0] + l[1] * l[1] + l[2] * l[2]) / (steps * steps));
  }
  if (s->aligned) {
    weigh_offsets(s);
  }
  return PENCONE_OK;
}

// --- one row of points -------------------------------------------------------------------------

/// Reference dose of a point in units of the normalisation, rounded as the padded volume is.
static double point_dose(const search *s, size_t index) {
  return (double)(s->points.dose[index] * (float)s->unit);
}

/// Dose criterion of a point in units of the normalisation.
static double criterion(const search *s, size_t index, double reference) {
  const double share = s->options->dose_pct / 100;
  const double dose = s->options->local ? share * reference : share;
  const double sigma =
      s->points.relative_sigma != NULL ? (double)s->points.relative_sigma[index] * reference : 0;
  return sqrt(dose * dose + sigma * sigma);
}

static int judged(const search *s, size_t index, int64_t i, int64_t j, int64_t k) {
  const double reference = point_dose(s, index);
  return !(s->points.skip != NULL && s->points.skip[index]) && s->inside[0][i] && s->inside[1][j] &&
         s->inside[2][k] && reference > 0 && reference >= s->options->threshold_pct / 100;
}

/// The last step: the dose around position q (mm from the point) as a plane has its smallest gamma at eq. 5
/// of the theory page; taken, at most one lattice step far, where the true gamma^2 is lower.
static double refine(const search *s, const double u[3], double reference, double tolerance, double best2,
                     double q[3]) {
  const double distance = s->options->distance_mm;
  double at[3], gradient[3];
  for (int axis = 0; axis < 3; ++axis) {
    at[axis] = u[axis] + q[axis] / s->v.spacing_mm[axis];
  }
  double here = dose_and_gradient(&s->v, at, gradient);
  for (int round = 0; round < 2; ++round) {
    double norm2 = 0, along = 0, moved2 = 0;
    for (int axis = 0; axis < 3; ++axis) {
      gradient[axis] *= distance / (s->v.spacing_mm[axis] * tolerance);  // criteria per criterion
      norm2 += gradient[axis] * gradient[axis];
      along += gradient[axis] * q[axis] / distance;
    }
    const double c = (here - reference) / tolerance - along;
    for (int axis = 0; axis < 3; ++axis) {
      const double wanted = -c * gradient[axis] / (1 + norm2) * distance;
      q[axis] = fmin(fmax(wanted, q[axis] - s->step_mm), q[axis] + s->step_mm);
      at[axis] = u[axis] + q[axis] / s->v.spacing_mm[axis];
      moved2 += q[axis] * q[axis] / (distance * distance);
    }
    if (!(moved2 <= s->options->max_gamma * s->options->max_gamma)) {  // also NaN: the edge of the grid
      break;
    }
    here = dose_and_gradient(&s->v, at, gradient);
    const double difference = (here - reference) / tolerance;
    const double gamma2 = difference * difference + moved2;
    if (!(gamma2 < best2)) {
      break;
    }
    best2 = gamma2;
  }
  return best2;
}

/// Ends the search of a point whose best lattice position is known.
static float finish(const search *s, const double u[3], size_t index, double best2, int32_t which) {
  const double reference = point_dose(s, index);
  if (s->options->refine && best2 > 0) {
    // Half a step back to the point: where the dose has a kink, the slope that counts is on the near side.
    double start[3] = {0, 0, 0};
    if (which > 0) {
      const double back = 1 - 0.5 / (sqrt((double)s->offsets[which].distance2) * s->options->steps);
      for (int axis = 0; axis < 3; ++axis) {
        start[axis] = s->lattice[which][axis] * s->step_mm * back;
      }
    }
    best2 = refine(s, u, reference, criterion(s, index, reference), best2, start);
  }
  return (float)fmin(sqrt(best2), s->options->max_gamma);
}

static double start_value(const search *s, size_t index, double reference) {
  if (s->points.mean == NULL) {
    return unknown2;
  }
  const double mean = (double)(s->points.mean[index] * (float)(s->scale * s->unit));  // rounded as all doses
  const double difference = (mean - reference) / criterion(s, index, reference);
  return fmin(difference * difference, unknown2);
}

/// Points of one row on a grid of the volume's spacing, 16 at a time.
static void search_aligned(const search *s, int64_t j, int64_t k) {
  const int64_t nx = s->points.size[0];
  const size_t row = (size_t)((k * s->points.size[1] + j) * nx);
  const int64_t own = ((int64_t)floor(s->first[2]) + k) * s->v.size[1] + (int64_t)floor(s->first[1]) + j;
  // The zero offset is skipped where the caller gave the dose at distance 0.
  const size_t skipped = s->points.mean != NULL ? 1 : 0;
  for (int64_t i0 = 0; i0 < nx; i0 += PCN_GAMMA_LANES) {
    pcn_gamma_lanes lanes;
    int any = 0;
    for (int lane = 0; lane < PCN_GAMMA_LANES; ++lane) {
      const int64_t i = i0 + lane;
      const size_t index = row + (size_t)i;
      const int active = i < nx && judged(s, index, i, j, k);
      const double reference = active ? point_dose(s, index) : 0;
      lanes.reference[lane] = (float)reference;
      lanes.inverse[lane] = active ? (float)(1 / criterion(s, index, reference)) : 0;
      lanes.best[lane] = active ? (float)start_value(s, index, reference) : -1;
      lanes.which[lane] = -1;
      any |= active;
    }
    if (!any) {
      continue;
    }
    s->isa->gamma(s->v.values + own * s->v.size[0] + (int64_t)floor(s->first[0]) + i0, s->v.corner,
                  s->offsets + skipped, s->offset_count - skipped, &lanes);
    for (int lane = 0; lane < PCN_GAMMA_LANES && i0 + lane < nx; ++lane) {
      if (lanes.best[lane] >= 0) {
        const double u[3] = {s->first[0] + (double)(i0 + lane), s->first[1] + (double)j,
                             s->first[2] + (double)k};
        const int32_t which = lanes.which[lane] >= 0 ? lanes.which[lane] + (int32_t)skipped : -1;
        const size_t index = row + (size_t)(i0 + lane);
        s->map[index] = finish(s, u, index, (double)lanes.best[lane], which);
      }
    }
  }
}

/// One point anywhere in the volume.
static void search_point(const search *s, size_t index, const double u[3]) {
  const double reference = point_dose(s, index);
  const double inverse = 1 / criterion(s, index, reference);
  double best2 = start_value(s, index, reference);
  int32_t which = -1;
  for (size_t n = s->points.mean != NULL ? 1 : 0; n < s->offset_count; ++n) {
    const double distance2 = (double)s->offsets[n].distance2;
    if (distance2 >= best2) {
      break;
    }
    double at[3];
    for (int axis = 0; axis < 3; ++axis) {
      at[axis] = u[axis] + s->lattice[n][axis] * s->step_mm / s->v.spacing_mm[axis];
    }
    const double difference = (dose_at(&s->v, at) - reference) * inverse;
    const double gamma2 = difference * difference + distance2;
    if (gamma2 < best2) {
      best2 = gamma2;
      which = (int32_t)n;
    }
  }
  s->map[index] = finish(s, u, index, best2, which);
}

static void search_row(void *work, size_t task, int worker) {
  (void)worker;
  const search *s = work;
  const int64_t j = (int64_t)task % s->points.size[1];
  const int64_t k = (int64_t)task / s->points.size[1];
  if (s->aligned) {
    search_aligned(s, j, k);
    return;
  }
  for (int64_t i = 0; i < s->points.size[0]; ++i) {
    const size_t index = (size_t)((k * s->points.size[1] + j) * s->points.size[0] + i);
    if (judged(s, index, i, j, k)) {
      const int64_t at[3] = {i, j, k};
      double u[3];
      for (int axis = 0; axis < 3; ++axis) {
        u[axis] = (s->points.centre_mm[axis][at[axis]] - s->v.origin_mm[axis]) / s->v.spacing_mm[axis];
      }
      search_point(s, index, u);
    }
  }
}

// --- the whole ---------------------------------------------------------------------------------

/// Marks positions inside the evaluated grid, per axis, and finds whether the points are a grid of the same
/// spacing.
static pencone_status place_points(pencone_context *ctx, search *s, const pencone_grid *g) {
  s->aligned = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const double *x = s->points.centre_mm[axis];
    const int64_t n = s->points.size[axis];
    s->inside[axis] = pcn_calloc(ctx, (size_t)n, 1);
    if (s->inside[axis] == NULL) {
      return PENCONE_E_MEMORY;
    }
    const double low = g->origin_mm[axis] - 0.5 * g->spacing_mm[axis];
    const double high = low + (double)g->size[axis] * g->spacing_mm[axis];
    int any = 0;
    for (int64_t i = 0; i < n; ++i) {
      s->inside[axis][i] = x[i] >= low - 1e-6 && x[i] <= high + 1e-6;
      any |= s->inside[axis][i];
      s->aligned = s->aligned && fabs(x[i] - x[0] - (double)i * g->spacing_mm[axis]) < 1e-6;
    }
    PCN_CHECK(ctx, any, PENCONE_E_SHAPE,
              "gamma: the grids do not overlap along %c: got the reference from %g to %g mm, expected "
              "positions in the evaluated grid from %g to %g mm",
              'x' + axis, x[0], x[n - 1], low, high);
    s->first[axis] = (x[0] - s->v.origin_mm[axis]) / s->v.spacing_mm[axis];
    if (fabs(s->first[axis] - round(s->first[axis])) < 1e-9) {
      s->first[axis] = round(s->first[axis]);
    }
  }
  return PENCONE_OK;
}

static void count_outside(const search *s, pencone_gamma_result *result) {
  const pcn_gamma_points *p = &s->points;
  result->outside = 0;
  for (size_t index = 0; index < point_count(p); ++index) {
    const size_t i = index % (size_t)p->size[0];
    const size_t j = index / (size_t)p->size[0] % (size_t)p->size[1];
    const size_t k = index / (size_t)p->size[0] / (size_t)p->size[1];
    const double reference = point_dose(s, index);
    const int above = reference > 0 && reference >= s->options->threshold_pct / 100;
    if (above && !(p->skip != NULL && p->skip[index]) &&
        !(s->inside[0][i] && s->inside[1][j] && s->inside[2][k])) {
      ++result->outside;
    }
  }
}

void pcn_gamma_summarise(const float *gamma, size_t count, const pencone_gamma_options *options,
                         pencone_gamma_result *result) {
  result->points = result->passed = 0;
  result->max = 0;
  result->bin_width = options->max_gamma / PENCONE_GAMMA_BINS;
  memset(result->histogram, 0, sizeof result->histogram);
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const double g = (double)gamma[i];
    if (isnan(g)) {
      continue;
    }
    const int bin = (int)(g / result->bin_width);
    ++result->histogram[bin < PENCONE_GAMMA_BINS ? bin : PENCONE_GAMMA_BINS - 1];
    ++result->points;
    result->passed += g <= 1;
    result->max = fmax(result->max, g);
    sum += g;
  }
  result->pass_rate_pct = result->points > 0 ? 100.0 * (double)result->passed / (double)result->points : NAN;
  result->mean = result->points > 0 ? sum / (double)result->points : NAN;
}

static void search_free(search *s) {
  pcn_free(s->v.values);
  pcn_free(s->offsets);
  pcn_free(s->lattice);
  for (int axis = 0; axis < 3; ++axis) {
    pcn_free(s->inside[axis]);
  }
}

static pencone_status search_all(pencone_context *ctx, const pencone_dose *evaluated, search *s,
                                 pencone_gamma_result *result) {
  const double radius = s->options->max_gamma * s->options->distance_mm;
  PCN_TRY(make_volume(ctx, evaluated, s->scale * s->unit, radius, &s->v));
  PCN_TRY(place_points(ctx, s, pencone_dose_grid_of(evaluated)));
  PCN_TRY(make_offsets(ctx, s));
  count_outside(s, result);
  const size_t rows = (size_t)(s->points.size[1] * s->points.size[2]);
  return pcn_parallel_for_progress(ctx, rows, search_row, s, 0, 1, "gamma");
}

pencone_status pcn_gamma_run(pencone_context *ctx, const pencone_dose *evaluated, double evaluated_scale,
                             const pcn_gamma_points *points, const pencone_gamma_options *options, float *map,
                             pencone_gamma_result *result) {
  search s = {.points = *points, .options = options, .isa = pcn_isa_of(ctx), .map = map};
  s.unit = 1 / options->normalisation_gy;
  s.scale = evaluated_scale;
  s.step_mm = options->distance_mm / options->steps;
  for (size_t i = 0; i < point_count(points); ++i) {
    map[i] = NAN;
  }
  const pencone_status status = search_all(ctx, evaluated, &s, result);
  search_free(&s);
  PCN_TRY(status);
  result->normalisation = options->normalisation_gy;
  pcn_gamma_summarise(map, point_count(points), options, result);
  return PENCONE_OK;
}

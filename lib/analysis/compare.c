// SPDX-License-Identifier: Apache-2.0
// Comparison of a computed dose with a reference of known uncertainty: absolute ratio, local differences in
// the high, flat region, gamma. Definitions: docs/theory/metrics.md.
#include <math.h>
#include <pencone/analysis.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "gamma_search.h"

enum { PART_VALID = 1, PART_HIGH = 2 };

/// A comparison in progress.
typedef struct comparison {
  const pencone_reference_desc *d;
  const pencone_dose *dose;
  const pencone_compare_options *o;
  size_t count;
  double *centres, *centre_mm[3];
  float *mean;    ///< computed dose over each reference voxel
  uint8_t *part;  ///< PART_ bits
  float *sorted;  ///< scratch: valid reference doses
  float *map;
  int owns_map;
} comparison;

static const pencone_compare_options default_options = PENCONE_COMPARE_OPTIONS_DEFAULT;

static pencone_status check_options(pencone_context *ctx, const pencone_compare_options *o) {
  PCN_CHECK(ctx, o->struct_size >= sizeof *o, PENCONE_E_ARGUMENT,
            "comparison: got options of %zu bytes, expected %zu (PENCONE_COMPARE_OPTIONS_DEFAULT)",
            o->struct_size, sizeof *o);
  PCN_TRY(pcn_gamma_check(ctx, &o->gamma));
  for (int axis = 0; axis < 3; ++axis) {
    PCN_CHECK(ctx, isfinite(o->margin_low_mm[axis]) && isfinite(o->margin_high_mm[axis]), PENCONE_E_RANGE,
              "comparison: margin along %c: got %g and %g mm, expected finite lengths", 'x' + axis,
              o->margin_low_mm[axis], o->margin_high_mm[axis]);
  }
  PCN_CHECK(ctx, o->max_sigma >= 0 && o->flat_pct_per_mm > 0, PENCONE_E_RANGE,
            "comparison: got a largest sigma of %g and a flat gradient of %g %%/mm, expected 0 or more, and "
            "more than 0",
            o->max_sigma, o->flat_pct_per_mm);
  PCN_CHECK(ctx, o->scale >= 0 && isfinite(o->scale), PENCONE_E_RANGE,
            "comparison: scale: got %g, expected a factor above 0, or 0 to fit it", o->scale);
  return PENCONE_OK;
}

static pencone_status make_arrays(pencone_context *ctx, comparison *c, float *map) {
  const int64_t *n = c->d->size;
  c->count = (size_t)(n[0] * n[1] * n[2]);
  c->centres = pcn_alloc(ctx, (size_t)(n[0] + n[1] + n[2]), sizeof(double));
  c->mean = pcn_alloc(ctx, c->count, sizeof(float));
  c->part = pcn_calloc(ctx, c->count, 1);
  c->sorted = pcn_alloc(ctx, c->count, sizeof(float));
  c->owns_map = map == NULL;
  c->map = map != NULL ? map : pcn_alloc(ctx, c->count, sizeof(float));
  if (c->centres == NULL || c->mean == NULL || c->part == NULL || c->sorted == NULL || c->map == NULL) {
    return PENCONE_E_MEMORY;
  }
  double *next = c->centres;
  for (int axis = 0; axis < 3; ++axis) {
    c->centre_mm[axis] = next;
    for (int64_t i = 0; i < n[axis]; ++i) {
      *next++ = 0.5 * (c->d->edges_mm[axis][i] + c->d->edges_mm[axis][i + 1]);
    }
  }
  return PENCONE_OK;
}

static void free_arrays(comparison *c) {
  pcn_free(c->centres);
  pcn_free(c->mean);
  pcn_free(c->part);
  pcn_free(c->sorted);
  if (c->owns_map) {
    pcn_free(c->map);
  }
}

static void centre_of(const comparison *c, size_t index, double xyz_mm[3]) {
  const size_t nx = (size_t)c->d->size[0], ny = (size_t)c->d->size[1];
  xyz_mm[0] = c->centre_mm[0][index % nx];
  xyz_mm[1] = c->centre_mm[1][index / nx % ny];
  xyz_mm[2] = c->centre_mm[2][index / nx / ny];
}

/// Marks the voxels that count. @return how many.
static size_t mark_valid(comparison *c) {
  const pencone_grid *g = pencone_dose_grid_of(c->dose);
  size_t valid = 0;
  for (size_t i = 0; i < c->count; ++i) {
    double xyz[3];
    centre_of(c, i, xyz);
    int inside = 1;
    for (int axis = 0; axis < 3; ++axis) {
      const double low = g->origin_mm[axis] + c->o->margin_low_mm[axis];
      const double high =
          g->origin_mm[axis] + g->spacing_mm[axis] * (double)(g->size[axis] - 1) - c->o->margin_high_mm[axis];
      inside = inside && xyz[axis] > low && xyz[axis] < high;
    }
    const double sigma = (double)c->d->relative_sigma[i];
    const int known = c->o->max_sigma == 0 || sigma < c->o->max_sigma;
    if (inside && known && c->d->dose[i] > 0 && isfinite(c->mean[i])) {
      c->part[i] = PART_VALID;
      ++valid;
    }
  }
  return valid;
}

static int by_falling_dose(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x < y) - (x > y);
}

/// Mean of the highest 1/2000 valid voxels, 20 at least: noise does not lift it as it lifts the maximum.
static double robust_maximum(comparison *c) {
  size_t n = 0;
  for (size_t i = 0; i < c->count; ++i) {
    if (c->part[i] & PART_VALID) {
      c->sorted[n++] = c->d->dose[i];
    }
  }
  qsort(c->sorted, n, sizeof(float), by_falling_dose);
  size_t top = n / 2000 > 20 ? n / 2000 : 20;
  top = top < n ? top : n;
  double sum = 0;
  for (size_t i = 0; i < top; ++i) {
    sum += (double)c->sorted[i];
  }
  return sum / (double)top;
}

/// Dose with the outer voxels continued: gradients near the border.
static double clamped_dose(const comparison *c, const double xyz_mm[3]) {
  const pencone_grid *g = pencone_dose_grid_of(c->dose);
  double p[3];
  for (int axis = 0; axis < 3; ++axis) {
    const double high = g->origin_mm[axis] + g->spacing_mm[axis] * (double)(g->size[axis] - 1);
    p[axis] = fmin(fmax(xyz_mm[axis], g->origin_mm[axis]), high);
  }
  return pencone_dose_at(c->dose, p);
}

static double gradient_at(const comparison *c, const double xyz_mm[3]) {
  double sum = 0;
  for (int axis = 0; axis < 3; ++axis) {
    double low[3] = {xyz_mm[0], xyz_mm[1], xyz_mm[2]}, high[3] = {xyz_mm[0], xyz_mm[1], xyz_mm[2]};
    low[axis] -= 1;
    high[axis] += 1;
    const double slope = (clamped_dose(c, high) - clamped_dose(c, low)) / 2;  // per mm
    sum += slope * slope;
  }
  return sqrt(sum);
}

/// Marks the high region: above half of the maximum and flat, or all above half when that is too little.
static void mark_high(comparison *c, pencone_compare_result *r) {
  const float *values = pencone_dose_values_const(c->dose);
  const size_t voxels = pencone_grid_voxels(pencone_dose_grid_of(c->dose));
  float maximum = 0;
  for (size_t i = 0; i < voxels; ++i) {
    maximum = values[i] > maximum ? values[i] : maximum;
  }
  const double steepest = c->o->flat_pct_per_mm / 100 * (double)maximum;
  const size_t too_few = 50;
  r->high_points = 0;
  r->high_is_flat = 1;
  for (int flat = 1; flat >= 0 && r->high_points < too_few; --flat) {
    r->high_points = 0;
    r->high_is_flat = flat;
    for (size_t i = 0; i < c->count; ++i) {
      double xyz[3];
      centre_of(c, i, xyz);
      if ((c->part[i] & PART_VALID) && (double)c->d->dose[i] > 0.5 * r->reference_max &&
          (!flat || gradient_at(c, xyz) < steepest)) {
        c->part[i] |= PART_HIGH;
        ++r->high_points;
      }
    }
  }
}

/// Slope through the origin of computed against reference dose, weighted by 1/variance (equally without).
static double weighted_ratio(const comparison *c) {
  double product = 0, square = 0;
  int exact = 1;
  for (size_t i = 0; i < c->count; ++i) {
    exact = exact && !((c->part[i] & PART_HIGH) && c->d->relative_sigma[i] > 0);
  }
  for (size_t i = 0; i < c->count; ++i) {
    if (c->part[i] & PART_HIGH) {
      const double reference = (double)c->d->dose[i];
      const double sigma = (double)c->d->relative_sigma[i] * reference;
      const double w = exact ? 1 / (reference * reference) : (sigma > 0 ? 1 / (sigma * sigma) : 0);
      product += w * (double)c->mean[i] * reference;
      square += w * reference * reference;
    }
  }
  return square > 0 ? product / square : NAN;
}

static void local_differences(const comparison *c, pencone_compare_result *r) {
  double sum = 0, squares = 0, noise = 0, largest = 0;
  for (size_t i = 0; i < c->count; ++i) {
    if (c->part[i] & PART_HIGH) {
      const double difference = (double)c->mean[i] * r->scale / (double)c->d->dose[i] - 1;
      sum += difference;
      squares += difference * difference;
      noise += (double)c->d->relative_sigma[i] * (double)c->d->relative_sigma[i];
      largest = fabs(difference) > fabs(largest) ? difference : largest;
    }
  }
  const double n = (double)r->high_points;
  r->mean_pct = 100 * sum / n;
  r->rms_pct = 100 * sqrt(squares / n);
  r->sigma_pct = 100 * sqrt(noise / n);
  r->rms_noise_removed_pct = 100 * sqrt(fmax(0, squares / n - noise / n));
  r->max_pct = 100 * largest;
}

static pencone_status run_gamma(pencone_context *ctx, comparison *c, pencone_compare_result *r) {
  pencone_gamma_options options = c->o->gamma;
  if (!(options.normalisation_gy > 0)) {
    options.normalisation_gy = r->reference_max;
  }
  for (size_t i = 0; i < c->count; ++i) {
    c->part[i] = !(c->part[i] & PART_VALID);  // from here on: skip
  }
  const pcn_gamma_points points = {.size = {c->d->size[0], c->d->size[1], c->d->size[2]},
                                   .centre_mm = {c->centre_mm[0], c->centre_mm[1], c->centre_mm[2]},
                                   .dose = c->d->dose,
                                   .relative_sigma = c->d->relative_sigma,
                                   .skip = c->part,
                                   .mean = c->mean};
  return pcn_gamma_run(ctx, c->dose, r->scale, &points, &options, c->map, &r->gamma);
}

static pencone_status compare(pencone_context *ctx, const pencone_reference *reference, comparison *c,
                              float *map, pencone_compare_result *r) {
  PCN_TRY(make_arrays(ctx, c, map));
  PCN_TRY(pencone_reference_average(ctx, reference, c->dose, c->mean));
  const size_t valid = mark_valid(c);
  PCN_CHECK(ctx, valid > 0, PENCONE_E_SHAPE,
            "comparison: got no reference voxel inside the dose grid by the margins with sigma below %g, "
            "expected grids that overlap",
            c->o->max_sigma);
  r->reference_max = robust_maximum(c);
  mark_high(c, r);
  r->absolute_ratio = weighted_ratio(c);
  PCN_CHECK(
      ctx, r->high_points > 0 && r->absolute_ratio > 0, PENCONE_E_RANGE,
      "comparison: got a computed dose of %g times the reference in %zu high voxels, expected more than 0",
      r->absolute_ratio, r->high_points);
  r->scale = c->o->scale > 0 ? c->o->scale : 1 / r->absolute_ratio;
  local_differences(c, r);
  return run_gamma(ctx, c, r);
}

pencone_status pencone_reference_compare(pencone_context *ctx, const pencone_reference *reference,
                                         const pencone_dose *dose, const pencone_compare_options *options,
                                         float *gamma_map, pencone_compare_result *result) {
  PCN_CHECK(ctx, reference != NULL && dose != NULL && result != NULL, PENCONE_E_ARGUMENT,
            "comparison: got reference %s, dose %s, result %s, expected all three",
            reference ? "given" : "NULL", dose ? "given" : "NULL", result ? "given" : "NULL");
  comparison c = {.d = pencone_reference_describe(reference),
                  .dose = dose,
                  .o = options != NULL ? options : &default_options};
  PCN_TRY(check_options(ctx, c.o));
  PCN_TRY(pcn_check_finite(ctx, "comparison: computed dose", pencone_dose_values_const(dose),
                           pencone_grid_voxels(pencone_dose_grid_of(dose))));
  const pencone_status status = compare(ctx, reference, &c, gamma_map, result);
  free_arrays(&c);
  return status;
}

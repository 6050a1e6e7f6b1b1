// SPDX-License-Identifier: Apache-2.0
// A reference dose on a rectilinear grid with its uncertainty, and the mean of a dose over its voxels.
#include <math.h>
#include <pencone/analysis.h>
#include <string.h>

#include "base/base.h"
#include "gamma_search.h"
#include "geom/overlap.h"

struct pencone_reference {
  pencone_reference_desc desc;
  double *edges;
  float *dose, *sigma;
  char *units, *quantity;
};

static size_t voxels(const pencone_reference_desc *d) {
  return (size_t)(d->size[0] * d->size[1] * d->size[2]);
}

static pencone_status check_edges(pencone_context *ctx, const pencone_reference_desc *d) {
  for (int axis = 0; axis < 3; ++axis) {
    PCN_CHECK(ctx, d->size[axis] >= 1 && d->size[axis] <= 32767 && d->edges_mm[axis] != NULL, PENCONE_E_RANGE,
              "reference: voxels along %c: got %lld, expected 1 to 32767 with their edges", 'x' + axis,
              (long long)d->size[axis]);
    for (int64_t i = 0; i <= d->size[axis]; ++i) {
      const double edge = d->edges_mm[axis][i];
      PCN_CHECK(ctx, isfinite(edge) && (i == 0 || edge > d->edges_mm[axis][i - 1]), PENCONE_E_RANGE,
                "reference: edge %lld along %c: got %g mm, expected finite and rising edges", (long long)i,
                'x' + axis, edge);
    }
  }
  return PENCONE_OK;
}

static pencone_status check_values(pencone_context *ctx, const pencone_reference_desc *d) {
  const size_t n = voxels(d);
  PCN_TRY(pcn_check_finite(ctx, "reference: dose", d->dose, n));
  float maximum = 0;
  for (size_t i = 0; i < n; ++i) {
    maximum = d->dose[i] > maximum ? d->dose[i] : maximum;
    PCN_CHECK(ctx, d->relative_sigma == NULL || (isfinite(d->relative_sigma[i]) && d->relative_sigma[i] >= 0),
              PENCONE_E_RANGE, "reference: relative sigma of voxel %zu: got %g, expected 0 or more", i,
              (double)d->relative_sigma[i]);
  }
  PCN_CHECK(ctx, maximum > 0, PENCONE_E_RANGE, "reference: got a largest dose of %g, expected a dose above 0",
            (double)maximum);
  return PENCONE_OK;
}

static pencone_status copy_values(pencone_context *ctx, const pencone_reference_desc *d,
                                  pencone_reference *r) {
  const size_t n = voxels(d);
  r->desc = *d;
  r->desc.struct_size = sizeof r->desc;
  r->edges = pcn_alloc(ctx, (size_t)(d->size[0] + d->size[1] + d->size[2] + 3), sizeof(double));
  r->dose = pcn_alloc(ctx, n, sizeof(float));
  r->sigma = pcn_calloc(ctx, n, sizeof(float));
  r->units = pcn_strdup(ctx, d->units != NULL ? d->units : "Gy");
  r->quantity = pcn_strdup(ctx, d->quantity != NULL ? d->quantity : "unspecified");
  if (r->edges == NULL || r->dose == NULL || r->sigma == NULL || r->units == NULL || r->quantity == NULL) {
    return PENCONE_E_MEMORY;
  }
  double *next = r->edges;
  for (int axis = 0; axis < 3; ++axis) {
    const size_t edges = (size_t)d->size[axis] + 1;
    memcpy(next, d->edges_mm[axis], edges * sizeof(double));
    r->desc.edges_mm[axis] = next;
    next += edges;
  }
  memcpy(r->dose, d->dose, n * sizeof(float));
  if (d->relative_sigma != NULL) {
    memcpy(r->sigma, d->relative_sigma, n * sizeof(float));
  }
  r->desc.dose = r->dose;
  r->desc.relative_sigma = r->sigma;
  r->desc.units = r->units;
  r->desc.quantity = r->quantity;
  return PENCONE_OK;
}

pencone_status pencone_reference_create(pencone_context *ctx, const pencone_reference_desc *desc,
                                        pencone_reference **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "reference: the place for the result is NULL");
  *out = NULL;
  PCN_CHECK(ctx, desc != NULL && desc->struct_size >= sizeof *desc && desc->dose != NULL, PENCONE_E_ARGUMENT,
            "reference: got description %s, dose %s, expected both (PENCONE_REFERENCE_DESC_DEFAULT)",
            desc ? "given" : "NULL", desc && desc->dose ? "given" : "NULL");
  PCN_TRY(check_edges(ctx, desc));
  PCN_TRY(check_values(ctx, desc));
  pencone_reference *r = pcn_calloc(ctx, 1, sizeof *r);
  if (r == NULL) {
    return PENCONE_E_MEMORY;
  }
  const pencone_status status = copy_values(ctx, desc, r);
  if (status != PENCONE_OK) {
    pencone_reference_destroy(r);
    return status;
  }
  *out = r;
  return PENCONE_OK;
}

pencone_status pencone_reference_from_dose(pencone_context *ctx, const pencone_dose *dose,
                                           pencone_reference **out) {
  PCN_CHECK(ctx, out != NULL && dose != NULL, PENCONE_E_ARGUMENT,
            "reference: got dose %s, place for the result %s, expected both", dose ? "given" : "NULL",
            out ? "given" : "NULL");
  *out = NULL;
  const pencone_grid *g = pencone_dose_grid_of(dose);
  double *edges = pcn_alloc(ctx, (size_t)(g->size[0] + g->size[1] + g->size[2] + 3), sizeof(double));
  if (edges == NULL) {
    return PENCONE_E_MEMORY;
  }
  pencone_reference_desc d = PENCONE_REFERENCE_DESC_DEFAULT;
  double *next = edges;
  for (int axis = 0; axis < 3; ++axis) {
    d.size[axis] = g->size[axis];
    d.edges_mm[axis] = next;
    for (int64_t i = 0; i <= g->size[axis]; ++i) {
      *next++ = g->origin_mm[axis] + ((double)i - 0.5) * g->spacing_mm[axis];
    }
  }
  d.dose = pencone_dose_values_const(dose);
  d.units = pencone_dose_units(dose);
  d.quantity = pencone_dose_quantity(dose);
  const pencone_status status = pencone_reference_create(ctx, &d, out);
  pcn_free(edges);
  return status;
}

void pencone_reference_destroy(pencone_reference *r) {
  if (r == NULL) {
    return;
  }
  pcn_free(r->edges);
  pcn_free(r->dose);
  pcn_free(r->sigma);
  pcn_free(r->units);
  pcn_free(r->quantity);
  pcn_free(r);
}

const pencone_reference_desc *pencone_reference_describe(const pencone_reference *r) {
  return r != NULL ? &r->desc : NULL;
}

// --- mean over reference voxels ----------------------------------------------------------------

typedef struct averaging {
  const pencone_reference_desc *d;
  const pencone_grid *g;
  const float *values;
  pcn_overlap run[3];  ///< shares of the dose voxels in each reference voxel, per axis
  float *mean;
} averaging;

static double total(const pcn_overlap *run, int64_t target) {
  double sum = 0;
  for (int64_t n = 0; n < run->count[target]; ++n) {
    sum += run->weight[run->start[target] + n];
  }
  return sum;
}

/// Weighted sum along x of one dose row.
static double row_sum(const pcn_overlap *run, int64_t target, const float *row) {
  double sum = 0;
  for (int64_t n = 0; n < run->count[target]; ++n) {
    sum += run->weight[run->start[target] + n] * (double)row[run->first[target] + n];
  }
  return sum;
}

static void average_slice(void *work, size_t slice, int worker) {
  (void)worker;
  const averaging *a = work;
  const pcn_overlap *rx = &a->run[0], *ry = &a->run[1], *rz = &a->run[2];
  const int64_t z = (int64_t)slice;
  for (int64_t y = 0; y < a->d->size[1]; ++y) {
    for (int64_t x = 0; x < a->d->size[0]; ++x) {
      double sum = 0;
      for (int64_t k = 0; k < rz->count[z]; ++k) {
        for (int64_t j = 0; j < ry->count[y]; ++j) {
          const double area = rz->weight[rz->start[z] + k] * ry->weight[ry->start[y] + j];
          const int64_t row = (rz->first[z] + k) * a->g->size[1] + ry->first[y] + j;
          sum += area * row_sum(rx, x, a->values + row * a->g->size[0]);
        }
      }
      const double inside = total(rx, x) * total(ry, y) * total(rz, z);
      a->mean[(z * a->d->size[1] + y) * a->d->size[0] + x] = inside > 0 ? (float)(sum / inside) : NAN;
    }
  }
}

/// Tells whether any reference voxel along an axis meets the dose grid.
static int meets(const pcn_overlap *run) {
  double sum = 0;
  for (int64_t i = 0; i < run->targets; ++i) {
    sum += total(run, i);
  }
  return sum > 0;
}

pencone_status pencone_reference_average(pencone_context *ctx, const pencone_reference *reference,
                                         const pencone_dose *dose, float *mean) {
  PCN_CHECK(ctx, reference != NULL && dose != NULL && mean != NULL, PENCONE_E_ARGUMENT,
            "average: got reference %s, dose %s, place for the means %s, expected all three",
            reference ? "given" : "NULL", dose ? "given" : "NULL", mean ? "given" : "NULL");
  const pencone_reference_desc *d = &reference->desc;
  averaging a = {
      .d = d, .g = pencone_dose_grid_of(dose), .values = pencone_dose_values_const(dose), .mean = mean};
  int meet = 1;
  pencone_status status = PENCONE_OK;
  for (int axis = 0; axis < 3 && status == PENCONE_OK; ++axis) {
    status = pcn_overlap_make_edges(ctx, a.g, axis, d->edges_mm[axis], d->size[axis], &a.run[axis]);
    meet = meet && status == PENCONE_OK && meets(&a.run[axis]);
  }
  if (meet) {
    pcn_parallel_for(ctx, (size_t)d->size[2], average_slice, &a);
  }
  for (int axis = 0; axis < 3; ++axis) {
    pcn_overlap_free(&a.run[axis]);
  }
  PCN_TRY(status);
  PCN_CHECK(ctx, meet, PENCONE_E_SHAPE,
            "average: got a dose grid from %g,%g,%g mm that does not overlap the reference from %g,%g,%g mm",
            a.g->origin_mm[0], a.g->origin_mm[1], a.g->origin_mm[2], d->edges_mm[0][0], d->edges_mm[1][0],
            d->edges_mm[2][0]);
  return PENCONE_OK;
}

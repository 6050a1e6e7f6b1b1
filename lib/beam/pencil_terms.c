// SPDX-License-Identifier: Apache-2.0
#include "beam/pencil_terms.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/cubic.h"

enum { TERMS_MAX = 4, NODES_MIN = 4, NODES_MAX = 700, HORN_MAX = 100 };
static const double reach_max_mm = 1000, value_max = 1e6, horn_reach_mm = 400, horn_min = 0.1, horn_max = 3,
                    penumbra_max_mm = 20;

static pencone_status check_rising(pencone_context *ctx, const char *machine, const char *what,
                                   const double *x, int n, double last_mm) {
  PCN_CHECK(ctx, x != NULL, PENCONE_E_ARGUMENT, "machine %s: %s: got NULL, expected %d values", machine, what,
            n);
  PCN_CHECK(ctx, x[0] == 0, PENCONE_E_RANGE, "machine %s: %s: got %g as the first, expected 0", machine, what,
            x[0]);
  for (int i = 1; i < n; i++) {
    PCN_CHECK(ctx, x[i] > x[i - 1] && x[i] <= last_mm, PENCONE_E_RANGE,
              "machine %s: %s: got %g after %g, expected more, and at most %g", machine, what, x[i], x[i - 1],
              last_mm);
  }
  return PENCONE_OK;
}

static pencone_status check_values(pencone_context *ctx, const char *machine, const char *what,
                                   const double *value, int terms, int n) {
  PCN_CHECK(ctx, value != NULL, PENCONE_E_ARGUMENT, "machine %s: %s: got NULL, expected %d x %d values",
            machine, what, terms, n);
  for (int i = 0; i < terms * n; i++) {
    PCN_CHECK(ctx, fabs(value[i]) <= value_max, PENCONE_E_RANGE,
              "machine %s: %s of term %d: got %g, expected -%g to %g", machine, what, 1 + i / n, value[i],
              value_max, value_max);
  }
  return PENCONE_OK;
}

// Terms may be negative; what they add up to is a dose.
static pencone_status check_dose(pencone_context *ctx, const char *machine, const pencone_pencil_terms *k) {
  for (int d = 0; d < k->depths; d++) {
    double sum = 0;
    for (int t = 0; t < k->terms; t++) {
      sum += k->depth[t * k->depths + d] * k->circle[t * k->radii + k->radii - 1];
    }
    PCN_CHECK(
        ctx, sum > 0, PENCONE_E_RANGE,
        "machine %s: pencil beam: dose at depth %g mm in the largest circle: got %g, expected more than 0",
        machine, k->depth_mm[d], sum);
  }
  for (int t = 0; t < k->terms; t++) {
    PCN_CHECK(ctx, k->circle[t * k->radii] == 0, PENCONE_E_RANGE,
              "machine %s: pencil beam: circle of radius 0, term %d: got %g, expected 0", machine, t + 1,
              k->circle[t * k->radii]);
  }
  return PENCONE_OK;
}

static pencone_status check_terms(pencone_context *ctx, const char *machine, const pencone_pencil_terms *k) {
  PCN_CHECK(ctx, k->terms >= 1 && k->terms <= TERMS_MAX, PENCONE_E_RANGE,
            "machine %s: pencil beam: got %d terms, expected 1 to %d", machine, k->terms, (int)TERMS_MAX);
  PCN_CHECK(
      ctx, k->depths >= NODES_MIN && k->depths <= NODES_MAX && k->radii >= NODES_MIN && k->radii <= NODES_MAX,
      PENCONE_E_RANGE, "machine %s: pencil beam: got %d depths and %d radii, expected %d to %d each", machine,
      k->depths, k->radii, (int)NODES_MIN, (int)NODES_MAX);
  PCN_TRY(check_rising(ctx, machine, "pencil beam depth_mm", k->depth_mm, k->depths, reach_max_mm));
  PCN_TRY(check_rising(ctx, machine, "pencil beam radius_mm", k->radius_mm, k->radii, reach_max_mm));
  PCN_TRY(check_values(ctx, machine, "pencil beam depth", k->depth, k->terms, k->depths));
  PCN_TRY(check_values(ctx, machine, "pencil beam circle", k->circle, k->terms, k->radii));
  return check_dose(ctx, machine, k);
}

static pencone_status check_horn(pencone_context *ctx, const pencone_machine_desc *d) {
  PCN_CHECK(ctx, d->horn_points >= 2 && d->horn_points <= HORN_MAX && d->horn != NULL, PENCONE_E_RANGE,
            "machine %s: horn: got %d points, expected 2 to %d", d->name, d->horn_points, (int)HORN_MAX);
  PCN_TRY(check_rising(ctx, d->name, "horn radius_mm", d->horn_radius_mm, d->horn_points, horn_reach_mm));
  for (int i = 0; i < d->horn_points; i++) {
    const int first_is_one = i > 0 || fabs(d->horn[0] - 1) < 1e-9;
    PCN_CHECK(ctx, first_is_one && d->horn[i] >= horn_min && d->horn[i] <= horn_max, PENCONE_E_RANGE,
              "machine %s: horn at %g mm: got %g, expected %g to %g, and 1 on the axis", d->name,
              d->horn_radius_mm[i], d->horn[i], horn_min, horn_max);
  }
  return PENCONE_OK;
}

pencone_status pcn_pencil_extras_check(pencone_context *ctx, const pencone_machine_desc *d) {
  PCN_CHECK(ctx, d->penumbra_sigma_mm >= 0 && d->penumbra_sigma_mm <= penumbra_max_mm, PENCONE_E_RANGE,
            "machine %s: penumbra_sigma_mm: got %g, expected 0 to %g", d->name, d->penumbra_sigma_mm,
            penumbra_max_mm);
  if (d->horn_points != 0) {
    PCN_TRY(check_horn(ctx, d));
  }
  return d->pencil != NULL ? check_terms(ctx, d->name, d->pencil) : PENCONE_OK;
}

static const double *take(double **next, const double *from, size_t n) {
  double *to = *next;
  memcpy(to, from, n * sizeof *to);
  *next += n;
  return to;
}

pencone_status pcn_pencil_extras_copy(pencone_context *ctx, pencone_machine_desc *d,
                                      pencone_pencil_terms *terms, double **values) {
  const pencone_pencil_terms *k = d->pencil;
  const size_t horn = (size_t)d->horn_points, depths = k != NULL ? (size_t)k->depths : 0,
               radii = k != NULL ? (size_t)k->radii : 0, of = k != NULL ? (size_t)k->terms : 0;
  if (horn == 0 && k == NULL) {
    return PENCONE_OK;
  }
  *values = pcn_alloc(ctx, 2 * horn + (of + 1) * (depths + radii), sizeof **values);
  if (*values == NULL) {
    return PENCONE_E_MEMORY;
  }
  double *next = *values;
  if (horn > 0) {
    d->horn_radius_mm = take(&next, d->horn_radius_mm, horn);
    d->horn = take(&next, d->horn, horn);
  }
  if (k != NULL) {
    *terms = *k;
    terms->depth_mm = take(&next, k->depth_mm, depths);
    terms->radius_mm = take(&next, k->radius_mm, radii);
    terms->depth = take(&next, k->depth, of * depths);
    terms->circle = take(&next, k->circle, of * radii);
    d->pencil = terms;
  }
  return PENCONE_OK;
}

void pcn_pencil_extras_hash(const pencone_machine_desc *d, pcn_sha256 *hash) {
  const pencone_pencil_terms *k = d->pencil;
  if (d->penumbra_sigma_mm > 0) {
    pcn_sha256_add(hash, "penumbra", 8);
    pcn_sha256_add_doubles(hash, &d->penumbra_sigma_mm, 1);
  }
  if (d->horn_points > 0) {
    pcn_sha256_add(hash, "horn", 4);
    pcn_sha256_add_int(hash, d->horn_points);
    pcn_sha256_add_doubles(hash, d->horn_radius_mm, (size_t)d->horn_points);
    pcn_sha256_add_doubles(hash, d->horn, (size_t)d->horn_points);
  }
  if (k != NULL) {
    pcn_sha256_add(hash, "pencil", 6);
    pcn_sha256_add_int(hash, k->terms);
    pcn_sha256_add_int(hash, k->depths);
    pcn_sha256_add_int(hash, k->radii);
    pcn_sha256_add_doubles(hash, k->depth_mm, (size_t)k->depths);
    pcn_sha256_add_doubles(hash, k->radius_mm, (size_t)k->radii);
    pcn_sha256_add_doubles(hash, k->depth, (size_t)(k->terms * k->depths));
    pcn_sha256_add_doubles(hash, k->circle, (size_t)(k->terms * k->radii));
  }
}

double pcn_horn(const pencone_machine_desc *d, double radius_mm) {
  return d->horn_points > 0 ? pcn_cubic(d->horn_radius_mm, d->horn, d->horn_points, radius_mm) : 1;
}

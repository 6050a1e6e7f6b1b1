// SPDX-License-Identifier: Apache-2.0
#include "commission/least_squares.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include <string.h>

enum { ITERATIONS = 200 };

typedef struct call {
  const pcn_misfit *misfit;
  double *residual;  ///< of one call: GSL's own vectors may be columns of a matrix
} call;

static int evaluate(const gsl_vector *x, void *data, gsl_vector *f) {
  const call *c = data;
  double parameter[PCN_LEAST_SQUARES_PARAMETERS];
  for (size_t i = 0; i < x->size; i++) {
    parameter[i] = gsl_vector_get(x, i);
  }
  if (!c->misfit->residuals(c->misfit->problem, parameter, c->residual)) {
    return GSL_EDOM;
  }
  for (size_t i = 0; i < f->size; i++) {
    if (!isfinite(c->residual[i])) {
      return GSL_EDOM;
    }
    gsl_vector_set(f, i, c->residual[i]);
  }
  return GSL_SUCCESS;
}

static int minimise(gsl_multifit_nlinear_workspace *w, gsl_multifit_nlinear_fdf *fdf, double *parameter,
                    double *chi2) {
  const gsl_vector_view start = gsl_vector_view_array(parameter, fdf->p);
  int info = 0, status = gsl_multifit_nlinear_init(&start.vector, fdf, w);
  if (status == GSL_SUCCESS) {
    status = gsl_multifit_nlinear_driver(ITERATIONS, 1e-9, 1e-12, 0, NULL, NULL, &info, w);
  }
  if (status == GSL_ENOPROG) {  // no step makes it smaller: rounding is reached
    status = GSL_SUCCESS;
  }
  if (status == GSL_SUCCESS) {
    const gsl_vector *x = gsl_multifit_nlinear_position(w), *f = gsl_multifit_nlinear_residual(w);
    *chi2 = 0;
    for (size_t i = 0; i < fdf->p; i++) {
      parameter[i] = gsl_vector_get(x, i);
    }
    for (size_t i = 0; i < fdf->n; i++) {
      *chi2 += gsl_vector_get(f, i) * gsl_vector_get(f, i);
    }
  }
  return status;
}

pencone_status pcn_least_squares(pencone_context *ctx, const pcn_misfit *misfit, double *parameter,
                                 double *chi2) {
  const size_t n = misfit->residual_count, p = misfit->parameter_count;
  PCN_CHECK(ctx, p <= PCN_LEAST_SQUARES_PARAMETERS && n >= p, PENCONE_E_NUMERIC,
            "%s: got %zu values for %zu parameters, expected as many or more", misfit->name, n, p);
  call c = {misfit, pcn_alloc(ctx, n, sizeof(double))};
  if (c.residual == NULL) {
    return PENCONE_E_MEMORY;
  }
  gsl_multifit_nlinear_fdf fdf = {.f = evaluate, .n = n, .p = p, .params = &c};
  const gsl_multifit_nlinear_parameters with = gsl_multifit_nlinear_default_parameters();
  gsl_multifit_nlinear_workspace *w = gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &with, n, p);
  const int status = w != NULL ? minimise(w, &fdf, parameter, chi2) : GSL_ENOMEM;
  if (w != NULL) {
    gsl_multifit_nlinear_free(w);
  }
  pcn_free(c.residual);
  PCN_CHECK(ctx, status != GSL_ENOMEM, PENCONE_E_MEMORY, "%s: no memory for %zu values", misfit->name, n);
  PCN_CHECK(ctx, status == GSL_SUCCESS, PENCONE_E_NUMERIC, "%s: no fit found: %s", misfit->name,
            gsl_strerror(status));
  return PENCONE_OK;
}

pencone_status pcn_gsl_enter(pencone_context *ctx, pcn_gsl_handler **handler) {
  *handler = gsl_set_error_handler_off();
  if (strcmp(pencone_version(), PENCONE_VERSION) != 0) {
    pcn_gsl_leave(*handler);
    return pcn_fail(ctx, PENCONE_E_UNSUPPORTED, "commissioning: got libpencone %s, expected %s",
                    pencone_version(), PENCONE_VERSION);
  }
  return PENCONE_OK;
}

void pcn_gsl_leave(pcn_gsl_handler *handler) {
  gsl_set_error_handler(handler);
}

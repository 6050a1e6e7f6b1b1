// SPDX-License-Identifier: Apache-2.0
#include "commission/linear_fit.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multilarge.h>
#include <string.h>

enum { BLOCK = 64 };

struct pcn_linear_fit {
  const char *name;
  gsl_multilarge_linear_workspace *work;
  gsl_matrix *rows;
  gsl_vector *values;
  size_t unknowns, filled;
};

pencone_status pcn_linear_fit_make(pencone_context *ctx, const char *name, size_t unknowns,
                                   pcn_linear_fit **out) {
  pcn_linear_fit *fit = pcn_calloc(ctx, 1, sizeof *fit);
  *out = fit;
  if (fit == NULL) {
    return PENCONE_E_MEMORY;
  }
  fit->name = name;
  fit->unknowns = unknowns;
  fit->work = gsl_multilarge_linear_alloc(gsl_multilarge_linear_normal, unknowns);
  fit->rows = gsl_matrix_calloc(BLOCK, unknowns);
  fit->values = gsl_vector_calloc(BLOCK);
  PCN_CHECK(ctx, fit->work != NULL && fit->rows != NULL && fit->values != NULL, PENCONE_E_MEMORY,
            "%s: no memory for %zu unknowns", name, unknowns);
  return PENCONE_OK;
}

void pcn_linear_fit_free(pcn_linear_fit *fit) {
  if (fit != NULL) {
    if (fit->work != NULL) {
      gsl_multilarge_linear_free(fit->work);
    }
    gsl_matrix_free(fit->rows);
    gsl_vector_free(fit->values);
    pcn_free(fit);
  }
}

double *pcn_linear_fit_row(pcn_linear_fit *fit) {
  double *row = gsl_matrix_ptr(fit->rows, fit->filled, 0);
  memset(row, 0, fit->unknowns * sizeof *row);
  return row;
}

static pencone_status put_block(pencone_context *ctx, pcn_linear_fit *fit) {
  if (fit->filled == 0) {
    return PENCONE_OK;
  }
  gsl_matrix_view rows = gsl_matrix_submatrix(fit->rows, 0, 0, fit->filled, fit->unknowns);
  gsl_vector_view values = gsl_vector_subvector(fit->values, 0, fit->filled);
  const int status = gsl_multilarge_linear_accumulate(&rows.matrix, &values.vector, fit->work);
  fit->filled = 0;
  PCN_CHECK(ctx, status == GSL_SUCCESS, PENCONE_E_NUMERIC, "%s: no sums over the rows: %s", fit->name,
            gsl_strerror(status));
  return PENCONE_OK;
}

pencone_status pcn_linear_fit_add(pencone_context *ctx, pcn_linear_fit *fit, double value) {
  gsl_vector_set(fit->values, fit->filled++, value);
  return fit->filled == BLOCK ? put_block(ctx, fit) : PENCONE_OK;
}

pencone_status pcn_linear_fit_solve(pencone_context *ctx, pcn_linear_fit *fit, double *unknown) {
  PCN_TRY(put_block(ctx, fit));
  double misfit = 0, length = 0;
  gsl_vector_view to = gsl_vector_view_array(unknown, fit->unknowns);
  const int status = gsl_multilarge_linear_solve(0, &to.vector, &misfit, &length, fit->work);
  PCN_CHECK(ctx, status == GSL_SUCCESS, PENCONE_E_NUMERIC, "%s: no fit found: %s", fit->name,
            gsl_strerror(status));
  return PENCONE_OK;
}

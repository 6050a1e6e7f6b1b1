// SPDX-License-Identifier: Apache-2.0
#include "num/nnls.h"

#include <math.h>
#include <string.h>

typedef struct nnls_work {
  int n;
  const double *product, *right;
  int *free;  ///< columns whose factor may be above 0, in the order they came
  int count;
  double *factor, *wish;  ///< Cholesky factor [n][n]; solution of the free columns
} nnls_work;

// Least squares of the free columns alone, by Cholesky. @return 0 when they depend on each other
static int solve_free(nnls_work *w) {
  for (int i = 0; i < w->count; i++) {
    for (int j = 0; j <= i; j++) {
      double sum = w->product[w->free[i] * w->n + w->free[j]];
      for (int k = 0; k < j; k++) {
        sum -= w->factor[i * w->n + k] * w->factor[j * w->n + k];
      }
      if (i == j && !(sum > 1e-14 * w->product[w->free[i] * w->n + w->free[i]])) {
        return 0;
      }
      w->factor[i * w->n + j] = i == j ? sqrt(sum) : sum / w->factor[j * w->n + j];
    }
  }
  for (int i = 0; i < w->count; i++) {
    double sum = w->right[w->free[i]];
    for (int k = 0; k < i; k++) {
      sum -= w->factor[i * w->n + k] * w->wish[k];
    }
    w->wish[i] = sum / w->factor[i * w->n + i];
  }
  for (int i = w->count - 1; i >= 0; i--) {
    double sum = w->wish[i];
    for (int k = i + 1; k < w->count; k++) {
      sum -= w->factor[k * w->n + i] * w->wish[k];
    }
    w->wish[i] = sum / w->factor[i * w->n + i];
  }
  return 1;
}

// The column at 0 that would lower the sum of squares most; -1 when none would.
static int best_column(const nnls_work *w, const double *x) {
  int best = -1;
  double most = 0;
  for (int i = 0; i < w->n; i++) {
    double slope = w->right[i];
    int is_free = 0;
    for (int k = 0; k < w->n; k++) {
      slope -= w->product[i * w->n + k] * x[k];
    }
    for (int k = 0; k < w->count; k++) {
      is_free = is_free || w->free[k] == i;
    }
    if (!is_free && slope > 1e-10 * fabs(w->right[i]) && slope > most) {
      most = slope;
      best = i;
    }
  }
  return best;
}

// Goes towards the wish until a factor is 0, and takes that column out. @return 1 when the wish was reached
static int approach(nnls_work *w, double *x) {
  double share = 1;
  for (int k = 0; k < w->count; k++) {
    if (w->wish[k] <= 0) {
      share = fmin(share, x[w->free[k]] / (x[w->free[k]] - w->wish[k]));
    }
  }
  int kept = 0;
  for (int k = 0; k < w->count; k++) {
    const int i = w->free[k];
    x[i] += share * (w->wish[k] - x[i]);
    if (share == 1 || x[i] > 1e-14 * fabs(w->wish[k])) {
      w->free[kept++] = i;
    } else {
      x[i] = 0;
    }
  }
  const int reached = kept == w->count;
  w->count = kept;
  return reached;
}

static pencone_status search(pencone_context *ctx, nnls_work *w, double *x) {
  for (int step = 0; step < 30 * w->n; step++) {
    const int next = best_column(w, x);
    if (next < 0) {
      return PENCONE_OK;
    }
    w->free[w->count++] = next;
    do {
      PCN_CHECK(ctx, solve_free(w), PENCONE_E_NUMERIC,
                "least squares: got %d columns that depend on each other", w->count);
    } while (!approach(w, x));
  }
  return pcn_fail(ctx, PENCONE_E_NUMERIC, "least squares: got no end after %d steps", 30 * w->n);
}

pencone_status pcn_nnls(pencone_context *ctx, int columns, const double *product, const double *right,
                        double *x) {
  const size_t n = (size_t)columns;
  nnls_work w = {.n = columns, .product = product, .right = right};
  w.free = pcn_alloc(ctx, n, sizeof *w.free);
  w.factor = pcn_alloc(ctx, n * (n + 1), sizeof *w.factor);
  pencone_status status = w.free != NULL && w.factor != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  memset(x, 0, n * sizeof *x);
  if (status == PENCONE_OK) {
    w.wish = w.factor + n * n;
    status = search(ctx, &w, x);
  }
  pcn_free(w.free);
  pcn_free(w.factor);
  return status;
}

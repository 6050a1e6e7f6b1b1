// SPDX-License-Identifier: Apache-2.0
#include "photon/lateral_terms.h"

#include <math.h>

#include "base/base.h"
#include "num/nnls.h"

enum { TERMS = PCN_LATERAL_TERMS, NODES = PCN_PENCIL_NODES, RADII = PCN_PENCIL_RADII };

// Where the residual is looked at: behind the surface, beside the pencil.
static const int deep_mm[2] = {10, 400};
static const double wide_mm = 2;

/// Values of the terms at the kernel's radii, and their products.
typedef struct basis {
  double value[RADII][TERMS];
  double product[TERMS * TERMS];
} basis;

double pcn_lateral_length_mm(int i) {
  return ldexp(PCN_LATERAL_LONGEST_MM, -i);
}

static void fill_basis(basis *b) {
  for (int j = 0; j < RADII; j++) {
    for (int i = 0; i < TERMS; i++) {
      b->value[j][i] = -expm1(-pcn_pencil_radius_mm(j) / pcn_lateral_length_mm(i));
    }
  }
  for (int i = 0; i < TERMS; i++) {
    for (int k = 0; k < TERMS; k++) {
      b->product[i * TERMS + k] = 0;
      for (int j = 0; j < RADII; j++) {
        b->product[i * TERMS + k] += b->value[j][i] * b->value[j][k];
      }
    }
  }
}

// Least squares with shares that are not negative: a sum of many signs would not survive being stretched by
// density.
static pencone_status fit_node(pencone_context *ctx, const basis *b, const pcn_pencil_kernel *k, int depth,
                               double share[TERMS], double *residual) {
  double right[TERMS] = {0}, circle[RADII];
  for (int j = 0; j < RADII; j++) {
    circle[j] = 0;
    for (int t = 0; t < k->terms; t++) {
      circle[j] += (double)(k->depth[depth][t] * k->circle[j][t]);
    }
  }
  const double all = circle[RADII - 1];
  for (int i = 0; i < TERMS; i++) {
    for (int j = 0; j < RADII; j++) {
      right[i] += b->value[j][i] * circle[j] / all;
    }
  }
  PCN_TRY(pcn_nnls(ctx, TERMS, b->product, right, share));
  for (int j = 0; j < RADII; j++) {
    double sum = 0;
    for (int i = 0; i < TERMS; i++) {
      sum += share[i] * b->value[j][i];
    }
    if (depth >= deep_mm[0] && depth <= deep_mm[1] && pcn_pencil_radius_mm(j) >= wide_mm) {
      *residual = fmax(*residual, fabs(sum - circle[j] / all));
    }
  }
  for (int i = 0; i < TERMS; i++) {
    share[i] *= all;
  }
  return PENCONE_OK;
}

static pencone_status fit_all(pencone_context *ctx, const basis *b, const pcn_pencil_kernel *k,
                              pcn_lateral_terms *out) {
  double share[2][TERMS];
  int node = 0, below = 0;
  PCN_TRY(fit_node(ctx, b, k, 0, share[1], &out->residual));
  for (int d = 0; d < PCN_PENCIL_DEPTHS; d++) {
    while (node < NODES - 1 && (node == 0 || d > pcn_pencil_node_mm(node))) {
      node++;
      for (int i = 0; i < TERMS; i++) {
        share[0][i] = share[1][i];
      }
      below = (int)round(pcn_pencil_node_mm(node));
      PCN_TRY(fit_node(ctx, b, k, below, share[1], &out->residual));
    }
    const double above = round(pcn_pencil_node_mm(node - 1)), x = (d - above) / (below - above);
    for (int i = 0; i < TERMS; i++) {
      out->share[d][i] = (float)(share[0][i] + x * (share[1][i] - share[0][i]));
    }
  }
  return PENCONE_OK;
}

pencone_status pcn_lateral_terms_make(pencone_context *ctx, const pcn_pencil_kernel *kernel,
                                      pcn_lateral_terms **out) {
  basis *b = pcn_alloc(ctx, 1, sizeof *b);
  pcn_lateral_terms *terms = pcn_calloc(ctx, 1, sizeof *terms);
  pencone_status status = b != NULL && terms != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  *out = NULL;
  if (status == PENCONE_OK) {
    fill_basis(b);
    status = fit_all(ctx, b, kernel, terms);
  }
  pcn_free(b);
  if (status == PENCONE_OK) {
    *out = terms;
  } else {
    pcn_free(terms);
  }
  return status;
}

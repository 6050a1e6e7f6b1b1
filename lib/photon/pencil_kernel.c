// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_kernel.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"

enum { NODES = PCN_PENCIL_NODES, RADII = PCN_PENCIL_RADII, SWEEPS = 60 };
static const double largest_radius_mm = 500;

static double root_step(void) {
  return sqrt(largest_radius_mm) / (RADII - 1);
}

// Depths in mm: closer where the dose builds up.
double pcn_pencil_node_mm(int i) {
  return i <= 20
             ? i
             : (i <= 40 ? 20 + 2 * (i - 20) : (i <= 68 ? 60 + 5 * (i - 40) : 200 + 400.0 / 38 * (i - 68)));
}

double pcn_pencil_radius_mm(int j) {
  const double root = j * root_step();
  return root * root;
}

// --- singular values ---------------------------------------------------------------------------

static double dot(const double *a, const double *b, int n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; i++) {
    sum += a[i] * b[i];
  }
  return sum;
}

// The table times itself turned: what the sweeps of all terms need, small.
static void fill_products(double (*table)[RADII], double (*product)[NODES]) {
  for (int i = 0; i < NODES; i++) {
    for (int j = 0; j <= i; j++) {
      product[i][j] = product[j][i] = dot(table[i], table[j], RADII);
    }
  }
}

// The strongest vector on the left of what is left of the table, of length 1: multiplied by the products
// until it stays where it is.
static void find_strongest(double (*product)[NODES], double u[NODES]) {
  const double still = 1e-26;  // the square of what it moves by; rounding leaves less than 1e-29
  double next[NODES], moved = 1;
  for (int i = 0; i < NODES; i++) {
    u[i] = (1 + 0.01 * i) / NODES;
  }
  for (int sweep = 0; sweep < SWEEPS && moved > still; sweep++) {
    for (int i = 0; i < NODES; i++) {
      next[i] = dot(product[i], u, NODES);
    }
    const double length = sqrt(dot(next, next, NODES)), scale = length > 0 ? 1 / length : 0;
    moved = 0;
    for (int i = 0; i < NODES; i++) {
      moved += (scale * next[i] - u[i]) * (scale * next[i] - u[i]);
      u[i] = scale * next[i];
    }
  }
}

// The strongest pair of vectors of what is left of the table; it is then taken away. With v of length 1 and u
// = A v the products of A - u v^T are those of A less u u^T.
static void take_term(double (*table)[RADII], double (*product)[NODES], double u[NODES], double v[RADII]) {
  find_strongest(product, u);
  memset(v, 0, RADII * sizeof *v);
  for (int i = 0; i < NODES; i++) {
    for (int j = 0; j < RADII; j++) {
      v[j] += u[i] * table[i][j];
    }
  }
  const double length = sqrt(dot(v, v, RADII));
  for (int j = 0; j < RADII && length > 0; j++) {
    v[j] /= length;
  }
  for (int i = 0; i < NODES; i++) {
    u[i] = dot(table[i], v, RADII);
    for (int j = 0; j < RADII; j++) {
      table[i][j] -= u[i] * v[j];
    }
  }
  for (int i = 0; i < NODES; i++) {
    for (int j = 0; j < NODES; j++) {
      product[i][j] -= u[i] * u[j];
    }
  }
}

// Depth values every mm: the term linear, the depth dose that it multiplies by its logarithm.
static void put_depths(pcn_pencil_kernel *k, int term, const double u[NODES], const double dose[NODES]) {
  int i = 0;
  for (int d = 0; d < PCN_PENCIL_DEPTHS; d++) {
    while (i < NODES - 2 && d > pcn_pencil_node_mm(i + 1)) {
      i++;
    }
    const double x = (d - pcn_pencil_node_mm(i)) / (pcn_pencil_node_mm(i + 1) - pcn_pencil_node_mm(i));
    k->depth[d][term] = (float)((u[i] + x * (u[i + 1] - u[i])) * dose[i] * pow(dose[i + 1] / dose[i], x));
  }
}

// The circle of a square of 10 cm.
static int reference_radius(void) {
  return (int)(sqrt(56.4) / root_step());
}

// @param product  room
static void decompose(double (*table)[RADII], double (*product)[NODES], pcn_pencil_kernel *k) {
  double dose[NODES], u[NODES], v[RADII];
  const int reference = reference_radius();
  for (int i = 0; i < NODES; i++) {
    dose[i] = table[i][reference];
    for (int j = 0; j < RADII; j++) {
      table[i][j] /= dose[i];
    }
  }
  fill_products(table, product);
  for (int term = 0; term < k->terms; term++) {
    take_term(table, product, u, v);
    put_depths(k, term, u, dose);
    for (int j = 0; j < RADII; j++) {
      k->circle[j][term] = (float)v[j];
    }
  }
  const int smallest = (int)(sqrt(5) / k->root_step), largest = (int)(sqrt(220) / k->root_step);
  for (int i = 20; pcn_pencil_node_mm(i) <= 400; i++) {
    for (int j = smallest; j < largest; j++) {
      k->residual = fmax(k->residual, fabs(table[i][j]));
    }
  }
}

pencone_status pcn_pencil_kernel_split(pencone_context *ctx, double table[NODES][RADII], int terms,
                                       pcn_pencil_kernel **out) {
  *out = NULL;
  for (int i = 0; i < NODES; i++) {
    const double dose = table[i][reference_radius()];
    PCN_CHECK(
        ctx, dose > 0, PENCONE_E_RANGE,
        "pencil beam: dose at depth %g mm in a circle like a field of 10 cm: got %g, expected more than 0",
        pcn_pencil_node_mm(i), dose * PCN_GY_PER_MEV_G);
  }
  double(*product)[NODES] = pcn_alloc(ctx, NODES, sizeof *product);
  pcn_pencil_kernel *k = pcn_calloc(ctx, 1, sizeof *k);
  if (product == NULL || k == NULL) {
    pcn_free(product);
    pcn_free(k);
    return PENCONE_E_MEMORY;
  }
  k->terms = terms;
  k->root_step = root_step();
  decompose(table, product, k);
  pcn_free(product);
  *out = k;
  return PENCONE_OK;
}

pencone_status pcn_pencil_kernel_make(pencone_context *ctx, const pcn_photon_tables *tables,
                                      const pencone_pencil_terms *measured, double ssd_mm, int terms,
                                      pcn_pencil_kernel **out) {
  double(*table)[RADII] = pcn_alloc(ctx, NODES, sizeof *table);
  *out = NULL;
  pencone_status status = table != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK && measured != NULL) {
    pcn_pencil_terms_table(measured, table);
  } else if (status == PENCONE_OK) {
    status = pcn_pencil_circles(ctx, tables, ssd_mm, NULL, table);
  }
  if (status == PENCONE_OK) {
    status = pcn_pencil_kernel_split(ctx, table, terms, out);
  }
  pcn_free(table);
  return status;
}

// SPDX-License-Identifier: Apache-2.0
// What release_row.c does, in double precision.
#include <math.h>

#include "simd/release_row.h"

enum { V = PCN_RELEASE_VALUES };

// Index of a cell and the place in it, kept inside the table. Returns 1 when it was not.
static int cell(double at, int32_t nodes, size_t *index, double *place) {
  const double inside = fmin(nodes - 1 - 1e-9, fmax(0, at));
  *index = (size_t)inside;
  *place = inside - (double)*index;
  return !(at >= 0 && at < nodes - 1);
}

size_t pcn_release_row_reference(const pcn_release_table *t, const pcn_release_line *line,
                                 const pcn_release_row *row) {
  size_t outside = 0;
  for (size_t i = 0; i < row->n; i++) {
    const double at = (double)i, per_gram = (double)t->aluminium_electrons;
    const double al = row->integral[1] != NULL ? 0.1 * (double)row->integral[1][i] : 0;
    const double water = 0.1 * (double)row->integral[0][i] - per_gram * al;
    size_t w, a;
    double u, v, value[V];
    const int bad_water = cell(water * (double)t->per_water, t->water_nodes, &w, &u);
    const int bad_al =
        cell((al - (double)t->first_aluminium) * (double)t->per_aluminium, t->aluminium_nodes, &a, &v);
    outside += bad_water || bad_al;
    const float *lower = t->node + (a * (size_t)t->water_nodes + w) * V,
                *upper = lower + (size_t)t->water_nodes * V;
    for (int k = 0; k < V; k++) {
      value[k] = (1 - v) * ((1 - u) * (double)lower[k] + u * (double)lower[k + V]) +
                 v * ((1 - u) * (double)upper[k] + u * (double)upper[k + V]);
    }
    const double electrons = row->electron_density != NULL ? (double)row->electron_density[i] : 0;
    const double of_al = electrons > 0 ? (double)row->aluminium[i] / electrons : 0,
                 of_water = 1 - per_gram * of_al;
    const double z = (double)line->depth + at * (double)line->depth_step;
    const double r2 =
        (double)line->distance[0] + at * ((double)line->distance[1] + at * (double)line->distance[2]);
    const double fluence = (double)line->fluence * (double)row->share[i] * sqrt(r2) / (z * z * z);
    for (int k = 0; k < PCN_RELEASE_PARTS; k++) {
      row->release[k][i] = (float)(fluence * (of_water * value[k] + of_al * value[k + PCN_RELEASE_PARTS]));
    }
  }
  return outside;
}

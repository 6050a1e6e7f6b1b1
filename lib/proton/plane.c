// SPDX-License-Identifier: Apache-2.0
#include "proton/plane.h"

#include <math.h>

void pcn_edge_table_make(double cut, pcn_edge_table *out) {
  out->cut = cut;
  const double whole = erf(cut / sqrt(2));
  for (int i = 0; i <= PCN_EDGE_STEPS; i++) {
    const double x = cut * (2.0 * i / PCN_EDGE_STEPS - 1);
    out->below[i] = (float)(0.5 + 0.5 * erf(x / sqrt(2)) / whole);
  }
  out->below[PCN_EDGE_STEPS + 1] = 1;
}

static float below(const pcn_edge_table *edges, double x) {
  const double at = (x / edges->cut + 1) * (0.5 * PCN_EDGE_STEPS);
  if (!(at > 0)) {
    return 0;
  }
  if (at >= PCN_EDGE_STEPS) {
    return 1;
  }
  const int i = (int)at;
  return edges->below[i] + (float)(at - i) * (edges->below[i + 1] - edges->below[i]);
}

int64_t pcn_edge_shares(const pcn_edge_table *edges, pcn_axis axis, double centre, double sigma, float *share,
                        int64_t *count) {
  const double reach = edges->cut * sigma;
  int64_t first = (int64_t)ceil((centre - reach - axis.first) / axis.step - 0.5);
  int64_t last = (int64_t)floor((centre + reach - axis.first) / axis.step + 0.5);
  first = first > 0 ? first : 0;
  last = last < axis.count - 1 ? last : axis.count - 1;
  *count = last >= first ? last - first + 1 : 0;
  double edge = axis.first + axis.step * ((double)first - 0.5) - centre;
  float lower = below(edges, edge / sigma);
  const float per_mm = (float)(1 / axis.step);
  for (int64_t i = 0; i < *count; i++) {
    edge += axis.step;
    const float upper = below(edges, edge / sigma);
    share[i] = per_mm * (upper - lower);
    lower = upper;
  }
  return first;
}

void pcn_plane_add(const pcn_edge_table *edges, const pcn_axis cell[2], const pcn_gaussian *g, float *share, float *plane) {
  int64_t nx, ny;
  float *along_x = share, *along_y = share + cell[0].count;
  const int64_t x0 = pcn_edge_shares(edges, cell[0], g->x, g->sigma, along_x, &nx);
  const int64_t y0 = pcn_edge_shares(edges, cell[1], g->y, g->sigma, along_y, &ny);
  for (int64_t j = 0; j < ny; j++) {
    const float row = (float)g->integral * along_y[j];
    float *restrict out = plane + (y0 + j) * cell[0].count + x0;
#pragma omp simd
    for (int64_t i = 0; i < nx; i++) {
      out[i] += row * along_x[i];
    }
  }
}

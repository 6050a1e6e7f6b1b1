// SPDX-License-Identifier: Apache-2.0
// Measured kernels as the table that kernels are split from, and what kernels give on the axis of a
// rectangle.
#include <math.h>

#include "num/constants.h"
#include "num/cubic.h"
#include "photon/pencil_kernel.h"

enum { NODES = PCN_PENCIL_NODES, RADII = PCN_PENCIL_RADII, PANELS = PCN_RECTANGLE_POINTS / 4 };

// Dose of the largest circle at one of the depths.
static double largest_circle(const pencone_pencil_terms *m, int depth) {
  double sum = 0;
  for (int t = 0; t < m->terms; t++) {
    sum += m->depth[t * m->depths + depth] * m->circle[t * m->radii + m->radii - 1];
  }
  return sum;
}

// What the dose falls by from the last depth on.
static double beyond(const pencone_pencil_terms *m, double depth_mm) {
  const int last = m->depths - 1;
  const double behind_mm = depth_mm - m->depth_mm[last], step_mm = m->depth_mm[last] - m->depth_mm[last - 1];
  return behind_mm > 0 ? pow(largest_circle(m, last) / largest_circle(m, last - 1), behind_mm / step_mm) : 1;
}

void pcn_pencil_terms_table(const pencone_pencil_terms *m, double table[NODES][RADII]) {
  double at_depth[PCN_PENCIL_TERMS][NODES];
  for (int i = 0; i < NODES; i++) {
    const double depth_mm = pcn_pencil_node_mm(i), scale = beyond(m, depth_mm) / PCN_GY_PER_MEV_G;
    for (int t = 0; t < m->terms; t++) {
      at_depth[t][i] = scale * pcn_cubic(m->depth_mm, m->depth + t * m->depths, m->depths, depth_mm);
    }
  }
  for (int j = 0; j < RADII; j++) {
    double circle[PCN_PENCIL_TERMS];
    for (int t = 0; t < m->terms; t++) {
      circle[t] = pcn_cubic(m->radius_mm, m->circle + t * m->radii, m->radii, pcn_pencil_radius_mm(j));
    }
    for (int i = 0; i < NODES; i++) {
      table[i][j] = 0;
      for (int t = 0; t < m->terms; t++) {
        table[i][j] += at_depth[t][i] * circle[t];
      }
    }
  }
}

// docs/theory/pencil-beam.md, eq. 5 from the centre: four times the angles that see a side across x, and
// those that see one across y.
void pcn_rectangle_circles(const double width_mm[2], double *radius_mm, double *weight) {
  static const double place[2] = {0.21132486540518713, 0.78867513459481287};  // Gauss's rule of two points
  for (int side = 0; side < 2; side++) {
    const double near_mm = 0.5 * width_mm[side], all = atan(width_mm[1 - side] / width_mm[side]);
    for (int p = 0; p < 2 * PANELS; p++, radius_mm++, weight++) {
      *radius_mm = near_mm / cos(all * (p / 2 + place[p % 2]) / PANELS);
      *weight = 4 / (2 * PCN_PI) * all / (2 * PANELS);
    }
  }
}

double pcn_pencil_on_axis(const pcn_pencil_kernel *k, const double width_mm[2], double depth_mm) {
  double radius_mm[PCN_RECTANGLE_POINTS], weight[PCN_RECTANGLE_POINTS], sum = 0;
  const double depth = fmin(fmax(depth_mm, 0), PCN_PENCIL_DEPTHS - 1.001);
  const int d = (int)depth;
  pcn_rectangle_circles(width_mm, radius_mm, weight);
  for (int p = 0; p < PCN_RECTANGLE_POINTS; p++) {
    const double x = fmin(sqrt(radius_mm[p]) / k->root_step, RADII - 1.001);
    const int i = (int)x;
    for (int t = 0; t < k->terms; t++) {
      const double near = (double)k->circle[i][t], far = (double)k->circle[i + 1][t];
      const double above = (double)k->depth[d][t], below = (double)k->depth[d + 1][t];
      sum += weight[p] * (near + (x - i) * (far - near)) * (above + (depth - d) * (below - above));
    }
  }
  return sum;
}

// SPDX-License-Identifier: Apache-2.0
// Gaussians spread on the cells of one plane across the beam.
#ifndef PCN_PROTON_PLANE_H
#define PCN_PROTON_PLANE_H

#include "proton/rays.h"

enum { PCN_EDGE_STEPS = 2048 };

/// Integral of a Gaussian that is cut at +- cut sigma and scaled to keep its sum, in steps over the cut.
typedef struct pcn_edge_table {
  double cut;
  float below[PCN_EDGE_STEPS + 2];
} pcn_edge_table;

void pcn_edge_table_make(double cut, pcn_edge_table *out);

/// Mean of a Gaussian over each cell of one axis that the cut reaches, per mm. @return the first; *count of them
int64_t pcn_edge_shares(const pcn_edge_table *edges, pcn_axis axis, double centre, double sigma, float *share,
                        int64_t *count);

/// A Gaussian: centre, standard deviation (mm), integral over the plane.
typedef struct pcn_gaussian {
  double x, y, sigma, integral;
} pcn_gaussian;

/// Adds the mean of a Gaussian over each cell. @param share  scratch of cell[0].count + cell[1].count floats
void pcn_plane_add(const pcn_edge_table *edges, const pcn_axis cell[2], const pcn_gaussian *g, float *share, float *plane);

#endif

// SPDX-License-Identifier: Apache-2.0
// Overlap of two sets of intervals: the weights with which voxel means go from one grid to another.
#ifndef PCN_OVERLAP_H
#define PCN_OVERLAP_H

#include <pencone/grid.h>

/// For each target interval i: the source cells first[i] .. first[i] + count[i] - 1 and their shares of
/// the target's length, weight[start[i] ...]. A target outside the source has count 0; one partly outside
/// has weights that sum to less than 1.
typedef struct pcn_overlap {
  int64_t targets;
  int64_t *first, *count, *start;
  double *weight;
} pcn_overlap;

/// Makes the weights of one axis. @param[out] out freed by pcn_overlap_free().
pencone_status pcn_overlap_make(pencone_context *ctx, const pencone_grid *source, const pencone_grid *target,
                                int axis, pcn_overlap *out);

/// The same for n target intervals between n + 1 rising edges.
pencone_status pcn_overlap_make_edges(pencone_context *ctx, const pencone_grid *source, int axis,
                                      const double *edges_mm, int64_t n, pcn_overlap *out);
void pcn_overlap_free(pcn_overlap *overlap);

#endif

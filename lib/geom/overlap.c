// SPDX-License-Identifier: Apache-2.0
#include "geom/overlap.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

/// Source cells that the target cells touch at most, all together.
static int64_t touched_at_most(const double *edges_mm, int64_t n, double spacing_mm) {
  int64_t sum = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += (int64_t)ceil((edges_mm[i + 1] - edges_mm[i]) / spacing_mm) + 2;
  }
  return sum;
}

pencone_status pcn_overlap_make_edges(pencone_context *ctx, const pencone_grid *source, int axis,
                                      const double *edges_mm, int64_t n, pcn_overlap *out) {
  const double hs = source->spacing_mm[axis];
  const double source_low = source->origin_mm[axis] - 0.5 * hs;
  memset(out, 0, sizeof *out);
  out->targets = n;
  out->first = pcn_calloc(ctx, (size_t)n, sizeof *out->first);
  out->count = pcn_calloc(ctx, (size_t)n, sizeof *out->count);
  out->start = pcn_calloc(ctx, (size_t)n, sizeof *out->start);
  out->weight = pcn_calloc(ctx, (size_t)touched_at_most(edges_mm, n, hs), sizeof *out->weight);
  if (out->first == NULL || out->count == NULL || out->start == NULL || out->weight == NULL) {
    pcn_overlap_free(out);
    return PENCONE_E_MEMORY;
  }
  int64_t used = 0;
  for (int64_t i = 0; i < n; i++) {
    const double lo = (edges_mm[i] - source_low) / hs;  // in source cells
    const double hi = (edges_mm[i + 1] - source_low) / hs;
    const int64_t a = (int64_t)fmax(0, floor(lo + 1e-9));
    const int64_t b = (int64_t)fmin((double)source->size[axis], ceil(hi - 1e-9));
    out->first[i] = a;
    out->start[i] = used;
    for (int64_t k = a; k < b; k++) {
      const double share = fmin(hi, (double)(k + 1)) - fmax(lo, (double)k);
      out->weight[used++] = fmax(0, share) / (hi - lo);
      out->count[i]++;
    }
  }
  return PENCONE_OK;
}

pencone_status pcn_overlap_make(pencone_context *ctx, const pencone_grid *source, const pencone_grid *target,
                                int axis, pcn_overlap *out) {
  const int64_t n = target->size[axis];
  memset(out, 0, sizeof *out);
  double *edges_mm = pcn_alloc(ctx, (size_t)n + 1, sizeof *edges_mm);
  if (edges_mm == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int64_t i = 0; i <= n; i++) {
    edges_mm[i] = target->origin_mm[axis] + ((double)i - 0.5) * target->spacing_mm[axis];
  }
  const pencone_status status = pcn_overlap_make_edges(ctx, source, axis, edges_mm, n, out);
  pcn_free(edges_mm);
  return status;
}

void pcn_overlap_free(pcn_overlap *overlap) {
  pcn_free(overlap->first);
  pcn_free(overlap->count);
  pcn_free(overlap->start);
  pcn_free(overlap->weight);
  memset(overlap, 0, sizeof *overlap);
}

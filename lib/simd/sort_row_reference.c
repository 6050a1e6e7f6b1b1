// SPDX-License-Identifier: Apache-2.0
// What sort_row.c does, Gaussian by Gaussian, in double precision.
#include <math.h>

#include "simd/sort_row.h"

/// A Gaussian's class and its shares.
typedef struct sorted {
  int sort, alone;
  double share;
  double node[PCN_SORT_NODES];
} sorted;

static sorted sort_one(const pcn_sort_classes *classes, int part, double ratio, double share) {
  const double same = 1e-5, q = (double)classes->ratio[part], log_q = (double)classes->log[part], low = 1 / q;
  if (fabs(ratio - 1) < same) {
    const sorted alone = {0, 1, share, {0, share, 0}};
    return alone;
  }
  const double nearest = fmin(fmax(rint(log(ratio) / log_q), 1 - classes->most), classes->most - 1);
  const double s = fmin(fmax(exp(log(ratio) - nearest * log_q), low), q);
  const sorted out = {(int)nearest,
                      0,
                      share,
                      {share * (s - 1) * (s - q) / ((low - 1) * (low - q)),
                       share * (s - low) * (s - q) / ((1 - low) * (1 - q)),
                       share * (s - low) * (s - 1) / ((q - low) * (q - 1))}};
  return out;
}

void pcn_sort_row_reference(const pcn_sort_classes *classes, const double *anchor,
                            const pcn_walk_plane *plane, int planes, const pcn_sort_rows *out) {
  for (int row = 0; row < planes * PCN_WALK_PARTS; row++) {
    const pcn_walk_plane *from = &plane[row / PCN_WALK_PARTS];
    const int part = row % PCN_WALK_PARTS;
    sorted one[PCN_WALK_LANES];
    int apart = 0, alike = 1;
    for (int r = 0; r < PCN_WALK_LANES; r++) {
      const double wide = (double)from->share[0][r] + (double)from->share[1][r];
      const double share = part == 0 ? 1 - wide : (double)from->share[part - 1][r];
      one[r] = sort_one(classes, part, (double)from->variance[part][r] / anchor[row], share);
      apart |= !one[r].alone;
      alike &= one[r].share == one[0].share;
    }
    out->mix[row] = apart ? PCN_SORT_SEVERAL : alike ? PCN_SORT_ALIKE : PCN_SORT_ONE;
    for (int r = 0; r < PCN_WALK_LANES; r++) {
      float *node = out->node + row * PCN_SORT_NODES * out->rays + r;
      node[out->rays] = (float)one[r].node[1];
      if (apart) {
        out->sort[row * out->rays + r] = (int8_t)one[r].sort;
        node[0] = (float)one[r].node[0];
        node[2 * out->rays] = (float)one[r].node[2];
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// What the loops of cone_row.c do, voxel by voxel in double precision.
#include <math.h>

#include "simd/cone_row.h"

double pcn_cone_segment(double attenuation, double share, double path, double release, double *state) {
  const double x = attenuation * path, source = share * release;
  const double lost = -expm1(-x), g = x > 1e-300 ? lost / x : 1;
  const double dose = (1 - g) * source + g * *state;
  *state = *state * exp(-x) + source * lost;
  return dose;
}

void pcn_cone_row_reference(const pcn_cone_step *step, const pcn_cone_row *row) {
  for (size_t i = 0; i < row->n; i++) {
    const int source = i >= row->first && i < row->last;
    double sum = 0;
    for (int k = 0; k < PCN_EXPONENTIALS; k++) {
      const int part = k < PCN_PRIMARY_EXPONENTIALS ? 0 : 1;
      double release = 0, state = (double)row->state[k][i];
      if (source) {
        const size_t at = i - row->first;
        release = (double)row->release[part][at] * (double)row->weight[part][at];
        if (part == 0 && row->release[2] != NULL) {
          release += (double)row->release[2][at] * (double)row->weight[2][at];
        }
      }
      sum += pcn_cone_segment((double)step->attenuation[k], (double)step->share[k],
                              (double)row->electron_density[i], release, &state);
      row->state[k][i] = (float)state;
    }
    row->dose[i] += (float)sum;
  }
}

// SPDX-License-Identifier: Apache-2.0
// What pencil_place.c does, in double precision.
#include <math.h>

#include "simd/pencil_place.h"
#include "simd/pencil_row.h"

int pcn_pencil_place_reference(const pcn_pencil_line *l, size_t n, const pcn_pencil_places *out) {
  const double sad = (double)l->sad_mm;
  int reached = 0;
  for (size_t i = 0; i < (n + PCN_PENCIL_LANES - 1) / PCN_PENCIL_LANES * PCN_PENCIL_LANES; i++) {
    double r[3];
    for (int a = 0; a < 3; a++) {
      r[a] = (double)l->at_mm[a] + (double)i * (double)l->step_mm[a];
    }
    const double scale = sad / fmax(r[2], 1), x = r[0] * scale, y = r[1] * scale;
    const int inside = r[2] > 0 && x > (double)l->x_mm[0] && x < (double)l->x_mm[1] &&
                       y > (double)l->y_mm[0] && y < (double)l->y_mm[1];
    const double plane = (r[2] / sad - (double)l->first_plane) * (double)l->per_plane;
    out->x[i] = inside ? (float)x : 0;
    out->y[i] = inside ? (float)y : 0;
    out->plane[i] = inside ? (float)fmin(fmax(plane, 0), (double)l->last_plane) : 0;
    out->strength[i] = inside ? (float)(scale * scale * hypot(hypot(x, y), sad) / sad) : 0;
    reached += inside;
  }
  return reached;
}

// SPDX-License-Identifier: Apache-2.0
// What walk_row.c does, ray by ray, in double precision.
#include <math.h>

#include "simd/walk_row.h"

enum { VALUES = sizeof(pcn_walk_values) / sizeof(float) };

static void look_up(const pcn_walk_table *table, double depth_mm, double value[VALUES]) {
  const double at = fmin(fmax(depth_mm * table->per_step, 0), table->count - 1);
  const int i = (int)at;
  const float *here = &table->depth[i].here.core, *change = &table->depth[i].change.core;
  for (int v = 0; v < VALUES; v++) {
    value[v] = (double)here[v] + (at - i) * (double)change[v];
  }
}

void pcn_walk_row_reference(const pcn_walk_table *table, const pcn_walk_rays *rays, const double *own,
                            int planes, pcn_walk_moments *moments, pcn_walk_plane *out) {
  enum { CORE, WIDE, SHARE = WIDE + PCN_WALK_WIDE, POWER = SHARE + PCN_WALK_WIDE, EXCESS, EXTRA };
  const double half = 0.5 * table->plane_mm;
  for (int r = 0; r < PCN_WALK_LANES; r++) {
    double *angle = &moments->angle[r], *mixed = &moments->mixed[r], *place = &moments->place[r];
    for (int k = 0; k < planes; k++) {
      const float *water = rays->water[r] + k, *scatter = rays->scatter[r] + k;
      const double depth = table->before_mm + 0.5 * (double)(water[0] + water[1]);
      double value[VALUES];
      look_up(table, depth, value);
      const double ratio = (double)(scatter[1] - scatter[0]) / table->plane_mm;
      const double power = depth < table->range_mm ? value[POWER] * ratio : 0;
      double middle = 0;
      for (int part = 0; part < 2; part++) {
        *place += half * (2 * *mixed + half * (*angle + half * power / 3));
        *mixed += half * (*angle + 0.5 * half * power);
        *angle += half * power;
        middle = part == 0 ? *place : middle;
      }
      const double core = fmax(middle * value[EXCESS] + value[EXTRA], 0);
      out[k].variance[0][r] = (float)(own[k] + core);
      for (int c = 0; c < PCN_WALK_WIDE; c++) {
        const double stretch = value[CORE] > 1e-4 ? core / value[CORE] : 1;
        out[k].variance[1 + c][r] = (float)(own[k] + core + value[WIDE + c] * stretch);
        out[k].share[c][r] = (float)value[SHARE + c];
      }
    }
  }
}

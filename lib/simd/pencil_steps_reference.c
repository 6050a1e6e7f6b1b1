// SPDX-License-Identifier: Apache-2.0
// What pencil_steps.c does, in double precision, angles by atan2.
#include <math.h>

#include "simd/pencil_steps.h"

enum { PARTS = PCN_PENCIL_PARTS };

// Linear in a table of both parts; @param part  of them
static double between(const float *table, double at, int part) {
  const int i = (int)at;
  const double near = (double)table[i * PARTS + part], far = (double)table[(i + 1) * PARTS + part];
  return near + (at - i) * (far - near);
}

static double energy_of(const pcn_pencil_steps *steps, const pcn_pencil_way *way, size_t step, double r) {
  const double pi = 3.14159265358979324, z = (double)steps->z_mm;
  const double from_z = z - r * (double)way->cosine, aside = r * (double)way->sine;
  const double slant = hypot(aside, from_z) / from_z;
  const double angle = ((double)way->angle + atan2(aside, from_z)) * steps->angles / pi - 0.5;
  const double path = ((double)steps->depth_mm - r * (double)way->cosine) * slant * (double)steps->per_path;
  double energy = 0;
  for (int part = 0; part < PARTS; part++) {
    energy += between(steps->left + (ptrdiff_t)step * steps->angles * PARTS,
                      fmin(fmax(angle, 0), steps->angles - 1.001), part) *
              between(steps->release, fmin(path, steps->paths - 1.001), part);
  }
  return energy * slant * (z / from_z) * (z / from_z);
}

void pcn_pencil_steps_reference(const pcn_pencil_steps *steps, const pcn_pencil_way *way, size_t n,
                                pcn_pencil_spread *out) {
  const double z = (double)steps->z_mm, s = (double)way->sine, c = (double)way->cosine;
  double near_mm = 0;
  out->radius_mm[0] = 0;
  out->circle[0] = 0;
  for (size_t i = 0; i < n; i++) {
    const double low = (double)steps->radius_mm[i], whole = (double)steps->radius_mm[i + 1],
                 high = fmin(whole, (double)way->end_mm);
    const double energy = energy_of(steps, way, i, 0.5 * (low + high)) * (high - low) / (whole - low);
    const double far_mm = high * s * z / (z - high * c);
    out->energy[i] = (float)(energy / fmax(far_mm - near_mm, 1e-9));
    out->radius_mm[i + 1] = (float)far_mm;
    out->circle[i + 1] = (int32_t)fmin(sqrt(far_mm) * (double)steps->per_root, steps->circles) + 1;
    near_mm = far_mm;
  }
}

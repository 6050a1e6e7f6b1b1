// SPDX-License-Identifier: Apache-2.0
#include "photon/broadening.h"

#include <math.h>

enum { MOMENTS = 40 };  // at tau = 0.02 the last is damped by exp(-16)

// Legendre polynomials P_0 .. P_(MOMENTS-1) at a cosine.
static void legendre(double c, double p[MOMENTS]) {
  p[0] = 1;
  p[1] = c;
  for (int l = 2; l < MOMENTS; l++) {
    p[l] = ((2 * l - 1) * c * p[l - 1] - (l - 1) * p[l - 2]) / l;
  }
}

// cosine = 1 - 2 s^2, so d(cosine) = -4 s ds.
static double cosine_at(int i, int count) {
  const double s = (double)i / (count - 1);
  return 1 - 2 * s * s;
}

void pcn_broaden(const double *value, int count, double tau, double *out) {
  double moment[MOMENTS] = {0}, p[MOMENTS];
  for (int i = 0; i < count; i++) {
    const double ds = (i == 0 || i == count - 1 ? 0.5 : 1.0) / (count - 1), s = (double)i / (count - 1);
    legendre(cosine_at(i, count), p);
    for (int l = 0; l < MOMENTS; l++) {
      moment[l] += 4 * s * ds * value[i] * p[l];
    }
  }
  for (int i = 0; i < count; i++) {
    legendre(cosine_at(i, count), p);
    out[i] = 0;
    for (int l = 0; l < MOMENTS; l++) {
      out[i] += 0.5 * (2 * l + 1) * moment[l] * exp(-0.5 * l * (l + 1) * tau) * p[l];
    }
    out[i] = fmax(0, out[i]);
  }
}

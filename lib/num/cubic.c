// SPDX-License-Identifier: Apache-2.0
#include "num/cubic.h"

static double chord(const double *x, const double *y, int i) {
  return (y[i + 1] - y[i]) / (x[i + 1] - x[i]);
}

// At the ends, the slope that the parabola of the nearest three points has there.
static double slope(const double *x, const double *y, int points, int i) {
  if (points == 2) {
    return chord(x, y, 0);
  }
  const int before = i == 0 ? 0 : (i == points - 1 ? points - 3 : i - 1);
  const double low = chord(x, y, before), high = chord(x, y, before + 1), wide = x[before + 2] - x[before];
  return low + (high - low) * (2 * x[i] - x[before] - x[before + 1]) / wide;
}

double pcn_cubic(const double *x, const double *y, int points, double at) {
  int low = 0, high = points - 1;
  if (!(at > x[0])) {
    return y[0];
  }
  if (at >= x[high]) {
    return y[high];
  }
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    *(at < x[middle] ? &high : &low) = middle;
  }
  const double width = x[high] - x[low], u = (at - x[low]) / width, v = 1 - u;
  const double from = slope(x, y, points, low) * width, to = slope(x, y, points, high) * width;
  return v * v * (1 + 2 * u) * y[low] + u * u * (1 + 2 * v) * y[high] + u * v * (v * from - u * to);
}

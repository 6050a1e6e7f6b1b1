// SPDX-License-Identifier: Apache-2.0
#include "num/cubic.h"

#include <math.h>

static double chord(const double *x, const double *y, int i) {
  return (y[i + 1] - y[i]) / (x[i + 1] - x[i]);
}

// Of the parabola through the nearest three points, but 0 at a peak and never so steep that a piece
// overshoots its points (Steffen 1990, Astron. Astrophys. 239, 443).
static double slope(const double *x, const double *y, int points, int i) {
  if (points == 2) {
    return chord(x, y, 0);
  }
  const int first = i == 0 ? 0 : (i == points - 1 ? points - 3 : i - 1);
  const double low = chord(x, y, first), high = chord(x, y, first + 1), wide = x[first + 2] - x[first];
  const double parabola = low + (high - low) * (2 * x[i] - x[first] - x[first + 1]) / wide;
  const double before = i == points - 1 ? high : low, behind = i == 0 ? low : high;
  if (before * behind <= 0 || parabola * before <= 0) {
    return 0;
  }
  return copysign(fmin(fabs(parabola), 2 * fmin(fabs(before), fabs(behind))), parabola);
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

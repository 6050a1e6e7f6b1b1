// SPDX-License-Identifier: Apache-2.0
// Bortfeld 1997 (doi:10.1118/1.598116) and Wilkens and Oelfke 2003 (doi:10.1118/1.1567852). Their parabolic
// cylinder functions stand for a power of the residual range, averaged over a Gaussian: here that mean is
// taken directly.
#include "proton/bortfeld.h"

#include <math.h>

#include "num/constants.h"

// Bortfeld 1997, table I and eqs. 8, 18: 2 to 200 MeV in water.
static const double alpha = 0.0022, p = 1.77;  // cm MeV^-p
static const double beta = 0.012,
                    gamma_local = 0.6;  // nuclear loss per cm; share of it deposited on the spot
static const double regular_cm = 2e-4;  // Wilkens and Oelfke: over this length the stopping power is averaged

double pcn_bragg_range_mm(double energy_mev) {
  return 10 * alpha * pow(energy_mev, p);
}

double pcn_bragg_sigma_mm(double energy_mev, double range_mm, double energy_spread_mev) {
  const double straggling = 0.012 * pow(0.1 * range_mm, 0.935);
  return 10 * hypot(straggling, energy_spread_mev * alpha * p * pow(energy_mev, p - 1));
}

// Integral over r > 0 of r^power * g((r - x) / sigma); kind 0: g a Gaussian of integral 1 over r; else the
// difference of two of height 1, the first of them later by shift. Midpoints; where the power is singular, r
// grows as u^4.
static double mean_power(double power, double x, double sigma, double shift) {
  enum { STEPS = 600 };
  const double reach = 8.5 * sigma, low = fmax(x - reach, 0), high = x + shift + reach;
  if (!(high > 0)) {
    return 0;
  }
  const double h = 1.0 / STEPS, norm = 1 / (sqrt(2 * PCN_PI) * sigma);
  double sum = 0;
  for (int i = 0; i < STEPS; i++) {
    const double u = h * (i + 0.5);
    const double r = low > 0 ? low + (high - low) * u : high * u * u * u * u;
    const double dr = low > 0 ? high - low : 4 * high * u * u * u;
    const double t = (r - x) / sigma, s = shift / sigma;
    const double g = exp(-0.5 * t * t);
    sum += dr * pow(r, power) * (shift > 0 ? g * expm1(t * s - 0.5 * s * s) : norm * g);
  }
  return h * sum;
}

double pcn_bragg_dose(const pcn_bragg *beam, double depth_mm) {
  const double range = 0.1 * beam->range_mm, sigma = 0.1 * beam->sigma_mm, left = range - 0.1 * depth_mm;
  const double scale = 1 / (p * pow(alpha, 1 / p));
  const double first = scale, second = scale * (beta + gamma_local * beta * p + beam->tail * p / range);
  if (left < -8 * sigma) {
    return 0;
  }
  const double dose = left > 10 * sigma ? first * pow(left, 1 / p - 1) + second * pow(left, 1 / p)
                                        : first * mean_power(1 / p - 1, left, sigma, 0) +
                                              second * mean_power(1 / p, left, sigma, 0);
  return dose / (1 + beta * range);
}

double pcn_bragg_let(const pcn_bragg *beam, double depth_mm) {
  const double sigma = 0.1 * beam->sigma_mm, a = 1 / (p * pow(alpha, 1 / p));
  // Beyond 6 sigma behind the range there is nothing to average: the value there.
  const double left = fmax(0.1 * (beam->range_mm - depth_mm), -6 * sigma);
  if (left > 12 * sigma) {
    return 0.1 * a * pow(left, 1 / p - 1);
  }
  const double middle = (left + 0.5 * regular_cm) / sigma, spike = exp(-0.5 * middle * middle);
  const double above =
      mean_power(2 / p - 1, left, sigma, regular_cm) - 2 * pow(0.5 * regular_cm, 2 / p) * spike;
  const double below =
      mean_power(1 / p, left, sigma, regular_cm) - regular_cm * pow(0.5 * regular_cm, 1 / p) * spike;
  return 0.1 * a / (2 - p) * above / below;
}

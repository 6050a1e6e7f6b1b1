// SPDX-License-Identifier: Apache-2.0
#include "photon/power_fit.h"

#include <math.h>

const int pcn_powers[PCN_POWERS] = {1, 2, 4};

/// What each power leaves beyond each radius.
typedef struct powers_left {
  double at[PCN_FIT_POINTS][PCN_POWERS];
} powers_left;

static void fill_left(const pcn_fit_data *d, double attenuation, powers_left *out) {
  for (int i = 0; i < d->count; i++) {
    const double once = exp(-attenuation * d->radius[i]), twice = once * once;
    out->at[i][0] = once;
    out->at[i][1] = twice;
    out->at[i][2] = twice * twice;
  }
}

// Kernel where so much is left of each power, up to the attenuation as a factor.
static double kernel_at(const pcn_power_fit *fit, const double left[PCN_POWERS]) {
  double sum = 0;
  for (int i = 0; i < PCN_POWERS; i++) {
    sum += fit->share[i] * pcn_powers[i] * left[i];
  }
  return sum;
}

static void rate(const pcn_fit_data *d, const powers_left *left, pcn_power_fit *fit) {
  const double all[PCN_POWERS] = {1, 1, 1};
  double sum = 0, weights = 0, negative = fmin(0, kernel_at(fit, all));
  for (int i = 0; i < d->count; i++) {
    double model = 1;
    for (int k = 0; k < PCN_POWERS; k++) {
      model -= fit->share[k] * left->at[i][k];
    }
    sum += d->weight[i] * (model - d->within[i]) * (model - d->within[i]);
    weights += d->weight[i];
    negative = fmin(negative, kernel_at(fit, left->at[i]));
  }
  fit->rms = sqrt(sum / weights) - negative;
}

// The shares at an attenuation. With the last power's share eliminated, 1 - within - e4 = s1 (e1 - e4) + s2
// (e2 - e4).
static pcn_power_fit solve(const pcn_fit_data *d, double attenuation) {
  double a11 = 0, a12 = 0, a22 = 0, b1 = 0, b2 = 0;
  powers_left left;
  fill_left(d, attenuation, &left);
  for (int i = 0; i < d->count; i++) {
    const double e4 = left.at[i][2], f1 = left.at[i][0] - e4, f2 = left.at[i][1] - e4;
    const double y = 1 - d->within[i] - e4, w = d->weight[i];
    a11 += w * f1 * f1;
    a12 += w * f1 * f2;
    a22 += w * f2 * f2;
    b1 += w * f1 * y;
    b2 += w * f2 * y;
  }
  const double det = a11 * a22 - a12 * a12;
  pcn_power_fit fit = {.attenuation = attenuation, .share = {1, 0, 0}};
  if (det > 1e-12 * a11 * a22) {
    fit.share[0] = (b1 * a22 - b2 * a12) / det;
    fit.share[1] = (b2 * a11 - b1 * a12) / det;
    fit.share[2] = 1 - fit.share[0] - fit.share[1];
  }
  rate(d, &left, &fit);
  return fit;
}

pcn_power_fit pcn_fit_powers(const pcn_fit_data *data) {
  enum { STEPS = 40, SCAN = 24 };
  const double golden = 0.61803398874989485, first = log(0.1), last = log(30);
  pcn_power_fit best = solve(data, exp(first));
  double at = first;
  for (int i = 1; i <= SCAN; i++) {  // the valley first, then its floor
    const double here = first + (last - first) * i / SCAN;
    const pcn_power_fit fit = solve(data, exp(here));
    if (fit.rms < best.rms) {
      best = fit;
      at = here;
    }
  }
  double low = at - (last - first) / SCAN, high = at + (last - first) / SCAN;
  for (int i = 0; i < STEPS; i++) {
    const double a = high - golden * (high - low), b = low + golden * (high - low);
    const pcn_power_fit fa = solve(data, exp(a)), fb = solve(data, exp(b));
    if (fa.rms < fb.rms) {
      high = b;
      best = fa.rms < best.rms ? fa : best;
    } else {
      low = a;
      best = fb.rms < best.rms ? fb : best;
    }
  }
  return best;
}

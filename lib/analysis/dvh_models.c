// SPDX-License-Identifier: Apache-2.0
// From a dose-volume histogram to one number: equivalent uniform dose, complication and control
// probabilities. Equations and sources: docs/theory/dvh.md.
#include <math.h>

#include "dvh.h"

double pencone_dvh_geud(const pencone_dvh *dvh, double a) {
  if (dvh == NULL || !isfinite(a) || a == 0) {
    return NAN;
  }
  if (a < 0 && dvh->min <= 0) {
    return 0;
  }
  if (dvh->max <= 0) {
    return 0;
  }
  // Relative to the maximum: large powers neither overflow nor vanish.
  const double top = a > 0 ? dvh->max : dvh->min;
  double sum = 0;
  for (size_t i = 0; i < dvh->count; ++i) {
    const double dose = fmax(0, (double)dvh->samples[i].dose);
    sum += (double)dvh->samples[i].volume * pow(dose / top, a);
  }
  return top * pow(sum / dvh->hotter[0], 1 / a);
}

double pencone_dvh_ntcp_lkb(const pencone_dvh *dvh, double n, double m, double td50_gy) {
  if (!(n > 0 && m > 0 && td50_gy > 0)) {
    return NAN;
  }
  const double t = (pencone_dvh_geud(dvh, 1 / n) - td50_gy) / (m * td50_gy);
  return 0.5 * erfc(-t / sqrt(2.0));  // standard normal distribution
}

double pencone_dvh_tcp_poisson(const pencone_dvh *dvh, const pencone_tcp_model *model) {
  if (dvh == NULL || model == NULL ||
      !(model->clonogens_per_cm3 > 0 && model->alpha_per_gy > 0 && model->alpha_beta_gy > 0 &&
        model->fractions > 0)) {
    return NAN;
  }
  double survivors = 0;
  for (size_t i = 0; i < dvh->count; ++i) {
    const double dose = (double)dvh->samples[i].dose;
    const double effect = model->alpha_per_gy * dose * (1 + dose / model->fractions / model->alpha_beta_gy);
    survivors += (double)dvh->samples[i].volume * exp(-effect);
  }
  return exp(-model->clonogens_per_cm3 * survivors);
}

double pencone_eqd2(double dose_gy, double dose_per_fraction_gy, double alpha_beta_gy) {
  return alpha_beta_gy > 0 ? dose_gy * (dose_per_fraction_gy + alpha_beta_gy) / (2 + alpha_beta_gy) : NAN;
}

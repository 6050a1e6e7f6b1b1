// SPDX-License-Identifier: Apache-2.0
#include "photon/exponential_fit.h"

#include <math.h>

enum { CORNERS = PCN_FIT_TERMS + 1, ITERATIONS = 120 };

typedef struct corner {
  double at[PCN_FIT_TERMS];  ///< logarithms of the first attenuation and of the others' excess over it
  pcn_fit fit;
} corner;

/// What each term leaves within each radius.
typedef struct terms {
  double within[PCN_FIT_POINTS][PCN_FIT_TERMS];
} terms;

// Residual of given shares, made very bad where the kernel would be negative at the origin or far away.
static void rate(const pcn_fit_data *d, const terms *t, pcn_fit *fit) {
  double sum = 0, weights = 0;
  for (int i = 0; i < d->count; i++) {
    double model = 0;
    for (int k = 0; k < PCN_FIT_TERMS; k++) {
      model += fit->share[k] * t->within[i][k];
    }
    sum += d->weight[i] * (model - d->within[i]) * (model - d->within[i]);
    weights += d->weight[i];
  }
  fit->rms = sqrt(sum / weights);
  double origin = 0;
  for (int k = 0; k < PCN_FIT_TERMS; k++) {
    origin += fit->share[k] * fit->attenuation[k];
  }
  if (origin < 0 || fit->share[0] < 0) {  // the first term is the longest
    fit->rms += 1 + fabs(origin);
  }
}

// Linear least squares for the shares at given attenuations.
static void solve_shares(const pcn_fit_data *d, pcn_fit *fit) {
  double a11 = 0, a12 = 0, a22 = 0, b1 = 0, b2 = 0;
  terms t;
  for (int i = 0; i < d->count; i++) {
    const double f1 = -expm1(-fit->attenuation[0] * d->radius[i]);
    const double f2 = -expm1(-fit->attenuation[1] * d->radius[i]);
    t.within[i][0] = f1;
    t.within[i][1] = f2;
    const double w = d->weight[i], y = d->within[i];
    if (d->total > 0) {  // one free share: y - total f2 = share (f1 - f2)
      a11 += w * (f1 - f2) * (f1 - f2);
      b1 += w * (f1 - f2) * (y - d->total * f2);
    } else {
      a11 += w * f1 * f1;
      a12 += w * f1 * f2;
      a22 += w * f2 * f2;
      b1 += w * f1 * y;
      b2 += w * f2 * y;
    }
  }
  if (d->total > 0) {
    fit->share[0] = a11 > 1e-300 ? b1 / a11 : d->total;
    fit->share[1] = d->total - fit->share[0];
  } else {
    const double det = a11 * a22 - a12 * a12;
    fit->share[0] = (b1 * a22 - b2 * a12) / det;
    fit->share[1] = (b2 * a11 - b1 * a12) / det;
  }
  rate(d, &t, fit);
}

// The terms are kept apart: two alike with large shares of opposite sign would fit r exp(-a r), but lose
// their difference in single precision.
static const double least_ratio = 1.2;

static void evaluate(const pcn_fit_data *d, corner *c) {
  c->fit.attenuation[0] = exp(fmin(5, fmax(-7, c->at[0])));
  c->fit.attenuation[1] = c->fit.attenuation[0] * (least_ratio + exp(fmin(7, fmax(-7, c->at[1]))));
  solve_shares(d, &c->fit);
}

static corner between(const pcn_fit_data *d, const double centre[PCN_FIT_TERMS], const corner *worst,
                      double step) {
  corner c;
  for (int k = 0; k < PCN_FIT_TERMS; k++) {
    c.at[k] = centre[k] + step * (centre[k] - worst->at[k]);
  }
  evaluate(d, &c);
  return c;
}

static void sort(corner c[CORNERS]) {
  for (int i = 1; i < CORNERS; i++) {
    for (int j = i; j > 0 && c[j].fit.rms < c[j - 1].fit.rms; j--) {
      const corner swap = c[j];
      c[j] = c[j - 1];
      c[j - 1] = swap;
    }
  }
}

// Nelder and Mead 1965, doi:10.1093/comjnl/7.4.308.
static void step_simplex(const pcn_fit_data *d, corner c[CORNERS]) {
  double centre[PCN_FIT_TERMS] = {0};
  for (int i = 0; i < CORNERS - 1; i++) {
    for (int k = 0; k < PCN_FIT_TERMS; k++) {
      centre[k] += c[i].at[k] / (CORNERS - 1);
    }
  }
  corner *worst = &c[CORNERS - 1];
  const corner mirrored = between(d, centre, worst, 1);
  if (mirrored.fit.rms < c[0].fit.rms) {
    const corner further = between(d, centre, worst, 2);
    *worst = further.fit.rms < mirrored.fit.rms ? further : mirrored;
  } else if (mirrored.fit.rms < c[CORNERS - 2].fit.rms) {
    *worst = mirrored;
  } else {
    const corner nearer = between(d, centre, worst, mirrored.fit.rms < worst->fit.rms ? 0.5 : -0.5);
    if (nearer.fit.rms < worst->fit.rms) {
      *worst = nearer;
    } else {
      for (int i = 1; i < CORNERS; i++) {
        for (int k = 0; k < PCN_FIT_TERMS; k++) {
          c[i].at[k] = 0.5 * (c[i].at[k] + c[0].at[k]);
        }
        evaluate(d, &c[i]);
      }
    }
  }
}

pcn_fit pcn_exponential_fit(const pcn_fit_data *data, const double start[PCN_FIT_TERMS]) {
  const double smallest = 1e-3;  // below what evaluate() lets the logarithms reach only slightly
  const double first = fmax(start[0], smallest), excess = fmax(start[1] / first - least_ratio, smallest);
  const double from[PCN_FIT_TERMS] = {log(first), log(excess)};
  corner c[CORNERS];
  for (int i = 0; i < CORNERS; i++) {
    for (int k = 0; k < PCN_FIT_TERMS; k++) {
      c[i].at[k] = from[k] + (i == k + 1 ? 0.3 : 0);
    }
    evaluate(data, &c[i]);
  }
  for (int n = 0; n < ITERATIONS; n++) {
    sort(c);
    step_simplex(data, c);
  }
  sort(c);
  return c[0].fit;
}

// SPDX-License-Identifier: Apache-2.0
// A sum of exponentials for energy left within a radius.
#ifndef PCN_EXPONENTIAL_FIT_H
#define PCN_EXPONENTIAL_FIT_H

enum { PCN_FIT_TERMS = 2, PCN_FIT_POINTS = 32 };

/// within[i] is the energy left within radius[i] (g/cm2, rising, > 0), weight[i] >= 0.
typedef struct pcn_fit_data {
  int count;
  double radius[PCN_FIT_POINTS], within[PCN_FIT_POINTS], weight[PCN_FIT_POINTS];
  double total;  ///< > 0: the terms' shares sum to this (all energy is left); 0: free
} pcn_fit_data;

/// within(r) = sum share (1 - exp(-attenuation r)); shares may be negative, the sum of the terms is not.
typedef struct pcn_fit {
  double share[PCN_FIT_TERMS];
  double attenuation[PCN_FIT_TERMS];  ///< 1/(g/cm2)
  double rms;                         ///< weighted residual
} pcn_fit;

/// Least squares: shares linear, attenuations by a simplex from a start; deterministic. The second
/// attenuation stays more than 1.2 times the first; a start nearer than that, or not above 0, is moved to
/// what is allowed.
pcn_fit pcn_exponential_fit(const pcn_fit_data *data, const double start[PCN_FIT_TERMS]);

#endif

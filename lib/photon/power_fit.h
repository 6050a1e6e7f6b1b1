// SPDX-License-Identifier: Apache-2.0
// Energy left within a radius by one exponential and its powers: steep at the origin, a shoulder, an end.
#ifndef PCN_POWER_FIT_H
#define PCN_POWER_FIT_H

#include "photon/exponential_fit.h"

enum { PCN_POWERS = 3 };

/// within(r) = sum share (1 - exp(-power attenuation r)) with powers 1, 2, 4; the shares sum to 1.
typedef struct pcn_power_fit {
  double attenuation;  ///< 1/(g/cm2)
  double share[PCN_POWERS];
  double rms;  ///< weighted residual
} pcn_power_fit;

extern const int pcn_powers[PCN_POWERS];

/// Least squares: shares linear, the attenuation by golden section between 0.1 and 30; a kernel that is
/// negative at a radius of the data is penalised. data->total is taken to be 1. Deterministic.
pcn_power_fit pcn_fit_powers(const pcn_fit_data *data);

#endif

// SPDX-License-Identifier: Apache-2.0
// Photon attenuation of the standard materials (lib/data/attenuation.csv).
#ifndef PCN_ATTENUATION_H
#define PCN_ATTENUATION_H

#include <pencone/context.h>

enum { PCN_ATTENUATION_MAX = 64 };

/// Mass coefficients in cm2/g at rising energies, 0.01 to 20 MeV.
typedef struct pcn_attenuation {
  int count;
  double energy_mev[PCN_ATTENUATION_MAX];
  double mu[PCN_ATTENUATION_MAX];     ///< total without coherent scattering
  double mu_en[PCN_ATTENUATION_MAX];  ///< energy absorption
} pcn_attenuation;

/// Loads a standard material's table. @return PENCONE_OK, E_MISSING, E_FORMAT.
pencone_status pcn_attenuation_load(pencone_context *ctx, const char *material, pcn_attenuation *out);

/// Log-log interpolation; the end intervals extrapolate below 0.01 and above 20 MeV.
double pcn_attenuation_mu(const pcn_attenuation *table, double energy_mev);
double pcn_attenuation_mu_en(const pcn_attenuation *table, double energy_mev);

#endif

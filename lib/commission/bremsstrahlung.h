// SPDX-License-Identifier: Apache-2.0
// A bremsstrahlung spectrum of few parameters (Ali and Rogers 2012, doi:10.1088/0031-9155/57/1/31;
// docs/theory/commissioning.md, eq. 1 and 2).
#ifndef PCN_BREMSSTRAHLUNG_H
#define PCN_BREMSSTRAHLUNG_H

#include "matter/attenuation.h"

enum { PCN_BREMSSTRAHLUNG_BINS = 40 };

/// Attenuation of the two filters.
typedef struct pcn_filters {
  pcn_attenuation aluminium, titanium;
} pcn_filters;

pencone_status pcn_filters_load(pencone_context *ctx, pcn_filters *out);

typedef struct pcn_bremsstrahlung {
  double max_energy_mev;
  double aluminium_g_cm2, titanium_g_cm2;
} pcn_bremsstrahlung;

/// Photons in equal bins from 0 to the largest energy, their sum 1. @param[out] edges_mev  one more than bins
/// @return mean energy, MeV
double pcn_bremsstrahlung_bins(const pcn_bremsstrahlung *beam, const pcn_filters *filters,
                               double edges_mev[PCN_BREMSSTRAHLUNG_BINS + 1],
                               double photons[PCN_BREMSSTRAHLUNG_BINS]);

#endif

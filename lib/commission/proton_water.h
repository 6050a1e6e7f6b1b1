// SPDX-License-Identifier: Apache-2.0
// Protons in water from first principles (docs/theory/commissioning.md, eq. 6 to 13).
#ifndef PCN_PROTON_WATER_H
#define PCN_PROTON_WATER_H

#include <pencone/context.h>

enum { PCN_PROTON_STEPS = 600 };

/// A beam as it slows down from the first energy (index 0) to the last.
typedef struct pcn_slowing {
  double energy_mev[PCN_PROTON_STEPS + 1];
  double path_g_cm2[PCN_PROTON_STEPS + 1];   ///< along the way
  double depth_g_cm2[PCN_PROTON_STEPS + 1];  ///< along the beam, mean
  double straggling_g_cm2;                   ///< 1 sigma of the range
  double scattering_g_cm2;                   ///< 1 sigma across the beam at the end
} pcn_slowing;

/// Stopping power of water, MeV cm2/g, at 2 to 300 MeV.
double pcn_proton_bethe(double excitation_ev, double energy_mev);

/// Follows a beam of 10 to 300 MeV to its end. @return PENCONE_OK or E_MEMORY
pencone_status pcn_proton_slow(pencone_context *ctx, double excitation_ev, double energy_mev,
                               pcn_slowing *out);

/// Energy whose mean depth of the end is range_g_cm2, MeV. @return PENCONE_OK, E_MEMORY, E_RANGE
pencone_status pcn_proton_energy(pencone_context *ctx, double excitation_ev, double range_g_cm2,
                                 double *energy_mev);

#endif

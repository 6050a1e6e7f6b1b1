// SPDX-License-Identifier: Apache-2.0
// Energies and weights of a spread-out Bragg peak in water (docs/theory/proton.md, section 8).
#ifndef PCN_PROTON_SPREAD_PEAK_H
#define PCN_PROTON_SPREAD_PEAK_H

#include <pencone/sobp.h>

enum { PCN_PEAK_LAYERS = 100 };

/// Layers from the deepest on; plain value.
typedef struct pcn_spread_peak {
  int layers;
  double energy_mev[PCN_PEAK_LAYERS];
  double protons[PCN_PEAK_LAYERS];  ///< of each spot
  double spacing_mm;                ///< of the spots
  int spots[2];                     ///< along x and y
  double flatness_pct;
} pcn_spread_peak;

/// @param beam  for machine and range shifter
pencone_status pcn_spread_peak_make(pencone_context *ctx, const pencone_sobp *wanted,
                                    const pencone_beam *beam, pcn_spread_peak *out);

#endif

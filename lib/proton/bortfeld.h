// SPDX-License-Identifier: Apache-2.0
// Closed forms of the depth dose and the LET of protons in water (docs/theory/proton.md, section 5).
#ifndef PCN_PROTON_BORTFELD_H
#define PCN_PROTON_BORTFELD_H

/// A beam for the closed forms. Lengths in mm of water.
typedef struct pcn_bragg {
  double range_mm;  ///< R0
  double sigma_mm;  ///< of the range: straggling and energy spread
  double tail;      ///< share of protons in the low-energy tail (Bortfeld's epsilon), 0 to 0.2
} pcn_bragg;

/// Range by the power law R = alpha E^p; 1 % off in absolute range: for tests and teaching only.
double pcn_bragg_range_mm(double energy_mev);

/// Width of the range: straggling (eq. 7) and the energy's own spread (standard deviation).
double pcn_bragg_sigma_mm(double energy_mev, double range_mm, double energy_spread_mev);

/// Depth dose integrated over the plane, MeV cm2/g per proton (eq. 6). Any thread.
double pcn_bragg_dose(const pcn_bragg *beam, double depth_mm);

/// Dose-averaged LET of primary protons, keV/um (eq. 8). Any thread.
double pcn_bragg_let(const pcn_bragg *beam, double depth_mm);

#endif

// SPDX-License-Identifier: Apache-2.0
// How much a medium slows down and scatters protons, compared with water (docs/theory/proton.md).
#ifndef PCN_PROTON_RATIO_H
#define PCN_PROTON_RATIO_H

#include <pencone/material.h>

/// Mass stopping power relative to water at 100 MeV by Bethe's formula, eq. 2; it changes by less than 0.5 %
/// from 50 to 230 MeV for tissues. I of water is 78 eV, that of the beam data; of others, Bragg additivity.
double pcn_proton_stopping(const pencone_material *material);

/// Mass scattering power relative to water: ratio of scattering lengths (Gottschalk 2010,
/// doi:10.1118/1.3264177, eq. 5 of the theory page).
double pcn_proton_scattering(const pencone_material *material);

#endif

// SPDX-License-Identifier: Apache-2.0
// Relative biological effectiveness of protons (docs/theory/proton.md, section 6).
#ifndef PCN_PROTON_RBE_H
#define PCN_PROTON_RBE_H

typedef enum pcn_rbe_model {
  PCN_RBE_NONE,
  PCN_RBE_CONSTANT,
  PCN_RBE_WEDENBERG,
  PCN_RBE_MCNAMARA,
  PCN_RBE_CARABE,
  PCN_RBE_RORVIK,
  PCN_RBE_MODELS
} pcn_rbe_model;

/// The word of a model in plans ("mcnamara"), and its name with year and DOI.
const char *pcn_rbe_word(pcn_rbe_model model);
const char *pcn_rbe_title(pcn_rbe_model model);

/// 1 when the model needs the LET.
int pcn_rbe_needs_let(pcn_rbe_model model);

/// RBE of a dose per fraction (Gy) at a dose-averaged LET (keV/um), alpha over beta of photons in Gy (eq.
/// 10); of the limit where the dose is 0. Any thread.
double pcn_rbe(pcn_rbe_model model, double dose_gy, double let_kev_um, double alpha_beta_gy);

#endif

// SPDX-License-Identifier: Apache-2.0
#include "commission/bremsstrahlung.h"

#include <math.h>

#include "base/base.h"

enum { BINS = PCN_BREMSSTRAHLUNG_BINS, NODES = 4 };
// C3 of a 6 MV beam in the paper; depth doses hardly see it beside the filters.
static const double shape = -1.186;

pencone_status pcn_filters_load(pencone_context *ctx, pcn_filters *out) {
  PCN_TRY(pcn_attenuation_load(ctx, "aluminium", &out->aluminium));
  return pcn_attenuation_load(ctx, "titanium", &out->titanium);
}

// Eq. 1 and 2: photons per MeV; the energy fluence over the energy.
static double photons_per_mev(const pcn_bremsstrahlung *b, const pcn_filters *filters, double energy_mev) {
  const double x = energy_mev / b->max_energy_mev;
  const double thin = (1 + shape * x + x * x) * (log(b->max_energy_mev * (1 - x) / x + 1.65) - 0.5);
  const double filter = pcn_attenuation_mu(&filters->aluminium, energy_mev) * b->aluminium_g_cm2 +
                        pcn_attenuation_mu(&filters->titanium, energy_mev) * b->titanium_g_cm2;
  return fmax(0, thin) * exp(-filter) / energy_mev;
}

double pcn_bremsstrahlung_bins(const pcn_bremsstrahlung *beam, const pcn_filters *filters,
                               double edges_mev[BINS + 1], double photons[BINS]) {
  // Gauss-Legendre, four nodes.
  static const double node[NODES] = {-0.8611363115940526, -0.3399810435848563, 0.3399810435848563,
                                     0.8611363115940526};
  static const double weight[NODES] = {0.3478548451374538, 0.6521451548625461, 0.6521451548625461,
                                       0.3478548451374538};
  double sum = 0, energy = 0;
  edges_mev[0] = 0;
  for (int i = 0; i < BINS; i++) {
    edges_mev[i + 1] = beam->max_energy_mev * (i + 1) / BINS;
    photons[i] = 0;
    for (int k = 0; k < NODES; k++) {
      const double e = beam->max_energy_mev * (i + 0.5 + 0.5 * node[k]) / BINS;
      photons[i] += weight[k] * photons_per_mev(beam, filters, e);
    }
    sum += photons[i];
    energy += photons[i] * 0.5 * (edges_mev[i] + edges_mev[i + 1]);
  }
  for (int i = 0; i < BINS; i++) {
    photons[i] /= sum;
  }
  return energy / sum;
}

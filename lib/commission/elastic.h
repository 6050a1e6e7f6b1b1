// SPDX-License-Identifier: Apache-2.0
// Protons scattered elastically by oxygen nuclei (docs/theory/commissioning.md, eq. 19): rare, by large
// angles.
#ifndef PCN_ELASTIC_H
#define PCN_ELASTIC_H

/// Energy against residual range in water, both rising; borrowed.
typedef struct pcn_energy_range {
  int count;
  const double *energy_mev, *range_mm;
} pcn_energy_range;

/// How much less deep protons of a range end for being scattered: shares of them whose loss is 0, 1, 2 ...
/// steps.
/// @param share  count numbers, 200 at most; their sum is 1, the last one has all losses from it on
void pcn_elastic_loss(const pcn_energy_range *table, double range_mm, double step_mm, int count,
                      double *share);

#endif

// SPDX-License-Identifier: Apache-2.0
// Depth doses of narrow energy bins, whose sum over a spectrum stands for a calculation.
#ifndef PCN_AXIS_TABLE_H
#define PCN_AXIS_TABLE_H

#include <pencone/measurement.h>

enum { PCN_AXIS_ENERGIES = 128 };

/// Dose per photon/cm2 at each point of each curve of a measurement, curve after curve, against the energy.
typedef struct pcn_axis_table {
  size_t points;
  double log_first, log_step;  ///< logarithm of MeV
  double *log_dose;            ///< [point][energy]
} pcn_axis_table;

/// @param top_mev  energies up to here are computed, above they are extrapolated. @param[out] out freed by
/// pcn_axis_table_free(), also after a failure
pencone_status pcn_axis_table_make(pencone_context *ctx, const pencone_measurement *measurement,
                                   double sad_mm, double top_mev, pcn_axis_table *out);
void pcn_axis_table_free(pcn_axis_table *table);

/// Dose of a point per photon/cm2 of an energy. Below and above the table it goes as the energy.
double pcn_axis_table_at(const pcn_axis_table *table, size_t point, double energy_mev);

#endif

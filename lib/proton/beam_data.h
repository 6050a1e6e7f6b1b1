// SPDX-License-Identifier: Apache-2.0
// Depth dose and lateral spread of a proton beam in water, for one energy (docs/theory/proton.md, section 2).
#ifndef PCN_PROTON_BEAM_DATA_H
#define PCN_PROTON_BEAM_DATA_H

#include <pencone/context.h>

/// At one depth in water. Variances in mm2, without the spot's own width.
typedef struct pcn_depth_row {
  double sum;   ///< depth dose integrated from the surface, MeV cm2/g mm per proton
  double core;  ///< variance of the core by scattering
  double wide[2],
      share[2];          ///< variance of the wider Gaussians beyond the core's, and their share of the energy
  double power;          ///< scattering power in water, rad2/mm
  double excess, extra;  ///< core variance in water is excess times that of eq. 4, plus extra (mm2)
  double let[2];         ///< dose-averaged LET of the core and of the wider Gaussians, keV/um
  double let_sum[2];     ///< integral of dose times LET from the surface, MeV cm2/g mm keV/um per proton
} pcn_depth_row;

/// Table over depth in water, step by step from 0; plain memory.
typedef struct pcn_depth_table {
  double energy_mev, r80_mm, csda_mm, step_mm;
  int count;
  pcn_depth_row *row;
} pcn_depth_table;

/// Makes the table of an energy, interpolated in range between the energies of lib/data/proton_beam.csv.
/// @param[out] out  freed by pcn_depth_table_free(), also after a failure
/// @return PENCONE_OK, E_RANGE (energy not 70 to 230 MeV), E_FORMAT, E_MEMORY.
pencone_status pcn_depth_table_make(pencone_context *ctx, double energy_mev, pcn_depth_table *out);
void pcn_depth_table_free(pcn_depth_table *table);

/// Puts Bortfeld's closed form in place of the depth dose, with the table's R80 and energy spread (eq. 6).
void pcn_depth_table_use_bortfeld(pcn_depth_table *table);

/// Puts the LET of primary protons in place of that of all charged particles (eq. 8).
void pcn_depth_table_use_primaries(pcn_depth_table *table);

/// The row at a depth of water in mm, linear between steps; the last one beyond the table.
pcn_depth_row pcn_depth_table_at(const pcn_depth_table *table, double depth_mm);

/// CSDA range in water, mm, and its inverse (lib/data/proton_range.csv: I = 78 eV), 1 to 300 MeV.
double pcn_proton_range_mm(double energy_mev);
double pcn_proton_energy_mev(double range_mm);

#endif

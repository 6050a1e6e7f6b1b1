// SPDX-License-Identifier: Apache-2.0
// Width of a spot without the phantom: the machine's optics and the range shifter (docs/theory/proton.md,
// section 3).
#ifndef PCN_PROTON_OPTICS_H
#define PCN_PROTON_OPTICS_H

#include <pencone/beam.h>

#include "proton/beam_data.h"

/// One energy of one beam; plain value.
typedef struct pcn_optics {
  double place, mixed, angle;  ///< in the isocentre plane: mm2, mm rad, rad2
  double shifter[3];           ///< Fermi-Eyges moments A0, A1, A2 where the beam leaves the range shifter
  double shifter_z_mm;         ///< that place, along the beam from the isocentre
  double water_mm;             ///< water-equivalent thickness of the range shifter; 0: none
} pcn_optics;

/// Water-equivalent thickness of a beam's range shifter, mm; 0 without one.
double pcn_shifter_water_mm(const pencone_beam *beam);

/// Spot size of a machine at an energy, linear between its energies: sigma_mm, divergence_mrad, correlation.
void pcn_optics_spot(const pencone_machine_desc *machine, double energy_mev, double out[3]);

/// @param table  of the energy. @return PENCONE_OK or E_RANGE (the range shifter stops the beam).
pencone_status pcn_optics_make(pencone_context *ctx, const pencone_beam *beam, const pcn_depth_table *table,
                               pcn_optics *out);

/// Variance without the phantom at z along the beam from the isocentre, mm2.
double pcn_optics_variance(const pcn_optics *optics, double z_mm);

/// Covariance of a proton's places at two z, mm2; behind the range shifter where there is one.
double pcn_optics_covariance(const pcn_optics *optics, double z_mm, double other_mm);

/// How much farther apart than in the isocentre plane parallel spots are at z, along x (axis 0) or y (1).
double pcn_optics_spread(const pencone_machine_desc *machine, int axis, double z_mm);

#endif

// SPDX-License-Identifier: Apache-2.0
// A patient's collimator between machine and patient: which share of a spot's protons its opening lets
// through (docs/theory/proton.md, section 9).
#ifndef PCN_PROTON_COLLIMATOR_H
#define PCN_PROTON_COLLIMATOR_H

#include "proton/optics.h"
#include "proton/rays.h"

/// The opening as one layer's protons see it. Without an aperture pass is NULL, and all protons go through.
typedef struct pcn_collimator {
  pcn_axis axis[2];  ///< nodes of the map, isocentre plane
  float *pass;       ///< [y][x] share of protons that goes through
  double follow[2];  ///< where protons of a spot cross the collimator, over where they meet the patient: from
                     ///< its axis
} pcn_collimator;

/// Where the lattice of rays meets the patient, and the width that a ray has there.
typedef struct pcn_ray_width {
  double entry_mm, own_mm, spacing_mm;
} pcn_ray_width;

/// Checks distance and outline of a beam's aperture. @return PENCONE_OK (also without one), E_RANGE,
/// E_ARGUMENT.
pencone_status pcn_collimator_check(pencone_context *ctx, const pencone_beam *beam);

/// Distance of rays with a beam's aperture, mm: at most 1 mm, as a ray has no edge of its own.
double pcn_collimator_spacing(const pencone_beam *beam, double wanted_mm);

/// @param[out] out  freed by pcn_collimator_free(), also after a failure
/// @return PENCONE_OK, E_GEOMETRY (the collimator lies in the patient or before the range shifter), E_MEMORY.
pencone_status pcn_collimator_make(pencone_context *ctx, const pencone_beam *beam, const pcn_optics *optics,
                                   const pcn_ray_width *width, pcn_collimator *out);
void pcn_collimator_free(pcn_collimator *collimator);

/// Share of a spot's protons in the ray through (x, y) of the isocentre plane that goes through. Any thread.
double pcn_collimator_pass(const pcn_collimator *collimator, const double spot_mm[2], double x_mm,
                           double y_mm);

#endif

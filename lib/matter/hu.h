// SPDX-License-Identifier: Apache-2.0
// CT number to density and composition without checks, for loops over voxels.
#ifndef PCN_HU_H
#define PCN_HU_H

#include <pencone/material.h>

enum {
  PCN_HU_MIN = -1024,
  PCN_HU_MAX = 3071,
  PCN_HU_COUNT = PCN_HU_MAX - PCN_HU_MIN + 1,
  PCN_HU_SHA256_HEX = 65
};

/// Mass density, g/cm3, of a CT number from PCN_HU_MIN to PCN_HU_MAX on a known curve.
double pcn_hu_density(pencone_hu_curve curve, double hu);

/// Composition of such a CT number; static storage. Its density_g_cm3 means nothing here.
const pencone_material *pcn_hu_material(pencone_hu_curve curve, double hu);

/// The largest whole CT number whose density on the curve is at most this one; PCN_HU_MIN below all of them.
/// Densities do not fall along a curve, but for steps of a few percent (schneider2000 at 23 and 101).
/// Compared in single precision, in which volumes hold densities.
/// @param table  the curve's densities from PCN_HU_MIN on, for many look-ups; NULL: they are calculated
int pcn_hu_from_density(pencone_hu_curve curve, const float *table, float density_g_cm3);

/// SHA-256 of what decides a curve's values, 64 hex digits.
void pcn_hu_curve_sha256(pencone_hu_curve curve, char hex[PCN_HU_SHA256_HEX]);

#endif

// SPDX-License-Identifier: Apache-2.0
// Dose where protons of different ways mix: behind and inside of matter that changes across the beam
// (docs/theory/proton.md, section 4).
#ifndef PCN_PROTON_MIXED_DEPTH_H
#define PCN_PROTON_MIXED_DEPTH_H

#include "proton/beam_data.h"
#include "proton/rays.h"

/// One layer in its rays. Borrowed.
typedef struct pcn_mixing {
  const pcn_rays *rays;
  const pcn_depth_table *table;
  double before_mm; ///< water in front of all cells: the range shifter
  double scale;     ///< of the dose
} pcn_mixing;

/// Puts the mean over the ways of protons in place of the dose at the cell's own depth, for n cells of row y of plane k
/// from x on, where neighbouring columns differ by more than 1 mm of water.
/// @param[in,out] dose  per proton, scale times MeV cm2/g
void pcn_mixed_row(const pcn_mixing *mixing, int64_t k, int64_t y, int64_t x, int64_t n, float *dose);

#endif

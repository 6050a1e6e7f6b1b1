// SPDX-License-Identifier: Apache-2.0
// Dose where protons of different ways mix: behind and inside of matter that changes across the beam
// (docs/theory/proton.md, section 4).
#ifndef PCN_PROTON_MIXED_DEPTH_H
#define PCN_PROTON_MIXED_DEPTH_H

#include "proton/beam_data.h"
#include "proton/rays.h"
#include "simd/isa.h"

enum { PCN_MIXING_POINTS = 16 };

/// One layer in its rays. Borrowed.
typedef struct pcn_mixing {
  const pcn_rays *rays;
  const pcn_depth_table *table;
  const pcn_bragg_table *bragg;  ///< of the same layer
  const pcn_isa *isa;
  double reach_mm;        ///< how far beside a cell columns are looked at, at most
  double field_mm[2][2];  ///< x and y in the isocentre plane: beside it protons are few, and cells keep their
                          ///< own depth
  double point[PCN_MIXING_POINTS][2];  ///< where protons came from, in sigmas
  double weight[PCN_MIXING_POINTS];
} pcn_mixing;

/// Tables of a layer; its field is all there is until it is set.
void pcn_mixing_make(const pcn_rays *rays, const pcn_depth_table *table, const pcn_bragg_table *bragg,
                     const pcn_isa *isa, pcn_mixing *out);

/// 0 when no cell of plane k with columns from first to one before last can have a mean over ways.
int pcn_mixing_may(const pcn_mixing *mixing, int64_t k, const int64_t first[2], const int64_t last[2]);

/// Puts the mean over the ways of protons in place of the dose at the cell's own depth, for n cells of row y
/// of plane k from x on, where neighbouring columns differ by more than 1 mm of water.
/// @param[in,out] dose  per proton, as the Bragg table gives it
void pcn_mixed_row(const pcn_mixing *mixing, int64_t k, int64_t y, int64_t x, int64_t n, float *dose);

#endif

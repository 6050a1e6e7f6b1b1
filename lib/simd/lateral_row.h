// SPDX-License-Identifier: Apache-2.0
// A step of energy that travels across the beam, from one row of a plane's points to the next: with the
// densities that are there, and in water (docs/theory/pencil-beam.md, eq. 9 and 10).
#ifndef PCN_LATERAL_ROW_H
#define PCN_LATERAL_ROW_H

#include <stddef.h>

/// Exponentials of the lateral kernel. The first dies away over PCN_LATERAL_LONGEST_MM of water, each other
/// over half of the one before. The first PCN_LATERAL_LONG of them stand for scattered photons, the others
/// for electrons.
enum { PCN_LATERAL_TERMS = 10, PCN_LATERAL_LONG = 6 };
#define PCN_LATERAL_LONGEST_MM 512.0

/// A direction, for all rows of a plane.
typedef struct pcn_lateral_step {
  float length_mm;  ///< from row to row
  float aside;      ///< shift along the row, in points, from row to row: 0 to 1
  ptrdiff_t from;   ///< which neighbour the shift comes from: -1 or 1
  float weight;     ///< share of all directions
  float half[PCN_LATERAL_TERMS +
             1];  ///< what water leaves of each term over half a step; [i + 1] over a whole one
} pcn_lateral_step;

/// A row of n points. Arrays of terms are [PCN_LATERAL_TERMS][stride].
typedef struct pcn_lateral_row {
  const float *fluence;
  const float *density[2];     ///< of electrons, relative to water: for the long terms, for the others
  const float *share;          ///< of each term in the kernel at the point's depth
  const float *in, *in_water;  ///< what leaves the row before; one value beyond either end is read
  float *out, *out_water;
  float *sum, *sum_water;  ///< dose of this direction is added
  size_t stride;
} pcn_lateral_row;

typedef void (*pcn_lateral_row_loop)(const pcn_lateral_step *step, const pcn_lateral_row *row, size_t n);

/// Slow twin of the loops.
void pcn_lateral_row_reference(const pcn_lateral_step *step, const pcn_lateral_row *row, size_t n);

#endif

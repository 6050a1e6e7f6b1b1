// SPDX-License-Identifier: Apache-2.0
// The inner loop of the collapsed cone: one row of voxels, one step along one direction.
#ifndef PCN_CONE_ROW_H
#define PCN_CONE_ROW_H

#include <stddef.h>
#include <stdint.h>

/// PCN_CONE_BLOCK: voxels that the loops take at a time.
enum { PCN_EXPONENTIALS = 5, PCN_PRIMARY_EXPONENTIALS = 3, PCN_CONE_BLOCK = 16 };

/// Voxels of the whole blocks that hold n.
static inline int64_t pcn_cone_padded(int64_t n) {
  return (n + PCN_CONE_BLOCK - 1) / PCN_CONE_BLOCK * PCN_CONE_BLOCK;
}

/// Exponents below this are small enough for the loops' series.
#define PCN_CONE_THIN 0.15f

/// Kernel of one direction for one step: k(p) = sum over i of share_i * a_i * exp(-a_i p).
typedef struct pcn_cone_step {
  /// a_i times the step in cm: exponent per relative electron density, > 0. The second and the third are
  /// exactly twice and four times the first: their exponentials are powers of its.
  float attenuation[PCN_EXPONENTIALS];
  float inverse[PCN_EXPONENTIALS];  ///< of attenuation
  float share[PCN_EXPONENTIALS];    ///< of the energy that the direction gets; 0, 1, 2 primary; 3, 4 scatter
  int thin;  ///< how many of the last terms, 0 to 2, have an exponent below PCN_CONE_THIN in every voxel
} pcn_cone_step;

/// Arrays of n voxels; state belongs to the lines that cross them. No two arrays overlap. Energy is released
/// in voxels first <= i < last (first = last: in none); n, first and last are whole blocks.
typedef struct pcn_cone_row {
  size_t n, first, last;
  const float *electron_density;
  const float *release[3];  ///< from voxel first on: primary, scatter, primary with more spread (NULL: none)
  const float *weight[3];   ///< share of a release that goes into this direction, from voxel first on; the
                            ///< third: what the spread changes
  float *state[PCN_EXPONENTIALS];
  float *dose;
} pcn_cone_row;

typedef void (*pcn_cone_row_loop)(const pcn_cone_step *step, const pcn_cone_row *row);

/// The recursion for one segment in double precision, the specification of the loops. Kernel
/// k(p) = share a exp(-a p); state and release in the same unit (docs/theory/ccc.md, eq. 7 and 8).
/// @param path  radiological length of the segment, >= 0
/// @return dose of the segment: energy per radiological length
double pcn_cone_segment(double attenuation, double share, double path, double release, double *state);

/// The loop's slow twin, voxel by voxel through pcn_cone_segment().
void pcn_cone_row_reference(const pcn_cone_step *step, const pcn_cone_row *row);

#endif

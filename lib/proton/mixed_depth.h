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
  const float *uneven;  ///< by pcn_mixing_uneven(), for a reach that is no less than this layer's
  int64_t field[2][2];  ///< columns, first and one behind the last: beside them protons are few, and voxels
                        ///< keep their own depth
  double point[PCN_MIXING_POINTS][2];  ///< where protons came from, in sigmas
  double weight[PCN_MIXING_POINTS];
} pcn_mixing;

/// How far beside a place columns are looked at, mm, at most.
double pcn_mixing_reach(const pcn_depth_table *table);

/// [face][y block][x block][3] of columns in the grid within reach of the block: the least and the largest
/// depth, and how much depths differ from a plane. @return memory for pcn_free(); NULL when there is none
float *pcn_mixing_uneven(pencone_context *ctx, const pcn_rays *rays, const pencone_grid *grid,
                         double reach_mm);

/// Tables of a layer, without a field.
void pcn_mixing_make(const pcn_rays *rays, const pcn_depth_table *table, const pcn_bragg_table *bragg,
                     const pcn_isa *isa, const float *uneven, pcn_mixing *out);

/// Sets the field of a layer. @param field_mm  x and y in the isocentre plane
void pcn_mixing_set_field(pcn_mixing *mixing, double (*field_mm)[2]);

/// 0 when nothing at a face that lies under columns from first to one before last can have a mean over ways.
int pcn_mixing_may(const pcn_mixing *mixing, int64_t face, const int64_t first[2], const int64_t last[2]);

/// Widens a range of depths to those of the ways to what lies between two faces under columns from first to
/// one before last: of columns within reach, and a quarter more on both sides, as a way has parts of several.
void pcn_mixing_extremes(const pcn_mixing *mixing, const int64_t face[2], const int64_t first[2],
                         const int64_t last[2], double *least_mm, double *most_mm);

/// 0 when none of n voxels on a line can have a mean over ways. @param line  x and y in columns; z: the face
/// where the voxel begins, it ends one further on
int pcn_mixing_on(const pcn_mixing *mixing, const pcn_volume_line *line, int64_t n);

/// Puts the mean over the ways of protons in place of the dose at the voxel's own depth, for voxels from
/// first to one before last on a line, where neighbouring columns differ by more than 1 mm of water.
/// @param[in,out] dose  of them, per proton, as the Bragg table gives it
void pcn_mixed_run(const pcn_mixing *mixing, const pcn_volume_line *line, int64_t first, int64_t last,
                   float *dose);

#endif

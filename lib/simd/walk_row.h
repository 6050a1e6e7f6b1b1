// SPDX-License-Identifier: Apache-2.0
// Rays on their way through planes across a proton beam.
#ifndef PCN_WALK_ROW_H
#define PCN_WALK_ROW_H

#include <stdint.h>

enum {
  PCN_WALK_LANES = 16,   ///< rays that walk together
  PCN_WALK_PLANES = 16,  ///< at most, at a time
  PCN_WALK_WIDE = 2,
  PCN_WALK_PARTS = 1 + PCN_WALK_WIDE
};

/// Values at a depth in water.
typedef struct pcn_walk_values {
  float core, wide[PCN_WALK_WIDE];  ///< variance of the core, and what wider Gaussians have beyond it, mm2
  float share[PCN_WALK_WIDE];       ///< of the wider Gaussians
  float power;                      ///< scattering power, rad2/mm
  float excess, extra;  ///< the core's variance is excess times the scattered one, plus extra (mm2)
} pcn_walk_values;

/// What they are at a depth and how much they change to the next one; the last one's do not.
typedef struct pcn_walk_depth {
  pcn_walk_values here, change;
} pcn_walk_depth;

typedef struct pcn_walk_table {
  const pcn_walk_depth *depth;
  int32_t count;
  double per_step;
  double before_mm;  ///< water in front of all planes
  double range_mm;   ///< behind it nothing scatters
  double plane_mm;   ///< from plane to plane
} pcn_walk_table;

/// Rays, and what they have crossed at each face of the planes: one more than there are planes. Rays that are
/// wanted no longer may stand for others.
typedef struct pcn_walk_rays {
  const float *water[PCN_WALK_LANES], *scatter[PCN_WALK_LANES];
} pcn_walk_rays;

/// Moments of Fermi and Eyges, in rad2, rad mm and mm2; 0 before the first plane.
typedef struct pcn_walk_moments {
  double angle[PCN_WALK_LANES], mixed[PCN_WALK_LANES], place[PCN_WALK_LANES];
} pcn_walk_moments;

/// Gaussians of the rays in the middle of a plane: variances (mm2), shares of the wide ones.
typedef struct pcn_walk_plane {
  float variance[PCN_WALK_PARTS][PCN_WALK_LANES], share[PCN_WALK_WIDE][PCN_WALK_LANES];
} pcn_walk_plane;

/// Through planes (docs/theory/proton.md, eq. 3). @param own  variance of a ray without matter in each plane,
/// mm2; @param[in,out] moments  those of the first plane's near face become those of the last one's far face
typedef void (*pcn_walk_row_loop)(const pcn_walk_table *table, const pcn_walk_rays *rays, const double *own,
                                  int planes, pcn_walk_moments *moments, pcn_walk_plane *out);

/// Slow twin of the loops.
void pcn_walk_row_reference(const pcn_walk_table *table, const pcn_walk_rays *rays, const double *own,
                            int planes, pcn_walk_moments *moments, pcn_walk_plane *out);

#endif

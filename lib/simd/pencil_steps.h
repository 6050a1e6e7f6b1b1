// SPDX-License-Identifier: Apache-2.0
// Steps along a direction through a point on the axis: the energy that comes from each, and how far from the
// axis it was released (docs/theory/pencil-beam.md, eq. 3).
#ifndef PCN_PENCIL_STEPS_H
#define PCN_PENCIL_STEPS_H

#include <stddef.h>
#include <stdint.h>

enum {
  PCN_PENCIL_PARTS = 2,          ///< primary and scattered energy
  PCN_PENCIL_STEPS_MOST = 1024,  ///< a whole number of PCN_PENCIL_STEP_LANES
  PCN_PENCIL_STEP_LANES = 16     ///< steps are read and written in whole vectors of so many
};

/// What all directions through a point have in common. Tables end with one cell more than is reached.
typedef struct pcn_pencil_steps {
  const float *radius_mm;  ///< of the steps' ends, from 0 on
  const float *left;  ///< [step][angle][part]: energy left per steradian, at the angles (i + 1/2) pi / angles
  int angles;
  const float *release;  ///< [path][part]: behind equal steps of water
  int paths;
  float per_path;        ///< steps of water per mm
  float depth_mm, z_mm;  ///< of the point: below the surface, from the source
  float per_root;        ///< circles per root of a radius
  int circles;
} pcn_pencil_steps;

/// A direction of travel.
typedef struct pcn_pencil_way {
  float angle, sine, cosine;  ///< against the axis
  float end_mm;               ///< of the last step, which may be shorter than its table's
} pcn_pencil_way;

/// Steps, spread over the point's plane from the axis outwards.
typedef struct pcn_pencil_spread {
  float energy[PCN_PENCIL_STEPS_MOST];         ///< per steradian of the direction and per mm of radius
  float radius_mm[PCN_PENCIL_STEPS_MOST + 1];  ///< of their ends, from 0 on
  int32_t circle[PCN_PENCIL_STEPS_MOST + 1];   ///< the first circle outside of that: `circles` + 1 beyond all
} pcn_pencil_spread;

/// @param n  steps before end_mm, at least 1
typedef void (*pcn_pencil_steps_loop)(const pcn_pencil_steps *steps, const pcn_pencil_way *way, size_t n,
                                      pcn_pencil_spread *out);

/// Slow twin of the loops.
void pcn_pencil_steps_reference(const pcn_pencil_steps *steps, const pcn_pencil_way *way, size_t n,
                                pcn_pencil_spread *out);

#endif

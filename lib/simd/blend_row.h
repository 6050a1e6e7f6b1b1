// SPDX-License-Identifier: Apache-2.0
// Dose of a row of voxels between two planes of protons.
#ifndef PCN_BLEND_ROW_H
#define PCN_BLEND_ROW_H

#include <stddef.h>

enum { PCN_BLEND_LANES = 16 };

/// out[i] = (near[i] + u (far[i] - near[i])) dose[i] for n voxels, then zeros up to whole groups of
/// PCN_BLEND_LANES.
typedef struct pcn_blend {
  const float *near, *far, *dose;
  float u;
} pcn_blend;

typedef void (*pcn_blend_row_loop)(const pcn_blend *blend, size_t n, float *out);

/// Slow twin of the loops.
void pcn_blend_row_reference(const pcn_blend *blend, size_t n, float *out);

#endif

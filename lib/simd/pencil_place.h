// SPDX-License-Identifier: Apache-2.0
// Where a row of voxels lies for the pencil beam, and how strong the beam is there
// (docs/theory/pencil-beam.md, eq. 6).
#ifndef PCN_PENCIL_PLACE_H
#define PCN_PENCIL_PLACE_H

#include <stddef.h>

/// Equally spaced voxels in the beam's frame, seen from the source; z goes with the beam.
typedef struct pcn_pencil_line {
  float at_mm[3], step_mm[3];  ///< the first voxel, and from each to the next
  float sad_mm;
  float x_mm[2], y_mm[2];                    ///< in the isocentre plane: beyond them there is no dose
  float first_plane, per_plane, last_plane;  ///< plane of a distance of z / SAD; the last one's index
} pcn_pencil_line;

/// Arrays that are filled up to a whole number of PCN_PENCIL_LANES.
typedef struct pcn_pencil_places {
  float *x, *y;     ///< projected into the isocentre plane, mm
  float *plane;     ///< 0 to the last one
  float *strength;  ///< (SAD / z)^2 |r| / z
} pcn_pencil_places;

/// Everything is 0 where there is no dose. @return how many have dose: 0 of n and those that fill the last
/// vector, or more
typedef int (*pcn_pencil_place_loop)(const pcn_pencil_line *line, size_t n, const pcn_pencil_places *out);

/// Slow twin of the loops.
int pcn_pencil_place_reference(const pcn_pencil_line *line, size_t n, const pcn_pencil_places *out);

#endif

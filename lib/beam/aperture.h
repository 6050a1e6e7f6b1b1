// SPDX-License-Identifier: Apache-2.0
// How much of a voxel lies in the field: sharp edges, seen from a point source.
#ifndef PCN_APERTURE_H
#define PCN_APERTURE_H

#include <pencone/beam.h>

#include "geom/frame.h"

/// The plane through the source and an edge of a rectangle: outside, normal . (r - source) > 0.
typedef struct pcn_edge_plane {
  pcn_vec3 normal;
  double half;   ///< of a voxel's width across the plane, in the normal's units
  double reach;  ///< of a voxel's half diagonal, in the same units
} pcn_edge_plane;

enum { PCN_EDGES = 4 };

/// A rectangular opening in the isocentre plane.
typedef struct pcn_opening {
  pcn_vec3 ex, ey;  ///< collimator axes
  double x_mm[2], y_mm[2];
  double weight;
  pcn_edge_plane edge[PCN_EDGES];
} pcn_opening;

/// The openings of a beam at one gantry and couch angle, and the voxels that they are projected on.
typedef struct pcn_aperture {
  pcn_frame frame;                 ///< of the beam: see pcn_beam_frame()
  double x_mm[2], y_mm[2];         ///< rectangle in the frame's axes that holds all openings
  pcn_edge_plane edge[PCN_EDGES];  ///< of that rectangle
  double spacing_mm[3];            ///< voxel edges
  double reach_mm;                 ///< half the voxel's diagonal
  int openings;
  pcn_opening *opening;
} pcn_aperture;

/// Axes of a beam at its own angles.
pcn_frame pcn_beam_frame(const pencone_beam *beam);

/// @param beam  its control points, if any, stand at its own gantry and couch angles (pcn_beam_groups_make())
/// @param[out] out  freed by pcn_aperture_free(). @return PENCONE_OK, E_MEMORY.
pencone_status pcn_aperture_make(pencone_context *ctx, const pencone_beam *beam, const double spacing_mm[3],
                                 pcn_aperture *out);
void pcn_aperture_free(pcn_aperture *aperture);

/// Share of a voxel's volume inside the field, 0 to 1, exact for one edge to second order in voxel / SAD; of
/// several openings the sum of weight times share.
/// @param centre  patient axes. Points behind the source plane give 0.
double pcn_aperture_share(const pcn_aperture *aperture, pcn_vec3 centre);

/// The same for the n voxels of a row along x. @param first  centre of the first
/// @param[out] range  voxels that an opening may touch: range[0] <= i < range[1]
/// @param[out] share  room for n values; set inside the range
void pcn_aperture_row(const pcn_aperture *aperture, pcn_vec3 first, int64_t n, int64_t range[2],
                      float *share);

#endif

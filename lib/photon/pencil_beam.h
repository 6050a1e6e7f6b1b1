// SPDX-License-Identifier: Apache-2.0
// The pencil-beam engine: density along the ray only (docs/theory/pencil-beam.md, eq. 3 to 6).
#ifndef PCN_PENCIL_BEAM_H
#define PCN_PENCIL_BEAM_H

#include "beam/aperture.h"
#include "geom/depth.h"
#include "photon/lateral_scaling.h"
#include "photon/pencil_map.h"

/// One opening of a beam: its map, where it lies along its own sides, and its share of the fluence.
typedef struct pcn_pencil_opening {
  pcn_pencil_map map;
  double centre_mm[2], turn[2];  ///< turn: cosine and sine against the frame
  double weight;
} pcn_pencil_opening;

/// One beam made ready on a medium.
typedef struct pcn_pencil_beam {
  const pcn_medium *medium;             ///< borrowed
  const pencone_machine_desc *machine;  ///< borrowed
  pencone_quantity quantity;
  pcn_frame frame;
  double x_mm[2], y_mm[2];  ///< rectangle of the frame that holds all openings
  double reach_mm;          ///< no dose farther from it
  double fluence_per_cm2;
  pcn_pencil_planes planes;
  pcn_pencil_kernel *kernel;
  int openings;
  pcn_pencil_opening *opening;
  pcn_lateral_scaling lateral;  ///< ratio NULL: kernels are not scaled across the beam
} pcn_pencil_beam;

/// @param tables  of the beam's machine; not kept. @param terms  1 to PCN_PENCIL_TERMS
/// @param reach_mm  around the field in the isocentre plane; no dose beyond
/// @param[out] out  freed by pcn_pencil_beam_free(). @return PENCONE_OK, E_MEMORY, E_CANCELLED
pencone_status pcn_pencil_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    const pcn_photon_tables *tables, int terms, double reach_mm,
                                    pcn_pencil_beam *out);
/// Takes the second mode: kernels scaled by the density across the beam. @param progress  where it starts and
/// its span
/// @return PENCONE_OK, E_MEMORY, E_NUMERIC, E_CANCELLED; the engine is to be freed by the caller in any case
pencone_status pcn_pencil_beam_scale(pencone_context *ctx, const pencone_beam *beam, const double progress[2],
                                     pcn_pencil_beam *engine);
void pcn_pencil_beam_free(pcn_pencil_beam *engine);

/// Adds the dose in Gy, voxel means across the beam, to out[0] and, unless NULL, to out[1]. Re-entrant.
pencone_status pcn_pencil_beam_add(pencone_context *ctx, const pcn_pencil_beam *engine, float *const out[2],
                                   const double progress[2]);

/// Pixels of the maps of a beam: whole parts of half its bixels, of half the pixels of its fluence map, or of
/// half its field where it has neither, so that field, pixels and bixels are mapped on one lattice.
void pcn_pencil_pixels(const pencone_beam *beam, const double width_mm[2], double reach_mm,
                       double pixel_mm[2]);

/// Planes across a beam for a length along it, over the SAD.
int pcn_pencil_plane_count(double length);

/// How depths are found.
typedef struct pcn_pencil_rays {
  pcn_depth lattice;  ///< axis[0] negative where every voxel needs its own ray
  const pcn_isa *isa;
} pcn_pencil_rays;

/// @param[out] out  its lattice freed by pcn_depth_free(). @return PENCONE_OK, E_MEMORY, E_CANCELLED.
pencone_status pcn_pencil_depths(pencone_context *ctx, const pcn_pencil_beam *engine,
                                 const double progress[2], pcn_pencil_rays *out);

/// What the loops take of voxels: places, planes and depth values per photon/cm2, Gy.
typedef struct pcn_pencil_buffer {
  float *x, *y, *plane, *weight;
} pcn_pencil_buffer;

/// Fills the buffer for n voxels from ijk on along x; 0 for those out of reach. @return 0: all of them are
int pcn_pencil_fill(const pcn_pencil_beam *engine, const pcn_pencil_rays *rays, const int64_t ijk[3],
                    int64_t n, const pcn_pencil_buffer *out);

#endif

// SPDX-License-Identifier: Apache-2.0
// Bixels of the pencil-beam engine: one map for all, one pass over the voxels for several
// (docs/theory/influence-matrix.md).
#ifndef PCN_PENCIL_BEAMLET_H
#define PCN_PENCIL_BEAMLET_H

#include "geom/reach.h"
#include "num/column.h"
#include "photon/pencil_beam.h"

enum { PCN_PENCIL_FALLS = 256, PCN_PENCIL_PLANES = 64, PCN_PENCIL_LAYERS = 4 };

/// How the largest dose of a layer falls with the distance from the bixel's ray.
typedef struct pcn_pencil_fall {
  double step_mm;
  double value[PCN_PENCIL_FALLS];  ///< Gy per photon/cm2, of all distances from here on
} pcn_pencil_fall;

/// What the bixels of a beam share.
typedef struct pcn_pencil_beamlets {
  const pcn_pencil_beam *engine;  ///< borrowed
  const pcn_box *box;             ///< borrowed: where dose is wanted
  double threshold, reach_mm;     ///< reach_mm 0: as far as the field's dose goes
  int sift;
  double near_mm;           ///< a bixel's diagonal: its largest dose is nearer to its ray
  pcn_pencil_map map;       ///< of one bixel
  pcn_pencil_buffer voxel;  ///< of the box
  uint8_t (
      *layer)[2];  ///< of each row of voxels: the first and the last, PCN_PENCIL_LAYERS between two planes
  pcn_pencil_buffer few;  ///< one of few_step voxels along each axis, from the middle of the first few
  int64_t few_step[3], few_size[3];
  pcn_pencil_fall *fall;  ///< of the layers
} pcn_pencil_beamlets;

/// Memory of pcn_pencil_beamlets_make(), bytes.
uint64_t pcn_pencil_beamlets_bytes(const pencone_grid *box);

/// @param threshold  entries below this share of a bixel's largest are not needed; 0: all are
/// @param reach_mm  around the ray in the isocentre plane, beyond which nothing is wanted; 0: all is
/// @param[out] out  freed by pcn_pencil_beamlets_free()
/// @param sift  1: leave such entries out of the columns
typedef struct pcn_pencil_cut {
  double threshold, reach_mm;
  int sift;
} pcn_pencil_cut;
pencone_status pcn_pencil_beamlets_make(pencone_context *ctx, const pcn_pencil_beam *engine,
                                        const pencone_beam *beam, const pcn_box *box,
                                        const pcn_pencil_cut *cut, pcn_pencil_beamlets *out);
void pcn_pencil_beamlets_free(pcn_pencil_beamlets *beamlets);

/// Fills columns with the dose of bixels per photon/cm2 in Gy, sifted if that was asked for: see pcn_column.
/// Several threads at once. @param centre_mm  of the bixels. @param[out] out  `count` columns, empty
pencone_status pcn_pencil_bixels(pencone_context *ctx, const pcn_pencil_beamlets *beamlets, int count,
                                 double (*centre_mm)[2], pcn_column *out);

#endif

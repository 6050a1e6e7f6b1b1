// SPDX-License-Identifier: Apache-2.0
// What spot_layer.c makes and spot_column.c reads.
#ifndef PCN_PROTON_SPOT_LAYER_H
#define PCN_PROTON_SPOT_LAYER_H

#include <stdatomic.h>

#include "proton/plane.h"
#include "proton/spot_column.h"

/// A class in one plane.
typedef struct pcn_spot_class {
  double variance;  ///< mm2
  double spot;      ///< variance of a spot of such Gaussians, mm2
  double level;     ///< logarithm of a bound of their sum on the axis of a spot, per mm2
  float largest;    ///< share of any ray; 0: no ray is in it
  pcn_share_rows rows[2];
} pcn_spot_class;

/// What a spot needs in one plane.
typedef struct pcn_spot_plane {
  pcn_tile tile;  ///< without value
  int range[PCN_PROTON_PARTS][2];
  double radius_mm;  ///< around the spot's centre, beyond which no cell is wanted; below 0: none is
  double axis_gy;    ///< dose to water of a proton on the spot's axis, without an aperture
} pcn_spot_plane;

/// Memory of one column in work. taken while a thread has it.
typedef struct pcn_spot_scratch {
  atomic_flag taken;
  pcn_spot_plane *plane;
  double *spread;  ///< weights along x and y
  float *weight, *image, *lines, *row, *between;
  int32_t (*range)[2];  ///< of rows of voxels
  float *cells;         ///< room for so many:
  int64_t room;
} pcn_spot_scratch;

/// Faces between which voxels have protons of plane k.
void pcn_spot_faces(const pcn_spot_layer *layer, int64_t k, int64_t face[2]);

#endif

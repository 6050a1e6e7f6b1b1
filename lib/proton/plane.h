// SPDX-License-Identifier: Apache-2.0
// Gaussians of the rays of a lattice in the cells of a plane across the beam: products of matrices.
#ifndef PCN_PROTON_PLANE_H
#define PCN_PROTON_PLANE_H

#include "proton/layer.h"

/// Of Gaussians of one variance, along one axis: their means in cells, per mm, [ray][cell].
typedef struct pcn_share_rows {
  int64_t ray, rays;    ///< the first, and how many
  int64_t cell, cells;  ///< the first that any of them reaches, and how many
  int64_t stride;       ///< floats from ray to ray; those behind the cells are 0
  float *value;         ///< rays times stride
} pcn_share_rows;

/// Where Gaussians end: those of a variance (mm2) of rays in plane k along an axis, in cells from bounds[0]
/// to bounds[1] - 1. value is left alone.
void pcn_share_rows_plan(const pcn_layer *layer, int64_t k, int axis, double variance, const int64_t ray[2],
                         const int64_t bounds[2], pcn_share_rows *out);

/// Fills value.
void pcn_share_rows_fill(const pcn_layer *layer, int64_t k, int axis, double variance,
                         const pcn_share_rows *rows);

/// Cells of a plane, from first on: value [y][x].
typedef struct pcn_tile {
  int64_t first[2], count[2];
  int64_t stride;  ///< of value, at least count[0] + PCN_PRODUCT_LANES: what is behind the cells is scratch
  float *value;
} pcn_tile;

/// Floats of scratch for pcn_plane_add().
int64_t pcn_plane_scratch(const pcn_rays *rays);

/// Adds the Gaussians of one class, whose rows hold all rays of the image.
void pcn_plane_add(const pcn_layer *layer, const pcn_class_image *image, const pcn_share_rows rows[2],
                   float *scratch, const pcn_tile *tile);

#endif

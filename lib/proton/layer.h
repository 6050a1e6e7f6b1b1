// SPDX-License-Identifier: Apache-2.0
// A layer in work: the Gaussians of its rays in every plane, sorted by width (docs/theory/proton.md, section
// 4).
#ifndef PCN_PROTON_LAYER_H
#define PCN_PROTON_LAYER_H

#include "proton/mixed_depth.h"
#include "proton/planes.h"
#include "proton/proton_beam.h"
#include "simd/isa.h"

enum {
  PCN_PROTON_WIDE = PCN_WALK_WIDE,
  PCN_PROTON_PARTS = 1 + PCN_PROTON_WIDE,  ///< Gaussians of a ray: core, wider ones
  PCN_CLASS_NODES = PCN_SORT_NODES,        ///< classes that share a Gaussian
  PCN_CLASS_MOST = 120                     ///< classes are -PCN_CLASS_MOST to PCN_CLASS_MOST
};

/// A ray in one cell: variances (mm2) and shares of its Gaussians.
typedef struct pcn_ray_cell {
  double variance[PCN_PROTON_PARTS], share[PCN_PROTON_PARTS];
} pcn_ray_cell;

/// Rays of one layer, each with one proton. A Gaussian is the sum of those of three classes of variance, so
/// that what protons do is a sum over classes of what a matrix of weights does; classes depend on where the
/// beam goes, never on its protons.
typedef struct pcn_layer {
  const pcn_proton_beam *engine;
  const pcn_proton_energy *energy;
  const pcn_isa *isa;
  float *protons;              ///< [ray], filled by who uses the layer: rays without protons are not walked
  int64_t planes;              ///< up to the last with dose, and on to one with protons
  pcn_planes spread;           ///< planes with protons
  double *own;                 ///< [plane]: variance of a ray without matter, mm2
  double *anchor;              ///< [plane][part]: variance of class 0, mm2
  int64_t first[2], count[2];  ///< rays along x and y that are walked: all that have protons are among them
  int64_t walked;              ///< of them in whole blocks
  uint8_t *mix;  ///< [plane][part]: PCN_SORT_SEVERAL and so on of all walked rays; without several, sort and
                 ///< the other nodes are not there
  int8_t *sort;  ///< [plane][part][walked ray]: the class nearest to the ray's variance
  float *node;   ///< [plane][part][node][walked ray]: share in the class below it, in it and above it
  uint8_t *block;         ///< [block][plane][part]: mix of 16 rays
  pcn_walk_depth *depth;  ///< of walk
  pcn_walk_table walk;
  double *sum;            ///< of table
  pcn_bragg_table table;  ///< Gy mm2 per proton
  int peak;               ///< step of table with the largest dose
  pcn_mixing mixing;
  int mixes;  ///< 1: there may be places with a mean over ways
  pcn_sort_classes classes;
  double power[PCN_PROTON_PARTS][2 * PCN_CLASS_MOST + 1];  ///< variance of a class over that of class 0
} pcn_layer;

/// Room for any layer of a beam. @param[out] out  freed by pcn_layer_free(), also after a failure
pencone_status pcn_layer_make(pencone_context *ctx, const pcn_proton_beam *engine, pcn_layer *out);
void pcn_layer_free(pcn_layer *layer);

/// Bytes of pcn_layer_make() per ray and plane.
enum { PCN_LAYER_CELL_BYTES = PCN_PROTON_PARTS * (sizeof(int8_t) + PCN_CLASS_NODES * sizeof(float)) };

/// Fills in all but protons, for layer number index.
void pcn_layer_walk(pencone_context *ctx, pcn_layer *layer, int index);

/// Gaussians of one ray in all planes of a walked layer. @param[out] cells  one for each plane
void pcn_layer_walk_ray(const pcn_layer *layer, int64_t ray, pcn_ray_cell *cells);

/// Variance of a class in plane k, mm2.
double pcn_layer_variance(const pcn_layer *layer, int64_t k, int part, int sort);

/// Rays from first on along x and y; weights [y][x].
typedef struct pcn_ray_window {
  int64_t first[2], count[2];
  const float *weight;
  int64_t stride;  ///< of weight
} pcn_ray_window;

/// Classes in a window: none when range[0] > range[1].
void pcn_layer_classes(const pcn_layer *layer, int64_t k, int part, const pcn_ray_window *window,
                       int range[2]);

/// What the window's protons are in one class: value [y][x] of the rays that have any.
typedef struct pcn_class_image {
  float *value;
  int64_t first[2], count[2], stride;  ///< of rays; stride of value
  double sum;
  float largest;  ///< value; 0 where none is above 0
} pcn_class_image;

/// @param value  room for the window's rays. @param[out] out  counts of 0 when there are none
void pcn_layer_image(const pcn_layer *layer, int64_t k, int part, int sort, const pcn_ray_window *window,
                     float *value, pcn_class_image *out);

/// Mean dose to water of a proton in plane k at the own depths of up to 8 columns (place [y][x]), Gy mm2.
double pcn_layer_own_dose(const pcn_layer *layer, int64_t k, const int64_t *column, int columns);

/// Bound of a proton's dose, Gy mm2, in voxels between two faces whose columns lie from first to one before
/// last.
double pcn_layer_most(const pcn_layer *layer, const int64_t face[2], const int64_t first[2],
                      const int64_t last[2]);

/// The rays of one spot: weights along x and y, whose products sum to 1.
typedef struct pcn_spot_rays {
  int64_t first[2], count[2];
  double *weight[2];
} pcn_spot_rays;

/// @param scratch  room for as many doubles as there are rays along x and y together: the weights
pcn_spot_rays pcn_spot_spread(const pcn_proton_beam *engine, double lattice_mm2,
                              const pencone_proton_spot *spot, double *scratch);

/// Part of a spot's protons in ray (i, j) of its rays, behind the aperture.
double pcn_spot_ray(const pcn_proton_beam *engine, const pcn_collimator *collimator,
                    const pencone_proton_spot *spot, const pcn_spot_rays *rays, int64_t i, int64_t j);

/// The rays of a spot behind the aperture. @param scratch  as for pcn_spot_spread(); @param weight  room for
/// its rays
/// @return the largest of their weights over that without an aperture; 0 when the aperture stops the spot
double pcn_spot_window(const pcn_layer *layer, const pencone_proton_spot *spot, double *scratch,
                       float *weight, pcn_ray_window *out);

/// @return PENCONE_OK, E_GEOMETRY (an aperture stops all spots of the beam), E_MEMORY.
pencone_status pcn_spots_pass(pencone_context *ctx, const pcn_proton_beam *engine);

#endif

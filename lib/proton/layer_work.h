// SPDX-License-Identifier: Apache-2.0
// A layer in work: what the dose of a beam and the columns of an influence matrix make of rays.
#ifndef PCN_PROTON_LAYER_WORK_H
#define PCN_PROTON_LAYER_WORK_H

#include "proton/plane.h"
#include "proton/proton_beam.h"

enum { PCN_PROTON_WIDE = 2 };

/// A ray in one cell: protons, times Gy mm2 per MeV cm2/g, and variances, mm2.
typedef struct pcn_ray_cell {
  float protons, core, wide[PCN_PROTON_WIDE], share[PCN_PROTON_WIDE];
} pcn_ray_cell;

typedef struct pcn_layer_work {
  const pcn_proton_beam *engine;
  const pcn_proton_energy *energy;
  pcn_edge_table edges[2]; ///< core, wide
  double *protons;         ///< of each ray
  pcn_ray_cell *cell;      ///< [z][ray]
  float *volume;           ///< [z][y][x] of cells, Gy to water; after it, with LET, the same times LET
  float *share;            ///< scratch of each thread
  int64_t share_count;
  int block;               ///< rays along x and y whose wide Gaussians are one
} pcn_layer_work;

/// Rays along x and y whose wide Gaussians are taken as one.
int pcn_layer_block(const pcn_proton_beam *engine);

/// Task of pcn_parallel_for() on a pcn_layer_work: fills the cells of one ray, unless it has no protons.
void pcn_layer_walk(void *work, size_t ray, int worker);

/// Dose of a proton in the cells of plane k, MeV cm2/g: at each cell's own depth.
void pcn_layer_dose(const pcn_layer_work *work, int64_t k, float *dose);

/// The rays of one spot: weights along x and y, whose products sum to 1.
typedef struct pcn_spot_rays {
  int64_t first[2], count[2];
  double *weight[2];
} pcn_spot_rays;

/// @param scratch  room for as many doubles as there are rays along x and y together: the weights
pcn_spot_rays pcn_spot_spread(const pcn_proton_beam *engine, double lattice_mm2, const pencone_proton_spot *spot,
                              double *scratch);

/// Part of a spot's protons in ray (i, j) of its rays, behind the aperture.
double pcn_spot_ray(const pcn_proton_beam *engine, const pcn_collimator *collimator, const pencone_proton_spot *spot,
                    const pcn_spot_rays *rays, int64_t i, int64_t j);

/// What an aperture leaves of a spot.
typedef enum pcn_spot_state { PCN_SPOT_STOPPED, PCN_SPOT_PART, PCN_SPOT_WHOLE } pcn_spot_state;
pcn_spot_state pcn_spot_cut(const pcn_proton_beam *engine, const pcn_collimator *collimator, const pencone_proton_spot *spot,
                            const pcn_spot_rays *rays);

/// One row of a cut spot's rays, whose weights are again products: j of y. @param weight  room for those along x, and one
pcn_spot_rays pcn_spot_row(const pcn_proton_beam *engine, const pcn_collimator *collimator, const pencone_proton_spot *spot,
                           const pcn_spot_rays *rays, int64_t j, double *weight);

/// @return PENCONE_OK, E_GEOMETRY (an aperture stops all spots of the beam), E_MEMORY.
pencone_status pcn_spots_pass(pencone_context *ctx, const pcn_proton_beam *engine);

#endif

// SPDX-License-Identifier: Apache-2.0
// Dose of a proton in voxels: at the voxel's own depth, or the mean over the ways that mix there
// (docs/theory/proton.md, section 4).
#ifndef PCN_PROTON_DEPTH_DOSE_H
#define PCN_PROTON_DEPTH_DOSE_H

#include <stdatomic.h>

#include "geom/box.h"
#include "proton/layer.h"

/// Dose to water of a proton in a run of a box of the medium's voxels, Gy mm2.
void pcn_depth_dose_run(const pcn_layer *layer, const pcn_box *box, const pcn_voxel_run *run, float *dose);

/// Dose of the engine's quantity over dose to water.
void pcn_depth_ratio(const pcn_proton_beam *engine, const pcn_box *box, const pcn_voxel_run *run,
                     float *ratio);

/// Dose of a proton of the engine's quantity in the voxels of a box, for many spots of a layer: parts of rows
/// are made when they are first asked for.
typedef struct pcn_depth_dose {
  const pcn_proton_beam *engine;
  const pcn_layer *layer;
  const pcn_box *box;
  int64_t runs;        ///< parts of a row
  float *value;        ///< [k][j][i]
  float *ratio;        ///< [k][j][i], by pcn_depth_ratio()
  atomic_uchar *made;  ///< [k][j][run]: 0 not, 1 a thread is at it, 2 made
} pcn_depth_dose;

/// Room for a box. @param[out] out  freed by pcn_depth_dose_free(), also after a failure
pencone_status pcn_depth_dose_make(pencone_context *ctx, const pcn_proton_beam *engine, const pcn_box *box,
                                   pcn_depth_dose *out);
void pcn_depth_dose_free(pcn_depth_dose *dose);

/// Another layer: nothing is made.
void pcn_depth_dose_set(pcn_depth_dose *dose, const pcn_layer *layer);

/// Doses of row (j, k) of the box, of which those from first to one before last are good. Any thread.
const float *pcn_depth_dose_row(const pcn_depth_dose *dose, int64_t j, int64_t k, int64_t first,
                                int64_t last);

#endif

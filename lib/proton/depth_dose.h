// SPDX-License-Identifier: Apache-2.0
// Dose of a proton in voxels: at the voxel's own depth, or the mean over the ways that mix there
// (docs/theory/proton.md, section 4).
#ifndef PCN_PROTON_DEPTH_DOSE_H
#define PCN_PROTON_DEPTH_DOSE_H

#include <stdatomic.h>

#include "proton/layer.h"
#include "proton/voxels.h"

/// Voxels of a row that are calculated together: run r has those from r PCN_DEPTH_RUN on.
enum { PCN_DEPTH_RUN = 16 };

/// Rows of voxels of one layer. Borrowed.
typedef struct pcn_depth_rows {
  const pcn_layer *layer;
  const pcn_box *box;  ///< of the medium's voxels
  pcn_cell_box column;
  pcn_voxel_rows rows;
  int straight;  ///< 1: voxels are cells and columns do not spread
} pcn_depth_rows;

pcn_depth_rows pcn_depth_rows_make(const pcn_layer *layer, const pcn_box *box);

/// Depths of water at both sides of the voxels of a run, along the beam: its thickness there, in the sense of
/// the variance, is that of a plane of cells. mm, before the range shifter is added.
/// @param line  where the run lies: x and y in columns, z in faces. @param scratch  room for 2 PCN_DEPTH_RUN
/// @param[out] depth  points into scratch or into the columns
void pcn_depth_run(const pcn_depth_rows *rows, const pcn_voxel_run *run, pcn_volume_line *line,
                   float *scratch, const float *depth[2]);

/// Dose of a proton in a run of the layer's quantity, Gy mm2.
void pcn_depth_dose_run(const pcn_depth_rows *rows, const pcn_voxel_run *run, float *dose);

/// Dose of a proton in the voxels of a box, for many spots of a layer: runs are made when they are first
/// asked for.
typedef struct pcn_depth_dose {
  pcn_depth_rows rows;
  int64_t runs;        ///< of a row
  float *value;        ///< [k][j][i]
  atomic_uchar *made;  ///< [k][j][run]: 0 not, 1 a thread is at it, 2 made
} pcn_depth_dose;

/// Room for a box. @param[out] out  freed by pcn_depth_dose_free(), also after a failure
pencone_status pcn_depth_dose_make(pencone_context *ctx, const pcn_box *box, pcn_depth_dose *out);
void pcn_depth_dose_free(pcn_depth_dose *dose);

/// Another layer: nothing is made.
void pcn_depth_dose_set(pcn_depth_dose *dose, const pcn_layer *layer);

/// Doses of row (j, k) of the box, of which those from first to one before last are good. Any thread.
const float *pcn_depth_dose_row(const pcn_depth_dose *dose, int64_t j, int64_t k, int64_t first,
                                int64_t last);

#endif

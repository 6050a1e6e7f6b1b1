// SPDX-License-Identifier: Apache-2.0
// Columns of an influence matrix: the dose of one spot (docs/theory/influence-matrix.md).
#ifndef PCN_PROTON_SPOT_COLUMN_H
#define PCN_PROTON_SPOT_COLUMN_H

#include "geom/box.h"
#include "num/column.h"
#include "proton/depth_dose.h"

struct pcn_spot_class;
struct pcn_spot_scratch;

/// What the spots of a layer share: their rays, each with one proton, and the rows of every class in every
/// plane.
typedef struct pcn_spot_layer {
  pcn_layer layer;
  const pcn_box *box;  ///< borrowed: where dose is wanted
  double threshold;    ///< share of a column's largest below which entries are not wanted; 0: all are
  int sift;            ///< 1: they are left out to the last, and the columns say what they were
  int between;         ///< 1: voxels lie between cells, 0: they are cells, but for the planes in between
  pcn_depth_dose dose;
  double ratio;          ///< the largest of dose to the medium over dose to water
  int64_t bounds[3][2];  ///< cells that the box may need: first, one behind the last
  float *most;           ///< [plane]: bound of a proton's dose in any cell, Gy mm2
  int16_t *low, *high;   ///< [plane][part]: classes
  int32_t *first;        ///< [plane][part]: the lowest class's in classes
  struct pcn_spot_class *classes;
  float *shares;                     ///< of all classes
  size_t class_room, share_room;     ///< how many there is room for
  float *image;                      ///< of all rays, for each thread
  struct pcn_spot_scratch *scratch;  ///< one for each thread
  int threads;
} pcn_spot_layer;

/// Memory of a pcn_spot_layer and of the columns of that many threads, bytes: order of magnitude.
uint64_t pcn_spot_layer_bytes(const pencone_beam *beam, const pencone_grid *medium, double spacing_mm,
                              int threads);

/// Threshold and sift as above.
typedef struct pcn_spot_options {
  int sift;
  double threshold;
} pcn_spot_options;

/// Room for the layers of a beam, one at a time.
/// @param[out] out  freed by pcn_spot_layer_free(), also after a failure. @return PENCONE_OK, E_MEMORY.
pencone_status pcn_spot_layer_make(pencone_context *ctx, const pcn_proton_beam *engine, const pcn_box *box,
                                   const pcn_spot_options *options, pcn_spot_layer *out);

/// Makes it layer number index of the beam, whatever it was before. @return PENCONE_OK, E_MEMORY: then it is
/// none.
pencone_status pcn_spot_layer_set(pencone_context *ctx, int index, pcn_spot_layer *layer);
void pcn_spot_layer_free(pcn_spot_layer *layer);

/// The dose of one proton, Gy. As many threads at once as the layer was made for.
pencone_status pcn_spot_column(pencone_context *ctx, const pcn_spot_layer *layer,
                               const pencone_proton_spot *spot, pcn_column *out);

#endif

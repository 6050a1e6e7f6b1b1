// SPDX-License-Identifier: Apache-2.0
// Columns of an influence matrix: the dose of one spot (docs/theory/influence-matrix.md).
#ifndef PCN_PROTON_SPOT_COLUMN_H
#define PCN_PROTON_SPOT_COLUMN_H

#include "geom/box.h"
#include "num/column.h"
#include "proton/layer_work.h"

/// What the spots of a layer share: their rays, each with the cells of one proton.
typedef struct pcn_spot_layer {
  pcn_layer_work work; ///< protons: 1 for rays of a spot, else 0; no volume
  float *dose;         ///< [z][y][x] of cells: pcn_layer_dose()
  int64_t planes;      ///< those before the last with dose, and it
  const pcn_box *box;  ///< borrowed: where dose is wanted
} pcn_spot_layer;

/// Memory of pcn_spot_layer_make() and of the columns of that many threads, bytes: order of magnitude.
uint64_t pcn_spot_layer_bytes(const pencone_beam *beam, const pencone_grid *medium, double spacing_mm, int threads);

/// @param layer  of the beam. @param[out] out  freed by pcn_spot_layer_free(). @return PENCONE_OK, E_MEMORY.
pencone_status pcn_spot_layer_make(pencone_context *ctx, const pcn_proton_beam *engine, const pcn_box *box, int layer,
                                   pcn_spot_layer *out);
void pcn_spot_layer_free(pcn_spot_layer *layer);

/// Appends the dose of one proton, Gy.
pencone_status pcn_spot_column(pencone_context *ctx, const pcn_spot_layer *layer, const pencone_proton_spot *spot,
                               pcn_column *out);

#endif

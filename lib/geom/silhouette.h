// SPDX-License-Identifier: Apache-2.0
// The shadow of a structure in the isocentre plane, and its outlines.
#ifndef PCN_SILHOUETTE_H
#define PCN_SILHOUETTE_H

#include <pencone/grid.h>

#include "base/base.h"
#include "geom/frame.h"

/// Square cells of the isocentre plane in collimator axes, x fastest; not 0: the shadow meets the cell.
typedef struct pcn_silhouette {
  double x_mm, y_mm;  ///< lower corner of the first cell
  double pitch_mm;    ///< width of a cell
  int nx, ny;
  uint8_t *cell;  ///< NULL: there is no shadow
} pcn_silhouette;

/// The shadow of the voxels whose mask is at least a value. A structure that is empty, or reaches to the
/// plane of the source, has none. @param[out] out  freed by pcn_silhouette_free()
pencone_status pcn_silhouette_make(pencone_context *ctx, const pcn_frame *frame, const pencone_grid *grid,
                                   const uint8_t *mask, uint8_t least, pcn_silhouette *out);
void pcn_silhouette_free(pcn_silhouette *silhouette);

/// Outer outline of the next part of the shadow, counter-clockwise corners (x, y), the first not repeated;
/// the part is removed. Holes are not told. @param[out] corners  0: no part is left. @param[out] xy_mm  freed
/// by pcn_free()
pencone_status pcn_silhouette_outline(pencone_context *ctx, pcn_silhouette *silhouette, int *corners,
                                      double **xy_mm);

#endif

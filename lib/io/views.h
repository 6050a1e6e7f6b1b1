// SPDX-License-Identifier: Apache-2.0
// The two layouts by which VTK/ParaView and ITK find our voxels: hard links, no second copy.
#ifndef PCN_VIEWS_H
#define PCN_VIEWS_H

#include "h5.h"

/// Begins both layouts for volumes on a grid. @param first  the dataset that a viewer shows first (its path);
/// ITK sees only this one. @param name  its name in VTK
pencone_status pcn_views_begin(const pcn_h5 *h5, const pencone_grid *grid, const char *first,
                               const char *name);

/// Adds another dataset on the same grid to what VTK shows.
pencone_status pcn_views_add(const pcn_h5 *h5, const char *object, const char *name);

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef PCN_PHANTOM_H
#define PCN_PHANTOM_H

#include <pencone/phantom.h>

/// Like pencone_phantom_borrow(), but the phantom owns the arrays from then on and frees them by pcn_free():
/// they come from pcn_alloc(). After a failure they still belong to the caller.
pencone_status pcn_phantom_adopt(pencone_context *ctx, const pencone_phantom_desc *desc,
                                 pencone_phantom **out);

/// Like pencone_phantom_add_structure(), but the phantom owns the mask from then on and frees it by
/// pcn_free(). After a failure it still belongs to the caller.
pencone_status pcn_phantom_adopt_structure(pencone_context *ctx, pencone_phantom *phantom, const char *name,
                                           uint8_t *mask);

/// Composition of voxel (i,j,k): its material, else the HU curve's by CT number, else the HU curve's whose
/// density is nearest. Static storage. Indices must be inside. Any thread.
const pencone_material *pcn_phantom_material_at(const pencone_phantom *phantom, int64_t i, int64_t j,
                                                int64_t k);

#endif

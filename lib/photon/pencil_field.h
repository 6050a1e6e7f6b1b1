// SPDX-License-Identifier: Apache-2.0
// Lateral integrals of the pencil-beam kernel over a fluence map (docs/theory/pencil-beam.md, eq. 5): the sum
// over its pixels, on one lattice.
#ifndef PCN_PENCIL_FIELD_H
#define PCN_PENCIL_FIELD_H

#include <pencone/beam.h>

#include "photon/pencil_map.h"

/// The fluence of a beam on its pixels, in whole steps of the lattice of the lateral integrals.
typedef struct pcn_pencil_field {
  const double *weight;  ///< [y][x]
  int pixels[2];
  int half[2];    ///< steps in half a pixel
  int around[2];  ///< steps around the field
} pcn_pencil_field;

/// @param pixel_mm  steps of the lattice: pcn_pencil_pixels()
pcn_pencil_field pcn_pencil_field_of(const pencone_beam *beam, const double pixel_mm[2], double reach_mm);

/// Memory of the lateral integrals and of what they are made of, bytes.
uint64_t pcn_pencil_field_bytes(const pcn_pencil_field *field, int planes);

/// @param pixel  of one pixel of the field, as far as it may be from what it reaches
/// @param[out] out  not a quarter but the whole, from the corner of the lowest x and y on: around from the
/// field's. Freed by pcn_free(out->value). @return PENCONE_OK, E_MEMORY, E_UNSUPPORTED (too large),
/// E_CANCELLED.
pencone_status pcn_pencil_field_make(pencone_context *ctx, const pcn_pencil_field *field,
                                     const pcn_pencil_map *pixel, pcn_pencil_map *out);

#endif

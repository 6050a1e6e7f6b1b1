// SPDX-License-Identifier: Apache-2.0
// Layers of proton spots: checked and copied for a plan.
#ifndef PCN_LAYERS_H
#define PCN_LAYERS_H

#include <pencone/beam.h>

/// @return PENCONE_OK, E_ARGUMENT (no layers or spots), E_RANGE (energy, place or number of protons; range
/// shifter; aperture).
pencone_status pcn_layers_check(pencone_context *ctx, const pencone_beam *beam);

/// Copies a beam's layers and spots. @param[out] out  one allocation, freed by pcn_free()
pencone_status pcn_layers_copy(pencone_context *ctx, const pencone_beam *beam, pencone_proton_layer **out);

/// Copies the outline of a beam's aperture. @param[out] out  freed by pcn_free()
pencone_status pcn_aperture_copy(pencone_context *ctx, const pencone_beam *beam,
                                 pencone_aperture_point **out);

/// What a dose needs and an influence matrix does not. @return PENCONE_OK, E_RANGE (no spot has protons).
pencone_status pcn_layers_give(pencone_context *ctx, const pencone_beam *beam);

/// Sets the beam's field to the smallest rectangle around its spots, at least 2 mm wide.
void pcn_layers_field(pencone_beam *beam);

#endif

// SPDX-License-Identifier: Apache-2.0
// The layers and the aperture of a proton beam in a plan file.
#ifndef PCN_SPOTS_H
#define PCN_SPOTS_H

#include <pencone/beam.h>

#include "yaml.h"

/// Owns what a beam's layers point to while it is read.
typedef struct pcn_spots {
  pencone_proton_layer *layers;
  pencone_proton_spot *spots;
  pencone_aperture_point *aperture;
} pcn_spots;

/// Reads a list of layers into a beam. @param[out] out  freed by pcn_spots_free(), also after a failure
pencone_status pcn_spots_read(pencone_context *ctx, pcn_node list, pencone_beam *beam, pcn_spots *out);

/// Reads the outline of an aperture, a rectangle or a polygon; node NULL: there is none. What it may be the
/// plan checks.
/// @param[out] out  what the beam then points to, freed by pcn_free(), also after a failure
pencone_status pcn_aperture_read(pencone_context *ctx, pcn_node node, int protons, pencone_beam *beam,
                                 pencone_aperture_point **out);
void pcn_spots_free(pcn_spots *spots);

#endif

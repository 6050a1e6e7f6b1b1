// SPDX-License-Identifier: Apache-2.0
// The layers of a proton beam in a plan file.
#ifndef PCN_SPOTS_H
#define PCN_SPOTS_H

#include "yaml.h"
#include <pencone/beam.h>

/// Owns what a beam's layers point to while it is read.
typedef struct pcn_spots {
  pencone_proton_layer *layers;
  pencone_proton_spot *spots;
} pcn_spots;

/// Reads a list of layers into a beam. @param[out] out  freed by pcn_spots_free(), also after a failure
pencone_status pcn_spots_read(pencone_context *ctx, pcn_node list, pencone_beam *beam, pcn_spots *out);
void pcn_spots_free(pcn_spots *spots);

#endif

// SPDX-License-Identifier: Apache-2.0
// The fluence map of a beam in a plan file.
#ifndef PCN_FLUENCE_FILE_H
#define PCN_FLUENCE_FILE_H

#include <pencone/beam.h>

#include "yaml.h"

/// Reads the map that a node names, and checks its weights: a file beside the plan, whose dataset is
/// /fluence_map, or {file, dataset}. Node NULL: there is none. beam has its name.
/// @param[out] out  what the beam then points to, freed by pcn_free(), also after a failure
pencone_status pcn_fluence_read(pencone_context *ctx, pcn_node node, pencone_beam *beam, double **out);

#endif

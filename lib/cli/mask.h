// SPDX-License-Identifier: Apache-2.0
// Voxels of a dose grid that structures touch.
#ifndef CLI_MASK_H
#define CLI_MASK_H

#include "command.h"

/// A voxel counts when its centre lies in a voxel of one of the structures, or the centre of one of theirs in
/// it.
/// @param[out] mask  freed by free(); NULL: no structures were named
/// @return CLI_GO_ON or, after a message, an exit status
int cli_mask_make(cli_session *session, const pencone_phantom *phantom, const pencone_grid *grid,
                  const cli_texts *structures, uint8_t **mask);

#endif

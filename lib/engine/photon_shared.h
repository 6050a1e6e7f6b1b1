// SPDX-License-Identifier: Apache-2.0
// Tables of a photon machine as an engine's shared part: pcn_photon_tables (photon/tables.h).
#ifndef PCN_ENGINE_PHOTON_SHARED_H
#define PCN_ENGINE_PHOTON_SHARED_H

#include "engine/engine_type.h"

/// shared_make() of engines with the option kernel_depth_cm.
pencone_status pcn_photon_shared_make(pencone_context *ctx, const pcn_job *job, void *shared);

/// shared_free() of all engines that share these tables.
void pcn_photon_shared_free(void *shared);

#endif

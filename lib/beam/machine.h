// SPDX-License-Identifier: Apache-2.0
#ifndef PCN_MACHINE_H
#define PCN_MACHINE_H

#include <pencone/machine.h>

/// A copy of a machine, freed by pencone_machine_destroy(): plans own theirs.
/// @param[out] out  NULL on failure. @return PENCONE_OK, E_ARGUMENT, E_MEMORY.
pencone_status pcn_machine_clone(pencone_context *ctx, const pencone_machine *machine, pencone_machine **out);

#endif

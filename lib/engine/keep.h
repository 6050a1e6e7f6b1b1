// SPDX-License-Identifier: Apache-2.0
// Which entries of a column are kept.
#ifndef PCN_KEEP_H
#define PCN_KEEP_H

#include <pencone/dij.h>

#include "num/column.h"

/// Drops what the options do not want from the column that an engine made, and copies the rest. @param raw
/// what is left of it stays there; @param index  of the column, for sampling; @param kept  gets the entries;
/// @param[out] out points into it. @return PENCONE_OK, E_BUDGET, E_MEMORY.
pencone_status pcn_column_keep(pencone_context *ctx, const pencone_dij_options *options, int64_t index,
                               pcn_column *raw, pcn_column *kept, pencone_dij_column *out);

/// What the sink gets of a column that is sifted: points into it.
pencone_dij_column pcn_column_ready(const pcn_column *column, int64_t index);

#endif

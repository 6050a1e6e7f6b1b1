// SPDX-License-Identifier: Apache-2.0
// Which entries of a column are kept.
#ifndef PCN_KEEP_H
#define PCN_KEEP_H

#include "num/column.h"
#include <pencone/dij.h>

/// Drops what the options do not want, in place. @param index  of the column, for sampling
/// @param[out] out  points into the column
void pcn_column_keep(pcn_column *column, const pencone_dij_options *options, int64_t index, pencone_dij_column *out);

#endif

// SPDX-License-Identifier: Apache-2.0
// Least squares with factors that are not negative.
#ifndef PCN_NNLS_H
#define PCN_NNLS_H

#include "base/base.h"

/// Finds x >= 0 that makes |A x - b| least (Lawson and Hanson 1974, doi:10.1137/1.9781611971217, chapter 23),
/// from the products A'A and A'b: for tens of columns that are not nearly alike. @param[out] x  columns
/// values
/// @return PENCONE_OK, E_MEMORY, E_NUMERIC (no end after 30 columns steps, or columns that depend on each
/// other).
pencone_status pcn_nnls(pencone_context *ctx, int columns, const double *product, const double *right,
                        double *x);

#endif

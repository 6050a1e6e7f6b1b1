// SPDX-License-Identifier: Apache-2.0
// Linear least squares of many rows, by GSL's sums over blocks of rows.
#ifndef PCN_LINEAR_FIT_H
#define PCN_LINEAR_FIT_H

#include "base/base.h"

/// A fit that rows are added to.
typedef struct pcn_linear_fit pcn_linear_fit;

/// @param name  in messages. @param[out] out  freed by pcn_linear_fit_free(). @return PENCONE_OK, E_MEMORY
pencone_status pcn_linear_fit_make(pencone_context *ctx, const char *name, size_t unknowns,
                                   pcn_linear_fit **out);
void pcn_linear_fit_free(pcn_linear_fit *fit);

/// The next row, to be filled with factors of the unknowns, all 0 at first; pcn_linear_fit_add() takes it.
double *pcn_linear_fit_row(pcn_linear_fit *fit);

/// Takes the row: its factors times the unknowns shall be value, in units of its uncertainty.
/// @return PENCONE_OK, E_NUMERIC
pencone_status pcn_linear_fit_add(pencone_context *ctx, pcn_linear_fit *fit, double value);

/// @param[out] unknown  what makes the sum of squares smallest. @return PENCONE_OK, E_NUMERIC
pencone_status pcn_linear_fit_solve(pencone_context *ctx, pcn_linear_fit *fit, double *unknown);

#endif

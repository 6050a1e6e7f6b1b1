// SPDX-License-Identifier: Apache-2.0
// Non-linear least squares by GSL's trust region (Levenberg-Marquardt), derivatives by differences.
#ifndef PCN_LEAST_SQUARES_H
#define PCN_LEAST_SQUARES_H

#include <math.h>

#include "base/base.h"

enum { PCN_LEAST_SQUARES_PARAMETERS = 8 };

/// Smooth, 0 at 0 with slope 1, and never beyond +-limit: no step of a fit leaves what makes sense.
static inline double pcn_bounded(double x, double limit) {
  return limit * tanh(x / limit);
}

/// Residuals, each over its uncertainty, at parameters of size about 1. @return 1, or 0 where they cannot be
/// computed
typedef int (*pcn_residuals)(const void *problem, const double *parameter, double *residual);

/// What is to be made smallest.
typedef struct pcn_misfit {
  const char *name;  ///< in messages
  pcn_residuals residuals;
  const void *problem;
  size_t residual_count, parameter_count;
} pcn_misfit;

/// @param[in,out] parameter  start, then the minimum. @param[out] chi2  sum of the squares
/// @return PENCONE_OK, E_MEMORY, E_NUMERIC (no minimum found)
pencone_status pcn_least_squares(pencone_context *ctx, const pcn_misfit *misfit, double *parameter,
                                 double *chi2);

/// GSL ends the program on an error unless its handler is off: to be called first and last by every public
/// function.
/// @param[out] handler  kept for pcn_gsl_leave(). @return PENCONE_OK or E_UNSUPPORTED (another libpencone)
typedef void pcn_gsl_handler(const char *reason, const char *file, int line, int number);
pencone_status pcn_gsl_enter(pencone_context *ctx, pcn_gsl_handler **handler);
void pcn_gsl_leave(pcn_gsl_handler *handler);

#endif

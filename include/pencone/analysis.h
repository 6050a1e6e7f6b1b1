// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_ANALYSIS_H
#define PENCONE_ANALYSIS_H

#include <pencone/dose.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Samples a dose along a straight line, both ends included.
/// @param from_mm, to_mm  patient axes. @param count  number of samples, 2 or more
/// @param[out] distance_mm, dose  count values each; dose is NaN outside the grid; distance_mm may be NULL
/// @return PENCONE_OK, E_ARGUMENT or E_RANGE (from and to are the same point).
PENCONE_API pencone_status pencone_profile_sample(pencone_context *ctx, const pencone_dose *dose,
                                                  const double from_mm[3], const double to_mm[3], size_t count,
                                                  double *distance_mm, double *values);

#ifdef __cplusplus
}
#endif
#endif

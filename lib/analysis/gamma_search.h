// SPDX-License-Identifier: Apache-2.0
// Gamma of a dose on points of a rectilinear grid: what pencone_gamma_compute() and
// pencone_reference_compare() share.
#ifndef PCN_GAMMA_SEARCH_H
#define PCN_GAMMA_SEARCH_H

#include <pencone/analysis.h>

/// The points to judge.
typedef struct pcn_gamma_points {
  int64_t size[3];
  const double *centre_mm[3];   ///< rising positions along x, y, z
  const float *dose;            ///< C order
  const float *relative_sigma;  ///< or NULL
  const uint8_t *skip;          ///< 1: this point is not judged; or NULL
  const float *mean;            ///< evaluated dose that counts at distance 0; NULL: trilinear at the point
} pcn_gamma_points;

/// Checks a criterion. @return PENCONE_OK, E_ARGUMENT or E_RANGE.
pencone_status pcn_gamma_check(pencone_context *ctx, const pencone_gamma_options *options);

/// Checks values. @return PENCONE_OK or E_RANGE with the first voxel that is not finite.
pencone_status pcn_check_finite(pencone_context *ctx, const char *what, const float *values, size_t count);

/// Gamma of each point. @param options  checked, normalisation_gy > 0
/// @param evaluated_scale  factor on the evaluated dose (mean included)
/// @param[out] map  one value per point, NaN where not judged
pencone_status pcn_gamma_run(pencone_context *ctx, const pencone_dose *evaluated, double evaluated_scale,
                             const pcn_gamma_points *points, const pencone_gamma_options *options, float *map,
                             pencone_gamma_result *result);

/// Fills the statistics of a result from judged values (NaN: not judged). outside is kept.
void pcn_gamma_summarise(const float *gamma, size_t count, const pencone_gamma_options *options,
                         pencone_gamma_result *result);

#endif

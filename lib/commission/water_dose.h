// SPDX-License-Identifier: Apache-2.0
// Depth doses in water as the collapsed-cone engine has them.
#ifndef PCN_WATER_DOSE_H
#define PCN_WATER_DOSE_H

#include <pencone/machine.h>
#include <pencone/measurement.h>

/// Dose on the axis per unit fluence (Gy cm2) at the depths of a curve.
/// @param quality  "fast", "standard" or "reference". @param[out] dose  curve->points values
/// @return PENCONE_OK, E_MEMORY, E_CANCELLED, E_NUMERIC and what the engine may fail with
pencone_status pcn_water_dose(pencone_context *ctx, const pencone_machine *machine,
                              const pencone_depth_dose *curve, const char *quality, double *dose);

#endif

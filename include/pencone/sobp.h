// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_SOBP_H
#define PENCONE_SOBP_H

#include <pencone/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A uniform field of protons in water, its peak spread out over depth. Start from PENCONE_SOBP_DEFAULT.
typedef struct pencone_sobp {
  size_t struct_size;
  double range_mm;          ///< depth of 80 % behind the deepest peak, above 0
  double width_mm;          ///< from the shallowest peak to range_mm, above 0
  double size_mm[2];        ///< field in x and y in the isocentre plane, between its 50 % edges, above 0
  double dose_gy;           ///< on the plateau, above 0
  double spot_spacing_mm;   ///< of spots; 0: 1.3 times the smallest spot without the phantom
  double range_shifter_mm;  ///< 0: none
  const char *range_shifter_material;  ///< "pmma" (also for NULL) or "water"
} pencone_sobp;

// clang-format off
#define PENCONE_SOBP_DEFAULT {sizeof(pencone_sobp), 0, 0, {100, 100}, 2, 0, 0, 0}
// clang-format on

/// Makes a plan of one beam (gantry 0, isocentre at 0,0,0 on the surface of a water tank, engine
/// "proton-pencil-beam"): energies from range_mm to range_mm - width_mm in steps of 1.5 widths of the range,
/// one factor for all spots of a layer by non-negative least squares on the depth doses on the axis.
/// @param[out] out  owned by the caller
/// @param[out] flatness_pct  largest deviation of the axis dose from dose_gy between the outer peaks; may be
/// NULL
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (energies outside the beam data, more than 100 layers), E_NUMERIC,
/// E_MEMORY.
PENCONE_API pencone_status pencone_sobp_plan(pencone_context *ctx, const pencone_sobp *wanted,
                                             const pencone_machine *machine, pencone_plan **out,
                                             double *flatness_pct);

#ifdef __cplusplus
}
#endif
#endif

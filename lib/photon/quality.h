// SPDX-License-Identifier: Apache-2.0
// A spectrum as it is attenuated: released energy against depth, split into primary and scatter.
#ifndef PCN_QUALITY_H
#define PCN_QUALITY_H

#include <pencone/machine.h>

#include "photon/kernel.h"
#include "simd/release_row.h"

/// Released energy at a depth, per unit fluence, MeV cm2/g; per gram of the two basis materials.
typedef struct pcn_release {
  float water[PCN_PARTS];
  float aluminium[PCN_PARTS];
} pcn_release;

/// Table of released energy over the depths in water and in aluminium (g/cm2) that a ray has crossed:
/// the spectrum hardens as it should in any material (docs/theory/terma.md, eq. 4).
typedef struct pcn_quality pcn_quality;

/// @param[out] out  freed by pcn_quality_free()
pencone_status pcn_quality_make(pencone_context *ctx, const pencone_machine *machine, const pcn_edk *edk,
                                pcn_quality **out);
void pcn_quality_free(pcn_quality *quality);

/// Bilinear in the table (100 g/cm2 of water; -10 to 20 of aluminium), exact sums outside it. Any thread.
pcn_release pcn_quality_at(const pcn_quality *quality, double water_g_cm2, double aluminium_g_cm2);

/// The table for the loops of simd/release_row.h; its nodes are borrowed.
/// @param aluminium_electrons  of one gram, relative to water
pcn_release_table pcn_quality_table(const pcn_quality *quality, double aluminium_electrons);

/// The same as sums over the spectrum, for tests and outside the table.
pcn_release pcn_quality_exact(const pcn_quality *quality, double water_g_cm2, double aluminium_g_cm2);

/// Kernel weights for pcn_kernel_mix(). Primary: of the spectrum at the surface, where the kernel's shape
/// shows in the build-up; deeper, only its energy does. Scatter: of the spectrum behind a depth of water.
void pcn_quality_kernel_weights(const pcn_quality *quality, const pcn_edk *edk, double water_g_cm2,
                                double weight[PCN_KERNEL_ENERGIES][PCN_PARTS]);

#endif

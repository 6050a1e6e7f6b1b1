// SPDX-License-Identifier: Apache-2.0
// What both superposition engines know of a machine: its spectrum and the kernel that belongs to it.
#ifndef PCN_PHOTON_TABLES_H
#define PCN_PHOTON_TABLES_H

#include <pencone/plan.h>

#include "matter/medium.h"
#include "photon/quality.h"
#include "photon/terma.h"

typedef struct pcn_photon_tables {
  pcn_quality *quality;
  pcn_kernel kernel;
} pcn_photon_tables;

/// @param kernel_depth_g_cm2  depth of water whose spectrum shapes the scatter kernel
/// @param[out] out  freed by pcn_photon_tables_free()
pencone_status pcn_photon_tables_make(pencone_context *ctx, const pencone_machine *machine,
                                      double kernel_depth_g_cm2, pcn_photon_tables *out);
void pcn_photon_tables_free(pcn_photon_tables *tables);

/// Allocates a TERMA on a grid, or frees it.
pencone_status pcn_terma_make(pencone_context *ctx, const pencone_grid *grid, pcn_terma *out);
void pcn_terma_free(pcn_terma *terma);

/// Turns energy per electron density (MeV/g of water-like electrons) into dose in Gy and adds it to total
/// and, unless NULL, to part (docs/theory/ccc.md, eq. 10 and 11).
void pcn_add_dose(pencone_context *ctx, const pcn_medium *medium, pencone_quantity quantity,
                  const float *energy, float *const out[2]);

/// Dose per energy in one voxel, for pcn_add_dose()'s quantities.
float pcn_dose_factor(const pcn_medium *medium, pencone_quantity quantity, size_t voxel);

/// Multiplies the values of n voxels from the first on by their pcn_dose_factor(), the same to the bit.
void pcn_scale_dose(const pcn_medium *medium, pencone_quantity quantity, size_t first, size_t n,
                    float *value);

#endif

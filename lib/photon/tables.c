// SPDX-License-Identifier: Apache-2.0
#include "photon/tables.h"

#include <string.h>

#include "base/base.h"
#include "num/constants.h"

pencone_status pcn_photon_tables_make(pencone_context *ctx, const pencone_machine *machine,
                                      double kernel_depth_g_cm2, pcn_photon_tables *out) {
  pcn_edk *edk;
  memset(out, 0, sizeof *out);
  PCN_TRY(pcn_edk_load(ctx, &edk));
  const pencone_status status = pcn_quality_make(ctx, machine, edk, &out->quality);
  if (status == PENCONE_OK) {
    double weight[PCN_KERNEL_ENERGIES][PCN_PARTS];
    pcn_quality_kernel_weights(out->quality, edk, kernel_depth_g_cm2, weight);
    pcn_kernel_mix(edk, weight, &out->kernel);
  }
  pcn_free(edk);
  return status;
}

void pcn_photon_tables_free(pcn_photon_tables *tables) {
  pcn_quality_free(tables->quality);
  memset(tables, 0, sizeof *tables);
}

pencone_status pcn_terma_make(pencone_context *ctx, const pencone_grid *grid, pcn_terma *out) {
  memset(out, 0, sizeof *out);
  for (int k = 0; k < PCN_PARTS; k++) {
    out->part[k] = pcn_alloc(ctx, pencone_grid_voxels(grid), sizeof *out->part[k]);
    if (out->part[k] == NULL) {
      pcn_terma_free(out);
      return PENCONE_E_MEMORY;
    }
  }
  return PENCONE_OK;
}

void pcn_terma_free(pcn_terma *terma) {
  for (int k = 0; k < PCN_PARTS; k++) {
    pcn_free(terma->part[k]);
  }
  memset(terma, 0, sizeof *terma);
}

// Mass collision stopping power per electron, water over aluminium, electrons of 1 MeV: 1.849 / 0.5551 over
// 1.465 / 0.4818 MeV cm2/mol (ICRU 37). With the aluminium share of the electrons it gives water over any
// tissue to about 1 %.
static const float stopping_water_over_aluminium = 1.0954f;

float pcn_dose_factor(const pcn_medium *medium, pencone_quantity quantity, size_t voxel) {
  const float rho = medium->density[voxel], electrons = medium->electron_density[voxel];
  if (quantity == PENCONE_DOSE_TO_WATER) {
    const float share = pcn_medium_aluminium_share(medium, voxel);
    return (float)PCN_GY_PER_MEV_G * (1 + (stopping_water_over_aluminium - 1) * (share > 0 ? share : 0));
  }
  return (float)PCN_GY_PER_MEV_G * (rho > 0 ? electrons / rho : 1.0f);  // in vacuum: of water
}

void pcn_scale_dose(const pcn_medium *medium, pencone_quantity quantity, size_t first, size_t n,
                    float *restrict value) {
  if (quantity == PENCONE_DOSE_TO_WATER) {
    for (size_t i = 0; i < n; i++) {
      value[i] *= pcn_dose_factor(medium, quantity, first + i);
    }
    return;
  }
  const float *restrict density = medium->density + first;
  const float *restrict electrons = medium->electron_density + first;
#pragma omp simd
  for (size_t i = 0; i < n; i++) {  // as pcn_dose_factor(); without matter 1 over 1, a sum takes no branch
    const float none = (float)(density[i] <= 0), per_density = (electrons[i] + none) / (density[i] + none);
    value[i] *= (float)PCN_GY_PER_MEV_G * per_density;
  }
}

typedef struct dose_work {
  const pcn_medium *medium;
  pencone_quantity quantity;
  const float *energy;
  float *total, *part;
} dose_work;

static void add_slice(void *work, size_t k, int worker) {
  (void)worker;
  const dose_work *w = work;
  const pencone_grid *grid = &w->medium->grid;
  const size_t n = (size_t)(grid->size[0] * grid->size[1]);
  for (size_t i = k * n; i < (k + 1) * n; i++) {
    const float dose = w->energy[i] * pcn_dose_factor(w->medium, w->quantity, i);
    w->total[i] += dose;
    if (w->part != NULL) {
      w->part[i] += dose;
    }
  }
}

void pcn_add_dose(pencone_context *ctx, const pcn_medium *medium, pencone_quantity quantity,
                  const float *energy, float *const out[2]) {
  dose_work work = {medium, quantity, energy, out[0], out[1]};
  pcn_parallel_for(ctx, (size_t)medium->grid.size[2], add_slice, &work);
}

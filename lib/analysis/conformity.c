// SPDX-License-Identifier: Apache-2.0
// How well an isodose fits a target: Paddick's and the RTOG index. Both volumes come from histograms, so
// that voxels count in parts.
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "dvh.h"

/// Volume that receives isodose_gy or more in a structure, and the structure's own.
static pencone_status volume_above(pencone_context *ctx, const pencone_dose *dose, const pencone_grid *grid,
                                   const uint8_t *mask, double isodose_gy, double volumes_cm3[2]) {
  pencone_dvh *dvh = NULL;
  PCN_TRY(pencone_dvh_create(ctx, dose, grid, mask, &dvh));
  volumes_cm3[0] = dvh->hotter[0];
  volumes_cm3[1] = dvh->hotter[0] * pencone_dvh_volume_at(dvh, isodose_gy) / 100;
  pencone_dvh_destroy(dvh);
  return PENCONE_OK;
}

pencone_status pencone_conformity_measure(pencone_context *ctx, const pencone_dose *dose,
                                          const pencone_grid *grid, const uint8_t *target, double isodose_gy,
                                          pencone_conformity *out) {
  PCN_CHECK(ctx, dose != NULL && out != NULL, PENCONE_E_ARGUMENT,
            "conformity: got dose %s, place for the result %s, expected both", dose ? "given" : "NULL",
            out ? "given" : "NULL");
  PCN_CHECK(ctx, isfinite(isodose_gy) && isodose_gy > 0, PENCONE_E_RANGE,
            "conformity: isodose: got %g Gy, expected more than 0", isodose_gy);
  double of_target[2], of_all[2];
  PCN_TRY(volume_above(ctx, dose, grid, target, isodose_gy, of_target));
  const pencone_grid *own = pencone_dose_grid_of(dose);
  const size_t voxels = pencone_grid_voxels(own);
  uint8_t *all = pcn_alloc(ctx, voxels, 1);
  if (all == NULL) {
    return PENCONE_E_MEMORY;
  }
  memset(all, 255, voxels);
  const pencone_status status = volume_above(ctx, dose, own, all, isodose_gy, of_all);
  pcn_free(all);
  PCN_TRY(status);
  out->target_cm3 = of_target[0];
  out->both_cm3 = of_target[1];
  out->isodose_cm3 = of_all[1];
  out->paddick = of_all[1] > 0 ? of_target[1] * of_target[1] / (of_target[0] * of_all[1]) : 0;
  out->rtog = of_all[1] / of_target[0];
  return PENCONE_OK;
}

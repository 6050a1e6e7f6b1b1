// SPDX-License-Identifier: Apache-2.0
// Spots behind an aperture: their rays' weights are no longer products of x and y.
#include "base/base.h"
#include "proton/layer_work.h"
#include <math.h>

double pcn_spot_ray(const pcn_proton_beam *engine, const pcn_collimator *collimator, const pencone_proton_spot *spot,
                    const pcn_spot_rays *r, int64_t i, int64_t j) {
  const pcn_axis *ray = engine->rays.ray;
  const double x = ray[0].first + ray[0].step * (double)(r->first[0] + i);
  const double y = ray[1].first + ray[1].step * (double)(r->first[1] + j);
  const double place[2] = {spot->x_mm, spot->y_mm};
  return r->weight[0][i] * r->weight[1][j] * pcn_collimator_pass(collimator, place, x, y);
}

pcn_spot_state pcn_spot_cut(const pcn_proton_beam *engine, const pcn_collimator *collimator, const pencone_proton_spot *spot,
                            const pcn_spot_rays *r) {
  const double little = 1e-6;
  double sum = 0;
  if (collimator->pass == NULL) {
    return PCN_SPOT_WHOLE;
  }
  for (int64_t j = 0; j < r->count[1]; j++) {
    for (int64_t i = 0; i < r->count[0]; i++) {
      sum += pcn_spot_ray(engine, collimator, spot, r, i, j);
    }
  }
  return sum > 1 - little ? PCN_SPOT_WHOLE : sum > little ? PCN_SPOT_PART : PCN_SPOT_STOPPED;
}

pcn_spot_rays pcn_spot_row(const pcn_proton_beam *engine, const pcn_collimator *collimator, const pencone_proton_spot *spot,
                           const pcn_spot_rays *r, int64_t j, double *weight) {
  const double least = 1e-12; // not 0: means over rays divide by their weight
  double *one = weight + r->count[0];
  pcn_spot_rays row = {{r->first[0], r->first[1] + j}, {r->count[0], 1}, {weight, one}};
  *one = 1;
  for (int64_t i = 0; i < r->count[0]; i++) {
    weight[i] = fmax(pcn_spot_ray(engine, collimator, spot, r, i, j), least * r->weight[0][i]);
  }
  return row;
}

pencone_status pcn_spots_pass(pencone_context *ctx, const pcn_proton_beam *engine) {
  const pcn_axis *ray = engine->rays.ray;
  double *scratch = pcn_alloc(ctx, (size_t)(ray[0].count + ray[1].count), sizeof *scratch);
  if (scratch == NULL) {
    return PENCONE_E_MEMORY;
  }
  int passing = 0;
  for (int l = 0; l < engine->beam->layer_count && !passing; l++) {
    const pencone_proton_layer *layer = &engine->beam->layers[l];
    for (int s = 0; s < layer->spot_count && !passing; s++) {
      const pcn_spot_rays r = pcn_spot_spread(engine, engine->energy[l].lattice_mm2, &layer->spots[s], scratch);
      passing = pcn_spot_cut(engine, &engine->energy[l].collimator, &layer->spots[s], &r) != PCN_SPOT_STOPPED;
    }
  }
  pcn_free(scratch);
  PCN_CHECK(ctx, passing, PENCONE_E_GEOMETRY,
            "beam %s: aperture: it stops all spots, expected an opening where one of them goes through", engine->beam->name);
  return PENCONE_OK;
}

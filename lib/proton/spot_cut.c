// SPDX-License-Identifier: Apache-2.0
// Spots behind an aperture: their rays' weights are no longer products of x and y.
#include <math.h>

#include "base/base.h"
#include "proton/layer.h"

static const double little = 1e-6;  // of a spot: no more than that is nothing

double pcn_spot_ray(const pcn_proton_beam *engine, const pcn_collimator *collimator,
                    const pencone_proton_spot *spot, const pcn_spot_rays *r, int64_t i, int64_t j) {
  const pcn_axis *ray = engine->rays.ray;
  const double x = ray[0].first + ray[0].step * (double)(r->first[0] + i);
  const double y = ray[1].first + ray[1].step * (double)(r->first[1] + j);
  const double place[2] = {spot->x_mm, spot->y_mm};
  return r->weight[0][i] * r->weight[1][j] * pcn_collimator_pass(collimator, place, x, y);
}

double pcn_spot_window(const pcn_layer *l, const pencone_proton_spot *spot, double *scratch, float *weight,
                       pcn_ray_window *out) {
  const pcn_spot_rays r = pcn_spot_spread(l->engine, l->energy->lattice_mm2, spot, scratch);
  double most = 0, most_open = 0, sum = 0;
  for (int64_t j = 0; j < r.count[1]; j++) {
    for (int64_t i = 0; i < r.count[0]; i++) {
      const double part = pcn_spot_ray(l->engine, &l->energy->collimator, spot, &r, i, j);
      weight[j * r.count[0] + i] = (float)part;
      sum += part;
      most = fmax(most, part);
      most_open = fmax(most_open, r.weight[0][i] * r.weight[1][j]);
    }
  }
  for (int a = 0; a < 2; a++) {
    out->first[a] = r.first[a];
    out->count[a] = r.count[a];
  }
  out->weight = weight;
  out->stride = r.count[0];
  return sum > little ? most / most_open : 0;
}

// 1 when more than a little of the spot goes through.
static int passes(const pcn_proton_beam *engine, const pcn_collimator *collimator,
                  const pencone_proton_spot *spot, const pcn_spot_rays *r) {
  double sum = 0;
  for (int64_t j = 0; j < r->count[1]; j++) {
    for (int64_t i = 0; i < r->count[0]; i++) {
      sum += pcn_spot_ray(engine, collimator, spot, r, i, j);
    }
  }
  return sum > little;
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
      const pcn_spot_rays r =
          pcn_spot_spread(engine, engine->energy[l].lattice_mm2, &layer->spots[s], scratch);
      passing = passes(engine, &engine->energy[l].collimator, &layer->spots[s], &r);
    }
  }
  pcn_free(scratch);
  PCN_CHECK(ctx, passing, PENCONE_E_GEOMETRY,
            "beam %s: aperture: it stops all spots, expected an opening where one of them goes through",
            engine->beam->name);
  return PENCONE_OK;
}

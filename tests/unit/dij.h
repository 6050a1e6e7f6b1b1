// SPDX-License-Identifier: Apache-2.0
// Small plans with beamlets, and a sink that remembers, for the tests of influence matrices.
#ifndef UNIT_DIJ_H
#define UNIT_DIJ_H

#include <pencone/io.h>

#include "../physics/physics.h"

/// Replaces the plan of a case by one with bixels, on the same machine.
static inline void dij_use_bixels(pencone_context *ctx, physics_case *c, const physics_setup *setup,
                                  double gantry_deg, double bixel_mm) {
  pencone_beam beam = physics_beam(c->machine, setup->field_mm);
  beam.gantry_deg = gantry_deg;
  beam.bixel_mm[0] = beam.bixel_mm[1] = bixel_mm;
  beam.fluence_per_cm2 = 3;
  pencone_plan_destroy(c->plan);
  physics_ok(ctx, pencone_plan_create(ctx, "bixels", &c->plan));
  physics_ok(ctx, pencone_plan_set_engine(ctx, c->plan, setup->engine));
  for (int i = 0; i < 3 && setup->option[i] != NULL; i++) {
    physics_ok(ctx, pencone_plan_set_option(ctx, c->plan, setup->option[i], setup->value[i]));
  }
  physics_ok(ctx, pencone_plan_add_beam(ctx, c->plan, &beam));
}

/// Machine, phantom, plan with bixels, engine; not the dose.
static inline void dij_prepare(pencone_context *ctx, const physics_setup *setup, double gantry_deg,
                               double bixel_mm, physics_case *c) {
  physics_prepare(ctx, setup, c);
  dij_use_bixels(ctx, c, setup, gantry_deg, bixel_mm);
  physics_make_engine(ctx, c);
}

static inline pencone_dij *dij_make(pencone_context *ctx, const pencone_engine *engine,
                                    const pencone_dij_options *options, pencone_dij_report *report) {
  pencone_dij *dij = NULL;
  physics_ok(ctx, pencone_dij_create(ctx, &dij));
  const pencone_dij_sink sink = pencone_dij_fill(dij);
  physics_ok(ctx, pencone_dij_stream(ctx, engine, options, &sink, report));
  return dij;
}

static inline pencone_dij_options dij_threshold(double threshold) {
  pencone_dij_options options = PENCONE_DIJ_OPTIONS_DEFAULT;
  options.threshold = threshold;
  return options;
}

/// What a sink has seen.
typedef struct dij_seen {
  int begun, ended, busy, worst_busy;
  int64_t columns, fail_at;  ///< fail_at: column at which put() fails; negative: never
  uint64_t hash;             ///< of all columns in order
} dij_seen;

static inline uint64_t dij_hash(uint64_t hash, const void *data, size_t bytes) {
  const unsigned char *at = data;
  for (size_t i = 0; i < bytes; i++) {
    hash = (hash ^ at[i]) * 1099511628211U;  // FNV-1a
  }
  return hash;
}

static inline pencone_status dij_see_begin(void *data, pencone_context *ctx, const pencone_dij_info *info) {
  dij_seen *seen = data;
  (void)ctx;
  seen->begun++;
  seen->columns = info->options->first_column;
  return PENCONE_OK;
}

static inline pencone_status dij_see_put(void *data, pencone_context *ctx, const pencone_dij_column *columns,
                                         int count) {
  dij_seen *seen = data;
  (void)ctx;
  seen->busy++;
  seen->worst_busy = seen->busy > seen->worst_busy ? seen->busy : seen->worst_busy;
  for (int c = 0; c < count; c++) {
    if (columns[c].index != seen->columns || columns[c].index == seen->fail_at) {
      seen->busy--;
      return PENCONE_E_FILE;
    }
    seen->hash = dij_hash(seen->hash, columns[c].voxel, (size_t)columns[c].count * sizeof *columns[c].voxel);
    seen->hash = dij_hash(seen->hash, columns[c].value, (size_t)columns[c].count * sizeof *columns[c].value);
    seen->columns++;
  }
  seen->busy--;
  return PENCONE_OK;
}

static inline pencone_status dij_see_end(void *data, pencone_context *ctx) {
  (void)ctx;
  ((dij_seen *)data)->ended++;
  return PENCONE_OK;
}

static inline pencone_dij_sink dij_see(dij_seen *seen) {
  const dij_seen nothing = {.fail_at = -1, .hash = 1469598103934665603U};
  const pencone_dij_sink sink = {seen, dij_see_begin, dij_see_put, dij_see_end};
  *seen = nothing;
  return sink;
}

#endif

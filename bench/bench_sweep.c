// SPDX-License-Identifier: Apache-2.0
// Transport along the directions of the collapsed cone, TERMA and tables made before: each instruction-set
// level, 60^3 and 120^3 voxels, 48 and 128 directions, one and all threads; one direction alone; the
// recursion in double. Verified: each level against the reference loops, voxel by voxel in double; the
// recursion against its closed form. usage: bench_sweep [--quick] [--verify] [RUNS]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "bench.h"
#include "photon/sweep.h"
#include "photon/tables.h"
#include "simd/isa.h"

static const double progress[2] = {0, 1};

typedef struct transport {
  pencone_context *ctx;
  pencone_machine *machine;
  pencone_phantom *phantom;
  pencone_grid grid;
  pencone_beam beam;
  pcn_medium medium;
  pcn_photon_tables tables;
  pcn_terma terma;
  pcn_cones cones;
  pcn_frame frame;
  pcn_sweep sweep;
  float *dose;
  double reached,
      released;  ///< voxels that energy reaches, and that release some, summed over the directions
} transport;

static void tear_down(transport *t) {
  pcn_free(t->dose);
  pcn_cones_free(&t->cones);
  pcn_terma_free(&t->terma);
  pcn_photon_tables_free(&t->tables);
  pcn_medium_free(&t->medium);
  pencone_phantom_destroy(t->phantom);
  pencone_machine_destroy(t->machine);
  pencone_context_destroy(t->ctx);
}

static int set_up(transport *t, int edge, int directions) {
  t->grid = bench_grid(edge, 300.0 / edge);
  if (pencone_context_create(&t->ctx) != PENCONE_OK ||
      pencone_machine_read(t->ctx, "ideal-mohan-6mv", &t->machine) != PENCONE_OK ||
      bench_phantom(t->ctx, &t->grid, 0, &t->phantom) != 0) {
    return bench_failed(t->ctx, "set-up");
  }
  t->beam = bench_beam(t->machine, 100);
  const double largest_tilt = 0.08;  // of the corners of a 10 x 10 cm2 field at 1 m: 0.071
  if (pcn_medium_make(t->ctx, t->phantom, &t->grid, progress, &t->medium) != PENCONE_OK ||
      pcn_photon_tables_make(t->ctx, t->machine, 10, &t->tables) != PENCONE_OK ||
      pcn_terma_make(t->ctx, &t->grid, &t->terma) != PENCONE_OK ||
      pcn_terma_fill(t->ctx, &t->medium, &t->beam, t->tables.quality, PCN_DEPTH_LATTICE, progress,
                     &t->terma) != PENCONE_OK ||
      pcn_cones_make(t->ctx, &t->tables.kernel, directions, largest_tilt, &t->cones) != PENCONE_OK) {
    return bench_failed(t->ctx, "set-up");
  }
  t->frame = pcn_frame_make(t->beam.isocenter_mm, 1000, 0, 0, 0);
  const pcn_sweep sweep = {&t->medium, &t->terma, &t->cones, &t->frame, 0};
  t->sweep = sweep;
  t->dose = pcn_alloc(t->ctx, pencone_grid_voxels(&t->grid), sizeof *t->dose);
  return t->dose != NULL ? 0 : bench_failed(t->ctx, "memory of the dose");
}

static int all_directions(void *user) {
  const transport *t = user;
  memset(t->dose, 0, pencone_grid_voxels(&t->grid) * sizeof *t->dose);
  return pcn_sweep_run(t->ctx, &t->sweep, t->dose, 0, 1) != PENCONE_OK;
}

static int one_direction(void *user) {
  const transport *t = user;
  const pcn_sweep_direction forward = {0, pcn_band_azimuth(&t->cones.band[0], 0)};
  memset(t->dose, 0, pencone_grid_voxels(&t->grid) * sizeof *t->dose);
  return pcn_sweep_one(t->ctx, &t->sweep, forward, t->dose) != PENCONE_OK;
}

// Levels differ by rounding: 1e-5 of the maximum (include/pencone/context.h).
static int verify_level(transport *t, const char *isa, float *reference) {
  const size_t voxels = pencone_grid_voxels(&t->grid);
  double largest = 0, worst = 0;
  if (pencone_context_set_isa(t->ctx, "reference") != PENCONE_OK || all_directions(t) != 0) {
    return bench_failed(t->ctx, "reference");
  }
  memcpy(reference, t->dose, voxels * sizeof *reference);
  if (pencone_context_set_isa(t->ctx, isa) != PENCONE_OK || all_directions(t) != 0) {
    return bench_failed(t->ctx, isa);
  }
  for (size_t v = 0; v < voxels; v++) {
    largest = fmax(largest, (double)reference[v]);
    worst = fmax(worst, fabs((double)(t->dose[v] - reference[v])));
  }
  return largest > 0 ? bench_near(isa, worst / largest, 0, 1e-5) : bench_wrong("largest dose", largest, 1);
}

static size_t positive(const float *values, size_t count) {
  size_t n = 0;
  for (size_t v = 0; v < count; v++) {
    n += values[v] > 0;
  }
  return n;
}

// Lines that carry no energy are not walked: one direction at a time tells where there is some.
static int count_reached(transport *t) {
  const size_t voxels = pencone_grid_voxels(&t->grid);
  for (int b = 0; b < t->cones.bands; b++) {
    for (int i = 0; i < t->cones.band[b].azimuths; i++) {
      const pcn_sweep_direction which = {b, pcn_band_azimuth(&t->cones.band[b], i)};
      memset(t->dose, 0, voxels * sizeof *t->dose);
      if (pcn_sweep_one(t->ctx, &t->sweep, which, t->dose) != PENCONE_OK) {
        return bench_failed(t->ctx, "one direction");
      }
      t->reached += (double)positive(t->dose, voxels);
      t->released += (double)positive(t->terma.part[PCN_PRIMARY], voxels);
    }
  }
  return 0;
}

/// Counted by hand in lib/simd/cone_row.c and tilt_row.c, where two terms are thin. A voxel that energy
/// reaches: exponential and its powers 27, two thin exponentials 12, dose and states 10; where some is
/// released, its split and sums 17 and its tilted weights 17 more. The density is read, the dose read and
/// written.
enum { OPERATIONS = 49, OPERATIONS_RELEASED = 34, BYTES = 12 };

// Items are all voxels times all directions, so that sizes and programs can be compared; the counts are of
// those that energy reaches.
static int time_sweep(const bench_options *o, transport *t, const char *name) {
  const double voxels = (double)pencone_grid_voxels(&t->grid);
  const bench_case what = {name,
                           "sweep",
                           pencone_context_isa(t->ctx),
                           pencone_context_threads(t->ctx),
                           voxels * t->cones.directions,
                           "voxel direction",
                           BYTES * t->reached,
                           16 * voxels,
                           OPERATIONS * t->reached + OPERATIONS_RELEASED * t->released,
                           0,
                           0};
  return bench_time(o, &what, all_directions, t);
}

static int run_levels(const bench_options *o) {
  transport t = {0};
  int bad = set_up(&t, 60, 48) || pencone_context_set_threads(t.ctx, 1) != PENCONE_OK;
  float *reference = bad ? NULL : malloc(pencone_grid_voxels(&t.grid) * sizeof *reference);
  bad = bad || reference == NULL || (!o->verify_only && count_reached(&t));
  for (int i = 0; i < pcn_isa_count() && !bad; i++) {
    const pcn_isa *isa = pcn_isa_at(i);
    if (pcn_isa_runs(isa) && strcmp(isa->name, "reference") != 0) {
      char name[64];
      snprintf(name, sizeof name, "sweep-60-48-%s", isa->name);
      bad = verify_level(&t, isa->name, reference) || time_sweep(o, &t, name);
    }
  }
  bad = bad || pencone_context_set_isa(t.ctx, NULL) != PENCONE_OK;
  if (!bad) {
    const double voxels = (double)pencone_grid_voxels(&t.grid);
    const bench_case line = {.name = "sweep-60-one",
                             .kernel = "sweep",
                             .isa = pencone_context_isa(t.ctx),
                             .threads = 1,
                             .items = voxels,
                             .unit = "voxel direction"};
    bad = bench_time(o, &line, one_direction, &t);
  }
  free(reference);
  tear_down(&t);
  return bad;
}

static int run_size(const bench_options *o, int edge, int directions) {
  transport t = {0};
  char name[64];
  int bad = set_up(&t, edge, directions) || count_reached(&t);
  snprintf(name, sizeof name, "sweep-%d-%d", edge, directions);
  for (int all = 0; all < 2 && !bad; all++) {
    bad = pencone_context_set_threads(t.ctx, all ? 0 : 1) != PENCONE_OK ||
          ((!all || pencone_context_threads(t.ctx) > 1) && time_sweep(o, &t, name));
  }
  tear_down(&t);
  return bad;
}

enum { SEGMENTS = 4096 };

typedef struct line {
  double state, sum;
} line;

// A half space of uniform release: 1 - exp(-a z) at a depth, as a mean over each segment.
static int walk_line(void *user) {
  line *l = user;
  l->state = l->sum = 0;
  for (int i = 0; i < SEGMENTS; i++) {
    l->sum += pcn_cone_segment(2.5, 1, 0.001, 1, &l->state);
  }
  return 0;
}

static int run_line(const bench_options *o) {
  line l = {0};
  const double a = 2.5, h = 0.001, whole = a * h * SEGMENTS, mean = 1 + expm1(-whole) / whole;
  // Of a segment the state's difference, product and sum wait for those of the segment before.
  const bench_case what = {
      "cone-segment", "collapsed-cone line", "-", 1, SEGMENTS, "segment", 0, 0, 0, 3.0 * SEGMENTS, 0};
  return walk_line(&l) || bench_near("mean dose along a line", l.sum / SEGMENTS, mean, 1e-10) ||
         bench_time(o, &what, walk_line, &l);
}

int main(int argc, char **argv) {
  bench_options o;
  int status;
  if (!bench_begin(argc, argv, &o, &status)) {
    return status;
  }
  if (run_line(&o) || run_levels(&o)) {
    return 1;
  }
  if (o.verify_only) {
    return 0;
  }
  return run_size(&o, 120, 48) || (!o.quick && run_size(&o, 120, 128));
}

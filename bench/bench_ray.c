// SPDX-License-Identifier: Apache-2.0
// The exact walk of rays through 120^3 voxels, and radiological depths by the lattice of rays.
// Verified: lengths add up to the chord; depths against every voxel's own ray.
// usage: bench_ray [--quick] [--verify] [RUNS]
#include <math.h>
#include <stdlib.h>

#include "beam/aperture.h"
#include "bench.h"
#include "geom/depth.h"
#include "geom/ray.h"

enum { EDGE = 120, RAYS_AROUND = 21 };

static const double spacing_mm = 2.5, field_mm = 100;
static const double progress[2] = {0, 1};

typedef struct rays {
  pencone_context *ctx;
  pencone_grid grid;
  float *density;
  pcn_frame frame;
  pcn_depth_field field;
  pcn_depth depth;
  double crossings, length_mm, integral;
} rays;

// A fan of rays from the source through the field, ending behind the phantom.
static int walk_fan(void *user) {
  rays *r = user;
  int64_t crossings = 0;
  r->length_mm = r->integral = 0;
  for (int j = 0; j < RAYS_AROUND; j++) {
    for (int i = 0; i < RAYS_AROUND; i++) {
      const double u = (i + 0.5) / RAYS_AROUND - 0.5, v = (j + 0.5) / RAYS_AROUND - 0.5;
      const pcn_vec3 at = pcn_v3(field_mm * u, 100, field_mm * v);
      const pcn_vec3 end = pcn_v3_add(at, pcn_v3_scale(pcn_v3_sub(at, r->frame.source), 0.5));
      pcn_ray ray;
      int64_t voxel;
      double length;
      if (!pcn_ray_begin(&ray, &r->grid, r->frame.source, end)) {
        return 1;
      }
      while (pcn_ray_next(&ray, &voxel, &length)) {
        r->length_mm += length;
        r->integral += length * (double)r->density[voxel];
        crossings++;
      }
    }
  }
  r->crossings = (double)crossings;
  return 0;
}

// All rays cross the tank from its surface to its bottom at y = 300 mm: chords are 300 mm over the cosine.
static int verify_fan(rays *r) {
  double chords = 0;
  for (int j = 0; j < RAYS_AROUND; j++) {
    for (int i = 0; i < RAYS_AROUND; i++) {
      const double u = field_mm * ((i + 0.5) / RAYS_AROUND - 0.5),
                   v = field_mm * ((j + 0.5) / RAYS_AROUND - 0.5);
      chords += EDGE * spacing_mm * sqrt(u * u + v * v + 1e6) / 1e3;
    }
  }
  return walk_fan(r) || bench_near("length of the rays", r->length_mm, chords, 1e-9 * chords) ||
         bench_near("integral of the density", r->integral, chords, 1e-6 * chords);
}

static int make_depth(void *user) {
  rays *r = user;
  const float *const value[PCN_DEPTH_VALUES] = {r->density, NULL};
  pcn_depth_free(&r->depth);
  return pcn_depth_make(r->ctx, &r->grid, value, &r->field, progress, &r->depth) != PENCONE_OK;
}

static int verify_depth(rays *r) {
  for (int64_t n = 0; n < 300; n++) {
    const int64_t i = 45 + n * 7 % 30, j = 2 + n * 11 % (EDGE - 4), k = 45 + n * 13 % 30;
    double xyz[3], got[PCN_DEPTH_VALUES];
    pencone_grid_centre(&r->grid, i, j, k, xyz);
    pcn_depth_at(&r->depth, j, pcn_v3_from(xyz), got);
    const double exact = pcn_ray_integral(&r->grid, r->density, r->frame.source, pcn_v3_from(xyz));
    if (bench_near("depth by the lattice, mm", got[0], exact, 1e-3 * exact + 1e-3) != 0) {
      return 1;
    }
  }
  return 0;
}

static int run(rays *r, const bench_options *o) {
  const double isocenter_mm[3] = {0, 100, 0};
  const size_t voxels = pencone_grid_voxels(&r->grid);
  r->density = malloc(voxels * sizeof *r->density);
  if (r->density == NULL || pencone_context_create(&r->ctx) != PENCONE_OK ||
      pencone_context_set_threads(r->ctx, 1) != PENCONE_OK) {
    return bench_failed(r->ctx, "set-up");
  }
  for (size_t v = 0; v < voxels; v++) {
    r->density[v] = 1;
  }
  r->frame = pcn_frame_make(isocenter_mm, 1000, 0, 0, 0);
  const pcn_depth_field field = {
      &r->frame, {-0.5 * field_mm, 0.5 * field_mm}, {-0.5 * field_mm, 0.5 * field_mm}};
  r->field = field;
  if (verify_fan(r) || make_depth(r) || verify_depth(r)) {
    return 1;
  }
  // Of a step, the conversion, product, sum and comparison of the next plane's place wait for one another.
  const bench_case fan = {"ray-walk-120",   "ray walk", "-", 1, r->crossings, "crossing", 0, 0, 0,
                          4 * r->crossings, 0};
  // Of half a plane and ray: ends 2, share of the first voxel 3, weights 3, sum 2. A density is read, a sum
  // written.
  const double nodes = (double)EDGE * (double)(r->depth.rays[0] * r->depth.rays[1]);
  const bench_case depth = {"depth-120",
                            "depth",
                            pencone_context_isa(r->ctx),
                            1,
                            (double)voxels,
                            "voxel",
                            8 * nodes,
                            8 * nodes,
                            20 * nodes,
                            0,
                            0};
  return bench_time(o, &fan, walk_fan, r) || bench_time(o, &depth, make_depth, r);
}

int main(int argc, char **argv) {
  bench_options o;
  int status;
  if (!bench_begin(argc, argv, &o, &status)) {
    return status;
  }
  rays r = {.grid = bench_grid(EDGE, spacing_mm)};
  const int bad = run(&r, &o);
  pcn_depth_free(&r.depth);
  pencone_context_destroy(r.ctx);
  free(r.density);
  return bad;
}

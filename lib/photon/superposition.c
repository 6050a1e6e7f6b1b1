// SPDX-License-Identifier: Apache-2.0
// docs/theory/superposition.md: dose = sum over directions and segments of released energy times the
// kernel's share of the segment (Mackie et al. 1985, doi:10.1118/1.595774; inverse form).
#include "photon/superposition.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "geom/ray.h"

pencone_status pcn_superposition_make(pencone_context *ctx, const pcn_medium *medium,
                                      const pencone_beam *beam, const pcn_photon_tables *tables,
                                      const int directions[2], const double progress[2],
                                      pcn_superposition *out) {
  const pencone_status status =
      pcn_exact_beam_make(ctx, medium, beam, tables, directions, progress, &out->beam);
  if (status != PENCONE_OK) {
    pcn_superposition_free(out);
    return status;
  }
  for (int part = 0; part < PCN_PARTS; part++) {
    out->norm[part] = 1 / pcn_exact_kernel_sum(&out->beam, (pcn_part)part);
  }
  return PENCONE_OK;
}

void pcn_superposition_free(pcn_superposition *engine) {
  pcn_exact_beam_free(&engine->beam);
  memset(engine, 0, sizeof *engine);
}

// Energy that reaches a point along one direction of travel, per steradian.
static double gather(const pcn_superposition *e, pcn_vec3 point, pcn_vec3 travel) {
  const pcn_medium *m = e->beam.medium;
  const double far_mm = 1e5;
  pcn_ray ray;
  double path = 0, length, sum = 0;  // path: radiological distance from the point, g/cm2
  int64_t voxel;
  if (!pcn_ray_begin(&ray, &m->grid, point, pcn_v3_sub(point, pcn_v3_scale(travel, far_mm)))) {
    return 0;
  }
  const double end = e->beam.tables->kernel.radius_g_cm2[PCN_KERNEL_RADII];
  while (path < end && pcn_ray_next(&ray, &voxel, &length)) {
    const double p = 0.1 * length * (double)m->electron_density[voxel];
    if (e->beam.terma.part[PCN_PRIMARY][voxel] > 0) {
      const pcn_vec3 at = pcn_v3_sub(point, pcn_v3_scale(travel, ray.at - 0.5 * length));
      const pcn_vec3 primary = pcn_v3_sub(at, e->beam.frame.source);
      const double cosine = pcn_v3_dot(primary, travel) / pcn_v3_length(primary);
      for (int part = 0; part < PCN_PARTS; part++) {
        const double near = pcn_kernel_within(&e->beam.tables->kernel, (pcn_part)part, cosine, path);
        const double far = pcn_kernel_within(&e->beam.tables->kernel, (pcn_part)part, cosine, path + p);
        sum += (double)e->beam.terma.part[part][voxel] * e->norm[part] * (far - near);
      }
    }
    path += p;
  }
  return sum;
}

// Energy per electron density at a point, MeV/g.
static double energy_at(const pcn_superposition *e, const double xyz_mm[3]) {
  const pcn_vec3 point = pcn_v3_from(xyz_mm);
  double energy = 0;
  for (int i = 0; i < e->beam.polar; i++) {
    const double weight = pcn_exact_solid_angle(&e->beam, i);
    for (int j = 0; j < e->beam.azimuths; j++) {
      energy += weight * gather(e, point, pcn_exact_direction(&e->beam, i, j));
    }
  }
  return energy;
}

double pcn_superposition_dose_at(const pcn_superposition *e, const double xyz_mm[3]) {
  const pencone_grid *grid = &e->beam.medium->grid;
  int64_t index[3];
  for (int a = 0; a < 3; a++) {
    index[a] = (int64_t)floor((xyz_mm[a] - grid->origin_mm[a]) / grid->spacing_mm[a] + 0.5);
    if (index[a] < 0 || index[a] >= grid->size[a]) {
      return NAN;
    }
  }
  const size_t voxel = (size_t)((index[2] * grid->size[1] + index[1]) * grid->size[0] + index[0]);
  return energy_at(e, xyz_mm) * (double)pcn_dose_factor(e->beam.medium, e->beam.quantity, voxel);
}

typedef struct grid_work {
  const pcn_superposition *engine;
  float *energy;
} grid_work;

// A task is one voxel: its rays take up to tens of milliseconds, and a cancel has to come through.
static void gather_voxel(void *work, size_t voxel, int worker) {
  (void)worker;
  const grid_work *w = work;
  const pencone_grid *grid = &w->engine->beam.medium->grid;
  const int64_t row = (int64_t)voxel / grid->size[0];
  double xyz[3];
  pencone_grid_centre(grid, (int64_t)voxel % grid->size[0], row % grid->size[1], row / grid->size[1], xyz);
  w->energy[voxel] = (float)energy_at(w->engine, xyz);
}

pencone_status pcn_superposition_add(pencone_context *ctx, const pcn_superposition *engine,
                                     float *const out[2], const double progress[2]) {
  const pencone_grid *grid = &engine->beam.medium->grid;
  float *energy = pcn_calloc(ctx, pencone_grid_voxels(grid), sizeof *energy);
  if (energy == NULL) {
    return PENCONE_E_MEMORY;
  }
  grid_work work = {engine, energy};
  const pencone_status status = pcn_parallel_for_progress(ctx, pencone_grid_voxels(grid), gather_voxel, &work,
                                                          progress[0], progress[1], "direct superposition");
  if (status == PENCONE_OK) {
    pcn_add_dose(ctx, engine->beam.medium, engine->beam.quantity, energy, out);
  }
  pcn_free(energy);
  return status;
}

// SPDX-License-Identifier: Apache-2.0
// docs/theory/terma.md, eq. 1 to 5.
#include "photon/terma.h"

#include "base/base.h"
#include "geom/ray.h"
#include <math.h>
#include <string.h>

typedef struct terma_work {
  const pcn_medium *medium;
  const pcn_quality *quality;
  pcn_aperture aperture;
  double fluence_per_cm2;
  double aluminium_electrons; ///< of one gram, relative to water
  pcn_terma *out;
} terma_work;

// Depths from the source to a point in g/cm2 of the two basis materials.
static void depths(const terma_work *w, pcn_vec3 point, double *water, double *aluminium) {
  const pcn_medium *m = w->medium;
  pcn_ray ray;
  double electrons = 0, al = 0, length;
  int64_t voxel;
  if (pcn_ray_begin(&ray, &m->grid, w->aperture.frame.source, point)) {
    while (pcn_ray_next(&ray, &voxel, &length)) {
      electrons += (double)m->electron_density[voxel] * length;
      al += (double)m->aluminium[voxel] * length;
    }
  }
  *aluminium = 0.1 * al; // mm to cm
  *water = 0.1 * pcn_basis_water(electrons, al, w->aluminium_electrons);
}

// Photons per cm2 across the ray: uniform per area of the isocentre plane, so eq. 2's 1/cos and inverse square.
static double fluence_at(const terma_work *w, pcn_vec3 point) {
  const pcn_frame *f = &w->aperture.frame;
  const pcn_vec3 r = pcn_v3_sub(point, f->source);
  const double z = pcn_v3_dot(r, f->ez), scale = f->sad_mm / z;
  return w->fluence_per_cm2 * scale * scale * pcn_v3_length(r) / z;
}

static void fill_voxel(const terma_work *w, size_t index, pcn_vec3 centre, double share) {
  const pcn_medium *m = w->medium;
  double water, aluminium;
  depths(w, centre, &water, &aluminium);
  const pcn_release r = pcn_quality_at(w->quality, water, aluminium);
  const double electrons = (double)m->electron_density[index], al = (double)m->aluminium[index];
  const double of_al = electrons > 0 ? al / electrons : 0;
  const double of_water = pcn_basis_water(1, of_al, w->aluminium_electrons);
  const double fluence = share * fluence_at(w, centre);
  for (int k = 0; k < PCN_PARTS; k++) {
    w->out->part[k][index] = (float)(fluence * (of_water * (double)r.water[k] + of_al * (double)r.aluminium[k]));
  }
}

static void fill_row(void *work, size_t row, int worker) {
  (void)worker;
  const terma_work *w = work;
  const pencone_grid *grid = &w->medium->grid;
  const int64_t j = (int64_t)row % grid->size[1], k = (int64_t)row / grid->size[1];
  const size_t start = row * (size_t)grid->size[0];
  for (int part = 0; part < PCN_PARTS; part++) {
    memset(w->out->part[part] + start, 0, (size_t)grid->size[0] * sizeof(float));
  }
  for (int64_t i = 0; i < grid->size[0]; i++) {
    double xyz[3];
    pencone_grid_centre(grid, i, j, k, xyz);
    const pcn_vec3 centre = pcn_v3_from(xyz);
    const double share = pcn_aperture_share(&w->aperture, centre);
    if (share > 0) {
      fill_voxel(w, start + (size_t)i, centre, share);
    }
  }
}

// Box of the voxels with released energy.
static void find_box(const pencone_grid *grid, pcn_terma *terma) {
  size_t index = 0;
  for (int a = 0; a < 3; a++) {
    terma->low[a] = grid->size[a];
    terma->high[a] = 0;
  }
  for (int64_t k = 0; k < grid->size[2]; k++) {
    for (int64_t j = 0; j < grid->size[1]; j++) {
      for (int64_t i = 0; i < grid->size[0]; i++, index++) {
        if (terma->part[PCN_PRIMARY][index] > 0) {
          const int64_t at[3] = {i, j, k};
          for (int a = 0; a < 3; a++) {
            terma->low[a] = at[a] < terma->low[a] ? at[a] : terma->low[a];
            terma->high[a] = at[a] + 1 > terma->high[a] ? at[a] + 1 : terma->high[a];
          }
        }
      }
    }
  }
}

pencone_status pcn_terma_fill(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                              const pcn_quality *quality, pcn_terma *out) {
  pencone_material aluminium;
  PCN_TRY(pencone_material_find(ctx, "aluminium", &aluminium));
  terma_work work = {.medium = medium,
                     .quality = quality,
                     .aperture = pcn_aperture_make(beam, medium->grid.spacing_mm),
                     .fluence_per_cm2 = beam->fluence_per_cm2,
                     .aluminium_electrons = pcn_basis_of(&aluminium).electrons,
                     .out = out};
  const size_t rows = (size_t)(medium->grid.size[1] * medium->grid.size[2]);
  pcn_parallel_for(ctx, rows, fill_row, &work);
  find_box(&medium->grid, out);
  return PENCONE_OK;
}

// SPDX-License-Identifier: Apache-2.0
// docs/theory/terma.md, eq. 1 to 5.
#include "photon/terma.h"

#include "base/base.h"
#include "geom/depth.h"
#include "geom/ray.h"
#include <math.h>
#include <string.h>

typedef struct terma_work {
  const pcn_medium *medium;
  const pcn_quality *quality;
  pcn_aperture aperture;
  double fluence_per_cm2;
  double aluminium_electrons; ///< of one gram, relative to water
  const pcn_depth *lattice;   ///< NULL: every voxel's own ray
  pcn_terma *out;
} terma_work;

// Integrals from the source to a voxel's centre of electron density and aluminium, times mm.
static void integrals(const terma_work *w, const int64_t ijk[3], pcn_vec3 point, double sum[2]) {
  if (w->lattice != NULL) {
    pcn_depth_at(w->lattice, ijk[w->lattice->axis[0]], point, sum);
    return;
  }
  const pcn_medium *m = w->medium;
  pcn_ray ray;
  double length;
  int64_t voxel;
  sum[0] = sum[1] = 0;
  if (pcn_ray_begin(&ray, &m->grid, w->aperture.frame.source, point)) {
    while (pcn_ray_next(&ray, &voxel, &length)) {
      sum[0] += (double)m->electron_density[voxel] * length;
      sum[1] += (double)m->aluminium[voxel] * length;
    }
  }
}

// Photons per cm2 across the ray: uniform per area of the isocentre plane, so eq. 2's 1/cos and inverse square.
static double fluence_at(const terma_work *w, pcn_vec3 point) {
  const pcn_frame *f = &w->aperture.frame;
  const pcn_vec3 r = pcn_v3_sub(point, f->source);
  const double z = pcn_v3_dot(r, f->ez), scale = f->sad_mm / z;
  return w->fluence_per_cm2 * scale * scale * pcn_v3_length(r) / z;
}

static void fill_voxel(const terma_work *w, size_t index, const int64_t ijk[3], pcn_vec3 centre, double share) {
  const pcn_medium *m = w->medium;
  double sum[2];
  integrals(w, ijk, centre, sum);
  const double depth_al = 0.1 * sum[1]; // mm to cm
  const pcn_release r =
      pcn_quality_at(w->quality, 0.1 * pcn_basis_water(sum[0], sum[1], w->aluminium_electrons), depth_al);
  const double electrons = (double)m->electron_density[index], al = (double)m->aluminium[index];
  const double of_al = electrons > 0 ? al / electrons : 0;
  const double of_water = pcn_basis_water(1, of_al, w->aluminium_electrons);
  const double fluence = share * fluence_at(w, centre);
  for (int k = 0; k < PCN_PARTS; k++) {
    w->out->part[k][index] = (float)(fluence * (of_water * (double)r.water[k] + of_al * (double)r.aluminium[k]));
  }
}

// Narrows first..last to where at + step * i <= limit.
static void narrow(double at, double step, double limit, double *first, double *last) {
  if (step > 0) {
    *last = fmin(*last, floor((limit - at) / step));
  } else if (step < 0) {
    *first = fmax(*first, ceil((limit - at) / step));
  } else if (at > limit) {
    *last = -1;
  }
}

// Voxels of a row that the field can touch: the distance from each edge's plane is linear along the row.
static void field_range(const terma_work *w, pcn_vec3 start, int64_t n, int64_t range[2]) {
  const pcn_frame *f = &w->aperture.frame;
  const pcn_vec3 r = pcn_v3_sub(start, f->source);
  const double h = w->medium->grid.spacing_mm[0], reach = 1.01 * w->aperture.reach_mm;
  const double z = pcn_v3_dot(r, f->ez), dz = h * f->ez.x;
  const pcn_vec3 side[2] = {f->ex, f->ey};
  const double *edge[2] = {w->aperture.x_mm, w->aperture.y_mm};
  double first = 0, last = (double)(n - 1);
  narrow(-z, -dz, 0, &first, &last);
  for (int a = 0; a < 2; a++) {
    const double x = pcn_v3_dot(r, side[a]), dx = h * side[a].x;
    for (int e = 0; e < 2; e++) {
      const double sign = e == 0 ? -1 : 1, slope = edge[a][e] / f->sad_mm;
      narrow(sign * (x - slope * z), sign * (dx - slope * dz), reach * hypot(1, slope), &first, &last);
    }
  }
  range[0] = (int64_t)first;
  range[1] = last < first ? range[0] : (int64_t)last + 1;
}

static void fill_row(void *work, size_t row, int worker) {
  (void)worker;
  const terma_work *w = work;
  const pencone_grid *grid = &w->medium->grid;
  int64_t ijk[3] = {0, (int64_t)row % grid->size[1], (int64_t)row / grid->size[1]}, range[2];
  const size_t start = row * (size_t)grid->size[0];
  for (int part = 0; part < PCN_PARTS; part++) {
    memset(w->out->part[part] + start, 0, (size_t)grid->size[0] * sizeof(float));
  }
  double xyz[3];
  pencone_grid_centre(grid, 0, ijk[1], ijk[2], xyz);
  field_range(w, pcn_v3_from(xyz), grid->size[0], range);
  for (ijk[0] = range[0]; ijk[0] < range[1]; ijk[0]++) {
    pencone_grid_centre(grid, ijk[0], ijk[1], ijk[2], xyz);
    const pcn_vec3 centre = pcn_v3_from(xyz);
    const double share = pcn_aperture_share(&w->aperture, centre);
    if (share > 0) {
      fill_voxel(w, start + (size_t)ijk[0], ijk, centre, share);
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

// The lattice of rays for the field, where it can have one.
static pencone_status make_lattice(pencone_context *ctx, terma_work *w, const double progress[2], pcn_depth *out) {
  const pcn_medium *medium = w->medium;
  const pcn_aperture *aperture = &w->aperture;
  const float *const value[PCN_DEPTH_VALUES] = {medium->electron_density,
                                                medium->has_aluminium ? medium->aluminium : NULL};
  const pcn_depth_field field = {&aperture->frame,
                                 {aperture->x_mm[0], aperture->x_mm[1]},
                                 {aperture->y_mm[0], aperture->y_mm[1]}};
  const pencone_status status = pcn_depth_make(ctx, &medium->grid, value, &field, progress, out);
  w->lattice = status == PENCONE_OK ? out : NULL;
  return status == PENCONE_E_UNSUPPORTED ? PENCONE_OK : status;
}

pencone_status pcn_terma_fill(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                              const pcn_quality *quality, pcn_depth_way way, const double progress[2],
                              pcn_terma *out) {
  pencone_material aluminium;
  PCN_TRY(pencone_material_find(ctx, "aluminium", &aluminium));
  terma_work work = {.medium = medium,
                     .quality = quality,
                     .fluence_per_cm2 = beam->fluence_per_cm2,
                     .aluminium_electrons = pcn_basis_of(&aluminium).electrons,
                     .out = out};
  PCN_TRY(pcn_aperture_make(ctx, beam, medium->grid.spacing_mm, &work.aperture));
  const double half[2] = {progress[0], 0.5 * progress[1]};
  pcn_depth lattice = {0};
  pencone_status status = way == PCN_DEPTH_LATTICE ? make_lattice(ctx, &work, half, &lattice) : PENCONE_OK;
  if (status == PENCONE_OK) {
    const size_t rows = (size_t)(medium->grid.size[1] * medium->grid.size[2]);
    status = pcn_parallel_for_progress(ctx, rows, fill_row, &work, half[0] + half[1], half[1], "TERMA");
  }
  pcn_depth_free(&lattice);
  pcn_aperture_free(&work.aperture);
  if (status == PENCONE_OK) {
    find_box(&medium->grid, out);
  }
  return status;
}

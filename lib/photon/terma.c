// SPDX-License-Identifier: Apache-2.0
// docs/theory/terma.md, eq. 1 to 5.
#include "photon/terma.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "geom/depth.h"
#include "geom/ray.h"
#include "simd/isa.h"

enum { SCRATCH_ROWS = 3 };

typedef struct terma_work {
  const pcn_medium *medium;
  const pcn_quality *quality;
  pcn_release_table table;
  const pcn_isa *isa;
  pcn_aperture aperture;
  double fluence_per_cm2;
  double aluminium_electrons;  ///< of one gram, relative to water
  const pcn_depth *lattice;    ///< NULL: every voxel's own ray
  float *scratch;              ///< SCRATCH_ROWS rows for each worker
  int32_t (*extent)[2];  ///< for each row, its first voxel with released energy and the one behind its last
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

// Photons per cm2 across the ray: uniform per area of the isocentre plane, so eq. 2's 1/cos and inverse
// square.
static double fluence_at(const terma_work *w, pcn_vec3 point) {
  const pcn_frame *f = &w->aperture.frame;
  const pcn_vec3 r = pcn_v3_sub(point, f->source);
  const double z = pcn_v3_dot(r, f->ez), scale = f->sad_mm / z;
  return w->fluence_per_cm2 * scale * scale * pcn_v3_length(r) / z;
}

static void fill_voxel(const terma_work *w, size_t index, const int64_t ijk[3], pcn_vec3 centre,
                       double share) {
  const pcn_medium *m = w->medium;
  double sum[2];
  integrals(w, ijk, centre, sum);
  const double depth_al = 0.1 * sum[1];  // mm to cm
  const pcn_release r =
      pcn_quality_at(w->quality, 0.1 * pcn_basis_water(sum[0], sum[1], w->aluminium_electrons), depth_al);
  const double electrons = (double)m->electron_density[index], al = (double)m->aluminium[index];
  const double of_al = electrons > 0 ? al / electrons : 0;
  const double of_water = pcn_basis_water(1, of_al, w->aluminium_electrons);
  const double fluence = share * fluence_at(w, centre);
  for (int k = 0; k < PCN_PARTS; k++) {
    w->out->part[k][index] =
        (float)(fluence * (of_water * (double)r.water[k] + of_al * (double)r.aluminium[k]));
  }
}

// A part of a row by the lattice. Voxels behind more than the table holds get their exact sums.
static void fill_part(const terma_work *w, const int64_t first[3], size_t n, const float *share,
                      float *const integral[2]) {
  const pcn_medium *m = w->medium;
  const pencone_grid *grid = &m->grid;
  const pcn_frame *f = &w->aperture.frame;
  const size_t start = (size_t)((first[2] * grid->size[1] + first[1]) * grid->size[0] + first[0]);
  double xyz[3];
  pencone_grid_centre(grid, first[0], first[1], first[2], xyz);
  const pcn_vec3 r = pcn_v3_scale(pcn_v3_sub(pcn_v3_from(xyz), f->source), 1 / f->sad_mm);
  const double h = grid->spacing_mm[0] / f->sad_mm;
  const pcn_release_line line = {(float)w->fluence_per_cm2,
                                 (float)pcn_v3_dot(r, f->ez),
                                 (float)(h * f->ez.x),
                                 {(float)pcn_v3_dot(r, r), (float)(2 * h * r.x), (float)(h * h)}};
  const int mixed = w->lattice->values > 1;
  const pcn_release_row row = {n,
                               {integral[0], mixed ? integral[1] : NULL},
                               share,
                               mixed ? m->electron_density + start : NULL,
                               mixed ? m->aluminium + start : NULL,
                               {w->out->part[PCN_PRIMARY] + start, w->out->part[PCN_SCATTER] + start}};
  pcn_depth_row(w->lattice, w->isa, first, n, integral);
  if (w->isa->release(&w->table, &line, &row) == 0) {
    return;
  }
  for (size_t i = 0; i < n; i++) {
    const int64_t ijk[3] = {first[0] + (int64_t)i, first[1], first[2]};
    pencone_grid_centre(grid, ijk[0], ijk[1], ijk[2], xyz);
    fill_voxel(w, start + i, ijk, pcn_v3_from(xyz), (double)share[i]);
  }
}

// The first and the last voxel of a row with released energy.
static void find_extent(const float *primary, const int64_t range[2], int32_t extent[2]) {
  int64_t first = range[0], last = range[1];
  while (first < last && !(primary[first] > 0)) {
    first++;
  }
  while (last > first && !(primary[last - 1] > 0)) {
    last--;
  }
  extent[0] = (int32_t)first;
  extent[1] = (int32_t)last;
}

static void fill_row(void *work, size_t row, int worker) {
  const terma_work *w = work;
  const pencone_grid *grid = &w->medium->grid;
  const size_t n = (size_t)grid->size[0], start = row * n;
  float *share = w->scratch + (size_t)worker * SCRATCH_ROWS * n, *const integral[2] = {share + n,
                                                                                       share + 2 * n};
  int64_t ijk[3] = {0, (int64_t)row % grid->size[1], (int64_t)row / grid->size[1]}, range[2];
  for (int part = 0; part < PCN_PARTS; part++) {
    memset(w->out->part[part] + start, 0, n * sizeof(float));
  }
  double xyz[3];
  pencone_grid_centre(grid, 0, ijk[1], ijk[2], xyz);
  pcn_aperture_row(&w->aperture, pcn_v3_from(xyz), grid->size[0], range, share);
  if (w->lattice != NULL && range[1] > range[0]) {
    ijk[0] = range[0];
    fill_part(w, ijk, (size_t)(range[1] - range[0]), share + range[0], integral);
  } else {
    for (ijk[0] = range[0]; ijk[0] < range[1]; ijk[0]++) {
      if (share[ijk[0]] > 0) {
        pencone_grid_centre(grid, ijk[0], ijk[1], ijk[2], xyz);
        fill_voxel(w, start + (size_t)ijk[0], ijk, pcn_v3_from(xyz), (double)share[ijk[0]]);
      }
    }
  }
  find_extent(w->out->part[PCN_PRIMARY] + start, range, w->extent[row]);
}

// Box of the voxels with released energy.
static void find_box(const terma_work *w, pcn_terma *terma) {
  const int64_t *size = w->medium->grid.size;
  for (int a = 0; a < 3; a++) {
    terma->low[a] = size[a];
    terma->high[a] = 0;
  }
  for (int64_t row = 0; row < size[1] * size[2]; row++) {
    const int32_t *extent = w->extent[row];
    const int64_t low[3] = {extent[0], row % size[1], row / size[1]},
                  high[3] = {extent[1], low[1] + 1, low[2] + 1};
    for (int a = 0; a < 3 && extent[1] > extent[0]; a++) {
      terma->low[a] = low[a] < terma->low[a] ? low[a] : terma->low[a];
      terma->high[a] = high[a] > terma->high[a] ? high[a] : terma->high[a];
    }
  }
}

// The lattice of rays for the field, where it can have one.
static pencone_status make_lattice(pencone_context *ctx, terma_work *w, const double progress[2],
                                   pcn_depth *out) {
  const pcn_medium *medium = w->medium;
  const pcn_aperture *aperture = &w->aperture;
  const float *const value[PCN_DEPTH_VALUES] = {medium->electron_density,
                                                medium->has_aluminium ? medium->aluminium : NULL};
  const pcn_depth_field field = {
      &aperture->frame, {aperture->x_mm[0], aperture->x_mm[1]}, {aperture->y_mm[0], aperture->y_mm[1]}};
  const pencone_status status = pcn_depth_make(ctx, &medium->grid, value, &field, progress, out);
  w->lattice = status == PENCONE_OK ? out : NULL;
  return status == PENCONE_E_UNSUPPORTED ? PENCONE_OK : status;
}

static pencone_status fill(pencone_context *ctx, terma_work *work, pcn_depth_way way,
                           const double progress[2]) {
  const pencone_grid *grid = &work->medium->grid;
  const size_t rows = (size_t)(grid->size[1] * grid->size[2]), n = (size_t)grid->size[0];
  const double half[2] = {progress[0], 0.5 * progress[1]};
  pcn_depth lattice = {0};
  work->extent = pcn_alloc(ctx, rows, sizeof *work->extent);
  work->scratch =
      pcn_alloc(ctx, (size_t)pencone_context_threads(ctx) * SCRATCH_ROWS * n, sizeof *work->scratch);
  pencone_status status = work->extent != NULL && work->scratch != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK && way == PCN_DEPTH_LATTICE) {
    status = make_lattice(ctx, work, half, &lattice);
  }
  if (status == PENCONE_OK) {
    status = pcn_parallel_for_progress(ctx, rows, fill_row, work, half[0] + half[1], half[1], "TERMA");
  }
  if (status == PENCONE_OK) {
    find_box(work, work->out);
  }
  pcn_depth_free(&lattice);
  pcn_free(work->extent);
  pcn_free(work->scratch);
  return status;
}

pencone_status pcn_terma_fill(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                              const pcn_quality *quality, pcn_depth_way way, const double progress[2],
                              pcn_terma *out) {
  pencone_material aluminium;
  PCN_TRY(pencone_material_find(ctx, "aluminium", &aluminium));
  const double electrons = pcn_basis_of(&aluminium).electrons;
  terma_work work = {.medium = medium,
                     .quality = quality,
                     .table = pcn_quality_table(quality, electrons),
                     .isa = pcn_isa_of(ctx),
                     .fluence_per_cm2 = beam->fluence_per_cm2,
                     .aluminium_electrons = electrons,
                     .out = out};
  PCN_TRY(pcn_aperture_make(ctx, beam, medium->grid.spacing_mm, &work.aperture));
  const pencone_status status = fill(ctx, &work, way, progress);
  pcn_aperture_free(&work.aperture);
  return status;
}

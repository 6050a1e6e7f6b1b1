// SPDX-License-Identifier: Apache-2.0
#include "matter/medium.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "geom/overlap.h"
#include "matter/hu.h"
#include "matter/proton_ratio.h"

enum { MATERIALS_MAX = 256 };

static const double spacing_tolerance_mm = 1e-6;

pcn_basis pcn_basis_of(const pencone_material *material) {
  pencone_material water, aluminium;
  pcn_basis basis = {1, 1, 0, pcn_proton_stopping(material), pcn_proton_scattering(material)};
  if (pencone_material_find(NULL, "water", &water) != PENCONE_OK ||
      pencone_material_find(NULL, "aluminium", &aluminium) != PENCONE_OK) {
    return basis;
  }
  const double det = water.z_over_a * aluminium.z2_over_a - aluminium.z_over_a * water.z2_over_a;
  basis.electrons = material->z_over_a / water.z_over_a;
  basis.water = (material->z_over_a * aluminium.z2_over_a - aluminium.z_over_a * material->z2_over_a) / det;
  basis.aluminium = (water.z_over_a * material->z2_over_a - material->z_over_a * water.z2_over_a) / det;
  return basis;
}

float pcn_medium_aluminium_share(const pcn_medium *medium, size_t voxel) {
  const float electrons_per_gram = 0.8680f;  // relative to water: Z/A 0.4818 over 0.5551
  const float electrons = medium->electron_density[voxel];
  return electrons > 0 ? electrons_per_gram * medium->aluminium[voxel] / electrons : 0;
}

void pcn_medium_grid(const pencone_grid *phantom, const double spacing_mm[3], pencone_grid *out) {
  *out = *phantom;
  for (int a = 0; a < 3; a++) {
    const double h = spacing_mm[a];
    if (h <= 0 || fabs(h - phantom->spacing_mm[a]) < spacing_tolerance_mm) {
      continue;
    }
    const double extent = phantom->spacing_mm[a] * (double)phantom->size[a];
    const double low = phantom->origin_mm[a] - 0.5 * phantom->spacing_mm[a];
    out->size[a] = (int64_t)fmax(1, ceil(extent / h - 1e-6));
    out->spacing_mm[a] = h;
    out->origin_mm[a] = low + 0.5 * (extent - h * (double)out->size[a]) + 0.5 * h;
  }
}

// --- what one phantom voxel is made of ---------------------------------------------------------

/// Volumes in the order of volumes_of().
enum { VALUES_PHOTON = 3, VALUES = 5 };

static void volumes_of(const pcn_medium *medium, float *volume[VALUES]) {
  volume[0] = medium->density;
  volume[1] = medium->electron_density;
  volume[2] = medium->aluminium;
  volume[3] = medium->stopping;
  volume[4] = medium->scattering;
}

typedef struct lookup {
  const pencone_phantom_desc *desc;
  float hu_density[PCN_HU_COUNT];  ///< g/cm3 for each CT number
  pcn_basis hu_basis[PCN_HU_COUNT];
  pcn_basis material[MATERIALS_MAX];
} lookup;

static pencone_status lookup_make(pencone_context *ctx, const pencone_phantom_desc *desc, lookup *out) {
  out->desc = desc;
  for (int m = 0; m < desc->material_count && m < MATERIALS_MAX; m++) {
    pencone_material material;
    PCN_TRY(pencone_material_find(ctx, desc->material_names[m], &material));
    out->material[m] = pcn_basis_of(&material);
  }
  if (desc->material != NULL) {
    if (desc->density != NULL) {
      return PENCONE_OK;
    }
  }
  for (int i = 0; i < PCN_HU_COUNT; i++) {
    pencone_material tissue;
    double density;
    PCN_TRY(pencone_hu_convert(ctx, desc->hu_curve, i + PCN_HU_MIN, &density, &tissue));
    out->hu_density[i] = (float)density;
    out->hu_basis[i] = pcn_basis_of(&tissue);
  }
  return PENCONE_OK;
}

static const pcn_basis *basis_at(const lookup *look, ptrdiff_t index, float *density) {
  const pencone_phantom_desc *desc = look->desc;
  const int hu = desc->hu != NULL ? desc->hu[index] - PCN_HU_MIN : 0;
  *density = desc->density != NULL ? desc->density[index] : look->hu_density[hu];
  if (desc->material != NULL) {
    return &look->material[desc->material[index]];
  }
  if (desc->hu != NULL) {
    return &look->hu_basis[hu];
  }
  return &look->hu_basis[pcn_hu_from_density(desc->hu_curve, look->hu_density, *density) - PCN_HU_MIN];
}

/// A row of phantom voxels: the first, the distance of the next, how many.
typedef struct source_row {
  ptrdiff_t first, stride;
  int64_t n;
} source_row;

// What the voxels of a row are made of. @param values  how many volumes are wanted
static void read_row(const lookup *look, source_row row, int values, float *const out[VALUES]) {
  float *restrict density = out[0], *restrict electrons = out[1], *restrict aluminium = out[2];
  for (int64_t i = 0; i < row.n; i++) {
    float here;
    const pcn_basis *basis = basis_at(look, row.first + (ptrdiff_t)i * row.stride, &here);
    density[i] = here;
    electrons[i] = (float)(here * basis->electrons);
    aluminium[i] = (float)(here * basis->aluminium);
    if (values > VALUES_PHOTON) {
      out[3][i] = (float)(here * basis->stopping);
      out[4][i] = (float)(here * basis->scattering);
    }
  }
}

// --- resampling --------------------------------------------------------------------------------

typedef struct resample_work {
  const lookup *look;
  ptrdiff_t stride[3];
  int same;  ///< the grids are one: no overlaps to sum
  pcn_overlap along[3];
  pcn_medium *out;
  int values;  ///< how many volumes are wanted
  float *volume[VALUES];
  float *row;   ///< for each worker, VALUES rows of the phantom
  double *sum;  ///< the same, weighted sums of rows
} resample_work;

static void copy_slice(const resample_work *w, int64_t k) {
  const pencone_grid *grid = &w->out->grid;
  for (int64_t j = 0; j < grid->size[1]; j++) {
    const source_row from = {(ptrdiff_t)k * w->stride[2] + (ptrdiff_t)j * w->stride[1], w->stride[0],
                             grid->size[0]};
    const int64_t start = (k * grid->size[1] + j) * grid->size[0];
    float *out[VALUES] = {NULL};
    for (int v = 0; v < w->values; v++) {
      out[v] = w->volume[v] + start;
    }
    read_row(w->look, from, w->values, out);
  }
}

// The phantom's rows that overlap a row of the target, each with its share of the cross-section.
static void sum_rows(const resample_work *w, int64_t j, int64_t k, float *const row[VALUES],
                     double *const sum[VALUES]) {
  const pcn_overlap *y = &w->along[1], *z = &w->along[2];
  const int64_t n = w->look->desc->grid.size[0];
  for (int v = 0; v < w->values; v++) {
    memset(sum[v], 0, (size_t)n * sizeof *sum[v]);
  }
  for (int64_t c = 0; c < z->count[k]; c++) {
    for (int64_t b = 0; b < y->count[j]; b++) {
      const double share = z->weight[z->start[k] + c] * y->weight[y->start[j] + b];
      const ptrdiff_t plane = (ptrdiff_t)(z->first[k] + c) * w->stride[2];
      const source_row from = {plane + (ptrdiff_t)(y->first[j] + b) * w->stride[1], w->stride[0], n};
      read_row(w->look, from, w->values, row);
      for (int v = 0; v < w->values; v++) {
        for (int64_t i = 0; i < n; i++) {
          sum[v][i] += share * (double)row[v][i];
        }
      }
    }
  }
}

static void resample_slice(void *work, size_t k, int worker) {
  const resample_work *w = work;
  if (w->same) {
    copy_slice(w, (int64_t)k);
    return;
  }
  const pencone_grid *grid = &w->out->grid;
  const pcn_overlap *x = &w->along[0];
  const int64_t n = w->look->desc->grid.size[0];
  float *row[VALUES];
  double *sum[VALUES];
  for (int v = 0; v < VALUES; v++) {
    row[v] = w->row + (worker * VALUES + v) * n;
    sum[v] = w->sum + (worker * VALUES + v) * n;
  }
  size_t index = k * (size_t)(grid->size[0] * grid->size[1]);
  for (int64_t j = 0; j < grid->size[1]; j++) {
    sum_rows(w, j, (int64_t)k, row, sum);
    for (int64_t i = 0; i < grid->size[0]; i++, index++) {
      for (int v = 0; v < w->values; v++) {
        double value = 0;
        for (int64_t a = 0; a < x->count[i]; a++) {
          value += x->weight[x->start[i] + a] * sum[v][x->first[i] + a];
        }
        w->volume[v][index] = (float)value;
      }
    }
  }
}

static pencone_status resample(pencone_context *ctx, const lookup *look, const double progress[2],
                               pcn_medium *out) {
  const pencone_phantom_desc *desc = look->desc;
  resample_work work = {
      .look = look, .out = out, .stride = {desc->stride[0], desc->stride[1], desc->stride[2]}};
  if (desc->stride[0] == 0 && desc->stride[1] == 0 && desc->stride[2] == 0) {
    work.stride[0] = 1;
    work.stride[1] = (ptrdiff_t)desc->grid.size[0];
    work.stride[2] = (ptrdiff_t)(desc->grid.size[0] * desc->grid.size[1]);
  }
  work.values = out->stopping != NULL ? VALUES : VALUES_PHOTON;
  volumes_of(out, work.volume);
  work.same = pencone_grid_equal(&desc->grid, &out->grid);
  const size_t rows = (size_t)pencone_context_threads(ctx) * VALUES * (size_t)desc->grid.size[0];
  work.row = work.same ? NULL : pcn_alloc(ctx, rows, sizeof *work.row);
  work.sum = work.same ? NULL : pcn_alloc(ctx, rows, sizeof *work.sum);
  pencone_status status = work.same || (work.row != NULL && work.sum != NULL) ? PENCONE_OK : PENCONE_E_MEMORY;
  for (int a = 0; a < 3 && status == PENCONE_OK && !work.same; a++) {
    status = pcn_overlap_make(ctx, &desc->grid, &out->grid, a, &work.along[a]);
  }
  if (status == PENCONE_OK) {
    status = pcn_parallel_for_progress(ctx, (size_t)out->grid.size[2], resample_slice, &work, progress[0],
                                       progress[1], "phantom");
  }
  for (int a = 0; a < 3; a++) {
    pcn_overlap_free(&work.along[a]);
  }
  pcn_free(work.row);
  pcn_free(work.sum);
  return status;
}

static pencone_status medium_make(pencone_context *ctx, const pencone_phantom *phantom,
                                  const pencone_grid *grid, const double progress[2], int protons,
                                  pcn_medium *out) {
  const size_t voxels = pencone_grid_voxels(grid);
  memset(out, 0, sizeof *out);
  out->grid = *grid;
  out->density = pcn_alloc(ctx, voxels, sizeof *out->density);
  out->electron_density = pcn_alloc(ctx, voxels, sizeof *out->electron_density);
  out->aluminium = pcn_alloc(ctx, voxels, sizeof *out->aluminium);
  if (protons) {
    out->stopping = pcn_alloc(ctx, voxels, sizeof *out->stopping);
    out->scattering = pcn_alloc(ctx, voxels, sizeof *out->scattering);
  }
  const int complete = !protons || (out->stopping != NULL && out->scattering != NULL);
  lookup *look = pcn_alloc(ctx, 1, sizeof *look);
  pencone_status status = PENCONE_E_MEMORY;
  if (complete && out->density != NULL && out->electron_density != NULL && out->aluminium != NULL &&
      look != NULL) {
    status = lookup_make(ctx, pencone_phantom_describe(phantom), look);
  }
  if (status == PENCONE_OK) {
    status = resample(ctx, look, progress, out);
  }
  pcn_free(look);
  for (size_t i = 0; status == PENCONE_OK && i < voxels; i++) {
    out->has_aluminium |= fabsf(out->aluminium[i]) > 1e-6f;
    out->densest = out->electron_density[i] > out->densest ? out->electron_density[i] : out->densest;
  }
  if (status != PENCONE_OK) {
    pcn_medium_free(out);
  }
  return status;
}

pencone_status pcn_medium_make(pencone_context *ctx, const pencone_phantom *phantom, const pencone_grid *grid,
                               const double progress[2], pcn_medium *out) {
  return medium_make(ctx, phantom, grid, progress, 0, out);
}

pencone_status pcn_medium_make_proton(pencone_context *ctx, const pencone_phantom *phantom,
                                      const pencone_grid *grid, const double progress[2], pcn_medium *out) {
  return medium_make(ctx, phantom, grid, progress, 1, out);
}

void pcn_medium_free(pcn_medium *medium) {
  pcn_free(medium->density);
  pcn_free(medium->electron_density);
  pcn_free(medium->aluminium);
  pcn_free(medium->stopping);
  pcn_free(medium->scattering);
  memset(medium, 0, sizeof *medium);
}

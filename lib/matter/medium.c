// SPDX-License-Identifier: Apache-2.0
#include "matter/medium.h"

#include "base/base.h"
#include "geom/overlap.h"
#include "matter/hu.h"
#include "matter/proton_ratio.h"
#include <math.h>
#include <string.h>

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
  const float electrons_per_gram = 0.8680f; // relative to water: Z/A 0.4818 over 0.5551
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

enum { VALUES_PHOTON = 3, VALUES = 5 };

/// In the order of volumes_of().
typedef struct cell {
  float value[VALUES];
} cell;

static void volumes_of(const pcn_medium *medium, float *volume[VALUES]) {
  volume[0] = medium->density;
  volume[1] = medium->electron_density;
  volume[2] = medium->aluminium;
  volume[3] = medium->stopping;
  volume[4] = medium->scattering;
}

typedef struct lookup {
  const pencone_phantom_desc *desc;
  float hu_density[PCN_HU_COUNT]; ///< g/cm3 for each CT number
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

static cell cell_at(const lookup *look, ptrdiff_t index) {
  const pencone_phantom_desc *desc = look->desc;
  const int hu = desc->hu != NULL ? desc->hu[index] - PCN_HU_MIN : 0;
  const float density = desc->density != NULL ? desc->density[index] : look->hu_density[hu];
  const pcn_basis *basis;
  if (desc->material != NULL) {
    basis = &look->material[desc->material[index]];
  } else if (desc->hu != NULL) {
    basis = &look->hu_basis[hu];
  } else {
    basis = &look->hu_basis[pcn_hu_from_density(desc->hu_curve, look->hu_density, density) - PCN_HU_MIN];
  }
  const cell c = {{density, (float)(density * basis->electrons), (float)(density * basis->aluminium),
                   (float)(density * basis->stopping), (float)(density * basis->scattering)}};
  return c;
}

// --- resampling --------------------------------------------------------------------------------

typedef struct resample_work {
  const lookup *look;
  ptrdiff_t stride[3];
  int same; ///< the grids are one: no overlaps to sum
  pcn_overlap along[3];
  pcn_medium *out;
  int values;             ///< how many volumes are wanted
  float *volume[VALUES];
} resample_work;

static void resample_voxel(const resample_work *w, const int64_t target[3], double sum[VALUES]) {
  const pcn_overlap *x = &w->along[0], *y = &w->along[1], *z = &w->along[2];
  memset(sum, 0, VALUES * sizeof *sum);
  for (int64_t c = 0; c < z->count[target[2]]; c++) {
    const double wz = z->weight[z->start[target[2]] + c];
    const ptrdiff_t plane = (ptrdiff_t)(z->first[target[2]] + c) * w->stride[2];
    for (int64_t b = 0; b < y->count[target[1]]; b++) {
      const double wzy = wz * y->weight[y->start[target[1]] + b];
      const ptrdiff_t row = plane + (ptrdiff_t)(y->first[target[1]] + b) * w->stride[1];
      for (int64_t a = 0; a < x->count[target[0]]; a++) {
        const double share = wzy * x->weight[x->start[target[0]] + a];
        const cell from = cell_at(w->look, row + (ptrdiff_t)(x->first[target[0]] + a) * w->stride[0]);
        for (int v = 0; v < w->values; v++) {
          sum[v] += share * (double)from.value[v];
        }
      }
    }
  }
}

static void copy_slice(const resample_work *w, int64_t k) {
  const pencone_grid *grid = &w->out->grid;
  size_t index = (size_t)(k * grid->size[0] * grid->size[1]);
  for (int64_t j = 0; j < grid->size[1]; j++) {
    const ptrdiff_t row = (ptrdiff_t)k * w->stride[2] + (ptrdiff_t)j * w->stride[1];
    for (int64_t i = 0; i < grid->size[0]; i++, index++) {
      const cell from = cell_at(w->look, row + (ptrdiff_t)i * w->stride[0]);
      for (int v = 0; v < w->values; v++) {
        w->volume[v][index] = from.value[v];
      }
    }
  }
}

static void resample_slice(void *work, size_t k, int worker) {
  (void)worker;
  const resample_work *w = work;
  if (w->same) {
    copy_slice(w, (int64_t)k);
    return;
  }
  const pencone_grid *grid = &w->out->grid;
  size_t index = k * (size_t)(grid->size[0] * grid->size[1]);
  for (int64_t j = 0; j < grid->size[1]; j++) {
    for (int64_t i = 0; i < grid->size[0]; i++, index++) {
      const int64_t target[3] = {i, j, (int64_t)k};
      double sum[VALUES];
      resample_voxel(w, target, sum);
      for (int v = 0; v < w->values; v++) {
        w->volume[v][index] = (float)sum[v];
      }
    }
  }
}

static pencone_status resample(pencone_context *ctx, const lookup *look, const double progress[2], pcn_medium *out) {
  const pencone_phantom_desc *desc = look->desc;
  resample_work work = {.look = look, .out = out, .stride = {desc->stride[0], desc->stride[1], desc->stride[2]}};
  if (desc->stride[0] == 0 && desc->stride[1] == 0 && desc->stride[2] == 0) {
    work.stride[0] = 1;
    work.stride[1] = (ptrdiff_t)desc->grid.size[0];
    work.stride[2] = (ptrdiff_t)(desc->grid.size[0] * desc->grid.size[1]);
  }
  work.values = out->stopping != NULL ? VALUES : VALUES_PHOTON;
  volumes_of(out, work.volume);
  work.same = pencone_grid_equal(&desc->grid, &out->grid);
  pencone_status status = PENCONE_OK;
  for (int a = 0; a < 3 && status == PENCONE_OK && !work.same; a++) {
    status = pcn_overlap_make(ctx, &desc->grid, &out->grid, a, &work.along[a]);
  }
  if (status == PENCONE_OK) {
    status = pcn_parallel_for_progress(ctx, (size_t)out->grid.size[2], resample_slice, &work, progress[0], progress[1],
                                       "phantom");
  }
  for (int a = 0; a < 3; a++) {
    pcn_overlap_free(&work.along[a]);
  }
  return status;
}

static pencone_status medium_make(pencone_context *ctx, const pencone_phantom *phantom, const pencone_grid *grid,
                                  const double progress[2], int protons, pcn_medium *out) {
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
  if (complete && out->density != NULL && out->electron_density != NULL && out->aluminium != NULL && look != NULL) {
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

pencone_status pcn_medium_make_proton(pencone_context *ctx, const pencone_phantom *phantom, const pencone_grid *grid,
                                      const double progress[2], pcn_medium *out) {
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

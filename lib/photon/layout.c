// SPDX-License-Identifier: Apache-2.0
#include "photon/layout.h"

#include "base/base.h"
#include <string.h>

/// Exchanges x and y: [z][y][x] <-> [z][x][y].
typedef struct turn_work {
  const float *from;
  float *to;
  int64_t rows, lanes; ///< of from
  int add;
} turn_work;

static void turn_slice(void *work, size_t k, int worker) {
  (void)worker;
  enum { TILE = 32 };
  const turn_work *t = work;
  const float *from = t->from + (int64_t)k * t->rows * t->lanes;
  float *to = t->to + (int64_t)k * t->rows * t->lanes;
  for (int64_t jj = 0; jj < t->rows; jj += TILE) {
    const int64_t j_end = jj + TILE < t->rows ? jj + TILE : t->rows;
    for (int64_t ii = 0; ii < t->lanes; ii += TILE) {
      const int64_t i_end = ii + TILE < t->lanes ? ii + TILE : t->lanes;
      for (int64_t i = ii; i < i_end; i++) {
        for (int64_t j = jj; j < j_end; j++) {
          const float value = from[j * t->lanes + i];
          to[i * t->rows + j] = t->add ? to[i * t->rows + j] + value : value;
        }
      }
    }
  }
}

static void turn(pencone_context *ctx, const pencone_grid *grid, const float *from, float *to) {
  turn_work work = {from, to, grid->size[1], grid->size[0], 0};
  pcn_parallel_for(ctx, (size_t)grid->size[2], turn_slice, &work);
}

void pcn_layout_collect(pencone_context *ctx, const pcn_layout *layout) {
  const pencone_grid *grid = &layout->medium->grid;
  turn_work work = {layout->turned_dose, layout->dose, grid->size[0], grid->size[1], 1};
  pcn_parallel_for(ctx, (size_t)grid->size[2], turn_slice, &work);
}

static void share_slice(void *work, size_t k, int worker) {
  (void)worker;
  const pcn_layout *l = work;
  const size_t n = (size_t)(l->medium->grid.size[0] * l->medium->grid.size[1]);
  const float *primary = l->terma->part[PCN_PRIMARY];
  for (size_t i = k * n; i < (k + 1) * n; i++) {
    l->of_aluminium[i] = primary[i] > 0 ? primary[i] * pcn_medium_aluminium_share(l->medium, i) : 0;
  }
}

uint64_t pcn_layout_bytes(const pencone_grid *grid) {
  return (3 + PCN_RELEASES) * (uint64_t)pencone_grid_voxels(grid) * sizeof(float);
}

void pcn_layout_free(pcn_layout *layout) {
  pcn_free(layout->of_aluminium);
  pcn_free(layout->turned_density);
  pcn_free(layout->turned_dose);
  for (int r = 0; r < PCN_RELEASES; r++) {
    pcn_free(layout->turned_release[r]);
  }
  memset(layout, 0, sizeof *layout);
}

static int allocate(pencone_context *ctx, size_t voxels, float **out) {
  *out = pcn_alloc(ctx, voxels, sizeof **out);
  return *out != NULL;
}

pencone_status pcn_layout_make(pencone_context *ctx, const pcn_medium *medium, const pcn_terma *terma, float *dose,
                               pcn_layout *out) {
  const pencone_grid *grid = &medium->grid;
  const size_t voxels = pencone_grid_voxels(grid);
  memset(out, 0, sizeof *out);
  out->medium = medium;
  out->terma = terma;
  out->dose = dose;
  const int releases = medium->has_aluminium ? PCN_RELEASES : PCN_RELEASES - 1;
  int complete = allocate(ctx, voxels, &out->turned_density) && allocate(ctx, voxels, &out->turned_dose);
  for (int r = 0; r < releases && complete; r++) {
    complete = allocate(ctx, voxels, &out->turned_release[r]);
  }
  if (complete && medium->has_aluminium) {
    complete = allocate(ctx, voxels, &out->of_aluminium);
  }
  if (!complete) {
    pcn_layout_free(out);
    return PENCONE_E_MEMORY;
  }
  turn(ctx, grid, medium->electron_density, out->turned_density);
  memset(out->turned_dose, 0, voxels * sizeof *out->turned_dose);
  for (int part = 0; part < PCN_PARTS; part++) {
    turn(ctx, grid, terma->part[part], out->turned_release[part]);
  }
  if (medium->has_aluminium) {
    pcn_parallel_for(ctx, (size_t)grid->size[2], share_slice, out);
    turn(ctx, grid, out->of_aluminium, out->turned_release[PCN_OF_ALUMINIUM]);
  }
  return PENCONE_OK;
}

pcn_view pcn_layout_view(const pcn_layout *layout, int main_axis) {
  const int64_t *n = layout->medium->grid.size;
  static const int order[3][3] = {{0, 2, 1}, {1, 2, 0}, {2, 1, 0}}; // plane, row, lane
  const int64_t stride[3][2] = {{n[1], n[0] * n[1]}, {n[0], n[0] * n[1]}, {n[0] * n[1], n[0]}};
  const int turned = main_axis == 0;
  pcn_view v = {.electron_density = turned ? layout->turned_density : layout->medium->electron_density,
                .dose = turned ? layout->turned_dose : layout->dose};
  for (int a = 0; a < 3; a++) {
    v.axis[a] = order[main_axis][a];
    v.size[a] = n[v.axis[a]];
  }
  v.stride[0] = stride[main_axis][0];
  v.stride[1] = stride[main_axis][1];
  for (int part = 0; part < PCN_PARTS; part++) {
    v.release[part] = turned ? layout->turned_release[part] : layout->terma->part[part];
  }
  v.release[PCN_OF_ALUMINIUM] = turned ? layout->turned_release[PCN_OF_ALUMINIUM] : layout->of_aluminium;
  return v;
}

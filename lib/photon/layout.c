// SPDX-License-Identifier: Apache-2.0
#include "photon/layout.h"

#include "base/base.h"
#include "simd/cone_row.h"
#include <string.h>

/// Exchanges x and y of a stack of slices: rows of lanes become rows of the former rows.
typedef struct turn_work {
  const float *from;
  float *to;
  int64_t rows, lanes;             ///< of from
  int64_t from_row, from_slice;    ///< strides
  int add;
} turn_work;

static void turn_slice(void *work, size_t k, int worker) {
  (void)worker;
  enum { TILE = 32 };
  const turn_work *t = work;
  const float *from = t->from + (int64_t)k * t->from_slice;
  float *to = t->to + (int64_t)k * t->rows * t->lanes;
  for (int64_t jj = 0; jj < t->rows; jj += TILE) {
    const int64_t j_end = jj + TILE < t->rows ? jj + TILE : t->rows;
    for (int64_t ii = 0; ii < t->lanes; ii += TILE) {
      const int64_t i_end = ii + TILE < t->lanes ? ii + TILE : t->lanes;
      for (int64_t i = ii; i < i_end; i++) {
        for (int64_t j = jj; j < j_end; j++) {
          const float value = from[j * t->from_row + i];
          to[i * t->rows + j] = t->add ? to[i * t->rows + j] + value : value;
        }
      }
    }
  }
}

static void turn_all(pencone_context *ctx, const pencone_grid *grid, const float *from, float *to) {
  turn_work work = {from, to, grid->size[1], grid->size[0], grid->size[0], grid->size[0] * grid->size[1], 0};
  pcn_parallel_for(ctx, (size_t)grid->size[2], turn_slice, &work);
}

static void turn_box(pencone_context *ctx, const pcn_layout *l, const float *from, float *to) {
  const int64_t row = l->medium->grid.size[0], slice = row * l->medium->grid.size[1];
  const int64_t *low = l->box_low, *size = l->box_size;
  turn_work work = {from + low[2] * slice + low[1] * row + low[0], to, size[1], size[0], row, slice, 0};
  pcn_parallel_for(ctx, (size_t)size[2], turn_slice, &work);
}

void pcn_layout_collect(pencone_context *ctx, const pcn_layout *layout) {
  const pencone_grid *grid = &layout->medium->grid;
  turn_work work = {layout->turned_dose, layout->dose, grid->size[0], grid->size[1], grid->size[1],
                    grid->size[0] * grid->size[1], 1};
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

// The box of the releases in whole blocks of lanes along y, as the sweep takes them.
static void set_box(pcn_layout *l) {
  const int64_t *n = l->medium->grid.size;
  for (int a = 0; a < 3; a++) {
    const int64_t block = a == 1 ? PCN_CONE_BLOCK : 1;
    const int64_t low = l->terma->low[a], high = l->terma->high[a];
    const int64_t first = low - low % block, last = high + (block - high % block) % block;
    l->box_low[a] = high > low ? first : 0;
    l->box_size[a] = high > low ? (last < n[a] ? last : n[a]) - first : 0;
  }
}

static int allocate_all(pencone_context *ctx, pcn_layout *l) {
  const size_t voxels = pencone_grid_voxels(&l->medium->grid);
  const size_t box = (size_t)(l->box_size[0] * l->box_size[1] * l->box_size[2]);
  const int releases = l->medium->has_aluminium ? PCN_RELEASES : PCN_RELEASES - 1;
  int complete = allocate(ctx, voxels, &l->turned_density) && allocate(ctx, voxels, &l->turned_dose);
  for (int r = 0; r < releases && complete; r++) {
    complete = allocate(ctx, box, &l->turned_release[r]);
  }
  return complete && (!l->medium->has_aluminium || allocate(ctx, voxels, &l->of_aluminium));
}

pencone_status pcn_layout_make(pencone_context *ctx, const pcn_medium *medium, const pcn_terma *terma, float *dose,
                               pcn_layout *out) {
  const pencone_grid *grid = &medium->grid;
  memset(out, 0, sizeof *out);
  out->medium = medium;
  out->terma = terma;
  out->dose = dose;
  set_box(out);
  if (!allocate_all(ctx, out)) {
    pcn_layout_free(out);
    return PENCONE_E_MEMORY;
  }
  turn_all(ctx, grid, medium->electron_density, out->turned_density);
  memset(out->turned_dose, 0, pencone_grid_voxels(grid) * sizeof *out->turned_dose);
  for (int part = 0; part < PCN_PARTS; part++) {
    turn_box(ctx, out, terma->part[part], out->turned_release[part]);
  }
  if (medium->has_aluminium) {
    pcn_parallel_for(ctx, (size_t)grid->size[2], share_slice, out);
    turn_box(ctx, out, out->of_aluminium, out->turned_release[PCN_OF_ALUMINIUM]);
  }
  return PENCONE_OK;
}

static void use_turned(const pcn_layout *l, pcn_view *v) {
  const int64_t *low = l->box_low, *size = l->box_size;
  v->electron_density = l->turned_density;
  v->dose = l->turned_dose;
  v->release_stride[0] = size[1]; // planes across x
  v->release_stride[1] = size[0] * size[1];
  v->release_first = -(low[2] * size[0] * size[1] + low[0] * size[1] + low[1]);
  for (int r = 0; r < PCN_RELEASES; r++) {
    v->release[r] = l->turned_release[r];
  }
}

pcn_view pcn_layout_view(const pcn_layout *layout, int main_axis) {
  const int64_t *n = layout->medium->grid.size;
  static const int order[3][3] = {{0, 2, 1}, {1, 2, 0}, {2, 1, 0}}; // plane, row, lane
  const int64_t stride[3][2] = {{n[1], n[0] * n[1]}, {n[0], n[0] * n[1]}, {n[0] * n[1], n[0]}};
  pcn_view v = {.electron_density = layout->medium->electron_density, .dose = layout->dose};
  for (int a = 0; a < 3; a++) {
    v.axis[a] = order[main_axis][a];
    v.size[a] = n[v.axis[a]];
  }
  for (int k = 0; k < 2; k++) {
    v.stride[k] = v.release_stride[k] = stride[main_axis][k];
  }
  v.release[PCN_PRIMARY] = layout->terma->part[PCN_PRIMARY];
  v.release[PCN_SCATTER] = layout->terma->part[PCN_SCATTER];
  v.release[PCN_OF_ALUMINIUM] = layout->of_aluminium;
  if (main_axis == 0) {
    use_turned(layout, &v);
  }
  return v;
}

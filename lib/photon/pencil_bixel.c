// SPDX-License-Identifier: Apache-2.0
// Columns of bixels. The rows of the box are gone through once for several bixels: a row's voxels and the map
// around it stay near the processor meanwhile.
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "geom/reach.h"
#include "photon/pencil_beamlet.h"
#include "simd/isa.h"

enum { TERMS = PCN_PENCIL_TERMS };

/// A bixel in work.
typedef struct bixel {
  pcn_pencil_table table;
  pcn_reach reach;
  double radius_mm[PCN_PENCIL_PLANES * PCN_PENCIL_LAYERS];  ///< of each layer: nothing is wanted farther away
  int64_t low[2], high[2];                                  ///< rows that may have voxels within
  int32_t (*range)[2];                                      ///< of each row of the box
  float least;
  pcn_sift sift;
  pcn_column *out;
} bixel;

typedef struct group {
  const pcn_pencil_beamlets *beamlets;
  const pcn_isa *isa;
  int count;
  bixel *bixel;
  double *row_radius_mm;  ///< of a plane of rows
  float *value;           ///< of a row, or of the few
} group;

static pcn_pencil_voxels voxels_at(const pcn_pencil_buffer *v, int64_t at) {
  const pcn_pencil_voxels out = {v->x + at, v->y + at, v->plane + at, v->weight + at * TERMS};
  return out;
}

static int layers(const group *g) {
  return (g->beamlets->map.planes.count - 1) * PCN_PENCIL_LAYERS;
}

static double widest(const group *g, const bixel *b) {
  double radius = 0;
  for (int l = 0; l < layers(g); l++) {
    radius = fmax(radius, b->radius_mm[l]);
  }
  return radius;
}

// What is within the radii: ranges of all rows. @return the number of voxels
static int64_t find_ranges(const group *g, bixel *b) {
  const pencone_grid *grid = &g->beamlets->box->grid;
  int64_t voxels = 0;
  pcn_reach_rows(&b->reach, widest(g, b), b->low, b->high);
  memset(b->range, 0, (size_t)(grid->size[1] * grid->size[2]) * sizeof *b->range);
  for (int64_t k = b->low[1]; k < b->high[1] && b->low[0] < b->high[0]; k++) {
    const int64_t first = k * grid->size[1] + b->low[0], rows[2] = {b->low[0], b->high[0]},
                  n = rows[1] - rows[0];
    for (int64_t j = 0; j < n; j++) {
      const uint8_t *layer = g->beamlets->layer[first + j];
      double radius = 0;
      for (int l = layer[0]; l <= layer[1]; l++) {
        radius = b->radius_mm[l] > radius ? b->radius_mm[l] : radius;
      }
      g->row_radius_mm[j] = radius;
    }
    pcn_reach_ranges(&b->reach, k, rows, g->row_radius_mm, b->range + first);
    for (int64_t j = 0; j < n; j++) {
      voxels += b->range[first + j][1] - b->range[first + j][0];
    }
  }
  return voxels;
}

static void set_radius(const group *g, bixel *b, double radius_mm) {
  for (int l = 0; l < layers(g); l++) {
    b->radius_mm[l] = radius_mm;
  }
}

// The largest dose near the bixel's own ray: no more than that of all.
static double largest_near(const group *g, bixel *b) {
  const pencone_grid *grid = &g->beamlets->box->grid;
  set_radius(
      g, b,
      fmax(g->beamlets->near_mm, fmax(grid->spacing_mm[0], fmax(grid->spacing_mm[1], grid->spacing_mm[2]))));
  find_ranges(g, b);
  float largest = 0;
  for (int64_t k = b->low[1]; k < b->high[1]; k++) {
    for (int64_t row = k * grid->size[1] + b->low[0]; row < k * grid->size[1] + b->high[0]; row++) {
      const int64_t n = b->range[row][1] - b->range[row][0];
      const pcn_pencil_voxels voxels = voxels_at(&g->beamlets->voxel, row * grid->size[0] + b->range[row][0]);
      g->isa->pencil(&b->table, &voxels, (size_t)n, g->value);
      for (int64_t i = 0; i < n; i++) {
        largest = g->value[i] > largest ? g->value[i] : largest;
      }
    }
  }
  return (double)largest;
}

// How far entries can be above the threshold in each layer.
static void find_radius(const group *g, bixel *b, double least) {
  for (int l = 0; l < layers(g); l++) {
    const pcn_pencil_fall *fall = &g->beamlets->fall[l];
    int i = 0;
    while (i < PCN_PENCIL_FALLS && fall->value[i] >= least) {
      i++;
    }
    b->radius_mm[l] = i < PCN_PENCIL_FALLS ? i * fall->step_mm : INFINITY;
  }
}

static pencone_status begin(pencone_context *ctx, const group *g, const double centre_mm[2], bixel *b) {
  const pcn_pencil_beamlets *shared = g->beamlets;
  const double straight[2] = {1, 0};
  const pcn_reach reach = {&shared->engine->frame, shared->box, centre_mm[0], centre_mm[1]};
  const pcn_sift none = {0, 0, 0};
  b->table = pcn_pencil_map_table(&shared->map, centre_mm, straight);
  b->reach = reach;
  b->sift = none;
  b->least = FLT_TRUE_MIN;
  const double largest = shared->threshold > 0 ? largest_near(g, b) : 0;
  set_radius(g, b, INFINITY);
  if (largest > 0) {
    find_radius(g, b, shared->threshold * largest);
    b->least = shared->sift ? fmaxf(b->least, (float)(shared->threshold * largest)) : b->least;
  }
  for (int l = 0; shared->reach_mm > 0 && l < layers(g); l++) {
    b->radius_mm[l] = fmin(b->radius_mm[l], shared->reach_mm);
  }
  return pcn_column_reserve(ctx, b->out, find_ranges(g, b) + PCN_SIFT_LANES);
}

static void add_row(const group *g, bixel *b, int64_t row) {
  const int32_t *range = b->range[row];
  const int64_t at = row * g->beamlets->box->grid.size[0] + range[0];
  const size_t n = (size_t)(range[1] - range[0]);
  const pcn_pencil_voxels voxels = voxels_at(&g->beamlets->voxel, at);
  pcn_column *out = b->out;
  pcn_column_fetch(out, (int64_t)n);
  g->isa->pencil(&b->table, &voxels, n, g->value);
  memset(g->value + n, 0, PCN_SIFT_LANES * sizeof *g->value);
  out->count += (int64_t)g->isa->sift(g->value, n, (int32_t)at, b->least, out->value + out->count,
                                      out->voxel + out->count, &b->sift);
}

static void add_rows(const group *g) {
  const int64_t *size = g->beamlets->box->grid.size;
  for (int64_t row = 0; row < size[1] * size[2]; row++) {
    for (int i = 0; i < g->count; i++) {
      bixel *b = &g->bixel[i];
      if (b->range[row][1] > b->range[row][0]) {
        add_row(g, b, row);
      }
    }
  }
}

// Once more by the largest value of all, where that was not near the ray.
static void sift_again(bixel *b, double threshold) {
  const float least = (float)(threshold * (double)b->sift.largest);
  if (least > b->least) {
    b->sift.below += pcn_column_drop(b->out, least);
  }
}

// Dose out of the radii: the sum over the few times their share.
static double sum_beyond(const group *g, const bixel *b) {
  const pcn_pencil_beamlets *shared = g->beamlets;
  const int64_t *step = shared->few_step, *few = shared->few_size, *size = shared->box->grid.size;
  const pcn_pencil_voxels voxels = voxels_at(&shared->few, 0);
  const float *value = g->value;
  double sum = 0;
  g->isa->pencil(&b->table, &voxels, (size_t)(few[0] * few[1] * few[2]), g->value);
  for (int64_t k = 0; k < few[2]; k++) {
    for (int64_t j = 0; j < few[1]; j++, value += few[0]) {
      const int32_t *range = b->range[(step[2] / 2 + k * step[2]) * size[1] + step[1] / 2 + j * step[1]];
      float row = 0;
      for (int64_t i = 0; i < few[0]; i++) {
        const int64_t at = step[0] / 2 + i * step[0];
        row += (at < range[0] || at >= range[1]) && value[i] > 0 ? value[i] : 0.0f;
      }
      sum += (double)row;
    }
  }
  return sum * (double)(step[0] * step[1] * step[2]);
}

static pencone_status calculate(pencone_context *ctx, const group *g, double (*centre_mm)[2]) {
  for (int i = 0; i < g->count; i++) {
    PCN_TRY(begin(ctx, g, centre_mm[i], &g->bixel[i]));
  }
  add_rows(g);
  for (int i = 0; i < g->count; i++) {
    bixel *b = &g->bixel[i];
    if (g->beamlets->sift) {
      sift_again(b, g->beamlets->threshold);
    }
    b->out->sum = b->sift.sum;
    b->out->below = b->sift.below;
    b->out->beyond = isfinite(widest(g, b)) ? sum_beyond(g, b) : 0;
  }
  return PENCONE_OK;
}

pencone_status pcn_pencil_bixels(pencone_context *ctx, const pcn_pencil_beamlets *beamlets, int count,
                                 double (*centre_mm)[2], pcn_column *out) {
  const int64_t *size = beamlets->box->grid.size, *few = beamlets->few_size;
  const size_t rows = (size_t)(size[1] * size[2]), most = (size_t)few[0] * (size_t)few[1] * (size_t)few[2];
  group g = {beamlets, pcn_isa_of(ctx), count, NULL, NULL, NULL};
  g.bixel = pcn_calloc(ctx, (size_t)count, sizeof *g.bixel);
  g.row_radius_mm = pcn_alloc(ctx, (size_t)size[1], sizeof *g.row_radius_mm);
  g.value =
      pcn_alloc(ctx, (most > (size_t)size[0] ? most : (size_t)size[0]) + PCN_SIFT_LANES, sizeof *g.value);
  int32_t(*range)[2] = pcn_alloc(ctx, rows * (size_t)count, sizeof *range);
  pencone_status status = PENCONE_E_MEMORY;
  if (g.bixel != NULL && g.row_radius_mm != NULL && g.value != NULL && range != NULL) {
    for (int i = 0; i < count; i++) {
      g.bixel[i].range = range + (size_t)i * rows;
      g.bixel[i].out = &out[i];
    }
    status = calculate(ctx, &g, centre_mm);
  }
  pcn_free(range);
  pcn_free(g.value);
  pcn_free(g.row_radius_mm);
  pcn_free(g.bixel);
  return status;
}

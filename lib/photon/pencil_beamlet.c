// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_beamlet.h"

#include "base/base.h"
#include <math.h>
#include <string.h>

enum { TERMS = PCN_PENCIL_TERMS, LOOKS = 512, FEW = 4 };

static const double bound_margin = 1.1; // the bound is found from samples

// --- what the bixels share ---------------------------------------------------------------------

uint64_t pcn_pencil_beamlets_bytes(const pencone_grid *box) {
  const uint64_t tables = 64u * 1024 * 1024; // the map and what it is made of, and the lattice of rays
  const uint64_t rows = (uint64_t)(box->size[1] * box->size[2]);
  return tables + (3 + TERMS) * sizeof(float) * (uint64_t)pencone_grid_voxels(box) + rows * sizeof(uint16_t);
}

typedef struct fill_work {
  const pcn_pencil_beamlets *beamlets;
  const pcn_pencil_rays *rays;
} fill_work;

static void fill_row(void *data, size_t row, int worker) {
  (void)worker;
  const fill_work *w = data;
  const pcn_box *box = w->beamlets->box;
  const int64_t n = box->grid.size[0], j = (int64_t)row % box->grid.size[1], k = (int64_t)row / box->grid.size[1];
  const int64_t ijk[3] = {box->first[0], box->first[1] + j, box->first[2] + k};
  const pcn_pencil_buffer *v = &w->beamlets->voxel;
  const int64_t at = (int64_t)row * n;
  const pcn_pencil_buffer out = {v->x + at, v->y + at, v->plane + at, v->weight + at * TERMS};
  pcn_pencil_fill(w->beamlets->engine, w->rays, ijk, n, &out);
}

static pencone_status reserve(pencone_context *ctx, size_t voxels, pcn_pencil_buffer *out) {
  out->x = pcn_alloc(ctx, voxels + PCN_PENCIL_LANES, sizeof(float));
  out->y = pcn_alloc(ctx, voxels + PCN_PENCIL_LANES, sizeof(float));
  out->plane = pcn_alloc(ctx, voxels + PCN_PENCIL_LANES, sizeof(float));
  out->weight = pcn_alloc(ctx, voxels, TERMS * sizeof(float));
  return out->x != NULL && out->y != NULL && out->plane != NULL && out->weight != NULL ? PENCONE_OK
                                                                                       : PENCONE_E_MEMORY;
}

static pencone_status fill_voxels(pencone_context *ctx, pcn_pencil_beamlets *b) {
  const double progress[2] = {0, 0.1};
  PCN_TRY(reserve(ctx, pencone_grid_voxels(&b->box->grid), &b->voxel));
  pcn_pencil_rays rays;
  PCN_TRY(pcn_pencil_depths(ctx, b->engine, progress, &rays));
  fill_work work = {b, &rays};
  pcn_parallel_for(ctx, (size_t)(b->box->grid.size[1] * b->box->grid.size[2]), fill_row, &work);
  pcn_depth_free(&rays.lattice);
  return PENCONE_OK;
}

// Every few voxels along each axis, together: what is beyond the radii is summed on them.
static pencone_status pick_few(pencone_context *ctx, pcn_pencil_beamlets *b) {
  const int64_t *size = b->box->grid.size;
  for (int a = 0; a < 3; a++) {
    b->few_step[a] = size[a] >= 8 * FEW ? FEW : 1;
    b->few_size[a] = (size[a] - b->few_step[a] / 2 + b->few_step[a] - 1) / b->few_step[a];
  }
  PCN_TRY(reserve(ctx, (size_t)(b->few_size[0] * b->few_size[1] * b->few_size[2]), &b->few));
  int64_t to = 0;
  for (int64_t k = b->few_step[2] / 2; k < size[2]; k += b->few_step[2]) {
    for (int64_t j = b->few_step[1] / 2; j < size[1]; j += b->few_step[1]) {
      for (int64_t i = b->few_step[0] / 2; i < size[0]; i += b->few_step[0], to++) {
        const int64_t from = (k * size[1] + j) * size[0] + i;
        b->few.x[to] = b->voxel.x[from];
        b->few.y[to] = b->voxel.y[from];
        b->few.plane[to] = b->voxel.plane[from];
        memcpy(b->few.weight + to * TERMS, b->voxel.weight + from * TERMS, TERMS * sizeof(float));
      }
    }
  }
  return PENCONE_OK;
}

// The slabs that each row passes.
static pencone_status find_slabs(pencone_context *ctx, pcn_pencil_beamlets *b) {
  const int64_t *size = b->box->grid.size, rows = size[1] * size[2];
  const int last = b->map.planes.count - 2;
  b->slab = pcn_alloc(ctx, (size_t)rows, sizeof *b->slab);
  if (b->slab == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int64_t row = 0; row < rows; row++) {
    const float *plane = b->voxel.plane + row * size[0];
    const int one = (int)plane[0], other = (int)plane[size[0] - 1], least = one < other ? one : other,
              most = one < other ? other : one;
    b->slab[row][0] = (uint8_t)(least < last ? least : last);
    b->slab[row][1] = (uint8_t)(most < last ? most : last);
  }
  return PENCONE_OK;
}

// Up to LOOKS voxels of the slab between two planes, of all depths that are there. @return how many
static int look(const pcn_pencil_beamlets *b, int slab, const float *found[LOOKS]) {
  const size_t voxels = pencone_grid_voxels(&b->box->grid), step = 1 + voxels / 65536;
  size_t all = 0, seen = 0;
  for (size_t v = 0; v < voxels; v += step) {
    all += (int)fminf(b->voxel.plane[v], (float)(b->map.planes.count - 2)) == slab && b->voxel.weight[v * TERMS] != 0;
  }
  const size_t every = 1 + all / LOOKS;
  int count = 0;
  for (size_t v = 0; v < voxels && count < LOOKS; v += step) {
    if ((int)fminf(b->voxel.plane[v], (float)(b->map.planes.count - 2)) == slab && b->voxel.weight[v * TERMS] != 0 &&
        seen++ % every == 0) {
      found[count++] = b->voxel.weight + v * TERMS;
    }
  }
  return count;
}

// Largest dose that the voxels looked at get from a pixel of either plane of the slab.
static double largest_of(const float *pixel, const float *const found[LOOKS], int count) {
  float largest = 0;
  for (int side = 0; side < 2; side++, pixel += TERMS) {
    for (int l = 0; l < count; l++) {
      float sum = 0;
      for (int t = 0; t < TERMS; t++) {
        sum += pixel[t] * found[l][t];
      }
      largest = sum > largest ? sum : largest;
    }
  }
  return (double)largest;
}

// Along both axes and the diagonal of the map: far from a bixel it is round.
static void find_fall(const pcn_pencil_beamlets *b, int slab, pcn_pencil_fall *fall) {
  const float *found[LOOKS];
  const int count = look(b, slab, found);
  const pcn_pencil_map *map = &b->map;
  const size_t pixels = (size_t)map->size[0] * (size_t)map->size[1];
  const double farthest = hypot(map->size[0] * map->pixel_mm[0], map->size[1] * map->pixel_mm[1]);
  fall->step_mm = farthest / (PCN_PENCIL_FALLS - 1);
  memset(fall->value, 0, sizeof fall->value);
  for (int way = 0; way < 3; way++) {
    const double dx = way == 1 ? 0 : (way == 2 ? sqrt(0.5) : 1), dy = way == 0 ? 0 : (way == 2 ? sqrt(0.5) : 1);
    for (double r = 0; r < farthest; r += 0.5 * fall->step_mm) {
      const int i = (int)(r * dx / map->pixel_mm[0]), j = (int)(r * dy / map->pixel_mm[1]);
      if (i < map->size[0] && j < map->size[1]) {
        const float *pixel = map->value + ((size_t)slab * pixels + (size_t)(j * map->size[0] + i)) * 2 * TERMS;
        const int at = (int)(r / fall->step_mm);
        fall->value[at] = fmax(fall->value[at], bound_margin * largest_of(pixel, found, count));
      }
    }
  }
  for (int i = PCN_PENCIL_FALLS - 2; i >= 0; i--) {
    fall->value[i] = fmax(fall->value[i], fall->value[i + 1]);
  }
}

static pencone_status make_falls(pencone_context *ctx, pcn_pencil_beamlets *b) {
  const int slabs = b->map.planes.count - 1;
  b->fall = pcn_alloc(ctx, (size_t)slabs, sizeof *b->fall);
  if (b->fall == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int s = 0; s < slabs; s++) {
    find_fall(b, s, &b->fall[s]);
  }
  return PENCONE_OK;
}

// The map of a bixel, on the pixels of the field's; from the farthest bixel it reaches as far as the field's dose.
static pencone_status make_map(pencone_context *ctx, const pencone_beam *beam, pcn_pencil_beamlets *b) {
  const pcn_pencil_beam *e = b->engine;
  const double *h = e->medium->grid.spacing_mm;
  const pcn_vec3 side[2] = {e->frame.ex, e->frame.ey};
  const double width_mm[2] = {e->x_mm[1] - e->x_mm[0], e->y_mm[1] - e->y_mm[0]};
  pcn_pencil_shape shape;
  pcn_pencil_pixels(beam, width_mm, e->reach_mm, shape.pixel_mm);
  for (int a = 0; a < 2; a++) {
    const pcn_vec3 v = {side[a].x * h[0], side[a].y * h[1], side[a].z * h[2]};
    shape.blur_mm2[a] = pcn_v3_dot(v, v) / 12;
    shape.half_mm[a] = 0.5 * beam->bixel_mm[a];
    shape.reach_mm[a] = width_mm[a] - beam->bixel_mm[a] + e->reach_mm;
  }
  return pcn_pencil_map_make(ctx, e->kernel, &e->planes, &shape, &b->map);
}

pencone_status pcn_pencil_beamlets_make(pencone_context *ctx, const pcn_pencil_beam *engine, const pencone_beam *beam,
                                        const pcn_box *box, const pcn_pencil_cut *cut, pcn_pencil_beamlets *out) {
  memset(out, 0, sizeof *out);
  out->engine = engine;
  out->box = box;
  out->threshold = cut->threshold;
  out->reach_mm = cut->reach_mm;
  out->sift = cut->sift;
  out->near_mm = hypot(beam->bixel_mm[0], beam->bixel_mm[1]);
  PCN_CHECK(ctx, engine->planes.count <= PCN_PENCIL_PLANES, PENCONE_E_UNSUPPORTED,
            "photon-pencil-beam: got %d planes, expected up to %d", engine->planes.count, PCN_PENCIL_PLANES);
  pencone_status status = make_map(ctx, beam, out);
  if (status == PENCONE_OK) {
    status = fill_voxels(ctx, out);
  }
  if (status == PENCONE_OK) {
    status = find_slabs(ctx, out);
  }
  if (status == PENCONE_OK && (cut->threshold > 0 || cut->reach_mm > 0)) {
    status = pick_few(ctx, out);
  }
  if (status == PENCONE_OK && cut->threshold > 0) {
    status = make_falls(ctx, out);
  }
  if (status != PENCONE_OK) {
    pcn_pencil_beamlets_free(out);
  }
  return status;
}

static void free_buffer(pcn_pencil_buffer *buffer) {
  pcn_free(buffer->x);
  pcn_free(buffer->y);
  pcn_free(buffer->plane);
  pcn_free(buffer->weight);
}

void pcn_pencil_beamlets_free(pcn_pencil_beamlets *b) {
  pcn_free(b->map.value);
  free_buffer(&b->voxel);
  free_buffer(&b->few);
  pcn_free(b->slab);
  pcn_free(b->fall);
  memset(b, 0, sizeof *b);
}

// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_beamlet.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

enum { TERMS = PCN_PENCIL_TERMS, LOOKS = 256, LANES = 16, SAMPLED = 65536, FEW = 4 };

static const double bound_margin = 1.1;  // the bound is found from samples

// --- what the bixels share ---------------------------------------------------------------------

uint64_t pcn_pencil_beamlets_bytes(const pencone_grid *box) {
  const uint64_t tables = 64u * 1024 * 1024;  // the map and what it is made of, and the lattice of rays
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
  const int64_t n = box->grid.size[0], j = (int64_t)row % box->grid.size[1],
                k = (int64_t)row / box->grid.size[1];
  const int64_t ijk[3] = {box->first[0], box->first[1] + j, box->first[2] + k};
  const pcn_pencil_buffer *v = &w->beamlets->voxel;
  const int64_t at = (int64_t)row * n;
  const pcn_pencil_buffer out = {v->x + at, v->y + at, v->plane + at, v->weight + at * TERMS};
  pcn_pencil_fill(w->beamlets->engine, w->rays, ijk, n, &out);
}

// Places for whole vectors: those behind the last voxel are 0.
static float *reserve_places(pencone_context *ctx, size_t voxels) {
  float *places = pcn_alloc(ctx, voxels + PCN_PENCIL_LANES, sizeof(float));
  for (size_t i = 0; places != NULL && i < PCN_PENCIL_LANES; i++) {
    places[voxels + i] = 0;
  }
  return places;
}

static pencone_status reserve(pencone_context *ctx, size_t voxels, pcn_pencil_buffer *out) {
  out->x = reserve_places(ctx, voxels);
  out->y = reserve_places(ctx, voxels);
  out->plane = reserve_places(ctx, voxels);
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

static int layers_of(const pcn_pencil_beamlets *b) {
  return (b->map.planes.count - 1) * PCN_PENCIL_LAYERS;
}

static int layer_at(const pcn_pencil_beamlets *b, float plane) {
  const int layer = (int)(plane * PCN_PENCIL_LAYERS), last = layers_of(b) - 1;
  return layer < last ? layer : last;
}

// The layers that each row passes.
static pencone_status find_layers(pencone_context *ctx, pcn_pencil_beamlets *b) {
  const int64_t *size = b->box->grid.size, rows = size[1] * size[2];
  b->layer = pcn_alloc(ctx, (size_t)rows, sizeof *b->layer);
  if (b->layer == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int64_t row = 0; row < rows; row++) {
    const float *plane = b->voxel.plane + row * size[0];
    const int one = layer_at(b, plane[0]), other = layer_at(b, plane[size[0] - 1]);
    b->layer[row][0] = (uint8_t)(one < other ? one : other);
    b->layer[row][1] = (uint8_t)(one < other ? other : one);
  }
  return PENCONE_OK;
}

/// Depth values of voxels from everywhere in the box, and their layers.
typedef struct sample {
  int count;
  uint8_t layer[SAMPLED];
  float weight[SAMPLED][TERMS];
} sample;

static int64_t divisor(int64_t a, int64_t b) {
  return b == 0 ? a : divisor(b, a % b);
}

// Voxels at a distance that goes along all axes alike.
static void take_sample(const pcn_pencil_beamlets *b, sample *out) {
  const int64_t *size = b->box->grid.size, voxels = (int64_t)pencone_grid_voxels(&b->box->grid);
  int64_t step = 1 + voxels / SAMPLED;
  while (divisor(step, size[0]) > 1 || divisor(step, size[1]) > 1) {
    step++;
  }
  out->count = 0;
  for (int64_t v = 0; v < voxels; v += step) {
    if (b->voxel.weight[v * TERMS] != 0) {
      out->layer[out->count] = (uint8_t)layer_at(b, b->voxel.plane[v]);
      memcpy(out->weight[out->count++], b->voxel.weight + v * TERMS, sizeof *out->weight);
    }
  }
}

/// Depth values of some voxels of a layer.
typedef struct looks {
  int count;
  float weight[TERMS][LOOKS];
} looks;

static void add_look(looks *l, const float weight[TERMS]) {
  for (int t = 0; t < TERMS; t++) {
    l->weight[t][l->count] = weight[t];
  }
  l->count++;
}

// The voxels of a layer with the smallest and the largest value of each term, and others up to LOOKS.
static void look(const sample *from, int layer, looks *out) {
  const float *extreme[2 * TERMS] = {NULL};
  int all = 0, seen = 0;
  memset(out, 0, sizeof *out);
  for (int v = 0; v < from->count; v++) {
    const float *weight = from->weight[v];
    for (int t = 0; t < TERMS && from->layer[v] == layer; t++) {
      extreme[2 * t] = all == 0 || weight[t] < extreme[2 * t][t] ? weight : extreme[2 * t];
      extreme[2 * t + 1] = all == 0 || weight[t] > extreme[2 * t + 1][t] ? weight : extreme[2 * t + 1];
    }
    all += from->layer[v] == layer;
  }
  for (int e = 0; e < 2 * TERMS && all > 0; e++) {
    add_look(out, extreme[e]);
  }
  const int every = 1 + all / (LOOKS - 2 * TERMS);
  for (int v = 0; v < from->count && out->count < LOOKS; v++) {
    if (from->layer[v] == layer && seen++ % every == 0) {
      add_look(out, from->weight[v]);
    }
  }
}

// Largest size of a dose that the voxels looked at get from a pixel, anywhere in the layer: it is linear from
// plane to plane.
static double largest_of(const float *pixel, int layer, const looks *found) {
  float most[LANES] = {0}, largest = 0;
  for (int side = 0; side < 2; side++) {
    const float far = (float)(layer % PCN_PENCIL_LAYERS + side) / PCN_PENCIL_LAYERS;
    float at[TERMS];
    for (int t = 0; t < TERMS; t++) {
      at[t] = pixel[t] + far * (pixel[TERMS + t] - pixel[t]);
    }
    for (int l = 0; l < LOOKS; l += LANES) {
#pragma omp simd
      for (int i = 0; i < LANES; i++) {
        const float sum = fabsf(at[0] * found->weight[0][l + i] + at[1] * found->weight[1][l + i] +
                                at[2] * found->weight[2][l + i] + at[3] * found->weight[3][l + i]);
        most[i] = sum > most[i] ? sum : most[i];
      }
    }
  }
  for (int i = 0; i < LANES; i++) {
    largest = most[i] > largest ? most[i] : largest;
  }
  return (double)largest;
}

// Along both axes and the diagonal of the map: far from a bixel it is round.
static void find_fall(const pcn_pencil_beamlets *b, const sample *from, int layer, pcn_pencil_fall *fall) {
  looks found;
  look(from, layer, &found);
  const pcn_pencil_map *map = &b->map;
  const size_t pixels = (size_t)map->size[0] * (size_t)map->size[1];
  const float *slab = map->value + (size_t)(layer / PCN_PENCIL_LAYERS) * pixels * 2 * TERMS;
  const double farthest = hypot(map->size[0] * map->pixel_mm[0], map->size[1] * map->pixel_mm[1]);
  fall->step_mm = farthest / (PCN_PENCIL_FALLS - 1);
  memset(fall->value, 0, sizeof fall->value);
  for (int way = 0; way < 3 && found.count > 0; way++) {
    const double dx = way == 1 ? 0 : (way == 2 ? sqrt(0.5) : 1),
                 dy = way == 0 ? 0 : (way == 2 ? sqrt(0.5) : 1);
    for (double r = 0; r < farthest; r += 0.5 * fall->step_mm) {
      const int i = (int)(r * dx / map->pixel_mm[0]), j = (int)(r * dy / map->pixel_mm[1]);
      if (i < map->size[0] && j < map->size[1]) {
        const float *pixel = slab + (size_t)(j * map->size[0] + i) * 2 * TERMS;
        const int at = (int)(r / fall->step_mm);
        fall->value[at] = fmax(fall->value[at], bound_margin * largest_of(pixel, layer, &found));
      }
    }
  }
  for (int i = PCN_PENCIL_FALLS - 2; i >= 0; i--) {
    fall->value[i] = fmax(fall->value[i], fall->value[i + 1]);
  }
}

static pencone_status make_falls(pencone_context *ctx, pcn_pencil_beamlets *b) {
  sample *from = pcn_alloc(ctx, 1, sizeof *from);
  b->fall = pcn_alloc(ctx, (size_t)layers_of(b), sizeof *b->fall);
  if (from == NULL || b->fall == NULL) {
    pcn_free(from);
    return PENCONE_E_MEMORY;
  }
  take_sample(b, from);
  for (int l = 0; l < layers_of(b); l++) {
    find_fall(b, from, l, &b->fall[l]);
  }
  pcn_free(from);
  return PENCONE_OK;
}

// The map of a bixel, on the pixels of the field's; from the farthest bixel it reaches as far as the field's
// dose.
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

pencone_status pcn_pencil_beamlets_make(pencone_context *ctx, const pcn_pencil_beam *engine,
                                        const pencone_beam *beam, const pcn_box *box,
                                        const pcn_pencil_cut *cut, pcn_pencil_beamlets *out) {
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
    status = find_layers(ctx, out);
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
  pcn_free(b->layer);
  pcn_free(b->fall);
  memset(b, 0, sizeof *b);
}

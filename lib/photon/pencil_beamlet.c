// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_beamlet.h"

#include "base/base.h"
#include "simd/isa.h"
#include <math.h>
#include <string.h>

enum { TERMS = PCN_PENCIL_TERMS, LOOKS = 512, STRIDE = 4 };

static const double bound_margin = 1.1; // the bound is found from samples

// --- what the bixels share ---------------------------------------------------------------------

uint64_t pcn_pencil_beamlets_bytes(const pencone_grid *box) {
  const uint64_t tables = 64u * 1024 * 1024; // the map and what it is made of, and the lattice of rays
  return tables + (3 + TERMS) * sizeof(float) * (uint64_t)pencone_grid_voxels(box);
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

static pencone_status fill_voxels(pencone_context *ctx, pcn_pencil_beamlets *b) {
  const size_t voxels = pencone_grid_voxels(&b->box->grid);
  const double progress[2] = {0, 0.1};
  b->voxel.x = pcn_alloc(ctx, voxels + PCN_PENCIL_LANES, sizeof(float));
  b->voxel.y = pcn_alloc(ctx, voxels + PCN_PENCIL_LANES, sizeof(float));
  b->voxel.plane = pcn_alloc(ctx, voxels + PCN_PENCIL_LANES, sizeof(float));
  b->voxel.weight = pcn_alloc(ctx, voxels, TERMS * sizeof(float));
  if (b->voxel.x == NULL || b->voxel.y == NULL || b->voxel.plane == NULL || b->voxel.weight == NULL) {
    return PENCONE_E_MEMORY;
  }
  pcn_pencil_rays rays;
  PCN_TRY(pcn_pencil_depths(ctx, b->engine, progress, &rays));
  fill_work work = {b, &rays};
  pcn_parallel_for(ctx, (size_t)(b->box->grid.size[1] * b->box->grid.size[2]), fill_row, &work);
  pcn_depth_free(&rays.lattice);
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
  out->turn[0] = 1;
  pencone_status status = make_map(ctx, beam, out);
  if (status == PENCONE_OK) {
    status = fill_voxels(ctx, out);
  }
  if (status == PENCONE_OK && cut->threshold > 0) {
    status = make_falls(ctx, out);
  }
  if (status != PENCONE_OK) {
    pcn_pencil_beamlets_free(out);
  }
  return status;
}

void pcn_pencil_beamlets_free(pcn_pencil_beamlets *b) {
  pcn_free(b->map.value);
  pcn_free(b->voxel.x);
  pcn_free(b->voxel.y);
  pcn_free(b->voxel.plane);
  pcn_free(b->voxel.weight);
  pcn_free(b->fall);
  memset(b, 0, sizeof *b);
}

// --- one bixel ---------------------------------------------------------------------------------

typedef struct bixel_work {
  const pcn_pencil_beamlets *beamlets;
  pcn_pencil_table table;
  pcn_reach reach;
  pcn_pencil_row_loop loop;
  double *radius_mm; ///< of each slab between planes
} bixel_work;

static pcn_pencil_voxels voxels_at(const pcn_pencil_beamlets *b, int64_t at) {
  const pcn_pencil_buffer *v = &b->voxel;
  const pcn_pencil_voxels out = {v->x + at, v->y + at, v->plane + at, v->weight + at * TERMS};
  return out;
}

// Range of a row, by the slabs that it passes.
static void row_range(const bixel_work *w, const int64_t row[2], int64_t range[2]) {
  const pencone_grid *g = &w->beamlets->box->grid;
  const float *plane = w->beamlets->voxel.plane + (row[1] * g->size[1] + row[0]) * g->size[0];
  const int last = w->beamlets->map.planes.count - 2;
  int s0 = (int)plane[0], s1 = (int)plane[g->size[0] - 1];
  s0 = s0 < last ? s0 : last;
  s1 = s1 < last ? s1 : last;
  double radius = 0;
  for (int s = s0 < s1 ? s0 : s1; s <= (s0 < s1 ? s1 : s0); s++) {
    radius = fmax(radius, w->radius_mm[s]);
  }
  pcn_reach_row(&w->reach, radius, row, range);
}

static double widest(const bixel_work *w) {
  double radius = 0;
  for (int s = 0; s < w->beamlets->map.planes.count - 1; s++) {
    radius = fmax(radius, w->radius_mm[s]);
  }
  return radius;
}

// The next row's voxels, which lie a jump away: the processor does not foresee it.
static void fetch(const pcn_pencil_beamlets *b, int64_t at, int64_t n) {
  enum { LINE = 16 };
  const float *start[4] = {b->voxel.x + at, b->voxel.y + at, b->voxel.plane + at, b->voxel.weight + at * TERMS};
  for (int a = 0; a < 4; a++) {
    const int64_t floats = a < 3 ? n : n * TERMS;
    for (int64_t i = 0; i < floats + LINE; i += LINE) {
      __builtin_prefetch(start[a] + i);
    }
  }
}

static void append_row(const bixel_work *w, int64_t at, int64_t n, pcn_column *out) {
  const pcn_pencil_voxels voxels = voxels_at(w->beamlets, at);
  w->loop(&w->table, &voxels, (size_t)n, out->value + out->count);
  int32_t *restrict voxel = out->voxel + out->count;
  for (int64_t i = 0; i < n; i++) {
    voxel[i] = (int32_t)(at + i);
  }
  out->count += n;
}

static pencone_status append_rows(pencone_context *ctx, const bixel_work *w, pcn_column *out) {
  const pencone_grid *g = &w->beamlets->box->grid;
  int64_t low[2], high[2];
  pcn_reach_rows(&w->reach, widest(w), low, high);
  for (int64_t k = low[1]; k < high[1]; k++) {
    PCN_TRY(pcn_column_reserve(ctx, out, g->size[0] * (high[0] > low[0] ? high[0] - low[0] : 0)));
    for (int64_t j = low[0]; j < high[0]; j++) {
      const int64_t row[2] = {j, k};
      int64_t range[2];
      row_range(w, row, range);
      if (range[1] > range[0]) {
        if (j + 1 < high[0]) {
          fetch(w->beamlets, (k * g->size[1] + j + 1) * g->size[0] + range[0], range[1] - range[0]);
        }
        append_row(w, (k * g->size[1] + j) * g->size[0] + range[0], range[1] - range[0], out);
      }
    }
  }
  return PENCONE_OK;
}

static void set_radius(const bixel_work *w, double radius_mm) {
  for (int s = 0; s < w->beamlets->map.planes.count - 1; s++) {
    w->radius_mm[s] = radius_mm;
  }
}

// The largest dose along the bixel's own ray: no more than that of all.
static pencone_status peak(pencone_context *ctx, const bixel_work *w, pcn_column *scratch, double *largest) {
  const double *h = w->beamlets->box->grid.spacing_mm;
  set_radius(w, 0.75 * fmax(h[0], fmax(h[1], h[2])));
  PCN_TRY(append_rows(ctx, w, scratch));
  float most = 0;
  for (int64_t i = 0; i < scratch->count; i++) {
    most = scratch->value[i] > most ? scratch->value[i] : most;
  }
  scratch->count = 0;
  *largest = (double)most;
  return PENCONE_OK;
}

// How far entries can be above the threshold in each slab.
static void find_radius(const bixel_work *w, double least) {
  for (int s = 0; s < w->beamlets->map.planes.count - 1; s++) {
    const pcn_pencil_fall *fall = &w->beamlets->fall[s];
    int i = 0;
    while (i < PCN_PENCIL_FALLS && fall->value[i] >= least) {
      i++;
    }
    w->radius_mm[s] = i < PCN_PENCIL_FALLS ? i * fall->step_mm : INFINITY;
  }
}

// Dose out of the radii: the sum over every few voxels times their number.
static double sum_beyond(const bixel_work *w) {
  enum { MOST = 256 };
  const pencone_grid *g = &w->beamlets->box->grid;
  int64_t stride[3], range[2];
  for (int a = 0; a < 3; a++) {
    stride[a] = g->size[a] >= 8 * STRIDE ? STRIDE : 1;
  }
  double sum = 0;
  for (int64_t k = stride[2] / 2; k < g->size[2]; k += stride[2]) {
    for (int64_t j = stride[1] / 2; j < g->size[1]; j += stride[1]) {
      const int64_t row[2] = {j, k}, at = (k * g->size[1] + j) * g->size[0];
      float x[MOST], y[MOST], plane[MOST], weight[MOST * TERMS], value[MOST];
      const pcn_pencil_voxels here = voxels_at(w->beamlets, at), some = {x, y, plane, weight};
      size_t n = 0;
      row_range(w, row, range);
      for (int64_t i = stride[0] / 2; i < g->size[0]; i += stride[0]) {
        if (i < range[0] || i >= range[1]) {
          x[n] = here.x[i];
          y[n] = here.y[i];
          plane[n] = here.plane[i];
          memcpy(weight + n * TERMS, here.weight + i * TERMS, TERMS * sizeof *weight);
          n++;
        }
        if (n == MOST || i + stride[0] >= g->size[0]) {
          w->loop(&w->table, &some, n, value);
          for (size_t v = 0; v < n; v++) {
            sum += value[v] > 0 ? (double)value[v] : 0;
          }
          n = 0;
        }
      }
    }
  }
  return sum * (double)(stride[0] * stride[1] * stride[2]);
}

pencone_status pcn_pencil_beamlet(pencone_context *ctx, const pcn_pencil_beamlets *b, const double centre_mm[2],
                                  pcn_column *out) {
  double radius_mm[64], largest = 0;
  const pcn_frame *frame = &b->engine->frame;
  const bixel_work w = {b,
                        pcn_pencil_map_table(&b->map, centre_mm, b->turn),
                        {frame, b->box, centre_mm[0], centre_mm[1]},
                        pcn_isa_of(ctx)->pencil,
                        radius_mm};
  PCN_CHECK(ctx, b->map.planes.count <= 64, PENCONE_E_UNSUPPORTED, "photon-pencil-beam: got %d planes, expected up to 64",
            b->map.planes.count);
  set_radius(&w, INFINITY);
  if (b->threshold > 0) {
    PCN_TRY(peak(ctx, &w, out, &largest));
    set_radius(&w, INFINITY);
    if (largest > 0) {
      find_radius(&w, b->threshold * largest);
    }
  }
  for (int s = 0; b->reach_mm > 0 && s < b->map.planes.count - 1; s++) {
    radius_mm[s] = fmin(radius_mm[s], b->reach_mm);
  }
  PCN_TRY(append_rows(ctx, &w, out));
  out->beyond = isfinite(widest(&w)) ? sum_beyond(&w) : 0;
  return PENCONE_OK;
}

// SPDX-License-Identifier: Apache-2.0
// What the spots of a layer have in common: made once, read by all of them. Memory is kept from layer to
// layer.
#include "proton/spot_layer.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "geom/corner.h"
#include "num/constants.h"

enum { PARTS = PCN_PROTON_PARTS };

uint64_t pcn_spot_layer_bytes(const pencone_beam *beam, const pencone_grid *medium, double spacing_mm,
                              int threads) {
  const double margin_mm = 30, x = beam->field_x_mm[1] - beam->field_x_mm[0],
               y = beam->field_y_mm[1] - beam->field_y_mm[0];
  const double along[2] = {(x + 2 * margin_mm) / spacing_mm, (y + 2 * margin_mm) / spacing_mm};
  const int64_t *n = medium->size, longest = n[0] > n[1] ? n[0] : n[1],
                deep = longest > n[2] ? longest : n[2];
  const double classes = 3, cells = along[0] * along[1] * PCN_LAYER_CELL_BYTES;
  const double shares = classes * PARTS * (along[0] + along[1]) * 0.5 * (double)longest * sizeof(float);
  return (uint64_t)(2 * (double)deep * (cells + shares)) +
         (uint64_t)(threads + 5) * sizeof(float) * (uint64_t)pencone_grid_voxels(medium);
}

static void mark(pcn_spot_layer *s, const pencone_proton_layer *spots, double lattice_mm2, double *scratch) {
  const pcn_layer *l = &s->layer;
  const int64_t row = l->engine->rays.ray[0].count;
  memset(l->protons, 0, (size_t)l->engine->rays.rays * sizeof *l->protons);
  for (int i = 0; i < spots->spot_count; i++) {
    const pcn_spot_rays r = pcn_spot_spread(l->engine, lattice_mm2, &spots->spots[i], scratch);
    for (int64_t y = 0; y < r.count[1]; y++) {
      for (int64_t x = 0; x < r.count[0]; x++) {
        l->protons[(r.first[1] + y) * row + r.first[0] + x] = 1;
      }
    }
  }
}

// --- classes -----------------------------------------------------------------------------------

static pcn_ray_window all_rays(const pcn_layer *l) {
  const pcn_axis *ray = l->engine->rays.ray;
  const pcn_ray_window window = {{0, 0}, {ray[0].count, ray[1].count}, l->protons, ray[0].count};
  return window;
}

static void find_range(void *work, size_t k, int worker) {
  (void)worker;
  const pcn_spot_layer *s = work;
  const pcn_ray_window window = all_rays(&s->layer);
  for (int part = 0; part < PARTS; part++) {
    int range[2] = {1, 0};
    if (pcn_planes_has(s->layer.spread, (int64_t)k)) {
      pcn_layer_classes(&s->layer, (int64_t)k, part, &window, range);
    }
    s->low[k * PARTS + (size_t)part] = (int16_t)range[0];
    s->high[k * PARTS + (size_t)part] = (int16_t)range[1];
  }
}

void pcn_spot_faces(const pcn_spot_layer *s, int64_t k, int64_t face[2]) {
  const pcn_rays *rays = &s->layer.engine->rays;
  const int64_t before = pcn_planes_before(s->layer.spread, k), behind = pcn_planes_next(s->layer.spread, k);
  face[0] = pcn_larger(before + !s->between, 0);
  face[1] = pcn_smaller(behind + 1 - !s->between, rays->cell[2].count);
}

// The rays of each class, the cells that they reach where the box may need the plane, and how high its dose
// can be. image: scratch for all rays.
static void plan_plane(pcn_spot_layer *s, int64_t k, float *image) {
  const pcn_layer *l = &s->layer;
  const pcn_ray_window window = all_rays(l);
  const pcn_rays *beam = &l->engine->rays;
  const double ripple = 1.02;  // of the sum over the lattice, and what the cut is scaled by
  const double spread = fmax(pcn_rays_spread(beam, 0, k), pcn_rays_spread(beam, 1, k));
  const int64_t first[2] = {0, 0}, last[2] = {beam->cell[0].count, beam->cell[1].count};
  int64_t face[2];
  pcn_spot_faces(s, k, face);
  s->most[k] = (float)pcn_layer_most(l, face, first, last);
  const int needed = pcn_planes_next(l->spread, k) > s->bounds[2][0] &&
                     pcn_planes_before(l->spread, k) < s->bounds[2][1] && s->most[k] > 0;
  for (int row = (int)(k * PARTS); row < (int)(k + 1) * PARTS; row++) {
    for (int c = s->low[row]; c <= s->high[row]; c++) {
      pcn_spot_class *one = &s->classes[s->first[row] + c - s->low[row]];
      pcn_class_image rays;
      pcn_layer_image(l, k, row % PARTS, c, &window, image, &rays);
      one->variance = pcn_layer_variance(l, k, row % PARTS, c);
      one->largest = rays.largest;
      one->spot = one->variance + l->energy->lattice_mm2 * spread * spread;
      one->level = log(ripple * s->ratio * (double)one->largest / (2 * PCN_PI * one->spot) + 1e-300);
      for (int a = 0; a < 2; a++) {
        const int64_t ray[2] = {rays.first[a], rays.first[a] + rays.count[a]};
        memset(&one->rows[a], 0, sizeof one->rows[a]);
        if (needed && rays.count[0] > 0) {
          pcn_share_rows_plan(l, k, a, one->variance, ray, s->bounds[a], &one->rows[a]);
        }
      }
    }
  }
}

static int64_t image_room(const pcn_rays *rays) {
  return (rays->ray[0].count + 1) * (rays->ray[1].count + 1);
}

static void plan_task(void *work, size_t k, int worker) {
  pcn_spot_layer *s = work;
  if (pcn_planes_has(s->layer.spread, (int64_t)k)) {
    plan_plane(s, (int64_t)k, s->image + worker * image_room(&s->layer.engine->rays));
  }
}

static void fill_task(void *work, size_t k, int worker) {
  (void)worker;
  const pcn_spot_layer *s = work;
  const int32_t end = s->first[(k + 1) * PARTS];
  for (int32_t c = s->first[k * PARTS]; c < end; c++) {
    for (int a = 0; a < 2 && s->classes[c].rows[0].rays > 0; a++) {
      pcn_share_rows_fill(&s->layer, (int64_t)k, a, s->classes[c].variance, &s->classes[c].rows[a]);
    }
  }
}

// A quarter more than is needed: layers of rising energy need a little more each.
static size_t with_spare(size_t count) {
  return count + count / 4 + 1;
}

static pencone_status reserve_classes(pencone_context *ctx, size_t classes, pcn_spot_layer *s) {
  if (classes <= s->class_room) {
    return PENCONE_OK;
  }
  pcn_free(s->classes);
  s->class_room = 0;
  s->classes = pcn_alloc(ctx, with_spare(classes), sizeof *s->classes);
  if (s->classes == NULL) {
    return PENCONE_E_MEMORY;
  }
  s->class_room = with_spare(classes);
  return PENCONE_OK;
}

static pencone_status reserve_shares(pencone_context *ctx, size_t shares, pcn_spot_layer *s) {
  if (shares <= s->share_room) {
    return PENCONE_OK;
  }
  pcn_free(s->shares);
  s->share_room = 0;
  s->shares = pcn_alloc(ctx, with_spare(shares), sizeof *s->shares);
  if (s->shares == NULL) {
    return PENCONE_E_MEMORY;
  }
  s->share_room = with_spare(shares);
  return PENCONE_OK;
}

static size_t count_shares(const pcn_spot_layer *s, size_t classes) {
  size_t shares = 0;
  for (size_t c = 0; c < classes; c++) {
    for (int a = 0; a < 2; a++) {
      shares += (size_t)(s->classes[c].rows[a].rays * s->classes[c].rows[a].stride);
    }
  }
  return shares;
}

static pencone_status make_classes(pencone_context *ctx, pcn_spot_layer *s) {
  const size_t planes = (size_t)s->layer.planes, rows = planes * PARTS;
  pcn_parallel_for(ctx, planes, find_range, s);
  s->first[0] = 0;
  for (size_t r = 0; r < rows; r++) {
    s->first[r + 1] = s->first[r] + (s->high[r] >= s->low[r] ? s->high[r] - s->low[r] + 1 : 0);
  }
  const size_t classes = (size_t)s->first[rows];
  PCN_TRY(reserve_classes(ctx, classes, s));
  pcn_parallel_for(ctx, planes, plan_task, s);
  PCN_TRY(reserve_shares(ctx, count_shares(s, classes), s));
  float *value = s->shares;
  for (size_t c = 0; c < classes; c++) {
    for (int a = 0; a < 2; a++) {
      s->classes[c].rows[a].value = value;
      value += s->classes[c].rows[a].rays * s->classes[c].rows[a].stride;
    }
  }
  pcn_parallel_for(ctx, planes, fill_task, s);
  return PENCONE_OK;
}

// --- where dose is wanted ----------------------------------------------------------------------

// Cells around the box of voxels: one more than its corners reach, for the interpolation.
static void find_bounds(pcn_spot_layer *s) {
  const pcn_rays *rays = &s->layer.engine->rays;
  const pencone_grid *g = &s->box->grid;
  for (int a = 0; a < 3; a++) {
    s->bounds[a][0] = rays->cell[a].count;
    s->bounds[a][1] = 0;
  }
  for (int corner = 0; corner < 8; corner++) {
    const pcn_vec3 p = pcn_rays_project(rays, pcn_grid_corner(g, corner, 0));
    const double q[3] = {p.x, p.y, p.z};
    for (int a = 0; a < 3; a++) {
      const double at = (q[a] - rays->cell[a].first) / rays->cell[a].step, most = (double)rays->cell[a].count;
      const int64_t low = (int64_t)fmin(fmax(floor(at - 1e-6), 0), most);
      const int64_t high = (int64_t)fmin(fmax(ceil(at + 1e-6) + 1, 0), most);
      s->bounds[a][0] = low < s->bounds[a][0] ? low : s->bounds[a][0];
      s->bounds[a][1] = high > s->bounds[a][1] ? high : s->bounds[a][1];
    }
  }
}

// 1 unless every voxel of the box is a cell, but for the planes in between.
static int between_cells(const pcn_rays *rays) {
  const pcn_vec3 e[3] = {rays->frame.ex, rays->frame.ey, rays->frame.ez};
  for (int a = 0; a < 3; a++) {
    if (fmax(fabs(e[a].x), fmax(fabs(e[a].y), fabs(e[a].z))) < 1 - 1e-12) {
      return 1;
    }
  }
  return 0;
}

static pencone_status make_scratch(pencone_context *ctx, pcn_spot_layer *s) {
  const pcn_rays *rays = &s->layer.engine->rays;
  const size_t image = (size_t)image_room(rays), lines = (size_t)pcn_plane_scratch(rays),
               row = (size_t)(s->box->grid.size[0] + PCN_SIFT_LANES);
  s->scratch = pcn_calloc(ctx, (size_t)s->threads, sizeof *s->scratch);
  for (int t = 0; s->scratch != NULL && t < s->threads; t++) {
    pcn_spot_scratch *one = &s->scratch[t];
    atomic_flag_clear(&one->taken);
    one->plane = pcn_alloc(ctx, (size_t)rays->cell[2].count, sizeof *one->plane);
    one->spread = pcn_alloc(ctx, (size_t)(rays->ray[0].count + rays->ray[1].count), sizeof *one->spread);
    one->weight = pcn_alloc(ctx, 2 * image + lines + 2 * row, sizeof *one->weight);
    one->range = pcn_alloc(ctx, (size_t)(s->box->grid.size[1] * s->box->grid.size[2]), sizeof *one->range);
    if (one->plane == NULL || one->spread == NULL || one->weight == NULL || one->range == NULL) {
      return PENCONE_E_MEMORY;
    }
    one->image = one->weight + image;
    one->lines = one->image + image;
    one->row = one->lines + lines;
    one->between = one->row + row;
  }
  return s->scratch != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

// What all layers of the beam need alike.
static pencone_status make_room(pencone_context *ctx, pcn_spot_layer *s) {
  const pcn_rays *rays = &s->layer.engine->rays;
  const size_t planes = (size_t)rays->cell[2].count, rows = planes * PARTS;
  s->low = pcn_alloc(ctx, rows + 1, sizeof *s->low);
  s->high = pcn_alloc(ctx, rows + 1, sizeof *s->high);
  s->first = pcn_alloc(ctx, rows + 1, sizeof *s->first);
  s->most = pcn_alloc(ctx, planes + 1, sizeof *s->most);
  s->image = pcn_alloc(ctx, (size_t)image_room(rays) * (size_t)s->threads, sizeof *s->image);
  if (s->low == NULL || s->high == NULL || s->first == NULL || s->most == NULL || s->image == NULL) {
    return PENCONE_E_MEMORY;
  }
  PCN_TRY(pcn_depth_dose_make(ctx, s->layer.engine, s->box, &s->dose));
  return make_scratch(ctx, s);
}

pencone_status pcn_spot_layer_make(pencone_context *ctx, const pcn_proton_beam *engine, const pcn_box *box,
                                   const pcn_spot_options *options, pcn_spot_layer *out) {
  memset(out, 0, sizeof *out);
  out->box = box;
  out->threshold = options->threshold;
  out->sift = options->sift;
  out->between = between_cells(&engine->rays);
  out->threads = pencone_context_threads(ctx);
  out->ratio = engine->quantity == PENCONE_DOSE_TO_WATER ? 1 : engine->ratio_most;
  pencone_status status = pcn_layer_make(ctx, engine, &out->layer);
  if (status == PENCONE_OK) {
    find_bounds(out);
    status = make_room(ctx, out);
  }
  if (status != PENCONE_OK) {
    pcn_spot_layer_free(out);
  }
  return status;
}

pencone_status pcn_spot_layer_set(pencone_context *ctx, int index, pcn_spot_layer *layer) {
  const pcn_proton_beam *engine = layer->layer.engine;
  mark(layer, &engine->beam->layers[index], engine->energy[index].lattice_mm2, layer->scratch[0].spread);
  pcn_layer_walk(ctx, &layer->layer, index);
  pcn_depth_dose_set(&layer->dose, &layer->layer);
  return make_classes(ctx, layer);
}

void pcn_spot_layer_free(pcn_spot_layer *layer) {
  for (int t = 0; layer->scratch != NULL && t < layer->threads; t++) {
    pcn_free(layer->scratch[t].plane);
    pcn_free(layer->scratch[t].spread);
    pcn_free(layer->scratch[t].weight);
    pcn_free(layer->scratch[t].range);
    pcn_free(layer->scratch[t].cells);
  }
  pcn_free(layer->scratch);
  pcn_free(layer->low);
  pcn_free(layer->high);
  pcn_free(layer->first);
  pcn_free(layer->most);
  pcn_free(layer->image);
  pcn_free(layer->classes);
  pcn_free(layer->shares);
  pcn_depth_dose_free(&layer->dose);
  pcn_layer_free(&layer->layer);
  memset(layer, 0, sizeof *layer);
}

// SPDX-License-Identifier: Apache-2.0
#include "photon/cone_beamlet.h"

#include "base/base.h"
#include <math.h>
#include <string.h>

// --- neighbourhood -----------------------------------------------------------------------------

// Distances from the source, along the beam's axis, between which a grid lies.
static void find_span(const pencone_grid *grid, const pcn_frame *f, double span[2]) {
  span[0] = INFINITY;
  span[1] = -INFINITY;
  for (int corner = 0; corner < 8; corner++) {
    double xyz[3];
    pencone_grid_centre(grid, corner & 1 ? grid->size[0] - 1 : 0, corner & 2 ? grid->size[1] - 1 : 0,
                        corner & 4 ? grid->size[2] - 1 : 0, xyz);
    const double z = pcn_v3_dot(pcn_v3_sub(pcn_v3_from(xyz), f->source), f->ez);
    span[0] = fmin(span[0], z);
    span[1] = fmax(span[1], z);
  }
}

// The box around all that a bixel, made wider by the margin, sees of the grid: its own rays from their entry on.
static void neighbourhood(const pencone_beam *bixel, const pencone_grid *grid, double margin_mm, pcn_box *out) {
  const pcn_frame f = pcn_beam_frame(bixel);
  double span[2], low[3] = {INFINITY, INFINITY, INFINITY}, high[3] = {-INFINITY, -INFINITY, -INFINITY};
  find_span(grid, &f, span);
  for (int corner = 0; corner < 8; corner++) {
    const double z = fmax(span[corner >> 2], 0), scale = z / f.sad_mm;
    const int right = corner & 1, top = (corner >> 1) & 1;
    const double x = bixel->field_x_mm[right] * scale + (right ? margin_mm : -margin_mm);
    const double y = bixel->field_y_mm[top] * scale + (top ? margin_mm : -margin_mm);
    pcn_vec3 p = pcn_v3_add(f.source, pcn_v3_scale(f.ez, z));
    p = pcn_v3_add(p, pcn_v3_add(pcn_v3_scale(f.ex, x), pcn_v3_scale(f.ey, y)));
    for (int a = 0; a < 3; a++) {
      low[a] = fmin(low[a], pcn_v3_component(p, a));
      high[a] = fmax(high[a], pcn_v3_component(p, a));
    }
  }
  out->grid = *grid;
  for (int a = 0; a < 3; a++) {
    const double h = grid->spacing_mm[a], last = (double)(grid->size[a] - 1);
    const double first = margin_mm > 0 ? floor((low[a] - grid->origin_mm[a]) / h) : 0;
    const double end = margin_mm > 0 ? ceil((high[a] - grid->origin_mm[a]) / h) : last;
    out->first[a] = (int64_t)fmin(fmax(first, 0), last);
    out->grid.size[a] = (int64_t)fmax(fmin(end, last), (double)out->first[a]) - out->first[a] + 1;
    out->grid.origin_mm[a] += h * (double)out->first[a];
  }
}

static void copy(const pencone_grid *from, const float *value, const pcn_box *box, float *out) {
  const int64_t *n = box->grid.size;
  for (int64_t row = 0; row < n[1] * n[2]; row++) {
    const int64_t j = row % n[1] + box->first[1], k = row / n[1] + box->first[2];
    memcpy(out + row * n[0], value + (k * from->size[1] + j) * from->size[0] + box->first[0], (size_t)n[0] * sizeof *out);
  }
}

static pencone_status crop(pencone_context *ctx, const pcn_medium *whole, const pcn_box *box, pcn_medium *out) {
  const size_t voxels = pencone_grid_voxels(&box->grid);
  memset(out, 0, sizeof *out);
  out->grid = box->grid;
  out->densest = whole->densest;
  out->has_aluminium = whole->has_aluminium;
  out->density = pcn_alloc(ctx, voxels, sizeof *out->density);
  out->electron_density = pcn_alloc(ctx, voxels, sizeof *out->electron_density);
  out->aluminium = pcn_alloc(ctx, voxels, sizeof *out->aluminium);
  if (out->density == NULL || out->electron_density == NULL || out->aluminium == NULL) {
    pcn_medium_free(out);
    return PENCONE_E_MEMORY;
  }
  copy(&whole->grid, whole->density, box, out->density);
  copy(&whole->grid, whole->electron_density, box, out->electron_density);
  copy(&whole->grid, whole->aluminium, box, out->aluminium);
  return PENCONE_OK;
}

// --- one bixel ---------------------------------------------------------------------------------

// What of the neighbourhood's dose lies where dose is wanted.
static pencone_status append(pencone_context *ctx, const pcn_box *near, const float *dose, const pcn_box *wanted,
                             pcn_column *out) {
  int64_t low[3], high[3]; // in voxels of the whole grid
  for (int a = 0; a < 3; a++) {
    const int64_t end = near->first[a] + near->grid.size[a], last = wanted->first[a] + wanted->grid.size[a];
    low[a] = near->first[a] > wanted->first[a] ? near->first[a] : wanted->first[a];
    high[a] = end < last ? end : last;
  }
  const int64_t n = high[0] - low[0];
  for (int64_t k = low[2]; k < high[2] && n > 0 && high[1] > low[1]; k++) {
    PCN_TRY(pcn_column_reserve(ctx, out, n * (high[1] - low[1])));
    for (int64_t j = low[1]; j < high[1]; j++) {
      const int64_t from = ((k - near->first[2]) * near->grid.size[1] + j - near->first[1]) * near->grid.size[0] +
                           low[0] - near->first[0];
      const int64_t to = ((k - wanted->first[2]) * wanted->grid.size[1] + j - wanted->first[1]) * wanted->grid.size[0] +
                         low[0] - wanted->first[0];
      for (int64_t i = 0; i < n; i++) {
        out->voxel[out->count] = (int32_t)(to + i);
        out->value[out->count++] = dose[from + i];
      }
    }
  }
  return PENCONE_OK;
}

static pencone_beam bixel_of(const pencone_beam *beam, const double centre_mm[2]) {
  pencone_beam bixel = *beam;
  bixel.fluence_per_cm2 = 1;
  for (int side = 0; side < 2; side++) {
    const double half = side == 0 ? -0.5 : 0.5;
    bixel.field_x_mm[side] = centre_mm[0] + half * beam->bixel_mm[0];
    bixel.field_y_mm[side] = centre_mm[1] + half * beam->bixel_mm[1];
  }
  return bixel;
}

static pencone_status calculate(pencone_context *ctx, const pcn_cone_beamlets *b, const double centre_mm[2],
                                double margin_mm, pcn_column *out) {
  const pencone_beam bixel = bixel_of(b->engine->beam, centre_mm);
  const double progress[2] = {0, 0};
  pcn_collapsed_cone engine = *b->engine;
  pcn_medium medium;
  pcn_box near;
  neighbourhood(&bixel, &b->engine->medium->grid, margin_mm, &near);
  PCN_TRY(crop(ctx, b->engine->medium, &near, &medium));
  float *dose = pcn_calloc(ctx, pencone_grid_voxels(&near.grid), sizeof *dose);
  pencone_status status = dose != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  engine.medium = &medium;
  engine.beam = &bixel;
  if (status == PENCONE_OK) {
    float *const all[2] = {dose, NULL};
    status = pcn_collapsed_cone_add(ctx, &engine, all, progress);
  }
  if (status == PENCONE_OK) {
    status = append(ctx, &near, dose, b->box, out);
  }
  pcn_free(dose);
  pcn_medium_free(&medium);
  return status;
}

static double sum_of(const pcn_column *c) {
  double sum = 0;
  for (int64_t i = 0; i < c->count; i++) {
    sum += (double)c->value[i];
  }
  return sum;
}

pencone_status pcn_cone_beamlet(pencone_context *ctx, const pcn_cone_beamlets *b, const double centre_mm[2],
                                pcn_column *out) {
  PCN_TRY(calculate(ctx, b, centre_mm, b->margin_mm, out));
  out->beyond = b->beyond > 0 ? b->beyond * sum_of(out) : 0;
  return PENCONE_OK;
}

// --- what the bixels share ---------------------------------------------------------------------

// Centre of the bixel in the middle of the field.
static void middle_of(const pencone_beam *beam, double centre_mm[2]) {
  const double *field[2] = {beam->field_x_mm, beam->field_y_mm};
  for (int a = 0; a < 2; a++) {
    const double bixels = round((field[a][1] - field[a][0]) / beam->bixel_mm[a]);
    centre_mm[a] = field[a][0] + beam->bixel_mm[a] * (floor(0.5 * bixels) + 0.5);
  }
}

uint64_t pcn_cone_beamlets_bytes(const pencone_beam *beam, const pencone_grid *medium, double margin_mm) {
  double centre_mm[2];
  pcn_box near;
  middle_of(beam, centre_mm);
  const pencone_beam bixel = bixel_of(beam, centre_mm);
  neighbourhood(&bixel, medium, margin_mm, &near);
  return pcn_collapsed_cone_bytes(&near.grid, 1) + 4 * sizeof(float) * (uint64_t)pencone_grid_voxels(&near.grid);
}

pencone_status pcn_cone_beamlets_make(pencone_context *ctx, const pcn_collapsed_cone *engine, const pcn_box *box,
                                      double margin_mm, pcn_cone_beamlets *out) {
  memset(out, 0, sizeof *out);
  out->engine = engine;
  out->box = box;
  out->margin_mm = margin_mm;
  if (margin_mm == 0) {
    return PENCONE_OK;
  }
  double centre_mm[2], sum[2];
  pcn_quota quota = {.limit = 0};
  pcn_column column = {.quota = &quota};
  atomic_init(&quota.used, 0);
  middle_of(engine->beam, centre_mm);
  pencone_status status = PENCONE_OK;
  for (int whole = 0; whole < 2 && status == PENCONE_OK; whole++) {
    column.count = 0;
    status = calculate(ctx, out, centre_mm, whole ? 0 : margin_mm, &column);
    sum[whole] = sum_of(&column);
  }
  if (status == PENCONE_OK && sum[0] > 0) {
    out->beyond = fmax(0, sum[1] / sum[0] - 1);
  }
  pcn_column_free(&column);
  return status;
}

// SPDX-License-Identifier: Apache-2.0
// One working copy each of density and dose serves both orientations: it is turned between them, slice by
// slice (docs/theory/ccc.md, "Speed").
#include "photon/layout.h"

#include <string.h>

#include "base/base.h"
#include "simd/cone_row.h"

static pencone_status for_slices(pencone_context *ctx, const pcn_layout *l, pcn_task task, void *work,
                                 double progress) {
  return pcn_parallel_for_progress(ctx, (size_t)l->medium->grid.size[2], task, work, progress, 0,
                                   "superposition");
}

// --- turning -----------------------------------------------------------------------------------

/// A slice of rows of lanes, and its turned copy: row j, lane i becomes row i, lane j.
typedef struct turn {
  const float *from;
  float *to;
  int64_t rows, lanes;  ///< of from
  int64_t row[2];       ///< floats from row to row, of from and to
} turn;

static void turn_slice(const turn *t) {
  enum { TILE = 32 };
  for (int64_t jj = 0; jj < t->rows; jj += TILE) {
    const int64_t j_end = jj + TILE < t->rows ? jj + TILE : t->rows;
    for (int64_t ii = 0; ii < t->lanes; ii += TILE) {
      const int64_t i_end = ii + TILE < t->lanes ? ii + TILE : t->lanes;
      for (int64_t i = ii; i < i_end; i++) {
        for (int64_t j = jj; j < j_end; j++) {
          t->to[i * t->row[1] + j] = t->from[j * t->row[0] + i];
        }
      }
    }
  }
}

// Rows are lane_axis's: vacuum behind the last lane.
static void pad_rows(float *slice, int64_t rows, int64_t lanes) {
  const int64_t row = pcn_cone_padded(lanes);
  for (int64_t j = 0; j < rows; j++) {
    memset(slice + j * row + lanes, 0, (size_t)(row - lanes) * sizeof *slice);
  }
}

static void lay_density(const pcn_layout *l, int lane_axis, int64_t k) {
  const int64_t *n = l->medium->grid.size;
  const float *from = l->medium->electron_density + k * n[0] * n[1];
  float *to = l->electron_density + k * l->slice;
  if (lane_axis == 1) {
    const turn t = {from, to, n[1], n[0], {n[0], pcn_cone_padded(n[1])}};
    turn_slice(&t);
  } else {
    for (int64_t j = 0; j < n[1]; j++) {
      memcpy(to + j * pcn_cone_padded(n[0]), from + j * n[0], (size_t)n[0] * sizeof *to);
    }
  }
  pad_rows(to, n[1 - lane_axis], n[lane_axis]);
}

// In place, by a copy of the slice.
static void turn_in_place(float *slice, float *copy, int64_t rows, int64_t lanes, const int64_t row[2]) {
  memcpy(copy, slice, (size_t)(rows * row[0]) * sizeof *copy);
  const turn t = {copy, slice, rows, lanes, {row[0], row[1]}};
  turn_slice(&t);
}

typedef struct turn_work {
  const pcn_layout *layout;
  int lane_axis;
} turn_work;

static void turn_task(void *work, size_t k, int worker) {
  const turn_work *w = work;
  const pcn_layout *l = w->layout;
  const int64_t *n = l->medium->grid.size, lanes = n[l->lane_axis], rows = n[1 - l->lane_axis];
  float *copy = l->turning + (int64_t)worker * l->slice, *dose = l->dose + (int64_t)k * l->slice;
  lay_density(l, w->lane_axis, (int64_t)k);
  if (!l->has_dose) {
    memset(dose, 0, (size_t)l->slice * sizeof *dose);
  } else if (w->lane_axis != l->lane_axis) {
    const int64_t row[2] = {pcn_cone_padded(lanes), pcn_cone_padded(rows)};
    turn_in_place(dose, copy, rows, lanes, row);
  }
  if (w->lane_axis != l->lane_axis && (int64_t)k >= l->terma->low[2] && (int64_t)k < l->terma->high[2]) {
    float *const release[PCN_RELEASES] = {l->terma->part[PCN_PRIMARY], l->terma->part[PCN_SCATTER],
                                          l->of_aluminium};
    const int64_t row[2] = {lanes, rows};
    for (int r = 0; r < PCN_RELEASES; r++) {
      if (release[r] != NULL) {
        turn_in_place(release[r] + (int64_t)k * rows * lanes, copy, rows, lanes, row);
      }
    }
  }
}

pencone_status pcn_layout_turn(pencone_context *ctx, pcn_layout *layout, int lane_axis, double progress) {
  if (layout->has_dose && layout->lane_axis == lane_axis) {
    return PENCONE_OK;
  }
  turn_work work = {layout, lane_axis};
  PCN_TRY(for_slices(ctx, layout, turn_task, &work, progress));
  layout->lane_axis = lane_axis;
  layout->has_dose = 1;
  return PENCONE_OK;
}

/// The box of the dose that is wanted, and where it goes.
typedef struct dose_work {
  const pcn_layout *layout;
  const int64_t *low, *high;
  float *out;
} dose_work;

static void dose_task(void *work, size_t k, int worker) {
  (void)worker;
  const dose_work *w = work;
  const pcn_layout *l = w->layout;
  const int64_t *n = l->medium->grid.size, *low = w->low, *high = w->high;
  float *out = w->out + (int64_t)k * n[0] * n[1];
  const float *dose = l->dose + (int64_t)k * l->slice;
  memset(out, 0, (size_t)(n[0] * n[1]) * sizeof *out);
  for (int64_t j = low[1]; j < high[1] && (int64_t)k >= low[2] && (int64_t)k < high[2]; j++) {
    memcpy(out + j * n[0] + low[0], dose + j * pcn_cone_padded(n[0]) + low[0],
           (size_t)(high[0] - low[0]) * sizeof *out);
  }
}

pencone_status pcn_layout_dose(pencone_context *ctx, const pcn_layout *layout, const int64_t low[3],
                               const int64_t high[3], double progress, float *out) {
  dose_work work = {layout, low, high, out};
  return for_slices(ctx, layout, dose_task, &work, progress);
}

// --- what is released --------------------------------------------------------------------------

static void widen(pcn_lanes *lanes, int64_t first, int64_t last) {
  const int32_t a = (int32_t)first, b = (int32_t)last;
  const int empty = lanes->last <= lanes->first;
  lanes->first = empty || a < lanes->first ? a : lanes->first;
  lanes->last = empty || b > lanes->last ? b : lanes->last;
}

// Lanes of both orientations in one slice, and the share of aluminium.
static void scan_task(void *work, size_t k, int worker) {
  (void)worker;
  const pcn_layout *l = work;
  const int64_t *n = l->medium->grid.size;
  const size_t start = k * (size_t)(n[0] * n[1]);
  const float *primary = l->terma->part[PCN_PRIMARY] + start;
  pcn_lanes *along_x = l->lanes[0] + (int64_t)k * n[1], *along_y = l->lanes[1] + (int64_t)k * n[0];
  memset(along_x, 0, (size_t)n[1] * sizeof *along_x);
  memset(along_y, 0, (size_t)n[0] * sizeof *along_y);
  if (l->of_aluminium != NULL) {
    memset(l->of_aluminium + start, 0, (size_t)(n[0] * n[1]) * sizeof *l->of_aluminium);
  }
  const int64_t *low = l->terma->low, *high = l->terma->high;
  const int none = (int64_t)k < low[2] || (int64_t)k >= high[2];
  for (int64_t j = low[1]; j < high[1] && !none; j++) {
    for (int64_t i = low[0]; i < high[0]; i++) {
      const size_t at = (size_t)(j * n[0] + i);
      if (primary[at] > 0) {
        widen(&along_x[j], i, i + 1);
        widen(&along_y[i], j, j + 1);
        if (l->of_aluminium != NULL) {
          l->of_aluminium[start + at] = primary[at] * pcn_medium_aluminium_share(l->medium, start + at);
        }
      }
    }
  }
}

// --- memory ------------------------------------------------------------------------------------

static int64_t slice_floats(const pencone_grid *grid) {
  const int64_t *n = grid->size, x = n[1] * pcn_cone_padded(n[0]), y = n[0] * pcn_cone_padded(n[1]);
  return x > y ? x : y;
}

// Floats of the work block, in the order in which it is shared out.
typedef struct shares {
  size_t volume, aluminium, lanes[2], turning;
} shares;

static shares shares_of(const pencone_grid *grid, int has_aluminium, int threads) {
  const int64_t *n = grid->size;
  const shares s = {
      .volume = (size_t)(n[2] * slice_floats(grid)),
      .aluminium = has_aluminium ? (size_t)pcn_cone_padded(n[0] * n[1] * n[2]) : 0,
      .lanes = {(size_t)pcn_cone_padded(2 * n[1] * n[2]), (size_t)pcn_cone_padded(2 * n[0] * n[2])},
      .turning = (size_t)threads * (size_t)slice_floats(grid)};
  return s;
}

static size_t floats_of(const shares *s) {
  return 2 * s->volume + s->aluminium + s->lanes[0] + s->lanes[1] + s->turning;
}

uint64_t pcn_layout_bytes(const pencone_grid *grid, int threads) {
  const shares s = shares_of(grid, 1, threads);
  return (uint64_t)floats_of(&s) * sizeof(float);
}

void pcn_layout_free(pcn_layout *layout) {
  pcn_free(layout->work);
  memset(layout, 0, sizeof *layout);
}

pencone_status pcn_layout_make(pencone_context *ctx, const pcn_medium *medium, pcn_terma *terma,
                               double progress, pcn_layout *out) {
  const pencone_grid *grid = &medium->grid;
  const shares s = shares_of(grid, medium->has_aluminium, pencone_context_threads(ctx));
  memset(out, 0, sizeof *out);
  out->medium = medium;
  out->terma = terma;
  out->slice = slice_floats(grid);
  out->work = pcn_alloc(ctx, floats_of(&s), sizeof *out->work);
  if (out->work == NULL) {
    return PENCONE_E_MEMORY;
  }
  out->electron_density = out->work;
  out->dose = out->electron_density + s.volume;
  out->of_aluminium = s.aluminium > 0 ? out->dose + s.volume : NULL;
  out->turning = out->dose + s.volume + s.aluminium;
  out->lanes[0] = (pcn_lanes *)(void *)(out->turning + s.turning);
  out->lanes[1] = (pcn_lanes *)(void *)(out->turning + s.turning + s.lanes[0]);
  const pencone_status status = for_slices(ctx, out, scan_task, out, progress);
  if (status != PENCONE_OK) {
    pcn_layout_free(out);
  }
  return status;
}

// --- views -------------------------------------------------------------------------------------

pcn_view pcn_layout_view(const pcn_layout *layout, int main_axis) {
  const int64_t *n = layout->medium->grid.size;
  static const int order[3][3] = {{0, 2, 1}, {1, 2, 0}, {2, 1, 0}};  // plane, row, lane
  pcn_view v = {.electron_density = layout->electron_density, .dose = layout->dose};
  for (int a = 0; a < 3; a++) {
    v.axis[a] = order[main_axis][a];
    v.size[a] = n[v.axis[a]];
  }
  const int lane_axis = v.axis[2], slice_is = main_axis == 2 ? 0 : 1;  // z counts planes or rows
  const int64_t rows = n[1 - lane_axis];
  v.stride[slice_is] = layout->slice;
  v.stride[1 - slice_is] = pcn_cone_padded(v.size[2]);
  v.release_stride[slice_is] = n[0] * n[1];
  v.release_stride[1 - slice_is] = v.size[2];
  v.lanes_stride[slice_is] = rows;
  v.lanes_stride[1 - slice_is] = 1;
  v.lanes = layout->lanes[lane_axis];
  v.release[PCN_PRIMARY] = layout->terma->part[PCN_PRIMARY];
  v.release[PCN_SCATTER] = layout->terma->part[PCN_SCATTER];
  v.release[PCN_OF_ALUMINIUM] = layout->of_aluminium;
  return v;
}

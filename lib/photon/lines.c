// SPDX-License-Identifier: Apache-2.0
// Planes are taken some at a time, and rows of lines some at a time, so that the voxels in between stay in the cache
// for all directions of a group (docs/theory/ccc.md, "Speed").
#include "photon/lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef XP
#define XP 8
#define XR 8
#endif
enum { PLANES = XP, ROWS = XR, B = PCN_CONE_BLOCK };

// --- memory ------------------------------------------------------------------------------------

static int64_t padded(int64_t n) {
  return (n + B - 1) / B * B;
}

static int64_t longest_axis(const pencone_grid *grid) {
  int64_t n = grid->size[0];
  for (int a = 1; a < 3; a++) {
    n = grid->size[a] > n ? grid->size[a] : n;
  }
  return n;
}

static void set_sizes(const pencone_grid *grid, pcn_march_memory *out) {
  const int64_t n = longest_axis(grid);
  out->slots = n + 2 * PLANES;
  out->window = padded(n) + padded(2 * PLANES) + 2 * B; // the lanes, their shift in PLANES planes, zeros
  out->scratch_floats = 2 * PCN_RELEASES * padded(n);
}

static int64_t state_floats(const pcn_march_memory *m) {
  return m->slots * PCN_EXPONENTIALS * m->window;
}

uint64_t pcn_march_bytes(const pencone_grid *grid, int threads) {
  pcn_march_memory m;
  set_sizes(grid, &m);
  const uint64_t course = (uint64_t)state_floats(&m) * sizeof(float) + (uint64_t)m.slots * sizeof(pcn_line_row) +
                          2 * (uint64_t)longest_axis(grid) * sizeof(int32_t);
  return PCN_GROUP * course + (uint64_t)threads * (uint64_t)m.scratch_floats * sizeof(float);
}

void pcn_march_free(pcn_march_memory *memory) {
  pcn_free(memory->shift);
  pcn_free(memory->lines);
  pcn_free(memory->state);
  pcn_free(memory->scratch);
  memset(memory, 0, sizeof *memory);
}

pencone_status pcn_march_make(pencone_context *ctx, const pencone_grid *grid, pcn_march_memory *out) {
  memset(out, 0, sizeof *out);
  set_sizes(grid, out);
  const size_t planes = (size_t)longest_axis(grid), threads = (size_t)pencone_context_threads(ctx);
  out->shift = pcn_alloc(ctx, PCN_GROUP * 2 * planes, sizeof *out->shift);
  out->lines = pcn_alloc(ctx, PCN_GROUP * (size_t)out->slots, sizeof *out->lines);
  out->state = pcn_alloc(ctx, PCN_GROUP * (size_t)state_floats(out), sizeof *out->state);
  out->scratch = pcn_alloc(ctx, threads * (size_t)out->scratch_floats, sizeof *out->scratch);
  if (out->shift == NULL || out->lines == NULL || out->state == NULL || out->scratch == NULL) {
    pcn_march_free(out);
    return PENCONE_E_MEMORY;
  }
  for (int g = 0; g < PCN_GROUP; g++) {
    out->course[g].shift[0] = out->shift + 2 * (size_t)g * planes;
    out->course[g].shift[1] = out->course[g].shift[0] + planes;
  }
  return PENCONE_OK;
}

// --- a row of lines ----------------------------------------------------------------------------

/// A row of lines at work.
typedef struct walker {
  const pcn_march *march;
  const pcn_course *course;
  pcn_line_row *line;
  float *state;   ///< of line 0 in the first exponential
  float *scratch; ///< weights, and a copy of a row of releases
} walker;

static void clear(const walker *w, int64_t from, int64_t to) {
  for (int k = 0; k < PCN_EXPONENTIALS && to > from; k++) {
    memset(w->state + k * w->march->memory->window + from, 0, (size_t)(to - from) * sizeof(float));
  }
}

// Takes lines from..to among those that carry energy.
static void cover(const walker *w, int64_t from, int64_t to) {
  pcn_line_row *line = w->line;
  if (line->high <= line->low) {
    clear(w, from - B, to + B);
    line->low = (int32_t)from;
    line->high = (int32_t)to;
    return;
  }
  if (from < line->low) {
    clear(w, from - B, line->low - B);
    line->low = (int32_t)from;
  }
  if (to > line->high) {
    clear(w, line->high + B, to + B);
    line->high = (int32_t)to;
  }
}

static pcn_cone_row row_at(const walker *w, int64_t plane, int64_t row, int64_t shift, const int64_t lanes[2]) {
  const pcn_view *v = &w->march->view;
  const int64_t offset = plane * v->stride[0] + row * v->stride[1] + lanes[0];
  pcn_cone_row r = {.n = (size_t)(lanes[1] - lanes[0]),
                    .electron_density = v->electron_density + offset,
                    .dose = v->dose + offset};
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
    r.state[k] = w->state + k * w->march->memory->window + lanes[0] - shift;
  }
  return r;
}

static void transport(const walker *w, int64_t plane, int64_t row, int64_t shift, int64_t first, int64_t last) {
  if (last > first) {
    const int64_t lanes[2] = {first, last};
    const pcn_cone_row r = row_at(w, plane, row, shift, lanes);
    w->march->isa->transport(&w->course->step, &r);
  }
}

// Weights of the lanes that there are; 0 in the padding, where release[] is the next row's.
static void fill_weights(const walker *w, int64_t plane, int64_t row, const int64_t lanes[2],
                         float *const weight[PCN_RELEASES]) {
  const int64_t last = lanes[1] < w->march->view.size[2] ? lanes[1] : w->march->view.size[2];
  float at[3], step[3];
  for (int i = 0; i < 3; i++) {
    const double *t = w->course->tilt[i];
    at[i] = (float)(t[0] + (double)plane * t[1] + (double)row * t[2] + (double)lanes[0] * t[3]);
    step[i] = (float)t[3];
  }
  const pcn_tilt_line line = {at[0], at[1], at[2], step[0], step[1], step[2]};
  w->march->isa->tilt(&w->course->table, &line, (size_t)(last - lanes[0]), weight);
  for (int r = 0; r < PCN_RELEASES && lanes[1] > last; r++) {
    memset(weight[r] + (last - lanes[0]), 0, (size_t)(lanes[1] - last) * sizeof(float));
  }
}

static void source(const walker *w, int64_t plane, int64_t row, int64_t shift, const int64_t lanes[2]) {
  const pcn_view *v = &w->march->view;
  const int64_t length = w->march->memory->scratch_floats / (2 * PCN_RELEASES);
  float *weight[PCN_RELEASES];
  for (int i = 0; i < PCN_RELEASES; i++) {
    weight[i] = w->scratch + i * length;
  }
  fill_weights(w, plane, row, lanes, weight);
  pcn_cone_row r = row_at(w, plane, row, shift, lanes);
  const int64_t release = plane * v->release_stride[0] + row * v->release_stride[1];
  const int64_t over = lanes[1] - v->size[2]; // the last row of all has no row behind it to be read
  const int at_end = over > 0 && plane == v->size[0] - 1 && row == v->size[1] - 1;
  for (int i = 0; i < PCN_RELEASES; i++) {
    r.weight[i] = weight[i];
    r.release[i] = v->release[i] != NULL ? v->release[i] + release + lanes[0] : NULL;
    if (at_end && r.release[i] != NULL) {
      float *copy = w->scratch + (PCN_RELEASES + i) * length;
      memcpy(copy, r.release[i], (size_t)(v->size[2] - lanes[0]) * sizeof *copy);
      memset(copy + v->size[2] - lanes[0], 0, (size_t)over * sizeof *copy);
      r.release[i] = copy;
    }
  }
  w->march->isa->source(&w->course->step, &r);
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b) {
  return a > b ? a : b;
}

// One plane for one row of lines: released energy joins in the field, the rest is carried on.
static void step_row(const walker *w, int64_t plane, int64_t row, int64_t shift) {
  const pcn_march *m = w->march;
  const pcn_lanes field = m->view.lanes[plane * m->view.lanes_stride[0] + row * m->view.lanes_stride[1]];
  const int64_t least_lane = m->low[2] / B * B, lanes = padded(m->high[2]);
  const int64_t first = most(field.first, least_lane), last = least(field.last, lanes);
  int64_t low = 0, high = 0;
  if (w->line->high > w->line->low) {
    low = most(w->line->low + shift, least_lane) / B * B;
    high = least(padded(most(w->line->high + shift, 0)), lanes);
  }
  if (last <= first) {
    transport(w, plane, row, shift, low, high);
    return;
  }
  const int64_t inside[2] = {first, last};
  cover(w, first - shift, last - shift);
  transport(w, plane, row, shift, low, least(high, first));
  source(w, plane, row, shift, inside);
  transport(w, plane, row, shift, most(low, last), high);
}

// --- planes ------------------------------------------------------------------------------------

/// Some planes for some rows of lines.
typedef struct block_work {
  const pcn_march *march;
  int64_t first, last; ///< planes, counted from that of entry
  int64_t first_task, tasks_apart;
} block_work;

// Empties memory that was another row's; moves the window to where the lanes are now.
static void enter(const walker *w, int64_t row, int64_t shift) {
  pcn_line_row *line = w->line;
  if (line->row != row || line->high <= line->low) {
    line->row = row;
    line->low = line->high = 0;
  } else {
    const int64_t by = line->base - shift, lanes = padded(w->march->view.size[2]);
    const int64_t low = most(line->low, -shift), high = least(line->high, lanes - shift);
    for (int k = 0; k < PCN_EXPONENTIALS && by != 0 && high > low; k++) {
      float *to = w->state + k * w->march->memory->window + low - B;
      memmove(to, to + by, (size_t)(high - low + 2 * B) * sizeof *to);
    }
    line->low = (int32_t)low;
    line->high = (int32_t)most(low, high);
  }
  line->base = (int32_t)shift;
}

static void march_row(const block_work *b, walker *w, int64_t line_row) {
  const pcn_march *m = b->march;
  const pcn_march_memory *memory = m->memory;
  const pcn_course *c = w->course;
  const int64_t g = c - memory->course, slot = (line_row % memory->slots + memory->slots) % memory->slots;
  const int64_t start = c->shift[1][b->first];
  w->line = memory->lines + g * memory->slots + slot;
  w->state = memory->state + (g * memory->slots + slot) * PCN_EXPONENTIALS * memory->window + B + PLANES + start;
  enter(w, line_row, start);
  for (int64_t p = b->first; p < b->last; p++) {
    const int64_t plane = m->backwards ? m->view.size[0] - 1 - p : p, row = line_row + c->shift[0][p];
    if (plane >= m->low[0] && plane < m->high[0] && row >= m->low[1] && row < m->high[1]) {
      step_row(w, plane, row, c->shift[1][p]);
    }
  }
}

static void block_task(void *work, size_t index, int worker) {
  const block_work *b = work;
  const pcn_march *m = b->march;
  walker w = {.march = m, .scratch = m->memory->scratch + worker * m->memory->scratch_floats};
  const int64_t row = (b->first_task + (int64_t)index * b->tasks_apart) * ROWS;
  for (int g = 0; g < m->count; g++) {
    w.course = &m->memory->course[g];
    const int64_t middle = w.course->shift[0][(b->first + b->last) / 2];
    for (int i = 0; i < ROWS; i++) {
      march_row(b, &w, row + i - middle);
    }
  }
}

pencone_status pcn_march_run(pencone_context *ctx, const pcn_march *march, const double progress[2]) {
  const int64_t planes = march->view.size[0], blocks = (planes + PLANES - 1) / PLANES;
  const int64_t fringe = (PLANES + ROWS - 1) / ROWS; // rows that shift into the grid within the planes of a block
  const int64_t tasks = (march->view.size[1] + ROWS - 1) / ROWS + 2 * fringe, colours = 1 + fringe;
  for (int64_t i = 0; i < march->count * march->memory->slots; i++) {
    march->memory->lines[i] = (pcn_line_row){INT64_MIN, 0, 0, 0};
  }
  for (int64_t n = 0; n < blocks; n++) {
    for (int64_t c = 0; c < colours; c++) {
      block_work work = {march, n * PLANES, least(planes, (n + 1) * PLANES), c - fringe, colours};
      pcn_parallel_for(ctx, (size_t)((tasks - c + colours - 1) / colours), block_task, &work);
    }
    PCN_TRY(pcn_progress(ctx, progress[0] + progress[1] * (double)(n + 1) / (double)blocks, "superposition"));
  }
  return PENCONE_OK;
}

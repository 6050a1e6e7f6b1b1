// SPDX-License-Identifier: Apache-2.0
// Planes are taken some at a time, and rows of lines some at a time, so that the voxels in between stay in
// the cache for all directions of a group (docs/theory/ccc.md, "Speed").
#include "photon/lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PLANES = 8, ROWS = 8, B = PCN_CONE_BLOCK };
enum { REACH = 2 * PLANES };  // lanes by which a window may have moved on either side

// --- memory ------------------------------------------------------------------------------------

static int64_t longest_axis(const pencone_grid *grid) {
  int64_t n = grid->size[0];
  for (int a = 1; a < 3; a++) {
    n = grid->size[a] > n ? grid->size[a] : n;
  }
  return n;
}

static void set_sizes(const pencone_grid *grid, pcn_march_memory *out) {
  const int64_t n = longest_axis(grid);
  out->slots = n + 4 * PLANES;  // a row's memory is another's long after the last task that knew it
  out->window = pcn_cone_padded(n) + pcn_cone_padded(2 * REACH) + 2 * B;  // the lanes, their shift, zeros
  out->scratch_floats = 2 * PCN_RELEASES * pcn_cone_padded(n);
}

static int64_t state_floats(const pcn_march_memory *m) {
  return m->slots * PCN_EXPONENTIALS * m->window;
}

uint64_t pcn_march_bytes(const pencone_grid *grid, int threads) {
  pcn_march_memory m;
  set_sizes(grid, &m);
  const uint64_t course = (uint64_t)state_floats(&m) * sizeof(float) +
                          (uint64_t)m.slots * sizeof(pcn_line_row) +
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
  float *state;    ///< of line 0 in the first exponential
  float *scratch;  ///< weights, and a copy of a row of releases
} walker;

/// A row of voxels on the way of a row of lines.
typedef struct place {
  int64_t plane, row, shift;  ///< shift: lane less line
} place;

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static void clear(const walker *w, int64_t from, int64_t to) {
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
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

// Weights of the lanes of the field; 0 in the rest of the row's blocks, where release[] may be the next
// row's.
static void fill_weights(const walker *w, const place *p, const pcn_lanes *field, const int64_t blocks[2],
                         float *const weight[PCN_RELEASES]) {
  const int64_t before = field->first - blocks[0], inside = field->last - field->first;
  const int64_t all = blocks[1] - blocks[0];
  float at[3], step[3], *to[PCN_RELEASES];
  for (int i = 0; i < 3; i++) {
    const double *t = w->course->tilt[i];
    at[i] = (float)(t[0] + (double)p->plane * t[1] + (double)p->row * t[2] + (double)field->first * t[3]);
    step[i] = (float)t[3];
    to[i] = weight[i] != NULL ? weight[i] + before : NULL;
  }
  const pcn_tilt_line line = {at[0], at[1], at[2], step[0], step[1], step[2]};
  w->march->isa->tilt(&w->course->table, &line, (size_t)inside, to);
  for (int i = 0; i < PCN_RELEASES && weight[i] != NULL; i++) {
    memset(weight[i], 0, (size_t)before * sizeof(float));
    memset(weight[i] + before + inside, 0, (size_t)(all - before - inside) * sizeof(float));
  }
}

// What is released in whole blocks of lanes of a row.
static void set_release(const walker *w, const place *p, const pcn_lanes *field, const int64_t blocks[2],
                        pcn_cone_row *r) {
  const pcn_view *v = &w->march->view;
  const int64_t length = w->march->memory->scratch_floats / (2 * PCN_RELEASES);
  const int64_t release = p->plane * v->release_stride[0] + p->row * v->release_stride[1] + blocks[0];
  const int64_t over = blocks[1] - v->size[2];
  // The last rows of all, more than one where they are short, have nothing behind them to be read.
  const int at_end = release + blocks[1] - blocks[0] > v->size[0] * v->size[1] * v->size[2];
  float *weight[PCN_RELEASES];
  for (int i = 0; i < PCN_RELEASES; i++) {
    r->release[i] = v->release[i] != NULL ? v->release[i] + release : NULL;
    r->weight[i] = weight[i] = v->release[i] != NULL ? w->scratch + i * length : NULL;
    if (at_end && r->release[i] != NULL) {
      float *copy = w->scratch + (PCN_RELEASES + i) * length;
      memcpy(copy, r->release[i], (size_t)(v->size[2] - blocks[0]) * sizeof *copy);
      memset(copy + v->size[2] - blocks[0], 0, (size_t)over * sizeof *copy);
      r->release[i] = copy;
    }
  }
  fill_weights(w, p, field, blocks, weight);
}

// One plane for one row of lines: released energy joins in the field, the rest is carried on.
static void step_row(const walker *w, const place *p) {
  const pcn_view *v = &w->march->view;
  const pcn_line_row *line = w->line;
  const pcn_lanes field = v->lanes[p->plane * v->lanes_stride[0] + p->row * v->lanes_stride[1]];
  const int releases = field.last > field.first, carries = line->high > line->low;
  if (!releases && !carries) {
    return;
  }
  const int64_t blocks[2] = {field.first / B * B,
                             releases ? pcn_cone_padded(field.last) : field.first / B * B};
  if (releases) {
    cover(w, blocks[0] - p->shift, blocks[1] - p->shift);
  }
  const int64_t low = most(line->low + p->shift, w->march->low[2]) / B * B;
  const int64_t high = pcn_cone_padded(least(line->high + p->shift, w->march->high[2]));
  if (high <= low) {
    return;
  }
  const int64_t first = releases ? blocks[0] - low : 0, last = releases ? blocks[1] - low : 0;
  const int64_t offset = p->plane * v->stride[0] + p->row * v->stride[1] + low;
  pcn_cone_row r = {.n = (size_t)(high - low),
                    .first = (size_t)first,
                    .last = (size_t)last,
                    .electron_density = v->electron_density + offset,
                    .dose = v->dose + offset};
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
    r.state[k] = w->state + k * w->march->memory->window + low - p->shift;
  }
  if (releases) {
    set_release(w, p, &field, blocks, &r);
  }
  w->march->isa->cone(&w->course->step, &r);
}

// --- planes ------------------------------------------------------------------------------------

/// Blocks of planes times rows of lines. In a block, every second task comes first: lines move by PLANES rows
/// at most in it, so these meet no voxel of each other's, and the others find theirs done.
typedef struct block_work {
  const pcn_march *march;
  int64_t tasks, early;  ///< in a block; of them first
} block_work;

/// Planes first to last - 1, counted from that of entry.
typedef struct block {
  int64_t first, last;
} block;

// Empties memory that was another row's; moves the window to where the lanes are now, unless it still
// reaches.
static void enter(walker *w, float *window, int64_t row, int64_t shift) {
  pcn_line_row *line = w->line;
  if (line->row != row || line->high <= line->low) {
    *line = (pcn_line_row){row, 0, 0, (int32_t)shift};
  }
  const int64_t by = line->base - shift;
  w->state = window + B + REACH + shift;
  if (by > REACH - PLANES || by < PLANES - REACH) {
    const int64_t lanes = pcn_cone_padded(w->march->view.size[2]);
    const int64_t low = most(line->low, -shift), high = least(line->high, lanes - shift);
    for (int k = 0; k < PCN_EXPONENTIALS && high > low; k++) {
      float *to = w->state + k * w->march->memory->window + low - B;
      memmove(to, to + by, (size_t)(high - low + 2 * B) * sizeof *to);
    }
    line->low = (int32_t)low;
    line->high = (int32_t)most(low, high);
    line->base = (int32_t)shift;
  }
  w->state = window + B + REACH + line->base;
}

static void march_row(walker *w, const block *b, int64_t line_row) {
  const pcn_march *m = w->march;
  const pcn_march_memory *memory = m->memory;
  const pcn_course *c = w->course;
  const int64_t g = c - memory->course, slot = (line_row % memory->slots + memory->slots) % memory->slots;
  w->line = memory->lines + g * memory->slots + slot;
  enter(w, memory->state + (g * memory->slots + slot) * PCN_EXPONENTIALS * memory->window, line_row,
        c->shift[1][b->first]);
  for (int64_t p = b->first; p < b->last; p++) {
    const place at = {m->backwards ? m->view.size[0] - 1 - p : p, line_row + c->shift[0][p], c->shift[1][p]};
    if (at.plane >= m->low[0] && at.plane < m->high[0] && at.row >= m->low[1] && at.row < m->high[1]) {
      step_row(w, &at);
    }
  }
}

static void block_task(void *work, size_t index, int worker) {
  const block_work *b = work;
  const pcn_march *m = b->march;
  walker w = {.march = m, .scratch = m->memory->scratch + worker * m->memory->scratch_floats};
  const int64_t n = (int64_t)index / b->tasks, i = (int64_t)index % b->tasks;
  const int64_t task = i < b->early ? 2 * i : 2 * (i - b->early) + 1;
  const block at = {n * PLANES, least(m->view.size[0], (n + 1) * PLANES)};
  for (int g = 0; g < m->count; g++) {
    w.course = &m->memory->course[g];
    // Lines that meet the task's rows in the middle of the block; the first task's are still to enter the
    // grid.
    const int64_t first = (task - 1) * ROWS - w.course->shift[0][(at.first + at.last) / 2];
    for (int64_t row = first; row < first + ROWS; row++) {
      march_row(&w, &at, row);
    }
  }
}

pencone_status pcn_march_run(pencone_context *ctx, const pcn_march *march, const double progress[2]) {
  _Static_assert(ROWS >= PLANES, "tasks two apart meet no voxel of each other's");
  const int64_t blocks = (march->view.size[0] + PLANES - 1) / PLANES;
  const int64_t tasks =
      (march->view.size[1] + ROWS - 1) / ROWS + 2;  // lines enter from outside, on either side
  block_work work = {march, tasks, (tasks + 1) / 2};
  for (int64_t i = 0; i < march->count * march->memory->slots; i++) {
    march->memory->lines[i] = (pcn_line_row){INT64_MIN, 0, 0, 0};
  }
  // The voxels of an odd task are its neighbours' before, the lines of an even one its neighbours' in the
  // block before.
  return pcn_parallel_chain(ctx, (size_t)(blocks * tasks), (size_t)(work.early - 1), block_task, &work,
                            progress, "superposition");
}

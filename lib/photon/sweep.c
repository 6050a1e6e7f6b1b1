// SPDX-License-Identifier: Apache-2.0
// Every line of a direction has the same slope, so after p planes all have moved by the same number of
// voxels, rounded: each voxel is met by exactly one line and the lines of a row stay a row
// (docs/theory/ccc.md, "Lattice").
#include "photon/sweep.h"

#include "base/base.h"
#include "simd/isa.h"
#include <math.h>
#include <string.h>

enum { ROWS_PER_TASK = 8 };

/// The volumes as planes of rows of lanes along a direction's main axis; lanes are contiguous.
typedef struct view {
  int axis[3];       ///< patient axis of plane, row, lane
  int64_t size[3];   ///< planes, rows, lanes
  int64_t stride[2]; ///< from plane to plane, from row to row
  const float *electron_density;
  const float *release[PCN_PARTS];
  float *dose;
} view;

/// One direction on a view.
typedef struct march {
  const pcn_sweep *sweep;
  view v;
  pcn_vec3 along, across; ///< towards the direction's azimuth, and across, in patient axes
  int band, backwards;    ///< backwards: planes from the last to the first
  int64_t *shift[2];      ///< of rows and lanes at each plane
  int64_t first_row;      ///< lines of rows first_row .. first_row + line_rows - 1 meet the grid
  int64_t line_rows, lane_reach; ///< lane_reach: |shift| of the lanes at the last plane
  pcn_cone_step step;
  const pcn_isa *isa;
  float *scratch; ///< per worker
  size_t scratch_per_worker;
} march;

static size_t state_length(const march *m) {
  return (size_t)(m->v.size[2] + m->lane_reach);
}

// --- tilt --------------------------------------------------------------------------------------

/// Position of a row's lanes in the cone's own axes: at lane 0, and per lane; mm.
typedef struct row_place {
  double along, across, depth;
  double along_step, across_step, depth_step;
} row_place;

static double component(pcn_vec3 v, int axis) {
  return axis == 0 ? v.x : (axis == 1 ? v.y : v.z);
}

static row_place place_of(const march *m, int64_t plane, int64_t row) {
  const pcn_frame *f = m->sweep->frame;
  const pencone_grid *grid = &m->sweep->medium->grid;
  int64_t ijk[3] = {0, 0, 0};
  double xyz[3];
  ijk[m->v.axis[0]] = plane;
  ijk[m->v.axis[1]] = row;
  pencone_grid_centre(grid, ijk[0], ijk[1], ijk[2], xyz);
  const pcn_vec3 r = pcn_v3_sub(pcn_v3_from(xyz), f->source);
  const double h = grid->spacing_mm[m->v.axis[2]];
  const row_place p = {pcn_v3_dot(r, m->along), pcn_v3_dot(r, m->across), pcn_v3_dot(r, f->ez),
                       h * component(m->along, m->v.axis[2]), h * component(m->across, m->v.axis[2]),
                       h * component(f->ez, m->v.axis[2])};
  return p;
}

// Weights at the blocks' ends from lane first to the first end at or behind last.
static void fill_weights(const march *m, int64_t plane, int64_t row, const int64_t lanes[2],
                         float *const weight[PCN_PARTS]) {
  const row_place p = place_of(m, plane, row);
  int64_t n = 0;
  for (int64_t i = lanes[0]; i < lanes[1] + PCN_CONE_BLOCK; i += PCN_CONE_BLOCK, n++) {
    const double inverse = 1 / (p.depth + (double)i * p.depth_step);
    float w[PCN_PARTS];
    pcn_cones_weight(m->sweep->cones, m->band, (p.along + (double)i * p.along_step) * inverse,
                     (p.across + (double)i * p.across_step) * inverse, w);
    weight[PCN_PRIMARY][n] = w[PCN_PRIMARY];
    weight[PCN_SCATTER][n] = w[PCN_SCATTER];
  }
}

// --- lines -------------------------------------------------------------------------------------

/// A row of lines on its way.
typedef struct line_row {
  float *state[PCN_EXPONENTIALS];
  int64_t low, high; ///< lines that carry energy: low <= line < high
} line_row;

// Lanes of a voxel row where energy is released: the box of the field.
static int release_range(const march *m, int64_t plane, int64_t row, int64_t *first, int64_t *last) {
  const int64_t *low = m->sweep->terma->low, *high = m->sweep->terma->high;
  const int p = m->v.axis[0], r = m->v.axis[1], l = m->v.axis[2];
  *first = low[l];
  *last = high[l];
  return plane >= low[p] && plane < high[p] && row >= low[r] && row < high[r];
}

static void run_loop(const march *m, line_row *line, int64_t plane, int64_t row, const int64_t lanes[2],
                     float *const weight[PCN_PARTS]) {
  if (lanes[1] <= lanes[0]) {
    return;
  }
  const view *v = &m->v;
  const int64_t offset = plane * v->stride[0] + row * v->stride[1] + lanes[0];
  const int64_t step = m->backwards ? v->size[0] - 1 - plane : plane;
  const int64_t origin = m->shift[1][v->size[0] - 1] > 0 ? m->shift[1][v->size[0] - 1] : 0; // of line 0 in state[]
  pcn_cone_row r = {.n = (size_t)(lanes[1] - lanes[0]),
                    .electron_density = v->electron_density + offset,
                    .dose = v->dose + offset};
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
    r.state[k] = line->state[k] + (lanes[0] - m->shift[1][step] + origin);
  }
  if (weight == NULL) {
    m->isa->transport(&m->step, &r);
    return;
  }
  for (int part = 0; part < PCN_PARTS; part++) {
    r.release[part] = v->release[part] + offset;
    r.weight[part] = weight[part];
  }
  m->isa->source(&m->step, &r);
}

// One plane for one row of lines: released energy joins in the field's box, the rest is carried on.
static void step_row(const march *m, line_row *line, int64_t plane, int64_t row, float *const weight[PCN_PARTS]) {
  const int64_t step = m->backwards ? m->v.size[0] - 1 - plane : plane;
  const int64_t shift = m->shift[1][step], lanes = m->v.size[2];
  int64_t low = line->low + shift > 0 ? line->low + shift : 0;
  low -= low % PCN_CONE_BLOCK; // lanes before carry nothing yet
  const int64_t high = line->high + shift < lanes ? line->high + shift : lanes;
  int64_t first, last;
  if (!release_range(m, plane, row, &first, &last)) {
    const int64_t carried[2] = {low, high};
    run_loop(m, line, plane, row, carried, NULL);
    return;
  }
  // Whole blocks around the field: no energy is released in the lanes that this adds.
  first -= first % PCN_CONE_BLOCK;
  last += (PCN_CONE_BLOCK - last % PCN_CONE_BLOCK) % PCN_CONE_BLOCK;
  last = last < lanes ? last : lanes;
  const int64_t before[2] = {low, high < first ? high : first};
  const int64_t inside[2] = {first, last};
  const int64_t after[2] = {low > last ? low : last, high};
  fill_weights(m, plane, row, inside, weight);
  run_loop(m, line, plane, row, before, NULL);
  run_loop(m, line, plane, row, inside, weight);
  run_loop(m, line, plane, row, after, NULL);
  if (line->high <= line->low) {
    line->low = first - shift;
    line->high = last - shift;
  } else {
    line->low = line->low < first - shift ? line->low : first - shift;
    line->high = line->high > last - shift ? line->high : last - shift;
  }
}

static void march_task(void *work, size_t index, int worker) {
  const march *m = work;
  float *scratch = m->scratch + (size_t)worker * m->scratch_per_worker;
  const size_t length = state_length(m);
  float *weight[PCN_PARTS] = {scratch, scratch + m->v.size[2]};
  float *states = scratch + PCN_PARTS * m->v.size[2];
  line_row line[ROWS_PER_TASK];
  memset(states, 0, ROWS_PER_TASK * PCN_EXPONENTIALS * length * sizeof *states);
  for (int i = 0; i < ROWS_PER_TASK; i++) {
    for (int k = 0; k < PCN_EXPONENTIALS; k++) {
      line[i].state[k] = states + (size_t)(i * PCN_EXPONENTIALS + k) * length;
    }
    line[i].low = line[i].high = 0;
  }
  const int64_t first_line = (int64_t)index * ROWS_PER_TASK;
  for (int64_t p = 0; p < m->v.size[0]; p++) {
    const int64_t plane = m->backwards ? m->v.size[0] - 1 - p : p;
    for (int i = 0; i < ROWS_PER_TASK && first_line + i < m->line_rows; i++) {
      const int64_t row = m->first_row + first_line + i + m->shift[0][p];
      if (row >= 0 && row < m->v.size[1]) {
        step_row(m, &line[i], plane, row, weight);
      }
    }
  }
}

// --- directions --------------------------------------------------------------------------------

typedef struct sweep_memory {
  float *turned[2 + PCN_PARTS]; ///< [z][x][y]: electron density, releases, dose
  int64_t *shift;
  float *scratch;
  size_t scratch_per_worker;
} sweep_memory;

static int64_t longest_axis(const pencone_grid *grid) {
  int64_t n = grid->size[0];
  for (int a = 1; a < 3; a++) {
    n = grid->size[a] > n ? grid->size[a] : n;
  }
  return n;
}

static size_t scratch_floats(const pencone_grid *grid) {
  const size_t n = (size_t)longest_axis(grid) + 2 * PCN_CONE_BLOCK;
  return PCN_PARTS * n + (size_t)ROWS_PER_TASK * PCN_EXPONENTIALS * 2 * n;
}

uint64_t pcn_sweep_bytes(const pencone_grid *grid, int threads) {
  return (2 + PCN_PARTS) * (uint64_t)pencone_grid_voxels(grid) * sizeof(float) +
         (uint64_t)threads * scratch_floats(grid) * sizeof(float) + 2 * (uint64_t)longest_axis(grid) * sizeof(int64_t);
}

static void memory_free(sweep_memory *memory) {
  for (int i = 0; i < 2 + PCN_PARTS; i++) {
    pcn_free(memory->turned[i]);
  }
  pcn_free(memory->shift);
  pcn_free(memory->scratch);
}

static pencone_status memory_make(pencone_context *ctx, const pencone_grid *grid, sweep_memory *memory) {
  const size_t voxels = pencone_grid_voxels(grid), threads = (size_t)pencone_context_threads(ctx);
  memset(memory, 0, sizeof *memory);
  int complete = 1;
  for (int i = 0; i < 2 + PCN_PARTS && complete; i++) {
    memory->turned[i] = pcn_alloc(ctx, voxels, sizeof(float));
    complete = memory->turned[i] != NULL;
  }
  if (complete) {
    memory->scratch_per_worker = scratch_floats(grid);
    memory->scratch = pcn_alloc(ctx, threads * memory->scratch_per_worker, sizeof(float));
    memory->shift = pcn_alloc(ctx, 2 * (size_t)longest_axis(grid), sizeof *memory->shift);
    complete = memory->scratch != NULL && memory->shift != NULL;
  }
  if (!complete) {
    memory_free(memory);
    return PENCONE_E_MEMORY;
  }
  return PENCONE_OK;
}

/// Rows and planes of a volume, x and y exchanged: [z][y][x] <-> [z][x][y].
typedef struct turn_work {
  const float *from;
  float *to;
  int64_t rows, lanes; ///< of from
  int add;
} turn_work;

static void turn_slice(void *work, size_t k, int worker) {
  (void)worker;
  enum { TILE = 32 };
  const turn_work *t = work;
  const float *from = t->from + (int64_t)k * t->rows * t->lanes;
  float *to = t->to + (int64_t)k * t->rows * t->lanes;
  for (int64_t jj = 0; jj < t->rows; jj += TILE) {
    const int64_t j_end = jj + TILE < t->rows ? jj + TILE : t->rows;
    for (int64_t ii = 0; ii < t->lanes; ii += TILE) {
      const int64_t i_end = ii + TILE < t->lanes ? ii + TILE : t->lanes;
      for (int64_t i = ii; i < i_end; i++) {
        for (int64_t j = jj; j < j_end; j++) {
          const float value = from[j * t->lanes + i];
          to[i * t->rows + j] = t->add ? to[i * t->rows + j] + value : value;
        }
      }
    }
  }
}

static void turn(pencone_context *ctx, const pencone_grid *grid, const float *from, float *to, int back) {
  turn_work work = {from, to, grid->size[1], grid->size[0], back};
  if (back) {
    work.rows = grid->size[0];
    work.lanes = grid->size[1];
  }
  pcn_parallel_for(ctx, (size_t)grid->size[2], turn_slice, &work);
}

static view view_of(const pcn_sweep *s, const sweep_memory *memory, float *dose, int main_axis) {
  const int64_t *n = s->medium->grid.size;
  static const int order[3][3] = {{0, 2, 1}, {1, 2, 0}, {2, 1, 0}}; // plane, row, lane
  const int64_t stride[3][2] = {{n[1], n[0] * n[1]}, {n[0], n[0] * n[1]}, {n[0] * n[1], n[0]}};
  view v = {.electron_density = s->medium->electron_density, .dose = dose};
  for (int part = 0; part < PCN_PARTS; part++) {
    v.release[part] = s->terma->part[part];
  }
  for (int a = 0; a < 3; a++) {
    v.axis[a] = order[main_axis][a];
    v.size[a] = n[v.axis[a]];
  }
  v.stride[0] = stride[main_axis][0];
  v.stride[1] = stride[main_axis][1];
  if (main_axis == 0) {
    v.electron_density = memory->turned[0];
    v.release[PCN_PRIMARY] = memory->turned[1];
    v.release[PCN_SCATTER] = memory->turned[2];
    v.dose = memory->turned[3];
  }
  return v;
}

// Shifts per plane: the main axis is the one crossed fastest, so no step skips a row or a lane.
static void set_course(march *m, const double direction[3], int64_t *shift) {
  const pencone_grid *grid = &m->sweep->medium->grid;
  const int64_t planes = m->v.size[0];
  const int main_axis = m->v.axis[0];
  const double per_plane = fabs(direction[main_axis]) / grid->spacing_mm[main_axis]; // planes per mm
  m->backwards = direction[main_axis] < 0;
  for (int a = 0; a < 2; a++) {
    const int axis = m->v.axis[a + 1];
    const double slope = direction[axis] / grid->spacing_mm[axis] / per_plane;
    m->shift[a] = shift + a * planes;
    for (int64_t p = 0; p < planes; p++) {
      m->shift[a][p] = (int64_t)lround(slope * (double)p);
    }
  }
  const int64_t rows_moved = m->shift[0][planes - 1], lanes_moved = m->shift[1][planes - 1];
  m->first_row = rows_moved > 0 ? -rows_moved : 0;
  m->line_rows = m->v.size[1] + (rows_moved > 0 ? rows_moved : -rows_moved);
  m->lane_reach = lanes_moved > 0 ? lanes_moved : -lanes_moved;
  const double step_cm = 0.1 / per_plane;
  const pcn_band *band = &m->sweep->cones->band[m->band];
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
    m->step.attenuation[k] = (float)(band->attenuation[k] * step_cm);
    m->step.share[k] = (float)band->share[k];
  }
}

static void run_direction(pencone_context *ctx, const pcn_sweep *s, sweep_memory *memory, float *dose,
                          pcn_sweep_direction which) {
  const pcn_frame *f = s->frame;
  const pcn_band *band = &s->cones->band[which.band];
  const double c = cos(which.azimuth), si = sin(which.azimuth), sine = sqrt(1 - band->cosine * band->cosine);
  march m = {.sweep = s, .band = which.band};
  m.along = pcn_v3_add(pcn_v3_scale(f->ex, c), pcn_v3_scale(f->ey, si));
  m.across = pcn_v3_add(pcn_v3_scale(f->ex, -si), pcn_v3_scale(f->ey, c));
  const pcn_vec3 d = pcn_v3_add(pcn_v3_scale(m.along, sine), pcn_v3_scale(f->ez, band->cosine));
  const double direction[3] = {d.x, d.y, d.z};
  int main_axis = 2; // ties go to the axis whose lanes need no turning
  for (int a = 1; a >= 0; a--) {
    const double *h = s->medium->grid.spacing_mm;
    main_axis = fabs(direction[a]) / h[a] > fabs(direction[main_axis]) / h[main_axis] + 1e-9 ? a : main_axis;
  }
  m.v = view_of(s, memory, dose, main_axis);
  m.isa = pcn_isa_of(ctx);
  m.scratch = memory->scratch;
  m.scratch_per_worker = memory->scratch_per_worker;
  set_course(&m, direction, memory->shift);
  pcn_parallel_for(ctx, (size_t)((m.line_rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK), march_task, &m);
}

static void turn_in(pencone_context *ctx, const pcn_sweep *s, sweep_memory *memory) {
  const pencone_grid *grid = &s->medium->grid;
  turn(ctx, grid, s->medium->electron_density, memory->turned[0], 0);
  turn(ctx, grid, s->terma->part[PCN_PRIMARY], memory->turned[1], 0);
  turn(ctx, grid, s->terma->part[PCN_SCATTER], memory->turned[2], 0);
  memset(memory->turned[3], 0, pencone_grid_voxels(grid) * sizeof(float));
}

pencone_status pcn_sweep_run(pencone_context *ctx, const pcn_sweep *s, float *dose, double base, double share) {
  sweep_memory memory;
  PCN_TRY(memory_make(ctx, &s->medium->grid, &memory));
  turn_in(ctx, s, &memory);
  pencone_status status = PENCONE_OK;
  int done = 0;
  for (int b = 0; b < s->cones->bands && status == PENCONE_OK; b++) {
    for (int i = 0; i < s->cones->band[b].azimuths && status == PENCONE_OK; i++) {
      const pcn_sweep_direction which = {b, pcn_band_azimuth(&s->cones->band[b], i)};
      run_direction(ctx, s, &memory, dose, which);
      status = pcn_progress(ctx, base + share * ++done / s->cones->directions, "superposition");
    }
  }
  turn(ctx, &s->medium->grid, memory.turned[3], dose, 1);
  memory_free(&memory);
  return status;
}

pencone_status pcn_sweep_one(pencone_context *ctx, const pcn_sweep *s, pcn_sweep_direction which, float *dose) {
  sweep_memory memory;
  PCN_TRY(memory_make(ctx, &s->medium->grid, &memory));
  turn_in(ctx, s, &memory);
  run_direction(ctx, s, &memory, dose, which);
  turn(ctx, &s->medium->grid, memory.turned[3], dose, 1);
  memory_free(&memory);
  return PENCONE_OK;
}

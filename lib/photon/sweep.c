// SPDX-License-Identifier: Apache-2.0
// Every line of a direction has the same slope, so after p planes all have moved by the same number of
// voxels, rounded: each voxel is met by exactly one line and the lines of a row stay a row
// (docs/theory/ccc.md, "Lattice").
#include "photon/sweep.h"

#include "base/base.h"
#include "photon/layout.h"
#include "simd/isa.h"
#include <math.h>
#include <string.h>

enum { ROWS_PER_TASK = 8 };

/// One direction on a view.
typedef struct march {
  const pcn_sweep *sweep;
  pcn_view v;
  pcn_vec3 along, across; ///< towards the direction's azimuth, and across, in patient axes
  int band, backwards;    ///< backwards: planes from the last to the first
  int64_t *shift[2];      ///< of rows and lanes at each plane
  int64_t first_row;      ///< lines of rows first_row .. first_row + line_rows - 1 meet the grid
  int64_t low[3], high[3]; ///< box of planes, rows, lanes to be worked on: straight lines leave it once
  int64_t line_rows, lane_reach; ///< lane_reach: |shift| of the lanes at the last plane
  pcn_cone_step step;
  const pcn_isa *isa;
  pcn_tilt_table table;
  float *scratch; ///< per worker
  size_t scratch_per_worker;
} march;

static size_t state_length(const march *m) {
  return (size_t)(m->v.size[2] + m->lane_reach);
}

// --- tilt --------------------------------------------------------------------------------------

// Weights of lanes first .. last - 1 of a row.
static void fill_weights(const march *m, int64_t plane, int64_t row, const int64_t lanes[2],
                         float *const weight[PCN_RELEASES]) {
  const pcn_frame *f = m->sweep->frame;
  const pencone_grid *grid = &m->sweep->medium->grid;
  int64_t ijk[3];
  double xyz[3];
  ijk[m->v.axis[0]] = plane;
  ijk[m->v.axis[1]] = row;
  ijk[m->v.axis[2]] = lanes[0];
  pencone_grid_centre(grid, ijk[0], ijk[1], ijk[2], xyz);
  const pcn_vec3 r = pcn_v3_sub(pcn_v3_from(xyz), f->source);
  const int lane = m->v.axis[2];
  const double h = grid->spacing_mm[lane];
  const pcn_tilt_line line = {(float)pcn_v3_dot(r, m->along),       (float)pcn_v3_dot(r, m->across),
                              (float)pcn_v3_dot(r, f->ez),          (float)(h * pcn_v3_component(m->along, lane)),
                              (float)(h * pcn_v3_component(m->across, lane)), (float)(h * pcn_v3_component(f->ez, lane))};
  m->isa->tilt(&m->table, &line, (size_t)(lanes[1] - lanes[0]), weight);
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
                     float *const weight[PCN_RELEASES]) {
  if (lanes[1] <= lanes[0]) {
    return;
  }
  const pcn_view *v = &m->v;
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
  const int64_t release = v->release_first + plane * v->release_stride[0] + row * v->release_stride[1] + lanes[0];
  for (int i = 0; i < PCN_RELEASES; i++) {
    r.release[i] = v->release[i] != NULL ? v->release[i] + release : NULL;
    r.weight[i] = weight[i];
  }
  m->isa->source(&m->step, &r);
}

// One plane for one row of lines: released energy joins in the field's box, the rest is carried on.
static void step_row(const march *m, line_row *line, int64_t plane, int64_t row, float *const weight[PCN_RELEASES]) {
  const int64_t step = m->backwards ? m->v.size[0] - 1 - plane : plane;
  const int64_t shift = m->shift[1][step], lanes = m->high[2];
  const int64_t carried_low = line->low + shift > 0 ? line->low + shift : 0;
  int64_t low = carried_low - carried_low % PCN_CONE_BLOCK; // lanes before carry nothing yet
  low = low > m->low[2] ? low : m->low[2];
  const int64_t high = line->high + shift < lanes ? line->high + shift : lanes;
  int64_t first, last;
  if (!release_range(m, plane, row, &first, &last)) {
    const int64_t carried[2] = {low, high};
    run_loop(m, line, plane, row, carried, NULL);
    return;
  }
  // Whole blocks around the field: no energy is released in the lanes that this adds.
  first -= first % PCN_CONE_BLOCK;
  first = first > m->low[2] ? first : m->low[2];
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
  float *const weight[PCN_RELEASES] = {scratch, scratch + m->v.size[2], scratch + 2 * m->v.size[2]};
  float *states = scratch + PCN_RELEASES * m->v.size[2];
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
    if (plane < m->low[0] || plane >= m->high[0]) {
      continue;
    }
    for (int i = 0; i < ROWS_PER_TASK && first_line + i < m->line_rows; i++) {
      const int64_t row = m->first_row + first_line + i + m->shift[0][p];
      if (row >= m->low[1] && row < m->high[1]) {
        step_row(m, &line[i], plane, row, weight);
      }
    }
  }
}

// --- directions --------------------------------------------------------------------------------

typedef struct sweep_memory {
  pcn_layout layout;
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
  return PCN_RELEASES * n + (size_t)ROWS_PER_TASK * PCN_EXPONENTIALS * 2 * n;
}

uint64_t pcn_sweep_bytes(const pencone_grid *grid, int threads) {
  return pcn_layout_bytes(grid) + (uint64_t)threads * scratch_floats(grid) * sizeof(float) + 2 * (uint64_t)longest_axis(grid) * sizeof(int64_t);
}

static void memory_free(sweep_memory *memory) {
  pcn_layout_free(&memory->layout);
  pcn_free(memory->shift);
  pcn_free(memory->scratch);
}

static pencone_status memory_make(pencone_context *ctx, const pcn_sweep *s, float *dose, sweep_memory *memory) {
  const pencone_grid *grid = &s->medium->grid;
  const size_t threads = (size_t)pencone_context_threads(ctx);
  memset(memory, 0, sizeof *memory);
  memory->scratch_per_worker = scratch_floats(grid);
  memory->scratch = pcn_alloc(ctx, threads * memory->scratch_per_worker, sizeof(float));
  memory->shift = pcn_alloc(ctx, 2 * (size_t)longest_axis(grid), sizeof *memory->shift);
  pencone_status status = memory->scratch != NULL && memory->shift != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    status = pcn_layout_make(ctx, s->medium, s->terma, dose, &memory->layout);
  }
  if (status != PENCONE_OK) {
    memory_free(memory);
  }
  return status;
}

// The field's box and the margin around it, in the view's axes.
static void set_box(march *m) {
  const pcn_terma *terma = m->sweep->terma;
  const int64_t margin = m->sweep->margin;
  for (int a = 0; a < 3; a++) {
    const int64_t low = terma->low[m->v.axis[a]] - margin, high = terma->high[m->v.axis[a]] + margin;
    m->low[a] = margin > 0 && low > 0 ? low : 0;
    m->high[a] = margin > 0 && high < m->v.size[a] ? high : m->v.size[a];
  }
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
  m->step.attenuation[1] = 2 * m->step.attenuation[0]; // to the bit
  m->step.attenuation[2] = 4 * m->step.attenuation[0];
  m->step.thin = 0;
  while (m->step.thin < PCN_EXPONENTIALS - PCN_PRIMARY_EXPONENTIALS && m->sweep->medium->densest > 0 &&
         m->step.attenuation[PCN_EXPONENTIALS - 1 - m->step.thin] * m->sweep->medium->densest < PCN_CONE_THIN) {
    m->step.thin++;
  }
}

static void run_direction(pencone_context *ctx, const pcn_sweep *s, sweep_memory *memory,
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
  m.v = pcn_layout_view(&memory->layout, main_axis);
  m.isa = pcn_isa_of(ctx);
  m.table = pcn_cones_table(s->cones, which.band);
  m.scratch = memory->scratch;
  m.scratch_per_worker = memory->scratch_per_worker;
  set_course(&m, direction, memory->shift);
  set_box(&m);
  pcn_parallel_for(ctx, (size_t)((m.line_rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK), march_task, &m);
}

pencone_status pcn_sweep_run(pencone_context *ctx, const pcn_sweep *s, float *dose, double base, double share) {
  sweep_memory memory;
  PCN_TRY(memory_make(ctx, s, dose, &memory));
  pencone_status status = PENCONE_OK;
  int done = 0;
  for (int b = 0; b < s->cones->bands && status == PENCONE_OK; b++) {
    for (int i = 0; i < s->cones->band[b].azimuths && status == PENCONE_OK; i++) {
      const pcn_sweep_direction which = {b, pcn_band_azimuth(&s->cones->band[b], i)};
      run_direction(ctx, s, &memory, which);
      status = pcn_progress(ctx, base + share * ++done / s->cones->directions, "superposition");
    }
  }
  pcn_layout_collect(ctx, &memory.layout);
  memory_free(&memory);
  return status;
}

pencone_status pcn_sweep_one(pencone_context *ctx, const pcn_sweep *s, pcn_sweep_direction which, float *dose) {
  sweep_memory memory;
  PCN_TRY(memory_make(ctx, s, dose, &memory));
  run_direction(ctx, s, &memory, which);
  pcn_layout_collect(ctx, &memory.layout);
  memory_free(&memory);
  return PENCONE_OK;
}

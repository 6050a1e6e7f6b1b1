// SPDX-License-Identifier: Apache-2.0
// Every line of a direction has the same slope, so after p planes all have moved by the same number of
// voxels, rounded: each voxel is met by exactly one line and the lines of a row stay a row
// (docs/theory/ccc.md, "Lattice" and "Speed").
#include "photon/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "photon/layout.h"
#include "photon/lines.h"
#include "simd/isa.h"

/// A direction and where it belongs: directions along the same main axis, the same way, go together.
typedef struct way {
  int band;
  double azimuth;
  pcn_vec3 along, across;  ///< towards the azimuth, and across, in patient axes
  double direction[3];
  int main_axis, backwards;
} way;

typedef struct sweep_memory {
  pcn_layout layout;
  pcn_march_memory march;
  way *ways;
  int count;
} sweep_memory;

// --- directions --------------------------------------------------------------------------------

static way way_of(const pcn_sweep *s, int b, double azimuth) {
  const pcn_frame *f = s->frame;
  const double c = cos(azimuth), si = sin(azimuth);
  const double cosine = s->cones->band[b].cosine, sine = sqrt(1 - cosine * cosine);
  way w = {.band = b, .azimuth = azimuth, .main_axis = 2};  // ties go to the axis whose lanes need no turning
  w.along = pcn_v3_add(pcn_v3_scale(f->ex, c), pcn_v3_scale(f->ey, si));
  w.across = pcn_v3_add(pcn_v3_scale(f->ex, -si), pcn_v3_scale(f->ey, c));
  const pcn_vec3 d = pcn_v3_add(pcn_v3_scale(w.along, sine), pcn_v3_scale(f->ez, cosine));
  const double *h = s->medium->grid.spacing_mm;
  for (int a = 0; a < 3; a++) {
    w.direction[a] = pcn_v3_component(d, a);
  }
  for (int a = 1; a >= 0; a--) {
    const int m = w.main_axis;
    w.main_axis = fabs(w.direction[a]) / h[a] > fabs(w.direction[m]) / h[m] + 1e-9 ? a : m;
  }
  w.backwards = w.direction[w.main_axis] < 0;
  return w;
}

static void set_step(const pcn_sweep *s, const way *w, double step_cm, pcn_cone_step *step) {
  const pcn_band *band = &s->cones->band[w->band];
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
    step->attenuation[k] = (float)(band->attenuation[k] * step_cm);
    step->share[k] = (float)band->share[k];
  }
  step->attenuation[1] = 2 * step->attenuation[0];  // to the bit
  step->attenuation[2] = 4 * step->attenuation[0];
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
    step->inverse[k] = 1 / step->attenuation[k];
  }
  step->thin = 0;
  while (step->thin < PCN_EXPONENTIALS - PCN_PRIMARY_EXPONENTIALS && s->medium->densest > 0 &&
         step->attenuation[PCN_EXPONENTIALS - 1 - step->thin] * s->medium->densest < PCN_CONE_THIN) {
    step->thin++;
  }
}

// Tilt is linear in the voxel's indices.
static void set_tilt(const pcn_sweep *s, const way *w, const int axis[3], pcn_course *c) {
  const pencone_grid *grid = &s->medium->grid;
  const pcn_vec3 base[3] = {w->along, w->across, s->frame->ez};
  double xyz[3];
  pencone_grid_centre(grid, 0, 0, 0, xyz);
  const pcn_vec3 r = pcn_v3_sub(pcn_v3_from(xyz), s->frame->source);
  for (int i = 0; i < 3; i++) {
    c->tilt[i][0] = pcn_v3_dot(r, base[i]);
    for (int a = 0; a < 3; a++) {
      c->tilt[i][a + 1] = grid->spacing_mm[axis[a]] * pcn_v3_component(base[i], axis[a]);
    }
  }
  c->table = pcn_cones_table(s->cones, w->band);
}

// Shifts per plane: the main axis is the one crossed fastest, so no step skips a row or a lane.
static void set_course(const pcn_sweep *s, const pcn_view *v, const way *w, pcn_course *c) {
  const double *h = s->medium->grid.spacing_mm;
  const double per_plane = fabs(w->direction[w->main_axis]) / h[w->main_axis];  // planes per mm
  for (int a = 0; a < 2; a++) {
    const int axis = v->axis[a + 1];
    const double slope = w->direction[axis] / h[axis] / per_plane;
    for (int64_t p = 0; p < v->size[0]; p++) {
      c->shift[a][p] = (int32_t)lround(slope * (double)p);
    }
  }
  set_step(s, w, 0.1 / per_plane, &c->step);
  set_tilt(s, w, v->axis, c);
}

// The field's box and the margin around it, in patient axes.
static void find_box(const pcn_sweep *s, int64_t low[3], int64_t high[3]) {
  const int64_t *n = s->medium->grid.size, margin = s->margin;
  for (int a = 0; a < 3; a++) {
    const int64_t first = s->terma->low[a] - margin, last = s->terma->high[a] + margin;
    low[a] = margin > 0 && first > 0 ? first : 0;
    high[a] = margin > 0 && last < n[a] ? last : n[a];
  }
}

// --- memory ------------------------------------------------------------------------------------

uint64_t pcn_sweep_bytes(const pencone_grid *grid, int threads) {
  return pcn_layout_bytes(grid, threads) + pcn_march_bytes(grid, threads);
}

static void memory_free(sweep_memory *memory) {
  pcn_layout_free(&memory->layout);
  pcn_march_free(&memory->march);
  pcn_free(memory->ways);
}

static pencone_status memory_make(pencone_context *ctx, const pcn_sweep *s, int directions, double progress,
                                  sweep_memory *memory) {
  memset(memory, 0, sizeof *memory);
  memory->ways = pcn_alloc(ctx, (size_t)directions, sizeof *memory->ways);
  pencone_status status = memory->ways != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    status = pcn_march_make(ctx, &s->medium->grid, &memory->march);
  }
  if (status == PENCONE_OK) {
    status = pcn_layout_make(ctx, s->medium, s->terma, progress, &memory->layout);
  }
  if (status != PENCONE_OK) {
    memory_free(memory);
  }
  return status;
}

// --- run ---------------------------------------------------------------------------------------

/// Progress so far.
typedef struct reached {
  double base, per_direction;
  int done;
} reached;

static double fraction(const reached *r) {
  return r->base + r->per_direction * r->done;
}

// Up to PCN_GROUP directions at once.
static pencone_status run_group(pencone_context *ctx, const pcn_sweep *s, sweep_memory *memory,
                                const way *const *chosen, int count, reached *so_far) {
  pcn_march m = {.memory = &memory->march,
                 .view = pcn_layout_view(&memory->layout, chosen[0]->main_axis),
                 .isa = pcn_isa_of(ctx),
                 .backwards = chosen[0]->backwards,
                 .count = count};
  int64_t low[3], high[3];
  find_box(s, low, high);
  for (int a = 0; a < 3; a++) {
    m.low[a] = low[m.view.axis[a]];
    m.high[a] = high[m.view.axis[a]];
  }
  for (int g = 0; g < count; g++) {
    set_course(s, &m.view, chosen[g], &memory->march.course[g]);
  }
  const double progress[2] = {fraction(so_far), so_far->per_direction * count};
  so_far->done += count;
  return pcn_march_run(ctx, &m, progress);
}

static pencone_status run_ways(pencone_context *ctx, const pcn_sweep *s, sweep_memory *memory,
                               reached *so_far) {
  for (int kind = 0; kind < 6; kind++) {
    const way *chosen[PCN_GROUP];
    const int main_axis = kind / 2;
    int count = 0;
    for (int i = 0; i < memory->count; i++) {
      const way *w = &memory->ways[i];
      if (w->main_axis == main_axis && w->backwards == kind % 2) {
        chosen[count++] = w;
      }
      if (count == PCN_GROUP || (count > 0 && i == memory->count - 1)) {
        PCN_TRY(pcn_layout_turn(ctx, &memory->layout, pcn_layout_lane_axis(main_axis), fraction(so_far)));
        PCN_TRY(run_group(ctx, s, memory, chosen, count, so_far));
        count = 0;
      }
    }
  }
  return pcn_layout_turn(ctx, &memory->layout, 0, fraction(so_far));
}

static pencone_status run_all(pencone_context *ctx, const pcn_sweep *s, sweep_memory *memory, reached *so_far,
                              float *dose) {
  int64_t low[3], high[3];
  PCN_TRY(run_ways(ctx, s, memory, so_far));
  find_box(s, low, high);
  return pcn_layout_dose(ctx, &memory->layout, low, high, fraction(so_far), dose);
}

pencone_status pcn_sweep_run(pencone_context *ctx, const pcn_sweep *s, float *dose, double base,
                             double share) {
  sweep_memory memory;
  PCN_TRY(memory_make(ctx, s, s->cones->directions, base, &memory));
  for (int b = 0; b < s->cones->bands; b++) {
    for (int i = 0; i < s->cones->band[b].azimuths; i++) {
      memory.ways[memory.count++] = way_of(s, b, pcn_band_azimuth(&s->cones->band[b], i));
    }
  }
  reached so_far = {base, share / s->cones->directions, 0};
  const pencone_status status = run_all(ctx, s, &memory, &so_far, dose);
  memory_free(&memory);
  return status;
}

pencone_status pcn_sweep_one(pencone_context *ctx, const pcn_sweep *s, pcn_sweep_direction which,
                             float *dose) {
  sweep_memory memory;
  PCN_TRY(memory_make(ctx, s, 1, 0, &memory));
  memory.ways[memory.count++] = way_of(s, which.band, which.azimuth);
  reached so_far = {0, 0, 0};
  const pencone_status status = run_all(ctx, s, &memory, &so_far, dose);
  memory_free(&memory);
  return status;
}

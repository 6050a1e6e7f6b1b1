// SPDX-License-Identifier: Apache-2.0
#include "commission/water_dose.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_spline.h>
#include <math.h>
#include <pencone/engine.h>
#include <string.h>

#include "base/base.h"

// Behind the deepest point scatter still comes back from 100 mm.
static const double layer_mm = 2.5, back_mm = 100, beside_mm = 10;
// Voxels across, odd: one is on the axis. Fewer where a correction follows. Layers to each side that smooth
// one.
enum { ACROSS = 41, ACROSS_FAST = 25, HALF = 7 };

/// A tank of water: its arrays, the phantom on them, and the beam's place.
typedef struct tank {
  pencone_grid grid;
  float *density;
  uint8_t *material;
  pencone_phantom *phantom;
} tank;

// What reaches the axis in a straight line from inside the field never leaves the field: nothing is needed
// beside it.
static pencone_grid tank_grid(const pencone_depth_dose *curve, double sad_mm, int across) {
  const double deep_mm = curve->depth_mm[curve->points - 1] + back_mm;
  const double field_mm[2] = {curve->field_x_mm, curve->field_y_mm};
  pencone_grid g = {
      {across, (int64_t)ceil(deep_mm / layer_mm), across}, {0, layer_mm, 0}, {0, 0.5 * layer_mm, 0}};
  for (int i = 0; i < 2; i++) {
    const int axis = 2 * i;
    const double width_mm = field_mm[i] * (curve->ssd_mm + deep_mm) / sad_mm + 2 * beside_mm;
    g.spacing_mm[axis] = width_mm / across;
    g.origin_mm[axis] = -0.5 * (across - 1) * g.spacing_mm[axis];
  }
  return g;
}

static pencone_status tank_make(pencone_context *ctx, const pencone_depth_dose *curve, double sad_mm,
                                int across, tank *t) {
  static const char *const names[] = {"water"};
  t->grid = tank_grid(curve, sad_mm, across);
  const size_t voxels = pencone_grid_voxels(&t->grid);
  t->density = pcn_alloc(ctx, voxels, sizeof *t->density);
  t->material = pcn_calloc(ctx, voxels, sizeof *t->material);
  if (t->density == NULL || t->material == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (size_t v = 0; v < voxels; v++) {
    t->density[v] = 1;
  }
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  desc.grid = t->grid;
  desc.density = t->density;
  desc.material = t->material;
  desc.material_names = names;
  desc.material_count = 1;
  return pencone_phantom_borrow(ctx, &desc, &t->phantom);
}

static void tank_free(tank *t) {
  pencone_phantom_destroy(t->phantom);
  pcn_free(t->density);
  pcn_free(t->material);
}

static pencone_status plan_fill(pencone_context *ctx, const pencone_machine *machine,
                                const pencone_depth_dose *curve, const char *quality, pencone_plan *plan) {
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  beam.machine = machine;
  beam.isocenter_mm[1] = pencone_machine_describe(machine)->sad_mm - curve->ssd_mm;
  for (int i = 0; i < 2; i++) {
    const double sign = i == 0 ? -0.5 : 0.5;
    beam.field_x_mm[i] = sign * curve->field_x_mm;
    beam.field_y_mm[i] = sign * curve->field_y_mm;
  }
  PCN_TRY(pencone_plan_set_option(ctx, plan, "quality", quality));
  return pencone_plan_add_beam(ctx, plan, &beam);
}

static pencone_status compute(pencone_context *ctx, const pencone_plan *plan, const tank *t,
                              pencone_dose **dose) {
  pencone_engine *engine = NULL;
  pencone_status status = pencone_engine_create(ctx, plan, t->phantom, &engine);
  if (status == PENCONE_OK) {
    status = pencone_dose_create(ctx, pencone_engine_grid(engine), dose);
  }
  if (status == PENCONE_OK) {
    status = pencone_engine_compute(ctx, engine, 0, *dose);
  }
  pencone_engine_destroy(engine);
  return status;
}

// Voxels on the axis differ by 0.2 % or so from their neighbours, by where the cones' lines happen to lie.
// Behind the maximum a parabola through the logarithms of some layers takes most of this away (Savitzky and
// Golay 1964, doi:10.1021/ac60214a047).
static void smooth(const double *in, size_t layers, double *out) {
  size_t peak = 0;
  for (size_t j = 1; j < layers; j++) {
    peak = in[j] > in[peak] ? j : peak;
  }
  for (size_t j = 0; j < layers; j++) {
    const size_t before = j > peak ? j - peak : 0, after = layers - 1 - j;
    const size_t room = before < after ? before : after, half = room < HALF ? room : HALF;
    const double m = (double)half;
    double sum = 0, weights = 0;
    for (size_t k = 0; k < 2 * half + 1; k++) {
      const double x = (double)k - m, weight = 3 * m * (m + 1) - 1 - 5 * x * x;  // of a parabola's middle
      sum += weight * in[j + k - half];
      weights += weight;
    }
    out[j] = half > 1 ? sum / weights : in[j];
  }
}

// A cubic through the logarithms of the voxel means on the axis, which stand for their centres.
static pencone_status read_axis(pencone_context *ctx, const pencone_dose *dose,
                                const pencone_depth_dose *curve, double *out) {
  const pencone_grid *g = pencone_dose_grid_of(dose);
  const size_t layers = (size_t)g->size[1];
  double *depth_mm = pcn_alloc(ctx, 3 * layers, sizeof *depth_mm);
  gsl_spline *spline = gsl_spline_alloc(gsl_interp_cspline, layers);
  pencone_status status = depth_mm != NULL && spline != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    for (size_t j = 0; j < layers; j++) {
      const double xyz[3] = {0, g->origin_mm[1] + (double)j * g->spacing_mm[1], 0};
      depth_mm[j] = xyz[1];
      depth_mm[layers + j] = log(fmax(pencone_dose_at(dose, xyz), 1e-300));
    }
    smooth(depth_mm + layers, layers, depth_mm + 2 * layers);
    int bad = gsl_spline_init(spline, depth_mm, depth_mm + 2 * layers, layers) != GSL_SUCCESS;
    for (int i = 0; i < curve->points && !bad; i++) {
      double value = 0;
      bad = gsl_spline_eval_e(spline, fmax(curve->depth_mm[i], depth_mm[0]), NULL, &value) != GSL_SUCCESS;
      out[i] = exp(value);
    }
    status =
        bad ? pcn_fail(ctx, PENCONE_E_NUMERIC, "water: no curve through %zu depths", layers) : PENCONE_OK;
  }
  gsl_spline_free(spline);
  pcn_free(depth_mm);
  return status;
}

pencone_status pcn_water_dose(pencone_context *ctx, const pencone_machine *machine,
                              const pencone_depth_dose *curve, const char *quality, double *dose) {
  tank t = {{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}, NULL, NULL, NULL};
  pencone_plan *plan = NULL;
  pencone_dose *computed = NULL;
  const int across = strcmp(quality, "fast") == 0 ? ACROSS_FAST : ACROSS;
  pencone_status status = tank_make(ctx, curve, pencone_machine_describe(machine)->sad_mm, across, &t);
  if (status == PENCONE_OK) {
    status = pencone_plan_create(ctx, "water", &plan);
  }
  if (status == PENCONE_OK) {
    status = plan_fill(ctx, machine, curve, quality, plan);
  }
  if (status == PENCONE_OK) {
    status = compute(ctx, plan, &t, &computed);
  }
  if (status == PENCONE_OK) {
    status = read_axis(ctx, computed, curve, dose);
  }
  pencone_dose_destroy(computed);
  pencone_plan_destroy(plan);
  tank_free(&t);
  return status;
}

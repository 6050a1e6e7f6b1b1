// SPDX-License-Identifier: Apache-2.0
// Fluence optimisation: 50 Gy to a C-shaped target, at most 20 Gy to the core in it. Projected gradient on
// dose = A w; 'pencone dvh DOSE.h5' and 'pencone plot DOSE.h5 -o DOSE.png' show what came of it.
// Usage: 04_optimise_fluence c-shape.yaml c-shape.h5 ITERATIONS WEIGHTS.csv DOSE.h5
#include <math.h>
#include <pencone/pencone.h>
#include <stdio.h>
#include <stdlib.h>

enum { PTV = 1, CORE = 2 };  // structures of the phantom: the target and its core

static void check(pencone_context *ctx, int good) {
  if (!good) {
    const char *text = pencone_context_error(ctx);
    fprintf(stderr, "%s\n", text[0] != '\0' ? text : "no memory, or a file that cannot be written");
    exit(EXIT_FAILURE);
  }
}

// A structure's share of the phantom's voxel in which a voxel of the dose has its centre.
static double share(const pencone_phantom *p, int structure, const pencone_grid *g, size_t v) {
  const pencone_grid *ct = &pencone_phantom_describe(p)->grid;
  const int64_t row = (int64_t)v / g->size[0];
  double at[3], voxel = 0;
  pencone_grid_centre(g, (int64_t)v % g->size[0], row % g->size[1], row / g->size[1], at);
  for (int a = 2; a >= 0; a--) {
    voxel = voxel * (double)ct->size[a] + floor((at[a] - ct->origin_mm[a]) / ct->spacing_mm[a] + 0.5);
  }
  return pencone_phantom_structure_mask(p, structure)[(size_t)voxel] / 255.0;
}

// The objective in Gy2, and its slope with the dose of each voxel.
static double judge(const pencone_phantom *phantom, const pencone_dose *dose, double *slope) {
  const pencone_grid *grid = pencone_dose_grid_of(dose);
  double objective = 0;
  for (size_t v = 0; v < pencone_grid_voxels(grid); v++) {
    const double d = (double)pencone_dose_values_const(dose)[v], miss = d - 50, hot = fmax(0, d - 20);
    const double target = share(phantom, PTV, grid, v) * miss, core = share(phantom, CORE, grid, v) * hot;
    objective += target * miss + core * hot;
    slope[v] = 2 * (target + core);
  }
  return objective;
}

// w: one weight per column, at first 0; afterwards the plan's open fields; then downhill, w >= 0.
static void optimise(pencone_context *ctx, const pencone_phantom *phantom, const pencone_dij *dij, int steps,
                     double *w, pencone_dose *dose) {
  const pencone_dij_view a = pencone_dij_view_of(dij);
  const size_t columns = (size_t)a.columns;
  double *slope = calloc(pencone_grid_voxels(&a.grid) + 3 * columns, sizeof *slope);
  check(ctx, slope != NULL);
  double *g = slope + pencone_grid_voxels(&a.grid), *old_w = g + columns, *old_g = old_w + columns;
  for (int k = 0; k <= steps; k++) {
    check(ctx, pencone_dij_dose(ctx, dij, a.columns, w, pencone_dose_values(dose)) == PENCONE_OK);
    printf("%3d  objective %.4g Gy2\n", k, judge(phantom, dose, slope));
    double moved = 0, bent = 0;
    for (size_t j = 0; j < columns; old_w[j] = w[j], old_g[j] = g[j], j++) {
      g[j] = 0;  // A^T slope
      for (int64_t e = a.first[j]; e < a.first[j + 1]; e++) {
        g[j] += slope[a.voxel[e]] * (double)a.value[e];
      }
      moved += (w[j] - old_w[j]) * (w[j] - old_w[j]);
      bent += (w[j] - old_w[j]) * (g[j] - old_g[j]);
    }
    const double step = k > 0 ? moved / bent : 0;  // Barzilai and Borwein 1988, doi:10.1093/imanum/8.1.141
    for (size_t j = 0; j < columns && k < steps; j++) {
      w[j] = k == 0 ? a.beamlets[j].weight : fmax(0, w[j] - step * g[j]);
    }
  }
  free(slope);
}

static void write_weights(pencone_context *ctx, const char *path, const double *w, int64_t columns) {
  FILE *csv = fopen(path, "w");
  check(ctx, csv != NULL && fprintf(csv, "weight\n") > 0);
  for (int64_t j = 0; j < columns; j++) {
    fprintf(csv, "%.9g\n", w[j]);
  }
  check(ctx, fclose(csv) == 0);
}

int main(int argc, char **argv) {
  pencone_context *ctx = NULL;
  pencone_plan *plan = NULL;
  pencone_phantom *phantom = NULL;
  pencone_engine *engine = NULL;
  pencone_dij *dij = NULL;
  pencone_dose *dose = NULL;
  if (argc != 6 || pencone_context_create(&ctx) != PENCONE_OK) {
    return 2;
  }
  check(ctx, pencone_plan_read(ctx, argv[1], &plan, NULL, NULL) == PENCONE_OK);
  check(ctx, pencone_phantom_read(ctx, argv[2], &phantom) == PENCONE_OK);
  check(ctx, pencone_plan_set_engine(ctx, plan, "photon-pencil-beam") == PENCONE_OK);
  const pencone_dose_grid near = {sizeof near, {5, 5, 5}, 1, {-60, -60, -60}, {60, 60, 60}};
  check(ctx, pencone_plan_set_dose_grid(ctx, plan, &near) == PENCONE_OK);
  check(ctx, pencone_engine_create(ctx, plan, phantom, &engine) == PENCONE_OK);
  check(ctx, pencone_dij_create(ctx, &dij) == PENCONE_OK);
  const pencone_dij_sink sink = pencone_dij_fill(dij);  // pencone_dij_writer_sink() writes a file
  check(ctx, pencone_dij_stream(ctx, engine, NULL, &sink, NULL) == PENCONE_OK);
  check(ctx, pencone_dose_create(ctx, pencone_engine_grid(engine), &dose) == PENCONE_OK);
  const int64_t columns = pencone_dij_view_of(dij).columns;
  double *w = calloc((size_t)columns, sizeof *w);
  check(ctx, w != NULL);
  optimise(ctx, phantom, dij, atoi(argv[3]), w, dose);
  write_weights(ctx, argv[4], w, columns);
  check(ctx, pencone_dose_set_units(ctx, dose, "Gy", "dose to medium", "optimised fluence") == PENCONE_OK);
  check(ctx, pencone_dose_write(ctx, argv[5], dose, phantom) == PENCONE_OK);
  free(w);
  pencone_dose_destroy(dose);
  pencone_dij_destroy(dij);
  pencone_engine_destroy(engine);
  pencone_phantom_destroy(phantom);
  pencone_plan_destroy(plan);
  pencone_context_destroy(ctx);
  return EXIT_SUCCESS;
}

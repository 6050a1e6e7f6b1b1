// SPDX-License-Identifier: Apache-2.0
// Fluence optimisation: 50 Gy to a C-shaped target, at most 20 Gy to the core in it. Projected gradient on dose = A w.
// Usage: 04_optimise_fluence c-shape.yaml c-shape.h5 ITERATIONS WEIGHTS.csv DOSE.h5; then pencone plot DOSE.h5 -o D.png
#include <math.h>
#include <pencone/pencone.h>
#include <stdio.h>
#include <stdlib.h>

static const int ptv = 1, oar = 2;  // structures of the phantom: the target and its core
static void check(pencone_context *ctx, pencone_status status) {
  if (status == PENCONE_OK) return;
  exit(fprintf(stderr, "%s: %s\n", pencone_status_name(status), pencone_context_error(ctx)) > 0);
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

int main(int argc, char **argv) {
  pencone_context *ctx = NULL;
  pencone_plan *plan = NULL; pencone_phantom *phantom = NULL; pencone_engine *engine = NULL;
  pencone_dij *dij = NULL; pencone_dose *dose = NULL;
  if (argc != 6 || pencone_context_create(&ctx) != PENCONE_OK) return 2;
  check(ctx, pencone_plan_read(ctx, argv[1], &plan, NULL, NULL));
  check(ctx, pencone_phantom_read(ctx, argv[2], &phantom));
  check(ctx, pencone_plan_set_engine(ctx, plan, "photon-pencil-beam"));
  const pencone_dose_grid near = {sizeof near, {5, 5, 5}, 1, {-60, -60, -60}, {60, 60, 60}};
  check(ctx, pencone_plan_set_dose_grid(ctx, plan, &near));
  check(ctx, pencone_engine_create(ctx, plan, phantom, &engine));
  check(ctx, pencone_dij_create(ctx, &dij));
  const pencone_dij_sink sink = pencone_dij_fill(dij);  // in memory; pencone_dij_writer_sink() writes a file
  check(ctx, pencone_dij_stream(ctx, engine, NULL, &sink, NULL));
  const pencone_dij_view a = pencone_dij_view_of(dij);
  check(ctx, pencone_dose_create(ctx, &a.grid, &dose));
  const size_t n = pencone_grid_voxels(&a.grid), columns = (size_t)a.columns;
  double *w = calloc(4 * columns + n, sizeof *w), *g = w + columns, *old_w = g + columns, *old_g = old_w + columns;
  double *slope = old_g + columns;            // of the objective with the dose of a voxel
  for (int k = 0; k <= atoi(argv[3]); k++) {  // no dose, then the plan's open fields, then downhill
    double objective = 0, moved = 0, bent = 0;
    check(ctx, pencone_dij_dose(ctx, dij, a.columns, w, pencone_dose_values(dose)));
    for (size_t v = 0; v < n; v++) {
      const double d = (double)pencone_dose_values(dose)[v], miss = d - 50, hot = fmax(0, d - 20);
      const double t = share(phantom, ptv, &a.grid, v) * miss, o = share(phantom, oar, &a.grid, v) * hot;
      objective += t * miss + o * hot;
      slope[v] = 2 * (t + o);
    }
    for (size_t j = 0; j < columns; old_w[j] = w[j], old_g[j] = g[j], j++) {
      g[j] = 0;  // A^T slope
      for (int64_t e = a.first[j]; e < a.first[j + 1]; e++) g[j] += slope[a.voxel[e]] * (double)a.value[e];
      moved += (w[j] - old_w[j]) * (w[j] - old_w[j]);
      bent += (w[j] - old_w[j]) * (g[j] - old_g[j]);
    }
    printf("%3d  objective %.4g Gy2\n", k, objective);
    const double step = k > 0 ? moved / bent : 0;  // Barzilai and Borwein 1988, doi:10.1093/imanum/8.1.141
    for (size_t j = 0; j < columns && k < atoi(argv[3]); j++) w[j] = fmax(0, k == 0 ? a.beamlets[j].weight : w[j] - step * g[j]);
  }
  FILE *csv = fopen(argv[4], "w");
  for (size_t j = 0; csv != NULL && j < columns; j++) fprintf(csv, j == 0 ? "weight\n%.9g\n" : "%.9g\n", w[j]);
  for (int s = ptv; s <= oar; s++) {
    pencone_dvh *dvh = NULL;
    const uint8_t *mask = pencone_phantom_structure_mask(phantom, s);
    check(ctx, pencone_dvh_create(ctx, dose, &pencone_phantom_describe(phantom)->grid, mask, &dvh));
    printf("%s D95", pencone_phantom_structure_name(phantom, s));
    printf(" %.2f, D5 %.2f Gy\n", pencone_dvh_dose_at(dvh, 95), pencone_dvh_dose_at(dvh, 5));
    pencone_dvh_destroy(dvh);
  }
  check(ctx, pencone_dose_set_units(ctx, dose, "Gy", "dose to medium", "for the optimised fluence"));
  check(ctx, pencone_dose_write(ctx, argv[5], dose, phantom));
  free(w), pencone_dose_destroy(dose), pencone_dij_destroy(dij), pencone_engine_destroy(engine);
  pencone_phantom_destroy(phantom), pencone_plan_destroy(plan), pencone_context_destroy(ctx);
  return csv == NULL || fclose(csv) != 0;
}

// SPDX-License-Identifier: Apache-2.0
// Compares two doses and writes their difference: the first less the second, on the grid of the first.
// Usage: 03_read_compare_write FIRST.h5 SECOND.h5 DIFFERENCE.h5
#include <math.h>
#include <pencone/pencone.h>
#include <stdio.h>
#include <stdlib.h>

static void check(pencone_context *ctx, pencone_status status) {
  if (status != PENCONE_OK) {
    fprintf(stderr, "%s: %s\n", pencone_status_name(status), pencone_context_error(ctx));
    exit(EXIT_FAILURE);
  }
}

// The grids may differ: the second is sampled at the first one's voxel centres. Outside of it, NaN.
static pencone_dose *subtract(pencone_context *ctx, const pencone_dose *first, const pencone_dose *second) {
  const pencone_grid *grid = pencone_dose_grid_of(first);
  pencone_dose *difference = NULL;
  check(ctx, pencone_dose_create(ctx, grid, &difference));
  const float *value = pencone_dose_values_const(first);
  float *out = pencone_dose_values(difference);
  size_t index = 0;  // x fastest
  for (int64_t k = 0; k < grid->size[2]; k++) {
    for (int64_t j = 0; j < grid->size[1]; j++) {
      for (int64_t i = 0; i < grid->size[0]; i++, index++) {
        double xyz_mm[3];
        pencone_grid_centre(grid, i, j, k, xyz_mm);
        out[index] = (float)((double)value[index] - pencone_dose_at(second, xyz_mm));
      }
    }
  }
  check(ctx, pencone_dose_set_units(ctx, difference, pencone_dose_units(first), "difference of two doses",
                                    pencone_dose_normalisation(first)));
  return difference;
}

static double largest(const pencone_dose *dose) {
  const float *value = pencone_dose_values_const(dose);
  double most = 0;
  for (size_t i = 0; i < pencone_grid_voxels(pencone_dose_grid_of(dose)); i++) {
    most = fmax(most, fabs((double)value[i]));  // fmax passes over NaN
  }
  return most;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: %s FIRST.h5 SECOND.h5 DIFFERENCE.h5\n", argv[0]);
    return 2;
  }
  pencone_context *ctx = NULL;
  check(NULL, pencone_context_create(&ctx));
  pencone_dose *first = NULL, *second = NULL;
  check(ctx, pencone_dose_read(ctx, argv[1], &first));
  check(ctx, pencone_dose_read(ctx, argv[2], &second));
  pencone_dose *difference = subtract(ctx, first, second);
  printf("largest difference: %.3g %% of the first maximum, %.4g %s\n",
         100 * largest(difference) / largest(first), largest(first), pencone_dose_units(first));
  // Gamma asks how far away the same dose is found, too: 1 %, 1 mm, above 10 % of the maximum.
  pencone_gamma_options options = PENCONE_GAMMA_OPTIONS_DEFAULT;
  pencone_gamma_result gamma = PENCONE_GAMMA_RESULT_INIT;
  options.dose_pct = 1;
  options.distance_mm = 1;
  check(ctx, pencone_gamma_compute(ctx, first, second, &options, NULL, &gamma));
  printf("gamma 1 %%/1 mm: %.2f %% of %zu points pass, mean %.3f\n", gamma.pass_rate_pct, gamma.points,
         gamma.mean);
  check(ctx, pencone_dose_set_provenance(ctx, difference, "minuend", argv[1]));
  check(ctx, pencone_dose_set_provenance(ctx, difference, "subtrahend", argv[2]));
  check(ctx, pencone_dose_write(ctx, argv[3], difference, NULL));
  pencone_dose_destroy(difference);
  pencone_dose_destroy(second);
  pencone_dose_destroy(first);
  pencone_context_destroy(ctx);
  return EXIT_SUCCESS;
}

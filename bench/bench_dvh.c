// SPDX-License-Identifier: Apache-2.0
// Dose-volume histogram of a cube of 80^3 voxels under a dose that rises evenly along x.
// Verified: D50 is the dose in the middle, D98 and D2 are at 2 % from the ends.
// usage: bench_dvh [--quick] [--verify] [RUNS]
#include <stdlib.h>

#include "bench.h"

enum { EDGE = 120, INNER = 80, FIRST = (EDGE - INNER) / 2 };

typedef struct histogram {
  pencone_context *ctx;
  pencone_grid grid;
  pencone_dose *dose;
  uint8_t *mask;
  pencone_dvh *dvh;
} histogram;

static int collect(void *user) {
  histogram *h = user;
  pencone_dvh_destroy(h->dvh);
  h->dvh = NULL;
  return pencone_dvh_create(h->ctx, h->dose, &h->grid, h->mask, &h->dvh) != PENCONE_OK;
}

static int inside(int64_t i) {
  return i >= FIRST && i < FIRST + INNER;
}

static int set_up(histogram *h) {
  const size_t voxels = pencone_grid_voxels(&h->grid);
  h->mask = malloc(voxels);
  if (h->mask == NULL || pencone_context_create(&h->ctx) != PENCONE_OK ||
      pencone_context_set_threads(h->ctx, 1) != PENCONE_OK ||
      pencone_dose_create(h->ctx, &h->grid, &h->dose) != PENCONE_OK) {
    return bench_failed(h->ctx, "set-up");
  }
  for (size_t v = 0; v < voxels; v++) {
    const int64_t i = (int64_t)v % EDGE, j = (int64_t)v / EDGE % EDGE, k = (int64_t)v / (EDGE * EDGE);
    h->mask[v] = inside(i) && inside(j) && inside(k) ? 255 : 0;
    pencone_dose_values(h->dose)[v] = (float)i;
  }
  return 0;
}

static int run(histogram *h, const bench_options *o) {
  if (set_up(h) || collect(h)) {
    return bench_failed(h->ctx, "histogram");
  }
  const double low = FIRST - 0.5;
  if (bench_near("D50", pencone_dvh_dose_at(h->dvh, 50), low + 0.50 * INNER, 1e-3) ||
      bench_near("D98", pencone_dvh_dose_at(h->dvh, 98), low + 0.02 * INNER, 1e-3) ||
      bench_near("D2", pencone_dvh_dose_at(h->dvh, 2), low + 0.98 * INNER, 1e-3)) {
    return 1;
  }
  const double voxels = (double)pencone_grid_voxels(&h->grid), in = (double)INNER * INNER * INNER;
  // The mask is read, and of the structure the dose; a sample is written, sorted (read and written) and
  // summed up.
  const double bytes = voxels + in * (4 + 3 * 12 + 8);
  const bench_case what = {"dvh-80", "dvh", "-", 1, in, "structure voxel", bytes, bytes, 0, 0, 0};
  return bench_time(o, &what, collect, h);
}

int main(int argc, char **argv) {
  bench_options o;
  int status;
  if (!bench_begin(argc, argv, &o, &status)) {
    return status;
  }
  histogram h = {.grid = bench_grid(EDGE, 2.5)};
  const int bad = run(&h, &o);
  pencone_dvh_destroy(h.dvh);
  pencone_dose_destroy(h.dose);
  pencone_context_destroy(h.ctx);
  free(h.mask);
  return bad;
}

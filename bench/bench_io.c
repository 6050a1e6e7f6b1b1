// SPDX-License-Identifier: Apache-2.0
// A phantom (density and material) and a dose of 120^3 voxels to HDF5 and back, in the folder where this
// runs. Verified: every value comes back. The limit is a plain file of as many bytes (bench_machine.c).
// usage: bench_io [--quick] [--verify] [RUNS]
#define _XOPEN_SOURCE 700

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

enum { EDGE = 120 };

typedef struct files {
  pencone_context *ctx;
  pencone_phantom *phantom, *phantom_back;
  pencone_dose *dose, *dose_back;
  char phantom_path[64], dose_path[64];
} files;

static int write_phantom(void *user) {
  files *f = user;
  return pencone_phantom_write(f->ctx, f->phantom_path, f->phantom) != PENCONE_OK;
}

static int read_phantom(void *user) {
  files *f = user;
  pencone_phantom_destroy(f->phantom_back);
  f->phantom_back = NULL;
  return pencone_phantom_read(f->ctx, f->phantom_path, &f->phantom_back) != PENCONE_OK;
}

static int write_dose(void *user) {
  files *f = user;
  return pencone_dose_write(f->ctx, f->dose_path, f->dose, NULL) != PENCONE_OK;
}

static int read_dose(void *user) {
  files *f = user;
  pencone_dose_destroy(f->dose_back);
  f->dose_back = NULL;
  return pencone_dose_read(f->ctx, f->dose_path, &f->dose_back) != PENCONE_OK;
}

static int set_up(files *f) {
  const pencone_grid grid = bench_grid(EDGE, 2.5);
  snprintf(f->phantom_path, sizeof f->phantom_path, "bench-phantom-%ld.h5", (long)getpid());
  snprintf(f->dose_path, sizeof f->dose_path, "bench-dose-%ld.h5", (long)getpid());
  if (pencone_context_create(&f->ctx) != PENCONE_OK || pencone_context_set_threads(f->ctx, 1) != PENCONE_OK ||
      bench_phantom(f->ctx, &grid, 1, &f->phantom) != 0 ||
      pencone_dose_create(f->ctx, &grid, &f->dose) != PENCONE_OK) {
    return bench_failed(f->ctx, "set-up");
  }
  float *value = pencone_dose_values(f->dose);
  for (size_t v = 0; v < pencone_grid_voxels(&grid); v++) {
    value[v] = (float)(v * 2654435761U % 1000003U) / 1000003.0F;
  }
  return 0;
}

static int verify(files *f) {
  if (write_phantom(f) || read_phantom(f) || write_dose(f) || read_dose(f)) {
    return bench_failed(f->ctx, "files");
  }
  const size_t voxels = pencone_grid_voxels(pencone_dose_grid_of(f->dose));
  const float *in = pencone_phantom_describe(f->phantom_back)->density,
              *out = pencone_phantom_describe(f->phantom)->density;
  return bench_near("densities read back", memcmp(in, out, voxels * sizeof *in), 0, 0) ||
         bench_near(
             "doses read back",
             memcmp(pencone_dose_values(f->dose_back), pencone_dose_values(f->dose), voxels * sizeof(float)),
             0, 0);
}

static int run(files *f, const bench_options *o) {
  if (set_up(f) || verify(f)) {
    return 1;
  }
  const double voxels = (double)pencone_grid_voxels(pencone_dose_grid_of(f->dose));
  const bench_case phantom_out = {
      "hdf5-phantom-write", "hdf5", "-", 1, voxels, "voxel", 0, 0, 0, 0, 5 * voxels};
  const bench_case phantom_in = {"hdf5-phantom-read", "hdf5", "-", 1, voxels, "voxel", 0, 0, 0, 0,
                                 5 * voxels};
  const bench_case dose_out = {"hdf5-dose-write", "hdf5", "-", 1, voxels, "voxel", 0, 0, 0, 0, 4 * voxels};
  const bench_case dose_in = {"hdf5-dose-read", "hdf5", "-", 1, voxels, "voxel", 0, 0, 0, 0, 4 * voxels};
  return bench_time(o, &phantom_out, write_phantom, f) || bench_time(o, &phantom_in, read_phantom, f) ||
         bench_time(o, &dose_out, write_dose, f) || bench_time(o, &dose_in, read_dose, f);
}

int main(int argc, char **argv) {
  bench_options o;
  int status;
  if (!bench_begin(argc, argv, &o, &status)) {
    return status;
  }
  files f = {0};
  const int bad = run(&f, &o);
  remove(f.phantom_path);
  remove(f.dose_path);
  pencone_dose_destroy(f.dose_back);
  pencone_dose_destroy(f.dose);
  pencone_phantom_destroy(f.phantom_back);
  pencone_phantom_destroy(f.phantom);
  pencone_context_destroy(f.ctx);
  return bad;
}

// SPDX-License-Identifier: Apache-2.0
// getrusage() and clock_gettime() are POSIX, not C.
#define _XOPEN_SOURCE 700

#include "bench.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

// User CPU seconds of all threads of this process: unlike the clock on the wall, other programs on the
// machine hardly change it.
static double cpu_seconds(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) {
    return 0.0;
  }
  return (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec;
}

static double wall_seconds(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
    return 0.0;
  }
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void bench_header(void) {
  printf("case,engine,isa,threads,voxels,directions,ns_per_voxel_direction,cpu_s,wall_s,runs\n");
}

int bench_time(const bench_case *what, bench_work work, void *user) {
  if (work(user) != 0) {
    return bench_wrong(what->name, 1.0, 0.0);
  }
  double cpu = 0.0;
  double wall = 0.0;
  for (int run = 0; run < what->runs; run++) {
    const double cpu_start = cpu_seconds();
    const double wall_start = wall_seconds();
    if (work(user) != 0) {
      return bench_wrong(what->name, 1.0, 0.0);
    }
    const double cpu_run = cpu_seconds() - cpu_start;
    const double wall_run = wall_seconds() - wall_start;
    cpu = run == 0 || cpu_run < cpu ? cpu_run : cpu;
    wall = run == 0 || wall_run < wall ? wall_run : wall;
  }
  const double work_items = (double)what->voxels * (double)what->directions;
  printf("%s,%s,%s,%d,%zu,%d,%.4g,%.4g,%.4g,%d\n", what->name, what->engine, what->isa, what->threads,
         what->voxels, what->directions, 1e9 * cpu / work_items, cpu, wall, what->runs);
  return fflush(stdout) == 0 ? 0 : 1;
}

int bench_wrong(const char *what, double got, double expected) {
  fprintf(stderr, "bench: %s: got %.9g, expected %.9g\n", what, got, expected);
  return 1;
}

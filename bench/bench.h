// SPDX-License-Identifier: Apache-2.0
// What the benchmarks share: verify first, then time, then one CSV line per case. A benchmark whose result
// is wrong prints no time and ends with 1; a slow one never fails.
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>

/// One timed case. CSV: case,engine,isa,threads,voxels,directions,ns_per_voxel_direction,cpu_s,wall_s,runs
typedef struct bench_case {
  const char *name;
  const char *engine;  ///< an engine's name, or the loop that is timed
  const char *isa;     ///< instruction set, "default" where the library chooses
  int threads;
  size_t voxels;
  int directions;  ///< 1 where there are none
  int runs;        ///< the best of so many counts
} bench_case;

/// Work to be timed; returns 0, or another value when it failed.
typedef int (*bench_work)(void *user);

/// Prints the heading of the CSV table.
void bench_header(void);

/// Runs the work once to warm up and then runs times; prints the least user CPU time (getrusage, all threads
/// of the process) and the least time of the clock on the wall. ns per voxel and direction is from CPU time.
/// @return 0, or 1 when the work failed.
int bench_time(const bench_case *what, bench_work work, void *user);

/// Prints what is wrong on the standard error and returns 1, the exit status of a benchmark that is wrong.
int bench_wrong(const char *what, double got, double expected);

#endif

// SPDX-License-Identifier: Apache-2.0
// What the benchmarks share: verify first, then time, then one CSV line per case. A benchmark whose result is
// wrong prints no time and ends with 1; a slow one never fails.
#ifndef BENCH_H
#define BENCH_H

#include <pencone/pencone.h>
#include <stddef.h>

/// One timed case. The last group says what one run needs at least; bench/run sets it against the limits of
/// the machine (bench_machine.c). 0: not counted.
typedef struct bench_case {
  const char *name;
  const char *kernel;  ///< an engine's name, or the loop that is timed
  const char *isa;     ///< instruction set of the hot loops, "-" where there is one only
  int threads;
  double items;       ///< done in one run
  const char *unit;   ///< what an item is: "voxel", "voxel direction"
  double bytes;       ///< to and from the memory that holds set_bytes
  double set_bytes;   ///< what a run goes through: decides which level of memory limits it
  double operations;  ///< float additions, multiplications or fused pairs, one by one
  double chain;       ///< operations in double that wait for one another
  double file_bytes;  ///< written or read
} bench_case;

/// How to run, from the arguments.
typedef struct bench_options {
  int runs;         ///< timed runs per case
  int quick;        ///< 1: few runs, large cases left out
  int verify_only;  ///< 1: nothing is timed
} bench_options;

/// Work to be timed; returns 0, or another value when it failed.
typedef int (*bench_work)(void *user);

/// Reads [--quick] [--verify] [RUNS] and prints the heading of the table.
/// @return 1: go on; 0: the program ends with status
int bench_begin(int argc, char **argv, bench_options *out, int *status);

/// Runs the work once to warm up and then options->runs times, each at least 20 ms long by repeating the
/// work; prints the CSV line. cpu is user and system time by the clock of the process; user is the share of
/// it that getrusage() saw in all runs together.
/// @return 0, or 1 when the work failed.
int bench_time(const bench_options *options, const bench_case *what, bench_work work, void *user);

/// What this was built with: "GCC 12.2.0".
const char *bench_compiler(void);

/// Prints what is wrong on the standard error and returns 1, the exit status of a benchmark that is wrong.
int bench_wrong(const char *what, double got, double expected);

/// 0 when got is within tolerance of expected, else bench_wrong().
int bench_near(const char *what, double got, double expected, double tolerance);

/// Says what the library said and returns 1.
int bench_failed(const pencone_context *ctx, const char *what);

/// A cube of edge^3 voxels, its surface at y = 0, centred in x and z.
pencone_grid bench_grid(int64_t edge, double spacing_mm);

/// Water, or with lung != 0 water with a layer of lung (0.26 g/cm3) from 50 to 150 mm.
/// @param[out] out  owns its arrays. @return 0, or 1 with a text on the standard error
int bench_phantom(pencone_context *ctx, const pencone_grid *grid, int lung, pencone_phantom **out);

/// A square field at gantry 0 with the isocentre 100 mm deep. The machine is borrowed.
pencone_beam bench_beam(const pencone_machine *machine, double field_mm);

/// A plan on water, from the context to the dose.
typedef struct bench_session {
  pencone_context *ctx;
  pencone_machine *machine;
  pencone_phantom *phantom;
  pencone_plan *plan;
  pencone_engine *engine;
  pencone_dose *dose;
  pencone_grid grid;
} bench_session;

/// One thread, a phantom of water on the grid, a plan without beams, a dose; no engine yet.
/// @param[out] out  ended by bench_session_end(), also after a failure. @return 0, or 1 with a text on the
/// standard error
int bench_session_begin(const char *machine, const char *engine, const pencone_grid *grid,
                        bench_session *out);

/// The same with the phantom of bench_phantom().
int bench_session_begin_in(const char *machine, const char *engine, const pencone_grid *grid, int lung,
                           bench_session *out);
void bench_session_end(bench_session *session);

/// Work for bench_time() on a session: makes the engine anew; calculates the dose.
int bench_session_create(void *session);
int bench_session_compute(void *session);

/// Times the influence matrix of a session with an engine, its entries counted and dropped. @return 0, or 1
int bench_time_matrix(const bench_options *options, const bench_session *session, double threshold,
                      const char *name);

#endif

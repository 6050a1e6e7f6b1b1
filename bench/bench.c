// SPDX-License-Identifier: Apache-2.0
// getrusage() and clock_gettime() are POSIX, not C.
#define _XOPEN_SOURCE 700

#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { RUNS_MAX = 1000, RUNS = 7, RUNS_QUICK = 3, MODEL_CHARS = 96 };

static const double shortest_run_s = 0.02;

/// Seconds of all threads of the process: user; user and system; the clock on the wall.
typedef struct seconds {
  double user, cpu, wall;
} seconds;

static double clock_s(clockid_t clock) {
  struct timespec now;
  return clock_gettime(clock, &now) == 0 ? (double)now.tv_sec + 1e-9 * (double)now.tv_nsec : 0.0;
}

static seconds seconds_now(void) {
  struct rusage usage;
  seconds s = {0, clock_s(CLOCK_PROCESS_CPUTIME_ID), clock_s(CLOCK_MONOTONIC)};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    s.user = (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec;
  }
  return s;
}

const char *bench_compiler(void) {
#if defined(__clang__)
  return __VERSION__;
#else
  return "GCC " __VERSION__;
#endif
}

// The processor's name without the marks that would end a CSV field.
static void read_model(char *out, size_t size) {
  char line[256];
  snprintf(out, size, "unknown");
  FILE *file = fopen("/proc/cpuinfo", "r");
  if (file == NULL) {
    return;
  }
  while (fgets(line, sizeof line, file) != NULL) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
      snprintf(out, size, "%.*s", (int)strcspn(colon + 2, "\n,\""), colon + 2);
      break;
    }
  }
  fclose(file);
}

int bench_begin(int argc, char **argv, bench_options *out, int *status) {
  const bench_options none = {0, 0, 0};
  *out = none;
  *status = 2;
  for (int i = 1; i < argc; i++) {
    char *end = NULL;
    const long runs = strtol(argv[i], &end, 10);
    if (strcmp(argv[i], "--quick") == 0) {
      out->quick = 1;
    } else if (strcmp(argv[i], "--verify") == 0) {
      out->quick = out->verify_only = 1;
    } else if (*end == '\0' && runs >= 1 && runs <= RUNS_MAX) {
      out->runs = (int)runs;
    } else {
      fprintf(stderr, "usage: %s [--quick] [--verify] [RUNS]   (1 to %d)\n", argv[0], (int)RUNS_MAX);
      return 0;
    }
  }
  if (out->runs == 0) {
    out->runs = out->quick ? RUNS_QUICK : RUNS;
  }
  *status = 0;
  if (!out->verify_only) {
    printf(
        "case,kernel,isa,threads,items,unit,runs,user_min_s,user_median_s,user_max_s,cpu_min_s,cpu_median_s,"
        "wall_min_s,wall_median_s,wall_max_s,bytes,set_bytes,operations,chain,file_bytes,machine,compiler,"
        "commit\n");
  }
  return 1;
}

static int rising(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int repeat(bench_work work, void *user, int times) {
  for (int i = 0; i < times; i++) {
    if (work(user) != 0) {
      return 1;
    }
  }
  return 0;
}

// Systems split a process's time into user and system by what they find at their ticks: too coarse for one
// run.
static double user_share(seconds begin, seconds end) {
  const double cpu = end.cpu - begin.cpu, user = end.user - begin.user;
  return cpu > 0 && user < cpu ? user / cpu : 1;
}

int bench_time(const bench_options *options, const bench_case *what, bench_work work, void *user) {
  double spent[3][RUNS_MAX];
  const double start_s = clock_s(CLOCK_PROCESS_CPUTIME_ID);
  if (work(user) != 0) {
    return bench_wrong(what->name, 1.0, 0.0);
  }
  if (options->verify_only) {
    return 0;
  }
  const double once_s = fmax(clock_s(CLOCK_PROCESS_CPUTIME_ID) - start_s, 1e-7);
  const int times = once_s < shortest_run_s ? (int)ceil(shortest_run_s / once_s) : 1;
  const seconds begin = seconds_now();
  for (int run = 0; run < options->runs; run++) {
    const seconds before = seconds_now();
    if (repeat(work, user, times) != 0) {
      return bench_wrong(what->name, 1.0, 0.0);
    }
    const seconds after = seconds_now();
    spent[1][run] = (after.cpu - before.cpu) / times;
    spent[2][run] = (after.wall - before.wall) / times;
  }
  const double share = user_share(begin, seconds_now());
  for (int run = 0; run < options->runs; run++) {
    spent[0][run] = share * spent[1][run];
  }
  const int last = options->runs - 1, middle = options->runs / 2;
  for (int clock = 0; clock < 3; clock++) {
    qsort(spent[clock], (size_t)options->runs, sizeof spent[clock][0], rising);
  }
  char model[MODEL_CHARS];
  read_model(model, sizeof model);
  printf("%s,%s,%s,%d,%.9g,%s,%d,", what->name, what->kernel, what->isa, what->threads, what->items,
         what->unit, options->runs);
  printf("%.4g,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g,", spent[0][0], spent[0][middle], spent[0][last],
         spent[1][0], spent[1][middle], spent[2][0], spent[2][middle], spent[2][last]);
  printf("%.6g,%.6g,%.6g,%.6g,%.6g,%s,%s,%s\n", what->bytes, what->set_bytes, what->operations, what->chain,
         what->file_bytes, model, bench_compiler(), pencone_commit());
  return fflush(stdout) == 0 ? 0 : 1;
}

int bench_wrong(const char *what, double got, double expected) {
  fprintf(stderr, "bench: %s: got %.9g, expected %.9g\n", what, got, expected);
  return 1;
}

int bench_near(const char *what, double got, double expected, double tolerance) {
  return fabs(got - expected) <= tolerance ? 0 : bench_wrong(what, got, expected);
}

int bench_failed(const pencone_context *ctx, const char *what) {
  fprintf(stderr, "bench: %s: %s\n", what, ctx != NULL ? pencone_context_error(ctx) : "no context");
  return 1;
}

pencone_grid bench_grid(int64_t edge, double spacing_mm) {
  const double side = -0.5 * spacing_mm * (double)(edge - 1);
  const pencone_grid grid = {
      {edge, edge, edge}, {spacing_mm, spacing_mm, spacing_mm}, {side, 0.5 * spacing_mm, side}};
  return grid;
}

int bench_phantom(pencone_context *ctx, const pencone_grid *grid, int lung, pencone_phantom **out) {
  static const char *const names[] = {"water", "lung"};
  const size_t voxels = pencone_grid_voxels(grid);
  float *density = malloc(voxels * sizeof *density);
  uint8_t *material = malloc(voxels);
  if (density == NULL || material == NULL) {
    free(density);
    free(material);
    return bench_failed(NULL, "memory of a phantom");
  }
  for (size_t v = 0; v < voxels; v++) {
    const int64_t j = (int64_t)v / grid->size[0] % grid->size[1];
    const double y = grid->origin_mm[1] + grid->spacing_mm[1] * (double)j;
    material[v] = (uint8_t)(lung && y > 50 && y < 150);
    density[v] = material[v] != 0 ? 0.26F : 1.0F;
  }
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  desc.grid = *grid;
  desc.density = density;
  desc.material = material;
  desc.material_names = names;
  desc.material_count = 2;
  const pencone_status status = pencone_phantom_copy(ctx, &desc, out);
  free(density);
  free(material);
  return status == PENCONE_OK ? 0 : bench_failed(ctx, "phantom");
}

pencone_beam bench_beam(const pencone_machine *machine, double field_mm) {
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  beam.machine = machine;
  beam.isocenter_mm[1] = 100;
  for (int side = 0; side < 2; side++) {
    beam.field_x_mm[side] = beam.field_y_mm[side] = (side == 0 ? -0.5 : 0.5) * field_mm;
  }
  return beam;
}

int bench_session_begin(const char *machine, const char *engine, const pencone_grid *grid,
                        bench_session *out) {
  return bench_session_begin_in(machine, engine, grid, 0, out);
}

int bench_session_begin_in(const char *machine, const char *engine, const pencone_grid *grid, int lung,
                           bench_session *out) {
  const bench_session empty = {.grid = *grid};
  *out = empty;
  if (pencone_context_create(&out->ctx) != PENCONE_OK ||
      pencone_context_set_threads(out->ctx, 1) != PENCONE_OK ||
      pencone_machine_read(out->ctx, machine, &out->machine) != PENCONE_OK ||
      bench_phantom(out->ctx, grid, lung, &out->phantom) != 0 ||
      pencone_plan_create(out->ctx, "bench", &out->plan) != PENCONE_OK ||
      pencone_plan_set_engine(out->ctx, out->plan, engine) != PENCONE_OK ||
      pencone_dose_create(out->ctx, grid, &out->dose) != PENCONE_OK) {
    return bench_failed(out->ctx, "set-up");
  }
  return 0;
}

void bench_session_end(bench_session *session) {
  pencone_dose_destroy(session->dose);
  pencone_engine_destroy(session->engine);
  pencone_plan_destroy(session->plan);
  pencone_phantom_destroy(session->phantom);
  pencone_machine_destroy(session->machine);
  pencone_context_destroy(session->ctx);
}

int bench_session_create(void *session) {
  bench_session *s = session;
  pencone_engine_destroy(s->engine);
  s->engine = NULL;
  return pencone_engine_create(s->ctx, s->plan, s->phantom, &s->engine) != PENCONE_OK;
}

int bench_session_compute(void *session) {
  bench_session *s = session;
  return pencone_engine_compute(s->ctx, s->engine, 0, s->dose) != PENCONE_OK;
}

// --- influence matrices ------------------------------------------------------------------------

typedef struct matrix {
  const bench_session *plan;
  double threshold;
  int64_t entries;
} matrix;

static pencone_status count_entries(void *data, pencone_context *ctx, const pencone_dij_column *columns,
                                    int count) {
  matrix *m = data;
  (void)ctx;
  for (int i = 0; i < count; i++) {
    m->entries += columns[i].count;
  }
  return PENCONE_OK;
}

static int stream(void *user) {
  matrix *m = user;
  const pencone_dij_sink sink = {m, NULL, count_entries, NULL};
  pencone_dij_options options = PENCONE_DIJ_OPTIONS_DEFAULT;
  options.threshold = m->threshold;
  m->entries = 0;
  return pencone_dij_stream(m->plan->ctx, m->plan->engine, &options, &sink, NULL) != PENCONE_OK;
}

int bench_time_matrix(const bench_options *options, const bench_session *session, double threshold,
                      const char *name) {
  matrix m = {session, threshold, 0};
  if (stream(&m)) {
    return 1;
  }
  const double entries = (double)m.entries;  // index and value of an entry are written once: 8 bytes
  const bench_case what = {
      name, "dij", pencone_context_isa(session->ctx), 1, entries, "entry", 8 * entries, 8 * entries, 0, 0, 0};
  return bench_time(options, &what, stream, &m);
}

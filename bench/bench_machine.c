// SPDX-License-Identifier: Apache-2.0
// What the machine can do, for comparison: bandwidth of each level of memory (triad a = b + 3 c, 12 bytes per
// element), fused multiply-adds per instruction-set level, the time of operations that wait for one another,
// and a plain file written and read. Verified: the loops' sums. usage: bench_machine [--quick] [--verify]
// [RUNS]
#define _XOPEN_SOURCE 700

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "loops.h"

/// One instruction-set level.
typedef struct level {
  const char *name;
  int runs_here;
  bench_triad_loop triad;
  bench_fma_loop fma;
} level;

enum { LEVELS = 3, FILE_BYTES = 8 << 20 };

static void find_levels(level out[LEVELS]) {
  const level base = {"baseline", 1, bench_triad_base, bench_fma_base};
  out[0] = out[1] = out[2] = base;
#ifdef PCN_HAVE_X86_LEVELS
  const level v3 = {"x86-64-v3", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
                    bench_triad_v3, bench_fma_v3};
  const level v4 = {"x86-64-v4", __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"),
                    bench_triad_v4, bench_fma_v4};
  out[1] = v3;
  out[2] = v4;
#else
  out[1].runs_here = out[2].runs_here = 0;
#endif
}

typedef struct triad {
  bench_triad_loop loop;
  float *a, *b, *c;
  size_t n;
} triad;

static int triad_run(void *user) {
  const triad *t = user;
  t->loop(t->a, t->b, t->c, t->n);
  return 0;
}

// Sets of a half of what a level of memory holds on common processors, the last far beyond any cache.
static int time_triads(const bench_options *o, const level *l) {
  static const struct {
    const char *name;
    size_t bytes;
  } sets[] = {
      {"triad-l1", 16 << 10}, {"triad-l2", 384 << 10}, {"triad-l3", 8 << 20}, {"triad-dram", 192 << 20}};
  for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
    const size_t n = sets[s].bytes / (3 * sizeof(float)) / 16 * 16;
    float *memory = aligned_alloc(64, 3 * n * sizeof *memory);
    if (memory == NULL) {
      return bench_failed(NULL, "memory of the triad");
    }
    triad t = {l->triad, memory, memory + n, memory + 2 * n, n};
    for (size_t i = 0; i < n; i++) {
      t.a[i] = 0;
      t.b[i] = (float)(i % 7);
      t.c[i] = 2;
    }
    const double bytes = (double)(3 * n * sizeof(float));
    const bench_case what = {sets[s].name, "triad", l->name, 1, bytes, "byte", bytes, bytes, 0, 0, 0};
    const int bad = bench_time(o, &what, triad_run, &t) ||
                    bench_near("triad", (double)t.a[n - 1], (double)((n - 1) % 7) + 6, 0);
    free(memory);
    if (bad) {
      return 1;
    }
  }
  return 0;
}

typedef struct fma {
  bench_fma_loop loop;
  float sum;
} fma_state;

enum { FMA_ROUNDS = 200000 };

static int fma_run(void *user) {
  fma_state *f = user;
  f->sum = f->loop(0.5F, 1.0F, FMA_ROUNDS);
  return 0;
}

// x = x / 2 + 1 goes to 2 in each chain.
static int time_fma(const bench_options *o, const level *l) {
  fma_state f = {l->fma, 0};
  if (fma_run(&f) || bench_near("multiply-add", (double)f.sum, 2.0 * BENCH_FMA_CHAINS, 1e-3)) {
    return 1;
  }
  const double count = (double)FMA_ROUNDS * BENCH_FMA_CHAINS * BENCH_FMA_LANES;
  const bench_case what = {"fma", "fma", l->name, 1, count, "operation", 0, 0, count, 0, 0};
  return bench_time(o, &what, fma_run, &f);
}

enum { CHAIN = 1 << 20 };

static int chain_run(void *user) {
  volatile double *x = user;
  double at = x[0], factor = x[1], term = x[2];
  for (int i = 0; i < CHAIN; i += 2) {
    at = at * factor;
    at = at + term;
  }
  x[0] = at;
  return 0;
}

static int time_chain(const bench_options *o) {
  double x[3] = {5, 0.5, 1};
  const bench_case what = {"chain", "chain", "-", 1, CHAIN, "operation", 0, 0, 0, CHAIN, 0};
  return chain_run(x) || bench_near("chain", x[0], 2, 1e-12) || bench_time(o, &what, chain_run, x);
}

typedef struct file_state {
  char path[64];
  unsigned char *bytes, *back;
} file_state;

static int file_write(void *user) {
  const file_state *f = user;
  FILE *file = fopen(f->path, "wb");
  if (file == NULL) {
    return 1;
  }
  const size_t written = fwrite(f->bytes, 1, FILE_BYTES, file);
  return fclose(file) != 0 || written != FILE_BYTES;
}

static int file_read(void *user) {
  const file_state *f = user;
  FILE *file = fopen(f->path, "rb");
  if (file == NULL) {
    return 1;
  }
  const size_t got = fread(f->back, 1, FILE_BYTES, file);
  return fclose(file) != 0 || got != FILE_BYTES;
}

// In the folder where the program runs, as bench_io.c does; the system's cache of files takes part in both.
static int time_files(const bench_options *o) {
  file_state f = {.bytes = malloc(FILE_BYTES), .back = calloc(FILE_BYTES, 1)};
  int bad = f.bytes == NULL || f.back == NULL;
  snprintf(f.path, sizeof f.path, "bench-plain-%ld.tmp", (long)getpid());
  for (int i = 0; i < FILE_BYTES && !bad; i++) {
    f.bytes[i] = (unsigned char)((unsigned)i * 2654435761U >> 13);
  }
  if (!bad) {
    const bench_case out = {"file-write", "file", "-", 1, FILE_BYTES, "byte", 0, 0, 0, 0, FILE_BYTES};
    const bench_case in = {"file-read", "file", "-", 1, FILE_BYTES, "byte", 0, 0, 0, 0, FILE_BYTES};
    bad = bench_time(o, &out, file_write, &f) || bench_time(o, &in, file_read, &f);
    bad = bad || bench_near("bytes read back", memcmp(f.bytes, f.back, FILE_BYTES), 0, 0);
    remove(f.path);
  }
  free(f.bytes);
  free(f.back);
  return bad;
}

int main(int argc, char **argv) {
  bench_options o;
  int status;
  if (!bench_begin(argc, argv, &o, &status)) {
    return status;
  }
  level levels[LEVELS];
  find_levels(levels);
  int best = 0;
  for (int i = 0; i < LEVELS; i++) {
    best = levels[i].runs_here ? i : best;
    if (levels[i].runs_here && time_fma(&o, &levels[i]) != 0) {
      return 1;
    }
  }
  return time_triads(&o, &levels[best]) || time_chain(&o) || time_files(&o);
}

// SPDX-License-Identifier: Apache-2.0
// Loops that show what the machine can do, compiled once per instruction-set level.
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include <stddef.h>

enum { BENCH_FMA_LANES = 16, BENCH_FMA_CHAINS = 12 };

#define BENCH_LOOPS_DECLARE(suffix)                                                               \
  void bench_triad##suffix(float *restrict a, const float *restrict b, const float *c, size_t n); \
  float bench_fma##suffix(float factor, float term, size_t rounds)

BENCH_LOOPS_DECLARE(_base);
BENCH_LOOPS_DECLARE(_v3);
BENCH_LOOPS_DECLARE(_v4);

/// a = b + 3 c over n elements.
typedef void (*bench_triad_loop)(float *restrict a, const float *restrict b, const float *c, size_t n);

/// BENCH_FMA_CHAINS vectors of BENCH_FMA_LANES floats, x = x factor + term, rounds times: independent, in
/// registers.
/// @return the sum of the chains' first lanes; each starts from its number
typedef float (*bench_fma_loop)(float factor, float term, size_t rounds);

#endif

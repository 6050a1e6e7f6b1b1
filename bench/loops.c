// SPDX-License-Identifier: Apache-2.0
#include "loops.h"

#define JOIN_(name, suffix) name##suffix
#define JOIN(name, suffix) JOIN_(name, suffix)
#define ISA_NAME(name) JOIN(name, BENCH_SUFFIX)

/// A register of the level (a GNU C vector, which gcc and clang know).
typedef float lanes __attribute__((vector_size(BENCH_REGISTER_BYTES)));
enum { REGISTERS_PER_CHAIN = BENCH_FMA_LANES * (int)sizeof(float) / BENCH_REGISTER_BYTES };

void ISA_NAME(bench_triad)(float *restrict a, const float *restrict b, const float *c, size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    a[i] = b[i] + 3.0F * c[i];
  }
}

// Twelve registers are in flight at a time, enough for two units of four cycles and few enough for SSE and
// AVX.
float ISA_NAME(bench_fma)(float factor, float term, size_t rounds) {
  float sum = 0;
  for (int part = 0; part < REGISTERS_PER_CHAIN; part++) {
    lanes x[BENCH_FMA_CHAINS];
    for (int k = 0; k < BENCH_FMA_CHAINS; k++) {
      x[k] = (lanes){0} + (float)k;
    }
    for (size_t i = 0; i < rounds; i++) {
#pragma GCC unroll 12
      for (int k = 0; k < BENCH_FMA_CHAINS; k++) {
        x[k] = x[k] * factor + term;
      }
    }
    for (int k = 0; k < BENCH_FMA_CHAINS && part == 0; k++) {
      sum += x[k][0];
    }
    __asm__ volatile("" : : "m"(x) : "memory");  // the other parts are wanted too
  }
  return sum;
}

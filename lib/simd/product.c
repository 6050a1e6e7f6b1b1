// SPDX-License-Identifier: Apache-2.0
// Four rows at a time, whose sums stay in registers while the terms go by.
#include "simd/product.h"

#include <string.h>

#include "simd/isa.h"

enum { LANES = PCN_PRODUCT_LANES, ROWS = 4 };

#define PCN_INLINE static inline __attribute__((always_inline))

/// Registers where the processor has such (GNU C vectors, which gcc and clang know).
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

// rows, known when this is compiled: 1 or ROWS.
PCN_INLINE void add_rows(const pcn_product *p, size_t first, size_t rows, size_t column) {
  const float *left = p->left + (ptrdiff_t)first * p->left_row, *right = p->right + column;
  float *out = p->out + (ptrdiff_t)first * p->out_row + column;
  lanes sum[ROWS];
  for (size_t r = 0; r < rows; r++) {
    memcpy(&sum[r], out + (ptrdiff_t)r * p->out_row, sizeof sum[r]);
  }
  for (size_t t = 0; t < p->terms; t++) {
    lanes term;
    memcpy(&term, right, sizeof term);
    for (size_t r = 0; r < rows; r++) {
      sum[r] += left[(ptrdiff_t)r * p->left_row] * term;
    }
    left += p->left_term;
    right += p->right_row;
  }
  for (size_t r = 0; r < rows; r++) {
    memcpy(out + (ptrdiff_t)r * p->out_row, &sum[r], sizeof sum[r]);
  }
}

void PCN_ISA_NAME(pcn_product_add)(const pcn_product *p) {
  const size_t whole = p->rows - p->rows % ROWS;
  for (size_t column = 0; column < p->columns; column += LANES) {
    for (size_t r = 0; r < whole; r += ROWS) {
      add_rows(p, r, ROWS, column);
    }
    for (size_t r = whole; r < p->rows; r++) {
      add_rows(p, r, 1, column);
    }
  }
}

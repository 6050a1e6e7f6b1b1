// SPDX-License-Identifier: Apache-2.0
// What product.c does, in double precision.
#include "simd/product.h"

void pcn_product_add_reference(const pcn_product *p) {
  for (size_t r = 0; r < p->rows; r++) {
    for (size_t c = 0; c < p->columns; c++) {
      float *out = p->out + (ptrdiff_t)r * p->out_row + c;
      double sum = (double)*out;
      for (size_t t = 0; t < p->terms; t++) {
        const float left = p->left[(ptrdiff_t)r * p->left_row + (ptrdiff_t)t * p->left_term];
        sum += (double)left * (double)p->right[(ptrdiff_t)t * p->right_row + (ptrdiff_t)c];
      }
      *out = (float)sum;
    }
  }
}

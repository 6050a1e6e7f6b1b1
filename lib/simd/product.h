// SPDX-License-Identifier: Apache-2.0
// Products of small matrices: sums of rows, such as those of Gaussians over the rays of a lattice.
#ifndef PCN_PRODUCT_H
#define PCN_PRODUCT_H

#include <stddef.h>

enum { PCN_PRODUCT_LANES = 16 };  ///< columns come in whole groups of so many

/// out[r][c] += sum over t of left[r][t] right[t][c]. Steps in floats from one row, or term, to the next.
typedef struct pcn_product {
  const float *left;
  ptrdiff_t left_row, left_term;
  const float *right;
  ptrdiff_t right_row;
  float *out;
  ptrdiff_t out_row;
  size_t rows, terms, columns;  ///< columns: a multiple of PCN_PRODUCT_LANES; that many are read and written
} pcn_product;

/// out does not overlap left or right.
typedef void (*pcn_product_loop)(const pcn_product *product);

/// Slow twin of the loops.
void pcn_product_add_reference(const pcn_product *product);

#endif

// SPDX-License-Identifier: Apache-2.0
// The pencil beam's kernel as exponentials across the beam, each with a share of its own at every depth
// (docs/theory/pencil-beam.md, eq. 8).
#ifndef PCN_LATERAL_TERMS_H
#define PCN_LATERAL_TERMS_H

#include "photon/pencil_kernel.h"
#include "simd/lateral_row.h"

/// Energy within a radius R at a depth: sum over terms of share[depth] (1 - exp(-R / length)), MeV/g.
typedef struct pcn_lateral_terms {
  float share[PCN_PENCIL_DEPTHS][PCN_LATERAL_TERMS];  ///< >= 0; every mm of water
  /// Largest of the kernel less this, over the largest circle's dose of the depth: 10 to 400 mm deep, from a
  /// radius of 2 mm on.
  double residual;
} pcn_lateral_terms;

/// Where a term dies away, mm of water. @param i  0 to PCN_LATERAL_TERMS - 1
double pcn_lateral_length_mm(int i);

/// @param[out] out  freed by pcn_free(). @return PENCONE_OK, E_MEMORY, E_NUMERIC
pencone_status pcn_lateral_terms_make(pencone_context *ctx, const pcn_pencil_kernel *kernel,
                                      pcn_lateral_terms **out);

#endif

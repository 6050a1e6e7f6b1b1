// SPDX-License-Identifier: Apache-2.0
// Convolution by FFT in a homogeneous medium (Boyer and Mok 1985, Med. Phys. 12, 169;
// docs/theory/pencil-beam.md).
#ifndef PCN_CONVOLUTION_H
#define PCN_CONVOLUTION_H

#include "photon/exact_beam.h"

/// One beam made ready on a medium.
typedef struct pcn_convolution {
  pcn_exact_beam beam;      ///< in a homogeneous medium; by its directions the kernel is spread over voxels
  double electron_density;  ///< of the medium
} pcn_convolution;

/// @param tables  of the beam's machine; borrowed until the engine is freed
/// @param directions  equal steps of the polar angle, equal steps around
/// @param progress  where making starts and its span
/// @param[out] out  freed by pcn_convolution_free()
/// @return PENCONE_OK, E_UNSUPPORTED (the medium is not homogeneous: the text says where), E_MEMORY
pencone_status pcn_convolution_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    const pcn_photon_tables *tables, const int directions[2],
                                    const double progress[2], pcn_convolution *out);
void pcn_convolution_free(pcn_convolution *engine);

/// Memory that one beam takes, bytes.
uint64_t pcn_convolution_bytes(const pencone_grid *grid);

/// Adds the dose in Gy at the voxels' centres to out[0] and, unless NULL, to out[1]. Re-entrant.
pencone_status pcn_convolution_add(pencone_context *ctx, const pcn_convolution *engine, float *const out[2],
                                   const double progress[2]);

#endif

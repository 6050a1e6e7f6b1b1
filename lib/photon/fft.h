// SPDX-License-Identifier: Apache-2.0
// Real FFT of a volume, by kissfft row by row.
#ifndef PCN_FFT_H
#define PCN_FFT_H

#include <kiss_fftr.h>

#include "base/base.h"

/// Transforms of one size there or back. Not re-entrant: one per thread.
typedef struct pcn_fft {
  int size[3];            ///< z, y, x; x even
  kiss_fftr_cfg row;      ///< along x
  kiss_fft_cfg line[2];   ///< along z and y
  kiss_fft_cpx *scratch;  ///< two lines
} pcn_fft;

/// The next sizes that are fast, at least as large. @param inout  z, y, x
void pcn_fft_round_up(int inout[3]);

/// @param[out] out  freed by pcn_fft_free(). @return PENCONE_OK, E_MEMORY
pencone_status pcn_fft_make(pencone_context *ctx, const int size[3], int inverse, pcn_fft *out);
void pcn_fft_free(pcn_fft *fft);

/// real [z][y][x] to spectrum [z][y][x / 2 + 1]; not normalised.
void pcn_fft_forward(const pcn_fft *fft, const float *real, kiss_fft_cpx *spectrum);

/// The way back, times the number of values; spectrum is overwritten.
void pcn_fft_inverse(const pcn_fft *fft, kiss_fft_cpx *spectrum, float *real);

#endif

// SPDX-License-Identifier: Apache-2.0
#include "photon/fft.h"

#include <string.h>

void pcn_fft_round_up(int inout[3]) {
  for (int a = 0; a < 3; a++) {
    inout[a] = a == 2 ? kiss_fftr_next_fast_size_real(inout[a]) : kiss_fft_next_fast_size(inout[a]);
  }
}

static pencone_status make_parts(pencone_context *ctx, int inverse, pcn_fft *f) {
  size_t bytes = 0;
  kiss_fftr_alloc(f->size[2], inverse, NULL, &bytes);  // only asks for the size
  void *memory = pcn_alloc(ctx, 1, bytes);
  if (memory == NULL) {
    return PENCONE_E_MEMORY;
  }
  f->row = kiss_fftr_alloc(f->size[2], inverse, memory, &bytes);
  for (int a = 0; a < 2; a++) {
    bytes = 0;
    kiss_fft_alloc(f->size[a], inverse, NULL, &bytes);
    memory = pcn_alloc(ctx, 1, bytes);
    if (memory == NULL) {
      return PENCONE_E_MEMORY;
    }
    f->line[a] = kiss_fft_alloc(f->size[a], inverse, memory, &bytes);
  }
  const int longest = f->size[0] > f->size[1] ? f->size[0] : f->size[1];
  f->scratch = pcn_alloc(ctx, 2 * (size_t)longest, sizeof *f->scratch);
  return f->scratch != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

pencone_status pcn_fft_make(pencone_context *ctx, const int size[3], int inverse, pcn_fft *out) {
  memset(out, 0, sizeof *out);
  memcpy(out->size, size, sizeof out->size);
  const pencone_status status = make_parts(ctx, inverse, out);
  if (status != PENCONE_OK) {
    pcn_fft_free(out);
  }
  return status;
}

void pcn_fft_free(pcn_fft *fft) {
  pcn_free(fft->row);
  pcn_free(fft->line[0]);
  pcn_free(fft->line[1]);
  pcn_free(fft->scratch);
  memset(fft, 0, sizeof *fft);
}

// One line in place: gathered, transformed, put back.
static void line(const pcn_fft *f, int axis, kiss_fft_cpx *first, size_t stride) {
  const size_t n = (size_t)f->size[axis];
  kiss_fft_cpx *in = f->scratch, *out = f->scratch + n;
  for (size_t i = 0; i < n; i++) {
    in[i] = first[i * stride];
  }
  kiss_fft(f->line[axis], in, out);
  for (size_t i = 0; i < n; i++) {
    first[i * stride] = out[i];
  }
}

// Along y, then along z.
static void lines(const pcn_fft *f, kiss_fft_cpx *spectrum) {
  const size_t nz = (size_t)f->size[0], ny = (size_t)f->size[1], nx = (size_t)f->size[2] / 2 + 1;
  for (size_t k = 0; k < nz; k++) {
    for (size_t i = 0; i < nx; i++) {
      line(f, 1, spectrum + k * ny * nx + i, nx);
    }
  }
  for (size_t i = 0; i < ny * nx; i++) {
    line(f, 0, spectrum + i, ny * nx);
  }
}

void pcn_fft_forward(const pcn_fft *f, const float *real, kiss_fft_cpx *spectrum) {
  const size_t rows = (size_t)f->size[0] * (size_t)f->size[1], n = (size_t)f->size[2];
  for (size_t r = 0; r < rows; r++) {
    kiss_fftr(f->row, real + r * n, spectrum + r * (n / 2 + 1));
  }
  lines(f, spectrum);
}

void pcn_fft_inverse(const pcn_fft *f, kiss_fft_cpx *spectrum, float *real) {
  const size_t rows = (size_t)f->size[0] * (size_t)f->size[1], n = (size_t)f->size[2];
  lines(f, spectrum);
  for (size_t r = 0; r < rows; r++) {
    kiss_fftri(f->row, spectrum + r * (n / 2 + 1), real + r * n);
  }
}

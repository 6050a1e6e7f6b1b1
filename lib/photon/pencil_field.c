// SPDX-License-Identifier: Apache-2.0
// Each pixel's integrals are those of one, moved: the sum over all of them is a convolution. By FFT it costs
// the same for any map, and the lattice is read as often as that of an open field.
#include "photon/pencil_field.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "photon/fft.h"

enum { TERMS = PCN_PENCIL_TERMS, PLACES_MOST = 4000000 };

pcn_pencil_field pcn_pencil_field_of(const pencone_beam *beam, const double pixel_mm[2], double reach_mm) {
  const double *edge_mm[2] = {beam->field_x_mm, beam->field_y_mm};
  pcn_pencil_field field = {.weight = beam->fluence_map};
  for (int a = 0; a < 2; a++) {
    const double width_mm = (edge_mm[a][1] - edge_mm[a][0]) / beam->fluence_map_size[a];
    field.pixels[a] = beam->fluence_map_size[a];
    field.half[a] = (int)round(0.5 * width_mm / pixel_mm[a]);
    field.around[a] = (int)ceil(reach_mm / pixel_mm[a]) + 1;  // the loops read one beyond the last place
  }
  return field;
}

static int64_t places_of(const pcn_pencil_field *f, int axis) {
  return 2 * (int64_t)f->around[axis] + 2 * (int64_t)f->half[axis] * f->pixels[axis] + 1;
}

// No pixel sees another's image: the lattice, and once more the field.
static void padded(const pcn_pencil_field *f, int size[3]) {
  size[0] = 1;
  size[1] = (int)places_of(f, 1) + 2 * f->half[1] * f->pixels[1];
  size[2] = (int)places_of(f, 0) + 2 * f->half[0] * f->pixels[0];
  pcn_fft_round_up(size);
}

uint64_t pcn_pencil_field_bytes(const pcn_pencil_field *f, int planes) {
  const uint64_t places = (uint64_t)places_of(f, 0) * (uint64_t)places_of(f, 1);
  if (places > PLACES_MOST) {
    return 0;  // refused
  }
  int size[3];
  padded(f, size);
  return 2 * TERMS * sizeof(float) * places * (uint64_t)(planes - 1) +
         (uint64_t)size[1] *
             ((uint64_t)size[2] * sizeof(float) + ((uint64_t)size[2] + 2) * sizeof(kiss_fft_cpx));
}

/// A convolution at work; one plane and term at a time.
typedef struct work {
  const pcn_pencil_field *field;
  const pcn_pencil_map *pixel;
  int size[3];  ///< padded
  size_t places;
  pcn_fft forward, inverse;
  float *real;
  kiss_fft_cpx *weight, *value;  ///< spectra
} work;

static pencone_status make_work(pencone_context *ctx, work *w) {
  const size_t bins = (size_t)w->size[1] * (size_t)(w->size[2] / 2 + 1);
  w->places = (size_t)w->size[1] * (size_t)w->size[2];
  w->real = pcn_alloc(ctx, w->places, sizeof *w->real);
  w->weight = pcn_alloc(ctx, bins, sizeof *w->weight);
  w->value = pcn_alloc(ctx, bins, sizeof *w->value);
  if (w->real == NULL || w->weight == NULL || w->value == NULL) {
    return PENCONE_E_MEMORY;
  }
  PCN_TRY(pcn_fft_make(ctx, w->size, 0, &w->forward));
  return pcn_fft_make(ctx, w->size, 1, &w->inverse);
}

static void free_work(work *w) {
  pcn_fft_free(&w->forward);
  pcn_fft_free(&w->inverse);
  pcn_free(w->real);
  pcn_free(w->weight);
  pcn_free(w->value);
}

// A weight stands at its pixel's centre, a step being counted from the field's edge.
static void transform_weights(work *w) {
  const pcn_pencil_field *f = w->field;
  memset(w->real, 0, w->places * sizeof *w->real);
  for (int j = 0; j < f->pixels[1]; j++) {
    for (int i = 0; i < f->pixels[0]; i++) {
      const size_t x = (size_t)(f->half[0] * (2 * i + 1)), y = (size_t)(f->half[1] * (2 * j + 1));
      w->real[y * (size_t)w->size[2] + x] = (float)f->weight[j * f->pixels[0] + i];
    }
  }
  pcn_fft_forward(&w->forward, w->real, w->weight);
}

// Of a slab's two planes the far one is the near one of the slab behind.
static size_t first_of(const pcn_pencil_map *map, int plane, int term) {
  const int slab = plane > 0 ? plane - 1 : 0, far = plane > 0;
  return ((size_t)slab * (size_t)map->size[0] * (size_t)map->size[1] * 2 + (size_t)far) * TERMS +
         (size_t)term;
}

// The quarter of one pixel's map on all sides of the origin, in wrapped order.
static void unfold(const work *w, int plane, int term) {
  const pcn_pencil_map *m = w->pixel;
  const float *from = m->value + first_of(m, plane, term);
  memset(w->real, 0, w->places * sizeof *w->real);
  for (int j = 1 - m->size[1]; j < m->size[1]; j++) {
    float *row = w->real + (size_t)(j < 0 ? j + w->size[1] : j) * (size_t)w->size[2];
    const size_t start = (size_t)abs(j) * (size_t)m->size[0];
    for (int i = 1 - m->size[0]; i < m->size[0]; i++) {
      row[i < 0 ? i + w->size[2] : i] = from[(start + (size_t)abs(i)) * 2 * TERMS];
    }
  }
}

static void multiply(const work *w) {
  const size_t bins = (size_t)w->size[1] * (size_t)(w->size[2] / 2 + 1);
  const float share = 1 / (float)w->places;  // the transforms are not normalised
  for (size_t i = 0; i < bins; i++) {
    const kiss_fft_cpx u = w->value[i], v = w->weight[i];
    w->value[i].r = share * (u.r * v.r - u.i * v.i);
    w->value[i].i = share * (u.r * v.i + u.i * v.r);
  }
}

// A plane's term where the loops look for it: far in the slab before it, near in the one behind.
static void put(const work *w, const pcn_pencil_map *out, int plane, int term) {
  const size_t places = (size_t)out->size[0] * (size_t)out->size[1];
  for (int far = 0; far < 2; far++) {
    const int slab = plane - far;
    if (slab < 0 || slab >= out->planes.count - 1) {
      continue;
    }
    float *to = out->value + ((size_t)slab * places * 2 + (size_t)far) * TERMS + term;
    for (int j = 0; j < out->size[1]; j++) {
      const int y = j - w->field->around[1];
      const float *row = w->real + (size_t)(y < 0 ? y + w->size[1] : y) * (size_t)w->size[2];
      for (int i = 0; i < out->size[0]; i++, to += 2 * TERMS) {
        const int x = i - w->field->around[0];
        *to = row[x < 0 ? x + w->size[2] : x];
      }
    }
  }
}

static pencone_status convolve(pencone_context *ctx, work *w, pcn_pencil_map *out) {
  PCN_TRY(make_work(ctx, w));
  transform_weights(w);
  for (int plane = 0; plane < out->planes.count; plane++) {
    for (int term = 0; term < TERMS; term++) {
      PCN_TRY(pcn_progress(ctx, 0.1, "pencil beam"));
      unfold(w, plane, term);
      pcn_fft_forward(&w->forward, w->real, w->value);
      multiply(w);
      pcn_fft_inverse(&w->inverse, w->value, w->real);
      put(w, out, plane, term);
    }
  }
  return PENCONE_OK;
}

pencone_status pcn_pencil_field_make(pencone_context *ctx, const pcn_pencil_field *field,
                                     const pcn_pencil_map *pixel, pcn_pencil_map *out) {
  memset(out, 0, sizeof *out);
  const int64_t x = places_of(field, 0), y = places_of(field, 1);
  PCN_CHECK(
      ctx, x * y <= PLACES_MOST, PENCONE_E_UNSUPPORTED,
      "photon-pencil-beam: fluence map: got pixels of %g x %g mm, whose lattice has %lld x %lld places, "
      "expected up to %d places: wider pixels, or a smaller reach_mm",
      2 * field->half[0] * pixel->pixel_mm[0], 2 * field->half[1] * pixel->pixel_mm[1], (long long)x,
      (long long)y, PLACES_MOST);
  out->planes = pixel->planes;
  out->size[0] = (int)x;
  out->size[1] = (int)y;
  memcpy(out->pixel_mm, pixel->pixel_mm, sizeof out->pixel_mm);
  out->value =
      pcn_alloc(ctx, 2 * TERMS * (size_t)(x * y) * (size_t)(pixel->planes.count - 1), sizeof *out->value);
  if (out->value == NULL) {
    return PENCONE_E_MEMORY;
  }
  work w = {.field = field, .pixel = pixel};
  padded(field, w.size);
  const pencone_status status = convolve(ctx, &w, out);
  free_work(&w);
  if (status != PENCONE_OK) {
    pcn_free(out->value);
    out->value = NULL;
  }
  return status;
}

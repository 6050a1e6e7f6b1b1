// SPDX-License-Identifier: Apache-2.0
// The released energy keeps its inverse square; the kernel points along the beam's axis everywhere. What that
// leaves out is the tilt of the kernel off the axis (docs/theory/pencil-beam.md, eq. 1 and 2).
#include "photon/convolution.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "geom/ray.h"
#include "photon/fft.h"

/// Sizes of the padded volume: no voxel sees another's image.
typedef struct padded {
  int size[3];  ///< z, y, x: the order of the FFT
  size_t real, complex;
} padded;

static padded pad(const pencone_grid *grid) {
  padded p;
  for (int a = 0; a < 3; a++) {
    p.size[a] = 2 * (int)grid->size[2 - a];
  }
  pcn_fft_round_up(p.size);
  const size_t rows = (size_t)p.size[0] * (size_t)p.size[1];
  p.real = rows * (size_t)p.size[2];
  p.complex = rows * (size_t)(p.size[2] / 2 + 1);
  return p;
}

uint64_t pcn_convolution_bytes(const pencone_grid *grid) {
  const padded p = pad(grid);
  return (PCN_PARTS + 1) * (uint64_t)pencone_grid_voxels(grid) * sizeof(float) + p.real * sizeof(float) +
         3 * p.complex * sizeof(kiss_fft_cpx);
}

// --- the medium --------------------------------------------------------------------------------

static pencone_status check_homogeneous(pencone_context *ctx, const pcn_medium *medium,
                                        double *electron_density) {
  const double tolerance = 1e-3;  // relative, and g/cm3 of the aluminium part
  const size_t voxels = pencone_grid_voxels(&medium->grid);
  const double first = (double)medium->electron_density[0];
  for (size_t i = 0; i < voxels; i++) {
    const double here = (double)medium->electron_density[i];
    const double al = medium->has_aluminium ? (double)(medium->aluminium[i] - medium->aluminium[0]) : 0;
    if (fabs(here - first) > tolerance * first || fabs(al) > tolerance) {
      const int64_t *n = medium->grid.size, v = (int64_t)i;
      return pcn_fail(
          ctx, PENCONE_E_UNSUPPORTED,
          "photon-convolution: the phantom is not homogeneous: electron density %.4g in voxel (0, 0, 0), "
          "%.4g in voxel (%lld, %lld, %lld), expected one medium; photon-collapsed-cone takes any",
          first, here, (long long)(v % n[0]), (long long)(v / n[0] % n[1]), (long long)(v / n[0] / n[1]));
    }
  }
  PCN_CHECK(ctx, first > 0, PENCONE_E_UNSUPPORTED,
            "photon-convolution: the phantom is empty: electron density %g", first);
  *electron_density = first;
  return PENCONE_OK;
}

pencone_status pcn_convolution_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    const pcn_photon_tables *tables, const int directions[2],
                                    const double progress[2], pcn_convolution *out) {
  memset(out, 0, sizeof *out);
  PCN_TRY(check_homogeneous(ctx, medium, &out->electron_density));
  const pencone_status status =
      pcn_exact_beam_make(ctx, medium, beam, tables, directions, progress, &out->beam);
  if (status != PENCONE_OK) {
    pcn_convolution_free(out);
  }
  return status;
}

void pcn_convolution_free(pcn_convolution *engine) {
  pcn_exact_beam_free(&engine->beam);
  memset(engine, 0, sizeof *engine);
}

// --- the kernel on voxels ----------------------------------------------------------------------

/// Where the kernel is spread: voxels around the released energy, in wrapped order.
typedef struct spread {
  const pcn_convolution *engine;
  pcn_part part;
  padded pad;
  pencone_grid around;  ///< offsets -(n - 1) .. n - 1
  double norm;
  float *value;
} spread;

// Index of an offset: negative ones wrap to the end.
static size_t wrapped(const spread *s, int64_t voxel) {
  const int64_t *m = s->around.size;
  const int64_t at[3] = {voxel / m[0] / m[1], voxel / m[0] % m[1], voxel % m[0]};  // z, y, x
  size_t index = 0;
  for (int a = 0; a < 3; a++) {
    const int64_t offset = at[a] - (m[2 - a] - 1) / 2;
    index = index * (size_t)s->pad.size[a] + (size_t)(offset < 0 ? offset + s->pad.size[a] : offset);
  }
  return index;
}

// Walks from the release along one direction; each voxel gets what is left inside it.
static void walk(const spread *s, double cosine, double weight, pcn_vec3 travel) {
  const pcn_kernel *kernel = &s->engine->beam.tables->kernel;
  const double far_mm = 1e5, end = kernel->radius_g_cm2[PCN_KERNEL_RADII];
  const pcn_vec3 start = pcn_v3(0, 0, 0);
  pcn_ray ray;
  int64_t voxel;
  double length, path = 0, near = 0;
  if (!pcn_ray_begin(&ray, &s->around, start, pcn_v3_scale(travel, far_mm))) {
    return;
  }
  while (path < end && pcn_ray_next(&ray, &voxel, &length)) {
    path += 0.1 * length * s->engine->electron_density;
    const double far = pcn_kernel_within(kernel, s->part, cosine, path);
    s->value[wrapped(s, voxel)] += (float)(weight * (far - near));
    near = far;
  }
}

static void spread_kernel(spread *s) {
  const pcn_exact_beam *beam = &s->engine->beam;
  const double sum = pcn_exact_kernel_sum(beam, s->part);
  memset(s->value, 0, s->pad.real * sizeof *s->value);
  for (int i = 0; i < beam->polar; i++) {
    const double cosine = cos(pcn_exact_polar_angle(beam, i)), weight = pcn_exact_solid_angle(beam, i) / sum;
    for (int j = 0; j < beam->azimuths; j++) {
      walk(s, cosine, weight, pcn_exact_direction(beam, i, j));
    }
  }
}

// --- convolution -------------------------------------------------------------------------------

/// Memory of one convolution.
typedef struct buffers {
  float *real;
  kiss_fft_cpx *kernel, *release, *dose;
  pcn_fft forward, inverse;
} buffers;

static pencone_status make_buffers(pencone_context *ctx, const padded *p, buffers *b) {
  b->real = pcn_alloc(ctx, p->real, sizeof *b->real);
  b->kernel = pcn_alloc(ctx, p->complex, sizeof *b->kernel);
  b->release = pcn_alloc(ctx, p->complex, sizeof *b->release);
  b->dose = pcn_calloc(ctx, p->complex, sizeof *b->dose);
  if (b->real == NULL || b->kernel == NULL || b->release == NULL || b->dose == NULL) {
    return PENCONE_E_MEMORY;
  }
  PCN_TRY(pcn_fft_make(ctx, p->size, 0, &b->forward));
  return pcn_fft_make(ctx, p->size, 1, &b->inverse);
}

static void free_buffers(buffers *b) {
  pcn_free(b->real);
  pcn_free(b->kernel);
  pcn_free(b->release);
  pcn_free(b->dose);
  pcn_fft_free(&b->forward);
  pcn_fft_free(&b->inverse);
}

// Copies rows between a volume and the padded one.
static void copy_rows(const padded *p, const pencone_grid *grid, float *volume, float *padded_volume,
                      int into_padded) {
  const size_t nx = (size_t)grid->size[0];
  for (int64_t k = 0; k < grid->size[2]; k++) {
    for (int64_t j = 0; j < grid->size[1]; j++) {
      float *row = volume + (size_t)(k * grid->size[1] + j) * nx;
      float *other = padded_volume + (size_t)(k * p->size[1] + j) * (size_t)p->size[2];
      memcpy(into_padded ? other : row, into_padded ? row : other, nx * sizeof *row);
    }
  }
}

static pencone_status convolve(pencone_context *ctx, const pcn_convolution *e, buffers *b,
                               const double progress[2]) {
  const padded p = pad(&e->beam.medium->grid);
  spread s = {.engine = e, .pad = p, .value = b->real};
  for (int a = 0; a < 3; a++) {
    s.around.size[a] = 2 * e->beam.medium->grid.size[a] - 1;
    s.around.spacing_mm[a] = e->beam.medium->grid.spacing_mm[a];
    s.around.origin_mm[a] = -s.around.spacing_mm[a] * (double)(e->beam.medium->grid.size[a] - 1);
  }
  for (int part = 0; part < PCN_PARTS; part++) {
    PCN_TRY(pcn_progress(ctx, progress[0] + progress[1] * 0.4 * part, "convolution"));
    s.part = (pcn_part)part;
    spread_kernel(&s);
    pcn_fft_forward(&b->forward, b->real, b->kernel);
    PCN_TRY(pcn_progress(ctx, progress[0] + progress[1] * (0.4 * part + 0.2), "convolution"));
    memset(b->real, 0, p.real * sizeof *b->real);
    copy_rows(&p, &e->beam.medium->grid, e->beam.terma.part[part], b->real, 1);
    pcn_fft_forward(&b->forward, b->real, b->release);
    for (size_t i = 0; i < p.complex; i++) {
      const kiss_fft_cpx u = b->kernel[i], v = b->release[i];
      b->dose[i].r += u.r * v.r - u.i * v.i;
      b->dose[i].i += u.r * v.i + u.i * v.r;
    }
  }
  PCN_TRY(pcn_progress(ctx, progress[0] + progress[1] * 0.8, "convolution"));
  pcn_fft_inverse(&b->inverse, b->dose, b->real);
  return PENCONE_OK;
}

pencone_status pcn_convolution_add(pencone_context *ctx, const pcn_convolution *engine, float *const out[2],
                                   const double progress[2]) {
  const pencone_grid *grid = &engine->beam.medium->grid;
  const padded p = pad(grid);
  buffers b = {0};
  const size_t voxels = pencone_grid_voxels(grid);
  float *energy = pcn_alloc(ctx, voxels, sizeof *energy);
  pencone_status status = energy != NULL ? make_buffers(ctx, &p, &b) : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    status = convolve(ctx, engine, &b, progress);
  }
  if (status == PENCONE_OK) {
    copy_rows(&p, grid, energy, b.real, 0);
    const float scale = 1.0f / (float)p.real;  // the transform there and back is not normalised
    for (size_t i = 0; i < voxels; i++) {
      energy[i] = energy[i] > 0 ? energy[i] * scale : 0;  // rounding leaves tiny negative values
    }
    pcn_add_dose(ctx, engine->beam.medium, engine->beam.quantity, energy, out);
  }
  free_buffers(&b);
  pcn_free(energy);
  return status;
}

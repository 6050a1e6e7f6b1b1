// SPDX-License-Identifier: Apache-2.0
#include "photon/exact_beam.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"

pencone_status pcn_exact_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                   const pcn_photon_tables *tables, const int directions[2],
                                   const double progress[2], pcn_exact_beam *out) {
  memset(out, 0, sizeof *out);
  out->medium = medium;
  out->tables = tables;
  out->frame = pcn_beam_frame(beam);
  out->polar = directions[0];
  out->azimuths = directions[1];
  PCN_TRY(pcn_terma_make(ctx, &medium->grid, &out->terma));
  return pcn_terma_fill(ctx, medium, beam, tables->quality, PCN_DEPTH_EXACT, progress, &out->terma);
}

void pcn_exact_beam_free(pcn_exact_beam *beam) {
  pcn_terma_free(&beam->terma);
  memset(beam, 0, sizeof *beam);
}

double pcn_exact_polar_angle(const pcn_exact_beam *beam, int i) {
  return PCN_PI * (i + 0.5) / beam->polar;
}

double pcn_exact_solid_angle(const pcn_exact_beam *beam, int i) {
  const double a = PCN_PI * i / beam->polar, b = PCN_PI * (i + 1) / beam->polar;
  return (cos(a) - cos(b)) * 2 * PCN_PI / beam->azimuths;
}

pcn_vec3 pcn_exact_direction(const pcn_exact_beam *beam, int i, int j) {
  const pcn_frame *f = &beam->frame;
  const double theta = pcn_exact_polar_angle(beam, i), s = sin(theta);
  const double phi = 2 * PCN_PI * (j + (i % 2 == 0 ? 0.5 : 0)) / beam->azimuths;
  const pcn_vec3 side = pcn_v3_add(pcn_v3_scale(f->ex, s * cos(phi)), pcn_v3_scale(f->ey, s * sin(phi)));
  return pcn_v3_add(side, pcn_v3_scale(f->ez, cos(theta)));
}

double pcn_exact_kernel_sum(const pcn_exact_beam *beam, pcn_part part) {
  double sum = 0;
  for (int i = 0; i < beam->polar; i++) {
    sum += beam->azimuths * pcn_exact_solid_angle(beam, i) *
           pcn_kernel_per_sr(&beam->tables->kernel, part, cos(pcn_exact_polar_angle(beam, i)));
  }
  return sum;
}

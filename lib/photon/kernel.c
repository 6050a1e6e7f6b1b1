// SPDX-License-Identifier: Apache-2.0
// Point kernels (Mackie et al. 1988, doi:10.1088/0031-9155/33/1/001) and their mixture for a spectrum.
#include "photon/kernel.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "data/data.h"
#include "num/constants.h"
#include "num/text.h"

// --- reading the table -------------------------------------------------------------------------

typedef struct reader {
  pencone_context *ctx;
  const char *at, *end;
  int line;
} reader;

// Reads count numbers separated by commas up to the end of the line.
static pencone_status read_numbers(reader *r, int count, double *out) {
  for (int i = 0; i < count; i++) {
    const size_t used = pcn_text_double(r->at, r->end, &out[i]);
    PCN_CHECK(r->ctx, used > 0, PENCONE_E_FORMAT, "edk_water.csv:%d: number %d of %d is missing", r->line,
              i + 1, count);
    r->at += used;
    if (i + 1 < count) {
      PCN_CHECK(r->ctx, r->at < r->end && *r->at == ',', PENCONE_E_FORMAT,
                "edk_water.csv:%d: got %d numbers, expected %d", r->line, i + 1, count);
      r->at++;
    }
  }
  return PENCONE_OK;
}

static int skip_word(reader *r, const char *word) {
  const size_t n = strlen(word);
  if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) {
    return 0;
  }
  r->at += n;
  return 1;
}

static void next_line(reader *r) {
  const char *feed = memchr(r->at, '\n', (size_t)(r->end - r->at));
  r->at = feed != NULL ? feed + 1 : r->end;
  r->line++;
}

// "E,part,angle,24 numbers": bins come energy by energy, primary before scatter, in rising angle.
static pencone_status read_bins(reader *r, pcn_edk *edk, int row) {
  const int e = row / (PCN_PARTS * PCN_KERNEL_ANGLES), part = row / PCN_KERNEL_ANGLES % PCN_PARTS;
  const int angle = row % PCN_KERNEL_ANGLES;
  double energy, index, bins[PCN_KERNEL_RADII];
  PCN_CHECK(r->ctx, e < PCN_KERNEL_ENERGIES, PENCONE_E_FORMAT, "edk_water.csv:%d: more than %d energies",
            r->line, PCN_KERNEL_ENERGIES);
  PCN_TRY(read_numbers(r, 1, &energy));
  PCN_CHECK(r->ctx, skip_word(r, part == PCN_PRIMARY ? ",primary," : ",scatter,"), PENCONE_E_FORMAT,
            "edk_water.csv:%d: expected %s", r->line, part == PCN_PRIMARY ? "primary" : "scatter");
  PCN_TRY(read_numbers(r, 1, &index));
  PCN_CHECK(r->ctx, index == angle && skip_word(r, ","), PENCONE_E_FORMAT,
            "edk_water.csv:%d: expected angle bin %d", r->line, angle);
  PCN_TRY(read_numbers(r, PCN_KERNEL_RADII, bins));
  edk->energy_mev[e] = energy;
  for (int i = 0; i < PCN_KERNEL_RADII; i++) {
    edk->bin[e][part][angle][i] = (float)bins[i];
  }
  return PENCONE_OK;
}

static pencone_status read_table(reader *r, pcn_edk *edk) {
  int row = 0;
  while (r->at < r->end) {
    if (*r->at == '#' || *r->at == '\n') {
      next_line(r);
      continue;
    }
    if (skip_word(r, "radius,")) {
      PCN_TRY(read_numbers(r, PCN_KERNEL_RADII + 1, edk->radius_g_cm2));
    } else if (skip_word(r, "angle,")) {
      PCN_TRY(read_numbers(r, PCN_KERNEL_ANGLES + 1, edk->angle_deg));
    } else {
      PCN_TRY(read_bins(r, edk, row));
      row++;
    }
    next_line(r);
  }
  const int expected = PCN_KERNEL_ENERGIES * PCN_PARTS * PCN_KERNEL_ANGLES;
  PCN_CHECK(r->ctx, row == expected, PENCONE_E_FORMAT, "edk_water.csv: got %d rows of bins, expected %d", row,
            expected);
  return PENCONE_OK;
}

pencone_status pcn_edk_load(pencone_context *ctx, pcn_edk **out) {
  size_t bytes = 0;
  const char *text = pcn_data_find("edk_water.csv", &bytes);
  *out = NULL;
  PCN_CHECK(ctx, text != NULL, PENCONE_E_INTERNAL, "edk_water.csv is not built in");
  pcn_edk *edk = pcn_calloc(ctx, 1, sizeof *edk);
  if (edk == NULL) {
    return PENCONE_E_MEMORY;
  }
  reader r = {ctx, text, text + bytes, 1};
  const pencone_status status = read_table(&r, edk);
  if (status != PENCONE_OK) {
    pcn_free(edk);
    return status;
  }
  *out = edk;
  return PENCONE_OK;
}

// --- mono-energetic kernels --------------------------------------------------------------------

void pcn_edk_neighbours(const pcn_edk *edk, double energy_mev, int index[2], double share[2]) {
  const int last = PCN_KERNEL_ENERGIES - 1;
  int i = 0;
  while (i < last - 1 && energy_mev > edk->energy_mev[i + 1]) {
    i++;
  }
  const double lo = log(edk->energy_mev[i]), hi = log(edk->energy_mev[i + 1]);
  const double u = energy_mev > 0 ? (log(energy_mev) - lo) / (hi - lo) : 0;
  index[0] = i;
  index[1] = i + 1;
  share[1] = fmin(1, fmax(0, u));
  share[0] = 1 - share[1];
}

static double share_at(const pcn_edk *edk, pcn_part part, int e) {
  double sum = 0;
  for (int j = 0; j < PCN_KERNEL_ANGLES; j++) {
    for (int i = 0; i < PCN_KERNEL_RADII; i++) {
      sum += (double)edk->bin[e][part][j][i];
    }
  }
  return sum;
}

double pcn_edk_share(const pcn_edk *edk, pcn_part part, double energy_mev) {
  int index[2];
  double share[2];
  pcn_edk_neighbours(edk, energy_mev, index, share);
  return share[0] * share_at(edk, part, index[0]) + share[1] * share_at(edk, part, index[1]);
}

// --- the kernel of a spectrum ------------------------------------------------------------------

static void accumulate(const pcn_edk *edk, double weight[PCN_KERNEL_ENERGIES][PCN_PARTS], int part,
                       pcn_kernel *out) {
  double total = 0;
  for (int j = 0; j < PCN_KERNEL_ANGLES; j++) {
    double sum = 0;
    for (int i = 0; i < PCN_KERNEL_RADII; i++) {
      for (int e = 0; e < PCN_KERNEL_ENERGIES; e++) {
        sum += weight[e][part] * (double)edk->bin[e][part][j][i];
      }
      out->within[part][j][i + 1] = sum;
    }
    total += sum;
  }
  for (int j = 0; j < PCN_KERNEL_ANGLES; j++) {
    for (int i = 0; i <= PCN_KERNEL_RADII; i++) {
      out->within[part][j][i] /= total;
    }
  }
}

void pcn_kernel_mix(const pcn_edk *edk, double weight[PCN_KERNEL_ENERGIES][PCN_PARTS], pcn_kernel *out) {
  memset(out, 0, sizeof *out);
  memcpy(out->radius_g_cm2, edk->radius_g_cm2, sizeof out->radius_g_cm2);
  memcpy(out->angle_deg, edk->angle_deg, sizeof out->angle_deg);
  for (int part = 0; part < PCN_PARTS; part++) {
    accumulate(edk, weight, part, out);
  }
}

static double bin_solid_angle(const pcn_kernel *kernel, int j) {
  return 2 * PCN_PI * (cos(pcn_radians(kernel->angle_deg[j])) - cos(pcn_radians(kernel->angle_deg[j + 1])));
}

// The two angle bins whose centres enclose a direction, and the share of the second.
static void angle_bins(const pcn_kernel *kernel, double cosine, int *first, double *share) {
  const double degrees = acos(fmin(1, fmax(-1, cosine))) * (180 / PCN_PI);
  const double width = kernel->angle_deg[1] - kernel->angle_deg[0];  // the bins are equal
  const double position = degrees / width - 0.5;
  const int j = (int)fmin(PCN_KERNEL_ANGLES - 2, fmax(0, floor(position)));
  *first = j;
  *share = fmin(1, fmax(0, position - j));
}

double pcn_kernel_within(const pcn_kernel *kernel, pcn_part part, double cosine, double radius_g_cm2) {
  int j, i = 0;
  double share;
  angle_bins(kernel, cosine, &j, &share);
  if (radius_g_cm2 >= kernel->radius_g_cm2[PCN_KERNEL_RADII]) {
    radius_g_cm2 = kernel->radius_g_cm2[PCN_KERNEL_RADII];
  }
  while (i < PCN_KERNEL_RADII - 1 && radius_g_cm2 > kernel->radius_g_cm2[i + 1]) {
    i++;
  }
  const double u =
      (radius_g_cm2 - kernel->radius_g_cm2[i]) / (kernel->radius_g_cm2[i + 1] - kernel->radius_g_cm2[i]);
  const double *a = kernel->within[part][j], *b = kernel->within[part][j + 1];
  const double fa = a[i] + u * (a[i + 1] - a[i]), fb = b[i] + u * (b[i + 1] - b[i]);
  return (1 - share) * fa / bin_solid_angle(kernel, j) + share * fb / bin_solid_angle(kernel, j + 1);
}

double pcn_kernel_per_sr(const pcn_kernel *kernel, pcn_part part, double cosine) {
  int j;
  double share;
  angle_bins(kernel, cosine, &j, &share);
  const double a = kernel->within[part][j][PCN_KERNEL_RADII] / bin_solid_angle(kernel, j);
  const double b = kernel->within[part][j + 1][PCN_KERNEL_RADII] / bin_solid_angle(kernel, j + 1);
  return (1 - share) * a + share * b;
}

// SPDX-License-Identifier: Apache-2.0
// docs/theory/ccc.md: bands (eq. 4), exponentials (eq. 5), tilt (eq. 9).
#include "photon/cones.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"
#include "photon/broadening.h"
#include "photon/exponential_fit.h"
#include "photon/power_fit.h"

// Variance of the angle that aluminium's electron scattering adds to water's over the way on which primary
// energy is left, rad^2. Per electron density aluminium scatters 1.7 times as much (radiation lengths 24.0
// and 36.1 g/cm2); docs/theory/ccc.md, eq. 12 has the estimate and what it does at interfaces.
static const double aluminium_spread = 0.13;

static const double tilt_node_step = 0.0125;  // rad; the narrowest band is some 0.15 wide

// --- bands -------------------------------------------------------------------------------------

/// Numbers of azimuths, alternating from band to band.
typedef struct azimuths {
  int even, odd;
} azimuths;

// Even bands start half a step off the axis, odd bands on it. The numbers are such that no azimuth is 45
// degrees: there two axes are equally fast, and which one counts the planes would depend on the orientation
// of the phantom. All sets are their own mirror images and turn into themselves every 90 degrees.
static azimuths choose_numbers(int directions, int *bands) {
  const azimuths few = {8, 12}, some = {16, 12}, many = {24, 20};
  const azimuths n = directions <= 80 ? few : (directions <= 180 ? some : many);
  const int wanted = (int)lround(2.0 * directions / (n.even + n.odd));
  *bands = wanted < 3 ? 3 : (wanted > PCN_BANDS_MAX ? PCN_BANDS_MAX : wanted);
  return n;
}

// Running total, at the angle bins' bounds, of what the bands share out equally.
static void running_measure(const pcn_kernel *k, double running[PCN_KERNEL_ANGLES + 1]) {
  running[0] = 0;
  for (int j = 0; j < PCN_KERNEL_ANGLES; j++) {
    const double energy =
        0.5 * (k->within[PCN_PRIMARY][j][PCN_KERNEL_RADII] + k->within[PCN_SCATTER][j][PCN_KERNEL_RADII]);
    const double angle = (k->angle_deg[j + 1] - k->angle_deg[j]) / 180;
    running[j + 1] = running[j] + 0.8 * energy + 0.2 * angle;
  }
}

static double cosine_deg(double degrees) {
  return cos(pcn_radians(degrees));
}

// Cosine of the angle where the running total reaches a value: linear in the cosine inside a bin.
static double cosine_where(const pcn_kernel *k, const double running[PCN_KERNEL_ANGLES + 1], double value) {
  int j = 0;
  while (j < PCN_KERNEL_ANGLES - 1 && running[j + 1] < value) {
    j++;
  }
  const double u = (value - running[j]) / (running[j + 1] - running[j]);
  const double near = cosine_deg(k->angle_deg[j]), far = cosine_deg(k->angle_deg[j + 1]);
  return near + fmin(1, fmax(0, u)) * (far - near);
}

// Share of angle bin j that lies in the band, by solid angle.
static double bin_share(const pcn_kernel *k, const pcn_band *band, int j, double *mean_cosine) {
  const double near = cosine_deg(k->angle_deg[j]), far = cosine_deg(k->angle_deg[j + 1]);
  const double a = fmin(near, band->cosine_near), b = fmax(far, band->cosine_far);
  *mean_cosine = 0.5 * (a + b);
  return a > b ? (a - b) / (near - far) : 0;
}

// --- exponentials ------------------------------------------------------------------------------

// Every g/cm2 counts alike, though the table has most of its points near the origin.
static double primary_weight(const pcn_kernel *k, int i) {
  return fmin(0.5, k->radius_g_cm2[i + 1] - k->radius_g_cm2[i]);
}

// Scatter matters over the size of a field, 1 to 30 cm; the table has more points below than there.
static double scatter_weight(double radius_g_cm2) {
  const double inner = 1, outer = 35;
  return radius_g_cm2 < inner ? 0.2 : (radius_g_cm2 > outer ? 0.1 : 1);
}

// Share of a part's energy in the band that is left within each radius of the table.
static pcn_fit_data band_data(const pcn_kernel *k, pcn_band *band, pcn_part part) {
  pcn_fit_data data = {.count = PCN_KERNEL_RADII};
  for (int j = 0; j < PCN_KERNEL_ANGLES; j++) {
    double cosine;
    const double share = bin_share(k, band, j, &cosine);
    for (int i = 0; i < PCN_KERNEL_RADII; i++) {
      data.within[i] += share * k->within[part][j][i + 1];
    }
  }
  band->energy[part] = data.within[PCN_KERNEL_RADII - 1];
  for (int i = 0; i < PCN_KERNEL_RADII; i++) {
    data.radius[i] = k->radius_g_cm2[i + 1];
    data.within[i] /= band->energy[part];
    data.weight[i] = part == PCN_PRIMARY ? primary_weight(k, i) : scatter_weight(data.radius[i]);
  }
  return data;
}

static void fit_primary(const pcn_kernel *k, pcn_band *band) {
  const pcn_fit_data data = band_data(k, band, PCN_PRIMARY);
  const pcn_power_fit fit = pcn_fit_powers(&data);
  for (int i = 0; i < PCN_PRIMARY_EXPONENTIALS; i++) {
    band->share[i] = fit.share[i];
    band->attenuation[i] = pcn_powers[i] * fit.attenuation;
  }
  band->fit_rms[PCN_PRIMARY] = fit.rms;
}

static void fit_scatter(const pcn_kernel *k, pcn_band *band) {
  const pcn_fit_data data = band_data(k, band, PCN_SCATTER);
  const double start[PCN_FIT_TERMS] = {0.03, 0.3};
  const pcn_fit fit = pcn_exponential_fit(&data, start);
  for (int i = 0; i < PCN_FIT_TERMS; i++) {  // the longest reach last
    band->share[PCN_EXPONENTIALS - 1 - i] = fit.share[i];
    band->attenuation[PCN_EXPONENTIALS - 1 - i] = fit.attenuation[i];
  }
  band->fit_rms[PCN_SCATTER] = fit.rms;
}

static void make_bands(const pcn_kernel *k, int bands, azimuths numbers, pcn_cones *out) {
  double running[PCN_KERNEL_ANGLES + 1];
  running_measure(k, running);
  double near = 1;
  for (int b = 0; b < bands; b++) {
    pcn_band *band = &out->band[b];
    band->cosine_near = near;
    band->cosine_far =
        b == bands - 1 ? -1 : cosine_where(k, running, running[PCN_KERNEL_ANGLES] * (b + 1) / bands);
    near = band->cosine_far;
    band->azimuths = b % 2 == 0 ? numbers.even : numbers.odd;
    band->first_azimuth = b % 2 == 0 ? PCN_PI / band->azimuths : 0;
    double energy = 0, moment = 0;
    for (int j = 0; j < PCN_KERNEL_ANGLES; j++) {
      double cosine;
      const double share = bin_share(k, band, j, &cosine);
      const double e =
          share * (k->within[PCN_PRIMARY][j][PCN_KERNEL_RADII] + k->within[PCN_SCATTER][j][PCN_KERNEL_RADII]);
      energy += e;
      moment += e * cosine;
    }
    band->cosine = moment / energy;
    fit_primary(k, band);
    fit_scatter(k, band);
    out->directions += band->azimuths;
  }
  out->bands = bands;
}

// --- tilt --------------------------------------------------------------------------------------

enum { PROFILE_NODES = 1024, COSINES = 12, AZIMUTHS = 8, PROFILES = 3, SPREAD = 2, PROFILE_ROOM = 4 };

/// A node's values: one register where the processor has such (a GNU C vector, which gcc and clang know).
typedef float node_values __attribute__((vector_size(PROFILE_ROOM * sizeof(float))));

/// Energy per steradian against s = sin(angle / 2), which resolves the forward peak and needs one root.
typedef struct profile {
  node_values value[PROFILE_NODES + 2];  ///< the parts; the primary with aluminium's spread; a pad
} profile;

static void profile_fill(const pcn_kernel *k, profile *p) {
  double primary[PROFILE_NODES + 1], spread[PROFILE_NODES + 1];
  for (int i = 0; i <= PROFILE_NODES; i++) {
    const double s = (double)i / PROFILE_NODES, cosine = 1 - 2 * s * s;
    primary[i] = pcn_kernel_per_sr(k, PCN_PRIMARY, cosine);
    p->value[i][PCN_PRIMARY] = (float)primary[i];
    p->value[i][PCN_SCATTER] = (float)pcn_kernel_per_sr(k, PCN_SCATTER, cosine);
    p->value[i][PROFILES] = 0;
  }
  pcn_broaden(primary, PROFILE_NODES + 1, aluminium_spread, spread);
  for (int i = 0; i <= PROFILE_NODES; i++) {
    p->value[i][SPREAD] = (float)spread[i];
  }
  p->value[PROFILE_NODES + 1] = p->value[PROFILE_NODES];
}

/// Azimuths in a cone whose own is 0.
typedef struct turns {
  double cosine[AZIMUTHS], sine[AZIMUTHS];
} turns;

static turns turns_of(const pcn_band *band) {
  const double half = PCN_PI / band->azimuths;
  turns t;
  for (int j = 0; j < AZIMUTHS; j++) {
    const double phi = half * (2 * (j + 0.5) / AZIMUTHS - 1);
    t.cosine[j] = cos(phi);
    t.sine[j] = sin(phi);
  }
  return t;
}

// Integral of the tilted kernel over a cone whose azimuth is 0. The kernel's axis is (along, across, 1).
static void cone_energy(const profile *p, const pcn_band *band, const turns *t, double along, double across,
                        double sum[PROFILES]) {
  const double norm = 1 / sqrt(1 + along * along + across * across);
  const double half = PCN_PI / band->azimuths;
  double towards[AZIMUTHS];  // of the kernel's axis, at each azimuth
  for (int j = 0; j < AZIMUTHS; j++) {
    towards[j] = t->cosine[j] * along + t->sine[j] * across;
  }
  double all[PROFILES] = {0};
  for (int i = 0; i < COSINES; i++) {
    const double c = band->cosine_near + (band->cosine_far - band->cosine_near) * ((i + 0.5) / COSINES);
    const double s = sqrt(fmax(0, 1 - c * c));
    double at[AZIMUTHS];
    for (int j = 0; j < AZIMUTHS; j++) {
      at[j] = PROFILE_NODES *
              sqrt(fabs(0.5 * (1 - norm * (s * towards[j] + c))));  // less than 0 by rounding only
    }
    node_values row = {0};
    for (int j = 0; j < AZIMUTHS; j++) {
      const int n = (int)at[j];
      row += p->value[n] + (float)(at[j] - n) * (p->value[n + 1] - p->value[n]);
    }
    for (int part = 0; part < PROFILES; part++) {
      all[part] += (double)row[part];
    }
  }
  const double solid_angle = 2 * half * (band->cosine_near - band->cosine_far);
  for (int part = 0; part < PROFILES; part++) {
    sum[part] = all[part] * solid_angle / (COSINES * AZIMUTHS);
  }
}

static void fill_table(const profile *p, pcn_cones *out) {
  double total[PROFILES] = {0}, sum[PROFILES];
  for (int b = 0; b < out->bands; b++) {
    const turns t = turns_of(&out->band[b]);
    cone_energy(p, &out->band[b], &t, 0, 0, sum);
    for (int i = 0; i < PROFILES; i++) {
      total[i] += sum[i] * out->band[b].azimuths;
    }
  }
  float *value = out->table;
  for (int b = 0; b < out->bands; b++) {
    const turns t = turns_of(&out->band[b]);
    for (int j = 0; j <= out->nodes; j++) {
      for (int i = -out->nodes; i <= out->nodes; i++) {  // untilted, the directions share out exactly 1
        cone_energy(p, &out->band[b], &t, i * out->node_step, j * out->node_step, sum);
        value[PCN_TILT_PRIMARY] = (float)(sum[PCN_PRIMARY] / total[PCN_PRIMARY]);
        value[PCN_TILT_SCATTER] = (float)(sum[PCN_SCATTER] / total[PCN_SCATTER]);
        value[PCN_TILT_SPREAD] = (float)(sum[SPREAD] / total[SPREAD] - sum[PCN_PRIMARY] / total[PCN_PRIMARY]);
        value[PCN_TILT_SPREAD + 1] = 0;
        value += PCN_TILT_NODE;
      }
    }
  }
}

void pcn_cones_fill_changes(pcn_cones *cones) {
  const int wide = 2 * cones->nodes + 1, high = cones->nodes + 1;
  for (int n = 0; n < cones->bands * high * wide; n++) {
    const int along = n % wide < wide - 1 ? PCN_TILT_NODE : 0;
    const int across = n / wide % high < high - 1 ? wide * PCN_TILT_NODE : 0;
    float *value = cones->table + (size_t)n * PCN_TILT_NODE;
    for (int i = 0; i < PCN_TILT_VALUES; i++) {
      value[PCN_TILT_ACROSS + i] = value[across + i] - value[i];
      value[PCN_TILT_ALONG + i] = value[along + i] - value[i];
      value[PCN_TILT_BOTH + i] = (value[across + along + i] - value[across + i]) - value[PCN_TILT_ALONG + i];
    }
  }
}

pencone_status pcn_cones_make(pencone_context *ctx, const pcn_kernel *kernel, int directions,
                              double largest_tilt, pcn_cones *out) {
  int bands;
  memset(out, 0, sizeof *out);
  const azimuths numbers = choose_numbers(directions, &bands);
  make_bands(kernel, bands, numbers, out);
  out->node_step = tilt_node_step;
  out->nodes = (int)ceil(largest_tilt / tilt_node_step) + 1;
  const size_t values = (size_t)bands * (size_t)(out->nodes + 1) * (size_t)(2 * out->nodes + 1);
  out->table = pcn_alloc(ctx, values * PCN_TILT_NODE, sizeof *out->table);
  profile *p = pcn_alloc(ctx, 1, sizeof *p);
  if (out->table == NULL || p == NULL) {
    pcn_free(p);
    pcn_cones_free(out);
    return PENCONE_E_MEMORY;
  }
  profile_fill(kernel, p);
  fill_table(p, out);
  pcn_cones_fill_changes(out);
  pcn_free(p);
  return PENCONE_OK;
}

void pcn_cones_free(pcn_cones *cones) {
  pcn_free(cones->table);
  memset(cones, 0, sizeof *cones);
}

pcn_tilt_table pcn_cones_table(const pcn_cones *cones, int band) {
  const size_t wide = 2 * (size_t)cones->nodes + 1, high = (size_t)cones->nodes + 1;
  const pcn_tilt_table table = {cones->table + (size_t)band * wide * high * PCN_TILT_NODE, cones->nodes,
                                (float)(1 / cones->node_step)};
  return table;
}

void pcn_cones_weight(const pcn_cones *cones, int band, double along, double across,
                      float weight[PCN_PARTS]) {
  const pcn_tilt_table table = pcn_cones_table(cones, band);
  const pcn_tilt_line line = {(float)along, (float)across, 1, 0, 0, 0};
  float value[PCN_TILT_VALUES];
  pcn_tilt_row_reference(&table, &line, 1, (float *const[3]){&value[0], &value[1], &value[2]});
  weight[PCN_PRIMARY] = value[PCN_TILT_PRIMARY];
  weight[PCN_SCATTER] = value[PCN_TILT_SCATTER];
}

// SPDX-License-Identifier: Apache-2.0
#include "proton/spread_peak.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"
#include "num/nnls.h"
#include "proton/bortfeld.h"
#include "proton/optics.h"

static const double energy_min_mev = 70, energy_max_mev = 230;  // the beam data
static const double energy_spread = 0.005;                      // of the beam data
static const double peak_step = 1.5;  // distance of peaks over the width of the range: ripple below 0.5 %
static const double depth_step_mm = 0.5;
static const double spots_per_sigma = 1.3;  // spacing over spot: ripple below 0.1 % across

// The energy of an R80, by the table's ratio of R80 to the range from stopping power.
static pencone_status energy_of_r80(pencone_context *ctx, double r80_mm, double *energy_mev) {
  *energy_mev = pcn_proton_energy_mev(r80_mm);
  for (int i = 0; i < 4; i++) {
    // R80 is 0.997 to 0.998 of the range: a few steps are enough.
    PCN_CHECK(ctx, *energy_mev > energy_min_mev && *energy_mev < energy_max_mev, PENCONE_E_RANGE,
              "spread-out peak: got a peak at %.1f mm of water, which needs %.1f MeV, expected %g to %g MeV",
              r80_mm, *energy_mev, energy_min_mev, energy_max_mev);
    pcn_depth_table table;
    const pencone_status status = pcn_depth_table_make(ctx, *energy_mev, &table);
    const double ratio = table.r80_mm / table.csda_mm;
    pcn_depth_table_free(&table);
    PCN_TRY(status);
    *energy_mev = pcn_proton_energy_mev(r80_mm / ratio);
  }
  return PENCONE_OK;
}

static pencone_status choose_energies(pencone_context *ctx, const pencone_sobp *wanted, double shifter_mm,
                                      pcn_spread_peak *out) {
  double r80 = wanted->range_mm + shifter_mm;
  const double last = r80 - wanted->width_mm;
  out->layers = 0;
  for (int done = 0; !done;) {
    PCN_CHECK(ctx, out->layers < PCN_PEAK_LAYERS, PENCONE_E_RANGE, "spread-out peak: got more than %d layers",
              PCN_PEAK_LAYERS);
    double energy = 0;
    PCN_TRY(energy_of_r80(ctx, r80, &energy));
    out->energy_mev[out->layers++] = energy;
    done = r80 <= last + 1e-6;
    r80 = fmax(r80 - peak_step * pcn_bragg_sigma_mm(energy, r80, energy_spread * energy), last);
  }
  return PENCONE_OK;
}

// Dose on the axis of a field with one proton per mm2 of the isocentre plane, Gy.
static double axis_dose(const pcn_depth_table *table, const pcn_optics *optics, const pencone_beam *beam,
                        const double half_mm[2], double depth_mm) {
  const double at = depth_mm + optics->water_mm, h = 0.5 * depth_step_mm;
  const pcn_depth_row row = pcn_depth_table_at(table, at);
  const double before = pcn_depth_table_at(table, at - h).sum, after = pcn_depth_table_at(table, at + h).sum;
  const pencone_machine_desc *machine = pencone_machine_describe(beam->machine);
  const double own = pcn_optics_variance(optics, depth_mm) + row.core;
  double spread[2], sum = 0;
  for (int a = 0; a < 2; a++) {
    spread[a] = pcn_optics_spread(machine, a, depth_mm);
  }
  for (int c = 0; c < 3; c++) {
    const double sigma = sqrt(2 * (own + (c > 0 ? row.wide[c - 1] : 0)));
    const double share = c > 0 ? row.share[c - 1] : 1 - row.share[0] - row.share[1];
    sum += share * erf(half_mm[0] * spread[0] / sigma) * erf(half_mm[1] * spread[1] / sigma);
  }
  return 100 * PCN_GY_PER_MEV_G * (after - before) / (2 * h) * sum / (spread[0] * spread[1]);
}

typedef struct fit_work {
  int depths, layers;
  double first_mm;
  double *dose;  ///< [layer][depth]
} fit_work;

static pencone_status fill(pencone_context *ctx, const pencone_beam *beam, const double half_mm[2],
                           const pcn_spread_peak *peak, fit_work *w) {
  for (int l = 0; l < w->layers; l++) {
    pcn_depth_table table;
    pcn_optics optics;
    pencone_status status = pcn_depth_table_make(ctx, peak->energy_mev[l], &table);
    if (status == PENCONE_OK) {
      status = pcn_optics_make(ctx, beam, &table, &optics);
    }
    for (int i = 0; i < w->depths && status == PENCONE_OK; i++) {
      w->dose[l * w->depths + i] = axis_dose(&table, &optics, beam, half_mm, w->first_mm + depth_step_mm * i);
    }
    pcn_depth_table_free(&table);
    PCN_TRY(status);
  }
  return PENCONE_OK;
}

// Factors of the layers for a dose of 1 at every depth, and how far it is missed.
static pencone_status fit(pencone_context *ctx, const fit_work *w, double *factor, double *miss) {
  const int n = w->layers;
  double *product = pcn_calloc(ctx, (size_t)n * ((size_t)n + 1), sizeof *product);
  if (product == NULL) {
    return PENCONE_E_MEMORY;
  }
  double *right = product + n * n, scale = 0;
  for (int i = 0; i < w->depths * n; i++) {
    scale = fmax(scale, w->dose[i]);
  }
  for (int a = 0; a < n; a++) {
    for (int i = 0; i < w->depths; i++) {
      right[a] += w->dose[a * w->depths + i] / scale;
      for (int b = 0; b < n; b++) {
        product[a * n + b] += w->dose[a * w->depths + i] / scale * w->dose[b * w->depths + i] / scale;
      }
    }
  }
  const pencone_status status = pcn_nnls(ctx, n, product, right, factor);
  *miss = 0;
  for (int i = 0; i < w->depths && status == PENCONE_OK; i++) {
    double sum = 0;
    for (int a = 0; a < n; a++) {
      sum += factor[a] * w->dose[a * w->depths + i] / scale;
    }
    *miss = fmax(*miss, fabs(sum - 1));
  }
  for (int a = 0; a < n; a++) {
    factor[a] /= scale;
  }
  pcn_free(product);
  return status;
}

// Spots from edge to edge of the field, a half spacing inside.
static void choose_spots(const pencone_sobp *wanted, const pencone_beam *beam, pcn_spread_peak *out) {
  double smallest = INFINITY, spot[3];
  for (int l = 0; l < out->layers; l++) {
    pcn_optics_spot(pencone_machine_describe(beam->machine), out->energy_mev[l], spot);
    smallest = fmin(smallest, spot[0]);
  }
  const double most = wanted->spot_spacing_mm > 0 ? wanted->spot_spacing_mm : spots_per_sigma * smallest;
  const double longer = fmax(wanted->size_mm[0], wanted->size_mm[1]);
  out->spacing_mm = longer / ceil(longer / most - 1e-9);
  for (int a = 0; a < 2; a++) {
    out->spots[a] = (int)fmax(1, round(wanted->size_mm[a] / out->spacing_mm));
  }
}

pencone_status pcn_spread_peak_make(pencone_context *ctx, const pencone_sobp *wanted,
                                    const pencone_beam *beam, pcn_spread_peak *out) {
  memset(out, 0, sizeof *out);
  const double shifter_mm = pcn_shifter_water_mm(beam);
  PCN_TRY(choose_energies(ctx, wanted, shifter_mm, out));
  choose_spots(wanted, beam, out);
  // Between the outer peaks, which lie before their R80 by about one width.
  const double deepest = pcn_bragg_sigma_mm(out->energy_mev[0], wanted->range_mm + shifter_mm,
                                            energy_spread * out->energy_mev[0]);
  const double first = wanted->range_mm - wanted->width_mm;
  const double half_mm[2] = {0.5 * out->spacing_mm * out->spots[0], 0.5 * out->spacing_mm * out->spots[1]};
  fit_work w = {.layers = out->layers, .first_mm = fmax(first, 0)};
  w.depths = (int)fmax(2, floor((wanted->range_mm - 1.2 * deepest - w.first_mm) / depth_step_mm) + 1);
  w.dose = pcn_alloc(ctx, (size_t)w.layers * (size_t)w.depths, sizeof *w.dose);
  double miss = 0;
  pencone_status status = w.dose != NULL ? fill(ctx, beam, half_mm, out, &w) : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    status = fit(ctx, &w, out->protons, &miss);
  }
  pcn_free(w.dose);
  for (int l = 0; l < out->layers; l++) {
    out->protons[l] *= wanted->dose_gy * out->spacing_mm * out->spacing_mm;
  }
  out->flatness_pct = 100 * miss;
  return status;
}

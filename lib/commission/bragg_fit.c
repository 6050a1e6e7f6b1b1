// SPDX-License-Identifier: Apache-2.0
// A depth dose of protons from stopping power, straggling and nuclear reactions, and its fit to one that was
// measured (docs/theory/commissioning.md, eq. 12 to 14).
#include <math.h>
#include <pencone/commission.h>
#include <string.h>

#include "base/base.h"
#include "commission/elastic.h"
#include "commission/least_squares.h"
#include "commission/proton_water.h"

enum { STEPS = PCN_PROTON_STEPS, PARAMETERS = 6, SLICES = 160, SHORTER = 200, BIRTHS = 24 };
static const double widest = 4;            // sigmas of the range that count, on either side
static const double loss_per_mm = 0.0012;  // beta of Bortfeld 1997 (doi:10.1118/1.598116)
static const double longest_mev = 300;     // of the table of residual ranges

/// Energy against residual range, rising.
typedef struct residual {
  double range_mm[STEPS + 2], energy_mev[STEPS + 2];
} residual;

/// Shares of slices of range, from SHORTER - 1 slices before widest sigmas below the mean to as many above
/// it.
typedef struct spread {
  double first_mm, slice_mm, share[SLICES + SHORTER - 1];
} spread;

/// What a fit starts from, and what its residuals need.
typedef struct job {
  residual table;
  int points;
  const double *depth_mm, *dose;
  double largest;
  double range_mm, sigma_mm, scale;  ///< where the fit begins
} job;

static pencone_status table_make(pencone_context *ctx, double excitation_ev, residual *out) {
  pcn_slowing *s = pcn_alloc(ctx, 1, sizeof *s);
  if (s == NULL) {
    return PENCONE_E_MEMORY;
  }
  const pencone_status status = pcn_proton_slow(ctx, excitation_ev, longest_mev, s);
  if (status == PENCONE_OK) {
    const double rest_mm = 0.0756;  // of 2 MeV, PSTAR
    out->range_mm[0] = out->energy_mev[0] = 0;
    for (int i = 0; i <= STEPS; i++) {
      out->range_mm[i + 1] = rest_mm + 10 * (s->path_g_cm2[STEPS] - s->path_g_cm2[STEPS - i]);
      out->energy_mev[i + 1] = s->energy_mev[STEPS - i];
    }
  }
  pcn_free(s);
  return status;
}

// Between entries the energy goes as a power of the range, as it nearly does.
static double energy_at(const residual *t, double range_mm) {
  if (range_mm <= 0) {
    return 0;
  }
  int low = 1, high = STEPS + 1;
  if (range_mm < t->range_mm[1]) {
    return t->energy_mev[1] * pow(range_mm / t->range_mm[1], 1 / 1.77);
  }
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    *(t->range_mm[middle] <= range_mm ? &low : &high) = middle;
  }
  const double x = log(range_mm / t->range_mm[low]) / log(t->range_mm[high] / t->range_mm[low]);
  return t->energy_mev[low] * pow(t->energy_mev[high] / t->energy_mev[low], x);
}

// Eq. 13: energy that reactions before a depth leave there: secondaries die away over a length, so that the
// mean over where they began is one over v = 1 - exp(-distance / length).
static double reactions(const residual *t, const pencone_bragg *b, double depth_mm) {
  const double reached = 1 - exp(-depth_mm / b->secondary_mm);
  double sum = 0;
  for (int i = 0; i < BIRTHS; i++) {
    const double distance_mm = -b->secondary_mm * log1p(-reached * (i + 0.5) / BIRTHS);
    sum += energy_at(t, b->range_mm - depth_mm + distance_mm);
  }
  return loss_per_mm *
         (b->prompt_share * energy_at(t, b->range_mm - depth_mm) + b->local_share * reached * sum / BIRTHS);
}

// A Gaussian of ranges, each less what elastic scatters take.
static void spread_make(const residual *t, const pencone_bragg *b, spread *out) {
  const pcn_energy_range table = {STEPS + 2, t->energy_mev, t->range_mm};
  double loss[SHORTER], sum = 0;
  memset(out, 0, sizeof *out);
  out->slice_mm = 2 * widest * b->sigma_mm / SLICES;
  out->first_mm = b->range_mm - widest * b->sigma_mm - (SHORTER - 1) * out->slice_mm;
  pcn_elastic_loss(&table, b->range_mm, out->slice_mm, SHORTER, loss);
  for (int i = 0; i < SLICES; i++) {
    const double x = -widest + 2 * widest * (i + 0.5) / SLICES, share = exp(-0.5 * x * x);
    for (int k = 0; k < SHORTER; k++) {
      out->share[i + SHORTER - 1 - k] += share * loss[k];
    }
    sum += share;
  }
  for (int i = 0; i < SLICES + SHORTER - 1; i++) {
    out->share[i] /= sum;
  }
}

// Eq. 12 and 13 at one depth, MeV cm2/g per proton: over slices of range.
static double depth_dose(const residual *t, const pencone_bragg *b, const spread *s, double depth_mm) {
  const double normal = 1 + loss_per_mm * b->range_mm, first_mm = s->first_mm - depth_mm;
  double sum = 0, energy_mev = energy_at(t, first_mm);
  for (int i = 0; i < SLICES + SHORTER - 1; i++) {
    const double far_mm = first_mm + (i + 1) * s->slice_mm, far_mev = energy_at(t, far_mm);
    const double left_mm = fmax(0, far_mm - 0.5 * s->slice_mm);
    sum += s->share[i] * (1 + loss_per_mm * left_mm) * (far_mev - energy_mev) / s->slice_mm;
    energy_mev = far_mev;
  }
  return 10 * (sum + reactions(t, b, depth_mm)) / normal;
}

static pencone_bragg to_bragg(const job *j, const double p[PARAMETERS]) {
  pencone_bragg b = PENCONE_BRAGG_DEFAULT;
  b.range_mm = j->range_mm + j->sigma_mm * pcn_bounded(p[0], 3);
  b.sigma_mm = j->sigma_mm * exp(pcn_bounded(p[1], 1.5));
  b.secondary_mm = 0.1 * j->range_mm * exp(pcn_bounded(p[2], 1.5));
  b.local_share = 0.6 * exp(pcn_bounded(p[3], 1.5));
  b.prompt_share = 0.1 * exp(pcn_bounded(p[4], 3));
  b.scale = j->scale * exp(pcn_bounded(p[5], 1.5));
  return b;
}

static int residuals(const void *problem, const double *p, double *out) {
  const job *j = problem;
  const pencone_bragg b = to_bragg(j, p);
  spread s;
  spread_make(&j->table, &b, &s);
  for (int i = 0; i < j->points; i++) {
    out[i] = (b.scale * depth_dose(&j->table, &b, &s, j->depth_mm[i]) - j->dose[i]) / (0.01 * j->largest);
  }
  return 1;
}

// Depth behind the peak where the dose has fallen to a share of it; negative when it does not.
static double falls_to(const job *j, int peak, double share) {
  const double wanted = share * j->largest;
  for (int i = peak + 1; i < j->points; i++) {
    if (j->dose[i] <= wanted) {
      const double x = (j->dose[i - 1] - wanted) / (j->dose[i - 1] - j->dose[i]);
      return j->depth_mm[i - 1] + x * (j->depth_mm[i] - j->depth_mm[i - 1]);
    }
  }
  return -1;
}

static pencone_status start(pencone_context *ctx, job *j) {
  int peak = 0;
  for (int i = 0; i < j->points; i++) {
    peak = j->dose[i] > j->dose[peak] ? i : peak;
  }
  j->largest = j->dose[peak];
  const double r80 = falls_to(j, peak, 0.8), r20 = falls_to(j, peak, 0.2);
  PCN_CHECK(ctx, r80 > 0 && r20 > r80, PENCONE_E_NUMERIC,
            "depth dose of protons: got no fall to 20 %% behind the maximum, at %g mm, expected one",
            j->depth_mm[peak]);
  j->range_mm = r80;
  j->scale = 1;
  j->sigma_mm = (r20 - r80) / 1.32;  // Bortfeld's curve at any energy
  const double zero[PARAMETERS] = {0};
  const pencone_bragg b = to_bragg(j, zero);
  spread s;
  spread_make(&j->table, &b, &s);
  j->scale *= j->largest / depth_dose(&j->table, &b, &s, j->depth_mm[peak]);
  return PENCONE_OK;
}

// The energy that has this range, and what straggling leaves of the width to the energy's spread.
static pencone_status find_energy(pencone_context *ctx, double excitation_ev, pencone_bragg *b) {
  pcn_slowing *s = pcn_alloc(ctx, 1, sizeof *s);
  if (s == NULL) {
    return PENCONE_E_MEMORY;
  }
  pencone_status status = pcn_proton_energy(ctx, excitation_ev, 0.1 * b->range_mm, &b->energy_mev);
  if (status == PENCONE_OK) {
    status = pcn_proton_slow(ctx, excitation_ev, b->energy_mev, s);
  }
  if (status == PENCONE_OK) {
    const double rest = b->sigma_mm * b->sigma_mm - 100 * s->straggling_g_cm2 * s->straggling_g_cm2;
    b->energy_spread_mev = rest > 0 ? 0.1 * sqrt(rest) * pcn_proton_bethe(excitation_ev, b->energy_mev) : 0;
  }
  pcn_free(s);
  return status;
}

static pencone_status fit(pencone_context *ctx, double excitation_ev, job *j, pencone_bragg *out) {
  double p[PARAMETERS] = {0}, chi2 = 0;
  PCN_TRY(table_make(ctx, excitation_ev, &j->table));
  PCN_TRY(start(ctx, j));
  const pcn_misfit misfit = {"depth dose of protons", residuals, j, (size_t)j->points, PARAMETERS};
  PCN_TRY(pcn_least_squares(ctx, &misfit, p, &chi2));
  *out = to_bragg(j, p);
  out->rms_pct = sqrt(chi2 / j->points);
  return find_energy(ctx, excitation_ev, out);
}

static pencone_status check(pencone_context *ctx, double excitation_ev, int points, const double *depth_mm) {
  PCN_CHECK(ctx, excitation_ev >= 60 && excitation_ev <= 90, PENCONE_E_RANGE,
            "depth dose of protons: mean excitation energy: got %g eV, expected 60 to 90", excitation_ev);
  for (int i = 0; i < points; i++) {
    PCN_CHECK(ctx, depth_mm[i] >= 0 && depth_mm[i] <= 400 && (i == 0 || depth_mm[i] > depth_mm[i - 1]),
              PENCONE_E_RANGE, "depth dose of protons, point %d: depth: got %g mm, expected 0 to 400, rising",
              i + 1, depth_mm[i]);
  }
  return PENCONE_OK;
}

pencone_status pencone_bragg_fit(pencone_context *ctx, double excitation_ev, int points,
                                 const double *depth_mm, const double *dose, pencone_bragg *out) {
  PCN_CHECK(ctx, out != NULL && out->struct_size == sizeof *out && depth_mm != NULL && dose != NULL,
            PENCONE_E_ARGUMENT,
            "depth dose of protons: got no depths, doses or place for the result, expected all");
  PCN_CHECK(ctx, points >= 8 && points <= 10000, PENCONE_E_RANGE,
            "depth dose of protons: got %d points, expected 8 to 10000", points);
  PCN_TRY(check(ctx, excitation_ev, points, depth_mm));
  for (int i = 0; i < points; i++) {
    PCN_CHECK(ctx, dose[i] >= 0 && dose[i] < 1e30, PENCONE_E_RANGE,
              "depth dose of protons, point %d: dose: got %g, expected 0 or more", i + 1, dose[i]);
  }
  pcn_gsl_handler *handler = NULL;
  PCN_TRY(pcn_gsl_enter(ctx, &handler));
  job *j = pcn_calloc(ctx, 1, sizeof *j);
  pencone_status status = PENCONE_E_MEMORY;
  if (j != NULL) {
    j->points = points;
    j->depth_mm = depth_mm;
    j->dose = dose;
    status = fit(ctx, excitation_ev, j, out);
  }
  pcn_free(j);
  pcn_gsl_leave(handler);
  return status;
}

pencone_status pencone_bragg_dose(pencone_context *ctx, double excitation_ev, const pencone_bragg *bragg,
                                  int points, const double *depth_mm, double *dose) {
  PCN_CHECK(ctx, bragg != NULL && bragg->struct_size == sizeof *bragg && depth_mm != NULL && dose != NULL,
            PENCONE_E_ARGUMENT, "depth dose of protons: got no curve, depths or place, expected all");
  PCN_CHECK(ctx, bragg->sigma_mm > 0 && bragg->range_mm > 0, PENCONE_E_RANGE,
            "depth dose of protons: got range %g mm, sigma %g mm, expected more than 0", bragg->range_mm,
            bragg->sigma_mm);
  PCN_TRY(check(ctx, excitation_ev, points, depth_mm));
  pcn_gsl_handler *handler = NULL;
  PCN_TRY(pcn_gsl_enter(ctx, &handler));
  residual *t = pcn_alloc(ctx, 1, sizeof *t);
  const pencone_status status = t != NULL ? table_make(ctx, excitation_ev, t) : PENCONE_E_MEMORY;
  spread s = {0, 0, {0}};
  if (status == PENCONE_OK) {
    spread_make(t, bragg, &s);
  }
  for (int i = 0; i < points && status == PENCONE_OK; i++) {
    dose[i] = bragg->scale * depth_dose(t, bragg, &s, depth_mm[i]);
  }
  pcn_free(t);
  pcn_gsl_leave(handler);
  return status;
}

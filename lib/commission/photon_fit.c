// SPDX-License-Identifier: Apache-2.0
// Fit of a spectrum to depth doses (docs/theory/commissioning.md, eq. 3 to 5). Depth doses of narrow energy
// bins are computed once; their sum over a spectrum is a model that costs nothing. The engine mixes its
// kernels over the spectrum, so that its dose is not quite that sum: each round ends with a full calculation,
// and its ratio to the sum goes into the next.
#include <math.h>
#include <pencone/commission.h>
#include <stdio.h>
#include <string.h>

#include "base/context_internal.h"
#include "commission/axis_table.h"
#include "commission/bremsstrahlung.h"
#include "commission/least_squares.h"
#include "commission/water_dose.h"

enum { BINS = PCN_BREMSSTRAHLUNG_BINS, ROUNDS = 4, PARAMETERS = 3, NEEDED = 3 };
static const double uncertainty = 0.003;  // of a measured point, relative: what a scan repeats to
static const double settled = 2e-4;       // change of a correction after which no round follows
static const double highest_mev = 20;     // end of the tables of attenuation and kernels

typedef struct point {
  int curve;
  int counts;
  double measured;
  double correction;  ///< logarithm of the full calculation over the sum
  double computed;    ///< full calculation, per unit fluence
} point;

typedef struct job {
  const pencone_measurement *measurement;
  pencone_photon_fit fit;
  pcn_filters filters;
  pcn_axis_table table;
  point *point;
  double *room;  ///< one value per point
  size_t counting;
  double p[PARAMETERS];
  int rounds;
} job;

// Parameters of size 1: the largest energy in steps of 10 %, the roots of the filters (eq. 2).
static pcn_bremsstrahlung to_beam(const job *j, const double p[PARAMETERS]) {
  const double aluminium = 4.5 + 2 * pcn_bounded(p[1], 2.2), titanium = 1.5 + pcn_bounded(p[2], 1.5);
  const double energy_mev = j->fit.nominal_mv * exp(0.1 * pcn_bounded(p[0], 3));
  return (pcn_bremsstrahlung){fmin(energy_mev, highest_mev), aluminium * aluminium, titanium * titanium};
}

// --- the model ------------------------------------------------------------------------------------

static double sum_over(const job *j, size_t at, const double *edges_mev, const double *photons) {
  double sum = 0;
  for (int i = 0; i < BINS; i++) {
    if (photons[i] > 0) {
      sum += photons[i] * pcn_axis_table_at(&j->table, at, 0.5 * (edges_mev[i] + edges_mev[i + 1]));
    }
  }
  return sum;
}

// Eq. 4: logarithms of measured over model, each curve less its mean: the scale of a curve is free.
static int residuals(const void *problem, const double *p, double *residual) {
  const job *j = problem;
  const pcn_bremsstrahlung beam = to_beam(j, p);
  double edges_mev[BINS + 1], photons[BINS];
  pcn_bremsstrahlung_bins(&beam, &j->filters, edges_mev, photons);
  size_t n = 0;
  for (size_t i = 0; i < j->table.points;) {
    const size_t begin = n;
    const int curve = j->point[i].curve;
    double mean = 0;
    for (; i < j->table.points && j->point[i].curve == curve; i++) {
      if (j->point[i].counts) {
        residual[n] = log(j->point[i].measured / sum_over(j, i, edges_mev, photons)) - j->point[i].correction;
        mean += residual[n++];
      }
    }
    mean /= (double)(n - begin);
    for (size_t k = begin; k < n; k++) {
      residual[k] = (residual[k] - mean) / uncertainty;
    }
  }
  for (int k = 0; k < PARAMETERS; k++) {  // what depth doses do not tell stays near where it began
    residual[n++] = p[k];
  }
  return 1;
}

// --- the full calculation --------------------------------------------------------------------------

static pencone_status make_machine(pencone_context *ctx, const job *j, pencone_machine **out) {
  const pcn_bremsstrahlung beam = to_beam(j, j->p);
  double edges_mev[BINS + 1], photons[BINS];
  char description[160];
  pcn_bremsstrahlung_bins(&beam, &j->filters, edges_mev, photons);
  snprintf(
      description, sizeof description,
      "fitted to %d measured depth doses by pencone %s; spectrum only: point source, flat, no contamination",
      pencone_measurement_count(j->measurement), pencone_version());
  pencone_machine_desc desc = PENCONE_MACHINE_DESC_DEFAULT;
  desc.name = j->fit.name;
  desc.description = description;
  desc.sad_mm = j->fit.sad_mm;
  desc.bins = BINS;
  desc.edges_mev = edges_mev;
  desc.weight = photons;
  return pencone_machine_create(ctx, &desc, out);
}

// Computes all points with a machine, and the corrections that follow. @param[out] change  largest of a
// correction
static pencone_status calculate(pencone_context *ctx, job *j, const pencone_machine *machine,
                                double *change) {
  const pencone_machine_desc *d = pencone_machine_describe(machine);
  size_t at = 0;
  for (int c = 0; c < pencone_measurement_count(j->measurement); c++) {
    const pencone_depth_dose *curve = pencone_measurement_at(j->measurement, c);
    PCN_TRY(pcn_water_dose(ctx, machine, curve, "standard", j->room));
    for (int i = 0; i < curve->points; i++, at++) {
      j->point[at].computed = j->room[i];
      const double correction = log(j->room[i] / sum_over(j, at, d->edges_mev, d->weight));
      if (j->point[at].counts) {
        *change = fmax(*change, fabs(correction - j->point[at].correction));
      }
      j->point[at].correction = correction;
    }
  }
  return PENCONE_OK;
}

static pencone_status run_rounds(pencone_context *ctx, job *j, pencone_machine **machine) {
  const pcn_misfit misfit = {"spectrum", residuals, j, j->counting + PARAMETERS, PARAMETERS};
  double chi2 = 0;
  for (double change = 1; j->rounds < ROUNDS && change > settled; j->rounds++) {
    pencone_machine_destroy(*machine);
    *machine = NULL;
    change = 0;
    PCN_TRY(pcn_least_squares(ctx, &misfit, j->p, &chi2));
    PCN_TRY(make_machine(ctx, j, machine));
    PCN_TRY(calculate(ctx, j, *machine, &change));
  }
  return PENCONE_OK;
}

// --- report ----------------------------------------------------------------------------------------

static double judge_curve(const job *j, size_t first, const pencone_depth_dose *measured,
                          pencone_fit_curve *out) {
  double log_scale = 0, squares = 0;
  memset(out, 0, sizeof *out);
  for (int i = measured->points - 1; i >= 0; i--) {
    const point *p = &j->point[first + (size_t)i];
    if (p->counts) {
      out->points++;
      out->from_mm = measured->depth_mm[i];
      log_scale += log(p->measured / p->computed);
    }
  }
  out->scale = exp(log_scale / out->points);
  for (int i = 0; i < measured->points; i++) {
    const point *p = &j->point[first + (size_t)i];
    const double off_pct = 100 * (p->measured / (out->scale * p->computed) - 1);
    if (p->counts) {
      squares += off_pct * off_pct;
    }
    if (p->counts && fabs(off_pct) >= fabs(out->max_pct)) {
      out->max_pct = off_pct;
      out->max_at_mm = measured->depth_mm[i];
    }
  }
  out->rms_pct = sqrt(squares / out->points);
  return squares;
}

static void report(const job *j, pencone_photon_found *found, pencone_fit_curve *curve) {
  const pcn_bremsstrahlung beam = to_beam(j, j->p);
  double edges_mev[BINS + 1], photons[BINS], squares = 0;
  size_t first = 0;
  found->mean_energy_mev = pcn_bremsstrahlung_bins(&beam, &j->filters, edges_mev, photons);
  found->max_energy_mev = beam.max_energy_mev;
  found->aluminium_g_cm2 = beam.aluminium_g_cm2;
  found->titanium_g_cm2 = beam.titanium_g_cm2;
  found->rounds = j->rounds;
  for (int c = 0; c < pencone_measurement_count(j->measurement); c++) {
    const pencone_depth_dose *measured = pencone_measurement_at(j->measurement, c);
    pencone_fit_curve one;
    squares += judge_curve(j, first, measured, &one);
    if (curve != NULL) {
      curve[c] = one;
    }
    first += (size_t)measured->points;
  }
  found->rms_pct = sqrt(squares / (double)j->counting);
}

// --- making ready ----------------------------------------------------------------------------------

static pencone_status check(pencone_context *ctx, const pencone_measurement *m,
                            const pencone_photon_fit *fit) {
  PCN_CHECK(ctx, m != NULL && fit != NULL && fit->struct_size == sizeof *fit, PENCONE_E_ARGUMENT,
            "photon fit: got no measurement or options, or options of another size, expected both");
  PCN_CHECK(ctx, fit->name != NULL && fit->name[0] != '\0', PENCONE_E_ARGUMENT,
            "photon fit: got no name for the machine, expected one");
  PCN_CHECK(ctx, fit->nominal_mv >= 2 && fit->nominal_mv <= 20, PENCONE_E_RANGE,
            "photon fit: nominal voltage: got %g MV, expected 2 to 20", fit->nominal_mv);
  PCN_CHECK(ctx, fit->sad_mm >= 300 && fit->sad_mm <= 5000, PENCONE_E_RANGE,
            "photon fit: sad: got %g mm, expected 300 to 5000", fit->sad_mm);
  PCN_CHECK(ctx, fit->beyond_max_mm >= 0 && fit->beyond_max_mm <= 200, PENCONE_E_RANGE,
            "photon fit: depth beyond the maximum: got %g mm, expected 0 to 200", fit->beyond_max_mm);
  for (int c = 0; c < pencone_measurement_count(m); c++) {
    PCN_CHECK(
        ctx, pencone_measurement_at(m, c)->ssd_mm > 0, PENCONE_E_UNSUPPORTED,
        "photon fit: curve %d: got tissue-phantom ratios, expected depth doses, or output factors with them",
        c + 1);
  }
  return PENCONE_OK;
}

// Marks the points that count: from some way behind the maximum, where electrons from the head have stopped.
static pencone_status mark(pencone_context *ctx, job *j) {
  size_t at = 0;
  for (int c = 0; c < pencone_measurement_count(j->measurement); c++) {
    const pencone_depth_dose *curve = pencone_measurement_at(j->measurement, c);
    int largest = 0, counting = 0;
    for (int i = 1; i < curve->points; i++) {
      largest = curve->dose[i] > curve->dose[largest] ? i : largest;
    }
    const double from_mm = curve->depth_mm[largest] + j->fit.beyond_max_mm;
    for (int i = 0; i < curve->points; i++, at++) {
      j->point[at].curve = c;
      j->point[at].measured = curve->dose[i];
      j->point[at].counts = curve->depth_mm[i] >= from_mm;
      counting += j->point[at].counts;
    }
    PCN_CHECK(ctx, counting >= NEEDED, PENCONE_E_RANGE,
              "photon fit: depth dose %d (%g x %g mm): got %d points from %g mm on, expected %d or more",
              c + 1, curve->field_x_mm, curve->field_y_mm, counting, from_mm, (int)NEEDED);
    j->counting += (size_t)counting;
  }
  return PENCONE_OK;
}

static pencone_status prepare(pencone_context *ctx, job *j) {
  size_t points = 0;
  for (int c = 0; c < pencone_measurement_count(j->measurement); c++) {
    points += (size_t)pencone_measurement_at(j->measurement, c)->points;
  }
  j->point = pcn_calloc(ctx, points, sizeof *j->point);
  j->room = pcn_alloc(ctx, points, sizeof *j->room);
  if (j->point == NULL || j->room == NULL) {
    return PENCONE_E_MEMORY;
  }
  PCN_TRY(mark(ctx, j));
  PCN_TRY(pcn_filters_load(ctx, &j->filters));
  return pcn_axis_table_make(ctx, j->measurement, j->fit.sad_mm, 1.2 * j->fit.nominal_mv, &j->table);
}

/// The caller's progress while the engine reports its own, many times over.
typedef struct watch {
  pencone_progress_fn progress;
  void *user;
  double started_s;
} watch;

// How far a fit is cannot be known; half of it is done after half a minute.
static int on_progress(void *user, double fraction, const char *stage) {
  const watch *w = user;
  const double elapsed_s = pcn_seconds() - w->started_s;
  (void)fraction;
  (void)stage;
  return w->progress(w->user, elapsed_s / (elapsed_s + 30), "fit");
}

static pencone_status run(pencone_context *ctx, job *j, pencone_machine **machine,
                          pencone_photon_found *found, pencone_fit_curve *curve) {
  PCN_TRY(prepare(ctx, j));
  PCN_TRY(run_rounds(ctx, j, machine));
  report(j, found, curve);
  return PENCONE_OK;
}

pencone_status pencone_photon_fit_run(pencone_context *ctx, const pencone_measurement *measurement,
                                      const pencone_photon_fit *fit, pencone_machine **machine,
                                      pencone_photon_found *found, pencone_fit_curve *curve) {
  PCN_CHECK(ctx, machine != NULL && found != NULL && found->struct_size == sizeof *found, PENCONE_E_ARGUMENT,
            "photon fit: got no place for the results, or one of another size, expected both");
  *machine = NULL;
  PCN_TRY(check(ctx, measurement, fit));
  pcn_gsl_handler *handler = NULL;
  PCN_TRY(pcn_gsl_enter(ctx, &handler));
  job j = {.measurement = measurement, .fit = *fit};
  watch w = {ctx != NULL ? ctx->progress : NULL, ctx != NULL ? ctx->progress_user : NULL, pcn_seconds()};
  if (w.progress != NULL) {
    pencone_context_set_progress(ctx, on_progress, &w);
  }
  const pencone_status status = run(ctx, &j, machine, found, curve);
  if (w.progress != NULL) {
    pencone_context_set_progress(ctx, w.progress, w.user);
  }
  pcn_axis_table_free(&j.table);
  pcn_free(j.point);
  pcn_free(j.room);
  pcn_gsl_leave(handler);
  if (status != PENCONE_OK) {
    pencone_machine_destroy(*machine);
    *machine = NULL;
  }
  return status;
}

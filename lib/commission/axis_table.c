// SPDX-License-Identifier: Apache-2.0
#include "commission/axis_table.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_spline.h>
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "commission/water_dose.h"

enum { NODES = 12, ENERGIES = PCN_AXIS_ENERGIES };
static const double node_mev[NODES] = {0.05, 0.1, 0.2, 0.4, 0.7, 1.2, 2, 3.5, 6, 9, 13.5, 19};

// All points for photons of one energy, +- 2 %.
static pencone_status compute_node(pencone_context *ctx, const pencone_measurement *m, double sad_mm,
                                   int node, double *dose) {
  const double edges_mev[2] = {0.98 * node_mev[node], 1.02 * node_mev[node]}, one = 1;
  pencone_machine_desc desc = PENCONE_MACHINE_DESC_DEFAULT;
  desc.name = "bin";
  desc.sad_mm = sad_mm;
  desc.bins = 1;
  desc.edges_mev = edges_mev;
  desc.weight = &one;
  pencone_machine *machine = NULL;
  PCN_TRY(pencone_machine_create(ctx, &desc, &machine));
  pencone_status status = PENCONE_OK;
  for (int c = 0; c < pencone_measurement_count(m) && status == PENCONE_OK; c++) {
    status = pcn_water_dose(ctx, machine, pencone_measurement_at(m, c), "fast", dose);
    dose += pencone_measurement_at(m, c)->points;
  }
  pencone_machine_destroy(machine);
  return status;
}

// A cubic through the logarithms of energy and dose, as a table that needs no GSL.
static pencone_status spread(pencone_context *ctx, const double *dose, int nodes, pcn_axis_table *t) {
  gsl_spline *spline = gsl_spline_alloc(gsl_interp_cspline, (size_t)nodes);
  PCN_CHECK(ctx, spline != NULL, PENCONE_E_MEMORY, "depth doses: no memory for %d energies", nodes);
  double x[NODES], y[NODES];
  int bad = 0;
  for (size_t p = 0; p < t->points && !bad; p++) {
    for (int k = 0; k < nodes; k++) {
      x[k] = log(node_mev[k]);
      y[k] = log(fmax(dose[(size_t)k * t->points + p], 1e-300));
    }
    bad = gsl_spline_init(spline, x, y, (size_t)nodes) != GSL_SUCCESS;
    for (int e = 0; e < ENERGIES && !bad; e++) {
      const double at = fmin(t->log_first + e * t->log_step, x[nodes - 1]);
      bad = gsl_spline_eval_e(spline, at, NULL, &t->log_dose[p * ENERGIES + (size_t)e]) != GSL_SUCCESS;
    }
  }
  gsl_spline_free(spline);
  PCN_CHECK(ctx, !bad, PENCONE_E_NUMERIC, "depth doses: no curve through %d energies", nodes);
  return PENCONE_OK;
}

static size_t count_points(const pencone_measurement *m) {
  size_t points = 0;
  for (int c = 0; c < pencone_measurement_count(m); c++) {
    points += (size_t)pencone_measurement_at(m, c)->points;
  }
  return points;
}

pencone_status pcn_axis_table_make(pencone_context *ctx, const pencone_measurement *measurement,
                                   double sad_mm, double top_mev, pcn_axis_table *out) {
  int nodes = 5;  // a cubic wants some
  while (nodes < NODES && node_mev[nodes - 1] < top_mev) {
    nodes++;
  }
  memset(out, 0, sizeof *out);
  out->points = count_points(measurement);
  out->log_first = log(node_mev[0]);
  out->log_step = (log(node_mev[nodes - 1]) - out->log_first) / (ENERGIES - 1);
  out->log_dose = pcn_alloc(ctx, out->points * ENERGIES, sizeof *out->log_dose);
  double *dose = pcn_alloc(ctx, out->points * (size_t)nodes, sizeof *dose);
  pencone_status status = out->log_dose != NULL && dose != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  for (int k = 0; k < nodes && status == PENCONE_OK; k++) {
    status = compute_node(ctx, measurement, sad_mm, k, dose + (size_t)k * out->points);
  }
  if (status == PENCONE_OK) {
    status = spread(ctx, dose, nodes, out);
  }
  pcn_free(dose);
  return status;
}

void pcn_axis_table_free(pcn_axis_table *table) {
  pcn_free(table->log_dose);
  table->log_dose = NULL;
}

double pcn_axis_table_at(const pcn_axis_table *table, size_t point, double energy_mev) {
  const double *y = table->log_dose + point * ENERGIES;
  const double wanted = (log(energy_mev) - table->log_first) / table->log_step;
  const double x = fmin(fmax(wanted, 0), ENERGIES - 1);
  const int i = x < ENERGIES - 2 ? (int)x : ENERGIES - 2;
  return exp(y[i] + (x - i) * (y[i + 1] - y[i]) + (wanted - x) * table->log_step);
}

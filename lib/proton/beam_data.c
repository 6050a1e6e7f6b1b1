// SPDX-License-Identifier: Apache-2.0
#include "proton/beam_data.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "data/data.h"
#include "num/csv.h"
#include "proton/bortfeld.h"

enum { ENERGIES = 7, DEPTHS = 116, RANGES = 44, VALUES = 7, COLUMNS = 10, LET_COLUMNS = 4, NODES = 4 };
enum { SUM, DOSE, CORE, WIDE2, SHARE2, WIDE3, SHARE3 };

static const double step_mm = 0.2;
static const double energy_spread =
    0.005;  // standard deviation over energy, of the Monte Carlo and of ideal-proton
static const double halo_let_max =
    25;  // keV/um: bounds what the little energy of a thin halo would make of noise
static const double proton_mass_mev = 938.27208816;  // CODATA 2018

/// lib/data/proton_beam.csv and proton_let.csv.
typedef struct beam_file {
  double energy_mev[ENERGIES], r80_mm[ENERGIES], t[DEPTHS];
  double value[ENERGIES][DEPTHS][VALUES];
  double let[ENERGIES][DEPTHS][2];  // of the plane, of the core
} beam_file;

// --- range -------------------------------------------------------------------------------------

typedef struct range_table {
  double log_energy[RANGES], log_range[RANGES];
  int count;
} range_table;

static range_table read_ranges(void) {
  range_table table = {.count = 0};
  size_t bytes = 0;
  const char *text = pcn_data_find("proton_range.csv", &bytes);
  pcn_csv csv;
  double row[3];
  pcn_csv_start(&csv, text != NULL ? text : "", bytes);
  while (pcn_csv_row(&csv) && table.count < RANGES) {
    if (pcn_csv_doubles(&csv, row, 3)) {  // the line of names is no row of numbers
      table.log_energy[table.count] = log(row[0]);
      table.log_range[table.count++] = log(10 * row[2]);
    }
  }
  return table;
}

static double interpolate(const double *x, const double *y, int count, double at) {
  int i = 1;
  while (i < count - 1 && x[i] < at) {
    i++;
  }
  // Three points: straight lines in log-log are 0.1 % off between 10 MeV steps at the low end.
  const int j = i + 1 < count ? i + 1 : i - 2;
  const double a = x[i - 1], b = x[i], c = x[j];
  return y[i - 1] * (at - b) * (at - c) / ((a - b) * (a - c)) +
         y[i] * (at - a) * (at - c) / ((b - a) * (b - c)) + y[j] * (at - a) * (at - b) / ((c - a) * (c - b));
}

double pcn_proton_range_mm(double energy_mev) {
  const range_table table = read_ranges();
  return exp(interpolate(table.log_energy, table.log_range, table.count, log(energy_mev)));
}

static double energy_of(const range_table *table, double range_mm) {
  const double lowest_mm = exp(table->log_range[0]);
  return exp(interpolate(table->log_range, table->log_energy, table->count, log(fmax(range_mm, lowest_mm))));
}

double pcn_proton_energy_mev(double range_mm) {
  const range_table table = read_ranges();
  return energy_of(&table, range_mm);
}

// --- beam data ---------------------------------------------------------------------------------

static pencone_status read_let_file(pencone_context *ctx, beam_file *file) {
  size_t bytes = 0;
  const char *text = pcn_data_find("proton_let.csv", &bytes);
  pcn_csv csv;
  double row[LET_COLUMNS];
  int rows = 0;
  pcn_csv_start(&csv, text != NULL ? text : "", bytes);
  while (pcn_csv_row(&csv)) {
    if (!pcn_csv_doubles(&csv, row, LET_COLUMNS)) {
      continue;  // the line of names
    }
    const int e = rows / DEPTHS, d = rows % DEPTHS;
    PCN_CHECK(ctx, e < ENERGIES && row[0] == file->energy_mev[e] && row[1] == file->t[d], PENCONE_E_FORMAT,
              "proton_let.csv:%d: got %g MeV, t %g, expected the rows of proton_beam.csv", csv.line, row[0],
              row[1]);
    memcpy(file->let[e][d], row + 2, sizeof file->let[e][d]);
    rows++;
  }
  PCN_CHECK(ctx, rows == ENERGIES * DEPTHS, PENCONE_E_FORMAT, "proton_let.csv: got %d rows, expected %d",
            rows, ENERGIES * DEPTHS);
  return PENCONE_OK;
}

static pencone_status read_beam_file(pencone_context *ctx, beam_file *file) {
  size_t bytes = 0;
  const char *text = pcn_data_find("proton_beam.csv", &bytes);
  pcn_csv csv;
  double row[COLUMNS];
  int rows = 0;
  pcn_csv_start(&csv, text != NULL ? text : "", bytes);
  while (pcn_csv_row(&csv)) {
    if (!pcn_csv_doubles(&csv, row, COLUMNS)) {
      continue;  // the line of names
    }
    PCN_CHECK(ctx, rows < ENERGIES * DEPTHS, PENCONE_E_FORMAT, "proton_beam.csv:%d: got more than %d rows",
              csv.line, ENERGIES * DEPTHS);
    const int e = rows / DEPTHS, d = rows % DEPTHS;
    file->energy_mev[e] = row[0];
    file->r80_mm[e] = row[1];
    file->t[d] = row[2];
    memcpy(file->value[e][d], row + 3, sizeof file->value[e][d]);
    rows++;
  }
  PCN_CHECK(ctx, rows == ENERGIES * DEPTHS, PENCONE_E_FORMAT, "proton_beam.csv: got %d rows, expected %d",
            rows, ENERGIES * DEPTHS);
  return read_let_file(ctx, file);
}

/// Weights of the tabulated energies, by range: cubic for the tables, linear for R80 over the range.
typedef struct blend {
  double cubic[ENERGIES], linear[ENERGIES];
} blend;

static blend blend_make(const beam_file *file, double energy_mev) {
  blend b;
  double x[ENERGIES];
  memset(&b, 0, sizeof b);
  for (int e = 0; e < ENERGIES; e++) {
    x[e] = log(pcn_proton_range_mm(file->energy_mev[e]));
  }
  const double at = log(pcn_proton_range_mm(energy_mev));
  int i = 0;
  while (i < ENERGIES - 2 && x[i + 1] < at) {
    i++;
  }
  b.linear[i + 1] = (at - x[i]) / (x[i + 1] - x[i]);
  b.linear[i] = 1 - b.linear[i + 1];
  const int first = i < 1 ? 0 : (i > ENERGIES - 3 ? ENERGIES - NODES : i - 1);
  for (int k = first; k < first + NODES; k++) {
    b.cubic[k] = 1;
    for (int m = first; m < first + NODES; m++) {
      b.cubic[k] *= m != k ? (at - x[m]) / (x[k] - x[m]) : 1;
    }
  }
  return b;
}

// The file's values at a depth for an energy between: the sum by Hermite's cubic, whose slope is the dose.
static void values_at(const beam_file *file, const blend *b, double t, double out[VALUES]) {
  int d = 0;
  while (d < DEPTHS - 2 && file->t[d + 1] < t) {
    d++;
  }
  const double h = file->t[d + 1] - file->t[d], u = fmin((t - file->t[d]) / h, 1);
  memset(out, 0, VALUES * sizeof *out);
  for (int e = 0; e < ENERGIES; e++) {
    const double *lower = file->value[e][d], *upper = file->value[e][d + 1];
    for (int v = CORE; v < VALUES; v++) {
      out[v] += b->cubic[e] * (lower[v] + u * (upper[v] - lower[v]));
    }
    const double sum = (1 + 2 * u) * (1 - u) * (1 - u) * lower[SUM] + u * u * (3 - 2 * u) * upper[SUM] +
                       h * u * (1 - u) * ((1 - u) * lower[DOSE] - u * upper[DOSE]);
    out[SUM] += b->cubic[e] * sum;
  }
}

// LET of the core, and of the halo, which has the rest of the plane's.
static void let_at(const beam_file *file, const blend *b, double t, double halo, double out[2]) {
  int d = 0;
  while (d < DEPTHS - 2 && file->t[d + 1] < t) {
    d++;
  }
  const double u = fmin((t - file->t[d]) / (file->t[d + 1] - file->t[d]), 1);
  double plane = 0, core = 0;
  for (int e = 0; e < ENERGIES; e++) {
    const double *lower = file->let[e][d], *upper = file->let[e][d + 1];
    plane += b->cubic[e] * (lower[0] + u * (upper[0] - lower[0]));
    core += b->cubic[e] * (lower[1] + u * (upper[1] - lower[1]));
  }
  const double rest = halo > 0 ? (plane - (1 - halo) * core) / halo : plane;
  out[0] = core;
  out[1] = fmax(plane, fmin(rest, halo_let_max));
}

static void sum_let(pcn_depth_table *table) {
  for (int i = 1; i < table->count; i++) {
    const pcn_depth_row *before = &table->row[i - 1];
    pcn_depth_row *row = &table->row[i];
    for (int c = 0; c < 2; c++) {
      row->let_sum[c] = before->let_sum[c] + (row->sum - before->sum) * 0.5 * (before->let[c] + row->let[c]);
    }
  }
}

static pcn_bragg bragg_of(const pcn_depth_table *table) {
  const double spread_mev = energy_spread * table->energy_mev;
  const pcn_bragg beam = {table->r80_mm, pcn_bragg_sigma_mm(table->energy_mev, table->r80_mm, spread_mev), 0};
  return beam;
}

void pcn_depth_table_use_bortfeld(pcn_depth_table *table) {
  const pcn_bragg beam = bragg_of(table);
  double before = pcn_bragg_dose(&beam, 0);
  for (int i = 1; i < table->count; i++) {
    const double dose = pcn_bragg_dose(&beam, table->step_mm * i);
    table->row[i].sum = table->row[i - 1].sum + table->step_mm * 0.5 * (before + dose);
    before = dose;
  }
  sum_let(table);
}

void pcn_depth_table_use_primaries(pcn_depth_table *table) {
  const pcn_bragg beam = bragg_of(table);
  for (int i = 0; i < table->count; i++) {
    table->row[i].let[0] = table->row[i].let[1] = pcn_bragg_let(&beam, table->step_mm * i);
  }
  sum_let(table);
}

// Differential Moliere scattering power of water (Gottschalk 2010, doi:10.1118/1.3264177), rad2/mm; eq. 4.
static double scattering_power(double energy_mev, double start_mev) {
  const double es_mev = 15.0, length_mm = 468.8;
  const double pv = energy_mev * (energy_mev + 2 * proton_mass_mev) / (energy_mev + proton_mass_mev);
  const double pv1 = start_mev * (start_mev + 2 * proton_mass_mev) / (start_mev + proton_mass_mev);
  const double lost = log10(fmax(1 - pv * pv / (pv1 * pv1), 1e-4));
  const double single = 0.5244 + 0.1975 * lost + 0.2320 * log10(pv) - 0.0098 * log10(pv) * lost;
  return fmax(single, 0) * es_mev * es_mev / (pv * pv * length_mm);
}

// Scattering power by depth, and how the Monte Carlo's core compares with its second moment in water.
static void add_scattering(pcn_depth_table *table) {
  const range_table ranges = read_ranges();
  double angle = 0, mixed = 0, place = 0;  // Fermi-Eyges moments A0, A1, A2
  const double h = table->step_mm;
  for (int i = 0; i < table->count; i++) {
    pcn_depth_row *row = &table->row[i];
    const double residual_mm = fmax(table->csda_mm - h * (i + 0.5), 0.004 * table->csda_mm);
    row->power = scattering_power(energy_of(&ranges, residual_mm), table->energy_mev);
    // The factor goes with the path; what is more than 10 % is the narrow Gaussian's share of nuclear
    // secondaries and large angles at small depth, which does not grow where the path is longer.
    row->excess = place > 0 ? fmin(fmax(row->core / place, 0.9), 1.1) : 1;
    row->extra = row->core - row->excess * place;
    place += h * (2 * mixed + h * (angle + h * row->power / 3));
    mixed += h * (angle + 0.5 * h * row->power);
    angle += h * row->power;
  }
}

pencone_status pcn_depth_table_make(pencone_context *ctx, double energy_mev, pcn_depth_table *out) {
  memset(out, 0, sizeof *out);
  beam_file *file = pcn_alloc(ctx, 1, sizeof *file);
  if (file == NULL) {
    return PENCONE_E_MEMORY;
  }
  pencone_status status = read_beam_file(ctx, file);
  if (status == PENCONE_OK &&
      !(energy_mev >= file->energy_mev[0] && energy_mev <= file->energy_mev[ENERGIES - 1])) {
    status = pcn_fail(ctx, PENCONE_E_RANGE, "proton energy: got %g MeV, expected %g to %g", energy_mev,
                      file->energy_mev[0], file->energy_mev[ENERGIES - 1]);
  }
  if (status == PENCONE_OK) {
    const blend b = blend_make(file, energy_mev);
    double ratio = 0;  // R80 over CSDA range
    for (int e = 0; e < ENERGIES; e++) {
      ratio += b.linear[e] * file->r80_mm[e] / pcn_proton_range_mm(file->energy_mev[e]);
    }
    out->energy_mev = energy_mev;
    out->csda_mm = pcn_proton_range_mm(energy_mev);
    out->r80_mm = ratio * out->csda_mm;
    out->step_mm = step_mm;
    out->count = (int)(file->t[DEPTHS - 1] * out->r80_mm / step_mm);
    out->row = pcn_calloc(ctx, (size_t)out->count, sizeof *out->row);
    status = out->row != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
    for (int i = 0; i < out->count && status == PENCONE_OK; i++) {
      double v[VALUES];
      const double r = out->r80_mm;
      values_at(file, &b, i * step_mm / r, v);
      const pcn_depth_row row = {r * v[SUM],
                                 v[CORE] * v[CORE] * r * r,
                                 {v[WIDE2] * v[WIDE2] * r * r, v[WIDE3] * v[WIDE3] * r * r},
                                 {v[SHARE2], v[SHARE3]},
                                 0,
                                 0,
                                 0,
                                 {0, 0},
                                 {0, 0}};
      out->row[i] = row;
      let_at(file, &b, i * step_mm / r, v[SHARE2] + v[SHARE3], out->row[i].let);
    }
  }
  pcn_free(file);
  if (status == PENCONE_OK) {
    add_scattering(out);
    sum_let(out);
  }
  return status;
}

void pcn_depth_table_free(pcn_depth_table *table) {
  pcn_free(table->row);
  memset(table, 0, sizeof *table);
}

pcn_depth_row pcn_depth_table_at(const pcn_depth_table *table, double depth_mm) {
  const double at = fmax(depth_mm, 0) / table->step_mm;
  if (!(at < table->count - 1)) {
    return table->row[table->count - 1];
  }
  const int i = (int)at;
  const double u = at - i, w = 1 - u;
  const pcn_depth_row *a = &table->row[i], *b = a + 1;
  const pcn_depth_row row = {w * a->sum + u * b->sum,
                             w * a->core + u * b->core,
                             {w * a->wide[0] + u * b->wide[0], w * a->wide[1] + u * b->wide[1]},
                             {w * a->share[0] + u * b->share[0], w * a->share[1] + u * b->share[1]},
                             a->power,
                             w * a->excess + u * b->excess,
                             w * a->extra + u * b->extra,
                             {w * a->let[0] + u * b->let[0], w * a->let[1] + u * b->let[1]},
                             {w * a->let_sum[0] + u * b->let_sum[0], w * a->let_sum[1] + u * b->let_sum[1]}};
  return row;
}

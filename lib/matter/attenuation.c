// SPDX-License-Identifier: Apache-2.0
// Photon attenuation tables and their log-log interpolation, the way such tables are meant to be read
// (Hubbell, Seltzer 1995, NISTIR 5632, doi:10.18434/T4D01F).
#include "attenuation.h"

#include <math.h>

#include "base/base.h"
#include "data/data.h"
#include "num/csv.h"

// Numbers of a row of attenuation.csv after the medium's name.
enum { COLUMN_ENERGY = 0, COLUMN_MU = 2, COLUMN_MU_EN = 10, COLUMNS = 13 };

static const char file_name[] = "attenuation.csv";

static pencone_status add_row(pencone_context *ctx, pcn_csv *csv, pcn_attenuation *table) {
  double row[COLUMNS];
  PCN_CHECK(ctx, pcn_csv_doubles(csv, row, COLUMNS), PENCONE_E_FORMAT,
            "%s:%d: row: got no number, expected %d", file_name, csv->line, COLUMNS);
  PCN_CHECK(ctx, table->count < PCN_ATTENUATION_MAX, PENCONE_E_FORMAT,
            "%s:%d: energies: got more than %d, expected at most so many", file_name, csv->line,
            PCN_ATTENUATION_MAX);
  const double before = table->count > 0 ? table->energy_mev[table->count - 1] : 0;
  PCN_CHECK(ctx, row[COLUMN_ENERGY] > before, PENCONE_E_FORMAT,
            "%s:%d: energy: got %g MeV, expected above %g", file_name, csv->line, row[COLUMN_ENERGY], before);
  PCN_CHECK(ctx, row[COLUMN_MU] > 0 && row[COLUMN_MU_EN] > 0, PENCONE_E_FORMAT,
            "%s:%d: coefficient: got %g and %g cm2/g, expected above 0", file_name, csv->line, row[COLUMN_MU],
            row[COLUMN_MU_EN]);
  table->energy_mev[table->count] = row[COLUMN_ENERGY];
  table->mu[table->count] = row[COLUMN_MU];
  table->mu_en[table->count] = row[COLUMN_MU_EN];
  table->count++;
  return PENCONE_OK;
}

pencone_status pcn_attenuation_load(pencone_context *ctx, const char *material, pcn_attenuation *out) {
  PCN_CHECK(ctx, material != NULL && out != NULL, PENCONE_E_ARGUMENT,
            "attenuation: got NULL, expected a material's name and a table");
  size_t bytes = 0;
  const char *text = pcn_data_find(file_name, &bytes);
  PCN_CHECK(ctx, text != NULL, PENCONE_E_INTERNAL, "%s: not built into the library", file_name);
  pcn_csv csv;
  pcn_csv_start(&csv, text, bytes);
  out->count = 0;
  while (pcn_csv_row(&csv)) {
    if (pcn_csv_word(&csv, material)) {
      PCN_TRY(add_row(ctx, &csv, out));
    }
  }
  PCN_CHECK(ctx, out->count != 0, PENCONE_E_MISSING,
            "attenuation of material: got \"%s\", expected one of the standard materials", material);
  PCN_CHECK(ctx, out->count >= 2, PENCONE_E_FORMAT, "%s: %s: got 1 energy, expected 2 or more", file_name,
            material);
  return PENCONE_OK;
}

static double interpolate(const pcn_attenuation *table, const double *value, double energy_mev) {
  int low = 0, high = table->count - 1;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (table->energy_mev[middle] <= energy_mev) {
      low = middle;
    } else {
      high = middle;
    }
  }
  const double slope = log(value[high] / value[low]) / log(table->energy_mev[high] / table->energy_mev[low]);
  return value[low] * exp(slope * log(energy_mev / table->energy_mev[low]));
}

double pcn_attenuation_mu(const pcn_attenuation *table, double energy_mev) {
  return interpolate(table, table->mu, energy_mev);
}

double pcn_attenuation_mu_en(const pcn_attenuation *table, double energy_mev) {
  return interpolate(table, table->mu_en, energy_mev);
}

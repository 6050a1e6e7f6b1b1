// SPDX-License-Identifier: Apache-2.0
#include "spectrum.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "data/data.h"
#include "num/csv.h"

// Numbers of a row of spectra.csv after the spectrum's name.
enum { COLUMN_LOW = 0, COLUMN_HIGH = 1, COLUMN_SHARE = 3, COLUMNS = 4, NAMES_BYTES = 256 };

static const char file_name[] = "spectra.csv";
static const char heading[] = "spectrum";  // first cell of the row of column names

static int open_file(pcn_csv *csv) {
  size_t bytes = 0;
  const char *text = pcn_data_find(file_name, &bytes);
  if (text == NULL) {
    return 0;
  }
  pcn_csv_start(csv, text, bytes);
  return 1;
}

static int count_rows(const char *name) {
  pcn_csv csv;
  int rows = 0;
  if (open_file(&csv) && strcmp(name, heading) != 0) {
    while (pcn_csv_row(&csv)) {
      rows += pcn_csv_word(&csv, name);
    }
  }
  return rows;
}

// The names in the order of the file, each once: rows of a spectrum stand together.
static pencone_status fail_with_names(pencone_context *ctx, const char *name) {
  char names[NAMES_BYTES] = "";
  size_t used = 0;
  const char *last = heading;
  size_t last_bytes = sizeof heading - 1;
  pcn_csv csv;
  for (int more = open_file(&csv); more && pcn_csv_row(&csv);) {
    const char *cell = NULL;
    size_t bytes = 0;
    if (pcn_csv_text(&csv, &cell, &bytes) && (bytes != last_bytes || memcmp(cell, last, bytes) != 0) &&
        used + bytes + 2 < sizeof names) {
      used += (size_t)snprintf(names + used, sizeof names - used, " %.*s", (int)bytes, cell);
      last = cell;
      last_bytes = bytes;
    }
  }
  return pcn_fail(ctx, PENCONE_E_MISSING, "spectrum: got \"%s\", expected one of:%s", name, names);
}

static pencone_status fill(pencone_context *ctx, const char *name, pcn_spectrum *out) {
  pcn_csv csv;
  int bin = 0;
  for (int more = open_file(&csv); more && pcn_csv_row(&csv);) {
    double row[COLUMNS];
    if (!pcn_csv_word(&csv, name)) {
      continue;
    }
    PCN_CHECK(ctx, pcn_csv_doubles(&csv, row, COLUMNS), PENCONE_E_FORMAT,
              "%s:%d: row: got no number, expected %d", file_name, csv.line, COLUMNS);
    PCN_CHECK(ctx, row[COLUMN_HIGH] > row[COLUMN_LOW] && row[COLUMN_SHARE] >= 0, PENCONE_E_FORMAT,
              "%s:%d: bin: got %g to %g MeV with %g photons, expected rising edges and 0 or more", file_name,
              csv.line, row[COLUMN_LOW], row[COLUMN_HIGH], row[COLUMN_SHARE]);
    const double start = bin == 0 ? row[COLUMN_LOW] : out->edges_mev[bin];
    PCN_CHECK(ctx, row[COLUMN_LOW] >= start && row[COLUMN_LOW] <= start, PENCONE_E_FORMAT,
              "%s:%d: lower edge: got %g MeV, expected the upper edge before, %g", file_name, csv.line,
              row[COLUMN_LOW], start);
    out->edges_mev[bin] = row[COLUMN_LOW];
    out->edges_mev[bin + 1] = row[COLUMN_HIGH];
    out->weight[bin++] = row[COLUMN_SHARE];
  }
  return PENCONE_OK;
}

pencone_status pcn_spectrum_load(pencone_context *ctx, const char *name, pcn_spectrum *out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "spectrum: got NULL, expected a place for it");
  memset(out, 0, sizeof *out);
  PCN_CHECK(ctx, name != NULL, PENCONE_E_ARGUMENT, "spectrum: got NULL, expected a name");
  const int bins = count_rows(name);
  if (bins == 0) {
    return fail_with_names(ctx, name);
  }
  out->edges_mev = pcn_alloc(ctx, (size_t)bins + 1, sizeof *out->edges_mev);
  out->weight = pcn_alloc(ctx, (size_t)bins, sizeof *out->weight);
  if (out->edges_mev == NULL || out->weight == NULL) {
    return PENCONE_E_MEMORY;
  }
  out->bins = bins;
  return fill(ctx, name, out);
}

void pcn_spectrum_free(pcn_spectrum *spectrum) {
  if (spectrum != NULL) {
    pcn_free(spectrum->edges_mev);
    pcn_free(spectrum->weight);
    memset(spectrum, 0, sizeof *spectrum);
  }
}

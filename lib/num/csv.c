// SPDX-License-Identifier: Apache-2.0
#include "csv.h"

#include <string.h>

#include "text.h"

void pcn_csv_start(pcn_csv *csv, const char *text, size_t bytes) {
  csv->rest = text;
  csv->limit = text + bytes;
  csv->cell = NULL;
  csv->row_end = NULL;
  csv->line = 0;
}

int pcn_csv_row(pcn_csv *csv) {
  while (csv->rest < csv->limit) {
    const char *start = csv->rest;
    const char *feed = memchr(start, '\n', (size_t)(csv->limit - start));
    const char *end = feed != NULL ? feed : csv->limit;
    csv->rest = feed != NULL ? feed + 1 : csv->limit;
    csv->line++;
    if (end > start && end[-1] == '\r') {
      end--;
    }
    if (end > start && *start != '#') {
      csv->cell = start;
      csv->row_end = end;
      return 1;
    }
  }
  csv->cell = NULL;
  return 0;
}

static const char *cell_end(const pcn_csv *csv) {
  const char *comma = memchr(csv->cell, ',', (size_t)(csv->row_end - csv->cell));
  return comma != NULL ? comma : csv->row_end;
}

// After the last cell there is none; a row that ends in a comma has an empty one.
static void pass_cell(pcn_csv *csv, const char *end) {
  csv->cell = end < csv->row_end ? end + 1 : NULL;
}

int pcn_csv_text(pcn_csv *csv, const char **text, size_t *bytes) {
  if (csv->cell == NULL) {
    return 0;
  }
  const char *end = cell_end(csv);
  *text = csv->cell;
  *bytes = (size_t)(end - csv->cell);
  pass_cell(csv, end);
  return 1;
}

int pcn_csv_word(pcn_csv *csv, const char *word) {
  if (csv->cell == NULL) {
    return 0;
  }
  const char *end = cell_end(csv);
  const size_t bytes = strlen(word);
  if ((size_t)(end - csv->cell) != bytes || memcmp(csv->cell, word, bytes) != 0) {
    return 0;
  }
  pass_cell(csv, end);
  return 1;
}

int pcn_csv_doubles(pcn_csv *csv, double *out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (csv->cell == NULL) {
      return 0;
    }
    const size_t used = pcn_text_double(csv->cell, csv->row_end, &out[i]);
    const char *end = csv->cell + used;
    if (used == 0 || (end < csv->row_end && *end != ',')) {
      return 0;
    }
    pass_cell(csv, end);
  }
  return 1;
}

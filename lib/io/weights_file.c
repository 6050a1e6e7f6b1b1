// SPDX-License-Identifier: Apache-2.0
// Weights of beamlets as text (docs/formats.md).
#include <pencone/io.h>
#include <string.h>

#include "base/base.h"
#include "file.h"
#include "num/csv.h"
#include "num/text.h"

/// The next cell without the spaces around it. @return 1, or 0 when the row has no more
static int next_cell(pcn_csv *csv, const char **text, size_t *bytes) {
  if (!pcn_csv_text(csv, text, bytes)) {
    return 0;
  }
  for (; *bytes > 0 && **text == ' '; --*bytes) {
    ++*text;
  }
  while (*bytes > 0 && (*text)[*bytes - 1] == ' ') {
    --*bytes;
  }
  return 1;
}

static int is_word(const char *text, size_t bytes, const char *word) {
  return bytes == strlen(word) && memcmp(text, word, bytes) == 0;
}

/// Cells of the present row; is_heading: the first is no number. @param[out] place  of the cell "weight", -1
/// if none
static int look_at_row(pcn_csv csv, int *is_heading, int *place) {
  const char *text = NULL;
  size_t bytes = 0;
  double number = 0;
  int cells = 0;
  *place = -1;
  *is_heading = 0;
  for (; next_cell(&csv, &text, &bytes); ++cells) {
    *is_heading = cells == 0 ? pcn_text_double(text, text + bytes, &number) == 0 : *is_heading;
    *place = is_word(text, bytes, "weight") ? cells : *place;
  }
  return cells;
}

/// Finds the column of weights and leaves csv before the first row of numbers.
static pencone_status find_column(pencone_context *ctx, const char *path, pcn_csv *csv, int *place) {
  int is_heading = 0;
  pcn_csv probe = *csv;
  PCN_CHECK(ctx, pcn_csv_row(&probe), PENCONE_E_FORMAT, "%s: got no weights, expected one number per line",
            path);
  const int cells = look_at_row(probe, &is_heading, place);
  PCN_CHECK(ctx, cells == 1 || (is_heading && *place >= 0), PENCONE_E_FORMAT,
            "%s:%d: got %d columns, expected one, or a heading with 'weight'", path, probe.line, cells);
  *place = *place > 0 ? *place : 0;
  if (is_heading) {
    *csv = probe;
  }
  return PENCONE_OK;
}

static pencone_status read_row(pencone_context *ctx, const char *path, pcn_csv *csv, int place, double *out) {
  const char *text = "";
  size_t bytes = 0;
  int there = 1;
  for (int cell = 0; cell <= place && there; ++cell) {
    there = next_cell(csv, &text, &bytes);
  }
  const size_t used = there ? pcn_text_double(text, text + bytes, out) : 0;
  PCN_CHECK(ctx, used > 0 && used == bytes, PENCONE_E_FORMAT, "%s:%d: weight: got '%.*s', expected a number",
            path, csv->line, there && bytes < 40 ? (int)bytes : 0, text);
  return PENCONE_OK;
}

static pencone_status read_rows(pencone_context *ctx, const char *path, pcn_csv csv, int64_t *count,
                                double **weights) {
  int place = 0;
  PCN_TRY(find_column(ctx, path, &csv, &place));
  pcn_csv walk = csv;
  int64_t rows = 0;
  while (pcn_csv_row(&walk)) {
    ++rows;
  }
  PCN_CHECK(ctx, rows > 0, PENCONE_E_FORMAT,
            "%s: got no weights below the heading, expected one number per line", path);
  *weights = pcn_alloc(ctx, (size_t)rows, sizeof **weights);
  if (*weights == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (*count = 0; pcn_csv_row(&csv); ++*count) {
    PCN_TRY(read_row(ctx, path, &csv, place, *weights + *count));
  }
  return PENCONE_OK;
}

pencone_status pencone_weights_read(pencone_context *ctx, const char *path, int64_t *count,
                                    double **weights) {
  char *text = NULL;
  size_t bytes = 0;
  pcn_csv csv;
  PCN_CHECK(ctx, count != NULL && weights != NULL, PENCONE_E_ARGUMENT,
            "weights: the place for the result is NULL");
  *count = 0;
  *weights = NULL;
  PCN_TRY(pcn_file_read(ctx, path, &text, &bytes));
  pcn_csv_start(&csv, text, bytes);
  const pencone_status status = read_rows(ctx, path, csv, count, weights);
  pcn_free(text);
  if (status != PENCONE_OK) {
    pcn_free(*weights);
    *weights = NULL;
    *count = 0;
  }
  return status;
}

void pencone_numbers_free(double *numbers) {
  pcn_free(numbers);
}

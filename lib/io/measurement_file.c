// SPDX-License-Identifier: Apache-2.0
// Measured depth doses and tissue-phantom ratios (CSV, docs/formats.md).
#include <pencone/io.h>
#include <string.h>

#include "base/base.h"
#include "file.h"
#include "number_table.h"

enum { FIELD_X, FIELD_Y, SSD, DEPTH, DOSE, COLUMNS, CURVES_MAX = 100, FORMS = 2, RATIOS = 1 };
static const pcn_table_form forms[FORMS] = {
    {COLUMNS,
     {{"field_x_mm", 5, 400},
      {"field_y_mm", 5, 400},
      {"ssd_mm", 300, 5000},
      {"depth_mm", 0, 600},
      {"dose", 1e-30, 1e30}},
     "field_x_mm,field_y_mm,ssd_mm,depth_mm,dose"},
    [RATIOS] = {COLUMNS - 1,
                {{"field_x_mm", 5, 400}, {"field_y_mm", 5, 400}, {"depth_mm", 0, 600}, {"tpr", 1e-30, 1e30}},
                "field_x_mm,field_y_mm,depth_mm,tpr"},
};

/// A file as it is read: rows of one field and SSD that stand together are a curve.
typedef struct reading {
  const char *path;
  double *values;  ///< [row][depth, dose]
  size_t rows;
  int curves;
  pencone_depth_dose curve[CURVES_MAX];
} reading;

static size_t count_lines(const char *text, size_t bytes) {
  size_t lines = 1;
  for (size_t i = 0; i < bytes; i++) {
    lines += text[i] == '\n';
  }
  return lines;
}

// A row of either form; tissue-phantom ratios have no distance to the surface.
static pencone_status read_row(pencone_context *ctx, const char *path, pcn_csv *csv, int form,
                               double row[COLUMNS]) {
  PCN_TRY(pcn_table_row(ctx, path, csv, &forms[form], row));
  if (form == RATIOS) {
    row[DOSE] = row[DEPTH];
    row[DEPTH] = row[SSD];
    row[SSD] = 0;
  }
  return PENCONE_OK;
}

static int is_same_curve(const pencone_depth_dose *c, const double row[COLUMNS]) {
  return !(c->field_x_mm < row[FIELD_X] || c->field_x_mm > row[FIELD_X] || c->field_y_mm < row[FIELD_Y] ||
           c->field_y_mm > row[FIELD_Y] || c->ssd_mm < row[SSD] || c->ssd_mm > row[SSD]);
}

static pencone_status add_row(pencone_context *ctx, reading *r, int line, const double row[COLUMNS]) {
  pencone_depth_dose *c = r->curves > 0 ? &r->curve[r->curves - 1] : NULL;
  if (c == NULL || !is_same_curve(c, row)) {
    PCN_CHECK(ctx, c == NULL || c->points >= 2, PENCONE_E_FORMAT,
              "%s:%d: depth dose: the one before got 1 point, expected 2 or more", r->path, line);
    PCN_CHECK(ctx, r->curves < CURVES_MAX, PENCONE_E_RANGE,
              "%s:%d: depth dose: got more than %d, expected at most that", r->path, line, (int)CURVES_MAX);
    c = &r->curve[r->curves++];
    *c = (pencone_depth_dose){row[FIELD_X], row[FIELD_Y], row[SSD], 0, NULL, NULL};
  } else {
    const double before_mm = r->values[2 * (r->rows - 1)];
    PCN_CHECK(ctx, row[DEPTH] > before_mm, PENCONE_E_RANGE,
              "%s:%d: depth_mm: got %g, expected more than the %g before", r->path, line, row[DEPTH],
              before_mm);
  }
  c->points++;
  r->values[2 * r->rows] = row[DEPTH];
  r->values[2 * r->rows + 1] = row[DOSE];
  r->rows++;
  return PENCONE_OK;
}

static pencone_status read_rows(pencone_context *ctx, const char *text, size_t bytes, reading *r) {
  pcn_csv csv;
  pcn_csv_start(&csv, text, bytes);
  int form = 0;
  PCN_TRY(pcn_table_heading(ctx, r->path, &csv, forms, FORMS, &form));
  while (pcn_csv_row(&csv)) {
    double row[COLUMNS];
    PCN_TRY(read_row(ctx, r->path, &csv, form, row));
    PCN_TRY(add_row(ctx, r, csv.line, row));
  }
  PCN_CHECK(ctx, r->curves > 0 && r->curve[r->curves - 1].points >= 2, PENCONE_E_FORMAT,
            "%s:%d: depth dose: got %s, expected 2 or more points", r->path, csv.line,
            r->curves > 0 ? "1 point" : "none");
  return PENCONE_OK;
}

// Pairs of depth and dose become two arrays per curve.
static pencone_status separate(pencone_context *ctx, reading *r, pencone_measurement **out) {
  double *columns = pcn_alloc(ctx, 2 * r->rows, sizeof *columns);
  if (columns == NULL) {
    return pcn_fail_prefix(ctx, PENCONE_E_MEMORY, r->path);
  }
  size_t row = 0;
  for (int i = 0; i < r->curves; i++) {
    const size_t n = (size_t)r->curve[i].points;
    double *depth_mm = columns + 2 * row, *dose = depth_mm + n;
    for (size_t k = 0; k < n; k++, row++) {
      depth_mm[k] = r->values[2 * row];
      dose[k] = r->values[2 * row + 1];
    }
    r->curve[i].depth_mm = depth_mm;
    r->curve[i].dose = dose;
  }
  const pencone_status status = pencone_measurement_create(ctx, r->curves, r->curve, out);
  pcn_free(columns);
  return status == PENCONE_OK ? status : pcn_fail_prefix(ctx, status, r->path);
}

pencone_status pencone_measurement_read(pencone_context *ctx, const char *path, pencone_measurement **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "measurement: the place for the result is NULL");
  *out = NULL;
  char *text = NULL;
  size_t bytes = 0;
  PCN_TRY(pcn_file_read(ctx, path, &text, &bytes));
  reading *r = pcn_calloc(ctx, 1, sizeof *r);
  pencone_status status = r != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    r->path = path;
    r->values = pcn_alloc(ctx, 2 * count_lines(text, bytes), sizeof *r->values);
    status = r->values != NULL ? read_rows(ctx, text, bytes, r) : PENCONE_E_MEMORY;
  }
  if (status == PENCONE_OK) {
    status = separate(ctx, r, out);
  }
  pcn_free(r != NULL ? r->values : NULL);
  pcn_free(r);
  pcn_free(text);
  return status;
}

// SPDX-License-Identifier: Apache-2.0
// Output factors (CSV, docs/formats.md), applied to the measurement that they belong to.
#include <math.h>
#include <pencone/io.h>

#include "base/base.h"
#include "file.h"
#include "number_table.h"

enum { FIELD_X, FIELD_Y, DEPTH, FACTOR, COLUMNS, FACTORS_MAX = 100, FORMS = 2 };
#define PCN_PLACE                                   \
  {"field_x_mm", 5, 400}, {"field_y_mm", 5, 400}, { \
    "depth_mm", 0, 600                              \
  }
static const pcn_table_form forms[FORMS] = {
    [PENCONE_PHANTOM_SCATTER] = {COLUMNS,
                                 {PCN_PLACE, {"phantom_scatter", 1e-3, 1e3}},
                                 "field_x_mm,field_y_mm,depth_mm,phantom_scatter"},
    [PENCONE_TOTAL_SCATTER] = {COLUMNS,
                               {PCN_PLACE, {"total_scatter", 1e-3, 1e3}},
                               "field_x_mm,field_y_mm,depth_mm,total_scatter"},
};
static const double same_mm = 0.01;

static int is_same(const pencone_output_factor *a, double x_mm, double y_mm) {
  return fabs(a->field_x_mm - x_mm) <= same_mm && fabs(a->field_y_mm - y_mm) <= same_mm;
}

// A row whose field has no curve, or had a factor before, is told with its line; so is a depth out of the
// curve.
static pencone_status check_row(pencone_context *ctx, const char *path, int line,
                                const pencone_measurement *m, const pencone_output_factor *factor,
                                int before) {
  const pencone_output_factor *own = &factor[before];
  const pencone_depth_dose *curve = NULL;
  for (int i = 0; i < pencone_measurement_count(m); i++) {
    const pencone_depth_dose *c = pencone_measurement_at(m, i);
    curve = is_same(own, c->field_x_mm, c->field_y_mm) ? c : curve;
  }
  PCN_CHECK(ctx, curve != NULL, PENCONE_E_RANGE,
            "%s:%d: field: got %g x %g mm, expected one that has a depth dose", path, line, own->field_x_mm,
            own->field_y_mm);
  for (int i = 0; i < before; i++) {
    PCN_CHECK(ctx, !is_same(own, factor[i].field_x_mm, factor[i].field_y_mm), PENCONE_E_RANGE,
              "%s:%d: field: got %g x %g mm again, expected it once", path, line, own->field_x_mm,
              own->field_y_mm);
  }
  const double first_mm = curve->depth_mm[0], last_mm = curve->depth_mm[curve->points - 1];
  PCN_CHECK(ctx, own->depth_mm >= first_mm && own->depth_mm <= last_mm, PENCONE_E_RANGE,
            "%s:%d: depth_mm: got %g, expected one within the field's depth dose, %g to %g", path, line,
            own->depth_mm, first_mm, last_mm);
  return PENCONE_OK;
}

static pencone_status read_rows(pencone_context *ctx, const char *path, pcn_csv *csv,
                                const pencone_measurement *m, pencone_output_kind *kind,
                                pencone_output_factor factor[FACTORS_MAX], int *count) {
  int which = 0;
  PCN_TRY(pcn_table_heading(ctx, path, csv, forms, FORMS, &which));
  *kind = (pencone_output_kind)which;
  for (*count = 0; pcn_csv_row(csv); ++*count) {
    double row[PCN_TABLE_COLUMNS];
    PCN_CHECK(ctx, *count < FACTORS_MAX, PENCONE_E_RANGE,
              "%s:%d: output factor: got more than %d, expected at most that", path, csv->line,
              (int)FACTORS_MAX);
    PCN_TRY(pcn_table_row(ctx, path, csv, &forms[which], row));
    factor[*count] = (pencone_output_factor){row[FIELD_X], row[FIELD_Y], row[DEPTH], row[FACTOR]};
    PCN_TRY(check_row(ctx, path, csv->line, m, factor, *count));
  }
  for (int i = 0; i < pencone_measurement_count(m); i++) {
    const pencone_depth_dose *c = pencone_measurement_at(m, i);
    int found = 0;
    for (int f = 0; f < *count; f++) {
      found = found || is_same(&factor[f], c->field_x_mm, c->field_y_mm);
    }
    PCN_CHECK(ctx, found, PENCONE_E_FORMAT,
              "%s:%d: output factor: got none for %g x %g mm, expected one for each depth dose", path,
              csv->line, c->field_x_mm, c->field_y_mm);
  }
  return PENCONE_OK;
}

pencone_status pencone_output_factors_read(pencone_context *ctx, const char *path,
                                           const pencone_measurement *measurement, pencone_output_kind *kind,
                                           pencone_measurement **out) {
  PCN_CHECK(ctx, measurement != NULL && kind != NULL && out != NULL, PENCONE_E_ARGUMENT,
            "output factors: got NULL, expected a measurement and places for the results");
  *out = NULL;
  char *text = NULL;
  size_t bytes = 0;
  PCN_TRY(pcn_file_read(ctx, path, &text, &bytes));
  pencone_output_factor factor[FACTORS_MAX];
  int count = 0;
  pcn_csv csv;
  pcn_csv_start(&csv, text, bytes);
  pencone_status status = read_rows(ctx, path, &csv, measurement, kind, factor, &count);
  if (status == PENCONE_OK) {
    status = pencone_measurement_scale(ctx, measurement, count, factor, out);
    status = status == PENCONE_OK ? status : pcn_fail_prefix(ctx, status, path);
  }
  pcn_free(text);
  return status;
}

// SPDX-License-Identifier: Apache-2.0
#include "number_table.h"

// Columns of the form that the row has, from the first on.
static int matching(pcn_csv csv, const pcn_table_form *form) {
  int columns = 0;
  while (columns < form->columns && pcn_csv_word(&csv, form->column[columns].name)) {
    columns++;
  }
  return columns;
}

pencone_status pcn_table_heading(pencone_context *ctx, const char *path, pcn_csv *csv,
                                 const pcn_table_form *form, int forms, int *which) {
  int most = -1;
  PCN_CHECK(ctx, pcn_csv_row(csv), PENCONE_E_FORMAT, "%s: got no rows, expected the first to be %s", path,
            form[0].heading);
  for (int f = 0; f < forms; f++) {
    const int columns = matching(*csv, &form[f]);
    if (columns == form[f].columns) {
      *which = f;
      return PENCONE_OK;
    }
    if (columns > most) {
      most = columns;
      *which = f;
    }
  }
  return pcn_fail(ctx, PENCONE_E_FORMAT, "%s:%d: first row: got another name in column %d, expected %s%s%s",
                  path, csv->line, most + 1, form[*which].heading, most == 0 && forms > 1 ? " or " : "",
                  most == 0 && forms > 1 ? form[1].heading : "");
}

static pencone_status fail_cell(pencone_context *ctx, const char *path, pcn_csv *csv,
                                const pcn_table_form *form, const char *name) {
  const char *text = "";
  size_t bytes = 0;
  const int is_there = pcn_csv_text(csv, &text, &bytes);
  return is_there ? pcn_fail(ctx, PENCONE_E_FORMAT, "%s:%d: %s: got '%.*s', expected a number", path,
                             csv->line, name, bytes < 40 ? (int)bytes : 40, text)
                  : pcn_fail(ctx, PENCONE_E_FORMAT, "%s:%d: %s: got the end of the row, expected %d values",
                             path, csv->line, name, form->columns);
}

pencone_status pcn_table_row(pencone_context *ctx, const char *path, pcn_csv *csv, const pcn_table_form *form,
                             double row[PCN_TABLE_COLUMNS]) {
  for (int c = 0; c < form->columns; c++) {
    const pcn_table_column *column = &form->column[c];
    if (!pcn_csv_doubles(csv, &row[c], 1)) {
      return fail_cell(ctx, path, csv, form, column->name);
    }
    PCN_CHECK(ctx, row[c] >= column->low && row[c] <= column->high, PENCONE_E_RANGE,
              "%s:%d: %s: got %g, expected %g to %g", path, csv->line, column->name, row[c], column->low,
              column->high);
  }
  const char *rest = NULL;
  size_t bytes = 0;
  PCN_CHECK(ctx, !pcn_csv_text(csv, &rest, &bytes), PENCONE_E_FORMAT,
            "%s:%d: row: got more than %d values, expected %s", path, csv->line, form->columns,
            form->heading);
  return PENCONE_OK;
}

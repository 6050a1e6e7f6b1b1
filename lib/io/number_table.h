// SPDX-License-Identifier: Apache-2.0
// Tables of numbers with a heading (CSV): every message names file, line, column, value and expectation.
#ifndef PCN_NUMBER_TABLE_H
#define PCN_NUMBER_TABLE_H

#include "base/base.h"
#include "num/csv.h"

enum { PCN_TABLE_COLUMNS = 5 };

/// A column and the range of its numbers, both ends included.
typedef struct pcn_table_column {
  const char *name;
  double low, high;
} pcn_table_column;

/// What a table may look like.
typedef struct pcn_table_form {
  int columns;
  pcn_table_column column[PCN_TABLE_COLUMNS];
  const char *heading;  ///< the names with commas, for messages
} pcn_table_form;

/// Reads the first row. @param form  forms that it may have. @param[out] which  the one that it has
pencone_status pcn_table_heading(pencone_context *ctx, const char *path, pcn_csv *csv,
                                 const pcn_table_form *form, int forms, int *which);

/// Reads the row that the walk stands at. @param[out] row  form->columns values
pencone_status pcn_table_row(pencone_context *ctx, const char *path, pcn_csv *csv, const pcn_table_form *form,
                             double row[PCN_TABLE_COLUMNS]);

#endif

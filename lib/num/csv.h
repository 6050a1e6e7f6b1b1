// SPDX-License-Identifier: Apache-2.0
// Walks through comma-separated text in memory: rows, then the cells of a row. Nothing is copied.
#ifndef PCN_CSV_H
#define PCN_CSV_H

#include <stddef.h>

/// A place in the text; plain value.
typedef struct pcn_csv {
  const char *rest, *limit;    ///< text not yet seen, and one past its end
  const char *cell, *row_end;  ///< next cell of the current row; NULL: no cells left
  int line;                    ///< number of the current row's line, from 1
} pcn_csv;

/// Starts before the first row. The text must outlive the walk.
void pcn_csv_start(pcn_csv *csv, const char *text, size_t bytes);

/// Goes to the next row; blank lines and lines that begin with '#' are passed over. @return 1, or 0 at the
/// end.
int pcn_csv_row(pcn_csv *csv);

/// Takes the next cell. @return 1, or 0 when the row has no more.
int pcn_csv_text(pcn_csv *csv, const char **text, size_t *bytes);

/// Takes the next cell when it equals word. @return 1 or 0 (the cell is still there).
int pcn_csv_word(pcn_csv *csv, const char *word);

/// Takes the next cells as count numbers. @return 1, or 0 when one is absent or not a number.
int pcn_csv_doubles(pcn_csv *csv, double *out, size_t count);

#endif

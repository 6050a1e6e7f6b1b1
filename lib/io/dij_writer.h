// SPDX-License-Identifier: Apache-2.0
// What a writer of influence matrices keeps, and the forms that it can write.
#ifndef PCN_DIJ_WRITER_H
#define PCN_DIJ_WRITER_H

#include <pencone/io.h>
#include <stdio.h>

#include "dij_log.h"
#include "h5.h"

/// One form of a matrix. Failures leave the part and the log.
typedef struct pcn_dij_form {
  /// Begins the part at writer->part.
  pencone_status (*begin)(pencone_dij_writer *writer, pencone_context *ctx);
  /// Checks the columns of writer->log in the part and makes it ready for more; may begin a new part and log.
  pencone_status (*recover)(pencone_dij_writer *writer, pencone_context *ctx);
  /// Appends columns and notes them in the log.
  pencone_status (*put)(pencone_dij_writer *writer, pencone_context *ctx, const pencone_dij_column *columns,
                        int count);
  /// All is there: closes the part and gives it its name.
  pencone_status (*end)(pencone_dij_writer *writer, pencone_context *ctx);
} pcn_dij_form;

extern const pcn_dij_form pcn_dij_form_pencone;
extern const pcn_dij_form pcn_dij_form_portpy;
extern const pcn_dij_form pcn_dij_form_fred;

struct pencone_dij_writer {
  char *path, *part;
  char *plan_text, *phantom_path;  ///< NULL: not given
  pencone_dij_format format;
  const pcn_dij_form *form;
  int resume;
  const char *isa;  ///< of the context that made the writer: the stream has contexts of its own
  int threads;      ///< the same
  int found;        ///< a part was there
  int begun;        ///< this writer's columns go to the part
  int whole;        ///< the matrix has its name
  double start_s;
  pcn_dij_log log;
  pencone_dij_info info;  ///< while a stream runs
  int64_t entries;        ///< in the part
  uint64_t bytes;         ///< of the whole file
  // Forms in HDF5
  pcn_h5 h5;
  int h5_open;
  int staged;      ///< entries not yet in the part
  int32_t *voxel;  ///< PCN_H5_CHUNK of them
  float *value;
  // FRED
  FILE *file;
};

/// The notes of columns, in the writer's order. @param[out] notes  count of them
void pcn_dij_notes(const pencone_dij_column *columns, int count, pcn_dij_note *notes);

/// Closes an HDF5 part that is open, whole or not.
void pcn_dij_store_close(pencone_dij_writer *writer, pencone_context *ctx);

/// Ends the HDF5 part: tables, attributes, provenance; its name becomes target.
pencone_status pcn_dij_store_finish(pencone_dij_writer *writer, pencone_context *ctx, const char *target);

#endif

// SPDX-License-Identifier: Apache-2.0
// Influence matrices of our own form, read column by column.
#ifndef PCN_DIJ_FILE_H
#define PCN_DIJ_FILE_H

#include <pencone/io.h>

#include "h5.h"

enum { PCN_DIJ_PIECE = 1 << 19 };  ///< most entries of a piece

/// An open matrix. The HDF5 lock is held but for pcn_dij_reader_pause() to _continue().
typedef struct pcn_dij_reader {
  pcn_h5 h5;
  pencone_grid grid;
  int64_t columns;
  int64_t *first;  ///< columns + 1, checked: rising from 0 to the number of entries
  int32_t *voxel;  ///< a piece of the entries
  float *value;
  int64_t start, count;  ///< of the piece
} pcn_dij_reader;

/// Opens a matrix and checks all but its entries. On failure nothing stays open.
pencone_status pcn_dij_reader_open(pencone_context *ctx, const char *path, pcn_dij_reader *reader);

/// Closes. @return status
pencone_status pcn_dij_reader_close(pcn_dij_reader *reader, pencone_status status);

/// Reads entries from start on, up to a limit of its own or the last one; checks that they are voxels of the
/// grid.
pencone_status pcn_dij_reader_piece(pcn_dij_reader *reader, int64_t start);

/// Reads all beamlets. @param[out] out  room for them
pencone_status pcn_dij_reader_beamlets(const pcn_dij_reader *reader, pencone_beamlet *out);

#endif

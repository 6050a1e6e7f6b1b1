// SPDX-License-Identifier: Apache-2.0
// The log beside an influence matrix that is being written: what it is made from, and per finished block what
// of it stands where. A matrix without its end is read by its log; the log goes when the matrix is whole.
// Numbers have the machine's own byte order: a log is for the machine that writes it.
#ifndef PCN_DIJ_LOG_H
#define PCN_DIJ_LOG_H

#include <pencone/dij.h>

#include "num/sha256.h"

/// What a matrix is made from, as hashes: a part goes on only with the same.
typedef struct pcn_dij_key {
  char program[PCN_SHA256_HEX];  ///< version, commit, instruction set, form of the file
  char plan[PCN_SHA256_HEX];     ///< engine, its options, beams, dose grid
  char phantom[PCN_SHA256_HEX];
  char options[PCN_SHA256_HEX];  ///< of the matrix
} pcn_dij_key;

/// @param isa  name of the instruction set that calculates
pencone_status pcn_dij_key_of(pencone_context *ctx, const pencone_dij_info *info, const char *isa, int format,
                              pcn_dij_key *out);

/// Fails, naming what differs, unless both are the same.
pencone_status pcn_dij_key_compare(pencone_context *ctx, const char *path, const pcn_dij_key *there,
                                   const pcn_dij_key *wanted);

/// A column as the log has it.
typedef struct pcn_dij_note {
  int64_t count;     ///< entries
  double sum, lost;  ///< see pencone_dij_column
  uint64_t check;    ///< pcn_dij_check() of its entries
} pcn_dij_note;

typedef struct pcn_dij_log {
  char *path;
  int file;  ///< -1: not open
  pcn_dij_key key;
  int64_t columns;     ///< of the whole matrix
  int64_t done;        ///< columns in finished blocks
  pcn_dij_note *note;  ///< one per column, the first `done` are filled
  uint64_t *place;     ///< where the data lie, as the writer understands it
  size_t places, room;
} pcn_dij_log;

/// A log that is not open; path is copied.
pencone_status pcn_dij_log_init(pencone_context *ctx, const char *path, pcn_dij_log *log);
void pcn_dij_log_free(pcn_dij_log *log);

/// Begins a log. Another process that holds it is an error.
pencone_status pcn_dij_log_begin(pencone_context *ctx, pcn_dij_log *log, const pcn_dij_key *key,
                                 int64_t columns);

/// Reads all finished blocks; what an interrupted write has left behind them is dropped. @param[out] found 0:
/// no log
pencone_status pcn_dij_log_read(pencone_context *ctx, pcn_dij_log *log, int *found);

/// Notes a block that stands in the file: its columns and the places of what it has begun.
pencone_status pcn_dij_log_add(pencone_context *ctx, pcn_dij_log *log, const pcn_dij_note *notes, int count,
                               const uint64_t *places, size_t place_count);

/// Forgets the blocks from a column on, the log too.
pencone_status pcn_dij_log_cut(pencone_context *ctx, pcn_dij_log *log, int64_t columns);

/// Removes the log: the matrix is whole.
void pcn_dij_log_end(const pcn_dij_log *log);

/// A number that changes with every bit of a column's entries.
uint64_t pcn_dij_check(int64_t count, const int32_t *voxel, const float *value);

#endif

// SPDX-License-Identifier: Apache-2.0
// One column of an influence matrix while it is made: entries in the order of the voxels, as many as come.
#ifndef PCN_COLUMN_H
#define PCN_COLUMN_H

#include <pencone/context.h>
#include <stdatomic.h>

enum { PCN_SLABS = 64 };

/// Bytes that all columns of a stream may take together. Any thread.
typedef struct pcn_quota {
  uint64_t limit;  ///< 0: unlimited
  atomic_ullong used;
  /// 1: without a limit, columns share slabs, as the first touch of many small pieces costs as much as what
  /// is written there. They are freed with the quota, by pcn_quota_free(), after the columns.
  int slabs;
  atomic_flag busy;  ///< while a thread takes from the last slab
  struct {
    char *memory;
    size_t room, used;
  } slab[PCN_SLABS];
  int count;  ///< of slabs
} pcn_quota;

void pcn_quota_free(pcn_quota *quota);

typedef struct pcn_column {
  int64_t count, room;
  int32_t *voxel;  ///< rising
  float *value;    ///< one allocation, the voxels behind the values
  int in_slab;     ///< 1: value lies in a slab
  double beyond;   ///< sum of the entries that the engine left out, estimated
  double sum,
      below;  ///< of a sifted column: of all entries that were made, of those left out for the threshold
  pcn_quota *quota;  ///< borrowed
} pcn_column;

/// Makes room for more entries behind those that are there.
/// @return PENCONE_OK, E_BUDGET (the quota), E_MEMORY. A column belongs to one thread at a time.
pencone_status pcn_column_reserve(pencone_context *ctx, pcn_column *column, int64_t more);

/// Where n entries will be written to, while they are calculated: columns are larger than what is near the
/// processor.
static inline void pcn_column_fetch(const pcn_column *column, int64_t n) {
  enum { LINE = 16 };
  for (int64_t i = column->count; i < column->count + n + LINE; i += LINE) {
    __builtin_prefetch(column->value + i, 1);
    __builtin_prefetch(column->voxel + i, 1);
  }
}

/// Leaves the entries of a size of least on. @return the sum of the others
double pcn_column_drop(pcn_column *column, float least);

/// Frees the entries and gives their bytes back to the quota.
void pcn_column_free(pcn_column *column);

#endif

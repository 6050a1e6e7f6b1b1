// SPDX-License-Identifier: Apache-2.0
#include "num/column.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

enum { ENTRY_BYTES = sizeof(int32_t) + sizeof(float) };

static void drop(pcn_column *c) {
  atomic_fetch_sub(&c->quota->used, (uint64_t)c->room * ENTRY_BYTES);
  pcn_free(c->value);
  c->value = NULL;
  c->voxel = NULL;
  c->room = 0;
}

pencone_status pcn_column_reserve(pencone_context *ctx, pcn_column *c, int64_t more) {
  if (c->count + more <= c->room) {
    return PENCONE_OK;
  }
  // One that grows gets half as much again. Columns are alike: for the next one to come a little more is
  // enough.
  const int64_t spare = c->quota->limit == 0 ? more / 8 : 0, half_more = c->room + c->room / 2;
  const int64_t room =
      c->count == 0 ? more + spare : (c->count + more > half_more ? c->count + more : half_more);
  if (c->count == 0) {
    drop(c);
  }
  const uint64_t extra = (uint64_t)(room - c->room) * ENTRY_BYTES;
  const uint64_t used = atomic_fetch_add(&c->quota->used, extra) + extra;
  pencone_status status = PENCONE_OK;
  if (c->quota->limit > 0 && used > c->quota->limit) {
    const double mib = 1.0 / (1024 * 1024);
    status = pcn_fail(
        ctx, PENCONE_E_BUDGET,
        "memory: the columns of an influence matrix in work need more than %.1f MiB, the budget leaves %.1f "
        "MiB for them: raise the budget or the threshold, or give a mask",
        mib * (double)used, mib * (double)c->quota->limit);
  }
  float *value = status == PENCONE_OK ? pcn_alloc(ctx, (size_t)room, ENTRY_BYTES) : NULL;
  if (value == NULL) {
    atomic_fetch_sub(&c->quota->used, extra);
    return status != PENCONE_OK ? status : PENCONE_E_MEMORY;
  }
  int32_t *voxel = (int32_t *)(void *)(value + room);
  if (c->count > 0) {
    memcpy(voxel, c->voxel, (size_t)c->count * sizeof *voxel);
    memcpy(value, c->value, (size_t)c->count * sizeof *value);
  }
  pcn_free(c->value);
  c->voxel = voxel;
  c->value = value;
  c->room = room;
  return PENCONE_OK;
}

double pcn_column_drop(pcn_column *c, float least) {
  int64_t kept = 0;
  double dropped = 0;
  for (int64_t i = 0; i < c->count; i++) {  // no branch to mispredict
    const float v = c->value[i];
    const int large = fabsf(v) >= least;
    c->value[kept] = v;
    c->voxel[kept] = c->voxel[i];
    kept += large;
    dropped += large ? 0 : (double)v;
  }
  c->count = kept;
  return dropped;
}

void pcn_column_free(pcn_column *c) {
  if (c->quota != NULL) {
    drop(c);
  }
  memset(c, 0, sizeof *c);
}

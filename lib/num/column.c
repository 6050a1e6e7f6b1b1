// SPDX-License-Identifier: Apache-2.0
#include "num/column.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

enum { ENTRY_BYTES = sizeof(int32_t) + sizeof(float) };

// --- slabs -------------------------------------------------------------------------------------

static const size_t first_slab = 4u << 20, most_slab = 256u << 20, line = 64;

static void *take_from(pencone_context *ctx, pcn_quota *q, size_t bytes) {
  const size_t whole = (bytes + line - 1) / line * line;
  if (q->count == 0 || q->slab[q->count - 1].room - q->slab[q->count - 1].used < whole) {
    const size_t twice = q->count > 0 ? 2 * q->slab[q->count - 1].room : first_slab,
                 wanted = twice < most_slab ? twice : most_slab, room = wanted > whole ? wanted : whole;
    char *memory = q->count < PCN_SLABS ? pcn_alloc(ctx, room, 1) : NULL;
    if (memory == NULL) {
      return NULL;
    }
    q->slab[q->count].memory = memory;
    q->slab[q->count].room = room;
    q->slab[q->count++].used = 0;
  }
  char *piece = q->slab[q->count - 1].memory + q->slab[q->count - 1].used;
  q->slab[q->count - 1].used += whole;
  return piece;
}

// A piece of a slab; NULL where there are none.
static void *take_piece(pencone_context *ctx, pcn_quota *q, size_t bytes) {
  if (!q->slabs || q->limit > 0) {
    return NULL;
  }
  while (atomic_flag_test_and_set_explicit(&q->busy, memory_order_acquire)) {  // another thread is at it
  }
  void *piece = take_from(ctx, q, bytes);
  atomic_flag_clear_explicit(&q->busy, memory_order_release);
  return piece;
}

void pcn_quota_free(pcn_quota *quota) {
  for (int s = 0; s < quota->count; s++) {
    pcn_free(quota->slab[s].memory);
  }
  quota->count = 0;
}

// --- columns -----------------------------------------------------------------------------------

static void let_go(pcn_column *c) {
  if (!c->in_slab) {
    pcn_free(c->value);
  }
}

static void drop(pcn_column *c) {
  atomic_fetch_sub(&c->quota->used, (uint64_t)c->room * ENTRY_BYTES);
  let_go(c);
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
  const int64_t spare = c->quota->limit > 0 ? 0
                        : c->quota->slabs   ? more / 4
                                            : more / 8,
                half_more = c->room + c->room / 2;
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
  const size_t bytes = (size_t)room * ENTRY_BYTES;
  float *piece = status == PENCONE_OK ? take_piece(ctx, c->quota, bytes) : NULL, *value = piece;
  if (status == PENCONE_OK && piece == NULL) {
    value = pcn_alloc(ctx, bytes, 1);
  }
  if (value == NULL) {
    atomic_fetch_sub(&c->quota->used, extra);
    return status != PENCONE_OK ? status : PENCONE_E_MEMORY;
  }
  int32_t *voxel = (int32_t *)(void *)(value + room);
  if (c->count > 0) {
    memcpy(voxel, c->voxel, (size_t)c->count * sizeof *voxel);
    memcpy(value, c->value, (size_t)c->count * sizeof *value);
  }
  let_go(c);
  c->voxel = voxel;
  c->value = value;
  c->in_slab = piece != NULL;
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

// SPDX-License-Identifier: Apache-2.0
#define _DEFAULT_SOURCE  // madvise() is not POSIX
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base.h"
#include "context_internal.h"

static const size_t alignment = 64;  // one cache line, one AVX-512 register
static const size_t huge_page = 2u << 20;

static int must_fail(pencone_context *ctx) {
  if (ctx == NULL || ctx->alloc_fail_after < 0) {
    return 0;
  }
  return ctx->alloc_fail_after-- == 0;
}

// Volumes are taken in huge pages where the system has them: the first touch of 4 KiB pages costs as much as
// the work on them, in some virtual machines many times that. So that none are left at the end, the last huge
// page is filled up where that is little, and small volumes, which have only one.
static int take(void **memory, size_t bytes) {
  const size_t whole = (bytes + huge_page - 1) / huge_page * huge_page;
  const int filled_up = whole - bytes <= (bytes < huge_page ? huge_page / 2 : bytes / 3);
  if (bytes < huge_page && !filled_up) {
    return posix_memalign(memory, alignment, bytes);
  }
  const int bad = posix_memalign(memory, huge_page, filled_up ? whole : bytes);
#ifdef MADV_HUGEPAGE
  if (!bad) {
    (void)madvise(*memory, filled_up ? whole : whole - huge_page,
                  MADV_HUGEPAGE);  // a wish: nothing is lost without
  }
#endif
  return bad;
}

void *pcn_alloc(pencone_context *ctx, size_t count, size_t size) {
  void *memory = NULL;
  const int overflow = size != 0 && count > SIZE_MAX / 2 / size;
  const size_t bytes = count * size > 0 ? count * size : 1;
  if (overflow || must_fail(ctx) || take(&memory, bytes) != 0) {
    pcn_fail(ctx, PENCONE_E_MEMORY, "no memory for %zu elements of %zu bytes", count, size);
    return NULL;
  }
  return memory;
}

void *pcn_calloc(pencone_context *ctx, size_t count, size_t size) {
  void *memory = pcn_alloc(ctx, count, size);
  if (memory != NULL) {
    memset(memory, 0, count * size);
  }
  return memory;
}

char *pcn_strdup(pencone_context *ctx, const char *text) {
  if (text == NULL) {
    return NULL;
  }
  const size_t bytes = strlen(text) + 1;
  char *copy = pcn_alloc(ctx, bytes, 1);
  if (copy != NULL) {
    memcpy(copy, text, bytes);
  }
  return copy;
}

void pcn_free(void *memory) {
  free(memory);
}

void pcn_alloc_fail_after(pencone_context *ctx, int64_t after) {
  ctx->alloc_fail_after = after;
}

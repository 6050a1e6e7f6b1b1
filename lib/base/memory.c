// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L
#include "base.h"
#include "context_internal.h"
#include <stdlib.h>
#include <string.h>

static const size_t alignment = 64; // one cache line, one AVX-512 register

static int must_fail(pencone_context *ctx) {
  if (ctx == NULL || ctx->alloc_fail_after < 0) {
    return 0;
  }
  return ctx->alloc_fail_after-- == 0;
}

void *pcn_alloc(pencone_context *ctx, size_t count, size_t size) {
  void *memory = NULL;
  const int overflow = size != 0 && count > SIZE_MAX / 2 / size;
  const size_t bytes = count * size > 0 ? count * size : 1;
  if (overflow || must_fail(ctx) || posix_memalign(&memory, alignment, bytes) != 0) {
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

// SPDX-License-Identifier: Apache-2.0
// The context: last error, log, progress and cancel, threads, memory budget.
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base.h"
#include "context_internal.h"

static const double progress_interval_s = 0.05;

pencone_status pencone_context_create(pencone_context **out) {
  if (out == NULL) {
    return PENCONE_E_ARGUMENT;
  }
  *out = calloc(1, sizeof **out);
  if (*out == NULL) {
    return PENCONE_E_MEMORY;
  }
  (*out)->alloc_fail_after = -1;
  const char *isa = getenv("PENCONE_ISA");  // an unknown name is as good as none
  if (isa != NULL && strlen(isa) < sizeof(*out)->isa) {
    memcpy((*out)->isa, isa, strlen(isa) + 1);
  }
  return PENCONE_OK;
}

void pencone_context_destroy(pencone_context *ctx) {
  free(ctx);
}

pencone_status pcn_context_child(pencone_context *ctx, pencone_context **out) {
  PCN_CHECK(ctx, pencone_context_create(out) == PENCONE_OK, PENCONE_E_MEMORY, "no memory for a context");
  (*out)->threads = 1;
  if (ctx != NULL) {
    memcpy((*out)->isa, ctx->isa, sizeof ctx->isa);
  }
  return PENCONE_OK;
}

const char *pencone_context_error(const pencone_context *ctx) {
  return ctx != NULL ? ctx->error : "";
}

void pencone_context_clear_error(pencone_context *ctx) {
  if (ctx != NULL) {
    ctx->error[0] = '\0';
  }
}

void pencone_context_set_log(pencone_context *ctx, pencone_log_fn log, void *user) {
  if (ctx != NULL) {
    ctx->log = log;
    ctx->log_user = user;
  }
}

void pencone_context_set_progress(pencone_context *ctx, pencone_progress_fn progress, void *user) {
  if (ctx != NULL) {
    ctx->progress = progress;
    ctx->progress_user = user;
    ctx->progress_last_s = 0;
  }
}

pencone_status pencone_context_set_threads(pencone_context *ctx, int threads) {
  if (ctx == NULL) {
    return PENCONE_E_ARGUMENT;
  }
  PCN_CHECK(ctx, threads >= 0 && threads <= 1024, PENCONE_E_RANGE,
            "threads: got %d, expected 0 (all) to 1024", threads);
  ctx->threads = threads;
  return PENCONE_OK;
}

void pencone_context_set_memory_budget(pencone_context *ctx, uint64_t bytes) {
  if (ctx != NULL) {
    ctx->memory_budget = bytes;
  }
}

uint64_t pencone_context_memory_budget(const pencone_context *ctx) {
  return ctx != NULL ? ctx->memory_budget : 0;
}

pencone_status pcn_fail(pencone_context *ctx, pencone_status status, const char *format, ...) {
  if (ctx != NULL) {
    char text[PCN_ERROR_CHARS];  // the arguments may point into ctx->error
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(ctx->error, text, sizeof text);
  }
  return status;
}

pencone_status pcn_fail_prefix(pencone_context *ctx, pencone_status status, const char *prefix) {
  return pcn_fail(ctx, status, "%s: %s", prefix, pencone_context_error(ctx));
}

void pcn_log(pencone_context *ctx, pencone_log_level level, const char *format, ...) {
  if (ctx == NULL || ctx->log == NULL) {
    return;
  }
  char text[PCN_ERROR_CHARS];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  ctx->log(ctx->log_user, level, text);
}

double pcn_seconds(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
    return 0;
  }
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

pencone_status pcn_progress(pencone_context *ctx, double fraction, const char *stage) {
  if (ctx == NULL || ctx->progress == NULL) {
    return PENCONE_OK;
  }
  const double now = pcn_seconds();
  if (now - ctx->progress_last_s < progress_interval_s && fraction > 0 && fraction < 1) {
    return PENCONE_OK;
  }
  ctx->progress_last_s = now;
  if (ctx->progress(ctx->progress_user, fraction, stage) != 0) {
    return pcn_fail(ctx, PENCONE_E_CANCELLED, "cancelled at %.0f %% (%s)", 100 * fraction, stage);
  }
  return PENCONE_OK;
}

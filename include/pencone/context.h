// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_CONTEXT_H
#define PENCONE_CONTEXT_H

#include <pencone/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Everything a call needs from its surroundings: last error, log, progress and cancel, threads,
/// memory budget. The library has no other state. One context serves one thread at a time; threads
/// that work at once use a context each. Objects made with one context may be used with another.
typedef struct pencone_context pencone_context;

typedef enum pencone_log_level {
  PENCONE_LOG_DEBUG = 0,
  PENCONE_LOG_INFO = 1,
  PENCONE_LOG_WARNING = 2
} pencone_log_level;

/// Receives one line of text without a line feed. Called on the thread that called the library.
typedef void (*pencone_log_fn)(void *user, pencone_log_level level, const char *text);

/// Receives the finished share (0 to 1) and the name of the stage, at least every 0.1 s during long
/// work, on the thread that called the library. A non-zero return cancels: the call ends with
/// PENCONE_E_CANCELLED within 0.1 s and its outputs are to be discarded.
typedef int (*pencone_progress_fn)(void *user, double fraction, const char *stage);

/// Creates a context: no log, no progress, all processors, a memory budget of 0 (unlimited).
/// @param[out] out  the context; owned by the caller, freed by pencone_context_destroy(). NULL on failure.
/// @return PENCONE_OK, PENCONE_E_ARGUMENT (out is NULL) or PENCONE_E_MEMORY. Any thread.
PENCONE_API pencone_status pencone_context_create(pencone_context **out);

/// Frees a context. NULL is allowed. Objects created with it stay valid.
PENCONE_API void pencone_context_destroy(pencone_context *ctx);

/// Text of the last failure in this context, numbers and names included; "" when nothing failed.
/// Valid until the next call that takes this context.
PENCONE_API const char *pencone_context_error(const pencone_context *ctx);

/// Forgets the last error text.
PENCONE_API void pencone_context_clear_error(pencone_context *ctx);

/// Sets the log receiver; NULL switches the log off.
PENCONE_API void pencone_context_set_log(pencone_context *ctx, pencone_log_fn log, void *user);

/// Sets the progress and cancel callback; NULL switches it off.
PENCONE_API void pencone_context_set_progress(pencone_context *ctx, pencone_progress_fn progress, void *user);

/// Sets the number of threads (1 or more; 0: all processors). The dose has the same bits for any number.
/// @return PENCONE_OK or PENCONE_E_RANGE (negative or above 1024).
PENCONE_API pencone_status pencone_context_set_threads(pencone_context *ctx, int threads);

/// Number of threads that work will use, at least 1 (1 in builds without OpenMP).
PENCONE_API int pencone_context_threads(const pencone_context *ctx);

/// Chooses the instruction set of the hot loops: "x86-64-v4" (AVX-512), "x86-64-v3" (AVX2), "baseline", or
/// "reference" (plain double precision, slow); NULL: the best that the processor has. The environment
/// variable PENCONE_ISA sets it when a context is created; there an unknown name, or a set that the processor
/// lacks, counts as NULL. Sets differ by rounding: 1e-5 of the maximum dose.
/// @return PENCONE_OK, E_MISSING (unknown name), E_UNSUPPORTED (the processor lacks it).
PENCONE_API pencone_status pencone_context_set_isa(pencone_context *ctx, const char *name);

/// Name of the instruction set that work will use. Static storage.
PENCONE_API const char *pencone_context_isa(const pencone_context *ctx);

/// Sets the memory that a calculation may take, in bytes; 0: unlimited. A calculation that needs
/// more ends with PENCONE_E_BUDGET before it allocates.
PENCONE_API void pencone_context_set_memory_budget(pencone_context *ctx, uint64_t bytes);

/// The memory budget in bytes, 0: unlimited.
PENCONE_API uint64_t pencone_context_memory_budget(const pencone_context *ctx);

#ifdef __cplusplus
}
#endif
#endif

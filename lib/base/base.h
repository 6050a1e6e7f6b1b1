// SPDX-License-Identifier: Apache-2.0
// Errors, memory, log, progress and threads for the rest of the library.
#ifndef PCN_BASE_H
#define PCN_BASE_H

#include <pencone/context.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PCN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define PCN_PRINTF(fmt, args)
#endif

// --- errors ------------------------------------------------------------------------------------

/// Records a one-line text in the context and returns the status. ctx may be NULL (the text is lost).
pencone_status pcn_fail(pencone_context *ctx, pencone_status status, const char *format, ...)
    PCN_PRINTF(3, 4);

/// Puts "prefix: " before the text of the last failure and returns status: where a caller knows the file.
pencone_status pcn_fail_prefix(pencone_context *ctx, pencone_status status, const char *prefix);

/// Leaves the function with the status of a call that failed.
#define PCN_TRY(call)                             \
  do {                                            \
    const pencone_status pcn_try_status = (call); \
    if (pcn_try_status != PENCONE_OK) {           \
      return pcn_try_status;                      \
    }                                             \
  } while (0)

/// Leaves the function with a failure unless the condition holds.
#define PCN_CHECK(ctx, condition, status, ...)       \
  do {                                               \
    if (!(condition)) {                              \
      return pcn_fail((ctx), (status), __VA_ARGS__); \
    }                                                \
  } while (0)

/// A context for work inside one thread of another's: the same instruction set, one thread, no callbacks, no
/// budget.
/// @param[out] out  freed by pencone_context_destroy()
pencone_status pcn_context_child(pencone_context *ctx, pencone_context **out);

// --- log and progress --------------------------------------------------------------------------

void pcn_log(pencone_context *ctx, pencone_log_level level, const char *format, ...) PCN_PRINTF(3, 4);

/// Reports progress (at most every 0.05 s reaches the callback) and asks whether to go on.
/// @return PENCONE_OK or PENCONE_E_CANCELLED. Only on the thread that called the library.
pencone_status pcn_progress(pencone_context *ctx, double fraction, const char *stage);

/// Seconds of a monotonic clock.
double pcn_seconds(void);

// --- memory ------------------------------------------------------------------------------------

/// Memory for count elements of size bytes, aligned to 64 bytes, not cleared; NULL and an error text on
/// failure. Zero elements give a valid pointer. Freed by pcn_free().
void *pcn_alloc(pencone_context *ctx, size_t count, size_t size);

/// The same, cleared.
void *pcn_calloc(pencone_context *ctx, size_t count, size_t size);

/// A copy of a text; NULL stays NULL without an error. Freed by pcn_free().
char *pcn_strdup(pencone_context *ctx, const char *text);

void pcn_free(void *memory);

/// For tests: the (after + 1)-th allocation in this context from now on fails once; negative: none.
void pcn_alloc_fail_after(pencone_context *ctx, int64_t after);

// --- threads -----------------------------------------------------------------------------------

/// One piece of parallel work. worker is 0 .. threads - 1, for scratch memory.
typedef void (*pcn_task)(void *work, size_t index, int worker);

typedef pencone_status (*pcn_crew_body)(void *user);

/// Runs body(user) on this thread with the context's other threads at hand: for work of many parallel loops,
/// which then neither start threads each nor let them spin in between. Inside another one it only calls.
/// @return what body returns
pencone_status pcn_with_crew(pencone_context *ctx, pcn_crew_body body, void *user);

/// Runs task(work, 0 .. count-1), in any order, on the context's threads; returns when all are done.
/// Tasks must write to places of their own: the result may not depend on the order.
void pcn_parallel_for(pencone_context *ctx, size_t count, pcn_task task, void *work);

/// The same with progress from base to base + share, and cancel between tasks.
/// @return PENCONE_OK or PENCONE_E_CANCELLED (some tasks were then not run).
pencone_status pcn_parallel_for_progress(pencone_context *ctx, size_t count, pcn_task task, void *work,
                                         double base, double share, const char *stage);

/// The same for tasks that need what earlier ones have done: task i starts after all tasks up to i -
/// distance, so that at most distance threads find work. Threads do not wait for each other at every step, as
/// they would in one pcn_parallel_for() per step. @param distance  at least 1
/// @return PENCONE_OK, E_CANCELLED (some tasks were then not run) or E_MEMORY.
pencone_status pcn_parallel_chain(pencone_context *ctx, size_t count, size_t distance, pcn_task task,
                                  void *work, const double progress[2], const char *stage);

#endif

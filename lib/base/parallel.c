// SPDX-License-Identifier: Apache-2.0
// The only file that names OpenMP. Work is split into tasks that write to places of their own, so the
// number of threads cannot change a result.
#define _POSIX_C_SOURCE 200809L
#include "base.h"
#include "context_internal.h"
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#ifdef _OPENMP
#include <omp.h>
#endif

int pencone_context_threads(const pencone_context *ctx) {
#ifdef _OPENMP
  if (ctx != NULL && ctx->threads > 0) {
    return ctx->threads;
  }
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  return processors > 0 ? (int)processors : 1;
#else
  (void)ctx;
  return 1;
#endif
}

void pcn_parallel_for(pencone_context *ctx, size_t count, pcn_task task, void *work) {
#ifdef _OPENMP
  const int threads = pencone_context_threads(ctx);
  if (threads > 1 && count > 1) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (size_t i = 0; i < count; i++) {
      task(work, i, omp_get_thread_num());
    }
    return;
  }
#else
  (void)ctx;
#endif
  for (size_t i = 0; i < count; i++) {
    task(work, i, 0);
  }
}

typedef struct progress_state {
  pencone_context *ctx;
  size_t count;
  double base, share;
  const char *stage;
  atomic_size_t done;
  atomic_int cancelled;
} progress_state;

typedef struct progress_work {
  pcn_task task;
  void *work;
  progress_state *state;
} progress_work;

static void run_with_progress(void *work, size_t index, int worker) {
  const progress_work *p = work;
  progress_state *state = p->state;
  if (atomic_load(&state->cancelled)) {
    return;
  }
  p->task(p->work, index, worker);
  const size_t done = atomic_fetch_add(&state->done, 1) + 1;
  if (worker == 0) { // the thread that called the library
    const double fraction = state->base + state->share * (double)done / (double)state->count;
    if (pcn_progress(state->ctx, fraction, state->stage) != PENCONE_OK) {
      atomic_store(&state->cancelled, 1);
    }
  }
}

pencone_status pcn_parallel_for_progress(pencone_context *ctx, size_t count, pcn_task task, void *work,
                                         double base, double share, const char *stage) {
  progress_state state = {.ctx = ctx, .count = count, .base = base, .share = share, .stage = stage};
  atomic_init(&state.done, 0);
  atomic_init(&state.cancelled, 0);
  progress_work wrapped = {task, work, &state};
  PCN_TRY(pcn_progress(ctx, base, stage));
  pcn_parallel_for(ctx, count, run_with_progress, &wrapped);
  return atomic_load(&state.cancelled) ? PENCONE_E_CANCELLED : PENCONE_OK;
}

/// Tasks are handed out in their order, so a task only waits for those that run or are done.
typedef struct chain {
  progress_state state;
  size_t distance;
  pcn_task task;
  void *work;
  atomic_uchar *done;  ///< by task
  atomic_size_t next;  ///< task to be handed out
  atomic_size_t ahead; ///< all tasks before this one are done
} chain;

static int wait_for(chain *c, size_t tasks) {
  while (atomic_load(&c->ahead) < tasks && !atomic_load(&c->state.cancelled)) {
    sched_yield();
  }
  return !atomic_load(&c->state.cancelled);
}

static void mark_done(chain *c, size_t index) {
  atomic_store(&c->done[index], 1);
  size_t ahead = atomic_load(&c->ahead);
  while (ahead < c->state.count && atomic_load(&c->done[ahead])) {
    if (atomic_compare_exchange_strong(&c->ahead, &ahead, ahead + 1)) {
      ahead++;
    }
  }
}

static void run_chain(chain *c, int worker) {
  progress_state *state = &c->state;
  for (size_t i = atomic_fetch_add(&c->next, 1); i < state->count; i = atomic_fetch_add(&c->next, 1)) {
    if (!wait_for(c, i >= c->distance ? i - c->distance + 1 : 0)) {
      return;
    }
    c->task(c->work, i, worker);
    mark_done(c, i);
    if (worker == 0) { // the thread that called the library
      const double fraction = state->base + state->share * (double)(i + 1) / (double)state->count;
      if (pcn_progress(state->ctx, fraction, state->stage) != PENCONE_OK) {
        atomic_store(&state->cancelled, 1);
      }
    }
  }
}

pencone_status pcn_parallel_chain(pencone_context *ctx, size_t count, size_t distance, pcn_task task, void *work,
                                  const double progress[2], const char *stage) {
  chain c = {.state = {.ctx = ctx, .count = count, .base = progress[0], .share = progress[1], .stage = stage},
             .distance = distance, .task = task, .work = work};
  PCN_TRY(pcn_progress(ctx, progress[0], stage));
  c.done = pcn_alloc(ctx, count, sizeof *c.done);
  if (c.done == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (size_t i = 0; i < count; i++) {
    atomic_init(&c.done[i], 0);
  }
  atomic_init(&c.state.cancelled, 0);
  atomic_init(&c.next, 0);
  atomic_init(&c.ahead, 0);
#ifdef _OPENMP
  const size_t wanted = (size_t)pencone_context_threads(ctx);
  const int threads = (int)(wanted < distance ? wanted : distance);
#pragma omp parallel num_threads(threads) if (threads > 1)
  run_chain(&c, omp_get_thread_num());
#else
  run_chain(&c, 0);
#endif
  pcn_free(c.done);
  return atomic_load(&c.state.cancelled) ? PENCONE_E_CANCELLED : PENCONE_OK;
}

// SPDX-License-Identifier: Apache-2.0
// The only file that names OpenMP. Work is split into tasks that write to places of their own, so the
// number of threads cannot change a result.
//
// A crew is one parallel region for many loops. OpenMP's own waiting at the end of each loop burns processor
// time for milliseconds, which on a busy machine is taken from the threads that are waited for; a crew's
// threads spin for some microseconds and then sleep. A thread that wakes too late finds a loop done and is
// not waited for.
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>

#include "base.h"
#include "context_internal.h"

#ifdef _OPENMP
#include <omp.h>
#endif

int pencone_context_threads(const pencone_context *ctx) {
#ifdef _OPENMP
  return ctx != NULL && ctx->threads > 0 ? ctx->threads : omp_get_num_procs();
#else
  (void)ctx;
  return 1;
#endif
}

// --- waiting -----------------------------------------------------------------------------------

enum { SPINS = 1000 };  // some 10 to 50 us: about what it costs to sleep and be woken

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// --- crew --------------------------------------------------------------------------------------

/// Threads that wait for loops, and the loop they are at.
struct pcn_crew {
  pthread_mutex_t lock;
  pthread_cond_t called, left;
  atomic_uint calls;  ///< loops so far
  atomic_int inside;  ///< threads at work in the loop, without the one that called
  int open;           ///< threads may still join
  atomic_int busy;    ///< from the call of a loop to its end
  int over;
  pcn_task task;
  void *work;
  size_t count;
  atomic_size_t next;  ///< task to be handed out
};

static void run_tasks(pcn_crew *crew, int worker) {
  for (size_t i = atomic_fetch_add(&crew->next, 1); i < crew->count; i = atomic_fetch_add(&crew->next, 1)) {
    crew->task(crew->work, i, worker);
  }
}

#ifdef _OPENMP
// Waits for the next loop. @return 1: the thread has joined it; 0: it came too late; -1: there are no more
static int join_loop(pcn_crew *crew, unsigned *seen) {
  for (int i = 0; i < SPINS && atomic_load(&crew->calls) == *seen; i++) {
    relax();
  }
  pthread_mutex_lock(&crew->lock);
  while (atomic_load(&crew->calls) == *seen && !crew->over) {
    pthread_cond_wait(&crew->called, &crew->lock);
  }
  const int joins = crew->over ? -1 : crew->open;
  *seen = atomic_load(&crew->calls);
  if (joins > 0) {
    atomic_fetch_add(&crew->inside, 1);
  }
  pthread_mutex_unlock(&crew->lock);
  return joins;
}

static void serve(pcn_crew *crew, int worker) {
  unsigned seen = 0;
  for (int joined = join_loop(crew, &seen); joined >= 0; joined = join_loop(crew, &seen)) {
    if (joined > 0) {
      run_tasks(crew, worker);
      pthread_mutex_lock(&crew->lock);
      if (atomic_fetch_sub(&crew->inside, 1) == 1) {
        pthread_cond_signal(&crew->left);
      }
      pthread_mutex_unlock(&crew->lock);
    }
  }
}

static void dismiss(pcn_crew *crew) {
  pthread_mutex_lock(&crew->lock);
  crew->over = 1;
  pthread_cond_broadcast(&crew->called);
  pthread_mutex_unlock(&crew->lock);
}

static pencone_status run_region(pencone_context *ctx, int threads, pcn_crew_body body, void *user) {
  pencone_status status = PENCONE_OK;
  pcn_crew crew = {.lock = PTHREAD_MUTEX_INITIALIZER,
                   .called = PTHREAD_COND_INITIALIZER,
                   .left = PTHREAD_COND_INITIALIZER};
  ctx->crew = &crew;
#pragma omp parallel num_threads(threads)
  if (omp_get_thread_num() == 0) {
    status = body(user);
    dismiss(&crew);
  } else {
    serve(&crew, omp_get_thread_num());
  }
  ctx->crew = NULL;
  pthread_cond_destroy(&crew.left);
  pthread_cond_destroy(&crew.called);
  pthread_mutex_destroy(&crew.lock);
  return status;
}
#endif

pencone_status pcn_with_crew(pencone_context *ctx, pcn_crew_body body, void *user) {
#ifdef _OPENMP
  const int threads = pencone_context_threads(ctx);
  if (ctx != NULL && ctx->crew == NULL && threads > 1) {
    return run_region(ctx, threads, body, user);
  }
#else
  (void)ctx;
#endif
  return body(user);
}

static void call_crew(pcn_crew *crew, size_t count, pcn_task task, void *work) {
  atomic_store(&crew->busy, 1);
  pthread_mutex_lock(&crew->lock);
  crew->task = task;
  crew->work = work;
  crew->count = count;
  crew->open = 1;
  atomic_store(&crew->next, 0);
  atomic_fetch_add(&crew->calls, 1);
  pthread_cond_broadcast(&crew->called);
  pthread_mutex_unlock(&crew->lock);
  run_tasks(crew, 0);
  pthread_mutex_lock(&crew->lock);
  crew->open = 0;
  pthread_mutex_unlock(&crew->lock);
  for (int i = 0; i < SPINS && atomic_load(&crew->inside) > 0; i++) {
    relax();
  }
  pthread_mutex_lock(&crew->lock);
  while (atomic_load(&crew->inside) > 0) {
    pthread_cond_wait(&crew->left, &crew->lock);
  }
  pthread_mutex_unlock(&crew->lock);
  atomic_store(&crew->busy, 0);
}

/// A loop on its own.
typedef struct loop {
  pencone_context *ctx;
  size_t count;
  pcn_task task;
  void *work;
} loop;

static pencone_status run_loop(void *user) {
  const loop *l = user;
  pcn_crew *crew = l->ctx != NULL ? l->ctx->crew : NULL;
  if (crew != NULL && l->count > 1 && !atomic_load(&crew->busy)) {  // busy: this is inside one of its tasks
    call_crew(crew, l->count, l->task, l->work);
    return PENCONE_OK;
  }
  for (size_t i = 0; i < l->count; i++) {
    l->task(l->work, i, 0);
  }
  return PENCONE_OK;
}

void pcn_parallel_for(pencone_context *ctx, size_t count, pcn_task task, void *work) {
  loop l = {ctx, count, task, work};
  if (count > 1) {
    pcn_with_crew(ctx, run_loop, &l);
  } else {
    run_loop(&l);
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
  if (worker == 0) {  // the thread that called the library
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
  atomic_uchar *done;   ///< by task
  atomic_size_t next;   ///< task to be handed out
  atomic_size_t ahead;  ///< all tasks before this one are done
  atomic_int asleep;    ///< threads that wait for moved
  pthread_mutex_t lock;
  pthread_cond_t moved;
} chain;

static int may_go(chain *c, size_t tasks) {
  return atomic_load(&c->ahead) >= tasks || atomic_load(&c->state.cancelled);
}

static int wait_for(chain *c, size_t tasks) {
  for (int i = 0; i < SPINS && !may_go(c, tasks); i++) {
    relax();
  }
  if (!may_go(c, tasks)) {
    pthread_mutex_lock(&c->lock);
    atomic_fetch_add(&c->asleep,
                     1);  // before the last look: whoever moves ahead after it sees that one sleeps
    while (!may_go(c, tasks)) {
      pthread_cond_wait(&c->moved, &c->lock);
    }
    atomic_fetch_sub(&c->asleep, 1);
    pthread_mutex_unlock(&c->lock);
  }
  return !atomic_load(&c->state.cancelled);
}

static void wake(chain *c) {
  if (atomic_load(&c->asleep) > 0) {
    pthread_mutex_lock(&c->lock);
    pthread_cond_broadcast(&c->moved);
    pthread_mutex_unlock(&c->lock);
  }
}

static void mark_done(chain *c, size_t index) {
  atomic_store(&c->done[index], 1);
  size_t ahead = atomic_load(&c->ahead);
  while (ahead < c->state.count && atomic_load(&c->done[ahead])) {
    if (atomic_compare_exchange_strong(&c->ahead, &ahead, ahead + 1)) {
      ahead++;
    }
  }
  wake(c);
}

// One of the threads: takes tasks until there are no more.
static void run_chain(void *work, size_t index, int worker) {
  (void)index;
  chain *c = work;
  progress_state *state = &c->state;
  for (size_t i = atomic_fetch_add(&c->next, 1); i < state->count; i = atomic_fetch_add(&c->next, 1)) {
    if (!wait_for(c, i >= c->distance ? i - c->distance + 1 : 0)) {
      return;
    }
    c->task(c->work, i, worker);
    mark_done(c, i);
    if (worker == 0) {  // the thread that called the library
      const double fraction = state->base + state->share * (double)(i + 1) / (double)state->count;
      if (pcn_progress(state->ctx, fraction, state->stage) != PENCONE_OK) {
        atomic_store(&state->cancelled, 1);
        wake(c);
      }
    }
  }
}

pencone_status pcn_parallel_chain(pencone_context *ctx, size_t count, size_t distance, pcn_task task,
                                  void *work, const double progress[2], const char *stage) {
  chain c = {.state = {.ctx = ctx, .count = count, .base = progress[0], .share = progress[1], .stage = stage},
             .distance = distance,
             .task = task,
             .work = work,
             .lock = PTHREAD_MUTEX_INITIALIZER,
             .moved = PTHREAD_COND_INITIALIZER};
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
  atomic_init(&c.asleep, 0);
  const size_t threads = (size_t)pencone_context_threads(ctx);
  pcn_parallel_for(ctx, threads < distance ? threads : distance, run_chain, &c);
  pthread_cond_destroy(&c.moved);
  pthread_mutex_destroy(&c.lock);
  pcn_free(c.done);
  return atomic_load(&c.state.cancelled) ? PENCONE_E_CANCELLED : PENCONE_OK;
}

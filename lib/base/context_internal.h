// SPDX-License-Identifier: Apache-2.0
#ifndef PCN_CONTEXT_INTERNAL_H
#define PCN_CONTEXT_INTERNAL_H

#include <pencone/context.h>

enum { PCN_ERROR_CHARS = 1024 };

typedef struct pcn_crew pcn_crew;  // parallel.c

struct pencone_context {
  char error[PCN_ERROR_CHARS];
  pencone_log_fn log;
  void *log_user;
  pencone_progress_fn progress;
  void *progress_user;
  double progress_last_s;  ///< when the callback was last called
  int threads;             ///< 0: all processors
  uint64_t memory_budget;
  int64_t alloc_fail_after;  ///< negative: never
  pcn_crew *crew;            ///< threads that wait for work; NULL: none do
  char isa[16];              ///< instruction set asked for; "": the best
};

#endif

// SPDX-License-Identifier: Apache-2.0
// A run of the command: context, messages, progress on the terminal, interrupts.
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

static const double patience_s = 1.0;       // work shorter than this shows no progress
static const double redraw_s = 0.2;         // on a terminal
static const double plain_interval_s = 10;  // elsewhere

double cli_seconds(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
    return 0;
  }
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// --- interrupts --------------------------------------------------------------------------------

// Interrupts are blocked and looked for, not caught: no handler, no global flag, and the threads
// that the library starts later inherit the mask.
static void interrupt_set(sigset_t *set) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  sigemptyset(set);
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; ++i) {
    struct sigaction now;
    if (sigaction(signals[i], NULL, &now) == 0 &&
        now.sa_handler != SIG_IGN) {  // ignored under nohup: stays so
      sigaddset(set, signals[i]);
    }
  }
}

void cli_guard(cli_session *session) {
  sigset_t set;
  interrupt_set(&set);
  session->guarded = sigprocmask(SIG_BLOCK, &set, NULL) == 0;
}

int cli_interrupted(const cli_session *session) {
  sigset_t wanted;
  sigset_t waiting;
  if (!session->guarded || sigpending(&waiting) != 0) {
    return 0;
  }
  interrupt_set(&wanted);
  return (sigismember(&wanted, SIGINT) == 1 && sigismember(&waiting, SIGINT) == 1) ||
         (sigismember(&wanted, SIGTERM) == 1 && sigismember(&waiting, SIGTERM) == 1) ||
         (sigismember(&wanted, SIGHUP) == 1 && sigismember(&waiting, SIGHUP) == 1);
}

// --- progress ----------------------------------------------------------------------------------

void cli_progress_clear(cli_session *session) {
  if (session->line_open) {
    fputs("\r\033[K", stderr);
    fflush(stderr);
    session->line_open = 0;
  }
}

/// "7 s" or "3 min 05 s" or "2 h 10 min".
static void put_duration(char *text, size_t size, double seconds) {
  const long s = (long)(seconds + 0.5);
  if (s < 60) {
    snprintf(text, size, "%ld s", s);
  } else if (s < 3600) {
    snprintf(text, size, "%ld min %02ld s", s / 60, s % 60);
  } else {
    snprintf(text, size, "%ld h %02ld min", s / 3600, s / 60 % 60);
  }
}

static void show_progress(cli_session *session, double elapsed_s) {
  enum { BAR = 16 };
  char elapsed[32];
  char left[32];
  const double f = session->fraction;
  put_duration(elapsed, sizeof elapsed, elapsed_s);
  if (f > 0.005) {
    put_duration(left, sizeof left, elapsed_s * (1 - f) / f);
  } else {
    strcpy(left, "?");
  }
  if (session->terminal) {
    char bar[BAR + 1];
    for (int i = 0; i < BAR; ++i) {
      bar[i] = i < (int)(f * BAR + 0.5) ? '#' : '.';
    }
    bar[BAR] = '\0';
    fprintf(stderr, "\r\033[K[%s] %3.0f %%  %.22s  %s, %s left", bar, 100 * f, session->stage, elapsed, left);
    session->line_open = 1;
  } else {
    fprintf(stderr, "%s: %.0f %%, %s elapsed, %s left\n", session->stage, 100 * f, elapsed, left);
  }
  fflush(stderr);
}

static int on_progress(void *user, double fraction, const char *stage) {
  cli_session *session = user;
  const double now = cli_seconds();
  if (fraction < session->fraction) {  // the next piece of work
    session->start_s = now;
    session->printed_s = now;
  }
  session->fraction = fraction < 0 ? 0 : (fraction > 1 ? 1 : fraction);
  const int new_stage = strncmp(session->stage, stage, sizeof session->stage - 1) != 0;
  snprintf(session->stage, sizeof session->stage, "%s", stage);
  const double interval = session->terminal ? redraw_s : plain_interval_s;
  const int due =
      now - session->printed_s >= interval || (new_stage && now - session->printed_s >= patience_s);
  if (!session->common.quiet && fraction < 1 && now - session->start_s >= patience_s && due) {
    session->printed_s = now;
    show_progress(session, now - session->start_s);
  }
  return cli_interrupted(session);
}

static void on_log(void *user, pencone_log_level level, const char *text) {
  cli_session *session = user;
  if (level == PENCONE_LOG_WARNING) {  // a warning is said even with --quiet
    cli_progress_clear(session);
    fprintf(stderr, "pencone: warning: %s\n", text);
  }
}

// --- session -----------------------------------------------------------------------------------

static void close_session(cli_session *session) {
  cli_progress_clear(session);
  pencone_context_destroy(session->ctx);
  session->ctx = NULL;
  pencone_io_end();
}

static int open_session(cli_session *session, const cli_common *common) {
  memset(session, 0, sizeof *session);
  session->common = *common;
  session->terminal = isatty(STDERR_FILENO);
  session->start_s = cli_seconds();
  if (pencone_context_create(&session->ctx) != PENCONE_OK) {
    return cli_error(session, CLI_RUN, "no memory left");
  }
  pencone_context_set_log(session->ctx, on_log, session);
  pencone_context_set_progress(session->ctx, on_progress, session);
  pencone_context_set_memory_budget(session->ctx, common->memory_bytes);
  const pencone_status status = pencone_context_set_threads(session->ctx, common->threads);
  if (status != PENCONE_OK) {
    const int outcome = cli_report(session, status);
    close_session(session);
    return outcome;
  }
  return CLI_GO_ON;
}

int cli_with_session(const cli_common *common, cli_work work, void *job) {
  cli_session session;
  int outcome = open_session(&session, common);
  if (outcome == CLI_GO_ON) {
    outcome = work(&session, job);
    close_session(&session);
  }
  return cli_finish(outcome);
}

static int exit_status_of(pencone_status status) {
  switch (status) {
    case PENCONE_OK:
      return CLI_OK;
    case PENCONE_E_MEMORY:
    case PENCONE_E_CANCELLED:
    case PENCONE_E_NUMERIC:
    case PENCONE_E_INTERNAL:
      return CLI_RUN;
    default:
      return CLI_INPUT;
  }
}

static const char *error_text(const cli_session *session, pencone_status status) {
  const char *text = pencone_context_error(session->ctx);
  return text[0] != '\0' ? text : pencone_status_text(status);
}

int cli_report(cli_session *session, pencone_status status) {
  return cli_error(session, exit_status_of(status), "%s", error_text(session, status));
}

int cli_report_file(cli_session *session, pencone_status status, const char *file) {
  return cli_error(session, exit_status_of(status), "%s: %s", file, error_text(session, status));
}

int cli_error(cli_session *session, int exit_status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  cli_progress_clear(session);
  fputs("pencone: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return exit_status;
}

int cli_finish(int exit_status) {
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fprintf(stderr, "pencone: standard output: cannot be written: %s\n", strerror(errno));
    return exit_status == CLI_OK ? CLI_RUN : exit_status;
  }
  return exit_status;
}

// --- output files ------------------------------------------------------------------------------

/// Makes and removes a file beside path: the only sure answer, on every kind of file system.
static int try_folder(cli_session *session, const char *path) {
  static const char pattern[] = ".pencone-trial-XXXXXX";
  const char *slash = strrchr(path, '/');
  const size_t folder = slash != NULL ? (size_t)(slash - path) + 1 : 0;
  char *trial = malloc(folder + sizeof pattern);
  if (trial == NULL) {
    return cli_error(session, CLI_RUN, "no memory left");
  }
  memcpy(trial, path, folder);
  memcpy(trial + folder, pattern, sizeof pattern);
  const int file = mkstemp(trial);
  const int reason = errno;
  if (file >= 0) {
    close(file);
    unlink(trial);
  }
  free(trial);
  return file >= 0
             ? CLI_GO_ON
             : cli_error(
                   session, CLI_INPUT,
                   "%s: the output cannot be written: %s; expected an existing folder that you may write to",
                   path, strerror(reason));
}

char *cli_beside(const char *path, const char *ending) {
  const size_t length = strlen(path) + strlen(ending) + 1;
  char *name = malloc(length);
  if (name != NULL) {
    snprintf(name, length, "%s%s", path, ending);
  }
  return name;
}

int cli_check_output(cli_session *session, const char *path, const char *const *inputs, int input_count) {
  struct stat out;
  if (stat(path, &out) == 0) {
    if (S_ISDIR(out.st_mode)) {
      return cli_error(session, CLI_INPUT, "%s: the output is a folder, expected the name of a file", path);
    }
    if (!S_ISREG(out.st_mode) || access(path, W_OK) != 0) {
      return cli_error(
          session, CLI_INPUT,
          "%s: the output exists and cannot be replaced, expected an ordinary file that you may write to",
          path);
    }
    for (int i = 0; i < input_count; ++i) {
      struct stat in;
      if (inputs[i] != NULL && stat(inputs[i], &in) == 0 && in.st_dev == out.st_dev &&
          in.st_ino == out.st_ino) {
        return cli_error(session, CLI_USAGE,
                         "%s: the output would overwrite the input %s; choose another name with -o", path,
                         inputs[i]);
      }
    }
  }
  return try_folder(session, path);
}

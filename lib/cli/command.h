// SPDX-License-Identifier: Apache-2.0
// What the sub-commands of `pencone` share: exit codes, options, session, and their own list.
// A new command is a file cmd_NAME.c, its prototype below, and one row in main.c.
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <pencone/pencone.h>
#include <stddef.h>
#include <stdint.h>

/// Exit statuses, the same for every command.
enum {
  CLI_OK = 0,      ///< done
  CLI_FAILED = 1,  ///< a check (gamma, validate, exercise) was not passed
  CLI_USAGE = 2,   ///< wrong use of the command line
  CLI_INPUT = 3,   ///< a file or value that cannot be used
  CLI_RUN = 4      ///< failed, or was interrupted, while running
};

/// Commands: argv[0] is the command's own name. @return an exit status.
int cli_phantom(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_dij(int argc, char **argv);
int cli_sobp(int argc, char **argv);
int cli_profile(int argc, char **argv);
int cli_dvh(int argc, char **argv);
int cli_gamma(int argc, char **argv);
int cli_validate(int argc, char **argv);
int cli_plot(int argc, char **argv);
int cli_machine(int argc, char **argv);
int cli_info(int argc, char **argv);

// --- command line ------------------------------------------------------------------------------

typedef enum cli_kind {
  CLI_FLAG,     ///< int: set to 1
  CLI_TEXT,     ///< const char *
  CLI_COUNT,    ///< int between min and max
  CLI_NUMBER,   ///< double between min and max
  CLI_POINT,    ///< cli_point: x,y,z in mm
  CLI_BYTES,    ///< uint64_t: a size such as 500M or 2G
  CLI_TEXTS,    ///< cli_texts: every use adds one
  CLI_PERCENT,  ///< double: 3 or 3%; the range is the library's to judge
  CLI_LENGTH    ///< double: 2 or 2mm; the same
} cli_kind;

enum { CLI_TEXTS_MAX = 64 };

typedef struct cli_texts {
  const char *text[CLI_TEXTS_MAX];
  int count;
} cli_texts;

typedef struct cli_point {
  double mm[3];
  int given;
} cli_point;

/// One option: how it is written, what it means (for --help), where its value goes.
typedef struct cli_option {
  const char *name;  ///< long name without the dashes
  char letter;       ///< short name or 0
  cli_kind kind;
  const char *value;  ///< name of the value in the help; NULL for a flag
  const char *help;
  void *target;
  double min, max;  ///< for CLI_COUNT and CLI_NUMBER
} cli_option;

/// What --help says about a command, and how many operands it takes.
typedef struct cli_usage {
  const char *command;
  const char *summary;   ///< half a sentence
  const char *synopsis;  ///< what follows "pencone COMMAND"
  const char *about;     ///< paragraphs, lines of at most 78 characters
  const char *examples;  ///< lines
  int operands_min, operands_max;
} cli_usage;

/// Options that most commands take.
typedef struct cli_common {
  int json, quiet;
  int threads;            ///< 0: all processors
  uint64_t memory_bytes;  ///< 0: unlimited
} cli_common;

#define CLI_OPTION_JSON(c) \
  { "json", 0, CLI_FLAG, NULL, "print the result as JSON for programs to read", &(c)->json, 0, 0 }
#define CLI_OPTION_QUIET(c) \
  { "quiet", 'q', CLI_FLAG, NULL, "print nothing but warnings and errors", &(c)->quiet, 0, 0 }
#define CLI_OPTION_THREADS(c)                                              \
  {                                                                        \
    "threads", 't', CLI_COUNT, "N",                                        \
        "use N threads; the result has the same bits for any N (default: " \
        "all processors)",                                                 \
        &(c)->threads, 1, 1024                                             \
  }
#define CLI_OPTION_MEMORY(c)                                                     \
  {                                                                              \
    "memory", 'm', CLI_BYTES, "SIZE",                                            \
        "refuse a calculation that needs more memory than this, before "         \
        "it starts; for example 500M or 2G, 1G being 1024M (default: no limit)", \
        &(c)->memory_bytes, 0, 0                                                 \
  }

enum { CLI_GO_ON = -1 };

/// Reads the options of a command and prints its help when asked for.
/// @param[out] operands  the first operand in argv; usage->operands_min..max of them follow
/// @param[out] operand_count  how many there are
/// @return CLI_GO_ON, or the exit status with which the command ends (help: CLI_OK, mistakes: CLI_USAGE).
int cli_parse(const cli_usage *usage, const cli_option *options, int option_count, int argc, char **argv,
              char ***operands, int *operand_count);

/// Prints "pencone: COMMAND: text" and where help is to be found. @return CLI_USAGE
int cli_wrong_use(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/// The candidate that looks most like a mistyped word, or NULL when none is near.
const char *cli_nearest(const char *word, const char *const *candidates, int count);

// --- session -----------------------------------------------------------------------------------

/// A context with its progress display and interrupts.
typedef struct cli_session {
  pencone_context *ctx;
  cli_common common;
  int terminal;      ///< standard error is a terminal
  int line_open;     ///< a progress line stands on the terminal
  int guarded;       ///< interrupts wait for cli_interrupted()
  double start_s;    ///< when the present piece of work began
  double printed_s;  ///< when progress was last shown
  double fraction;   ///< of the last report
  char stage[32];    ///< stage last shown
} cli_session;

/// What a command does between opening and closing; job is the command's own. @return an exit status
typedef int (*cli_work)(cli_session *session, void *job);

/// The end of every command: makes a context with threads, memory budget, log and progress, does the work,
/// flushes what was printed. @return the command's exit status
int cli_with_session(const cli_common *common, cli_work work, void *job);

/// From here on Ctrl-C (and SIGTERM, SIGHUP) no longer end the process but wait to be noticed by the
/// progress callback or by cli_interrupted(): files are written whole or not at all.
void cli_guard(cli_session *session);

/// 1 when an interrupt is waiting.
int cli_interrupted(const cli_session *session);

/// Removes the progress line from the terminal.
void cli_progress_clear(cli_session *session);

/// Reports the context's error on standard error. @return the exit status that belongs to the failure
int cli_report(cli_session *session, pencone_status status);

/// The same with "FILE: " before the text: for failures of steps that do not know the file.
int cli_report_file(cli_session *session, pencone_status status, const char *file);

/// Prints "pencone: text" for a failure the command found itself. @return exit_status
int cli_error(cli_session *session, int exit_status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Looks whether a file can be made at path (a trial file is made and removed) and that it is none of the
/// inputs (NULL: passed over). @return CLI_GO_ON or, after a message, an exit status
int cli_check_output(cli_session *session, const char *path, const char *const *inputs, int input_count);

/// The path with an ending more: a name beside it. @return text to free, NULL without memory
char *cli_beside(const char *path, const char *ending);

/// Flushes standard output. @return exit_status, or CLI_RUN after a message when it could not be written
int cli_finish(int exit_status);

/// Seconds of a monotonic clock.
double cli_seconds(void);

#endif

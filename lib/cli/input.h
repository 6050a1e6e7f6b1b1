// SPDX-License-Identifier: Apache-2.0
// A plan and its phantom, as commands that calculate take them.
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "command.h"

/// Zero-initialise; set the paths and the quality from the command line.
typedef struct cli_input {
  const char *plan_path;
  const char *phantom_path;  ///< from the command line, else from the plan
  const char *quality;       ///< NULL: as the plan says
  char *plan_phantom, *plan_text;
  pencone_plan *plan;
  pencone_phantom *phantom;
  pencone_engine *engine;  ///< NULL until the command makes it
  const char *output;      ///< from the command line, else default_output
  char *default_output;
} cli_input;

#define CLI_OPTION_PHANTOM(in)                                                                       \
  {                                                                                                  \
    "phantom", 'p', CLI_TEXT, "FILE", "calculate on this phantom instead of the one the plan names", \
        &(in)->phantom_path, 0, 0                                                                    \
  }
#define CLI_OPTION_QUALITY(in)                                                                              \
  {                                                                                                         \
    "quality", 0, CLI_TEXT, "WORD",                                                                         \
        "fast, standard or reference: sets the engine's options that the plan does not set ('pencone info " \
        "engines' tells what it stands for)",                                                               \
        &(in)->quality, 0, 0                                                                                \
  }

/// Ends a function that returns a pencone_status when a step of it fails.
#define CLI_TRY(call)                         \
  do {                                        \
    const pencone_status try_status = (call); \
    if (try_status != PENCONE_OK) {           \
      return try_status;                      \
    }                                         \
  } while (0)

/// Tells on standard output what a job has done.
typedef void (*cli_tell)(const cli_session *session, const void *job);

/// What a command that calculates does with its input; in lies inside of job.
typedef struct cli_calculation {
  cli_input *in;
  const char *ending;        ///< of the output in place of the plan's, where the command line names none
  cli_work run;              ///< returns CLI_GO_ON when all is written
  cli_tell text, json;       ///< then one of them says so, or none with --quiet
  void (*clean)(void *job);  ///< frees what the job holds besides the input
  void *job;
} cli_calculation;

/// Runs a calculation in a session: names the output, tells what was done, frees all in the end.
/// @return the command's exit status
int cli_calculate(const cli_common *common, cli_calculation *calculation);

/// Reads the plan and finds out which phantom. @return CLI_GO_ON or, after a message, an exit status
int cli_input_plan(cli_session *session, cli_input *in);

/// Reads the phantom. @return the same
int cli_input_phantom(cli_session *session, cli_input *in);

#endif

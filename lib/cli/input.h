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
} cli_input;

#define CLI_OPTION_PHANTOM(in)                                                                               \
  {                                                                                                          \
    "phantom", 'p', CLI_TEXT, "FILE", "calculate on this phantom instead of the one the plan names",         \
        &(in)->phantom_path, 0, 0                                                                            \
  }
#define CLI_OPTION_QUALITY(in)                                                                               \
  {                                                                                                          \
    "quality", 0, CLI_TEXT, "WORD",                                                                          \
        "fast, standard or reference: sets the engine's options that the plan does not set ('pencone info "  \
        "engines' tells what it stands for)",                                                                \
        &(in)->quality, 0, 0                                                                                 \
  }

/// Reads the plan and finds out which phantom. @return CLI_GO_ON or, after a message, an exit status
int cli_input_plan(cli_session *session, cli_input *in);

/// Reads the phantom. @return the same
int cli_input_phantom(cli_session *session, cli_input *in);

void cli_input_free(cli_input *in);

#endif

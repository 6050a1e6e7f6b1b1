// SPDX-License-Identifier: Apache-2.0
// A dose from an influence matrix and weights.
#ifndef CLI_WEIGH_H
#define CLI_WEIGH_H

#include "input.h"

typedef struct cli_weighing {
  const char *matrix_path;   ///< NULL: none
  const char *weights_path;  ///< NULL: the plan's own weights
} cli_weighing;

/// Makes the dose; the matrix must be of this plan. @param[out] dose  owned by the caller
/// @return CLI_GO_ON or, after a message, an exit status
int cli_weigh(cli_session *session, const cli_weighing *weighing, const cli_input *in, pencone_dose **dose);

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef CLI_VALIDATE_PLOT_H
#define CLI_VALIDATE_PLOT_H

#include "case.h"
#include "picture.h"

/// Draws the computed dose of a case against what is known, with the difference below.
/// @return CLI_GO_ON or an exit status after a message
int cli_validate_plot(cli_session *session, const cli_case *c, const cli_picture_request *request);

#endif

// SPDX-License-Identifier: Apache-2.0
// Parts of `pencone info`. json NULL: print text; else write one JSON document.
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include "command.h"
#include "json.h"

/// Starts and ends what is told of one thing; called when it was read without an error.
void cli_info_start(cli_json *json, const char *kind, const char *path);
void cli_info_end(cli_json *json);

pencone_status cli_tell_machine(cli_session *session, const char *name_or_path, cli_json *json);
pencone_status cli_tell_reference(cli_session *session, const char *path, cli_json *json);

/// Tables of what the library offers. @return an exit status
int cli_tell_engines(cli_session *session);
int cli_tell_machines(cli_session *session);
int cli_tell_materials(cli_session *session);

#endif

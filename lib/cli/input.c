// SPDX-License-Identifier: Apache-2.0
// A plan and its phantom, as commands that calculate take them.
#include "input.h"

#include <stdlib.h>

#include "report.h"

int cli_input_plan(cli_session *session, cli_input *in) {
  pencone_status status =
      pencone_plan_read(session->ctx, in->plan_path, &in->plan, &in->plan_phantom, &in->plan_text);
  if (status != PENCONE_OK) {
    return cli_report(session, status);
  }
  if (in->quality != NULL) {
    status = pencone_plan_set_option(session->ctx, in->plan, "quality", in->quality);
    if (status != PENCONE_OK) {
      return cli_error(session, CLI_USAGE, "--quality: %s", pencone_context_error(session->ctx));
    }
  }
  in->phantom_path = in->phantom_path != NULL ? in->phantom_path : in->plan_phantom;
  if (in->phantom_path == NULL) {
    return cli_error(session, CLI_INPUT,
                     "%s: phantom: got none, expected the key 'phantom' or the option --phantom",
                     in->plan_path);
  }
  return CLI_GO_ON;
}

int cli_input_phantom(cli_session *session, cli_input *in) {
  const pencone_status status = pencone_phantom_read(session->ctx, in->phantom_path, &in->phantom);
  return status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
}

static void free_input(cli_input *in) {
  pencone_engine_destroy(in->engine);
  pencone_phantom_destroy(in->phantom);
  pencone_plan_destroy(in->plan);
  pencone_string_free(in->plan_phantom);
  pencone_string_free(in->plan_text);
  free(in->default_output);
}

static int calculate(cli_session *session, void *the_calculation) {
  cli_calculation *c = the_calculation;
  if (c->in->output == NULL) {
    c->in->default_output = cli_output_name(c->in->plan_path, c->ending);
    c->in->output = c->in->default_output;
  }
  int outcome =
      c->in->output != NULL ? c->run(session, c->job) : cli_error(session, CLI_RUN, "no memory left");
  if (outcome == CLI_GO_ON) {
    cli_progress_clear(session);
    const cli_tell tell = session->common.json ? c->json : c->text;
    if (session->common.json || !session->common.quiet) {
      tell(session, c->job);
    }
    outcome = CLI_OK;
  }
  c->clean(c->job);
  free_input(c->in);
  return outcome;
}

int cli_calculate(const cli_common *common, cli_calculation *calculation) {
  return cli_with_session(common, calculate, calculation);
}

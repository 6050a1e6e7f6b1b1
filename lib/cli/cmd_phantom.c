// SPDX-License-Identifier: Apache-2.0
// pencone phantom: recipe in, phantom file out.
#include <stdio.h>

#include "command.h"
#include "report.h"

static const cli_usage usage = {
    .command = "phantom",
    .summary = "build a phantom from a recipe",
    .synopsis = "RECIPE -o PHANTOM.h5 [options]",
    .about =
        "Builds what the beam will meet: a grid of voxels with density and material, from\n"
        "a recipe in YAML. A recipe is a list of bodies (slabs, boxes, cylinders, spheres,\n"
        "ellipsoids, half-spaces); where bodies overlap, the later one counts. Ready\n"
        "recipes lie in the folder phantoms/; docs/formats.md explains every key.\n\n"
        "The phantom file is HDF5 and also opens in ITK, VTK (ParaView) and Octave.\n"
        "Lengths are in mm along the patient's axes (DICOM LPS: x to the left, y to\n"
        "posterior, z to superior), densities in g/cm3.",
    .examples =
        "  pencone phantom phantoms/water-tank.yaml -o water.h5\n"
        "  pencone info water.h5",
    .operands_min = 1,
    .operands_max = 1,
};

static void tell(const cli_common *common, const char *output, const pencone_phantom *phantom) {
  if (common->json) {
    cli_json json = {.out = stdout};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "output", output);
    cli_json_text(&json, "kind", "phantom");
    cli_json_phantom(&json, phantom);
    cli_json_end(&json);
  } else if (!common->quiet) {
    cli_put_phantom(phantom);
    cli_line("written", "%s", output);
  }
}

typedef struct job {
  const char *recipe, *output;
} job;

static int build(cli_session *session, void *the_job) {
  const job *j = the_job;
  const char *recipe = j->recipe, *output = j->output;
  const int outcome = cli_check_output(session, output, &recipe, 1);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  cli_guard(session);
  pencone_phantom *phantom = NULL;
  pencone_status status = pencone_phantom_build(session->ctx, recipe, &phantom);
  if (status == PENCONE_OK && cli_interrupted(session)) {
    pencone_phantom_destroy(phantom);
    return cli_error(session, CLI_RUN, "interrupted; nothing was written");
  }
  int exit_status = CLI_OK;
  if (status != PENCONE_OK) {
    exit_status = cli_report(session, status);
  } else if ((status = pencone_phantom_write(session->ctx, output, phantom)) != PENCONE_OK) {
    cli_report(session, status);
    exit_status = CLI_RUN;
  } else {
    cli_progress_clear(session);
    tell(&session->common, output, phantom);
  }
  pencone_phantom_destroy(phantom);
  return exit_status;
}

int cli_phantom(int argc, char **argv) {
  cli_common common = {0};
  job j = {NULL, NULL};
  const cli_option options[] = {
      {"output", 'o', CLI_TEXT, "FILE",
       "the phantom file to write (HDF5); an existing one is replaced when "
       "the new one is complete",
       &j.output, 0, 0},
      CLI_OPTION_JSON(&common),
      CLI_OPTION_THREADS(&common),
      CLI_OPTION_QUIET(&common),
  };
  char **operands = NULL;
  int count = 0;
  const int outcome =
      cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &operands, &count);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  if (j.output == NULL) {
    return cli_wrong_use(usage.command, "no output; say where to, as -o phantom.h5");
  }
  j.recipe = operands[0];
  return cli_with_session(&common, build, &j);
}

// SPDX-License-Identifier: Apache-2.0
// pencone sobp: a uniform field of protons as a plan.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "report.h"

static const cli_usage usage = {
    .command = "sobp",
    .summary = "make a plan of protons with a spread-out Bragg peak",
    .synopsis = "--range MM --width MM [--size MM] [-o PLAN.yaml] [options]",
    .about =
        "Chooses energies and spots so that the dose in water is uniform over a box: from\n"
        "--range less --width to --range in depth (80 % behind the deepest peak), --size\n"
        "wide and high between its 50 % edges. The weights of the layers are non-negative\n"
        "least squares on the depth doses on the axis; all spots of a layer are alike.\n\n"
        "The plan has one beam from gantry 0 with its isocentre at 0,0,0 on the surface of\n"
        "the water, as in phantoms/water-tank.yaml. It is printed unless -o names a file.\n"
        "Paths of a phantom and a machine are written as they are given, and 'pencone run'\n"
        "takes them from the folder of the plan. Protons have 70 to 230 MeV: a peak\n"
        "at less than 42 mm needs a range shifter, one beyond 330 mm is out of reach.\n"
        "Layers are those of the open field; an aperture is written into the plan by hand\n"
        "(docs/formats.md).\n"
        "docs/theory/proton.md, section 8, explains the method.",
    .examples =
        "  pencone phantom phantoms/water-tank.yaml -o water.h5\n"
        "  pencone sobp --range 150 --width 50 --size 80 --phantom water.h5 -o sobp.yaml\n"
        "  pencone run sobp.yaml -o d.h5\n"
        "  pencone profile d.h5 --from 0,0,0 --to 0,200,0\n"
        "  pencone sobp --range 60 --width 40 --range-shifter 40 --machine generic-proton",
    .operands_min = 0,
    .operands_max = 0,
};

typedef struct job {
  pencone_sobp wanted;
  double size_mm;
  const char *machine_name, *phantom, *output;
  pencone_machine *machine;
  pencone_plan *plan;
  double flatness_pct;
} job;

/// In double quotes as YAML reads them.
static void put_text(FILE *out, const char *key, const char *text) {
  fprintf(out, "%s: \"", key);
  for (const char *c = text; *c != '\0'; ++c) {
    fputs(*c == '"' || *c == '\\' ? "\\" : "", out);
    fputc(*c, out);
  }
  fputs("\"\n", out);
}

static void put_plan(FILE *out, const job *j) {
  const pencone_beam *beam = pencone_plan_beam(j->plan, 0);
  fprintf(
      out, "# Made by pencone sobp: range %g mm, width %g mm, %g x %g mm, flat within %.2f %% on the axis.\n",
      j->wanted.range_mm, j->wanted.width_mm, j->wanted.size_mm[0], j->wanted.size_mm[1], j->flatness_pct);
  fprintf(out, "plan: spread-out peak %g/%g mm\n", j->wanted.range_mm, j->wanted.width_mm);
  if (j->phantom != NULL) {
    put_text(out, "phantom", j->phantom);
  }
  fprintf(out, "engine: {name: %s}\nbeams:\n  - name: %s\n", pencone_plan_engine(j->plan), beam->name);
  put_text(out, "    machine", j->machine_name);
  fprintf(out, "    isocenter_mm: [0, 0, 0]\n    gantry_deg: 0\n");
  if (beam->range_shifter_mm > 0) {
    fprintf(out, "    range_shifter_mm: %g\n    range_shifter_material: %s\n", beam->range_shifter_mm,
            beam->range_shifter_material != NULL ? beam->range_shifter_material : "pmma");
  }
  fprintf(out, "    layers:\n");
  for (int l = 0; l < beam->layer_count; ++l) {
    const pencone_proton_layer *layer = &beam->layers[l];
    fprintf(out, "      - energy_mev: %.4f\n        spots:\n", layer->energy_mev);
    for (int i = 0; i < layer->spot_count; ++i) {
      fprintf(out, "          - [%.6g, %.6g, %.8e]\n", layer->spots[i].x_mm, layer->spots[i].y_mm,
              layer->spots[i].protons);
    }
  }
}

/// The plan gets its name when it is whole. @return 1 or 0, errno says why
static int write_as(const char *part, const job *j) {
  FILE *out = fopen(part, "w");
  if (out == NULL) {
    return 0;
  }
  put_plan(out, j);
  const int flushed = fflush(out) == 0 && !ferror(out);
  const int reason = errno;
  const int closed = fclose(out) == 0;
  if (flushed && closed && rename(part, j->output) == 0) {
    return 1;
  }
  const int late = flushed ? errno : reason;
  remove(part);
  errno = late;
  return 0;
}

static int write_plan(cli_session *session, const job *j) {
  char *part = cli_beside(j->output, ".part");
  if (part == NULL) {
    return cli_error(session, CLI_RUN, "no memory left");
  }
  const int written = write_as(part, j);
  free(part);
  return written ? CLI_OK
                 : cli_error(session, CLI_RUN, "%s: cannot be written: %s", j->output, strerror(errno));
}

static void tell(const cli_session *session, const job *j) {
  const pencone_beam *beam = pencone_plan_beam(j->plan, 0);
  const double high = beam->layers[0].energy_mev, low = beam->layers[beam->layer_count - 1].energy_mev;
  int64_t spots = 0;
  for (int l = 0; l < beam->layer_count; ++l) {
    spots += beam->layers[l].spot_count;
  }
  if (session->common.json) {
    cli_json json = {.out = stdout};
    cli_json_object(&json, NULL);
    cli_json_integer(&json, "layers", beam->layer_count);
    cli_json_integer(&json, "spots", spots);
    cli_json_number(&json, "energy_max_mev", high, 9);
    cli_json_number(&json, "energy_min_mev", low, 9);
    cli_json_number(&json, "flatness_pct", j->flatness_pct, 6);
    cli_json_text(&json, "output", j->output);
    cli_json_end(&json);
  } else if (!session->common.quiet) {
    cli_line("layers", "%d, %.2f to %.2f MeV, %lld spots in all", beam->layer_count, low, high,
             (long long)spots);
    cli_line("flatness", "within %.2f %% of %g Gy on the axis, between the outer peaks", j->flatness_pct,
             j->wanted.dose_gy);
    cli_line("written", "%s", j->output);
  }
}

static int read_and_make(cli_session *session, job *j) {
  const char *const inputs[2] = {j->machine_name, j->phantom};
  const int possible = j->output != NULL ? cli_check_output(session, j->output, inputs, 2) : CLI_GO_ON;
  if (possible != CLI_GO_ON) {
    return possible;
  }
  pencone_status status = pencone_machine_read(session->ctx, j->machine_name, &j->machine);
  if (status == PENCONE_OK) {
    status = pencone_sobp_plan(session->ctx, &j->wanted, j->machine, &j->plan, &j->flatness_pct);
  }
  if (status != PENCONE_OK) {
    return cli_report(session, status);
  }
  if (j->output == NULL) {
    put_plan(stdout, j);
    return CLI_OK;
  }
  const int outcome = write_plan(session, j);
  if (outcome == CLI_OK) {
    tell(session, j);
  }
  return outcome;
}

static int make(cli_session *session, void *the_job) {
  job *j = the_job;
  const int outcome = read_and_make(session, j);
  pencone_plan_destroy(j->plan);
  pencone_machine_destroy(j->machine);
  return outcome;
}

static int check(const job *j, const cli_common *common) {
  if (!(j->wanted.range_mm > 0) || !(j->wanted.width_mm > 0)) {
    return cli_wrong_use("sobp", "--range and --width are needed, both in mm of water");
  }
  return common->json && j->output == NULL ? cli_wrong_use("sobp", "--json needs -o: the plan itself is YAML")
                                           : CLI_GO_ON;
}

int cli_sobp(int argc, char **argv) {
  const pencone_sobp defaults = PENCONE_SOBP_DEFAULT;
  cli_common common = {0};
  job j = {.wanted = defaults, .size_mm = 100, .machine_name = "ideal-proton"};
  const cli_option options[] = {
      {"range", 0, CLI_NUMBER, "MM", "depth of 80 % behind the deepest peak, mm of water", &j.wanted.range_mm,
       1, 400},
      {"depth", 0, CLI_NUMBER, "MM", "the same as --range", &j.wanted.range_mm, 1, 400},
      {"width", 0, CLI_NUMBER, "MM", "length of the plateau in depth, mm of water", &j.wanted.width_mm, 1,
       400},
      {"size", 0, CLI_NUMBER, "MM", "side of the square field, mm (default: 100)", &j.size_mm, 5, 600},
      {"dose", 0, CLI_NUMBER, "GY", "dose on the plateau (default: 2)", &j.wanted.dose_gy, 1e-6, 1e6},
      {"spacing", 0, CLI_NUMBER, "MM", "distance of spots, mm (default: 1.3 times the smallest spot)",
       &j.wanted.spot_spacing_mm, 1, 20},
      {"range-shifter", 0, CLI_NUMBER, "MM", "thickness of a range shifter of PMMA, mm (default: none)",
       &j.wanted.range_shifter_mm, 0, 300},
      {"machine", 'm', CLI_TEXT, "NAME", "a shipped machine or a file (default: ideal-proton)",
       &j.machine_name, 0, 0},
      {"phantom", 'p', CLI_TEXT, "FILE", "the phantom that the plan names (default: none)", &j.phantom, 0, 0},
      {"output", 'o', CLI_TEXT, "FILE", "the plan file to write (default: standard output)", &j.output, 0, 0},
      CLI_OPTION_JSON(&common),
      CLI_OPTION_QUIET(&common),
  };
  char **operands = NULL;
  int count = 0;
  int outcome = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &operands, &count);
  if (outcome == CLI_GO_ON) {
    outcome = check(&j, &common);
  }
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  j.wanted.size_mm[0] = j.wanted.size_mm[1] = j.size_mm;
  return cli_with_session(&common, make, &j);
}

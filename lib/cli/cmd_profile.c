// SPDX-License-Identifier: Apache-2.0
// pencone profile: dose along a straight line.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "metrics.h"
#include "report.h"
#include "volume.h"

static const cli_usage usage = {
    .command = "profile",
    .summary = "dose along a line: depth doses and cross profiles",
    .synopsis = "DOSE.h5 --from X,Y,Z --to X,Y,Z [options]",
    .about =
        "Reads the dose at equal steps along a straight line between two points, both ends\n"
        "included, by trilinear interpolation between voxel centres. Points are given in\n"
        "mm along the patient's axes (DICOM LPS: x to the left, y to posterior, z to\n"
        "superior); 'pencone info DOSE.h5' shows which region the dose covers. A point\n"
        "outside it is printed as nan (null in JSON).\n\n"
        "For a beam from gantry 0 the depth dose lies along y, from anterior to posterior;\n"
        "a cross profile lies along x (crossline) or z (inline).",
    .examples =
        "  pencone profile dose.h5 --from 0,-150,0 --to 0,150,0         depth dose\n"
        "  pencone profile dose.h5 --from -80,0,0 --to 80,0,0 --step 0.5 --csv > x.csv\n"
        "  pencone profile dose.h5 --from 0,0,0 --to 0,200,0 --volume let  protons\n"
        "  pencone profile dose.h5 --from 0,0,0 --to 0,200,0 --beam AP     one beam",
    .operands_min = 1,
    .operands_max = 1,
};

typedef struct line_of_dose {
  const char *file;
  cli_volume volume;
  cli_point from, to;
  double step_mm;  ///< wanted at most; then the step that divides the line evenly
  size_t count;
  double *distance_mm, *dose;
  int csv;
  int metrics;  ///< 1: tell what the line tells about the beam
} line_of_dose;

enum { MOST_SAMPLES = 1000000 };

static double length_of(const line_of_dose *line) {
  double sum = 0;
  for (int axis = 0; axis < 3; ++axis) {
    sum += pow(line->to.mm[axis] - line->from.mm[axis], 2);
  }
  return sqrt(sum);
}

static void position(const line_of_dose *line, size_t i, double xyz_mm[3]) {
  const double t = (double)i / (double)(line->count - 1);
  for (int axis = 0; axis < 3; ++axis) {
    const double p = (1 - t) * line->from.mm[axis] + t * line->to.mm[axis];
    xyz_mm[axis] = fabs(p) < 1e-9 ? 0 : p;
  }
}

static void put_json(const line_of_dose *line, const pencone_dose *dose, const cli_metrics *metrics) {
  cli_json json = {.out = stdout};
  cli_json_object(&json, NULL);
  cli_json_text(&json, "file", line->file);
  cli_json_text(&json, "units", pencone_dose_units(dose));
  cli_json_text(&json, "quantity", pencone_dose_quantity(dose));
  cli_json_numbers(&json, "from_mm", line->from.mm, 3, 15);
  cli_json_numbers(&json, "to_mm", line->to.mm, 3, 15);
  cli_json_number(&json, "step_mm", line->step_mm, 12);
  cli_json_numbers(&json, "distance_mm", line->distance_mm, line->count, 12);
  cli_json_numbers(&json, "dose", line->dose, line->count, 9);
  cli_json_metrics(&json, metrics);
  cli_json_end(&json);
}

static void put_heading(const line_of_dose *line, const pencone_dose *dose, int csv) {
  if (csv) {
    char units[32];
    snprintf(units, sizeof units, "%s", pencone_dose_units(dose));
    for (char *c = units; *c != '\0'; ++c) {
      *c = (char)(*c == ' ' || *c == ',' ? '_' : *c);
    }
    printf("distance_mm,x_mm,y_mm,z_mm,%s_%s\n", line->volume.name != NULL ? line->volume.name : "dose",
           units);
    return;
  }
  printf("# %s, %s, %zu points %.4g mm apart\n", line->file, pencone_dose_quantity(dose), line->count,
         line->step_mm);
  printf("# %9s %9s %9s %9s %14s\n", "distance", "x", "y", "z",
         line->volume.name != NULL ? line->volume.name : "dose");
  printf("# %9s %9s %9s %9s %14s\n", "mm", "mm", "mm", "mm", pencone_dose_units(dose));
}

static void put_table(const line_of_dose *line, int csv) {
  for (size_t i = 0; i < line->count; ++i) {
    char value[32] = "nan";  // printf itself may write "-nan"
    double p[3];
    position(line, i, p);
    if (!isnan(line->dose[i])) {
      snprintf(value, sizeof value, csv ? "%.9g" : "%.6e", line->dose[i]);
    }
    printf(csv ? "%.10g,%.10g,%.10g,%.10g,%s\n" : "%11.3f %9.3f %9.3f %9.3f %14s\n", line->distance_mm[i],
           p[0], p[1], p[2], value);
  }
}

static int check_crossing(cli_session *session, const line_of_dose *line, const pencone_grid *g) {
  for (size_t i = 0; i < line->count; ++i) {
    if (!isnan(line->dose[i])) {
      return CLI_GO_ON;
    }
  }
  double low[3];
  double high[3];
  for (int axis = 0; axis < 3; ++axis) {
    low[axis] = g->origin_mm[axis] - 0.5 * g->spacing_mm[axis];
    high[axis] = low[axis] + g->spacing_mm[axis] * (double)g->size[axis];
  }
  return cli_error(
      session, CLI_INPUT,
      "%s: profile: got a line from %g,%g,%g to %g,%g,%g mm that misses the dose, expected one through "
      "x %g to %g, y %g to %g, z %g to %g mm",
      line->file, line->from.mm[0], line->from.mm[1], line->from.mm[2], line->to.mm[0], line->to.mm[1],
      line->to.mm[2], low[0], high[0], low[1], high[1], low[2], high[2]);
}

static int sample(cli_session *session, const line_of_dose *line) {
  pencone_dose *dose = NULL;
  int outcome = cli_volume_read(session, line->file, &line->volume, &dose);
  if (outcome == CLI_GO_ON) {
    const pencone_status status = pencone_profile_sample(session->ctx, dose, line->from.mm, line->to.mm,
                                                         line->count, line->distance_mm, line->dose);
    outcome = status == PENCONE_OK ? check_crossing(session, line, pencone_dose_grid_of(dose))
                                   : cli_report(session, status);
  }
  if (outcome == CLI_GO_ON) {
    outcome = CLI_OK;
    const cli_metrics metrics = cli_measure(session, line->distance_mm, line->dose, line->count);
    if (session->common.json) {
      put_json(line, dose, &metrics);
    } else {
      if (!session->common.quiet) {
        put_heading(line, dose, line->csv);
      }
      if (line->metrics) {
        cli_put_metrics(&metrics, pencone_dose_units(dose));
      }
      put_table(line, line->csv);
    }
  }
  pencone_dose_destroy(dose);
  return outcome;
}

static int work(cli_session *session, void *job) {
  line_of_dose *line = job;
  line->distance_mm = malloc(line->count * sizeof(double));
  line->dose = malloc(line->count * sizeof(double));
  const int outcome = line->distance_mm != NULL && line->dose != NULL
                          ? sample(session, line)
                          : cli_error(session, CLI_RUN, "no memory left for %zu points", line->count);
  free(line->distance_mm);
  free(line->dose);
  return outcome;
}

/// Number of samples, and the step that fits them. @return CLI_GO_ON or CLI_USAGE after a message
static int divide(line_of_dose *line) {
  if (!line->from.given || !line->to.given) {
    return cli_wrong_use(usage.command, "no %s; give both ends in mm, as --from 0,-150,0 --to 0,150,0",
                         line->from.given ? "--to" : "--from");
  }
  const double length = length_of(line);
  if (!(length > 0)) {
    return cli_wrong_use(usage.command, "--from and --to are the same point, expected two ends of a line");
  }
  const double pieces = fmax(1, ceil(length / line->step_mm - 1e-9));
  if (pieces > MOST_SAMPLES) {
    return cli_wrong_use(usage.command,
                         "--step: got %g mm over %g mm, which is %.3g points, expected at most %d",
                         line->step_mm, length, pieces, MOST_SAMPLES);
  }
  line->count = (size_t)pieces + 1;
  line->step_mm = length / pieces;
  return CLI_GO_ON;
}

int cli_profile(int argc, char **argv) {
  cli_common common = {0};
  line_of_dose line = {.step_mm = 1};
  const cli_option options[] = {
      {"from", 'f', CLI_POINT, "X,Y,Z", "first point, mm", &line.from, 0, 0},
      {"to", 0, CLI_POINT, "X,Y,Z", "last point, mm", &line.to, 0, 0},
      {"step", 's', CLI_NUMBER, "MM",
       "distance between points, mm (default: 1); made smaller where needed so "
       "that steps are equal",
       &line.step_mm, 1e-6, 1e6},
      {"metrics", 'm', CLI_FLAG, NULL,
       "print what the line tells as a depth dose (maximum, ranges, beam quality) and as a cross profile (field, "
       "penumbra, flatness, symmetry); begin at the surface for depths. --json always has them",
       &line.metrics, 0, 0},
      CLI_OPTION_VOLUME(&line.volume),
      CLI_OPTION_BEAM(&line.volume),
      {"csv", 0, CLI_FLAG, NULL, "print comma-separated values, for spreadsheets", &line.csv, 0, 0},
      CLI_OPTION_JSON(&common),
      {"quiet", 'q', CLI_FLAG, NULL, "print the table without its heading", &common.quiet, 0, 0},
  };
  char **operands = NULL;
  int count = 0;
  int outcome = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &operands, &count);
  if (outcome == CLI_GO_ON && line.csv && common.json) {
    outcome = cli_wrong_use(usage.command, "--csv and --json exclude each other");
  }
  outcome = outcome == CLI_GO_ON ? divide(&line) : outcome;
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  line.file = operands[0];
  return cli_with_session(&common, work, &line);
}

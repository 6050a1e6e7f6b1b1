// SPDX-License-Identifier: Apache-2.0
// pencone machine fit: measured depth doses in, machine file out.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "report.h"
#ifdef PENCONE_COMMISSION
#include <pencone/commission.h>
#endif

static const cli_usage usage = {
    .command = "machine",
    .summary = "fit a machine to measurements",
    .synopsis = "fit MEASURED.csv --energy MV -o MACHINE.yaml [options]",
    .about =
        "Fits a photon spectrum to depth doses measured in water on the axis of the beam\n"
        "and writes a machine that every photon engine takes. The table is comma-separated\n"
        "with the first row\n\n"
        "  field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n\n"
        "field: width of the opening in the isocentre plane; ssd: source to surface; dose\n"
        "in any unit, one for each depth dose. Rows of one field and ssd stand together,\n"
        "depths rising. docs/theory/commissioning.md tells what is fitted and what is not:\n"
        "the machine is ideal (point source, flat, no contamination). Points before the\n"
        "maximum, and up to --beyond mm behind it, do not count.\n\n"
        "The table that is printed compares the measurement with photon-collapsed-cone and\n"
        "the new machine: root mean square and largest of measured / computed - 1, each\n"
        "depth dose with a scale of its own.",
    .examples =
        "  pencone machine fit measured.csv --energy 6 --name our-6mv -o our-6mv.yaml\n"
        "  pencone info our-6mv.yaml",
    .operands_min = 2,
    .operands_max = 2,
};

/// What was asked for.
typedef struct request {
  const char *measured, *output, *name;
  double energy_mv, sad_mm, beyond_mm;
} request;

#ifdef PENCONE_COMMISSION

static void put_table(const pencone_measurement *m, const pencone_photon_found *found,
                      const pencone_fit_curve *curve, const pencone_machine *machine, const request *r) {
  cli_line("machine", "%s", pencone_machine_describe(machine)->name);
  cli_line("spectrum", "electrons of %.2f MeV, filters of %.1f g/cm2 aluminium and %.2f g/cm2 titanium,",
           found->max_energy_mev, found->aluminium_g_cm2, found->titanium_g_cm2);
  cli_line("", "mean photon energy %.3f MeV", found->mean_energy_mev);
  puts("\nfield mm        SSD mm  points  from mm   rms %   max %   at mm   scale");
  for (int i = 0; i < pencone_measurement_count(m); ++i) {
    const pencone_depth_dose *d = pencone_measurement_at(m, i);
    char field[32];
    snprintf(field, sizeof field, "%g x %g", d->field_x_mm, d->field_y_mm);
    printf("%-14s %7g %7d %8g %7.2f %+7.2f %7g   %.4g\n", field, d->ssd_mm, curve[i].points, curve[i].from_mm,
           curve[i].rms_pct, curve[i].max_pct, curve[i].max_at_mm, curve[i].scale);
  }
  printf("all: rms %.2f %%\n\n", found->rms_pct);
  cli_line("written", "%s", r->output);
}

static void put_json(const pencone_measurement *m, const pencone_photon_found *found,
                     const pencone_fit_curve *curve, const pencone_machine *machine, const request *r) {
  cli_json json = {.out = stdout};
  cli_json_object(&json, NULL);
  cli_json_text(&json, "output", r->output);
  cli_json_text(&json, "kind", "machine");
  cli_json_text(&json, "machine", pencone_machine_describe(machine)->name);
  cli_json_text(&json, "sha256", pencone_machine_sha256(machine));
  cli_json_number(&json, "max_energy_mev", found->max_energy_mev, 7);
  cli_json_number(&json, "aluminium_g_cm2", found->aluminium_g_cm2, 7);
  cli_json_number(&json, "titanium_g_cm2", found->titanium_g_cm2, 7);
  cli_json_number(&json, "mean_energy_mev", found->mean_energy_mev, 7);
  cli_json_number(&json, "rms_pct", found->rms_pct, 5);
  cli_json_array(&json, "curves");
  for (int i = 0; i < pencone_measurement_count(m); ++i) {
    const pencone_depth_dose *d = pencone_measurement_at(m, i);
    cli_json_object(&json, NULL);
    cli_json_number(&json, "field_x_mm", d->field_x_mm, 15);
    cli_json_number(&json, "field_y_mm", d->field_y_mm, 15);
    cli_json_number(&json, "ssd_mm", d->ssd_mm, 15);
    cli_json_integer(&json, "points", curve[i].points);
    cli_json_number(&json, "from_mm", curve[i].from_mm, 15);
    cli_json_number(&json, "rms_pct", curve[i].rms_pct, 5);
    cli_json_number(&json, "max_pct", curve[i].max_pct, 5);
    cli_json_number(&json, "max_at_mm", curve[i].max_at_mm, 15);
    cli_json_number(&json, "scale", curve[i].scale, 7);
    cli_json_end(&json);
  }
  cli_json_end(&json);
  cli_json_end(&json);
}

static int fit_and_write(cli_session *session, const request *r, const pencone_measurement *m,
                         pencone_fit_curve *curve) {
  const pencone_photon_fit defaults = PENCONE_PHOTON_FIT_DEFAULT;
  pencone_photon_fit fit = defaults;
  fit.name = r->name;
  fit.nominal_mv = r->energy_mv;
  fit.sad_mm = r->sad_mm;
  fit.beyond_max_mm = r->beyond_mm;
  pencone_photon_found found = PENCONE_PHOTON_FOUND_DEFAULT;
  pencone_machine *machine = NULL;
  pencone_status status = pencone_photon_fit_run(session->ctx, m, &fit, &machine, &found, curve);
  if (status != PENCONE_OK) {
    return cli_report_file(session, status, r->measured);
  }
  int outcome = CLI_OK;
  status = pencone_machine_write(session->ctx, r->output, machine);
  if (status != PENCONE_OK) {
    cli_report(session, status);
    outcome = CLI_RUN;
  } else {
    cli_progress_clear(session);
    if (session->common.json) {
      put_json(m, &found, curve, machine, r);
    } else if (!session->common.quiet) {
      put_table(m, &found, curve, machine, r);
    }
  }
  pencone_machine_destroy(machine);
  return outcome;
}

static int fit_file(cli_session *session, void *job) {
  const request *r = job;
  const int outcome = cli_check_output(session, r->output, &r->measured, 1);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  cli_guard(session);
  pencone_measurement *m = NULL;
  const pencone_status status = pencone_measurement_read(session->ctx, r->measured, &m);
  if (status != PENCONE_OK) {
    return cli_report(session, status);
  }
  pencone_fit_curve *curve = calloc((size_t)pencone_measurement_count(m), sizeof *curve);
  const int result =
      curve != NULL ? fit_and_write(session, r, m, curve) : cli_error(session, CLI_RUN, "no memory left");
  free(curve);
  pencone_measurement_destroy(m);
  return result;
}

#else

static int fit_file(cli_session *session, void *job) {
  (void)job;
  return cli_error(
      session, CLI_USAGE,
      "machine fit: this build is without commissioning; with GSL installed, 'meson setup --reconfigure "
      "-Dcommissioning=enabled BUILD' and build again");
}

#endif

int cli_machine(int argc, char **argv) {
  cli_common common = {0};
  request r = {.name = "fitted", .sad_mm = 1000, .beyond_mm = 10};
  const cli_option options[] = {
      {"output", 'o', CLI_TEXT, "FILE", "the machine file to write (YAML); an existing one is replaced",
       &r.output, 0, 0},
      {"energy", 'e', CLI_NUMBER, "MV", "nominal accelerating voltage, where the fit begins", &r.energy_mv, 2,
       20},
      {"name", 'n', CLI_TEXT, "NAME", "name of the machine (default: fitted)", &r.name, 0, 0},
      {"sad", 0, CLI_NUMBER, "MM", "source to isocentre (default: 1000)", &r.sad_mm, 300, 5000},
      {"beyond", 0, CLI_NUMBER, "MM",
       "depth behind a curve's maximum from which it counts: electrons from the head do not reach there "
       "(default: 10)",
       &r.beyond_mm, 0, 200},
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
  if (strcmp(operands[0], "fit") != 0) {
    return cli_wrong_use(usage.command, "'%s': expected pencone machine %s", operands[0], usage.synopsis);
  }
  if (r.output == NULL) {
    return cli_wrong_use(usage.command, "no output; say where to, as -o machine.yaml");
  }
  if (!(r.energy_mv > 0)) {
    return cli_wrong_use(usage.command, "no energy; say the nominal voltage in MV, as --energy 6");
  }
  r.measured = operands[1];
  return cli_with_session(&common, fit_file, &r);
}

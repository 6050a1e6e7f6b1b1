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
        "depth dose with a scale of its own.\n\n"
        "With --output-factors the kernels of photon-pencil-beam are fitted, too: to depth\n"
        "doses as above at one SSD, or to tissue-phantom ratios,\n\n"
        "  field_x_mm,field_y_mm,depth_mm,tpr\n\n"
        "of three field sizes or more, and to output factors in the same set-up,\n\n"
        "  field_x_mm,field_y_mm,depth_mm,phantom_scatter\n\n"
        "(or total_scatter: the kernels then hold what the head scatters). The table that is\n"
        "printed then compares with photon-pencil-beam, all fields with one scale.",
    .examples =
        "  pencone machine fit measured.csv --energy 6 --name our-6mv -o our-6mv.yaml\n"
        "  pencone machine fit tpr.csv --output-factors sp.csv --energy 6 -o our-6mv.yaml\n"
        "  pencone info our-6mv.yaml",
    .operands_min = 2,
    .operands_max = 2,
};

/// What was asked for.
typedef struct request {
  const char *measured, *output, *name, *factors, *spectrum;
  double energy_mv, sad_mm, beyond_mm;
} request;

#ifdef PENCONE_COMMISSION

/// What was found.
typedef struct answer {
  const pencone_measurement *m;
  pencone_machine *machine;
  pencone_kernel_found found;  ///< of the spectrum only, where no kernels were wanted
  int has_spectrum, has_kernels;
  pencone_fit_curve *curve;
} answer;

static void put_curves(const answer *a) {
  puts("\nfield mm        SSD mm  points  from mm   rms %   max %   at mm   scale");
  for (int i = 0; i < pencone_measurement_count(a->m); ++i) {
    const pencone_depth_dose *d = pencone_measurement_at(a->m, i);
    const pencone_fit_curve *c = &a->curve[i];
    char field[32], ssd[32];
    snprintf(field, sizeof field, "%g x %g", d->field_x_mm, d->field_y_mm);
    snprintf(ssd, sizeof ssd, d->ssd_mm > 0 ? "%g" : "TPR", d->ssd_mm);
    printf("%-14s %7s %7d %8g %7.2f %+7.2f %7g   %.4g\n", field, ssd, c->points, c->from_mm, c->rms_pct,
           c->max_pct, c->max_at_mm, c->scale);
  }
}

static void put_table(const answer *a, const request *r) {
  const pencone_photon_found *found = &a->found.photon;
  cli_line("machine", "%s", pencone_machine_describe(a->machine)->name);
  if (a->has_spectrum) {
    cli_line("spectrum", "electrons of %.2f MeV, filters of %.1f g/cm2 aluminium and %.2f g/cm2 titanium,",
             found->max_energy_mev, found->aluminium_g_cm2, found->titanium_g_cm2);
    cli_line("", "mean photon energy %.3f MeV", found->mean_energy_mev);
  } else {
    cli_line("spectrum", "of %s", r->spectrum);
  }
  if (a->has_kernels) {
    cli_line("kernels", "%.3f to %.3f times those of the spectrum", a->found.factor_min, a->found.factor_max);
  }
  put_curves(a);
  printf("all: rms %.2f %%\n\n", a->has_kernels ? a->found.rms_pct : found->rms_pct);
  cli_line("written", "%s", r->output);
}

static void put_json_curves(const answer *a, cli_json *json) {
  cli_json_array(json, "curves");
  for (int i = 0; i < pencone_measurement_count(a->m); ++i) {
    const pencone_depth_dose *d = pencone_measurement_at(a->m, i);
    const pencone_fit_curve *c = &a->curve[i];
    cli_json_object(json, NULL);
    cli_json_number(json, "field_x_mm", d->field_x_mm, 15);
    cli_json_number(json, "field_y_mm", d->field_y_mm, 15);
    cli_json_number(json, "ssd_mm", d->ssd_mm, 15);
    cli_json_integer(json, "points", c->points);
    cli_json_number(json, "from_mm", c->from_mm, 15);
    cli_json_number(json, "rms_pct", c->rms_pct, 5);
    cli_json_number(json, "max_pct", c->max_pct, 5);
    cli_json_number(json, "max_at_mm", c->max_at_mm, 15);
    cli_json_number(json, "scale", c->scale, 7);
    cli_json_end(json);
  }
  cli_json_end(json);
}

static void put_json(const answer *a, const request *r) {
  const pencone_photon_found *found = &a->found.photon;
  cli_json json = {.out = stdout};
  cli_json_object(&json, NULL);
  cli_json_text(&json, "output", r->output);
  cli_json_text(&json, "kind", "machine");
  cli_json_text(&json, "machine", pencone_machine_describe(a->machine)->name);
  cli_json_text(&json, "sha256", pencone_machine_sha256(a->machine));
  if (a->has_spectrum) {
    cli_json_number(&json, "max_energy_mev", found->max_energy_mev, 7);
    cli_json_number(&json, "aluminium_g_cm2", found->aluminium_g_cm2, 7);
    cli_json_number(&json, "titanium_g_cm2", found->titanium_g_cm2, 7);
    cli_json_number(&json, "mean_energy_mev", found->mean_energy_mev, 7);
  }
  if (a->has_kernels) {
    cli_json_number(&json, "kernel_factor_min", a->found.factor_min, 7);
    cli_json_number(&json, "kernel_factor_max", a->found.factor_max, 7);
  }
  cli_json_number(&json, "rms_pct", a->has_kernels ? a->found.rms_pct : found->rms_pct, 5);
  put_json_curves(a, &json);
  cli_json_end(&json);
}

static pencone_photon_fit photon_fit(const request *r) {
  const pencone_photon_fit defaults = PENCONE_PHOTON_FIT_DEFAULT;
  pencone_photon_fit fit = defaults;
  fit.name = r->name;
  fit.nominal_mv = r->energy_mv;
  fit.sad_mm = r->sad_mm;
  fit.beyond_max_mm = r->beyond_mm;
  return fit;
}

static pencone_status fit_kernels(cli_session *session, const request *r, pencone_output_kind kind,
                                  answer *a) {
  pencone_machine *spectrum = NULL;
  pencone_kernel_fit fit = PENCONE_KERNEL_FIT_DEFAULT;
  pencone_status status =
      r->spectrum != NULL ? pencone_machine_read(session->ctx, r->spectrum, &spectrum) : PENCONE_OK;
  if (status == PENCONE_OK) {
    fit.photon = photon_fit(r);
    fit.spectrum = spectrum;
    fit.kind = kind;
    a->has_kernels = 1;
    a->has_spectrum = spectrum == NULL;
    status = pencone_kernel_fit_run(session->ctx, a->m, &fit, &a->machine, &a->found, a->curve);
  }
  pencone_machine_destroy(spectrum);
  return status;
}

static pencone_status fit_spectrum(cli_session *session, const request *r, answer *a) {
  const pencone_photon_fit fit = photon_fit(r);
  a->has_spectrum = 1;
  return pencone_photon_fit_run(session->ctx, a->m, &fit, &a->machine, &a->found.photon, a->curve);
}

static int write_answer(cli_session *session, const request *r, const answer *a) {
  const pencone_status status = pencone_machine_write(session->ctx, r->output, a->machine);
  if (status != PENCONE_OK) {
    cli_report(session, status);
    return CLI_RUN;
  }
  cli_progress_clear(session);
  if (session->common.json) {
    put_json(a, r);
  } else if (!session->common.quiet) {
    put_table(a, r);
  }
  return CLI_OK;
}

static int fit_and_write(cli_session *session, const request *r, const pencone_measurement *m,
                         const pencone_output_kind *kind) {
  const pencone_kernel_found found = PENCONE_KERNEL_FOUND_DEFAULT;
  answer a = {.m = m, .found = found, .curve = calloc((size_t)pencone_measurement_count(m), sizeof *a.curve)};
  if (a.curve == NULL) {
    return cli_error(session, CLI_RUN, "no memory left");
  }
  const pencone_status status =
      kind != NULL ? fit_kernels(session, r, *kind, &a) : fit_spectrum(session, r, &a);
  const int outcome =
      status == PENCONE_OK ? write_answer(session, r, &a) : cli_report_file(session, status, r->measured);
  pencone_machine_destroy(a.machine);
  free(a.curve);
  return outcome;
}

static int fit_file(cli_session *session, void *job) {
  const request *r = job;
  const char *const inputs[] = {r->measured, r->factors, r->spectrum};
  const int outcome = cli_check_output(session, r->output, inputs, 3);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  cli_guard(session);
  pencone_measurement *m = NULL, *scaled = NULL;
  pencone_output_kind kind = PENCONE_PHANTOM_SCATTER;
  pencone_status status = pencone_measurement_read(session->ctx, r->measured, &m);
  if (status == PENCONE_OK && r->factors != NULL) {
    status = pencone_output_factors_read(session->ctx, r->factors, m, &kind, &scaled);
  }
  const int result = status == PENCONE_OK ? fit_and_write(session, r, scaled != NULL ? scaled : m,
                                                          scaled != NULL ? &kind : NULL)
                                          : cli_report(session, status);
  pencone_measurement_destroy(scaled);
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
      {"output-factors", 0, CLI_TEXT, "FILE",
       "output factors of the table's fields: fit the pencil beam's kernels, too", &r.factors, 0, 0},
      {"spectrum", 0, CLI_TEXT, "MACHINE",
       "with --output-factors: take spectrum and SAD of this machine (name or file) instead of fitting one",
       &r.spectrum, 0, 0},
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
  if (r.spectrum != NULL && r.factors == NULL) {
    return cli_wrong_use(usage.command, "--spectrum without --output-factors: there is nothing left to fit");
  }
  if (!(r.energy_mv > 0) && r.spectrum == NULL) {
    return cli_wrong_use(usage.command, "no energy; say the nominal voltage in MV, as --energy 6");
  }
  r.measured = operands[1];
  return cli_with_session(&common, fit_file, &r);
}

// SPDX-License-Identifier: Apache-2.0
// pencone dvh: dose-volume histograms of structures, and what follows from them.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "report.h"
#include "volume.h"

static const cli_usage usage = {
    .command = "dvh",
    .summary = "dose-volume histograms of structures",
    .synopsis = "DOSE.h5 [--structure NAME]... [options]",
    .about =
        "Prints volume, mean, minimum, maximum and the doses D2 to D98 of structures. D95 is\n"
        "the least dose to the hottest 95 % of the volume. Structures come from the dose file\n"
        "(a run copies them from the phantom) or from --phantom; their grid may be another\n"
        "than the dose's, and voxels that a structure fills in part count in part. There are\n"
        "no bins: docs/theory/dvh.md explains the method and its accuracy.\n\n"
        "--isodose adds Paddick's and the RTOG conformity index, --geud, --ntcp and --tcp add\n"
        "model values; the parameters are yours, and the sources are in docs/theory/dvh.md.\n\n"
        "With --volume let the figures are those of LET in keV/um, of every voxel however\n"
        "small its dose; with --volume rbe_dose those of the RBE-weighted dose.",
    .examples =
        "  pencone dvh dose.h5\n"
        "  pencone dvh dose.h5 --structure ptv --isodose 57 --json\n"
        "  pencone dvh dose.h5 --structure lung --ntcp 0.87,0.18,24.5\n"
        "  pencone dvh dose.h5 --csv --bin 0.5 > dvh.csv\n"
        "  pencone dvh dose.h5 --volume rbe_dose",
    .operands_min = 1,
    .operands_max = 1,
};

/// What is asked.
typedef struct job {
  const char *dose_path, *phantom_path;
  cli_volume volume;
  cli_texts wanted;
  int csv, curve;
  double bin;            ///< dose between points of the curve; 0: 1/200 of the maximum
  double isodose, geud;  ///< NaN: not asked
  cli_point ntcp;        ///< n, m, TD50
  cli_point tcp;         ///< clonogens per cm3, alpha, alpha/beta
  double fractions;
  pencone_dose *dose;
  pencone_phantom *phantom;
} job;

/// One structure with its answers.
typedef struct entry {
  const char *name;
  pencone_dvh *dvh;
  pencone_dvh_summary s;
  pencone_conformity conformity;
} entry;

static double entry_tcp(const job *j, const entry *e) {
  const pencone_tcp_model model = {j->tcp.mm[0], j->tcp.mm[1], j->tcp.mm[2], j->fractions};
  return pencone_dvh_tcp_poisson(e->dvh, &model);
}

// --- telling -----------------------------------------------------------------------------------

static void put_entry_extras(const job *j, const entry *e) {
  if (!isnan(j->isodose)) {
    printf("  %-16s isodose %.5g: Paddick %.4f, RTOG %.4f (target %.4g, isodose %.4g, both %.4g cm3)\n",
           e->name, j->isodose, e->conformity.paddick, e->conformity.rtog, e->conformity.target_cm3,
           e->conformity.isodose_cm3, e->conformity.both_cm3);
  }
  if (!isnan(j->geud)) {
    printf("  %-16s gEUD(a = %g) %.5g\n", e->name, j->geud, pencone_dvh_geud(e->dvh, j->geud));
  }
  if (j->ntcp.given) {
    printf("  %-16s NTCP %.4f (LKB n %g, m %g, TD50 %g Gy)\n", e->name,
           pencone_dvh_ntcp_lkb(e->dvh, j->ntcp.mm[0], j->ntcp.mm[1], j->ntcp.mm[2]), j->ntcp.mm[0],
           j->ntcp.mm[1], j->ntcp.mm[2]);
  }
  if (j->tcp.given) {
    printf("  %-16s TCP %.4f (Poisson, %g clonogens/cm3, alpha %g/Gy, alpha/beta %g Gy, %g fractions)\n",
           e->name, entry_tcp(j, e), j->tcp.mm[0], j->tcp.mm[1], j->tcp.mm[2], j->fractions);
  }
}

static void put_text(const cli_session *session, const job *j, const entry *entries, int count) {
  if (!session->common.quiet) {
    printf("# %s, %s, in %s\n", j->dose_path, pencone_dose_quantity(j->dose), pencone_dose_units(j->dose));
    printf("# %-16s %10s %10s %10s %10s %10s %10s %10s %10s %10s %7s\n", "structure", "cm3", "mean", "min",
           "max", "D98", "D95", "D50", "D5", "D2", "HI");
  }
  int undefined = 0;
  for (int i = 0; i < count; ++i) {
    const pencone_dvh_summary *s = &entries[i].s;
    char hi[32] = "-";
    undefined |= isnan(s->homogeneity);
    if (!isnan(s->homogeneity)) {
      snprintf(hi, sizeof hi, "%.4f", s->homogeneity);
    }
    printf("  %-16s %10.4g %10.4g %10.4g %10.4g %10.4g %10.4g %10.4g %10.4g %10.4g %7s\n", entries[i].name,
           s->volume_cm3, s->mean, s->min, s->max, s->d98, s->d95, s->d50, s->d5, s->d2, hi);
  }
  if (undefined && !session->common.quiet) {
    puts("# HI is - where D50 is below a thousandth of D2: such a quotient says nothing");
  }
  for (int i = 0; i < count; ++i) {
    put_entry_extras(j, &entries[i]);
  }
}

/// Points of the curves and their distance.
static size_t curve_points(const job *j, const entry *entries, int count, double *bin) {
  enum { MOST = 1000000 };
  double top = 0;
  for (int i = 0; i < count; ++i) {
    top = fmax(top, entries[i].s.max);
  }
  *bin = j->bin > 0 ? j->bin : top / 200;
  const double points = *bin > 0 ? ceil(top / *bin - 1e-9) + 2 : 2;
  return (size_t)fmin(points, MOST);
}

static void put_csv(const job *j, const entry *entries, int count) {
  double bin = 0;
  const size_t points = curve_points(j, entries, count, &bin);
  printf("%s", j->volume.name != NULL ? j->volume.name : "dose");
  for (int i = 0; i < count; ++i) {
    printf(",%s", entries[i].name);
  }
  putchar('\n');
  for (size_t n = 0; n < points; ++n) {
    printf("%.9g", (double)n * bin);
    for (int i = 0; i < count; ++i) {
      printf(",%.6g", pencone_dvh_volume_at(entries[i].dvh, (double)n * bin));
    }
    putchar('\n');
  }
}

static int json_curve(cli_session *session, cli_json *json, const job *j, const entry *e) {
  double bin = 0;
  const size_t points = curve_points(j, e, 1, &bin);
  double *values = malloc(2 * points * sizeof *values);
  if (values == NULL) {
    return cli_error(session, CLI_RUN, "no memory left for a curve of %zu points", points);
  }
  for (size_t n = 0; n < points; ++n) {
    values[n] = (double)n * bin;
    values[points + n] = pencone_dvh_volume_at(e->dvh, values[n]);
  }
  cli_json_numbers(json, "dose", values, points, 9);
  cli_json_numbers(json, "volume_pct", values + points, points, 9);
  free(values);
  return CLI_GO_ON;
}

static void json_extras(cli_json *json, const job *j, const entry *e) {
  if (!isnan(j->isodose)) {
    cli_json_object(json, "conformity");
    cli_json_number(json, "isodose", j->isodose, 9);
    cli_json_number(json, "paddick", e->conformity.paddick, 9);
    cli_json_number(json, "rtog", e->conformity.rtog, 9);
    cli_json_number(json, "target_cm3", e->conformity.target_cm3, 9);
    cli_json_number(json, "isodose_cm3", e->conformity.isodose_cm3, 9);
    cli_json_number(json, "both_cm3", e->conformity.both_cm3, 9);
    cli_json_end(json);
  }
  if (!isnan(j->geud)) {
    cli_json_number(json, "gEUD", pencone_dvh_geud(e->dvh, j->geud), 9);
  }
  if (j->ntcp.given) {
    cli_json_number(json, "NTCP", pencone_dvh_ntcp_lkb(e->dvh, j->ntcp.mm[0], j->ntcp.mm[1], j->ntcp.mm[2]),
                    9);
  }
  if (j->tcp.given) {
    cli_json_number(json, "TCP", entry_tcp(j, e), 9);
  }
}

static int put_json(cli_session *session, const job *j, const entry *entries, int count) {
  cli_json json = {.out = stdout};
  int outcome = CLI_GO_ON;
  cli_json_object(&json, NULL);
  cli_json_text(&json, "file", j->dose_path);
  cli_json_text(&json, "units", pencone_dose_units(j->dose));
  cli_json_text(&json, "quantity", pencone_dose_quantity(j->dose));
  cli_json_object(&json, "structures");
  for (int i = 0; i < count && outcome == CLI_GO_ON; ++i) {
    const pencone_dvh_summary *s = &entries[i].s;
    cli_json_object(&json, entries[i].name);
    cli_json_text(&json, "name", entries[i].name);
    cli_json_number(&json, "volume_cm3", s->volume_cm3, 9);
    cli_json_number(&json, "mean", s->mean, 9);
    cli_json_number(&json, "min", s->min, 9);
    cli_json_number(&json, "max", s->max, 9);
    cli_json_number(&json, "D98", s->d98, 9);
    cli_json_number(&json, "D95", s->d95, 9);
    cli_json_number(&json, "D50", s->d50, 9);
    cli_json_number(&json, "D5", s->d5, 9);
    cli_json_number(&json, "D2", s->d2, 9);
    cli_json_number(&json, "homogeneity", s->homogeneity, 9);
    json_extras(&json, j, &entries[i]);
    outcome = j->curve ? json_curve(session, &json, j, &entries[i]) : CLI_GO_ON;
    cli_json_end(&json);
  }
  cli_json_end(&json);
  cli_json_end(&json);
  return outcome;
}

// --- collecting --------------------------------------------------------------------------------

static int find_structure(const pencone_phantom *phantom, const char *name) {
  for (int i = 0; i < pencone_phantom_structure_count(phantom); ++i) {
    if (strcmp(pencone_phantom_structure_name(phantom, i), name) == 0) {
      return i;
    }
  }
  return -1;
}

static int missing(cli_session *session, const job *j, const char *name) {
  char known[512] = "none";
  for (int i = 0; i < pencone_phantom_structure_count(j->phantom); ++i) {
    const size_t used = i > 0 ? strlen(known) : 0;
    snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "",
             pencone_phantom_structure_name(j->phantom, i));
  }
  return cli_error(session, CLI_INPUT, "%s: structure: got '%s', expected one of: %s",
                   j->phantom_path != NULL ? j->phantom_path : j->dose_path, name, known);
}

static int add_entry(cli_session *session, const job *j, int structure, entry *e) {
  const pencone_grid *grid = &pencone_phantom_describe(j->phantom)->grid;
  const uint8_t *mask = pencone_phantom_structure_mask(j->phantom, structure);
  const pencone_dvh_summary empty = PENCONE_DVH_SUMMARY_INIT;
  const pencone_conformity none = PENCONE_CONFORMITY_INIT;
  e->name = pencone_phantom_structure_name(j->phantom, structure);
  e->s = empty;
  e->conformity = none;
  pencone_status status = pencone_dvh_create(session->ctx, j->dose, grid, mask, &e->dvh);
  if (status == PENCONE_OK && !isnan(j->isodose)) {
    status = pencone_conformity_measure(session->ctx, j->dose, grid, mask, j->isodose, &e->conformity);
  }
  if (status != PENCONE_OK) {
    char text[512];
    snprintf(text, sizeof text, "%s", pencone_context_error(session->ctx));
    const int exit_status = status == PENCONE_E_MEMORY || status == PENCONE_E_CANCELLED ? CLI_RUN : CLI_INPUT;
    return cli_error(session, exit_status, "%s: structure %s: %s", j->dose_path, e->name, text);
  }
  pencone_dvh_summarise(e->dvh, &e->s);
  return CLI_GO_ON;
}

static int answer(cli_session *session, const job *j, entry *entries, int *count) {
  const int all = pencone_phantom_structure_count(j->phantom);
  *count = j->wanted.count > 0 ? 0 : all;
  int outcome = CLI_GO_ON;
  for (int i = 0; i < j->wanted.count && outcome == CLI_GO_ON; ++i) {
    const int structure = find_structure(j->phantom, j->wanted.text[i]);
    outcome = structure < 0 ? missing(session, j, j->wanted.text[i])
                            : add_entry(session, j, structure, &entries[(*count)++]);
  }
  for (int i = 0; j->wanted.count == 0 && i < all && outcome == CLI_GO_ON; ++i) {
    outcome = add_entry(session, j, i, &entries[i]);
  }
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  cli_progress_clear(session);
  if (session->common.json) {
    outcome = put_json(session, j, entries, *count);
  } else if (j->csv) {
    put_csv(j, entries, *count);
  } else {
    put_text(session, j, entries, *count);
  }
  return outcome == CLI_GO_ON ? CLI_OK : outcome;
}

static int read_and_answer(cli_session *session, job *j) {
  const int read = cli_volume_read(session, j->dose_path, &j->volume, &j->dose);
  if (read != CLI_GO_ON) {
    return read;
  }
  const pencone_status status = pencone_phantom_read(
      session->ctx, j->phantom_path != NULL ? j->phantom_path : j->dose_path, &j->phantom);
  if (status != PENCONE_OK) {
    return cli_report(session, status);
  }
  const int structures = pencone_phantom_structure_count(j->phantom);
  if (structures == 0) {
    return cli_error(session, CLI_INPUT, "%s: structures: got none, expected one or more (or --phantom P.h5)",
                     j->phantom_path != NULL ? j->phantom_path : j->dose_path);
  }
  const int room = structures > CLI_TEXTS_MAX ? structures : CLI_TEXTS_MAX;
  entry *entries = calloc((size_t)room, sizeof *entries);
  if (entries == NULL) {
    return cli_error(session, CLI_RUN, "no memory left for %d structures", room);
  }
  int count = 0;
  const int outcome = answer(session, j, entries, &count);
  for (int i = 0; i < room; ++i) {
    pencone_dvh_destroy(entries[i].dvh);
  }
  free(entries);
  return outcome;
}

static int work(cli_session *session, void *the_job) {
  job *j = the_job;
  cli_guard(session);
  const int outcome = read_and_answer(session, j);
  pencone_dose_destroy(j->dose);
  pencone_phantom_destroy(j->phantom);
  return outcome;
}

static int check_use(const job *j, const cli_common *common) {
  if (j->csv && common->json) {
    return cli_wrong_use(usage.command, "--csv and --json exclude each other");
  }
  if (cli_volume_is_let(&j->volume) &&
      (!isnan(j->isodose) || !isnan(j->geud) || j->ntcp.given || j->tcp.given)) {
    return cli_wrong_use(usage.command,
                         "--isodose, --geud, --ntcp and --tcp are figures of a dose, got --volume let");
  }
  return CLI_GO_ON;
}

int cli_dvh(int argc, char **argv) {
  cli_common common = {0};
  job j = {.isodose = NAN, .geud = NAN, .fractions = 1};
  const cli_option options[] = {
      {"structure", 's', CLI_TEXTS, "NAME", "a structure; may be given again (default: all)", &j.wanted, 0,
       0},
      CLI_OPTION_VOLUME(&j.volume),
      CLI_OPTION_BEAM(&j.volume),
      {"phantom", 'p', CLI_TEXT, "P.h5", "file with the structures (default: the dose file)", &j.phantom_path,
       0, 0},
      {"isodose", 0, CLI_NUMBER, "GY", "conformity of this isodose to each structure", &j.isodose, 0, 1e9},
      {"geud", 0, CLI_NUMBER, "A", "generalised equivalent uniform dose with this exponent", &j.geud, -1e3,
       1e3},
      {"ntcp", 0, CLI_POINT, "N,M,TD50", "complication probability (Lyman, Kutcher, Burman)", &j.ntcp, 0, 0},
      {"tcp", 0, CLI_POINT, "C,ALPHA,AB",
       "control probability (Poisson): clonogens per cm3, alpha per Gy, alpha/beta in Gy", &j.tcp, 0, 0},
      {"fractions", 0, CLI_NUMBER, "N", "fractions in which the dose is given, for --tcp (default: 1)",
       &j.fractions, 1, 1e3},
      {"csv", 0, CLI_FLAG, NULL, "print the curves (volume in per cent at each dose) for spreadsheets",
       &j.csv, 0, 0},
      {"bin", 0, CLI_NUMBER, "GY", "dose between points of a curve (default: 1/200 of the maximum)", &j.bin,
       0, 1e9},
      {"curve", 0, CLI_FLAG, NULL, "with --json: the curves too, as dose and volume_pct", &j.curve, 0, 0},
      CLI_OPTION_JSON(&common),
      {"quiet", 'q', CLI_FLAG, NULL, "print the table without its heading", &common.quiet, 0, 0},
  };
  char **operands = NULL;
  int count = 0;
  int outcome = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &operands, &count);
  outcome = outcome == CLI_GO_ON ? check_use(&j, &common) : outcome;
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  j.dose_path = operands[0];
  return cli_with_session(&common, work, &j);
}

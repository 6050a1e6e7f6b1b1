// SPDX-License-Identifier: Apache-2.0
// pencone validate: runs cases and compares them with Monte Carlo and measured doses.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "json.h"
#include "report.h"
#include "validate_plot.h"

static const cli_usage usage = {
    .command = "validate",
    .summary = "run cases and compare with their references",
    .synopsis = "CASE... [options]",
    .about =
        "A case is a folder with plan.yaml, its phantom, reference.h5 (Monte Carlo) and/or a\n"
        "table of expected doses, and criteria.yaml with the limits and the source of each.\n"
        "A folder of cases stands for all of them. Every plan is calculated; the computed\n"
        "dose is averaged over each reference voxel. The columns of the table:\n\n"
        "  points   reference voxels that gamma judges\n"
        "  ratio    computed over reference in the high region (above 50 %, flat)\n"
        "  mean     mean local difference there, per cent\n"
        "  rms      its root mean square, the reference's noise removed\n"
        "  max      largest local difference there\n"
        "  noise    root mean square of the reference's own uncertainty\n"
        "  gamma    points with gamma <= 1, per cent; the uncertainty widens the criterion\n\n"
        "docs/theory/metrics.md defines them. Exit status 1 when a case is not passed.",
    .examples =
        "  pencone validate phantoms/cases\n"
        "  pencone validate phantoms/cases/water-6mv-10x10 --plot water.png\n"
        "  pencone validate my-case --json --threads 2",
    .operands_min = 1,
    .operands_max = 10000,
};

/// Options and operands of the command.
typedef struct job {
  char **operands;
  int operand_count;
  cli_picture_request picture;
  const char *dose_folder;
  int details;
} job;

// --- telling -----------------------------------------------------------------------------------

static void put_heading(void) {
  printf("%-24s %7s %8s %7s %6s %7s %6s %8s  %-14s %6s  %s\n", "case", "points", "ratio", "mean", "rms",
         "max", "noise", "gamma", "criterion", "time", "verdict");
  printf("%-24s %7s %8s %7s %6s %7s %6s %8s  %-14s %6s\n", "", "", "", "%", "%", "%", "%", "%", "", "s");
}

static void put_row(const cli_case *c) {
  char criterion[48] = "expected doses";
  const pencone_gamma_options *g = &c->compare.gamma;
  printf("%-24s ", c->name);
  if (c->reference != NULL) {
    const pencone_compare_result *r = &c->result;
    snprintf(criterion, sizeof criterion, "%g%%/%gmm%s", g->dose_pct, g->distance_mm,
             g->local ? " local" : "");
    printf("%7zu %8.4f %+7.2f %6.2f %+7.2f %6.2f %8.3f  ", r->gamma.points, r->absolute_ratio, r->mean_pct,
           r->rms_noise_removed_pct, r->max_pct, r->sigma_pct, r->gamma.pass_rate_pct);
  } else {
    const int points = cli_case_criteria(c)->expectation_count;
    double sum = 0, largest = 0;
    for (int i = 0; i < points; ++i) {
      const double difference = c->findings[i].difference;
      sum += difference;
      largest = fabs(difference) > fabs(largest) ? difference : largest;
    }
    printf("%7d %8s %+7.2f %6s %+7.2f %6s %8s  ", points, "-", sum / points, "-", largest, "-", "-");
  }
  printf("%-14s %6.1f  %s\n", criterion, c->seconds, c->failed > 0 ? "FAIL" : "PASS");
}

static void put_bounds(char *text, size_t size, const pencone_limit *limit) {
  if (isinf(limit->min)) {
    snprintf(text, size, "<= %g", limit->max);
  } else if (isinf(limit->max)) {
    snprintf(text, size, ">= %g", limit->min);
  } else {
    snprintf(text, size, "%g .. %g", limit->min, limit->max);
  }
}

/// The limits and expectations of a case, or only those that failed.
static void put_judgements(const cli_case *c, int all) {
  const pencone_criteria_desc *d = cli_case_criteria(c);
  for (int i = 0; c->reference != NULL && i < c->limit_count; ++i) {
    char bounds[64];
    const int good = cli_case_meets(c, i);
    put_bounds(bounds, sizeof bounds, &c->limits[i]);
    if (all || !good) {
      printf("  %s  %-22s %10.4g  %-12s %s\n", good ? "PASS" : "FAIL", c->limits[i].figure,
             pencone_compare_figure(&c->result, c->limits[i].figure), bounds, c->limits[i].source);
    }
  }
  for (int i = 0; d != NULL && i < d->expectation_count; ++i) {
    const pencone_expectation *e = &d->expectations[i];
    const pencone_finding *f = &c->findings[i];
    if (all || !f->passed) {
      printf("  %s  %-22s %10.4g  %g +- %g", f->passed ? "PASS" : "FAIL", e->name, f->computed, e->expected,
             e->tolerance);
      if (e->distance_mm > 0) {
        printf(" or %g mm", e->distance_mm);
      }
      printf("  %s\n", e->source);
    }
  }
}

static void json_limits(cli_json *json, const cli_case *c) {
  cli_json_array(json, "limits");
  for (int i = 0; c->reference != NULL && i < c->limit_count; ++i) {
    cli_json_object(json, NULL);
    cli_json_text(json, "figure", c->limits[i].figure);
    cli_json_number(json, "value", pencone_compare_figure(&c->result, c->limits[i].figure), 9);
    cli_json_number(json, "min", c->limits[i].min, 9);
    cli_json_number(json, "max", c->limits[i].max, 9);
    cli_json_boolean(json, "passed", cli_case_meets(c, i));
    cli_json_text(json, "source", c->limits[i].source);
    cli_json_end(json);
  }
  cli_json_end(json);
}

static void json_expectations(cli_json *json, const cli_case *c) {
  const pencone_criteria_desc *d = cli_case_criteria(c);
  cli_json_array(json, "expectations");
  for (int i = 0; d != NULL && i < d->expectation_count; ++i) {
    cli_json_object(json, NULL);
    cli_json_text(json, "name", d->expectations[i].name);
    cli_json_numbers(json, "position_mm", d->expectations[i].xyz_mm, 3, 9);
    cli_json_number(json, "computed", c->findings[i].computed, 9);
    cli_json_number(json, "expected", d->expectations[i].expected, 9);
    cli_json_number(json, "tolerance", d->expectations[i].tolerance, 9);
    cli_json_number(json, "distance_mm", d->expectations[i].distance_mm, 9);
    cli_json_boolean(json, "passed", c->findings[i].passed);
    cli_json_text(json, "source", d->expectations[i].source);
    cli_json_end(json);
  }
  cli_json_end(json);
}

static void json_case(cli_json *json, const cli_case *c) {
  cli_json_object(json, NULL);
  cli_json_text(json, "case", c->name);
  cli_json_text(json, "folder", c->folder);
  cli_json_boolean(json, "passed", c->failed == 0);
  cli_json_number(json, "seconds", c->seconds, 6);
  if (c->reference != NULL) {
    for (int i = 0; i < pencone_compare_figure_count(); ++i) {
      const char *name = pencone_compare_figure_name(i);
      cli_json_number(json, name, pencone_compare_figure(&c->result, name), 9);
    }
    cli_json_number(json, "pass_rate_pct", c->result.gamma.pass_rate_pct, 9);
    cli_json_number(json, "dose_pct", c->compare.gamma.dose_pct, 9);
    cli_json_number(json, "distance_mm", c->compare.gamma.distance_mm, 9);
    cli_json_number(json, "threshold_pct", c->compare.gamma.threshold_pct, 9);
    cli_json_boolean(json, "local", c->compare.gamma.local);
  }
  json_limits(json, c);
  json_expectations(json, c);
  cli_json_end(json);
}

// --- the cases ---------------------------------------------------------------------------------

/// Keeps the computed dose as FOLDER/CASE.h5.
static int keep_dose(cli_session *session, const job *j, const cli_case *c) {
  char path[4096];
  if (j->dose_folder == NULL) {
    return CLI_GO_ON;
  }
  const char *slash = strrchr(c->folder, '/');
  snprintf(path, sizeof path, "%s/%s.h5", j->dose_folder, slash != NULL ? slash + 1 : c->folder);
  const pencone_status status = pencone_dose_write(session->ctx, path, c->dose, NULL);
  if (status != PENCONE_OK) {
    cli_report(session, status);
    return CLI_RUN;
  }
  return CLI_GO_ON;
}

static int run_case(cli_session *session, const job *j, const char *folder, cli_json *json) {
  cli_case c;
  int outcome = cli_case_run(session, folder, &c);
  cli_progress_clear(session);
  if (outcome == CLI_OK || outcome == CLI_FAILED) {
    if (session->common.json) {
      json_case(json, &c);
    } else {
      put_row(&c);
      put_judgements(&c, j->details);
      fflush(stdout);  // to be read while the next one runs
    }
    int kept = keep_dose(session, j, &c);
    if (kept == CLI_GO_ON && (j->picture.output != NULL || j->picture.script != NULL)) {
      kept = cli_validate_plot(session, &c, &j->picture);
    }
    outcome = kept == CLI_GO_ON ? outcome : kept;
  }
  cli_case_free(&c);
  return outcome;
}

/// A case that cannot be calculated does not keep the others from it.
static void put_unusable(const cli_session *session, const char *folder, cli_json *json) {
  if (session->common.json) {
    cli_json_object(json, NULL);
    cli_json_text(json, "case", folder);
    cli_json_boolean(json, "passed", 0);
    cli_json_boolean(json, "unusable", 1);
    cli_json_end(json);
  } else {
    printf("%-24s cannot be calculated, see the error\n", folder);
    fflush(stdout);
  }
}

/// Exit statuses in rising order of what they say about a set of cases: done, not passed, bad input, broken
/// off.
static int worse(int a, int b) {
  return a > b ? a : b;
}

static int run_cases(cli_session *session, const job *j, char **folders, int count) {
  cli_json json = {.out = stdout};
  int passed = 0, failed = 0, outcome = CLI_OK;
  if (session->common.json) {
    cli_json_object(&json, NULL);
    cli_json_array(&json, "cases");
  } else if (!session->common.quiet) {
    put_heading();
  }
  for (int i = 0; i < count && outcome != CLI_RUN; ++i) {
    const int one = run_case(session, j, folders[i], &json);
    passed += one == CLI_OK;
    failed += one != CLI_OK;
    outcome = worse(outcome, one);
    if (one == CLI_INPUT) {
      put_unusable(session, folders[i], &json);
    }
  }
  if (session->common.json) {
    cli_json_end(&json);
    cli_json_integer(&json, "passed", passed);
    cli_json_integer(&json, "failed", failed);
    cli_json_end(&json);
  } else {
    printf("%d of %d cases passed\n", passed, count);
  }
  return outcome;
}

static int find_and_run(cli_session *session, void *the_job) {
  const job *j = the_job;
  char **folders = NULL;
  int count = 0, outcome = CLI_GO_ON;
  cli_guard(session);
  for (int i = 0; i < j->operand_count && outcome == CLI_GO_ON; ++i) {
    outcome = cli_case_find(session, j->operands[i], &folders, &count);
  }
  if (outcome == CLI_GO_ON && count > 1 && (j->picture.output != NULL || j->picture.script != NULL)) {
    outcome = cli_wrong_use(usage.command, "--plot and --script draw one case, got %d", count);
  }
  outcome = outcome == CLI_GO_ON ? run_cases(session, j, folders, count) : outcome;
  cli_case_free_list(folders, count);
  return outcome;
}

int cli_validate(int argc, char **argv) {
  cli_common common = {0};
  job j = {0};
  const cli_option options[] = {
      {"plot", 'p', CLI_TEXT, "PICTURE",
       "draw computed against reference, with the difference (png, svg or pdf)", &j.picture.output, 0, 0},
      {"script", 0, CLI_TEXT, "FILE.gp", "keep the gnuplot script of the picture", &j.picture.script, 0, 0},
      {"details", 'd', CLI_FLAG, NULL,
       "print every limit and expectation with its source, not only failed ones", &j.details, 0, 0},
      {"keep", 'k', CLI_TEXT, "FOLDER", "keep each computed dose as FOLDER/CASE.h5", &j.dose_folder, 0, 0},
      CLI_OPTION_THREADS(&common),
      CLI_OPTION_MEMORY(&common),
      CLI_OPTION_JSON(&common),
      {"quiet", 'q', CLI_FLAG, NULL, "print the table without its heading", &common.quiet, 0, 0},
  };
  const int outcome = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &j.operands,
                                &j.operand_count);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  return cli_with_session(&common, find_and_run, &j);
}

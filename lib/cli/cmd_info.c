// SPDX-License-Identifier: Apache-2.0
// pencone info: what is in a file, and what the library knows (info_lists.c).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "info.h"
#include "report.h"

static const cli_usage usage = {
    .command = "info",
    .summary = "what is in a file; engines, machines, materials",
    .synopsis = "FILE | engines | machines | machine NAME | materials",
    .about =
        "Tells what a file holds: a phantom (grid in mm, density in g/cm3, CT numbers in\n"
        "HU, structures), a dose (grid, unit, largest dose, where it came from), a reference\n"
        "(for instance Monte Carlo, with its uncertainty), an influence matrix (columns,\n"
        "entries, threshold, lost dose), a plan, or a machine.\n\n"
        "Or what the library offers: 'engines' with every option, its default, its range\n"
        "and the papers behind it; 'machines' that are shipped, and one 'machine' in full,\n"
        "with its spectrum in MeV; 'materials' with density in g/cm3, composition by mass\n"
        "and mean excitation energy in eV.\n\n"
        "A file that is called like one of these words is reached as ./engines.",
    .examples =
        "  pencone info dose.h5\n"
        "  pencone info plan.yaml\n"
        "  pencone info engines\n"
        "  pencone info machine ideal-mohan-6mv --json",
    .operands_min = 1,
    .operands_max = 2,
};

// --- dose --------------------------------------------------------------------------------------

/// A provenance text on one line, or its size when it has several lines and not all is wanted.
static void put_note(const char *name, const char *text, int full) {
  size_t lines = 1;
  for (const char *c = text; *c != '\0'; ++c) {
    lines += *c == '\n' && c[1] != '\0';
  }
  if (lines == 1) {
    printf("  %-20s %.*s\n", name, (int)strcspn(text, "\n"), text);
  } else if (!full) {
    printf("  %-20s %zu lines (--full shows them)\n", name, lines);
  } else {
    printf("  %s\n", name);
    for (const char *line = text; *line != '\0';) {
      const int length = (int)strcspn(line, "\n");
      printf("    %.*s\n", length, line);
      line += length + (line[length] == '\n');
    }
  }
}

/// LET and RBE-weighted dose.
static void put_volumes(const pencone_dose *dose) {
  const pencone_grid *grid = pencone_dose_grid_of(dose);
  for (int i = 0; i < pencone_dose_volume_count(dose); ++i) {
    double at[3];
    const double maximum = cli_maximum(grid, pencone_dose_volume_values(dose, i), at);
    const char *beam = pencone_dose_volume_beam(dose, i);
    cli_line(i == 0 ? "volumes" : "", "%s%s%s: largest %.5g %s; %s", pencone_dose_volume_name(dose, i),
             beam != NULL ? " of " : "", beam != NULL ? beam : "", maximum,
             pencone_dose_volume_units(dose, i), pencone_dose_volume_quantity(dose, i));
  }
}

static void json_volumes(cli_json *json, const pencone_dose *dose) {
  const pencone_grid *grid = pencone_dose_grid_of(dose);
  cli_json_array(json, "volumes");
  for (int i = 0; i < pencone_dose_volume_count(dose); ++i) {
    double at[3];
    cli_json_object(json, NULL);
    cli_json_text(json, "name", pencone_dose_volume_name(dose, i));
    cli_json_text(json, "beam", pencone_dose_volume_beam(dose, i));
    cli_json_text(json, "units", pencone_dose_volume_units(dose, i));
    cli_json_text(json, "quantity", pencone_dose_volume_quantity(dose, i));
    cli_json_number(json, "max", cli_maximum(grid, pencone_dose_volume_values(dose, i), at), 9);
    cli_json_numbers(json, "max_position_mm", at, 3, 12);
    cli_json_end(json);
  }
  cli_json_end(json);
}

static void put_dose(const pencone_dose *dose) {
  const pencone_grid *grid = pencone_dose_grid_of(dose);
  double at[3];
  const double maximum = cli_maximum(grid, pencone_dose_values_const(dose), at);
  cli_put_grid("grid", grid);
  cli_line("quantity", "%s in %s", pencone_dose_quantity(dose), pencone_dose_units(dose));
  cli_line("normalised", "%s", pencone_dose_normalisation(dose));
  cli_line("largest", "%.5g %s at x %g, y %g, z %g mm", maximum, pencone_dose_units(dose), at[0], at[1],
           at[2]);
  for (int i = 0; i < pencone_dose_part_count(dose); ++i) {
    const double part = cli_maximum(grid, pencone_dose_part_values(dose, i), at);
    cli_line(i == 0 ? "beams" : "", "%s: largest %.5g %s at x %g, y %g, z %g mm",
             pencone_dose_part_name(dose, i), part, pencone_dose_units(dose), at[0], at[1], at[2]);
  }
  put_volumes(dose);
}

static void put_provenance(const pencone_dose *dose, int full) {
  const int count = pencone_dose_provenance_count(dose);
  puts(count > 0 ? "made by" : "made by      not said");
  for (int i = 0; i < count; ++i) {
    put_note(pencone_dose_provenance_name(dose, i), pencone_dose_provenance_text(dose, i), full);
  }
}

static void json_dose(cli_json *json, const pencone_dose *dose) {
  const pencone_grid *grid = pencone_dose_grid_of(dose);
  double at[3];
  const double maximum = cli_maximum(grid, pencone_dose_values_const(dose), at);
  cli_json_grid(json, "grid", grid);
  cli_json_text(json, "units", pencone_dose_units(dose));
  cli_json_text(json, "quantity", pencone_dose_quantity(dose));
  cli_json_text(json, "normalisation", pencone_dose_normalisation(dose));
  cli_json_number(json, "max_dose", maximum, 9);
  cli_json_numbers(json, "max_position_mm", at, 3, 12);
  cli_json_array(json, "beams");
  for (int i = 0; i < pencone_dose_part_count(dose); ++i) {
    cli_json_object(json, NULL);
    cli_json_text(json, "name", pencone_dose_part_name(dose, i));
    cli_json_number(json, "max_dose", cli_maximum(grid, pencone_dose_part_values(dose, i), at), 9);
    cli_json_numbers(json, "max_position_mm", at, 3, 12);
    cli_json_end(json);
  }
  cli_json_end(json);
  json_volumes(json, dose);
  cli_json_object(json, "provenance");
  for (int i = 0; i < pencone_dose_provenance_count(dose); ++i) {
    cli_json_text(json, pencone_dose_provenance_name(dose, i), pencone_dose_provenance_text(dose, i));
  }
  cli_json_end(json);
}

/// The phantom that a run leaves in the dose file. @param[out] phantom  NULL when there is none
static pencone_status phantom_inside(cli_session *session, const char *path, pencone_phantom **phantom) {
  const pencone_status status = pencone_phantom_read(session->ctx, path, phantom);
  return status == PENCONE_E_MISSING ? PENCONE_OK : status;
}

static void put_phantom_inside(const pencone_phantom *phantom) {
  if (phantom == NULL) {
    cli_line("phantom", "none in this file");
    return;
  }
  const pencone_phantom_desc *desc = pencone_phantom_describe(phantom);
  cli_line("phantom", "%s in this file", desc->hu != NULL ? "CT numbers" : "densities");
  for (int i = 0; i < pencone_phantom_structure_count(phantom); ++i) {
    cli_line(i == 0 ? "structures" : "", "%s", pencone_phantom_structure_name(phantom, i));
  }
}

static void json_structures(cli_json *json, const pencone_phantom *phantom) {
  cli_json_array(json, "structures");
  for (int i = 0; phantom != NULL && i < pencone_phantom_structure_count(phantom); ++i) {
    cli_json_text(json, NULL, pencone_phantom_structure_name(phantom, i));
  }
  cli_json_end(json);
}

static pencone_status tell_dose(cli_session *session, const char *path, cli_json *json, int full) {
  pencone_dose *dose = NULL;
  pencone_phantom *phantom = NULL;
  pencone_status status = pencone_dose_read(session->ctx, path, &dose);
  if (status == PENCONE_OK) {
    status = phantom_inside(session, path, &phantom);
  }
  if (status == PENCONE_OK) {
    cli_info_start(json, "dose", path);
    if (json != NULL) {
      json_dose(json, dose);
      json_structures(json, phantom);
    } else {
      put_dose(dose);
      put_phantom_inside(phantom);
      put_provenance(dose, full);
    }
    cli_info_end(json);
  }
  pencone_phantom_destroy(phantom);
  pencone_dose_destroy(dose);
  return status;
}

// --- influence matrix --------------------------------------------------------------------------

static void put_matrix(const pencone_dij_file_info *m) {
  cli_put_grid("grid", &m->grid);
  cli_line("columns", "%lld, %lld of them empty", (long long)m->columns, (long long)m->empty);
  cli_line("entries", "%lld, %.4g per column, %.3g %% of the matrix", (long long)m->entries,
           (double)m->entries / (double)m->columns,
           100 * (double)m->entries / (double)m->columns / (double)pencone_grid_voxels(&m->grid));
  cli_line("threshold", "%g of a column's largest%s", m->threshold, m->sampling ? ", sampled below" : "");
  cli_line("lost dose", "%.3g %% of all, %.3g %% of the worst column",
           m->sum > 0 ? 100 * m->lost / m->sum : 0, 100 * m->worst_lost);
}

static void json_matrix(cli_json *json, const pencone_dij_file_info *m) {
  cli_json_grid(json, "grid", &m->grid);
  cli_json_integer(json, "columns", m->columns);
  cli_json_integer(json, "columns_empty", m->empty);
  cli_json_integer(json, "entries", m->entries);
  cli_json_number(json, "threshold", m->threshold, 9);
  cli_json_boolean(json, "sampling", m->sampling);
  cli_json_number(json, "lost_pct", m->sum > 0 ? 100 * m->lost / m->sum : 0, 9);
  cli_json_number(json, "lost_worst_column_pct", 100 * m->worst_lost, 9);
}

static pencone_status tell_matrix(cli_session *session, const char *path, cli_json *json) {
  pencone_dij_file_info matrix = PENCONE_DIJ_FILE_INFO_DEFAULT;
  const pencone_status status = pencone_dij_file_describe(session->ctx, path, &matrix);
  if (status == PENCONE_OK) {
    cli_info_start(json, "matrix", path);
    if (json != NULL) {
      json_matrix(json, &matrix);
    } else {
      put_matrix(&matrix);
    }
    cli_info_end(json);
  }
  return status;
}

// --- phantom -----------------------------------------------------------------------------------

static pencone_status tell_phantom(cli_session *session, const char *path, cli_json *json, int recipe) {
  pencone_phantom *phantom = NULL;
  const pencone_status status = recipe ? pencone_phantom_build(session->ctx, path, &phantom)
                                       : pencone_phantom_read(session->ctx, path, &phantom);
  if (status == PENCONE_OK) {
    cli_info_start(json, recipe ? "recipe" : "phantom", path);
    if (json != NULL) {
      cli_json_phantom(json, phantom);
    } else {
      cli_put_phantom(phantom);
    }
    cli_info_end(json);
  }
  pencone_phantom_destroy(phantom);
  return status;
}

// --- plan --------------------------------------------------------------------------------------

static void put_plan(const pencone_plan *plan, const char *phantom) {
  const pencone_dose_grid *grid = pencone_plan_dose_grid(plan);
  char options[512];
  cli_line("name", "%s", pencone_plan_name(plan));
  cli_line("phantom", "%s", phantom != NULL ? phantom : "none");
  cli_line("engine", "%s, %s", pencone_plan_engine(plan), cli_engine_options(options, sizeof options, plan));
  cli_line("quantity", "%s", cli_quantity(pencone_plan_quantity(plan)));
  if (grid->spacing_mm[0] > 0) {
    cli_line("dose grid", "voxels of %g x %g x %g mm", grid->spacing_mm[0], grid->spacing_mm[1],
             grid->spacing_mm[2]);
  } else {
    cli_line("dose grid", "the phantom's voxels");
  }
  if (grid->has_box) {
    cli_line("", "only x %g to %g, y %g to %g, z %g to %g mm", grid->box_min_mm[0], grid->box_max_mm[0],
             grid->box_min_mm[1], grid->box_max_mm[1], grid->box_min_mm[2], grid->box_max_mm[2]);
  }
  for (int i = 0; i < pencone_plan_beam_count(plan); ++i) {
    cli_put_beam(pencone_plan_beam(plan, i));
  }
}

static void json_plan(cli_json *json, const pencone_plan *plan, const char *phantom) {
  const pencone_dose_grid *grid = pencone_plan_dose_grid(plan);
  cli_json_text(json, "plan", pencone_plan_name(plan));
  cli_json_text(json, "phantom", phantom);
  cli_json_text(json, "engine", pencone_plan_engine(plan));
  char options[512];
  cli_json_text(json, "options", cli_engine_options(options, sizeof options, plan));
  cli_json_text(json, "quantity", cli_quantity(pencone_plan_quantity(plan)));
  cli_json_object(json, "dose_grid");
  cli_json_boolean(json, "of_phantom", !(grid->spacing_mm[0] > 0));
  cli_json_numbers(json, "spacing_mm", grid->spacing_mm, grid->spacing_mm[0] > 0 ? 3 : 0, 15);
  cli_json_numbers(json, "box_min_mm", grid->box_min_mm, grid->has_box ? 3 : 0, 15);
  cli_json_numbers(json, "box_max_mm", grid->box_max_mm, grid->has_box ? 3 : 0, 15);
  cli_json_end(json);
  cli_json_array(json, "beams");
  for (int i = 0; i < pencone_plan_beam_count(plan); ++i) {
    cli_json_beam(json, pencone_plan_beam(plan, i));
  }
  cli_json_end(json);
}

static pencone_status tell_plan(cli_session *session, const char *path, cli_json *json) {
  pencone_plan *plan = NULL;
  char *phantom = NULL;
  const pencone_status status = pencone_plan_read(session->ctx, path, &plan, &phantom, NULL);
  if (status == PENCONE_OK) {
    cli_info_start(json, "plan", path);
    if (json != NULL) {
      json_plan(json, plan, phantom);
    } else {
      put_plan(plan, phantom);
    }
    cli_info_end(json);
  }
  pencone_plan_destroy(plan);
  pencone_string_free(phantom);
  return status;
}

// --- the command -------------------------------------------------------------------------------

static int tell_file(cli_session *session, const char *path, int full) {
  cli_json document = {.out = stdout};
  cli_json *json = session->common.json ? &document : NULL;
  pencone_file_kind kind = PENCONE_FILE_PHANTOM;
  pencone_status status = pencone_file_identify(session->ctx, path, &kind);
  if (status != PENCONE_OK) {
    return cli_report(session, status);
  }
  switch (kind) {
    case PENCONE_FILE_DOSE:
      status = tell_dose(session, path, json, full);
      break;
    case PENCONE_FILE_REFERENCE:
      status = cli_tell_reference(session, path, json);
      break;
    case PENCONE_FILE_PLAN:
      status = tell_plan(session, path, json);
      break;
    case PENCONE_FILE_MACHINE:
      status = cli_tell_machine(session, path, json);
      break;
    case PENCONE_FILE_DIJ:
      status = tell_matrix(session, path, json);
      break;
    case PENCONE_FILE_PHANTOM:
    case PENCONE_FILE_RECIPE:
      status = tell_phantom(session, path, json, kind == PENCONE_FILE_RECIPE);
      break;
  }
  return status == PENCONE_OK ? CLI_OK : cli_report(session, status);
}

static int tell_one_machine(cli_session *session, const char *name) {
  cli_json document = {.out = stdout};
  const pencone_status status = cli_tell_machine(session, name, session->common.json ? &document : NULL);
  return status == PENCONE_OK ? CLI_OK : cli_report(session, status);
}

/// What is asked.
typedef struct job {
  char **words;
  int count, full;
} job;

static int tell(cli_session *session, void *the_job) {
  const job *j = the_job;
  const char *topic = j->words[0];
  if (strcmp(topic, "machine") == 0) {
    return j->count == 2
               ? tell_one_machine(session, j->words[1])
               : cli_wrong_use(usage.command, "which machine? 'pencone info machines' lists the names");
  }
  if (j->count > 1) {
    return cli_wrong_use(usage.command, "'%s' is too much; expected pencone info %s", j->words[1],
                         usage.synopsis);
  }
  if (strcmp(topic, "engines") == 0) {
    return cli_tell_engines(session);
  }
  if (strcmp(topic, "machines") == 0) {
    return cli_tell_machines(session);
  }
  if (strcmp(topic, "materials") == 0) {
    return cli_tell_materials(session);
  }
  static const char *const topics[] = {"engines", "machines", "machine", "materials"};
  const char *nearest = cli_nearest(topic, topics, 4);
  if (nearest != NULL && access(topic, F_OK) != 0) {
    return cli_wrong_use(usage.command, "no file '%s'; did you mean '%s'?", topic, nearest);
  }
  return tell_file(session, topic, j->full);
}

int cli_info(int argc, char **argv) {
  cli_common common = {0};
  job j = {NULL, 0, 0};
  const cli_option options[] = {
      {"full", 0, CLI_FLAG, NULL, "print long texts, such as the plan in a dose file, in full", &j.full, 0,
       0},
      CLI_OPTION_JSON(&common),
  };
  const int outcome =
      cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &j.words, &j.count);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  return cli_with_session(&common, tell, &j);
}

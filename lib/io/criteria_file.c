// SPDX-License-Identifier: Apache-2.0
// Criteria of a case: how to compare, limits with their sources, and a table of expectations
// (docs/formats.md).
#include <math.h>
#include <pencone/io.h>
#include <string.h>

#include "file.h"
#include "num/csv.h"
#include "yaml.h"

struct pencone_criteria {
  pencone_criteria_desc desc;
  pcn_yaml *yaml;  ///< names and sources of limits point into it
  pencone_limit *limits;
  pencone_expectation *expectations;
  char *texts;  ///< names and sources of expectations
};

static const pcn_range any_number = {-1e9, 1e9};

// --- the comparison ----------------------------------------------------------------------------

static pencone_status read_compare(pcn_node map, pencone_compare_options *o) {
  static const pcn_key keys[] = {
      {"dose_pct", PCN_OPTIONAL},       {"distance_mm", PCN_OPTIONAL}, {"threshold_pct", PCN_OPTIONAL},
      {"dose_is", PCN_OPTIONAL},        {"max_sigma", PCN_OPTIONAL},   {"margin_low_mm", PCN_OPTIONAL},
      {"margin_high_mm", PCN_OPTIONAL}, {"scale", PCN_OPTIONAL},       {NULL, PCN_OPTIONAL}};
  static const char *const kinds[] = {"global", "local", NULL};
  PCN_TRY(pcn_yaml_keys(map, "compare", keys));
  const struct {
    const char *key;
    pcn_range range;
    double *target;
  } numbers[] = {{"dose_pct", {1e-3, 100}, &o->gamma.dose_pct},
                 {"distance_mm", {1e-3, 100}, &o->gamma.distance_mm},
                 {"threshold_pct", {0, 100}, &o->gamma.threshold_pct},
                 {"max_sigma", {0, 1}, &o->max_sigma},
                 {"scale", {0, 1e9}, &o->scale}};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) {
    const pcn_node node = pcn_yaml_get(map, numbers[i].key);
    if (node.node != NULL) {
      PCN_TRY(pcn_yaml_number(node, numbers[i].key, numbers[i].range, numbers[i].target));
    }
  }
  const pcn_node kind = pcn_yaml_get(map, "dose_is");
  if (kind.node != NULL) {
    PCN_TRY(pcn_yaml_word(kind, "dose_is", kinds, &o->gamma.local));
  }
  const pcn_node low = pcn_yaml_get(map, "margin_low_mm"), high = pcn_yaml_get(map, "margin_high_mm");
  if (low.node != NULL) {
    PCN_TRY(pcn_yaml_numbers(low, "margin_low_mm", any_number, 3, o->margin_low_mm));
  }
  return high.node != NULL ? pcn_yaml_numbers(high, "margin_high_mm", any_number, 3, o->margin_high_mm)
                           : PENCONE_OK;
}

// --- limits ------------------------------------------------------------------------------------

static pencone_status read_figure(pcn_node node, const char **out) {
  PCN_TRY(pcn_yaml_string(node, "figure", out));
  char known[256] = "";
  for (int i = 0; i < pencone_compare_figure_count(); ++i) {
    const char *name = pencone_compare_figure_name(i);
    if (strcmp(*out, name) == 0) {
      return PENCONE_OK;
    }
    strncat(known, i > 0 ? ", " : "", sizeof known - strlen(known) - 1);
    strncat(known, name, sizeof known - strlen(known) - 1);
  }
  return pcn_yaml_fail(node, PENCONE_E_FORMAT, "figure: got '%s', expected one of %s", *out, known);
}

static pencone_status read_limit(pcn_node map, pencone_limit *out) {
  static const pcn_key keys[] = {{"figure", PCN_REQUIRED},  {"min", PCN_OPTIONAL},    {"max", PCN_OPTIONAL},
                                 {"max_abs", PCN_OPTIONAL}, {"source", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  static const pcn_range not_negative = {0, 1e9};
  PCN_TRY(pcn_yaml_keys(map, "limit", keys));
  PCN_TRY(read_figure(pcn_yaml_get(map, "figure"), &out->figure));
  PCN_TRY(pcn_yaml_string(pcn_yaml_get(map, "source"), "source", &out->source));
  const pcn_node min = pcn_yaml_get(map, "min"), max = pcn_yaml_get(map, "max");
  const pcn_node max_abs = pcn_yaml_get(map, "max_abs");
  if ((min.node == NULL && max.node == NULL) == (max_abs.node == NULL)) {
    return pcn_yaml_fail(map, PENCONE_E_FORMAT, "limit on %s: got %s, expected min and/or max, or max_abs",
                         out->figure, max_abs.node == NULL ? "no bound" : "max_abs with min or max");
  }
  out->min = -INFINITY;
  out->max = INFINITY;
  if (max_abs.node != NULL) {
    PCN_TRY(pcn_yaml_number(max_abs, "max_abs", not_negative, &out->max));
    out->min = -out->max;
  }
  if (min.node != NULL) {
    PCN_TRY(pcn_yaml_number(min, "min", any_number, &out->min));
  }
  if (max.node != NULL) {
    PCN_TRY(pcn_yaml_number(max, "max", any_number, &out->max));
  }
  if (!(out->min <= out->max)) {
    return pcn_yaml_fail(map, PENCONE_E_RANGE, "limit on %s: got min %g above max %g, expected min <= max",
                         out->figure, out->min, out->max);
  }
  return PENCONE_OK;
}

static pencone_status read_limits(pencone_context *ctx, pcn_node list, pencone_criteria *c) {
  PCN_TRY(pcn_yaml_list(list, "limits", &c->desc.limit_count));
  c->limits = pcn_calloc(ctx, (size_t)c->desc.limit_count, sizeof *c->limits);
  if (c->limits == NULL) {
    return PENCONE_E_MEMORY;
  }
  c->desc.limits = c->limits;
  for (int i = 0; i < c->desc.limit_count; ++i) {
    PCN_TRY(read_limit(pcn_yaml_item(list, i), &c->limits[i]));
  }
  return PENCONE_OK;
}

// --- expectations ------------------------------------------------------------------------------

/// The columns of the table, in this order.
static const char *const columns[] = {"name",     "x_mm",      "y_mm",        "z_mm",
                                      "expected", "tolerance", "distance_mm", "source"};

static int read_heading(pcn_csv *csv) {
  int good = pcn_csv_row(csv);
  for (size_t i = 0; i < sizeof columns / sizeof columns[0]; ++i) {
    good = good && pcn_csv_word(csv, columns[i]);
  }
  return good;
}

/// Takes a cell that is not empty. The table's text is ours: its cells get their zero byte in place, over
/// the comma or the line end, once the row is read.
static int take_text(pcn_csv *csv, char *texts, char **out, size_t *bytes) {
  const char *text = NULL;
  if (!pcn_csv_text(csv, &text, bytes) || *bytes == 0) {
    return 0;
  }
  *out = texts + (text - texts);
  return 1;
}

static pencone_status read_rows(pencone_context *ctx, const char *path, pcn_csv *csv, pencone_criteria *c) {
  for (int i = 0; i < c->desc.expectation_count; ++i) {
    pencone_expectation *e = &c->expectations[i];
    double numbers[6];
    char *name = NULL, *source = NULL;
    size_t name_bytes = 0, source_bytes = 0;
    const int good = pcn_csv_row(csv) && take_text(csv, c->texts, &name, &name_bytes) &&
                     pcn_csv_doubles(csv, numbers, 6) && take_text(csv, c->texts, &source, &source_bytes);
    PCN_CHECK(ctx, good && csv->cell == NULL, PENCONE_E_FORMAT,
              "%s:%d: row: got other cells, expected name, six numbers and a source", path, csv->line);
    PCN_CHECK(ctx, numbers[4] >= 0 && numbers[5] >= 0, PENCONE_E_RANGE,
              "%s:%d: tolerance and distance_mm: got %g and %g, expected 0 or more", path, csv->line,
              numbers[4], numbers[5]);
    memcpy(e->xyz_mm, numbers, sizeof e->xyz_mm);
    e->expected = numbers[3];
    e->tolerance = numbers[4];
    e->distance_mm = numbers[5];
    name[name_bytes] = '\0';
    source[source_bytes] = '\0';
    e->name = name;
    e->source = source;
  }
  return PENCONE_OK;
}

static pencone_status read_table(pencone_context *ctx, const char *path, pencone_criteria *c) {
  size_t bytes = 0;
  PCN_TRY(pcn_file_read(ctx, path, &c->texts, &bytes));
  pcn_csv csv;
  pcn_csv_start(&csv, c->texts, bytes);
  PCN_CHECK(
      ctx, read_heading(&csv), PENCONE_E_FORMAT,
      "%s:%d: heading: got other columns, expected name,x_mm,y_mm,z_mm,expected,tolerance,distance_mm,source",
      path, csv.line);
  pcn_csv counting = csv;
  while (pcn_csv_row(&counting)) {
    ++c->desc.expectation_count;
  }
  PCN_CHECK(ctx, c->desc.expectation_count > 0, PENCONE_E_FORMAT, "%s: got no rows, expected one or more",
            path);
  c->expectations = pcn_calloc(ctx, (size_t)c->desc.expectation_count, sizeof *c->expectations);
  if (c->expectations == NULL) {
    return PENCONE_E_MEMORY;
  }
  c->desc.expectations = c->expectations;
  return read_rows(ctx, path, &csv, c);
}

static pencone_status read_points(pencone_context *ctx, pcn_node map, pencone_criteria *c) {
  static const pcn_key keys[] = {{"file", PCN_REQUIRED}, {"normalise", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  static const pcn_key inner[] = {{"at_mm", PCN_REQUIRED}, {"value", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  static const pcn_range positive = {1e-9, 1e9};
  const char *file = NULL;
  PCN_TRY(pcn_yaml_keys(map, "points", keys));
  const pcn_node normalise = pcn_yaml_get(map, "normalise");
  PCN_TRY(pcn_yaml_keys(normalise, "normalise", inner));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(normalise, "at_mm"), "at_mm", any_number, 3,
                           c->desc.normalisation.xyz_mm));
  PCN_TRY(pcn_yaml_number(pcn_yaml_get(normalise, "value"), "value", positive, &c->desc.normalisation.value));
  PCN_TRY(pcn_yaml_string(pcn_yaml_get(map, "file"), "file", &file));
  char *path = pcn_file_beside(ctx, pcn_yaml_file(c->yaml), file);
  if (path == NULL) {
    return PENCONE_E_MEMORY;
  }
  const pencone_status status = read_table(ctx, path, c);
  pcn_free(path);
  return status;
}

// --- the whole ---------------------------------------------------------------------------------

static pencone_status read_criteria(pencone_context *ctx, const char *path, pencone_criteria *c) {
  static const pcn_key keys[] = {{"case", PCN_REQUIRED},
                                 {"compare", PCN_OPTIONAL},
                                 {"limits", PCN_OPTIONAL},
                                 {"points", PCN_OPTIONAL},
                                 {NULL, PCN_OPTIONAL}};
  const pencone_compare_options defaults = PENCONE_COMPARE_OPTIONS_DEFAULT;
  c->desc.struct_size = sizeof c->desc;
  c->desc.compare = defaults;
  PCN_TRY(pcn_yaml_open(ctx, path, &c->yaml));
  const pcn_node root = pcn_yaml_root(c->yaml);
  PCN_TRY(pcn_yaml_keys(root, "criteria", keys));
  PCN_TRY(pcn_yaml_string(pcn_yaml_get(root, "case"), "case", &c->desc.name));
  const pcn_node compare = pcn_yaml_get(root, "compare"), limits = pcn_yaml_get(root, "limits");
  const pcn_node points = pcn_yaml_get(root, "points");
  if (limits.node == NULL && points.node == NULL) {
    return pcn_yaml_fail(root, PENCONE_E_FORMAT,
                         "criteria: got neither limits nor points, expected one or both");
  }
  if (compare.node != NULL) {
    PCN_TRY(read_compare(compare, &c->desc.compare));
  }
  if (limits.node != NULL) {
    PCN_TRY(read_limits(ctx, limits, c));
  }
  return points.node != NULL ? read_points(ctx, points, c) : PENCONE_OK;
}

pencone_status pencone_criteria_read(pencone_context *ctx, const char *path, pencone_criteria **out) {
  PCN_CHECK(ctx, path != NULL && out != NULL, PENCONE_E_ARGUMENT,
            "criteria: got path %s, place for the result %s, expected both", path ? "given" : "NULL",
            out ? "given" : "NULL");
  *out = NULL;
  pencone_criteria *c = pcn_calloc(ctx, 1, sizeof *c);
  if (c == NULL) {
    return PENCONE_E_MEMORY;
  }
  const pencone_status status = read_criteria(ctx, path, c);
  if (status != PENCONE_OK) {
    pencone_criteria_destroy(c);
    return status;
  }
  *out = c;
  return PENCONE_OK;
}

const pencone_criteria_desc *pencone_criteria_describe(const pencone_criteria *criteria) {
  return criteria != NULL ? &criteria->desc : NULL;
}

void pencone_criteria_destroy(pencone_criteria *criteria) {
  if (criteria != NULL) {
    pcn_yaml_close(criteria->yaml);
    pcn_free(criteria->limits);
    pcn_free(criteria->expectations);
    pcn_free(criteria->texts);
    pcn_free(criteria);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Dose files (docs/formats.md).
#include "dose_file.h"

#include <math.h>
#include <pencone/io.h>
#include <stdio.h>
#include <string.h>

#include "phantom_file.h"
#include "views.h"

enum { path_room = 2 * PCN_H5_NAME };

// --- writing -----------------------------------------------------------------------------------

static pencone_status write_texts(const pcn_h5 *h5, const char *path, const pencone_dose *dose) {
  PCN_TRY(pcn_h5_write_text(h5, path, "units", pencone_dose_units(dose)));
  PCN_TRY(pcn_h5_write_text(h5, path, "quantity", pencone_dose_quantity(dose)));
  return pcn_h5_write_text(h5, path, "normalisation", pencone_dose_normalisation(dose));
}

/// Volumes of the plan (beam NULL) or of a beam, in its group.
static pencone_status write_volumes(const pcn_h5 *h5, const char *group, const char *beam,
                                    const pencone_dose *dose) {
  for (int i = 0; i < pencone_dose_volume_count(dose); ++i) {
    const char *of = pencone_dose_volume_beam(dose, i);
    if (of == beam || (of != NULL && beam != NULL && strcmp(of, beam) == 0)) {
      char path[path_room + 64];
      snprintf(path, sizeof path, "%s/%.48s", group, pencone_dose_volume_name(dose, i));
      PCN_TRY(pcn_h5_write_volume(h5, path, PCN_H5_FLOAT, pencone_dose_grid_of(dose),
                                  pencone_dose_volume_values(dose, i), NULL));
      PCN_TRY(pcn_h5_write_text(h5, path, "units", pencone_dose_volume_units(dose, i)));
      PCN_TRY(pcn_h5_write_text(h5, path, "quantity", pencone_dose_volume_quantity(dose, i)));
    }
  }
  return PENCONE_OK;
}

/// A group per beam, called after it as far as HDF5 allows ('/' cannot be part of a name).
static pencone_status write_part(const pcn_h5 *h5, const pencone_dose *dose, int i) {
  char group[path_room];
  char path[path_room + 8];
  const char *name = pencone_dose_part_name(dose, i);
  snprintf(group, sizeof group, "/pencone/beams/%.200s", strcmp(name, ".") == 0 ? "_" : name);
  for (char *c = group + strlen("/pencone/beams/"); *c != '\0'; ++c) {
    *c = *c == '/' ? '_' : *c;
  }
  const size_t length = strlen(group);
  for (int again = 2; pcn_h5_exists(h5, group); ++again) {
    snprintf(group + length, sizeof group - length, "-%d", again);
  }
  PCN_TRY(pcn_h5_make_group(h5, group));
  if (strcmp(strrchr(group, '/') + 1, name) != 0) {
    PCN_TRY(pcn_h5_write_text(h5, group, "name", name));
  }
  snprintf(path, sizeof path, "%s/dose", group);
  PCN_TRY(pcn_h5_write_volume(h5, path, PCN_H5_FLOAT, pencone_dose_grid_of(dose),
                              pencone_dose_part_values(dose, i), NULL));
  PCN_TRY(write_texts(h5, path, dose));
  return write_volumes(h5, group, name, dose);
}

pencone_status pcn_provenance_write(const pcn_h5 *h5, const pencone_dose *dose) {
  PCN_TRY(pcn_h5_make_group(h5, "/pencone/provenance"));
  for (int i = 0; i < pencone_dose_provenance_count(dose); ++i) {
    PCN_TRY(pcn_h5_write_text(h5, "/pencone/provenance", pencone_dose_provenance_name(dose, i),
                              pencone_dose_provenance_text(dose, i)));
  }
  return PENCONE_OK;
}

/// Beside the dose where the grids agree, else in a group of its own with its own grid.
static pencone_status write_its_phantom(const pcn_h5 *h5, const pencone_grid *dose_grid,
                                        const pencone_phantom *phantom) {
  const pencone_grid *grid = &pencone_phantom_describe(phantom)->grid;
  if (pencone_grid_equal(grid, dose_grid)) {
    return pcn_phantom_write_into(h5, "/pencone", phantom, 1);
  }
  PCN_TRY(pcn_h5_make_group(h5, "/pencone/phantom"));
  PCN_TRY(pcn_h5_write_grid(h5, "/pencone/phantom", grid));
  return pcn_phantom_write_into(h5, "/pencone/phantom", phantom, 0);
}

/// What is known before the dose.
static pencone_status write_first(const pcn_h5 *h5, const pencone_grid *grid,
                                  const pencone_phantom *phantom) {
  PCN_TRY(pcn_head_write(h5, "pencone-dose", grid));
  PCN_TRY(pcn_h5_make_volume(h5, "/pencone/dose", PCN_H5_FLOAT, grid));
  PCN_TRY(pcn_views_begin(h5, grid, "/pencone/dose", "dose"));
  return phantom != NULL ? write_its_phantom(h5, grid, phantom) : PENCONE_OK;
}

static pencone_status write_dose(const pcn_h5 *h5, const pencone_dose *dose) {
  const int parts = pencone_dose_part_count(dose);
  PCN_TRY(pcn_h5_fill_volume(h5, "/pencone/dose", PCN_H5_FLOAT, pencone_dose_grid_of(dose),
                             pencone_dose_values_const(dose)));
  PCN_TRY(write_texts(h5, "/pencone/dose", dose));
  PCN_TRY(write_volumes(h5, "/pencone", NULL, dose));
  PCN_TRY(pcn_provenance_write(h5, dose));
  if (parts > 0) {
    PCN_TRY(pcn_h5_make_group(h5, "/pencone/beams"));
  }
  for (int i = 0; i < parts; ++i) {
    PCN_TRY(write_part(h5, dose, i));
  }
  return PENCONE_OK;
}

struct pencone_dose_writer {
  pcn_h5 h5;
  int open;
  pencone_grid grid;
  char *path;
};

pencone_status pencone_dose_writer_create(pencone_context *ctx, const char *path, const pencone_grid *grid,
                                          const pencone_phantom *phantom, pencone_dose_writer **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "dose: the place for the result is NULL");
  *out = NULL;
  PCN_CHECK(ctx, path != NULL && grid != NULL, PENCONE_E_ARGUMENT,
            "dose: got path %s, grid %s, expected both", path != NULL ? path : "NULL",
            grid != NULL ? "given" : "NULL");
  PCN_TRY(pencone_grid_check(ctx, grid));
  pencone_dose_writer *writer = pcn_calloc(ctx, 1, sizeof *writer);
  if (writer == NULL) {
    return PENCONE_E_MEMORY;
  }
  writer->grid = *grid;
  writer->path = pcn_strdup(ctx, path);
  pencone_status status =
      writer->path != NULL ? pcn_h5_create(ctx, writer->path, &writer->h5) : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    writer->open = 1;
    status = write_first(&writer->h5, grid, phantom);
    if (status == PENCONE_OK) {
      pcn_h5_sync_begin(&writer->h5);
    }
    pcn_h5_pause(&writer->h5);
  }
  if (status != PENCONE_OK) {
    pencone_dose_writer_destroy(writer);
    return status;
  }
  *out = writer;
  return PENCONE_OK;
}

pencone_status pencone_dose_writer_finish(pencone_context *ctx, pencone_dose_writer *writer,
                                          const pencone_dose *dose) {
  PCN_CHECK(ctx, writer != NULL && dose != NULL, PENCONE_E_ARGUMENT, "dose: got %s NULL, expected a %s",
            writer == NULL ? "writer" : "dose", writer == NULL ? "writer" : "dose to write");
  PCN_CHECK(ctx, writer->open, PENCONE_E_ARGUMENT, "%s: the file is finished, expected one dose per writer",
            writer->path);
  PCN_CHECK(ctx, pencone_grid_equal(&writer->grid, pencone_dose_grid_of(dose)), PENCONE_E_SHAPE,
            "%s: got a dose on another grid, expected the writer's", writer->path);
  writer->open = 0;
  pcn_h5_continue(&writer->h5, ctx);
  return pcn_h5_finish(&writer->h5, write_dose(&writer->h5, dose));
}

void pencone_dose_writer_destroy(pencone_dose_writer *writer) {
  if (writer == NULL) {
    return;
  }
  if (writer->open) {
    pcn_h5_continue(&writer->h5, NULL);
    pcn_h5_finish(&writer->h5, PENCONE_E_CANCELLED);
  }
  pcn_free(writer->path);
  pcn_free(writer);
}

pencone_status pencone_dose_write(pencone_context *ctx, const char *path, const pencone_dose *dose,
                                  const pencone_phantom *phantom) {
  PCN_CHECK(ctx, dose != NULL, PENCONE_E_ARGUMENT, "dose: got NULL, expected a dose to write");
  pcn_h5 h5;
  PCN_TRY(pcn_h5_create(ctx, path, &h5));
  pencone_status status = write_first(&h5, pencone_dose_grid_of(dose), phantom);
  if (status == PENCONE_OK) {
    status = write_dose(&h5, dose);
  }
  return pcn_h5_finish(&h5, status);
}

// --- reading -----------------------------------------------------------------------------------

static pencone_status read_values(const pcn_h5 *h5, const char *object, const pencone_grid *grid,
                                  float *values) {
  PCN_TRY(pcn_h5_read_into(h5, object, PCN_H5_FLOAT, grid, values));
  const size_t voxels = pencone_grid_voxels(grid);
  for (size_t v = 0; v < voxels; ++v) {
    if (!isfinite(values[v])) {
      const size_t nx = (size_t)grid->size[0];
      const size_t ny = (size_t)grid->size[1];
      return pcn_h5_fail(h5, PENCONE_E_RANGE, object, "voxel (%zu, %zu, %zu): got %g, expected a finite dose",
                         v % nx, v / nx % ny, v / nx / ny, (double)values[v]);
    }
  }
  return PENCONE_OK;
}

/// Texts of the dose; those that are absent stay "unspecified".
static pencone_status read_units(const pcn_h5 *h5, pencone_dose *dose) {
  static const char *const names[3] = {"units", "quantity", "normalisation"};
  char *texts[3] = {NULL, NULL, NULL};
  pencone_status status = PENCONE_OK;
  if (!pcn_h5_has(h5, "/pencone/dose", "units")) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, "/pencone/dose", "attribute units: missing, expected \"Gy\"");
  }
  for (int i = 0; i < 3 && status == PENCONE_OK; ++i) {
    if (pcn_h5_has(h5, "/pencone/dose", names[i])) {
      status = pcn_h5_read_text(h5, "/pencone/dose", names[i], &texts[i]);
    }
  }
  if (status == PENCONE_OK) {
    status = pencone_dose_set_units(h5->ctx, dose, texts[0], texts[1], texts[2]);
  }
  for (int i = 0; i < 3; ++i) {
    pcn_free(texts[i]);
  }
  return status;
}

/// One of the volumes that may stand beside a dose; none where the dataset is not there.
static pencone_status read_volume(const pcn_h5 *h5, const char *group, const char *beam, const char *name,
                                  pencone_dose *dose) {
  char path[path_room + 64];
  char *units = NULL;
  char *quantity = NULL;
  float *values = NULL;
  snprintf(path, sizeof path, "%s/%s", group, name);
  if (pcn_h5_is_absent(h5, path)) {
    return PENCONE_OK;
  }
  PCN_TRY(pcn_h5_check_volume(h5, path, PCN_H5_FLOAT, pencone_dose_grid_of(dose)));
  pencone_status status = pcn_h5_read_text(h5, path, "units", &units);
  if (status == PENCONE_OK) {
    status = pcn_h5_read_text(h5, path, "quantity", &quantity);
  }
  if (status == PENCONE_OK) {
    status = pencone_dose_add_volume(h5->ctx, dose, beam, name, units, quantity, &values);
  }
  if (status == PENCONE_OK) {
    status = read_values(h5, path, pencone_dose_grid_of(dose), values);
  }
  pcn_free(units);
  pcn_free(quantity);
  return status;
}

static pencone_status read_volumes(const pcn_h5 *h5, const char *group, const char *beam,
                                   pencone_dose *dose) {
  static const char *const names[] = {"let", "rbe_dose"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    PCN_TRY(read_volume(h5, group, beam, names[i], dose));
  }
  return PENCONE_OK;
}

/// A beam's name: the attribute where the link could not carry it.
static pencone_status read_part(const pcn_h5 *h5, const char *link, pencone_dose *dose) {
  char group[path_room];
  char path[path_room + 8];
  char *name = NULL;
  float *values = NULL;
  snprintf(group, sizeof group, "/pencone/beams/%s", link);
  snprintf(path, sizeof path, "%s/dose", group);
  if (!pcn_h5_is_group(h5, group)) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, group,
                       "got another object, expected a group with the beam's dose");
  }
  if (pcn_h5_has(h5, group, "name")) {
    PCN_TRY(pcn_h5_read_text(h5, group, "name", &name));
  }
  pencone_status status = pencone_dose_add_part(h5->ctx, dose, name != NULL ? name : link, &values);
  if (status != PENCONE_OK) {
    pcn_fail_prefix(h5->ctx, status, h5->path);
  }
  if (status == PENCONE_OK) {
    status = read_values(h5, path, pencone_dose_grid_of(dose), values);
  }
  if (status == PENCONE_OK) {
    status = read_volumes(h5, group, name != NULL ? name : link, dose);
  }
  pcn_free(name);
  return status;
}

static pencone_status read_parts(const pcn_h5 *h5, pencone_dose *dose) {
  char link[PCN_H5_NAME];
  int there = 0, more = 0;
  PCN_TRY(pcn_h5_find_group(h5, "/pencone/beams", &there));
  for (size_t i = 0; there && (more = pcn_h5_child(h5, "/pencone/beams", i, link)) > 0; ++i) {
    PCN_TRY(read_part(h5, link, dose));
  }
  return more >= 0
             ? PENCONE_OK
             : pcn_h5_fail(h5, PENCONE_E_FORMAT, "/pencone/beams", "names cannot be read, damaged file");
}

/// A note as text; whole numbers, as other programs write them, become text. Other types are left out.
static pencone_status read_note(const pcn_h5 *h5, const char *name, pencone_dose *dose) {
  char *text = NULL;
  int64_t number = 0;
  pencone_status status = pcn_h5_read_text(h5, "/pencone/provenance", name, &text);
  if (status == PENCONE_OK) {
    status = pencone_dose_set_provenance(h5->ctx, dose, name, text);
  } else if (status == PENCONE_E_FORMAT) {
    char digits[32];
    status = PENCONE_OK;
    if (pcn_h5_read_integers(h5, "/pencone/provenance", name, 1, &number) == PENCONE_OK) {
      snprintf(digits, sizeof digits, "%lld", (long long)number);
      status = pencone_dose_set_provenance(h5->ctx, dose, name, digits);
    }
  }
  pcn_free(text);
  return status;
}

pencone_status pcn_provenance_read(const pcn_h5 *h5, pencone_dose *dose) {
  char name[PCN_H5_NAME];
  int there = 0;
  PCN_TRY(pcn_h5_find_group(h5, "/pencone/provenance", &there));
  for (size_t i = 0; there && pcn_h5_attribute(h5, "/pencone/provenance", i, name); ++i) {
    PCN_TRY(read_note(h5, name, dose));
  }
  pencone_context_clear_error(h5->ctx);  // of notes that are no text
  return PENCONE_OK;
}

static pencone_status read_dose(const pcn_h5 *h5, pencone_dose **out) {
  pencone_grid grid;
  PCN_TRY(pcn_head_check(h5, "pencone-dose", NULL, NULL));
  PCN_TRY(pcn_h5_read_grid(h5, "/pencone", &grid));
  // checked before memory is taken: a size that lies costs none
  PCN_TRY(pcn_h5_check_volume(h5, "/pencone/dose", PCN_H5_FLOAT, &grid));
  PCN_TRY(pencone_dose_create(h5->ctx, &grid, out));
  PCN_TRY(read_values(h5, "/pencone/dose", &grid, pencone_dose_values(*out)));
  PCN_TRY(read_units(h5, *out));
  PCN_TRY(read_volumes(h5, "/pencone", NULL, *out));
  PCN_TRY(read_parts(h5, *out));
  return pcn_provenance_read(h5, *out);
}

pencone_status pencone_dose_read(pencone_context *ctx, const char *path, pencone_dose **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "dose: the place for the result is NULL");
  *out = NULL;
  pcn_h5 h5;
  PCN_TRY(pcn_h5_open(ctx, path, &h5));
  const pencone_status status = pcn_h5_finish(&h5, read_dose(&h5, out));
  if (status != PENCONE_OK) {
    pencone_dose_destroy(*out);
    *out = NULL;
  }
  return status;
}

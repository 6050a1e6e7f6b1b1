// SPDX-License-Identifier: Apache-2.0
// Phantom files (docs/formats.md).
#include "phantom_file.h"

#include <pencone/io.h>
#include <stdio.h>
#include <string.h>

#include "matter/phantom.h"
#include "views.h"

enum { path_room = 2 * PCN_H5_NAME, materials_max = 256 };
static const int64_t format_version = 1;
static const char frame[] = "DICOM-LPS";

// --- head --------------------------------------------------------------------------------------

/// A text attribute of /pencone that must have one of two values. @return index of the value in *which
static pencone_status expect_text(const pcn_h5 *h5, const char *attribute, const char *wanted,
                                  const char *other, int *which) {
  char *text = NULL;
  PCN_TRY(pcn_h5_read_text(h5, "/pencone", attribute, &text));
  *which = other != NULL && strcmp(text, other) == 0;
  pencone_status status = PENCONE_OK;
  if (!*which && strcmp(text, wanted) != 0) {
    status = pcn_h5_fail(h5, PENCONE_E_FORMAT, "/pencone", "attribute %s: got '%.60s', expected '%s'%s%s%s",
                         attribute, text, wanted, other != NULL ? " or '" : "", other != NULL ? other : "",
                         other != NULL ? "'" : "");
  }
  pcn_free(text);
  return status;
}

pencone_status pcn_head_check(const pcn_h5 *h5, const char *format, const char *other, int *is_other) {
  int which = 0;
  int64_t version = 0;
  int there = 0;
  PCN_TRY(pcn_h5_find_group(h5, "/pencone", &there));
  if (!there) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, "/pencone", "missing, not a file of Pencone (expected '%s')",
                       format);
  }
  PCN_TRY(expect_text(h5, "format", format, other, &which));
  if (is_other != NULL) {
    *is_other = which;
  }
  PCN_TRY(pcn_h5_read_integers(h5, "/pencone", "format_version", 1, &version));
  if (version != format_version) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, "/pencone", "attribute format_version: got %lld, expected %lld",
                       (long long)version, (long long)format_version);
  }
  return expect_text(h5, "frame", frame, NULL, &which);
}

pencone_status pcn_head_write(const pcn_h5 *h5, const char *format, const pencone_grid *grid) {
  PCN_TRY(pcn_h5_make_group(h5, "/pencone"));
  PCN_TRY(pcn_h5_write_text(h5, "/pencone", "format", format));
  PCN_TRY(pcn_h5_write_integers(h5, "/pencone", "format_version", 0, &format_version));
  PCN_TRY(pcn_h5_write_text(h5, "/pencone", "frame", frame));
  return pcn_h5_write_grid(h5, "/pencone", grid);
}

// --- writing -----------------------------------------------------------------------------------

/// What a volume is called, and what it is written from.
typedef struct volume {
  const char *name, *units;
  pcn_h5_type type;
  const void *data;
} volume;

static pencone_status write_names(const pcn_h5 *h5, const char *object, const pencone_phantom_desc *desc) {
  size_t bytes = 1;
  for (int i = 0; i < desc->material_count; ++i) {
    bytes += strlen(desc->material_names[i]) + 1;
  }
  char *names = pcn_alloc(h5->ctx, bytes, 1);
  if (names == NULL) {
    return PENCONE_E_MEMORY;
  }
  names[0] = '\0';
  size_t used = 0;
  for (int i = 0; i < desc->material_count; ++i) {
    used += (size_t)snprintf(names + used, bytes - used, "%s%s", i > 0 ? "," : "", desc->material_names[i]);
  }
  const pencone_status status = pcn_h5_write_text(h5, object, "names", names);
  pcn_free(names);
  return status;
}

/// A free path for a structure in a group: a name with '/' cannot be a link of HDF5.
static void structure_path(const pcn_h5 *h5, const char *group, const char *name, char path[path_room]) {
  char link[PCN_H5_NAME - 8];
  snprintf(link, sizeof link, "%s", strcmp(name, ".") == 0 ? "_" : name);
  for (char *c = link; *c != '\0'; ++c) {
    if (*c == '/') {
      *c = '_';
    }
  }
  snprintf(path, path_room, "%.200s/structures/%s", group, link);
  for (int again = 2; pcn_h5_exists(h5, path); ++again) {
    snprintf(path, path_room, "%.200s/structures/%s-%d", group, link, again);
  }
}

static pencone_status write_structure(const pcn_h5 *h5, const char *group, const pencone_phantom *phantom,
                                      int i, int view) {
  char path[path_room];
  const pencone_grid *grid = &pencone_phantom_describe(phantom)->grid;
  const char *name = pencone_phantom_structure_name(phantom, i);
  const char *type = pencone_phantom_structure_type(phantom, i);
  const char *colour = pencone_phantom_structure_colour(phantom, i);
  structure_path(h5, group, name, path);
  PCN_TRY(
      pcn_h5_write_volume(h5, path, PCN_H5_UINT8, grid, pencone_phantom_structure_mask(phantom, i), NULL));
  const char *link = strrchr(path, '/') + 1;
  if (strcmp(link, name) != 0) {
    PCN_TRY(pcn_h5_write_text(h5, path, "name", name));
  }
  if (type != NULL) {
    PCN_TRY(pcn_h5_write_text(h5, path, "type", type));
  }
  if (colour != NULL) {
    PCN_TRY(pcn_h5_write_text(h5, path, "colour", colour));
  }
  if (!view) {
    return PENCONE_OK;
  }
  char shown[PCN_H5_NAME + 16];
  snprintf(shown, sizeof shown, "structure %s", link);
  return pcn_views_add(h5, path, shown);
}

static pencone_status write_volumes(const pcn_h5 *h5, const char *group, const pencone_phantom_desc *desc,
                                    int view) {
  const volume volumes[] = {{"hu", "HU", PCN_H5_INT16, desc->hu},
                            {"density", "g/cm3", PCN_H5_FLOAT, desc->density},
                            {"material", NULL, PCN_H5_UINT8, desc->material}};
  for (int i = 0; i < 3; ++i) {
    const volume *v = &volumes[i];
    char path[path_room];
    if (v->data == NULL) {
      continue;
    }
    snprintf(path, sizeof path, "%s/%s", group, v->name);
    PCN_TRY(pcn_h5_write_volume(h5, path, v->type, &desc->grid, v->data, desc->stride));
    if (v->units != NULL) {
      PCN_TRY(pcn_h5_write_text(h5, path, "units", v->units));
    }
    if (v->type == PCN_H5_INT16) {
      PCN_TRY(pcn_h5_write_text(h5, path, "curve", pencone_hu_curve_name(desc->hu_curve)));
    }
    if (v->type == PCN_H5_UINT8) {
      PCN_TRY(write_names(h5, path, desc));
    }
    if (view) {
      PCN_TRY(pcn_views_add(h5, path, v->name));
    }
  }
  return PENCONE_OK;
}

static pencone_status write_structures(const pcn_h5 *h5, const char *group, const pencone_phantom *phantom,
                                       int view) {
  const int structures = pencone_phantom_structure_count(phantom);
  if (structures > 0) {
    char path[path_room];
    snprintf(path, sizeof path, "%s/structures", group);
    PCN_TRY(pcn_h5_make_group(h5, path));
  }
  for (int i = 0; i < structures; ++i) {
    PCN_TRY(write_structure(h5, group, phantom, i, view));
  }
  return PENCONE_OK;
}

pencone_status pcn_phantom_write_into(const pcn_h5 *h5, const char *group, const pencone_phantom *phantom,
                                      int view) {
  PCN_TRY(write_volumes(h5, group, pencone_phantom_describe(phantom), view));
  return write_structures(h5, group, phantom, view);
}

static pencone_status write_phantom(const pcn_h5 *h5, const pencone_phantom *phantom) {
  const pencone_phantom_desc *desc = pencone_phantom_describe(phantom);
  PCN_TRY(pcn_head_write(h5, "pencone-phantom", &desc->grid));
  PCN_TRY(write_volumes(h5, "/pencone", desc, 0));
  const char *first = desc->hu != NULL ? "hu" : "density";  // a viewer expects CT numbers where there are any
  char path[path_room];
  snprintf(path, sizeof path, "/pencone/%s", first);
  PCN_TRY(pcn_views_begin(h5, &desc->grid, path, first));
  if (desc->hu != NULL && desc->density != NULL) {
    PCN_TRY(pcn_views_add(h5, "/pencone/density", "density"));
  }
  if (desc->material != NULL) {
    PCN_TRY(pcn_views_add(h5, "/pencone/material", "material"));
  }
  return write_structures(h5, "/pencone", phantom, 1);
}

pencone_status pencone_phantom_write(pencone_context *ctx, const char *path, const pencone_phantom *phantom) {
  PCN_CHECK(ctx, phantom != NULL, PENCONE_E_ARGUMENT, "phantom: got NULL, expected a phantom to write");
  pcn_h5 h5;
  PCN_TRY(pcn_h5_create(ctx, path, &h5));
  return pcn_h5_finish(&h5, write_phantom(&h5, phantom));
}

// --- reading -----------------------------------------------------------------------------------

/// Arrays on their way into a phantom.
typedef struct parts {
  pencone_phantom_desc desc;
  void *hu, *density, *material;
  char *names;                      ///< one text, cut into words
  const char *name[materials_max];  ///< the words
} parts;

static void free_parts(parts *p) {
  pcn_free(p->hu);
  pcn_free(p->density);
  pcn_free(p->material);
  pcn_free(p->names);
}

/// Cuts "water,lung" into words without the blanks around them.
static pencone_status split_names(const pcn_h5 *h5, const char *object, parts *p) {
  char *at = p->names;
  for (int count = 0; at != NULL; ++count) {
    if (count == materials_max) {
      return pcn_h5_fail(h5, PENCONE_E_FORMAT, object, "attribute names: got more than %d names",
                         materials_max);
    }
    char *comma = strchr(at, ',');
    if (comma != NULL) {
      *comma = '\0';
    }
    at += strspn(at, " ");
    size_t length = strlen(at);
    while (length > 0 && at[length - 1] == ' ') {
      at[--length] = '\0';
    }
    p->name[count] = at;
    p->desc.material_count = count + 1;
    at = comma != NULL ? comma + 1 : NULL;
  }
  return PENCONE_OK;
}

/// A volume may leave its unit out, but not have another: 1000 kg/m3 must not become 1000 g/cm3.
static pencone_status check_units(const pcn_h5 *h5, const char *path, const char *wanted) {
  char *units = NULL;
  if (wanted == NULL || !pcn_h5_has(h5, path, "units")) {
    return PENCONE_OK;
  }
  PCN_TRY(pcn_h5_read_text(h5, path, "units", &units));
  const pencone_status status =
      strcmp(units, wanted) == 0 ? PENCONE_OK
                                 : pcn_h5_fail(h5, PENCONE_E_FORMAT, path,
                                               "attribute units: got '%.60s', expected '%s'", units, wanted);
  pcn_free(units);
  return status;
}

/// Reads a volume of a group if it is there. @param units  NULL: it has none
static pencone_status read_optional(const pcn_h5 *h5, const char *group, const char *name, const char *units,
                                    pcn_h5_type type, const pencone_grid *grid, void **out) {
  char path[path_room];
  snprintf(path, sizeof path, "%s/%s", group, name);
  if (pcn_h5_is_absent(h5, path)) {
    return PENCONE_OK;
  }
  PCN_TRY(check_units(h5, path, units));
  return pcn_h5_read_volume(h5, path, type, grid, out);
}

static pencone_status read_curve(const pcn_h5 *h5, const char *group, parts *p) {
  char path[path_room];
  char *curve = NULL;
  snprintf(path, sizeof path, "%s/hu", group);
  if (p->hu == NULL || !pcn_h5_has(h5, path, "curve")) {
    return PENCONE_OK;  // files of other programs: the default, which the provenance of a dose names
  }
  PCN_TRY(pcn_h5_read_text(h5, path, "curve", &curve));
  pencone_status status = pencone_hu_curve_find(h5->ctx, curve, &p->desc.hu_curve);
  pcn_free(curve);
  if (status != PENCONE_OK) {
    pcn_fail_prefix(h5->ctx, status, path);
    pcn_fail_prefix(h5->ctx, status, h5->path);
  }
  return status;
}

static pencone_status read_parts(const pcn_h5 *h5, const char *group, parts *p) {
  char path[path_room];
  pencone_phantom_desc *desc = &p->desc;
  PCN_TRY(pcn_h5_read_grid(h5, group, &desc->grid));
  PCN_TRY(read_optional(h5, group, "hu", "HU", PCN_H5_INT16, &desc->grid, &p->hu));
  PCN_TRY(read_optional(h5, group, "density", "g/cm3", PCN_H5_FLOAT, &desc->grid, &p->density));
  if (p->hu == NULL && p->density == NULL) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, group, "got neither hu nor density, expected at least one");
  }
  PCN_TRY(read_curve(h5, group, p));
  PCN_TRY(read_optional(h5, group, "material", NULL, PCN_H5_UINT8, &desc->grid, &p->material));
  if (p->material != NULL) {
    snprintf(path, sizeof path, "%s/material", group);
    PCN_TRY(pcn_h5_read_text(h5, path, "names", &p->names));
    PCN_TRY(split_names(h5, path, p));
  }
  return PENCONE_OK;
}

/// Makes the phantom, which takes the arrays over.
static pencone_status adopt_parts(const pcn_h5 *h5, parts *p, pencone_phantom **out) {
  p->desc.hu = p->hu;
  p->desc.density = p->density;
  p->desc.material = p->material;
  p->desc.material_names = p->material != NULL ? p->name : NULL;
  const pencone_status status = pcn_phantom_adopt(h5->ctx, &p->desc, out);
  if (status != PENCONE_OK) {
    return pcn_fail_prefix(h5->ctx, status, h5->path);
  }
  p->hu = p->density = p->material = NULL;
  return PENCONE_OK;
}

/// A text attribute that may be absent. @param[out] out  freed by pcn_free(), NULL when absent
static pencone_status optional_text(const pcn_h5 *h5, const char *object, const char *attribute, char **out) {
  *out = NULL;
  return pcn_h5_has(h5, object, attribute) ? pcn_h5_read_text(h5, object, attribute, out) : PENCONE_OK;
}

/// Texts of a structure; only what is a text counts (other programs keep colours as numbers).
typedef struct texts {
  char *name, *type, *colour;
} texts;

static pencone_status add_structure(const pcn_h5 *h5, const char *path, const char *link, const texts *t,
                                    pencone_phantom *phantom) {
  void *mask = NULL;
  const pencone_grid *grid = &pencone_phantom_describe(phantom)->grid;
  PCN_TRY(pcn_h5_read_volume(h5, path, PCN_H5_MASK, grid, &mask));
  const char *name = t->name != NULL ? t->name : link;
  pencone_status status = pcn_phantom_adopt_structure(h5->ctx, phantom, name, mask);
  if (status != PENCONE_OK) {
    pcn_free(mask);
  } else {
    const int last = pencone_phantom_structure_count(phantom) - 1;
    status = pencone_phantom_label_structure(h5->ctx, phantom, last, t->type, t->colour);
  }
  if (status != PENCONE_OK) {
    pcn_fail_prefix(h5->ctx, status, path);
    pcn_fail_prefix(h5->ctx, status, h5->path);
  }
  return status;
}

static pencone_status read_structure(const pcn_h5 *h5, const char *path, const char *link,
                                     pencone_phantom *phantom) {
  texts t = {NULL, NULL, NULL};
  pencone_status status = optional_text(h5, path, "name", &t.name);
  if (status == PENCONE_OK) {
    status = optional_text(h5, path, "type", &t.type);
  }
  if (status == PENCONE_OK) {
    status = optional_text(h5, path, "colour", &t.colour);
    status = status == PENCONE_E_FORMAT ? PENCONE_OK : status;
  }
  if (status == PENCONE_OK) {
    status = add_structure(h5, path, link, &t, phantom);
  }
  pcn_free(t.name);
  pcn_free(t.type);
  pcn_free(t.colour);
  return status;
}

static pencone_status read_structures(const pcn_h5 *h5, const char *group, pencone_phantom *phantom) {
  char folder[path_room];
  char link[PCN_H5_NAME];
  snprintf(folder, sizeof folder, "%s/structures", group);
  int there = 0, more = 0;
  PCN_TRY(pcn_h5_find_group(h5, folder, &there));
  for (size_t i = 0; there && (more = pcn_h5_child(h5, folder, i, link)) > 0; ++i) {
    char path[2 * path_room];
    snprintf(path, sizeof path, "%s/%s", folder, link);
    PCN_TRY(read_structure(h5, path, link, phantom));
  }
  return more >= 0 ? PENCONE_OK
                   : pcn_h5_fail(h5, PENCONE_E_FORMAT, folder, "names cannot be read, damaged file");
}

/// @param p  freed by the caller
static pencone_status read_phantom(const pcn_h5 *h5, parts *p, pencone_phantom **out) {
  int is_dose = 0;
  PCN_TRY(pcn_head_check(h5, "pencone-phantom", "pencone-dose", &is_dose));
  const char *group = "/pencone";
  int own_grid = 0;
  if (is_dose) {
    PCN_TRY(pcn_h5_find_group(h5, "/pencone/phantom", &own_grid));
  }
  if (own_grid) {
    group = "/pencone/phantom";
  } else if (is_dose && pcn_h5_is_absent(h5, "/pencone/hu") && pcn_h5_is_absent(h5, "/pencone/density")) {
    return pcn_h5_fail(h5, PENCONE_E_MISSING, group, "this dose was written without its phantom");
  }
  PCN_TRY(read_parts(h5, group, p));
  PCN_TRY(adopt_parts(h5, p, out));
  return read_structures(h5, group, *out);
}

pencone_status pencone_phantom_read(pencone_context *ctx, const char *path, pencone_phantom **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "phantom: the place for the result is NULL");
  *out = NULL;
  pcn_h5 h5;
  PCN_TRY(pcn_h5_open(ctx, path, &h5));
  parts p = {PENCONE_PHANTOM_DESC_DEFAULT, NULL, NULL, NULL, NULL, {NULL}};
  pencone_status status = read_phantom(&h5, &p, out);
  free_parts(&p);
  status = pcn_h5_finish(&h5, status);
  if (status != PENCONE_OK) {
    pencone_phantom_destroy(*out);
    *out = NULL;
  }
  return status;
}

// SPDX-License-Identifier: Apache-2.0
// Attributes: texts, numbers, the grid.
#include <stdio.h>
#include <string.h>

#include "h5.h"

static const size_t text_limit = (size_t)64 << 20;

/// An open attribute with its type and the number of its elements.
typedef struct attribute {
  hid_t id, type, space;
  int64_t count;
} attribute;

static void close_attribute(attribute *a) {
  H5Sclose(a->space);
  H5Tclose(a->type);
  H5Aclose(a->id);
}

/// "PATH: OBJECT attribute NAME: " before the text.
static pencone_status attribute_fail(const pcn_h5 *h5, const char *object, const char *name,
                                     const char *text) {
  return pcn_fail(h5->ctx, PENCONE_E_FORMAT, "%s: %s: attribute %s: %s", h5->path, object, name, text);
}

/// @param[out] a  closed by close_attribute(), only after success
static pencone_status open_attribute(const pcn_h5 *h5, const char *object, const char *name, attribute *a) {
  if (!pcn_h5_has(h5, object, name)) {
    return attribute_fail(h5, object, name, "missing");
  }
  a->id = H5Aopen_by_name(h5->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
  a->type = a->id >= 0 ? H5Aget_type(a->id) : -1;
  a->space = a->id >= 0 ? H5Aget_space(a->id) : -1;
  a->count = a->space >= 0 ? (int64_t)H5Sget_simple_extent_npoints(a->space) : -1;
  if (a->id < 0 || a->type < 0 || a->count < 0) {
    close_attribute(a);
    return attribute_fail(h5, object, name, "cannot be read, damaged file");
  }
  return PENCONE_OK;
}

// --- reading -----------------------------------------------------------------------------------

/// Appends text and, after the first, a comma before it. @return the new length
static size_t append(char *out, size_t used, const char *text, size_t length, int first) {
  if (!first) {
    out[used++] = ',';
  }
  memcpy(out + used, text, length);
  return used + length;
}

static pencone_status read_variable(pencone_context *ctx, const attribute *a, char **out) {
  const size_t count = (size_t)a->count;
  char **texts = pcn_calloc(ctx, count, sizeof *texts);
  if (texts == NULL) {
    return PENCONE_E_MEMORY;
  }
  const hid_t memory_type = H5Tcopy(a->type);  // character set and padding as in the file
  pencone_status status = PENCONE_E_FORMAT;
  if (memory_type >= 0 && H5Aread(a->id, memory_type, texts) >= 0) {
    size_t bytes = 1;
    for (size_t i = 0; i < count; ++i) {
      bytes += (texts[i] != NULL ? strlen(texts[i]) : 0) + 1;
    }
    size_t used = 0;
    *out = pcn_alloc(ctx, bytes, 1);
    status = *out != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
    for (size_t i = 0; i < count && *out != NULL; ++i) {
      const char *text = texts[i] != NULL ? texts[i] : "";
      used = append(*out, used, text, strlen(text), i == 0);
      (*out)[used] = '\0';
    }
    H5Dvlen_reclaim(memory_type, a->space, H5P_DEFAULT, texts);
  }
  H5Tclose(memory_type);
  pcn_free(texts);
  return status;
}

static pencone_status read_fixed(pencone_context *ctx, const attribute *a, char **out) {
  const size_t width = H5Tget_size(a->type);
  const size_t count = (size_t)a->count;
  if (width == 0 || width > text_limit / count) {
    return PENCONE_E_FORMAT;
  }
  char *raw = pcn_alloc(ctx, count, width);
  *out = raw != NULL ? pcn_alloc(ctx, count, width + 1) : NULL;
  pencone_status status = *out != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK && H5Aread(a->id, a->type, raw) < 0) {
    status = PENCONE_E_FORMAT;
    pcn_free(*out);
    *out = NULL;
  }
  size_t used = 0;
  for (size_t i = 0; i < count && status == PENCONE_OK; ++i) {
    const char *text = raw + i * width;
    size_t length = 0;
    while (length < width && text[length] != '\0') {
      length++;
    }
    while (length > 0 && H5Tget_strpad(a->type) == H5T_STR_SPACEPAD && text[length - 1] == ' ') {
      length--;
    }
    used = append(*out, used, text, length, i == 0);
  }
  if (status == PENCONE_OK) {
    (*out)[used] = '\0';  // count * (width + 1) bytes: a comma is one less than the texts, the zero fits
  }
  pcn_free(raw);
  return status;
}

pencone_status pcn_h5_read_text(const pcn_h5 *h5, const char *object, const char *name, char **out) {
  attribute a;
  *out = NULL;
  PCN_TRY(open_attribute(h5, object, name, &a));
  pencone_status status = PENCONE_E_FORMAT;
  if (H5Tget_class(a.type) != H5T_STRING || a.count < 1 || a.count > 65536) {
    status = attribute_fail(h5, object, name, "got another type or no value, expected a text");
  } else {
    status = H5Tis_variable_str(a.type) > 0 ? read_variable(h5->ctx, &a, out) : read_fixed(h5->ctx, &a, out);
    if (status == PENCONE_E_FORMAT) {
      attribute_fail(h5, object, name, "cannot be read, damaged file");
    }
  }
  close_attribute(&a);
  return status;
}

static pencone_status read_numbers(const pcn_h5 *h5, const char *object, const char *name, int count,
                                   int whole, void *out) {
  attribute a;
  char text[128];
  PCN_TRY(open_attribute(h5, object, name, &a));
  const H5T_class_t class = H5Tget_class(a.type);
  pencone_status status = PENCONE_OK;
  if (a.count != count) {
    snprintf(text, sizeof text, "got %lld values, expected %d", (long long)a.count, count);
    status = attribute_fail(h5, object, name, text);
  } else if (class != H5T_INTEGER && (whole || class != H5T_FLOAT)) {
    snprintf(text, sizeof text, "got another type, expected %s", whole ? "whole numbers" : "numbers");
    status = attribute_fail(h5, object, name, text);
  } else if (H5Aread(a.id, whole ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, out) < 0) {
    status = attribute_fail(h5, object, name, "cannot be read, damaged file");
  }
  close_attribute(&a);
  return status;
}

pencone_status pcn_h5_read_doubles(const pcn_h5 *h5, const char *object, const char *name, int count,
                                   double *out) {
  return read_numbers(h5, object, name, count, 0, out);
}

pencone_status pcn_h5_read_integers(const pcn_h5 *h5, const char *object, const char *name, int count,
                                    int64_t *out) {
  return read_numbers(h5, object, name, count, 1, out);
}

pencone_status pcn_h5_read_grid(const pcn_h5 *h5, const char *group, pencone_grid *grid) {
  PCN_TRY(pcn_h5_read_integers(h5, group, "size_xyz", 3, grid->size));
  PCN_TRY(pcn_h5_read_doubles(h5, group, "spacing_mm", 3, grid->spacing_mm));
  PCN_TRY(pcn_h5_read_doubles(h5, group, "origin_mm", 3, grid->origin_mm));
  const pencone_status status = pencone_grid_check(h5->ctx, grid);
  if (status != PENCONE_OK) {
    pcn_fail_prefix(h5->ctx, status, group);
    return pcn_fail_prefix(h5->ctx, status, h5->path);
  }
  return PENCONE_OK;
}

// --- writing -----------------------------------------------------------------------------------

/// @param count  0: a scalar
static pencone_status write_attribute(const pcn_h5 *h5, const char *object, const char *name, hid_t type,
                                      int count, const void *values) {
  const hsize_t length = (hsize_t)count;
  const hid_t space = count == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &length, NULL);
  const hid_t id =
      H5Acreate_by_name(h5->file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const int written = id >= 0 && H5Awrite(id, type, values) >= 0;
  const int closed = H5Aclose(id) >= 0;
  H5Sclose(space);
  PCN_CHECK(h5->ctx, written && closed, PENCONE_E_FILE, "%s: %s: attribute %s: cannot be written", h5->path,
            object, name);
  return PENCONE_OK;
}

pencone_status pcn_h5_write_text(const pcn_h5 *h5, const char *object, const char *name, const char *text) {
  const hid_t type = H5Tcopy(H5T_C_S1);  // variable length: a plan's text may exceed the 64 KiB of a header
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  const pencone_status status = write_attribute(h5, object, name, type, 0, &text);
  H5Tclose(type);
  return status;
}

pencone_status pcn_h5_write_ascii(const pcn_h5 *h5, const char *object, const char *name, const char *text) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, strlen(text));
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  const pencone_status status = write_attribute(h5, object, name, type, 0, text);
  H5Tclose(type);
  return status;
}

pencone_status pcn_h5_write_doubles(const pcn_h5 *h5, const char *object, const char *name, int count,
                                    const double *values) {
  return write_attribute(h5, object, name, H5T_NATIVE_DOUBLE, count, values);
}

pencone_status pcn_h5_write_integers(const pcn_h5 *h5, const char *object, const char *name, int count,
                                     const int64_t *values) {
  return write_attribute(h5, object, name, H5T_NATIVE_INT64, count, values);
}

pencone_status pcn_h5_write_grid(const pcn_h5 *h5, const char *group, const pencone_grid *grid) {
  PCN_TRY(pcn_h5_write_integers(h5, group, "size_xyz", 3, grid->size));
  PCN_TRY(pcn_h5_write_doubles(h5, group, "spacing_mm", 3, grid->spacing_mm));
  return pcn_h5_write_doubles(h5, group, "origin_mm", 3, grid->origin_mm);
}

// SPDX-License-Identifier: Apache-2.0
// What a file holds.
#include <errno.h>
#include <pencone/io.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "h5.h"
#include "yaml.h"

static pencone_status kind_of_hdf5(pencone_context *ctx, const char *path, pencone_file_kind *out) {
  static const struct {
    const char *format;
    pencone_file_kind kind;
  } formats[] = {{"pencone-phantom", PENCONE_FILE_PHANTOM},
                 {"pencone-dose", PENCONE_FILE_DOSE},
                 {"pencone-reference", PENCONE_FILE_REFERENCE},
                 {"pencone-dij", PENCONE_FILE_DIJ}};
  static const char expected[] = "expected pencone-phantom, pencone-dose, pencone-reference or pencone-dij";
  pcn_h5 h5;
  char *format = NULL;
  PCN_TRY(pcn_h5_open(ctx, path, &h5));
  pencone_status status = PENCONE_E_FORMAT;
  if (!pcn_h5_is_group(&h5, "/pencone") || !pcn_h5_has(&h5, "/pencone", "format")) {
    pcn_h5_fail(&h5, status, "/pencone", "got no group with an attribute 'format', %s", expected);
  } else if ((status = pcn_h5_read_text(&h5, "/pencone", "format", &format)) == PENCONE_OK) {
    status = PENCONE_E_FORMAT;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; ++i) {
      if (strcmp(format, formats[i].format) == 0) {
        *out = formats[i].kind;
        status = PENCONE_OK;
      }
    }
    if (status != PENCONE_OK) {
      pcn_h5_fail(&h5, status, "/pencone", "format: got '%.60s', %s", format, expected);
    }
  }
  pcn_free(format);
  return pcn_h5_finish(&h5, status);
}

static pencone_status kind_of_yaml(pencone_context *ctx, const char *path, pencone_file_kind *out) {
  static const struct {
    const char *key;  ///< that only this kind has at the top
    pencone_file_kind kind;
  } signs[] = {{"plan", PENCONE_FILE_PLAN},       {"beams", PENCONE_FILE_PLAN},
               {"machine", PENCONE_FILE_MACHINE}, {"sad_mm", PENCONE_FILE_MACHINE},
               {"phantom", PENCONE_FILE_RECIPE},  // a plan has this key too, and was found before
               {"objects", PENCONE_FILE_RECIPE}};
  pcn_yaml *yaml = NULL;
  PCN_TRY(pcn_yaml_open(ctx, path, &yaml));
  const pcn_node root = pcn_yaml_root(yaml);
  pencone_status status = PENCONE_E_FORMAT;
  for (size_t i = 0; i < sizeof signs / sizeof signs[0] && status != PENCONE_OK; ++i) {
    if (pcn_yaml_is_map(root) && pcn_yaml_get(root, signs[i].key).node != NULL) {
      *out = signs[i].kind;
      status = PENCONE_OK;
    }
  }
  if (status != PENCONE_OK) {
    pcn_yaml_fail(root, status, "got none of the keys 'plan', 'machine', 'phantom', expected one of them");
  }
  pcn_yaml_close(yaml);
  return status;
}

pencone_status pencone_file_identify(pencone_context *ctx, const char *path, pencone_file_kind *out) {
  static const unsigned char hdf5_signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};
  unsigned char head[512];
  PCN_CHECK(ctx, path != NULL && path[0] != '\0' && out != NULL, PENCONE_E_ARGUMENT,
            "file: got path %s, place for the result %s, expected both", path ? path : "NULL",
            out ? "given" : "NULL");
  FILE *file = fopen(path, "rb");
  PCN_CHECK(ctx, file != NULL, PENCONE_E_FILE, "%s: cannot be opened: %s", path, strerror(errno));
  const size_t bytes = fread(head, 1, sizeof head, file);
  const int reason = ferror(file) ? errno : 0;
  fclose(file);
  PCN_CHECK(ctx, reason == 0, PENCONE_E_FILE, "%s: cannot be read: %s", path, strerror(reason));
  PCN_CHECK(ctx, bytes > 0, PENCONE_E_FORMAT, "%s: got an empty file, expected HDF5 or YAML", path);
  if (bytes >= sizeof hdf5_signature && memcmp(head, hdf5_signature, sizeof hdf5_signature) == 0) {
    return kind_of_hdf5(ctx, path, out);
  }
  PCN_CHECK(ctx, memchr(head, 0, bytes) == NULL, PENCONE_E_FORMAT,
            "%s: got neither HDF5 nor text, expected an HDF5 or YAML file of Pencone", path);
  return kind_of_yaml(ctx, path, out);
}

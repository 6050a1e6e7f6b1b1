// SPDX-License-Identifier: Apache-2.0
// What kind of file is this.
#include <pencone/io.h>
#include <stdio.h>
#include <string.h>

#include "h5.h"
#include "yaml.h"

static pencone_status identify_h5(pcn_h5 *h5, pencone_file_kind *out) {
  static const struct {
    const char *format;
    pencone_file_kind kind;
  } formats[] = {{"pencone-phantom", PENCONE_FILE_PHANTOM},
                 {"pencone-dose", PENCONE_FILE_DOSE},
                 {"pencone-reference", PENCONE_FILE_REFERENCE},
                 {"pencone-dij", PENCONE_FILE_DIJ}};
  char *text = NULL;
  int there = 0;
  PCN_TRY(pcn_h5_find_group(h5, "/pencone", &there));
  if (!there) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, "/pencone", "missing, not a file of Pencone");
  }
  PCN_TRY(pcn_h5_read_text(h5, "/pencone", "format", &text));
  pencone_status status = PENCONE_E_FORMAT;
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; ++i) {
    if (strcmp(text, formats[i].format) == 0) {
      *out = formats[i].kind;
      status = PENCONE_OK;
    }
  }
  if (status != PENCONE_OK) {
    pcn_h5_fail(h5, status, "/pencone",
                "attribute format: got '%.60s', expected pencone-phantom, -dose, -reference or -dij", text);
  }
  pcn_free(text);
  return status;
}

static pencone_status identify_yaml(pencone_context *ctx, const char *path, pencone_file_kind *out) {
  static const struct {
    const char *key;
    pencone_file_kind kind;
  } kinds[] = {
      {"plan", PENCONE_FILE_PLAN}, {"machine", PENCONE_FILE_MACHINE}, {"recipe", PENCONE_FILE_RECIPE}};
  pcn_yaml *yaml = NULL;
  PCN_TRY(pcn_yaml_open(ctx, path, &yaml));
  const pcn_node root = pcn_yaml_root(yaml);
  pencone_status status = PENCONE_E_FORMAT;
  for (int i = 0; i < 3 && status != PENCONE_OK; ++i) {
    if (pcn_yaml_get(root, kinds[i].key).node != NULL) {
      *out = kinds[i].kind;
      status = PENCONE_OK;
    }
  }
  if (status != PENCONE_OK) {
    pcn_yaml_fail(root, status,
                  "got another content, expected HDF5, or YAML with a key plan, machine or recipe");
  }
  pcn_yaml_close(yaml);
  return status;
}

pencone_status pencone_file_identify(pencone_context *ctx, const char *path, pencone_file_kind *out) {
  static const unsigned char h5_mark[4] = {0x89, 'H', 'D', 'F'};
  unsigned char head[4] = {0};
  PCN_CHECK(ctx, path != NULL && path[0] != '\0' && out != NULL, PENCONE_E_ARGUMENT,
            "file: got NULL, expected a path and a place for the result");
  FILE *file = fopen(path, "rb");  // if this fails, the reader below says why
  const size_t got = file != NULL ? fread(head, 1, sizeof head, file) : 0;
  if (file != NULL) {
    fclose(file);
  }
  if (got < sizeof head || memcmp(head, h5_mark, sizeof head) != 0) {
    return identify_yaml(ctx, path, out);
  }
  pcn_h5 h5;
  PCN_TRY(pcn_h5_open(ctx, path, &h5));
  return pcn_h5_finish(&h5, identify_h5(&h5, out));
}

// SPDX-License-Identifier: Apache-2.0
#include "file.h"

#include <errno.h>
#include <pencone/io.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

static const size_t text_limit = (size_t)64
                                 << 20;  // far above any plan; keeps a wrong file from filling memory

/// Reads an open file to its end into a buffer that doubles.
static pencone_status read_all(pencone_context *ctx, const char *path, FILE *file, char **text,
                               size_t *bytes) {
  size_t room = 8192;
  size_t used = 0;
  char *buffer = pcn_alloc(ctx, room, 1);
  while (buffer != NULL) {
    used += fread(buffer + used, 1, room - 1 - used, file);
    if (ferror(file)) {
      const int reason = errno;
      pcn_free(buffer);
      return pcn_fail(ctx, PENCONE_E_FILE, "%s: cannot be read: %s", path, strerror(reason));
    }
    if (used < room - 1) {
      buffer[used] = '\0';
      *text = buffer;
      *bytes = used;
      return PENCONE_OK;
    }
    char *larger = NULL;
    if (room >= text_limit) {
      pcn_fail(ctx, PENCONE_E_FORMAT, "%s: got more than %zu bytes, expected a text file", path, text_limit);
    } else {
      larger = pcn_alloc(ctx, 2 * room, 1);
    }
    if (larger != NULL) {
      memcpy(larger, buffer, used);
    }
    pcn_free(buffer);
    buffer = larger;
    if (larger == NULL && room >= text_limit) {
      return PENCONE_E_FORMAT;
    }
    room *= 2;
  }
  return pcn_fail_prefix(ctx, PENCONE_E_MEMORY, path);
}

pencone_status pcn_file_read(pencone_context *ctx, const char *path, char **text, size_t *bytes) {
  *text = NULL;
  *bytes = 0;
  PCN_CHECK(ctx, path != NULL && path[0] != '\0', PENCONE_E_ARGUMENT, "file: got no name, expected a path");
  FILE *file = fopen(path, "rb");
  PCN_CHECK(ctx, file != NULL, PENCONE_E_FILE, "%s: cannot be opened: %s", path, strerror(errno));
  const pencone_status status = read_all(ctx, path, file, text, bytes);
  fclose(file);
  return status;
}

char *pcn_file_beside(pencone_context *ctx, const char *file, const char *path) {
  const char *slash = strrchr(file, '/');
  if (path[0] == '/' || slash == NULL) {
    return pcn_strdup(ctx, path);
  }
  const size_t folder = (size_t)(slash - file) + 1;
  const size_t bytes = strlen(path) + 1;
  char *joined = pcn_alloc(ctx, folder + bytes, 1);
  if (joined != NULL) {
    memcpy(joined, file, folder);
    memcpy(joined + folder, path, bytes);
  }
  return joined;
}

void pencone_string_free(char *text) {
  pcn_free(text);
}

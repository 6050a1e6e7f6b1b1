// SPDX-License-Identifier: Apache-2.0
// Writes JSON (RFC 8259) files: numbers with all their bits and a point whatever the locale.
#ifndef PCN_JSON_FILE_H
#define PCN_JSON_FILE_H

#include <pencone/context.h>
#include <stdio.h>

/// A file being written; plain value. Failures show when it is closed.
typedef struct pcn_json {
  FILE *file;
  int first;  ///< no comma before the next member
} pcn_json;

pencone_status pcn_json_open(pencone_context *ctx, const char *path, pcn_json *json);
pencone_status pcn_json_close(pencone_context *ctx, const char *path, pcn_json *json);

/// Opens an object '{' or a list '['; key is NULL at the top and in lists. Then closes it with '}' or ']'.
void pcn_json_start(pcn_json *json, const char *key, char bracket);
void pcn_json_end(pcn_json *json, char bracket);

void pcn_json_text(pcn_json *json, const char *key, const char *text);
void pcn_json_number(pcn_json *json, const char *key, double value);
void pcn_json_null(pcn_json *json, const char *key);
void pcn_json_numbers(pcn_json *json, const char *key, const double *values, int count);

#endif

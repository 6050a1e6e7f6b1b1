// SPDX-License-Identifier: Apache-2.0
// Writes JSON (RFC 8259) files.
#include "json_file.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

pencone_status pcn_json_open(pencone_context *ctx, const char *path, pcn_json *json) {
  json->first = 1;
  json->file = fopen(path, "wb");
  PCN_CHECK(ctx, json->file != NULL, PENCONE_E_FILE, "%s: cannot be written: %s", path, strerror(errno));
  return PENCONE_OK;
}

pencone_status pcn_json_close(pencone_context *ctx, const char *path, pcn_json *json) {
  fputc('\n', json->file);
  const int failed = ferror(json->file);
  PCN_CHECK(ctx, fclose(json->file) == 0 && !failed, PENCONE_E_FILE, "%s: cannot be written: %s", path,
            strerror(errno));
  return PENCONE_OK;
}

static void put_text(FILE *file, const char *text) {
  fputc('"', file);
  for (const char *c = text; *c != '\0'; ++c) {
    if ((unsigned char)*c < 0x20) {
      fprintf(file, "\\u%04x", (unsigned)*c);
    } else {
      fputs(*c == '"' || *c == '\\' ? "\\" : "", file);
      fputc(*c, file);
    }
  }
  fputc('"', file);
}

static void put_number(FILE *file, double value) {
  char text[40];
  snprintf(text, sizeof text, "%.17g", value);
  for (char *c = text; *c != '\0'; ++c) {
    *c = *c == ',' ? '.' : *c;
  }
  fputs(text, file);
}

static void start_member(pcn_json *json, const char *key) {
  fputs(json->first ? "\n" : ",\n", json->file);
  json->first = 0;
  if (key != NULL) {
    put_text(json->file, key);
    fputs(": ", json->file);
  }
}

void pcn_json_start(pcn_json *json, const char *key, char bracket) {
  start_member(json, key);
  fputc(bracket, json->file);
  json->first = 1;
}

void pcn_json_end(pcn_json *json, char bracket) {
  fputc('\n', json->file);
  fputc(bracket, json->file);
  json->first = 0;
}

void pcn_json_text(pcn_json *json, const char *key, const char *text) {
  start_member(json, key);
  put_text(json->file, text);
}

void pcn_json_number(pcn_json *json, const char *key, double value) {
  start_member(json, key);
  put_number(json->file, value);
}

void pcn_json_null(pcn_json *json, const char *key) {
  start_member(json, key);
  fputs("null", json->file);
}

void pcn_json_numbers(pcn_json *json, const char *key, const double *values, int count) {
  start_member(json, key);
  fputc('[', json->file);
  for (int i = 0; i < count; ++i) {
    fputs(i > 0 ? ", " : "", json->file);
    put_number(json->file, values[i]);
  }
  fputc(']', json->file);
}

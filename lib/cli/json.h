// SPDX-License-Identifier: Apache-2.0
// Writes JSON (RFC 8259) to a stream: correct escapes, NaN and infinities as null, always UTF-8.
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdint.h>
#include <stdio.h>

enum { CLI_JSON_DEPTH = 16 };

/// A document being written. Zero-initialise with the stream: cli_json j = {.out = stdout}.
typedef struct cli_json {
  FILE *out;
  int depth;
  char closer[CLI_JSON_DEPTH];      ///< '}' or ']' of each open level
  int members[CLI_JSON_DEPTH];      ///< members written so far
  int on_one_line[CLI_JSON_DEPTH];  ///< arrays of numbers
} cli_json;

/// Opens an object or array; key is NULL at the top and inside arrays.
void cli_json_object(cli_json *json, const char *key);
void cli_json_array(cli_json *json, const char *key);

/// Closes the innermost object or array; the outermost ends with a line feed.
void cli_json_end(cli_json *json);

/// Members. A NULL text is null. digits: significant digits (17 keeps every bit of a double).
void cli_json_text(cli_json *json, const char *key, const char *text);
void cli_json_number(cli_json *json, const char *key, double value, int digits);
void cli_json_integer(cli_json *json, const char *key, int64_t value);
void cli_json_boolean(cli_json *json, const char *key, int value);

/// An array of numbers in one call.
void cli_json_numbers(cli_json *json, const char *key, const double *values, size_t count, int digits);

#endif

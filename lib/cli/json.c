// SPDX-License-Identifier: Apache-2.0
#include "json.h"

#include <math.h>
#include <string.h>

static void indent(cli_json *json) {
  fputc('\n', json->out);
  for (int i = 0; i < json->depth; ++i) {
    fputs("  ", json->out);
  }
}

/// Number of bytes of the UTF-8 character at text, 0 when it is not one (RFC 3629: shortest form, no
/// surrogates, at most U+10FFFF).
static size_t utf8_length(const unsigned char *text) {
  const unsigned char c = text[0];
  size_t length = 0;
  if (c >= 0xC2 && c <= 0xDF) {
    length = 2;
  } else if (c >= 0xE0 && c <= 0xEF) {
    length = 3;
  } else if (c >= 0xF0 && c <= 0xF4) {
    length = 4;
  }
  for (size_t i = 1; i < length; ++i) {
    if ((text[i] & 0xC0) != 0x80) {  // also stops at the final zero
      return 0;
    }
  }
  const int too_long = (c == 0xE0 && text[1] < 0xA0) || (c == 0xF0 && text[1] < 0x90);
  const int not_a_character = (c == 0xED && text[1] > 0x9F) || (c == 0xF4 && text[1] > 0x8F);
  return length > 0 && (too_long || not_a_character) ? 0 : length;
}

static void put_escape(FILE *out, unsigned char c) {
  static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";  // pairs: the character, its letter
  for (size_t i = 0; i + 1 < sizeof named; i += 2) {
    if (c == (unsigned char)named[i]) {
      fprintf(out, "\\%c", named[i + 1]);
      return;
    }
  }
  fprintf(out, "\\u%04x", (unsigned)c);
}

static void put_text(FILE *out, const char *text) {
  fputc('"', out);
  for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; ++p) {
    if (*p >= 0x80) {
      const size_t length = utf8_length(p);
      if (length == 0) {
        fputs("\\ufffd", out);  // a byte that is no text, as file names may hold
      } else {
        fwrite(p, 1, length, out);
        p += length - 1;
      }
    } else if (*p < 0x20 || *p == '"' || *p == '\\' || *p == 0x7F) {
      put_escape(out, *p);
    } else {
      fputc(*p, out);
    }
  }
  fputc('"', out);
}

/// Comma, place and key of the next member.
static void start_member(cli_json *json, const char *key) {
  if (json->depth == 0) {
    return;
  }
  const int level = json->depth - 1;
  const int first = json->members[level]++ == 0;
  if (!first) {
    fputs(json->on_one_line[level] ? ", " : ",", json->out);
  }
  if (!json->on_one_line[level]) {
    indent(json);
  }
  if (key != NULL) {
    put_text(json->out, key);
    fputs(": ", json->out);
  }
}

static void open_level(cli_json *json, const char *key, const char *brackets, int on_one_line) {
  start_member(json, key);
  fputc(brackets[0], json->out);
  if (json->depth < CLI_JSON_DEPTH) {
    json->closer[json->depth] = brackets[1];
    json->members[json->depth] = 0;
    json->on_one_line[json->depth] = on_one_line;
    ++json->depth;
  }
}

void cli_json_object(cli_json *json, const char *key) {
  open_level(json, key, "{}", 0);
}

void cli_json_array(cli_json *json, const char *key) {
  open_level(json, key, "[]", 0);
}

void cli_json_end(cli_json *json) {
  if (json->depth == 0) {
    return;
  }
  const int level = --json->depth;
  if (!json->on_one_line[level] && json->members[level] > 0) {
    indent(json);
  }
  fputc(json->closer[level], json->out);
  if (json->depth == 0) {
    fputc('\n', json->out);
  }
}

void cli_json_text(cli_json *json, const char *key, const char *text) {
  start_member(json, key);
  if (text == NULL) {
    fputs("null", json->out);
  } else {
    put_text(json->out, text);
  }
}

void cli_json_number(cli_json *json, const char *key, double value, int digits) {
  start_member(json, key);
  if (isfinite(value)) {
    fprintf(json->out, "%.*g", digits, value + 0.0);  // + 0.0 turns -0 into 0
  } else {
    fputs("null", json->out);
  }
}

void cli_json_integer(cli_json *json, const char *key, int64_t value) {
  start_member(json, key);
  fprintf(json->out, "%lld", (long long)value);
}

void cli_json_boolean(cli_json *json, const char *key, int value) {
  start_member(json, key);
  fputs(value ? "true" : "false", json->out);
}

void cli_json_numbers(cli_json *json, const char *key, const double *values, size_t count, int digits) {
  open_level(json, key, "[]", 1);
  for (size_t i = 0; i < count; ++i) {
    cli_json_number(json, NULL, values[i], digits);
  }
  cli_json_end(json);
}

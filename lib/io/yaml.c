// SPDX-License-Identifier: Apache-2.0
#include "yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "file.h"
#include "num/text.h"

struct pcn_yaml {
  pencone_context *ctx;
  char *file, *text;
  yaml_document_t document;
  int loaded;
};

static const yaml_node_t *raw(pcn_node node) {
  return node.node;
}

/// libyaml's accessor takes a document that is not const, but changes nothing.
static pcn_node node_at(const pcn_yaml *yaml, int id) {
  const pcn_node node = {yaml, yaml_document_get_node((yaml_document_t *)&yaml->document, id)};
  return node;
}

static const pcn_node no_node = {NULL, NULL};

// --- documents ---------------------------------------------------------------------------------

/// libyaml does not count lines where it reads ahead: bytes that are no UTF-8 it names by their place in the
/// text.
static size_t line_of(const pcn_yaml *yaml, const yaml_parser_t *parser) {
  if (parser->error != YAML_READER_ERROR) {
    return parser->problem_mark.line + 1;
  }
  size_t line = 1;
  for (size_t i = 0; i < parser->problem_offset && yaml->text[i] != '\0'; ++i) {
    line += yaml->text[i] == '\n';
  }
  return line;
}

static pencone_status parser_fail(pcn_yaml *yaml, const yaml_parser_t *parser) {
  if (parser->error == YAML_MEMORY_ERROR) {
    return pcn_fail(yaml->ctx, PENCONE_E_MEMORY, "%s: no memory to parse it", yaml->file);
  }
  const size_t line = line_of(yaml, parser);
  return pcn_fail(yaml->ctx, PENCONE_E_FORMAT, "%s:%zu: not valid YAML: %s%s%s", yaml->file, line,
                  parser->problem != NULL ? parser->problem : "unknown problem",
                  parser->context != NULL ? ", " : "", parser->context != NULL ? parser->context : "");
}

/// Loads the first document and makes sure that it is the only one.
static pencone_status load(pcn_yaml *yaml, yaml_parser_t *parser) {
  if (!yaml_parser_load(parser, &yaml->document)) {
    return parser_fail(yaml, parser);
  }
  yaml->loaded = 1;
  if (yaml_document_get_root_node(&yaml->document) == NULL) {
    return pcn_fail(yaml->ctx, PENCONE_E_FORMAT, "%s: got an empty file, expected YAML", yaml->file);
  }
  yaml_document_t second;
  if (!yaml_parser_load(parser, &second)) {
    return parser_fail(yaml, parser);
  }
  const yaml_node_t *extra = yaml_document_get_root_node(&second);
  const size_t line = extra != NULL ? extra->start_mark.line + 1 : 0;
  const int several = extra != NULL;
  yaml_document_delete(&second);
  PCN_CHECK(yaml->ctx, !several, PENCONE_E_FORMAT, "%s:%zu: got a second document, expected one", yaml->file,
            line);
  return PENCONE_OK;
}

/// Parses the text that yaml owns.
static pencone_status parse(pcn_yaml *yaml, size_t bytes) {
  const char *zero = memchr(yaml->text, '\0', bytes);
  PCN_CHECK(yaml->ctx, zero == NULL, PENCONE_E_FORMAT, "%s: got a zero byte, expected a text file (UTF-8)",
            yaml->file);
  yaml_parser_t parser;
  PCN_CHECK(yaml->ctx, yaml_parser_initialize(&parser), PENCONE_E_MEMORY, "%s: no memory to parse it",
            yaml->file);
  yaml_parser_set_input_string(&parser, (const unsigned char *)yaml->text, bytes);
  const pencone_status status = load(yaml, &parser);
  yaml_parser_delete(&parser);
  return status;
}

/// @param text  taken over, also on failure
static pencone_status adopt(pencone_context *ctx, const char *name, char *text, size_t bytes,
                            pcn_yaml **out) {
  *out = NULL;
  pcn_yaml *yaml = text != NULL ? pcn_calloc(ctx, 1, sizeof *yaml) : NULL;
  if (yaml == NULL) {
    pcn_free(text);
    return PENCONE_E_MEMORY;
  }
  yaml->ctx = ctx;
  yaml->text = text;
  yaml->file = pcn_strdup(ctx, name);
  const pencone_status status = yaml->file != NULL ? parse(yaml, bytes) : PENCONE_E_MEMORY;
  if (status != PENCONE_OK) {
    pcn_yaml_close(yaml);
    return status;
  }
  *out = yaml;
  return PENCONE_OK;
}

pencone_status pcn_yaml_open(pencone_context *ctx, const char *path, pcn_yaml **out) {
  char *text = NULL;
  size_t bytes = 0;
  *out = NULL;
  PCN_TRY(pcn_file_read(ctx, path, &text, &bytes));
  return adopt(ctx, path, text, bytes, out);
}

pencone_status pcn_yaml_parse(pencone_context *ctx, const char *name, const char *text, size_t bytes,
                              pcn_yaml **out) {
  char *copy = pcn_alloc(ctx, bytes + 1, 1);
  if (copy != NULL) {
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
  }
  return adopt(ctx, name, copy, bytes, out);
}

void pcn_yaml_close(pcn_yaml *yaml) {
  if (yaml == NULL) {
    return;
  }
  if (yaml->loaded) {
    yaml_document_delete(&yaml->document);
  }
  pcn_free(yaml->file);
  pcn_free(yaml->text);
  pcn_free(yaml);
}

const char *pcn_yaml_file(const pcn_yaml *yaml) {
  return yaml->file;
}

const char *pcn_yaml_text(const pcn_yaml *yaml) {
  return yaml->text;
}

pencone_context *pcn_yaml_context(const pcn_yaml *yaml) {
  return yaml->ctx;
}

pcn_node pcn_yaml_root(const pcn_yaml *yaml) {
  return node_at(yaml, 1);  // libyaml: the root is node 1
}

int pcn_yaml_line(pcn_node node) {
  return (int)raw(node)->start_mark.line + 1;
}

// --- messages ----------------------------------------------------------------------------------

pencone_status pcn_yaml_fail(pcn_node node, pencone_status status, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return pcn_fail(node.yaml->ctx, status, "%s:%d: %s", node.yaml->file, pcn_yaml_line(node), text);
}

pencone_status pcn_yaml_at(pcn_node node, pencone_status status) {
  if (status == PENCONE_OK) {
    return status;
  }
  char text[512];
  snprintf(text, sizeof text, "%s", pencone_context_error(node.yaml->ctx));
  return pcn_yaml_fail(node, status, "%s", text);
}

/// What a node is, as a message shows it.
static void describe(pcn_node node, char *out, size_t room) {
  const yaml_node_t *n = raw(node);
  if (n->type == YAML_MAPPING_NODE) {
    snprintf(out, room, "a mapping");
  } else if (n->type == YAML_SEQUENCE_NODE) {
    snprintf(out, room, "a list of %d", (int)(n->data.sequence.items.top - n->data.sequence.items.start));
  } else if (n->data.scalar.length == 0) {
    snprintf(out, room, "nothing");
  } else {
    snprintf(out, room, "'%.60s'", (const char *)n->data.scalar.value);
  }
}

static pencone_status wrong(pcn_node node, const char *what, const char *expected) {
  char got[80];
  describe(node, got, sizeof got);
  return pcn_yaml_fail(node, PENCONE_E_FORMAT, "%s: got %s, expected %s", what, got, expected);
}

/// Edits (insert, delete, replace) between two short words; 99 for long ones.
static int distance(const char *a, const char *b) {
  enum { room = 48 };
  const size_t na = strlen(a);
  const size_t nb = strlen(b);
  if (na >= room || nb >= room) {
    return 99;
  }
  int row[room];
  for (size_t j = 0; j <= nb; ++j) {
    row[j] = (int)j;
  }
  for (size_t i = 1; i <= na; ++i) {
    int diagonal = row[0];
    row[0] = (int)i;
    for (size_t j = 1; j <= nb; ++j) {
      const int replace = diagonal + (a[i - 1] != b[j - 1]);
      const int shorter = row[j - 1] < row[j] ? row[j - 1] + 1 : row[j] + 1;
      diagonal = row[j];
      row[j] = replace < shorter ? replace : shorter;
    }
  }
  return row[nb];
}

const char *pcn_yaml_near(const char *text, const char *const *words) {
  const char *best = NULL;
  int least = strlen(text) >= 8 ? 4 : 3;  // at most 3 slips in a long word, 2 in a short one
  for (int i = 0; words[i] != NULL; ++i) {
    const int d = distance(text, words[i]);
    if (d < least && d < (int)strlen(words[i]) / 2 + 1) {
      least = d;
      best = words[i];
    }
    // a unit forgotten or added ("gantry" for "gantry_deg") is the commonest slip of all
    const size_t shorter = strlen(text) < strlen(words[i]) ? strlen(text) : strlen(words[i]);
    if (best == NULL && shorter >= 4 && strncmp(text, words[i], shorter) == 0) {
      best = words[i];
    }
  }
  return best;
}

/// Words of a list with commas between; cut where room ends.
static void join(char *out, size_t room, const char *const *words) {
  size_t used = 0;
  out[0] = '\0';
  for (int i = 0; words[i] != NULL && used < room; ++i) {
    const int n = snprintf(out + used, room - used, "%s%s", i > 0 ? ", " : "", words[i]);
    used += n > 0 ? (size_t)n : room;
  }
}

// --- mappings ----------------------------------------------------------------------------------

int pcn_yaml_is_map(pcn_node node) {
  return node.node != NULL && raw(node)->type == YAML_MAPPING_NODE;
}

int pcn_yaml_is_list(pcn_node node) {
  return node.node != NULL && raw(node)->type == YAML_SEQUENCE_NODE;
}

int pcn_yaml_pairs(pcn_node map) {
  return (int)(raw(map)->data.mapping.pairs.top - raw(map)->data.mapping.pairs.start);
}

void pcn_yaml_pair(pcn_node map, int i, pcn_node *key, pcn_node *value) {
  const yaml_node_pair_t *pair = raw(map)->data.mapping.pairs.start + i;
  *key = node_at(map.yaml, pair->key);
  *value = node_at(map.yaml, pair->value);
}

static const char *scalar(pcn_node node) {
  return raw(node)->type == YAML_SCALAR_NODE ? (const char *)raw(node)->data.scalar.value : NULL;
}

pencone_status pcn_yaml_any_keys(pcn_node node, const char *what) {
  if (!pcn_yaml_is_map(node)) {
    return wrong(node, what, "a mapping (key: value)");
  }
  const int pairs = pcn_yaml_pairs(node);
  for (int i = 0; i < pairs; ++i) {
    pcn_node key, value, earlier;
    pcn_yaml_pair(node, i, &key, &value);
    if (scalar(key) == NULL) {
      return wrong(key, what, "a word as key");
    }
    for (int j = 0; j < i; ++j) {
      pcn_yaml_pair(node, j, &earlier, &value);
      if (strcmp(scalar(earlier), scalar(key)) == 0) {
        return pcn_yaml_fail(key, PENCONE_E_FORMAT,
                             "%s: got the key '%.60s' again, expected it once (line %d)", what, scalar(key),
                             pcn_yaml_line(earlier));
      }
    }
  }
  return PENCONE_OK;
}

static pencone_status unknown_key(pcn_node key, const char *what, const pcn_key *keys) {
  const char *words[40];
  int count = 0;
  for (int i = 0; keys[i].name != NULL && count < 39; ++i) {
    if (keys[i].need != PCN_UNSUPPORTED) {
      words[count++] = keys[i].name;
    }
  }
  words[count] = NULL;
  const char *meant = pcn_yaml_near(scalar(key), words);
  if (meant != NULL) {
    return pcn_yaml_fail(key, PENCONE_E_FORMAT, "%s: got the unknown key '%.60s', expected '%s'?", what,
                         scalar(key), meant);
  }
  char all[400];
  join(all, sizeof all, words);
  return pcn_yaml_fail(key, PENCONE_E_FORMAT, "%s: got the unknown key '%.60s', expected one of %s", what,
                       scalar(key), all);
}

pencone_status pcn_yaml_keys(pcn_node node, const char *what, const pcn_key *keys) {
  PCN_TRY(pcn_yaml_any_keys(node, what));
  const int pairs = pcn_yaml_pairs(node);
  for (int i = 0; i < pairs; ++i) {
    pcn_node key, value;
    pcn_yaml_pair(node, i, &key, &value);
    int k = 0;
    while (keys[k].name != NULL && strcmp(keys[k].name, scalar(key)) != 0) {
      k++;
    }
    if (keys[k].name == NULL) {
      return unknown_key(key, what, keys);
    }
    if (keys[k].need == PCN_UNSUPPORTED) {
      return pcn_yaml_fail(key, PENCONE_E_UNSUPPORTED, "%s: '%s' is not supported yet by Pencone %s", what,
                           keys[k].name, pencone_version());
    }
  }
  for (int k = 0; keys[k].name != NULL; ++k) {
    if (keys[k].need == PCN_REQUIRED && pcn_yaml_get(node, keys[k].name).node == NULL) {
      return pcn_yaml_fail(node, PENCONE_E_FORMAT, "%s: got no '%s', expected this key", what, keys[k].name);
    }
  }
  return PENCONE_OK;
}

pcn_node pcn_yaml_get(pcn_node map, const char *key) {
  const int pairs = pcn_yaml_is_map(map) ? pcn_yaml_pairs(map) : 0;
  for (int i = 0; i < pairs; ++i) {
    pcn_node name, value;
    pcn_yaml_pair(map, i, &name, &value);
    if (scalar(name) != NULL && strcmp(scalar(name), key) == 0) {
      return value;
    }
  }
  return no_node;
}

// --- lists and values --------------------------------------------------------------------------

static int items(pcn_node list) {
  return (int)(raw(list)->data.sequence.items.top - raw(list)->data.sequence.items.start);
}

pencone_status pcn_yaml_list(pcn_node node, const char *what, int *count) {
  if (!pcn_yaml_is_list(node) || items(node) == 0) {
    return wrong(node, what, "a list of one entry or more");
  }
  *count = items(node);
  return PENCONE_OK;
}

pcn_node pcn_yaml_item(pcn_node list, int i) {
  return node_at(list.yaml, raw(list)->data.sequence.items.start[i]);
}

pencone_status pcn_yaml_string(pcn_node node, const char *what, const char **out) {
  const char *text = scalar(node);
  if (text == NULL || text[0] == '\0') {
    return wrong(node, what, "a text");
  }
  *out = text;
  return PENCONE_OK;
}

static pencone_status out_of_range(pcn_node node, const char *what, pcn_range range) {
  return pcn_yaml_fail(node, PENCONE_E_RANGE, "%s: got %.60s, expected %g to %g", what, scalar(node),
                       range.min, range.max);
}

pencone_status pcn_yaml_number(pcn_node node, const char *what, pcn_range range, double *out) {
  const char *text = scalar(node);
  double value = 0;
  if (text == NULL || !pcn_text_is_double(text, &value)) {
    return wrong(node, what, "a number");
  }
  if (!(value >= range.min && value <= range.max)) {
    return out_of_range(node, what, range);
  }
  *out = value;
  return PENCONE_OK;
}

static pencone_status list_of(pcn_node node, const char *what, int count) {
  if (!pcn_yaml_is_list(node) || items(node) != count) {
    char expected[60];
    snprintf(expected, sizeof expected, "a list of %d numbers", count);
    return wrong(node, what, expected);
  }
  return PENCONE_OK;
}

pencone_status pcn_yaml_numbers(pcn_node node, const char *what, pcn_range range, int count, double *out) {
  PCN_TRY(list_of(node, what, count));
  for (int i = 0; i < count; ++i) {
    PCN_TRY(pcn_yaml_number(pcn_yaml_item(node, i), what, range, &out[i]));
  }
  return PENCONE_OK;
}

pencone_status pcn_yaml_integers(pcn_node node, const char *what, pcn_range range, int count, int64_t *out) {
  PCN_TRY(list_of(node, what, count));
  for (int i = 0; i < count; ++i) {
    const pcn_node item = pcn_yaml_item(node, i);
    int64_t value = 0;
    if (scalar(item) == NULL || !pcn_text_is_int(scalar(item), &value)) {
      return wrong(item, what, "a whole number");
    }
    if ((double)value < range.min || (double)value > range.max) {
      return out_of_range(item, what, range);
    }
    out[i] = value;
  }
  return PENCONE_OK;
}

pencone_status pcn_yaml_word(pcn_node node, const char *what, const char *const *words, int *out) {
  const char *text = scalar(node);
  for (int i = 0; text != NULL && words[i] != NULL; ++i) {
    if (strcmp(text, words[i]) == 0) {
      *out = i;
      return PENCONE_OK;
    }
  }
  char all[300];
  join(all, sizeof all, words);
  return wrong(node, what, all);
}

// SPDX-License-Identifier: Apache-2.0
// The command line: options over getopt_long, values with their ranges, --help, hints for mistakes.
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

enum { MAX_OPTIONS = 32, FIRST_LONG = 256, HELP_OPTION = 255, TEXT_COLUMN = 26, LINE_WIDTH = 79 };

int cli_wrong_use(const char *command, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "pencone: %s%s", command, command[0] != '\0' ? ": " : "");
  vfprintf(stderr, format, args);
  fprintf(stderr, "\nTry 'pencone %s%s--help'.\n", command, command[0] != '\0' ? " " : "");
  va_end(args);
  return CLI_USAGE;
}

// --- nearest word ------------------------------------------------------------------------------

/// Edits (insert, delete, replace, swap neighbours) that turn a into b.
static int edit_distance(const char *a, const char *b) {
  enum { LONGEST = 40 };
  int d[LONGEST + 1][LONGEST + 1];
  const int n = (int)strlen(a);
  const int m = (int)strlen(b);
  if (n > LONGEST || m > LONGEST) {
    return LONGEST;
  }
  for (int i = 0; i <= n; ++i) {
    for (int j = 0; j <= m; ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
      best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best) {
        best = d[i - 2][j - 2] + 1;
      }
      d[i][j] = best;
    }
  }
  return d[n][m];
}

const char *cli_nearest(const char *word, const char *const *candidates, int count) {
  const char *nearest = NULL;
  int smallest = 1 + (int)strlen(word) / 3;  // a third of the letters may be wrong
  for (int i = 0; i < count; ++i) {
    const int distance = edit_distance(word, candidates[i]);
    if (distance <= smallest) {
      smallest = distance - 1;
      nearest = candidates[i];
    }
  }
  return nearest;
}

// --- values ------------------------------------------------------------------------------------

/// The whole text as a number. The command never calls setlocale(), so a point is always a point.
static int whole_number(const char *text, double *out) {
  char *end = NULL;
  const int looks_decimal = text[0] != '\0' && strspn(text, "0123456789+-.eE") == strlen(text);
  if (!looks_decimal) {
    return 0;  // no blanks, hex, "inf" or "nan"
  }
  *out = strtod(text, &end);
  return end != text && *end == '\0' && isfinite(*out);
}

static int read_point(const char *text, cli_point *point) {
  char copy[128];
  if (strlen(text) >= sizeof copy) {
    return 0;
  }
  strcpy(copy, text);
  char *field = copy;
  for (int axis = 0; axis < 3; ++axis) {
    char *comma = strchr(field, ',');
    if ((comma == NULL) != (axis == 2)) {
      return 0;
    }
    if (comma != NULL) {
      *comma = '\0';
    }
    if (!whole_number(field, &point->mm[axis])) {
      return 0;
    }
    field = comma != NULL ? comma + 1 : field;
  }
  point->given = 1;
  return 1;
}

static int read_bytes(const char *text, uint64_t *bytes) {
  static const char suffixes[] = "KMGT";
  char digits[32];
  const size_t length = strcspn(text, "kKmMgGtTiB");
  if (length == 0 || length >= sizeof digits) {
    return 0;
  }
  memcpy(digits, text, length);
  digits[length] = '\0';
  const char *rest = text + length;
  double factor = 1;
  double value = 0;
  if (*rest != '\0' && *rest != 'B' && *rest != 'i') {
    const char upper = (char)(*rest >= 'a' ? *rest - 'a' + 'A' : *rest);
    const char *suffix = strchr(suffixes, upper);
    factor = suffix != NULL ? pow(1024.0, (double)(suffix - suffixes + 1)) : 0;
    ++rest;
    rest += *rest == 'i' ? 1 : 0;
  }
  rest += *rest == 'B' ? 1 : 0;
  if (*rest != '\0' || !whole_number(digits, &value) || !(value * factor >= 1) || value * factor > 1e18) {
    return 0;
  }
  *bytes = (uint64_t)(value * factor);
  return 1;
}

/// A number that may be followed by its unit, a blank between them or not.
static int read_measure(const char *text, const char *unit, double *out) {
  char digits[64];
  const size_t length = strspn(text, "0123456789+-.eE");
  if (length == 0 || length >= sizeof digits) {
    return 0;
  }
  memcpy(digits, text, length);
  digits[length] = '\0';
  const char *rest = text + length + strspn(text + length, " ");
  return whole_number(digits, out) && (*rest == '\0' || strcmp(rest, unit) == 0);
}

static int add_text(cli_texts *texts, const char *text) {
  if (text[0] == '\0' || texts->count == CLI_TEXTS_MAX) {
    return 0;
  }
  texts->text[texts->count++] = text;
  return 1;
}

/// Stores a value. @return CLI_GO_ON or CLI_USAGE after a message
static int store(const char *command, const cli_option *o, const char *text) {
  double value = 0;
  switch (o->kind) {
    case CLI_FLAG:
      *(int *)o->target = 1;
      return CLI_GO_ON;
    case CLI_TEXT:
      if (text[0] == '\0') {
        return cli_wrong_use(command, "--%s: got an empty text, expected %s", o->name, o->value);
      }
      *(const char **)o->target = text;
      return CLI_GO_ON;
    case CLI_POINT:
      return read_point(text, o->target) ? CLI_GO_ON
                                         : cli_wrong_use(command,
                                                         "--%s: got '%s', expected three numbers in mm, as "
                                                         "--%s 0,-150,0",
                                                         o->name, text, o->name);
    case CLI_BYTES:
      return read_bytes(text, o->target)
                 ? CLI_GO_ON
                 : cli_wrong_use(command, "--%s: got '%s', expected a size such as 500M or 2G", o->name,
                                 text);
    case CLI_TEXTS:
      return add_text(o->target, text)
                 ? CLI_GO_ON
                 : cli_wrong_use(command, "--%s: got '%s', expected %s, %d times at most", o->name, text,
                                 o->value, CLI_TEXTS_MAX);
    case CLI_PERCENT:
    case CLI_LENGTH:
      return read_measure(text, o->kind == CLI_PERCENT ? "%" : "mm", o->target)
                 ? CLI_GO_ON
                 : cli_wrong_use(command, "--%s: got '%s', expected a number as in --%s 2%s", o->name, text,
                                 o->name, o->kind == CLI_PERCENT ? "%" : "mm");
    case CLI_COUNT:
    case CLI_NUMBER:
      break;
  }
  if (!whole_number(text, &value) || value < o->min || value > o->max ||
      (o->kind == CLI_COUNT && value != floor(value))) {
    return cli_wrong_use(command, "--%s: got '%s', expected a %snumber from %.10g to %.10g", o->name, text,
                         o->kind == CLI_COUNT ? "whole " : "", o->min, o->max);
  }
  if (o->kind == CLI_COUNT) {
    *(int *)o->target = (int)value;
  } else {
    *(double *)o->target = value;
  }
  return CLI_GO_ON;
}

// --- help --------------------------------------------------------------------------------------

/// Prints words from the given column on, breaking lines.
static void put_wrapped(const char *text, int column) {
  int at = column;
  while (*text != '\0') {
    const int word = (int)strcspn(text, " ");
    if (at > column && at + 1 + word > LINE_WIDTH) {
      printf("\n%*s", column, "");
      at = column;
    } else if (at > column) {
      putchar(' ');
      ++at;
    }
    printf("%.*s", word, text);
    at += word;
    text += word;
    text += strspn(text, " ");
  }
  putchar('\n');
}

static void put_option(char letter, const char *name, const char *value, const char *help) {
  char left[64];
  if (letter != 0) {
    snprintf(left, sizeof left, "  -%c, --%s%s%s", letter, name, value ? " " : "", value ? value : "");
  } else {
    snprintf(left, sizeof left, "      --%s%s%s", name, value ? " " : "", value ? value : "");
  }
  if ((int)strlen(left) > TEXT_COLUMN - 2) {
    printf("%s\n%*s", left, TEXT_COLUMN, "");
  } else {
    printf("%-*s", TEXT_COLUMN, left);
  }
  put_wrapped(help, TEXT_COLUMN);
}

static void put_help(const cli_usage *usage, const cli_option *options, int count) {
  printf("pencone %s: %s\n\nUsage: pencone %s %s\n\n%s\n\nOptions:\n", usage->command, usage->summary,
         usage->command, usage->synopsis, usage->about);
  for (int i = 0; i < count; ++i) {
    put_option(options[i].letter, options[i].name, options[i].value, options[i].help);
  }
  put_option('h', "help", NULL, "show this text");
  printf("\nExamples:\n%s\n", usage->examples);
}

// --- parsing -----------------------------------------------------------------------------------

/// Tables in the form getopt_long() wants; values of long options count from FIRST_LONG.
static void make_tables(const cli_option *options, int count, struct option *longs, char *shorts) {
  char *s = shorts;
  *s++ = ':';  // report a missing value apart from an unknown option
  *s++ = 'h';
  for (int i = 0; i < count; ++i) {
    const int takes_value = options[i].kind != CLI_FLAG;
    const struct option row = {options[i].name, takes_value ? required_argument : no_argument, NULL,
                               FIRST_LONG + i};
    longs[i] = row;
    if (options[i].letter != 0) {
      *s++ = options[i].letter;
      if (takes_value) {
        *s++ = ':';
      }
    }
  }
  const struct option help = {"help", no_argument, NULL, HELP_OPTION};
  const struct option end = {NULL, 0, NULL, 0};
  longs[count] = help;
  longs[count + 1] = end;
  *s = '\0';
}

static int find_option(const cli_option *options, int count, int code) {
  for (int i = 0; i < count; ++i) {
    if (code == FIRST_LONG + i || (options[i].letter != 0 && code == options[i].letter)) {
      return i;
    }
  }
  return -1;
}

static int unknown_option(const cli_usage *usage, const cli_option *options, int count, const char *word) {
  if (optopt == HELP_OPTION) {
    return cli_wrong_use(usage->command, "--help takes no value");
  }
  if (optopt >= FIRST_LONG) {
    return cli_wrong_use(usage->command, "--%s takes no value", options[optopt - FIRST_LONG].name);
  }
  if (optopt != 0) {
    return cli_wrong_use(usage->command, "unknown option '-%c'", optopt);
  }
  char name[64];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
  const char *names[MAX_OPTIONS + 1];
  for (int i = 0; i < count; ++i) {
    names[i] = options[i].name;
  }
  names[count] = "help";
  const char *nearest = cli_nearest(name, names, count + 1);
  return nearest != NULL
             ? cli_wrong_use(usage->command, "unknown option '--%s'; did you mean '--%s'?", name, nearest)
             : cli_wrong_use(usage->command, "unknown or ambiguous option '--%s'", name);
}

static int check_operands(const cli_usage *usage, int count, char **operands) {
  if (count < usage->operands_min) {
    return cli_wrong_use(usage->command, "something is missing; expected pencone %s %s", usage->command,
                         usage->synopsis);
  }
  if (count > usage->operands_max) {
    return cli_wrong_use(usage->command, "'%s' is too much; expected pencone %s %s",
                         operands[usage->operands_max], usage->command, usage->synopsis);
  }
  return CLI_GO_ON;
}

int cli_parse(const cli_usage *usage, const cli_option *options, int option_count, int argc, char **argv,
              char ***operands, int *operand_count) {
  struct option longs[MAX_OPTIONS + 2];
  char shorts[3 * MAX_OPTIONS + 4];
  if (option_count > MAX_OPTIONS) {
    return cli_wrong_use(usage->command, "more than %d options in the table", MAX_OPTIONS);
  }
  make_tables(options, option_count, longs, shorts);
  opterr = 0;
  optind = 1;
  int code = 0;
  while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
    if (code == 'h' || code == HELP_OPTION) {
      put_help(usage, options, option_count);
      return cli_finish(CLI_OK);
    }
    if (code == '?') {
      return unknown_option(usage, options, option_count, argv[optind - 1]);
    }
    const int i = find_option(options, option_count, code == ':' ? optopt : code);
    if (code == ':') {
      return cli_wrong_use(usage->command, "--%s: no value, expected --%s %s", options[i].name,
                           options[i].name, options[i].value);
    }
    const int outcome = store(usage->command, &options[i], optarg);
    if (outcome != CLI_GO_ON) {
      return outcome;
    }
  }
  *operands = argv + optind;
  *operand_count = argc - optind;
  return check_operands(usage, *operand_count, *operands);
}

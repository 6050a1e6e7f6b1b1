// SPDX-License-Identifier: Apache-2.0
// Build-time program: turns text files into one C file that implements data.h.
//   embed OUTPUT.c FOLDER NAME...
// Byte lists, not string literals: a literal of more than 4095 bytes is not portable C17.
#include <stdio.h>
#include <string.h>

enum { BYTES_PER_LINE = 24, PATH_BYTES = 4096 };

static int embed_file(FILE *out, const char *folder, const char *name, int index) {
  char path[PATH_BYTES];
  const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *in = length > 0 && length < (int)sizeof path ? fopen(path, "rb") : NULL;
  if (in == NULL) {
    fprintf(stderr, "embed: cannot open %s/%s\n", folder, name);
    return 1;
  }
  fprintf(out, "// %s\nstatic const unsigned char file_%d[] = {\n", name, index);
  unsigned long bytes = 0;
  for (int c = getc(in); c != EOF; c = getc(in)) {
    if (c == 0) {
      fprintf(stderr, "embed: %s: got a zero byte at %lu, expected text\n", path, bytes);
      fclose(in);
      return 1;
    }
    fprintf(out, "%d,%s", c, ++bytes % BYTES_PER_LINE == 0 ? "\n" : "");
  }
  fprintf(out, "0};\n\n");
  const int bad = ferror(in);
  return fclose(in) != 0 || bad;
}

static void write_lookup(FILE *out, char **names, int count) {
  fprintf(out,
          "static const struct {\n  const char *name;\n  const unsigned char *text;\n  size_t bytes;\n} "
          "files[] = {\n");
  for (int i = 0; i < count; i++) {
    fprintf(out, "  {\"%s\", file_%d, sizeof file_%d - 1},\n", names[i], i, i);
  }
  fprintf(out,
          "};\n\n"
          "int pcn_data_count(void) {\n  return %d;\n}\n\n"
          "const char *pcn_data_name(int i) {\n"
          "  return i >= 0 && i < %d ? files[i].name : NULL;\n}\n\n"
          "const char *pcn_data_find(const char *name, size_t *bytes) {\n"
          "  for (int i = 0; name != NULL && i < %d; i++) {\n"
          "    if (strcmp(files[i].name, name) == 0) {\n"
          "      if (bytes != NULL) {\n        *bytes = files[i].bytes;\n      }\n"
          "      return (const char *)files[i].text;\n    }\n  }\n  return NULL;\n}\n",
          count, count, count);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: embed OUTPUT.c FOLDER NAME...\n");
    return 2;
  }
  FILE *out = fopen(argv[1], "w");
  if (out == NULL) {
    fprintf(stderr, "embed: cannot write %s\n", argv[1]);
    return 1;
  }
  fprintf(
      out,
      "// Made by embed.c from lib/data: do not edit.\n#include \"data/data.h\"\n#include <string.h>\n\n");
  int bad = 0;
  for (int i = 3; i < argc && !bad; i++) {
    bad = embed_file(out, argv[2], argv[i], i - 3);
  }
  if (!bad) {
    write_lookup(out, argv + 3, argc - 3);
  }
  bad = ferror(out) || bad;
  return fclose(out) != 0 || bad;
}

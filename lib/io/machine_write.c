// SPDX-License-Identifier: Apache-2.0
// Writes a photon machine as a file that pencone_machine_read() takes (docs/formats.md).
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pencone/io.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "num/text.h"

// A text in double quotes: quotes and backslashes escaped, control characters as blanks.
static void put_text(FILE *file, const char *key, const char *text) {
  fprintf(file, "%s: \"", key);
  for (const char *c = text; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\') {
      fputc('\\', file);
    }
    fputc((unsigned char)*c < ' ' ? ' ' : *c, file);
  }
  fputs("\"\n", file);
}

// With a point in any locale.
static void put_digits(FILE *file, double value, int digits) {
  char text[40];
  snprintf(text, sizeof text, "%.*g", digits, value);
  for (char *c = text; *c != '\0'; c++) {
    fputc(strchr("0123456789+-e", *c) != NULL ? *c : '.', file);
  }
}

static void put_number(FILE *file, double value) {
  put_digits(file, value, 17);
}

static void put_list(FILE *file, const char *key, const double *values, int count) {
  fprintf(file, "  %s: [", key);
  for (int i = 0; i < count; i++) {
    fputs(i == 0 ? "" : (i % 5 == 0 ? ",\n    " : ", "), file);
    put_number(file, values[i]);
  }
  fputs("]\n", file);
}

// As many digits as give the value back: few where it has few.
static void put_short(FILE *file, double value) {
  char text[40];
  double back = 0;
  int digits = 6;
  do {
    snprintf(text, sizeof text, "%.*g", ++digits, value);
    for (char *c = text; *c != '\0'; c++) {
      *c = strchr("0123456789+-e", *c) != NULL ? *c : '.';
    }
  } while (digits < 17 && !(pcn_text_is_double(text, &back) && back == value));
  fputs(text, file);
}

static void put_row(FILE *file, const char *before, const double *values, int count) {
  fputs(before, file);
  for (int i = 0; i < count; i++) {
    fputs(i == 0 ? "[" : (i % 8 == 0 ? ",\n      " : ", "), file);
    put_short(file, values[i]);
  }
  fputs("]\n", file);
}

static void put_pencil(FILE *file, const pencone_pencil_terms *k) {
  fputs(
      "pencil_beam: # dose on the axis of circles, times (source to point / sad_mm)^2, per photon/cm2: the sum of\n"
      "             # depth times circle over the terms\n",
      file);
  put_row(file, "  depth_mm: ", k->depth_mm, k->depths);
  put_row(file, "  radius_mm: ", k->radius_mm, k->radii);
  fputs("  depth: # Gy cm2, one list a term\n", file);
  for (int t = 0; t < k->terms; t++) {
    put_row(file, "    - ", k->depth + t * k->depths, k->depths);
  }
  fputs("  circle: # no unit, one list a term\n", file);
  for (int t = 0; t < k->terms; t++) {
    put_row(file, "    - ", k->circle + t * k->radii, k->radii);
  }
}

static void put_extras(FILE *file, const pencone_machine_desc *d) {
  if (d->penumbra_sigma_mm > 0) {
    fputs("penumbra_sigma_mm: ", file);
    put_short(file, d->penumbra_sigma_mm);
    fputc('\n', file);
  }
  if (d->horn_points > 0) {
    fputs("horn:\n", file);
    put_row(file, "  radius_mm: ", d->horn_radius_mm, d->horn_points);
    put_row(file, "  fluence: ", d->horn, d->horn_points);
  }
  if (d->pencil != NULL) {
    put_pencil(file, d->pencil);
  }
}

static void put_machine(FILE *file, const pencone_machine_desc *d) {
  put_text(file, "machine", d->name);
  if (d->description != NULL && d->description[0] != '\0') {
    put_text(file, "description", d->description);
  }
  fputs("sad_mm: ", file);
  put_number(file, d->sad_mm);
  fputs("\nspectrum: # photons in each bin, uniform inside it\n", file);
  put_list(file, "edges_mev", d->edges_mev, d->bins + 1);
  put_list(file, "photons", d->weight, d->bins);
  put_extras(file, d);
}

static pencone_status write_to(pencone_context *ctx, const char *path, const char *part,
                               const pencone_machine_desc *desc) {
  FILE *file = fopen(part, "wx");
  PCN_CHECK(ctx, file != NULL, PENCONE_E_FILE, "%s: cannot be written: %s", path, strerror(errno));
  put_machine(file, desc);
  const int bad = ferror(file) || fflush(file) != 0 || fsync(fileno(file)) != 0;
  const int reason = errno;
  const int open = fclose(file);
  if (bad || open != 0 || rename(part, path) != 0) {
    const int late = bad ? reason : errno;
    unlink(part);
    return pcn_fail(ctx, PENCONE_E_FILE, "%s: cannot be written: %s", path, strerror(late));
  }
  return PENCONE_OK;
}

pencone_status pencone_machine_write(pencone_context *ctx, const char *path, const pencone_machine *machine) {
  const pencone_machine_desc *desc = pencone_machine_describe(machine);
  PCN_CHECK(ctx, path != NULL && path[0] != '\0', PENCONE_E_ARGUMENT, "file: got no name, expected a path");
  PCN_CHECK(ctx, desc != NULL, PENCONE_E_ARGUMENT, "machine: got NULL, expected one to write");
  PCN_CHECK(ctx, desc->modality == PENCONE_PHOTON, PENCONE_E_UNSUPPORTED,
            "%s: got a proton machine, expected one of photons", path);
  const size_t room = strlen(path) + 32;
  char *part = pcn_alloc(ctx, room, 1);
  if (part == NULL) {
    return pcn_fail_prefix(ctx, PENCONE_E_MEMORY, path);
  }
  snprintf(part, room, "%s.%ld.part", path, (long)getpid());
  const pencone_status status = write_to(ctx, path, part, desc);
  pcn_free(part);
  return status;
}

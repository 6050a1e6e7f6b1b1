// SPDX-License-Identifier: Apache-2.0
// Build-time program: compositions from the data files, with their sums, as one C file of constants.
//   make_tables OUTPUT.c attenuation.csv schneider2000.csv
// Z/A and Z^2/A are sums of w Z/A and w Z^2/A; I by Bragg additivity, ln I = sum(w Z/A ln I) / sum(w Z/A).
#include <math.h>
#include <pencone/material.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elements.h"

enum { LINE_BYTES = 1024, COLUMNS_MAX = 32 };

static const double sum_tolerance = 0.003;  // rounding of the published fractions

static const pcn_element *element_of(int z, const char *symbol) {
  for (int i = 0; i < PCN_ELEMENT_COUNT; i++) {
    if (pcn_elements[i].z == z || (symbol != NULL && strcmp(pcn_elements[i].symbol, symbol) == 0)) {
      return &pcn_elements[i];
    }
  }
  return NULL;
}

static int add_element(pencone_material *m, const pcn_element *element, double fraction) {
  if (element == NULL || m->elements >= PENCONE_ELEMENTS_MAX || !(fraction >= 0 && fraction <= 1)) {
    fprintf(stderr, "make_tables: %s: unknown element, too many elements or a bad fraction\n", m->name);
    return 0;
  }
  if (fraction > 0) {
    m->atomic_number[m->elements] = element->z;
    m->mass_fraction[m->elements++] = fraction;
  }
  return 1;
}

static int finish(pencone_material *m) {
  double sum = 0, log_i = 0;
  for (int i = 0; i < m->elements; i++) {
    sum += m->mass_fraction[i];
  }
  if (!(fabs(sum - 1) <= sum_tolerance)) {
    fprintf(stderr, "make_tables: %s: mass fractions: got a sum of %g, expected 1\n", m->name, sum);
    return 0;
  }
  for (int i = 0; i < m->elements; i++) {
    const pcn_element *e = element_of(m->atomic_number[i], NULL);
    m->mass_fraction[i] /= sum;
    const double electrons = m->mass_fraction[i] * e->z / e->a;
    m->z_over_a += electrons;
    m->z2_over_a += electrons * e->z;
    log_i += electrons * log(m->elements == 1 ? e->i_element_ev : e->i_compound_ev);
  }
  m->mean_excitation_ev = exp(log_i / m->z_over_a);
  return 1;
}

static void write_material(FILE *out, const pencone_material *m, const char *end) {
  fprintf(out, "{\"%s\", %.17g, %d, {", m->name, m->density_g_cm3, m->elements);
  for (int i = 0; i < PENCONE_ELEMENTS_MAX; i++) {
    fprintf(out, "%s%d", i > 0 ? ", " : "", m->atomic_number[i]);
  }
  fprintf(out, "},\n   {");
  for (int i = 0; i < PENCONE_ELEMENTS_MAX; i++) {
    fprintf(out, "%s%.17g", i > 0 ? ", " : "", m->mass_fraction[i]);
  }
  fprintf(out, "},\n   %.17g, %.17g, %.17g}%s\n", m->z_over_a, m->z2_over_a, m->mean_excitation_ev, end);
}

// "# medium NAME: ... density D g/cm3; mass fractions Z:W Z:W ...; ..."
static int read_medium(const char *line, pencone_material *m) {
  const char *density = strstr(line, "nominal density "), *fractions = strstr(line, "mass fractions ");
  memset(m, 0, sizeof *m);
  if (sscanf(line, "# medium %31[^:]:", m->name) != 1 || density == NULL || fractions == NULL) {
    return 0;
  }
  m->density_g_cm3 = strtod(density + strlen("nominal density "), NULL);
  const char *p = fractions + strlen("mass fractions ");
  for (char *end = NULL; *p != ';' && *p != '\0'; p = end) {
    const long z = strtol(p, &end, 10);
    if (end == p || *end != ':' || !add_element(m, element_of((int)z, NULL), strtod(end + 1, &end))) {
      return 0;
    }
  }
  return m->density_g_cm3 > 0 && finish(m);
}

static int write_media(FILE *out, FILE *in) {
  char line[LINE_BYTES];
  int total = 0, good = 1;
  fprintf(out, "const pencone_material pcn_materials[] = {\n");
  while (good && fgets(line, sizeof line, in) != NULL) {
    pencone_material m;
    if (strncmp(line, "# medium ", 9) == 0) {
      good = read_medium(line, &m);
      write_material(out, &m, ",");
      total++;
    }
  }
  fprintf(out, "};\nconst int pcn_material_total = %d;\n\n", total);
  return good && total > 0;
}

static int split(char *line, char **cell) {
  int cells = 0;
  line[strcspn(line, "\r\n")] = '\0';
  for (char *p = line; p != NULL && cells < COLUMNS_MAX;) {
    cell[cells++] = p;
    p = strchr(p, ',');
    if (p != NULL) {
      *p++ = '\0';
    }
  }
  return cells;
}

static int write_pieces(FILE *out, FILE *in) {
  char line[LINE_BYTES], *cell[COLUMNS_MAX];
  int total = 0, good = 1;
  fprintf(out, "const pcn_hu_piece pcn_schneider_pieces[] = {\n");
  while (good && fgets(line, sizeof line, in) != NULL) {
    if (strncmp(line, "density,", 8) == 0 && strncmp(line, "density,hu_from", 15) != 0) {
      good = split(line, cell) == 5;
      if (good) {
        fprintf(out, "  {%s, %s, %s, %s},\n", cell[1], cell[2], cell[3], cell[4]);
        total++;
      }
    }
  }
  fprintf(out, "};\nconst int pcn_schneider_piece_total = %d;\n\n", total);
  return good && total > 0;
}

static int read_tissue(char **cell, int cells, char **heading, int number, pencone_material *m) {
  memset(m, 0, sizeof *m);
  snprintf(m->name, sizeof m->name, "schneider2000-%02d", number);
  for (int c = 2; c < cells; c++) {
    if (!add_element(m, element_of(0, heading[c]), strtod(cell[c], NULL))) {
      return 0;
    }
  }
  return finish(m);
}

static int write_tissues(FILE *out, FILE *in) {
  char line[LINE_BYTES], first[LINE_BYTES] = "", *cell[COLUMNS_MAX], *heading[COLUMNS_MAX];
  int total = 0, good = 1, columns = 0;
  fprintf(out, "const pcn_hu_tissue pcn_schneider_tissues[] = {\n");
  while (good && fgets(line, sizeof line, in) != NULL) {
    if (strncmp(line, "tissue,hu_from", 14) == 0) {
      memcpy(first, line, sizeof first);
      columns = split(first, heading);
    } else if (strncmp(line, "tissue,", 7) == 0) {
      pencone_material m;
      good = split(line, cell) == columns && read_tissue(cell, columns, heading, ++total, &m);
      fprintf(out, "  {%s, ", cell[1]);
      write_material(out, &m, "},");
    }
  }
  fprintf(out, "};\nconst int pcn_schneider_tissue_total = %d;\n", total);
  return good && total > 0;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: make_tables OUTPUT.c attenuation.csv schneider2000.csv\n");
    return 2;
  }
  FILE *out = fopen(argv[1], "w"), *media = fopen(argv[2], "r"), *curve = fopen(argv[3], "r");
  int good = out != NULL && media != NULL && curve != NULL;
  if (good) {
    fprintf(out, "// Made by make_tables.c: do not edit.\n#include \"matter/material_tables.h\"\n\n");
    good = write_media(out, media) && write_pieces(out, curve) && fseek(curve, 0, SEEK_SET) == 0 &&
           write_tissues(out, curve) && !ferror(out) && !ferror(media) && !ferror(curve);
  }
  if (media != NULL) {
    fclose(media);
  }
  if (curve != NULL) {
    fclose(curve);
  }
  good = out != NULL && fclose(out) == 0 && good;
  if (!good) {
    fprintf(stderr, "make_tables: failed: %s or %s cannot be read or is not as expected\n", argv[2], argv[3]);
  }
  return !good;
}

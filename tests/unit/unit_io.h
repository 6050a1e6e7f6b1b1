// SPDX-License-Identifier: Apache-2.0
// For tests of files: a folder of their own, small phantoms and doses, files compared.
#ifndef UNIT_IO_H
#define UNIT_IO_H

#include <dirent.h>
#include <pencone/io.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base.h"
#include "unit.h"

enum { UNIT_PATH = 256 };

/// State of a test: a context and an empty folder.
typedef struct unit_files {
  pencone_context *ctx;
  char folder[UNIT_PATH];
} unit_files;

static inline int unit_files_setup(void **state) {
  unit_files *files = calloc(1, sizeof *files);
  if (files == NULL || pencone_context_create(&files->ctx) != PENCONE_OK) {
    return 1;
  }
  snprintf(files->folder, sizeof files->folder, "%s/pencone-io-XXXXXX", P_tmpdir);
  *state = files;
  return mkdtemp(files->folder) == NULL;
}

/// Path of a file in the folder; valid until the call after the next three.
static inline const char *unit_path(const unit_files *files, const char *name) {
  static char paths[4][2 * UNIT_PATH];
  static int next = 0;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", files->folder, name);
  return path;
}

/// Number of files in the folder.
static inline int unit_file_count(const unit_files *files) {
  DIR *folder = opendir(files->folder);
  int count = 0;
  for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
    count += e->d_name[0] != '.';
  }
  closedir(folder);
  return count;
}

static inline int unit_files_teardown(void **state) {
  unit_files *files = *state;
  DIR *folder = opendir(files->folder);
  for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
    if (e->d_name[0] != '.') {
      unlink(unit_path(files, e->d_name));
    }
  }
  closedir(folder);
  rmdir(files->folder);
  pencone_context_destroy(files->ctx);
  free(files);
  return 0;
}

#define UNIT_FILES_TEST(function) \
  cmocka_unit_test_setup_teardown(function, unit_files_setup, unit_files_teardown)

static inline void unit_write(const char *path, const void *bytes, size_t count) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, count, file), count);
  assert_int_equal(fclose(file), 0);
}

static inline const char *unit_write_text(const unit_files *files, const char *name, const char *text) {
  const char *path = unit_path(files, name);
  unit_write(path, text, strlen(text));
  return path;
}

/// Whole content of a file; freed by free().
static inline unsigned char *unit_read(const char *path, size_t *count) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  const long size = ftell(file);
  rewind(file);
  unsigned char *bytes = malloc((size_t)size + 1);
  assert_non_null(bytes);
  *count = fread(bytes, 1, (size_t)size, file);
  fclose(file);
  return bytes;
}

enum { UNIT_NX = 4, UNIT_NY = 3, UNIT_NZ = 2, UNIT_VOXELS = UNIT_NX * UNIT_NY * UNIT_NZ };

static inline pencone_grid unit_grid(void) {
  const pencone_grid grid = {{UNIT_NX, UNIT_NY, UNIT_NZ}, {2.5, 2.0, 3.0}, {-50.1, 1.0 / 3.0, 7.0}};
  return grid;
}

/// A phantom with all that it can have, every voxel different.
static inline pencone_phantom *unit_phantom(pencone_context *ctx) {
  static const char *const names[] = {"water", "lung", "cortical-bone"};
  int16_t hu[UNIT_VOXELS];
  float density[UNIT_VOXELS];
  uint8_t material[UNIT_VOXELS], mask[UNIT_VOXELS];
  for (int v = 0; v < UNIT_VOXELS; ++v) {
    hu[v] = (int16_t)(-1000 + 150 * v);
    density[v] = 0.1F + 0.07F * (float)v;
    material[v] = (uint8_t)(v % 3);
    mask[v] = (uint8_t)(10 * v);
  }
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  desc.grid = unit_grid();
  desc.hu = hu;
  desc.density = density;
  desc.material = material;
  desc.material_names = names;
  desc.material_count = 3;
  desc.hu_curve = PENCONE_HU_BILINEAR;
  pencone_phantom *phantom = NULL;
  assert_int_equal(pencone_phantom_copy(ctx, &desc, &phantom), PENCONE_OK);
  assert_int_equal(pencone_phantom_add_structure(ctx, phantom, "zeta", mask), PENCONE_OK);
  assert_int_equal(pencone_phantom_add_structure(ctx, phantom, "lung/left", mask), PENCONE_OK);
  assert_int_equal(pencone_phantom_add_structure(ctx, phantom, "lung_left", mask), PENCONE_OK);
  assert_int_equal(pencone_phantom_label_structure(ctx, phantom, 0, "PTV", "#ff0000"), PENCONE_OK);
  return phantom;
}

static inline void unit_same_text(const char *a, const char *b) {
  assert_int_equal(a == NULL, b == NULL);
  if (a != NULL && b != NULL) {
    assert_string_equal(a, b);
  }
}

/// All of two phantoms is the same, to the bit.
static inline void unit_same_phantom(const pencone_phantom *a, const pencone_phantom *b) {
  const pencone_phantom_desc *da = pencone_phantom_describe(a);
  const pencone_phantom_desc *db = pencone_phantom_describe(b);
  const size_t n = pencone_grid_voxels(&da->grid);
  assert_memory_equal(&da->grid, &db->grid, sizeof da->grid);
  assert_int_equal(da->hu != NULL, db->hu != NULL);
  assert_int_equal(da->density != NULL, db->density != NULL);
  assert_int_equal(da->material != NULL, db->material != NULL);
  if (da->hu != NULL) {
    assert_memory_equal(da->hu, db->hu, n * sizeof *da->hu);
    assert_int_equal(da->hu_curve, db->hu_curve);
  }
  if (da->density != NULL) {
    assert_memory_equal(da->density, db->density, n * sizeof *da->density);
  }
  if (da->material != NULL) {
    assert_memory_equal(da->material, db->material, n);
    assert_int_equal(da->material_count, db->material_count);
    for (int m = 0; m < da->material_count; ++m) {
      assert_string_equal(da->material_names[m], db->material_names[m]);
    }
  }
  assert_int_equal(pencone_phantom_structure_count(a), pencone_phantom_structure_count(b));
  for (int s = 0; s < pencone_phantom_structure_count(a); ++s) {
    assert_string_equal(pencone_phantom_structure_name(a, s), pencone_phantom_structure_name(b, s));
    unit_same_text(pencone_phantom_structure_type(a, s), pencone_phantom_structure_type(b, s));
    unit_same_text(pencone_phantom_structure_colour(a, s), pencone_phantom_structure_colour(b, s));
    assert_memory_equal(pencone_phantom_structure_mask(a, s), pencone_phantom_structure_mask(b, s), n);
  }
}

/// Volumes beside a dose of unit_dose(), of the plan and of a beam. Not in it: with them the files of
/// test_io_damage.c lie so that HDF5 1.10 meets a heap of texts whose end is zeros, on which it never ends.
static inline void unit_volumes(pencone_context *ctx, pencone_dose *dose) {
  float *let = NULL;
  assert_int_equal(pencone_dose_add_volume(ctx, dose, NULL, "let", "keV/um", "LET of the plan", &let),
                   PENCONE_OK);
  let[1] = 2.5F;
  assert_int_equal(pencone_dose_add_volume(ctx, dose, NULL, "rbe_dose", "Gy (RBE)", "weighted", NULL),
                   PENCONE_OK);
  assert_int_equal(pencone_dose_add_volume(ctx, dose, "a/b", "let", "keV/um", "LET of a beam", &let),
                   PENCONE_OK);
  let[0] = 7;
}

/// A dose with parts, units and provenance.
static inline pencone_dose *unit_dose(pencone_context *ctx, const pencone_grid *grid) {
  pencone_dose *dose = NULL;
  float *part = NULL;
  assert_int_equal(pencone_dose_create(ctx, grid, &dose), PENCONE_OK);
  assert_int_equal(pencone_dose_add_part(ctx, dose, "zebra", &part), PENCONE_OK);
  const size_t n = pencone_grid_voxels(grid);
  for (size_t v = 0; v < n; ++v) {
    pencone_dose_values(dose)[v] = 1e-12F * (float)(v + 1) / 3.0F;
    part[v] = 0.5F * (float)v;
  }
  assert_int_equal(pencone_dose_add_part(ctx, dose, "a/b", &part), PENCONE_OK);
  assert_int_equal(pencone_dose_set_units(ctx, dose, "Gy cm2", "dose to medium", "per unit fluence"),
                   PENCONE_OK);
  assert_int_equal(pencone_dose_set_provenance(ctx, dose, "version", "0.1.0"), PENCONE_OK);
  assert_int_equal(pencone_dose_set_provenance(ctx, dose, "plan", "plan: x\n# \xc3\xa4 two lines\n"),
                   PENCONE_OK);
  assert_int_equal(pencone_dose_set_provenance(ctx, dose, "engine", "none"), PENCONE_OK);
  return dose;
}

static inline void unit_same_dose(const pencone_dose *a, const pencone_dose *b) {
  const size_t bytes = pencone_grid_voxels(pencone_dose_grid_of(a)) * sizeof(float);
  assert_memory_equal(pencone_dose_grid_of(a), pencone_dose_grid_of(b), sizeof(pencone_grid));
  assert_memory_equal(pencone_dose_values_const(a), pencone_dose_values_const(b), bytes);
  assert_string_equal(pencone_dose_units(a), pencone_dose_units(b));
  assert_string_equal(pencone_dose_quantity(a), pencone_dose_quantity(b));
  assert_string_equal(pencone_dose_normalisation(a), pencone_dose_normalisation(b));
  assert_int_equal(pencone_dose_part_count(a), pencone_dose_part_count(b));
  for (int i = 0; i < pencone_dose_part_count(a); ++i) {
    assert_string_equal(pencone_dose_part_name(a, i), pencone_dose_part_name(b, i));
    assert_memory_equal(pencone_dose_part_values(a, i), pencone_dose_part_values(b, i), bytes);
  }
  assert_int_equal(pencone_dose_volume_count(a), pencone_dose_volume_count(b));
  for (int i = 0; i < pencone_dose_volume_count(a); ++i) {
    const float *values =
        pencone_dose_volume_find(b, pencone_dose_volume_beam(a, i), pencone_dose_volume_name(a, i));
    assert_non_null(values);
    assert_memory_equal(pencone_dose_volume_values(a, i), values, bytes);
    assert_string_equal(pencone_dose_volume_units(a, i), pencone_dose_volume_units(b, i));
    assert_string_equal(pencone_dose_volume_quantity(a, i), pencone_dose_volume_quantity(b, i));
  }
  assert_int_equal(pencone_dose_provenance_count(a), pencone_dose_provenance_count(b));
  for (int i = 0; i < pencone_dose_provenance_count(a); ++i) {
    assert_string_equal(pencone_dose_provenance_name(a, i), pencone_dose_provenance_name(b, i));
    assert_string_equal(pencone_dose_provenance_text(a, i), pencone_dose_provenance_text(b, i));
  }
}

#endif

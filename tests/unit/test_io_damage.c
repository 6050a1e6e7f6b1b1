// SPDX-License-Identifier: Apache-2.0
// Files that are truncated, foreign or wrong: one clear line, never a crash.
#define _XOPEN_SOURCE 700
#include "io/h5.h"
#include "unit_io.h"

/// HDF5 1.10.8 itself loses memory when it gives up on a damaged file; the address sanitizer asks here.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libhdf5\n";
}

/// Writes a phantom and a dose and returns the path of the dose.
static const char *good_file(const unit_files *f, const char *name) {
  const pencone_grid grid = unit_grid();
  pencone_phantom *phantom = unit_phantom(f->ctx);
  pencone_dose *dose = unit_dose(f->ctx, &grid);
  const char *path = unit_path(f, name);
  assert_int_equal(pencone_dose_write(f->ctx, path, dose, phantom), PENCONE_OK);
  pencone_dose_destroy(dose);
  pencone_phantom_destroy(phantom);
  return path;
}

/// Reads in every way; whatever comes, nothing may break.
static int readable(const unit_files *f, const char *path) {
  pencone_phantom *phantom = NULL;
  pencone_dose *dose = NULL;
  pencone_file_kind kind;
  const int a = pencone_phantom_read(f->ctx, path, &phantom) == PENCONE_OK;
  assert_int_equal(a, phantom != NULL);
  const int b = pencone_dose_read(f->ctx, path, &dose) == PENCONE_OK;
  assert_int_equal(b, dose != NULL);
  pencone_file_identify(f->ctx, path, &kind);
  pencone_phantom_destroy(phantom);
  pencone_dose_destroy(dose);
  return a && b;
}

static void truncated_files_are_refused(void **state) {
  const unit_files *f = *state;
  size_t count = 0;
  unsigned char *bytes = unit_read(good_file(f, "good.h5"), &count);
  for (size_t length = 0; length < count; length += 1 + length / 16) {
    const char *path = unit_path(f, "cut.h5");
    unit_write(path, bytes, length);
    assert_false(readable(f, path));
    assert_error_has(f->ctx, "cut.h5");
    assert_null(strchr(pencone_context_error(f->ctx), '\n'));
  }
  free(bytes);
}

// What a copy leaves that was cut off on a full disk: the right length, zeros from somewhere on.
static void half_copied_files_never_crash(void **state) {
  const unit_files *f = *state;
  size_t count = 0;
  unsigned char *bytes = unit_read(good_file(f, "good.h5"), &count);
  for (size_t kept = count - 1; kept > 8; kept -= 1 + kept / 32) {
    memset(bytes + kept, 0, count - kept);
    unit_write(unit_path(f, "bad.h5"), bytes, count);
    readable(f, unit_path(f, "bad.h5"));
  }
  free(bytes);
}

// The same inside the heaps of texts: HDF5 1.10 goes round in them for ever when nobody looks first.
static void heaps_cut_off_by_zeros_are_refused(void **state) {
  const unit_files *f = *state;
  size_t count = 0;
  int heaps = 0;
  unsigned char *bytes = unit_read(good_file(f, "good.h5"), &count), *bad = malloc(count);
  assert_non_null(bad);
  for (size_t heap = 0; heap + 4096 <= count; heap += 8) {
    if (memcmp(bytes + heap, "GCOL", 4) != 0) {
      continue;
    }
    heaps++;
    for (size_t kept = 16; kept < 4096; kept += kept < 256 ? 8 : 104) {
      memcpy(bad, bytes, count);
      memset(bad + heap + kept, 0, 4096 - kept);
      unit_write(unit_path(f, "bad.h5"), bad, count);
      const int whole =
          readable(f, unit_path(f, "bad.h5"));  // where texts or free space are cut, sizes still hold
      assert_true(!whole || kept > 24);
    }
    for (int byte = 0; byte < 4; ++byte) {  // and a size of the first object that leads back, or far away
      memcpy(bad, bytes, count);
      memset(bad + heap + 24 + 2 * byte, 255, 2);
      unit_write(unit_path(f, "bad.h5"), bad, count);
      assert_false(readable(f, unit_path(f, "bad.h5")));
    }
  }
  assert_true(heaps > 0);
  free(bad);
  free(bytes);
}

static void foreign_files_are_named(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom = NULL;
  const char *text = unit_write_text(f, "text.h5", "this is not HDF5\n");
  assert_int_equal(pencone_phantom_read(f->ctx, text, &phantom), PENCONE_E_FORMAT);
  assert_error_has(f->ctx, "text.h5: not an HDF5 file");
  assert_int_equal(pencone_phantom_read(f->ctx, unit_write_text(f, "empty.h5", ""), &phantom),
                   PENCONE_E_FORMAT);
  assert_error_has(f->ctx, "empty file");
  assert_int_equal(pencone_phantom_read(f->ctx, unit_path(f, "none.h5"), &phantom), PENCONE_E_FILE);
  assert_error_has(f->ctx, "none.h5: cannot be opened: No such file");
  assert_int_equal(pencone_phantom_read(f->ctx, f->folder, &phantom), PENCONE_E_FILE);
  const char *path = unit_path(f, "other.h5");
  assert_int_equal(H5Fclose(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)), 0);
  assert_int_equal(pencone_phantom_read(f->ctx, path, &phantom), PENCONE_E_FORMAT);
  assert_error_has(f->ctx, "/pencone: missing");
}

/// Opens a good file to spoil it.
static hid_t spoil(const unit_files *f) {
  const hid_t file = H5Fopen(good_file(f, "bad.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
  assert_true(file >= 0);
  return file;
}

/// Overwrites an attribute of /pencone.
static void set_attribute(const unit_files *f, const char *name, hid_t type, const void *values) {
  const hid_t file = spoil(f);
  const hid_t group =
      H5Oopen(file, "/pencone", H5P_DEFAULT);  // H5Aopen_by_name() does not write in HDF5 1.10.8
  const hid_t id = H5Aopen(group, name, H5P_DEFAULT);
  assert_true(H5Awrite(id, type, values) >= 0);
  H5Aclose(id);
  H5Oclose(group);
  H5Fclose(file);
}

static void expect_refused(const unit_files *f, pencone_status status, const char *part) {
  pencone_phantom *phantom = NULL;
  assert_int_equal(pencone_phantom_read(f->ctx, unit_path(f, "bad.h5"), &phantom), status);
  assert_null(phantom);
  assert_error_has(f->ctx, "bad.h5");
  assert_error_has(f->ctx, part);
}

static void wrong_heads_are_refused(void **state) {
  const unit_files *f = *state;
  const int64_t sizes[][3] = {{4, 3, 3}, {3, 4, 2}, {0, 3, 2}, {-4, 3, 2}, {40000, 3, 2}, {INT64_MAX, 3, 2}};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
    set_attribute(f, "size_xyz", H5T_NATIVE_INT64, sizes[i]);
    expect_refused(f, i < 2 ? PENCONE_E_SHAPE : PENCONE_E_RANGE,
                   i < 2 ? "/pencone/hu" : "bad.h5: /pencone: ");
  }
  const double spacings[][3] = {{0, 1, 1}, {1, -2, 1}, {1, 1, NAN}, {INFINITY, 1, 1}};
  for (size_t i = 0; i < 4; ++i) {
    set_attribute(f, "spacing_mm", H5T_NATIVE_DOUBLE, spacings[i]);
    expect_refused(f, PENCONE_E_RANGE, "spacing");
  }
  const int64_t version = 2;
  set_attribute(f, "format_version", H5T_NATIVE_INT64, &version);
  expect_refused(f, PENCONE_E_FORMAT, "format_version: got 2, expected 1");
  const double origin[3] = {NAN, 0, 0};
  set_attribute(f, "origin_mm", H5T_NATIVE_DOUBLE, origin);
  expect_refused(f, PENCONE_E_RANGE, "origin");
}

static void missing_heads_are_refused(void **state) {
  const unit_files *f = *state;
  const char *const names[] = {"format", "format_version", "frame", "size_xyz", "spacing_mm", "origin_mm"};
  for (int i = 0; i < 6; ++i) {
    const hid_t file = spoil(f);
    assert_true(H5Adelete_by_name(file, "/pencone", names[i], H5P_DEFAULT) >= 0);
    H5Fclose(file);
    expect_refused(f, PENCONE_E_FORMAT, names[i]);
    expect_refused(f, PENCONE_E_FORMAT, "missing");
  }
}

/// Overwrites all of a volume of floats or bytes with one value.
static void set_values(const unit_files *f, const char *name, hid_t type, const void *values) {
  const hid_t file = spoil(f);
  const hid_t id = H5Dopen2(file, name, H5P_DEFAULT);
  assert_true(H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(id);
  H5Fclose(file);
}

static void wrong_values_are_refused(void **state) {
  const unit_files *f = *state;
  const float bad[] = {NAN, -1, 30, INFINITY};
  float density[UNIT_VOXELS] = {0};
  for (int i = 0; i < 4; ++i) {
    density[UNIT_VOXELS - 1] = bad[i];
    set_values(f, "/pencone/density", H5T_NATIVE_FLOAT, density);
    expect_refused(f, PENCONE_E_RANGE, "density of voxel (3, 2, 1)");
  }
  int16_t hu[UNIT_VOXELS] = {0};
  hu[1] = 3072;
  set_values(f, "/pencone/hu", H5T_NATIVE_INT16, hu);
  expect_refused(f, PENCONE_E_RANGE, "HU of voxel (1, 0, 0): got 3072");
  uint8_t material[UNIT_VOXELS] = {3};
  set_values(f, "/pencone/material", H5T_NATIVE_UINT8, material);
  expect_refused(f, PENCONE_E_RANGE, "material");
  density[0] = 0;
  density[UNIT_VOXELS - 1] = NAN;
  set_values(f, "/pencone/dose", H5T_NATIVE_FLOAT, density);
  pencone_dose *dose = NULL;
  assert_int_equal(pencone_dose_read(f->ctx, unit_path(f, "bad.h5"), &dose), PENCONE_E_RANGE);
  assert_error_has(f->ctx, "/pencone/dose: voxel (3, 2, 1)");
}

/// Replaces a volume by one of another type or shape.
static void replace(const unit_files *f, const char *name, hid_t type, int rank) {
  const hsize_t dims[3] = {UNIT_NZ, UNIT_NY, UNIT_NX};
  const hid_t file = spoil(f);
  assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
  const hid_t space = H5Screate_simple(rank, dims, NULL);
  const hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(set >= 0);
  H5Dclose(set);
  H5Sclose(space);
  H5Fclose(file);
}

static void wrong_types_are_refused(void **state) {
  const unit_files *f = *state;
  replace(f, "/pencone/hu", H5T_NATIVE_INT32, 3);
  expect_refused(f, PENCONE_E_FORMAT, "/pencone/hu: got type int32, expected int16");
  replace(f, "/pencone/density", H5T_NATIVE_INT32, 3);
  expect_refused(f, PENCONE_E_FORMAT, "/pencone/density: got type int32, expected float32");
  replace(f, "/pencone/material", H5T_NATIVE_FLOAT, 3);
  expect_refused(f, PENCONE_E_FORMAT, "/pencone/material: got type float32, expected uint8");
  replace(f, "/pencone/density", H5T_NATIVE_FLOAT, 2);
  expect_refused(f, PENCONE_E_SHAPE, "got 2 dimensions");
  replace(f, "/pencone/material", H5T_NATIVE_UINT8, 3);
  expect_refused(f, PENCONE_E_FORMAT, "names: missing");
}

static void the_other_kind_is_refused(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom = unit_phantom(f->ctx);
  pencone_dose *dose = NULL;
  pencone_file_kind kind;
  assert_int_equal(pencone_phantom_write(f->ctx, unit_path(f, "p.h5"), phantom), PENCONE_OK);
  assert_int_equal(pencone_dose_read(f->ctx, unit_path(f, "p.h5"), &dose), PENCONE_E_FORMAT);
  assert_error_has(f->ctx, "got 'pencone-phantom', expected 'pencone-dose'");
  assert_int_equal(pencone_file_identify(f->ctx, unit_path(f, "p.h5"), &kind), PENCONE_OK);
  assert_int_equal(kind, PENCONE_FILE_PHANTOM);
  assert_int_equal(pencone_file_identify(f->ctx, good_file(f, "d.h5"), &kind), PENCONE_OK);
  assert_int_equal(kind, PENCONE_FILE_DOSE);
  assert_int_equal(pencone_file_identify(f->ctx, unit_write_text(f, "r.yaml", "recipe: x\n"), &kind),
                   PENCONE_OK);
  assert_int_equal(kind, PENCONE_FILE_RECIPE);
  assert_int_equal(pencone_file_identify(f->ctx, unit_write_text(f, "x.yaml", "y: x\n"), &kind),
                   PENCONE_E_FORMAT);
  pencone_phantom_destroy(phantom);
}

int main(void) {
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);  // for the calls of this test itself
  const struct CMUnitTest tests[] = {
      UNIT_FILES_TEST(truncated_files_are_refused),
      UNIT_FILES_TEST(half_copied_files_never_crash),
      UNIT_FILES_TEST(heaps_cut_off_by_zeros_are_refused),
      UNIT_FILES_TEST(foreign_files_are_named),
      UNIT_FILES_TEST(wrong_heads_are_refused),
      UNIT_FILES_TEST(missing_heads_are_refused),
      UNIT_FILES_TEST(wrong_values_are_refused),
      UNIT_FILES_TEST(wrong_types_are_refused),
      UNIT_FILES_TEST(the_other_kind_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

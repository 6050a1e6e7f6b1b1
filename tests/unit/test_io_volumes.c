// SPDX-License-Identifier: Apache-2.0
// Phantom and dose files: round trips to the bit, outputs whole or untouched, memory failures.
#define _XOPEN_SOURCE 700
#include <pthread.h>

#include "io/h5.h"
#include "unit_io.h"

static void phantom_comes_back(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom = unit_phantom(f->ctx);
  pencone_phantom *again = NULL;
  const char *path = unit_path(f, "p.h5");
  assert_int_equal(pencone_phantom_write(f->ctx, path, phantom), PENCONE_OK);
  assert_int_equal(unit_file_count(f), 1);
  assert_int_equal(pencone_phantom_read(f->ctx, path, &again), PENCONE_OK);
  unit_same_phantom(phantom, again);
  pencone_phantom_destroy(again);
  pencone_phantom_destroy(phantom);
}

static void phantom_with_only_one_array_comes_back(void **state) {
  const unit_files *f = *state;
  for (int with_hu = 0; with_hu < 2; ++with_hu) {
    pencone_phantom *full = unit_phantom(f->ctx);
    pencone_phantom_desc desc = *pencone_phantom_describe(full);
    pencone_phantom *phantom = NULL;
    pencone_phantom *again = NULL;
    desc.hu = with_hu ? desc.hu : NULL;
    desc.density = with_hu ? NULL : desc.density;
    desc.material = NULL;
    assert_int_equal(pencone_phantom_borrow(f->ctx, &desc, &phantom), PENCONE_OK);
    assert_int_equal(pencone_phantom_write(f->ctx, unit_path(f, "p.h5"), phantom), PENCONE_OK);
    assert_int_equal(pencone_phantom_read(f->ctx, unit_path(f, "p.h5"), &again), PENCONE_OK);
    unit_same_phantom(phantom, again);
    pencone_phantom_destroy(again);
    pencone_phantom_destroy(phantom);
    pencone_phantom_destroy(full);
  }
}

// MATLAB's order: y fastest. The file has x fastest all the same.
static void strides_are_resolved(void **state) {
  const unit_files *f = *state;
  float matlab[UNIT_VOXELS];
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  desc.grid = unit_grid();
  desc.density = matlab;
  desc.stride[0] = UNIT_NY;
  desc.stride[1] = 1;
  desc.stride[2] = UNIT_NX * UNIT_NY;
  for (int k = 0, v = 0; k < UNIT_NZ; ++k) {
    for (int j = 0; j < UNIT_NY; ++j) {
      for (int i = 0; i < UNIT_NX; ++i, ++v) {
        matlab[i * UNIT_NY + j + k * UNIT_NX * UNIT_NY] = 0.1F * (float)v;
      }
    }
  }
  pencone_phantom *phantom = NULL;
  pencone_phantom *again = NULL;
  assert_int_equal(pencone_phantom_borrow(f->ctx, &desc, &phantom), PENCONE_OK);
  assert_int_equal(pencone_phantom_write(f->ctx, unit_path(f, "p.h5"), phantom), PENCONE_OK);
  assert_int_equal(pencone_phantom_read(f->ctx, unit_path(f, "p.h5"), &again), PENCONE_OK);
  for (int v = 0; v < UNIT_VOXELS; ++v) {
    assert_true(pencone_phantom_describe(again)->density[v] == 0.1F * (float)v);
  }
  pencone_phantom_destroy(again);
  pencone_phantom_destroy(phantom);
}

static void dose_comes_back(void **state) {
  const unit_files *f = *state;
  const pencone_grid grid = unit_grid();
  pencone_dose *dose = unit_dose(f->ctx, &grid);
  unit_volumes(f->ctx, dose);
  pencone_dose *again = NULL;
  pencone_phantom *none = NULL;
  assert_int_equal(pencone_dose_write(f->ctx, unit_path(f, "d.h5"), dose, NULL), PENCONE_OK);
  assert_int_equal(pencone_dose_read(f->ctx, unit_path(f, "d.h5"), &again), PENCONE_OK);
  unit_same_dose(dose, again);
  assert_int_equal(pencone_phantom_read(f->ctx, unit_path(f, "d.h5"), &none), PENCONE_E_MISSING);
  assert_null(none);
  pencone_dose_destroy(again);
  pencone_dose_destroy(dose);
}

// On the phantom's grid and on another: nothing of the phantom is lost.
static void dose_carries_its_phantom(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom = unit_phantom(f->ctx);
  for (int other = 0; other < 2; ++other) {
    pencone_grid grid = unit_grid();
    grid.size[0] += other;
    pencone_dose *dose = unit_dose(f->ctx, &grid);
    pencone_dose *dose_again = NULL;
    pencone_phantom *again = NULL;
    const char *path = unit_path(f, "d.h5");
    assert_int_equal(pencone_dose_write(f->ctx, path, dose, phantom), PENCONE_OK);
    assert_int_equal(pencone_dose_read(f->ctx, path, &dose_again), PENCONE_OK);
    unit_same_dose(dose, dose_again);
    assert_int_equal(pencone_phantom_read(f->ctx, path, &again), PENCONE_OK);
    unit_same_phantom(phantom, again);
    pencone_phantom_destroy(again);
    pencone_dose_destroy(dose_again);
    pencone_dose_destroy(dose);
  }
  pencone_phantom_destroy(phantom);
}

// A plan's text may be longer than the 64 KiB of an object header.
static void long_text_comes_back(void **state) {
  const unit_files *f = *state;
  enum { length = 300000 };
  const pencone_grid grid = unit_grid();
  char *text = malloc(length + 1);
  assert_non_null(text);
  memset(text, 'x', length);
  text[length] = '\0';
  pencone_dose *dose = unit_dose(f->ctx, &grid);
  pencone_dose *again = NULL;
  assert_int_equal(pencone_dose_set_provenance(f->ctx, dose, "plan", text), PENCONE_OK);
  assert_int_equal(pencone_dose_write(f->ctx, unit_path(f, "d.h5"), dose, NULL), PENCONE_OK);
  assert_int_equal(pencone_dose_read(f->ctx, unit_path(f, "d.h5"), &again), PENCONE_OK);
  unit_same_dose(dose, again);
  pencone_dose_destroy(again);
  pencone_dose_destroy(dose);
  free(text);
}

static void same_file(const char *path_a, const char *path_b) {
  size_t na = 0, nb = 0;
  unsigned char *a = unit_read(path_a, &na);
  unsigned char *b = unit_read(path_b, &nb);
  assert_int_equal(na, nb);
  assert_memory_equal(a, b, na);
  free(a);
  free(b);
}

static void same_content_gives_same_bytes(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom = unit_phantom(f->ctx);
  assert_int_equal(pencone_phantom_write(f->ctx, unit_path(f, "a.h5"), phantom), PENCONE_OK);
  assert_int_equal(pencone_phantom_write(f->ctx, unit_path(f, "b.h5"), phantom), PENCONE_OK);
  same_file(unit_path(f, "a.h5"), unit_path(f, "b.h5"));
  pencone_phantom_destroy(phantom);
}

// A dose file that is begun before its dose: nothing is at its path until it is whole, and other files can be
// read meanwhile.
static void begun_files_are_the_same(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom = unit_phantom(f->ctx);
  for (int other = 0; other < 2; ++other) {
    pencone_grid grid = unit_grid();
    grid.size[0] += other;
    pencone_dose *dose = unit_dose(f->ctx, &grid), *again = NULL;
    pencone_dose_writer *writer = NULL;
    unit_volumes(f->ctx, dose);
    assert_int_equal(pencone_dose_write(f->ctx, unit_path(f, "a.h5"), dose, phantom), PENCONE_OK);
    assert_int_equal(pencone_dose_writer_create(f->ctx, unit_path(f, "b.h5"), &grid, phantom, &writer),
                     PENCONE_OK);
    assert_int_equal(access(unit_path(f, "b.h5"), F_OK), -1);
    assert_int_equal(pencone_dose_read(f->ctx, unit_path(f, "a.h5"), &again), PENCONE_OK);
    pencone_dose_destroy(again);
    assert_int_equal(pencone_dose_writer_finish(f->ctx, writer, dose), PENCONE_OK);
    same_file(unit_path(f, "a.h5"), unit_path(f, "b.h5"));
    assert_int_equal(pencone_dose_writer_finish(f->ctx, writer, dose), PENCONE_E_ARGUMENT);
    assert_error_has(f->ctx, "expected one dose per writer");
    pencone_dose_writer_destroy(writer);
    assert_int_equal(unit_file_count(f), 2);
    unlink(unit_path(f, "b.h5"));
    pencone_dose_destroy(dose);
  }
  pencone_phantom_destroy(phantom);
}

static void begun_files_leave_nothing(void **state) {
  const unit_files *f = *state;
  const pencone_grid grid = unit_grid();
  pencone_grid other = grid;
  other.origin_mm[0] += 1;
  pencone_phantom *phantom = unit_phantom(f->ctx);
  pencone_dose *dose = unit_dose(f->ctx, &other);
  pencone_dose_writer *writer = NULL;
  const char *path = unit_write_text(f, "d.h5", "precious");
  assert_int_equal(pencone_dose_writer_create(f->ctx, path, &grid, phantom, &writer), PENCONE_OK);
  assert_int_equal(unit_file_count(f), 2);
  assert_int_equal(pencone_dose_writer_finish(f->ctx, writer, dose), PENCONE_E_SHAPE);
  assert_error_has(f->ctx, "d.h5: got a dose on another grid");
  assert_int_equal(pencone_dose_writer_finish(f->ctx, writer, NULL), PENCONE_E_ARGUMENT);
  pencone_dose_writer_destroy(writer);
  pencone_dose_writer_destroy(NULL);
  assert_int_equal(pencone_dose_writer_create(f->ctx, unit_path(f, "none/d.h5"), &grid, phantom, &writer),
                   PENCONE_E_FILE);
  assert_error_has(f->ctx, "none/d.h5: cannot be written: No such file");
  assert_null(writer);
  pencone_status status = PENCONE_E_MEMORY;
  int tries = 0;
  for (; status != PENCONE_OK && tries < 100; ++tries) {
    pcn_alloc_fail_after(f->ctx, tries);
    status = pencone_dose_writer_create(f->ctx, path, &grid, phantom, &writer);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && writer == NULL));
  }
  assert_true(tries > 3 && tries < 100);
  pencone_dose_writer_destroy(writer);
  assert_int_equal(unit_file_count(f), 1);
  size_t count = 0;
  unsigned char *bytes = unit_read(path, &count);
  assert_memory_equal(bytes, "precious", 8);
  free(bytes);
  pencone_dose_destroy(dose);
  pencone_phantom_destroy(phantom);
}

/// Is the same voxel array under both names?
static int same_object(const pcn_h5 *h5, const char *a, const char *b) {
  H5O_info_t ia, ib;
  assert_true(H5Oget_info_by_name(h5->file, a, &ia, H5P_DEFAULT) >= 0);
  assert_true(H5Oget_info_by_name(h5->file, b, &ib, H5P_DEFAULT) >= 0);
  return ia.addr == ib.addr;
}

static void viewers_find_the_same_voxels(void **state) {
  const unit_files *f = *state;
  const pencone_grid grid = unit_grid();
  pencone_phantom *phantom = unit_phantom(f->ctx);
  pencone_dose *dose = unit_dose(f->ctx, &grid);
  pcn_h5 h5;
  char *text = NULL;
  double spacing[3];
  assert_int_equal(pencone_phantom_write(f->ctx, unit_path(f, "p.h5"), phantom), PENCONE_OK);
  assert_int_equal(pencone_dose_write(f->ctx, unit_path(f, "d.h5"), dose, phantom), PENCONE_OK);
  assert_int_equal(pcn_h5_open(f->ctx, unit_path(f, "p.h5"), &h5), PENCONE_OK);
  assert_true(same_object(&h5, "/pencone/hu", "/ITKImage/0/VoxelData"));
  assert_true(same_object(&h5, "/pencone/hu", "/VTKHDF/PointData/hu"));
  assert_true(same_object(&h5, "/pencone/density", "/VTKHDF/PointData/density"));
  assert_true(same_object(&h5, "/pencone/structures/zeta", "/VTKHDF/PointData/structure zeta"));
  assert_int_equal(pcn_h5_finish(&h5, PENCONE_OK), PENCONE_OK);
  assert_int_equal(pcn_h5_open(f->ctx, unit_path(f, "d.h5"), &h5), PENCONE_OK);
  assert_true(same_object(&h5, "/pencone/dose", "/ITKImage/0/VoxelData"));
  assert_true(same_object(&h5, "/pencone/dose", "/VTKHDF/PointData/dose"));
  assert_true(same_object(&h5, "/pencone/structures/zeta", "/VTKHDF/PointData/structure zeta"));
  assert_true(pcn_h5_is_group(&h5, "/ITKImage/0/MetaData"));
  assert_int_equal(pcn_h5_read_text(&h5, "/VTKHDF", "Type", &text), PENCONE_OK);
  assert_string_equal(text, "ImageData");
  pcn_free(text);
  assert_int_equal(pcn_h5_read_doubles(&h5, "/VTKHDF", "Spacing", 3, spacing), PENCONE_OK);
  assert_memory_equal(spacing, grid.spacing_mm, sizeof spacing);
  assert_int_equal(pcn_h5_finish(&h5, PENCONE_OK), PENCONE_OK);
  pencone_dose_destroy(dose);
  pencone_phantom_destroy(phantom);
}

static void reading_survives_every_memory_failure(void **state) {
  const unit_files *f = *state;
  const pencone_grid grid = unit_grid();
  pencone_phantom *phantom = unit_phantom(f->ctx);
  pencone_dose *dose = unit_dose(f->ctx, &grid);
  const char *path = unit_path(f, "d.h5");
  assert_int_equal(pencone_dose_write(f->ctx, path, dose, phantom), PENCONE_OK);
  pencone_status status = PENCONE_E_MEMORY;
  int tries = 0;
  for (; status != PENCONE_OK && tries < 1000; ++tries) {
    pencone_phantom *again = NULL;
    pcn_alloc_fail_after(f->ctx, tries);
    status = pencone_phantom_read(f->ctx, path, &again);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && again == NULL));
    pencone_phantom_destroy(again);
  }
  assert_true(tries > 10 && tries < 1000);
  status = PENCONE_E_MEMORY;
  for (tries = 0; status != PENCONE_OK && tries < 1000; ++tries) {
    pencone_dose *again = NULL;
    pcn_alloc_fail_after(f->ctx, tries);
    status = pencone_dose_read(f->ctx, path, &again);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && again == NULL));
    pencone_dose_destroy(again);
  }
  assert_true(tries > 10 && tries < 1000);
  pencone_dose_destroy(dose);
  pencone_phantom_destroy(phantom);
}

static void failed_writing_leaves_the_old_file(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom = unit_phantom(f->ctx);
  const char *path = unit_write_text(f, "p.h5", "precious");
  pencone_status status = PENCONE_E_MEMORY;
  int tries = 0;
  for (; status != PENCONE_OK && tries < 100; ++tries) {
    pcn_alloc_fail_after(f->ctx, tries);
    status = pencone_phantom_write(f->ctx, path, phantom);
    if (status != PENCONE_OK) {
      size_t count = 0;
      unsigned char *bytes = unit_read(path, &count);
      assert_int_equal(status, PENCONE_E_MEMORY);
      assert_int_equal(count, 8);
      assert_memory_equal(bytes, "precious", 8);
      assert_int_equal(unit_file_count(f), 1);
      free(bytes);
    }
  }
  assert_true(tries > 1 && tries < 100);
  pencone_phantom_destroy(phantom);
}

static void places_that_cannot_be_written_are_said(void **state) {
  const unit_files *f = *state;
  pencone_phantom *phantom = unit_phantom(f->ctx);
  assert_int_equal(pencone_phantom_write(f->ctx, unit_path(f, "none/p.h5"), phantom), PENCONE_E_FILE);
  assert_error_has(f->ctx, "none/p.h5: cannot be written: No such file");
  assert_int_equal(pencone_phantom_write(f->ctx, f->folder, phantom), PENCONE_E_FILE);
  assert_error_has(f->ctx, "cannot be replaced");
  assert_int_equal(pencone_phantom_write(f->ctx, NULL, phantom), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_phantom_write(f->ctx, "x", NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(unit_file_count(f), 0);
  pencone_phantom_destroy(phantom);
}

/// Writes and reads a file of its own many times, with a context of its own. @return NULL when all went well
static void *work(void *path) {
  pencone_context *ctx = NULL;
  const pencone_grid grid = unit_grid();
  int bad = pencone_context_create(&ctx) != PENCONE_OK;
  for (int i = 0; i < 20 && !bad; ++i) {
    pencone_dose *dose = NULL;
    pencone_dose *again = NULL;
    bad = pencone_dose_create(ctx, &grid, &dose) != PENCONE_OK ||
          pencone_dose_write(ctx, path, dose, NULL) != PENCONE_OK ||
          pencone_dose_read(ctx, path, &again) != PENCONE_OK;
    pencone_dose_destroy(again);
    pencone_dose_destroy(dose);
  }
  pencone_context_destroy(ctx);
  return bad ? path : NULL;
}

static void threads_wait_for_each_other(void **state) {
  const unit_files *f = *state;
  char paths[4][2 * UNIT_PATH];
  pthread_t threads[4];
  for (int t = 0; t < 4; ++t) {
    char name[16];
    snprintf(name, sizeof name, "%d.h5", t % 3);  // two of them share a file
    snprintf(paths[t], sizeof paths[t], "%s", unit_path(f, name));
    assert_int_equal(pthread_create(&threads[t], NULL, work, paths[t]), 0);
  }
  for (int t = 0; t < 4; ++t) {
    void *bad = NULL;
    assert_int_equal(pthread_join(threads[t], &bad), 0);
    assert_null(bad);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_FILES_TEST(phantom_comes_back),
      UNIT_FILES_TEST(phantom_with_only_one_array_comes_back),
      UNIT_FILES_TEST(strides_are_resolved),
      UNIT_FILES_TEST(dose_comes_back),
      UNIT_FILES_TEST(dose_carries_its_phantom),
      UNIT_FILES_TEST(long_text_comes_back),
      UNIT_FILES_TEST(same_content_gives_same_bytes),
      UNIT_FILES_TEST(begun_files_are_the_same),
      UNIT_FILES_TEST(begun_files_leave_nothing),
      UNIT_FILES_TEST(viewers_find_the_same_voxels),
      UNIT_FILES_TEST(reading_survives_every_memory_failure),
      UNIT_FILES_TEST(failed_writing_leaves_the_old_file),
      UNIT_FILES_TEST(threads_wait_for_each_other),
      UNIT_FILES_TEST(places_that_cannot_be_written_are_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

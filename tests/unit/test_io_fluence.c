// SPDX-License-Identifier: Apache-2.0
// Fluence maps of plan files.
#define _XOPEN_SOURCE 700
#include "io/h5.h"
#include "unit_io.h"

static const char plan_text[] =
    "plan: test\n"
    "beams:\n"
    "  - name: AP\n"
    "    machine: ideal-mohan-6mv\n"
    "    isocenter_mm: [0, 0, 0]\n"
    "    gantry_deg: 0\n"
    "    field_mm: {x: [-15, 15], y: [-10, 10]}\n"
    "    fluence_per_cm2: 1e9\n"
    "    fluence_map: %s\n";

static void write_map(const unit_files *f, const char *name, const char *dataset, int rows, int columns,
                      const double *values) {
  pcn_h5 h5;
  assert_int_equal(pcn_h5_create(f->ctx, unit_path(f, name), &h5), PENCONE_OK);
  const pencone_status status = pcn_h5_write_table(&h5, dataset, H5T_NATIVE_DOUBLE, rows, columns, values);
  assert_int_equal(pcn_h5_finish(&h5, status), PENCONE_OK);
}

static pencone_status read_plan(const unit_files *f, const char *value, pencone_plan **plan) {
  char text[1024];
  snprintf(text, sizeof text, plan_text, value);
  *plan = NULL;
  return pencone_plan_read(f->ctx, unit_write_text(f, "plan.yaml", text), plan, NULL, NULL);
}

static void maps_are_read(void **state) {
  const unit_files *f = *state;
  static const double values[6] = {0, 1, 2, 3, 4, 5.5};
  static const char *const good[] = {"map.h5", "{file: map.h5}", "{file: other.h5, dataset: /w}",
                                     "map.h5\n    bixel_mm: [20, 5]"};
  write_map(f, "map.h5", "/fluence_map", 2, 3, values);
  write_map(f, "other.h5", "/w", 2, 3, values);
  for (int i = 0; i < 4; ++i) {
    pencone_plan *plan = NULL;
    const pencone_status status = read_plan(f, good[i], &plan);
    if (i == 3) {  // neither a whole part of a pixel of 10 mm nor of the field
      assert_int_equal(status, PENCONE_E_RANGE);
      assert_null(plan);
      continue;
    }
    assert_int_equal(status, PENCONE_OK);
    const pencone_beam *b = pencone_plan_beam(plan, 0);
    assert_int_equal(b->fluence_map_size[0], 3);
    assert_int_equal(b->fluence_map_size[1], 2);
    assert_memory_equal(b->fluence_map, values, sizeof values);
    assert_close(b->bixel_mm[0], 10, 0);
    assert_close(b->bixel_mm[1], 10, 0);
    pencone_plan_destroy(plan);
  }
}

static void wrong_maps_are_refused(void **state) {
  const unit_files *f = *state;
  static const double zeros[6] = {0}, negative[6] = {1, 1, 1, 1, -2, 1}, nan_in[6] = {1, 1, NAN, 1, 1, 1},
                      ones[6] = {1, 1, 1, 1, 1, 1};
  static const struct {
    const char *value;
    pencone_status status;
    const char *part;
  } cases[] = {
      {"none.h5", PENCONE_E_FILE, "none.h5"},
      {"plan.yaml", PENCONE_E_FORMAT, "plan.yaml:9: "},
      {"list.h5", PENCONE_E_SHAPE, "list.h5: /fluence_map: got 1 dimensions, expected 2 (y,x)"},
      {"{file: ones.h5, dataset: /w}", PENCONE_E_FORMAT, "/w: missing, expected a table of numbers"},
      {"{file: ones.h5, data: /w}", PENCONE_E_FORMAT, "fluence_map: got the unknown key 'data'"},
      {"{dataset: /w}", PENCONE_E_FORMAT, "fluence_map: got no 'file'"},
      {"[ones.h5]", PENCONE_E_FORMAT, "plan.yaml:9: fluence_map"},
      {"zeros.h5", PENCONE_E_RANGE,
       "zeros.h5: /fluence_map: beam AP: fluence map: got 0 in all of its 3 x 2 pixels"},
      {"negative.h5", PENCONE_E_RANGE,
       "negative.h5: /fluence_map: beam AP: fluence map: pixel (1, 1): got -2, expected 0 or more"},
      {"{file: nan.h5, dataset: /w}", PENCONE_E_RANGE,
       "nan.h5: /w: beam AP: fluence map: pixel (2, 0): got nan"},
      {"wide.h5", PENCONE_E_SHAPE, "got the shape 1 x 501 (y,x), expected 1 to 500 along each axis"},
      {"ones.h5\n    bixel_mm: 4", PENCONE_E_RANGE, "bixel width x: got 4 mm, which is not a whole part"},
      {"ones.h5\n    bixel_mm: [15, 10]", PENCONE_E_RANGE,
       "bixel width x: got 15 mm, which does not divide the fluence map's pixels of 10 mm"},
      {"ones.h5\n    control_points: [{weight: 1}]", PENCONE_E_ARGUMENT,
       "beam AP: it has a fluence map and 1 control points, expected one of them"},
      {"ones.h5\n    layers: [{energy_mev: 150, spots: [[0, 0, 1]]}]", PENCONE_E_FORMAT, "'layers'"},
  };
  double wide[501];
  for (int i = 0; i < 501; ++i) {
    wide[i] = 1;
  }
  write_map(f, "list.h5", "/fluence_map", 6, 0, ones);
  write_map(f, "ones.h5", "/fluence_map", 2, 3, ones);
  write_map(f, "zeros.h5", "/fluence_map", 2, 3, zeros);
  write_map(f, "negative.h5", "/fluence_map", 2, 3, negative);
  write_map(f, "nan.h5", "/w", 2, 3, nan_in);
  write_map(f, "wide.h5", "/fluence_map", 1, 501, wide);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    pencone_plan *plan = NULL;
    assert_int_equal(read_plan(f, cases[i].value, &plan), cases[i].status);
    assert_null(plan);
    assert_error_has(f->ctx, cases[i].part);
    assert_error_has(f->ctx, "plan.yaml:");
  }
}

static void reading_survives_every_memory_failure(void **state) {
  const unit_files *f = *state;
  static const double ones[4] = {1, 1, 1, 1};
  write_map(f, "map.h5", "/fluence_map", 2, 2, ones);
  pencone_status status = PENCONE_E_MEMORY;
  int tries = 0;
  for (; status != PENCONE_OK && tries < 1000; ++tries) {
    pencone_plan *plan = NULL;
    pcn_alloc_fail_after(f->ctx, tries);
    status = read_plan(f, "map.h5", &plan);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && plan == NULL));
    pencone_plan_destroy(plan);
  }
  assert_true(tries > 10 && tries < 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_FILES_TEST(maps_are_read),
      UNIT_FILES_TEST(wrong_maps_are_refused),
      UNIT_FILES_TEST(reading_survives_every_memory_failure),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

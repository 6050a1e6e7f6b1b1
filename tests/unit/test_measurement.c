// SPDX-License-Identifier: Apache-2.0
// Measured depth doses: values, files, and machines written to files.
#define _XOPEN_SOURCE 700
#include <pencone/machine.h>

#include "unit_io.h"

static const char good[] =
    "# a comment\nfield_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n"
    "50,50,900,15,100\n50,50,900,100,62.9\n\n100,80,1000,10,1.5\n100,80,1000,20,1.4\n100,80,1000,30,1.3\n";

static void reads_curves(void **state) {
  const unit_files *files = *state;
  pencone_measurement *m = NULL;
  assert_int_equal(pencone_measurement_read(files->ctx, unit_write_text(files, "m.csv", good), &m),
                   PENCONE_OK);
  assert_int_equal(pencone_measurement_count(m), 2);
  const pencone_depth_dose *a = pencone_measurement_at(m, 0), *b = pencone_measurement_at(m, 1);
  assert_null(pencone_measurement_at(m, 2));
  assert_int_equal(a->points, 2);
  assert_close(a->ssd_mm, 900, 0);
  assert_close(a->depth_mm[1], 100, 0);
  assert_close(a->dose[1], 62.9, 1e-12);
  assert_int_equal(b->points, 3);
  assert_close(b->field_x_mm, 100, 0);
  assert_close(b->field_y_mm, 80, 0);
  assert_close(b->depth_mm[0], 10, 0);
  assert_close(b->dose[2], 1.3, 1e-12);
  pencone_measurement_destroy(m);
}

static void names_the_line(void **state) {
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"", "m.csv: got no rows, expected the first to be field_x_mm,field_y_mm,ssd_mm,depth_mm,dose"},
      {"depth,dose\n1,2\n", "m.csv:1: first row: got another name in column 1, expected field_x_mm"},
      {"field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n", "m.csv:1: depth dose: got none"},
      {"field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n50,50,900,15,x\n",
       "m.csv:2: dose: got 'x', expected a number"},
      {"field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n50,50,900,15\n", "m.csv:2: dose: got the end of the row"},
      {"field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n50,50,900,15,1,2\n",
       "m.csv:2: row: got more than 5 values"},
      {"field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n50,2,900,15,1\n",
       "m.csv:2: field_y_mm: got 2, expected 5 to 400"},
      {"field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n50,50,900,15,0\n", "m.csv:2: dose: got 0"},
      {"field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n50,50,900,15,1\n50,50,900,15,1\n",
       "m.csv:3: depth_mm: got 15, expected more than the 15 before"},
      {"field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n50,50,900,15,1\n60,50,900,15,1\n",
       "m.csv:3: depth dose: the one before got 1 point"},
      {"field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n50,50,900,15,1\n", "m.csv:2: depth dose: got 1 point"},
  };
  const unit_files *files = *state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    pencone_measurement *m = NULL;
    const pencone_status status =
        pencone_measurement_read(files->ctx, unit_write_text(files, "m.csv", cases[i].text), &m);
    assert_true(status == PENCONE_E_FORMAT || status == PENCONE_E_RANGE);
    assert_error_has(files->ctx, cases[i].says);
    assert_null(m);
  }
  pencone_measurement *m = NULL;
  assert_int_equal(pencone_measurement_read(files->ctx, unit_path(files, "none.csv"), &m), PENCONE_E_FILE);
}

static void refuses_values(void **state) {
  const unit_files *files = *state;
  const double depth_mm[3] = {10, 20, 20}, dose[3] = {3, 2, 1};
  pencone_depth_dose curve = {100, 100, 900, 3, depth_mm, dose};
  pencone_measurement *m = NULL;
  assert_int_equal(pencone_measurement_create(files->ctx, 1, &curve, &m), PENCONE_E_RANGE);
  assert_error_has(files->ctx,
                   "depth dose 1, point 3: depth: got 20 mm, expected more than the 20 mm before");
  curve.points = 2;
  curve.ssd_mm = (double)NAN;
  assert_int_equal(pencone_measurement_create(files->ctx, 1, &curve, &m), PENCONE_E_RANGE);
  curve.ssd_mm = 900;
  assert_int_equal(pencone_measurement_create(files->ctx, 0, &curve, &m), PENCONE_E_RANGE);
  assert_int_equal(pencone_measurement_create(files->ctx, 1, NULL, &m), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_measurement_create(files->ctx, 1, &curve, &m), PENCONE_OK);
  pencone_measurement_destroy(m);
}

static void every_allocation_may_fail(void **state) {
  const unit_files *files = *state;
  const char *path = unit_write_text(files, "m.csv", good);
  int failures = 0;
  for (;; failures++) {
    pencone_measurement *m = NULL;
    pcn_alloc_fail_after(files->ctx, failures);
    const pencone_status status = pencone_measurement_read(files->ctx, path, &m);
    pcn_alloc_fail_after(files->ctx, -1);
    pencone_measurement_destroy(m);
    if (status == PENCONE_OK) {
      break;
    }
    assert_int_equal(status, PENCONE_E_MEMORY);
  }
  assert_true(failures >= 5);
}

static void machine_comes_back(void **state) {
  const unit_files *files = *state;
  const double edges_mev[4] = {0, 1.0 / 3, 2, 6}, weight[3] = {1, 2, 0.7};
  pencone_machine_desc desc = PENCONE_MACHINE_DESC_DEFAULT;
  desc.name = "our \"6 MV\" \\ room: 2";
  desc.description = "made # by\nhand";
  desc.sad_mm = 1000.5;
  desc.bins = 3;
  desc.edges_mev = edges_mev;
  desc.weight = weight;
  pencone_machine *machine = NULL, *read = NULL;
  assert_int_equal(pencone_machine_create(files->ctx, &desc, &machine), PENCONE_OK);
  const char *path = unit_path(files, "machine.yaml");
  assert_int_equal(pencone_machine_write(files->ctx, path, machine), PENCONE_OK);
  assert_int_equal(unit_file_count(files), 1);  // nothing is left beside it
  assert_int_equal(pencone_machine_read(files->ctx, path, &read), PENCONE_OK);
  const pencone_machine_desc *got = pencone_machine_describe(read);
  assert_string_equal(got->name, desc.name);
  assert_string_equal(got->description, "made # by hand");
  assert_close(got->sad_mm, 1000.5, 0);
  assert_int_equal(got->bins, 3);
  for (int i = 0; i < 3; i++) {
    assert_near(got->edges_mev[i + 1], edges_mev[i + 1], 1e-15);
    assert_near(got->weight[i], weight[i] / 3.7, 1e-15);
  }
  assert_int_equal(pencone_machine_write(files->ctx, unit_path(files, "none/machine.yaml"), machine),
                   PENCONE_E_FILE);
  assert_int_equal(pencone_machine_write(files->ctx, path, NULL), PENCONE_E_ARGUMENT);
  pencone_machine_destroy(read);
  pencone_machine_destroy(machine);
}

static void protons_are_not_written(void **state) {
  const unit_files *files = *state;
  pencone_machine *machine = NULL;
  assert_int_equal(pencone_machine_read(files->ctx, "ideal-proton", &machine), PENCONE_OK);
  assert_int_equal(pencone_machine_write(files->ctx, unit_path(files, "p.yaml"), machine),
                   PENCONE_E_UNSUPPORTED);
  assert_int_equal(unit_file_count(files), 0);
  pencone_machine_destroy(machine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_FILES_TEST(reads_curves),       UNIT_FILES_TEST(names_the_line),
      UNIT_FILES_TEST(refuses_values),     UNIT_FILES_TEST(every_allocation_may_fail),
      UNIT_FILES_TEST(machine_comes_back), UNIT_FILES_TEST(protons_are_not_written),
  };
  return cmocka_run_group_tests_name("measurement", tests, NULL, NULL);
}

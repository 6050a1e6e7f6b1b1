// SPDX-License-Identifier: Apache-2.0
// What machines know for the pencil beam only: measured kernels, penumbra and horn, in memory and in files;
// and output factors.
#define _XOPEN_SOURCE 700
#include <pencone/machine.h>

#include "beam/pencil_terms.h"
#include "num/cubic.h"
#include "photon/pencil_kernel.h"
#include "unit_io.h"

static const double edges_mev[2] = {0, 2}, weight[1] = {1};
static const double depth_mm[5] = {0, 20, 100, 300, 600}, radius_mm[5] = {0, 5, 50, 200, 500};
static const double depth[10] = {1e-12, 8e-12, 6e-12, 2e-12, 4e-13, 1e-13, 1e-12, 2e-12, 1e-12, 3e-13};
static const double circle[10] = {0, 0.7, 0.9, 0.98, 1, 0, 0.1, 0.4, 0.9, 1};
static const double horn_mm[3] = {0, 100, 200}, horn[3] = {1, 1.03, 1.05};
static const pencone_pencil_terms terms = {2, 5, 5, depth_mm, radius_mm, depth, circle};

static pencone_machine_desc whole(void) {
  pencone_machine_desc desc = PENCONE_MACHINE_DESC_DEFAULT;
  desc.name = "whole";
  desc.bins = 1;
  desc.edges_mev = edges_mev;
  desc.weight = weight;
  desc.pencil = &terms;
  desc.penumbra_sigma_mm = 2.5;
  desc.horn_points = 3;
  desc.horn_radius_mm = horn_mm;
  desc.horn = horn;
  return desc;
}

static void files_keep_them(void **state) {
  const unit_files *files = *state;
  const pencone_machine_desc desc = whole();
  pencone_machine *machine = NULL, *read = NULL;
  const char *path = unit_path(files, "machine.yaml");
  assert_int_equal(pencone_machine_create(files->ctx, &desc, &machine), PENCONE_OK);
  assert_int_equal(pencone_machine_write(files->ctx, path, machine), PENCONE_OK);
  assert_int_equal(pencone_machine_read(files->ctx, path, &read), PENCONE_OK);
  const pencone_machine_desc *got = pencone_machine_describe(read);
  assert_non_null(got->pencil);
  assert_ptr_not_equal(got->pencil, &terms);
  assert_int_equal(got->pencil->terms, 2);
  assert_memory_equal(got->pencil->depth_mm, depth_mm, sizeof depth_mm);
  assert_memory_equal(got->pencil->radius_mm, radius_mm, sizeof radius_mm);
  assert_memory_equal(got->pencil->depth, depth, sizeof depth);
  assert_memory_equal(got->pencil->circle, circle, sizeof circle);
  assert_close(got->penumbra_sigma_mm, 2.5, 0);
  assert_int_equal(got->horn_points, 3);
  assert_memory_equal(got->horn, horn, sizeof horn);
  assert_string_equal(pencone_machine_sha256(read), pencone_machine_sha256(machine));
  assert_close(pcn_horn(got, 100), 1.03, 1e-12);
  assert_close(pcn_horn(got, 500), 1.05, 1e-12);
  pencone_machine_destroy(read);
  pencone_machine_destroy(machine);
}

// Each makes another machine; a machine without any keeps the hash of versions that knew none.
static void hashes_tell_them_apart(void **state) {
  const unit_files *files = *state;
  pencone_machine_desc desc[4] = {whole(), whole(), whole(), whole()};
  pencone_machine *machine[4];
  desc[1].pencil = NULL;
  desc[2].horn_points = 0;
  desc[3].penumbra_sigma_mm = 0;
  for (int i = 0; i < 4; i++) {
    assert_int_equal(pencone_machine_create(files->ctx, &desc[i], &machine[i]), PENCONE_OK);
    for (int k = 0; k < i; k++) {
      assert_string_not_equal(pencone_machine_sha256(machine[i]), pencone_machine_sha256(machine[k]));
    }
  }
  for (int i = 0; i < 4; i++) {
    pencone_machine_destroy(machine[i]);
  }
}

static void refuse(const unit_files *files, const pencone_machine_desc *desc, const char *says) {
  pencone_machine *machine = NULL;
  assert_int_equal(pencone_machine_create(files->ctx, desc, &machine), PENCONE_E_RANGE);
  assert_error_has(files->ctx, says);
  assert_null(machine);
}

static void values_are_checked(void **state) {
  const unit_files *files = *state;
  const double falling[5] = {0, 20, 10, 300, 600}, late[5] = {1, 20, 100, 300, 600}, dark[3] = {1, 1, 0};
  double none[10] = {0}, bad[10];
  pencone_pencil_terms k = terms;
  pencone_machine_desc desc = whole();
  desc.pencil = &k;
  k.terms = 5;
  refuse(files, &desc, "pencil beam: got 5 terms, expected 1 to 4");
  k = terms;
  k.depths = 2;
  refuse(files, &desc, "pencil beam: got 2 depths and 5 radii, expected 4 to 700 each");
  k = terms;
  k.depth_mm = falling;
  refuse(files, &desc, "pencil beam depth_mm: got 10 after 20, expected more");
  k.depth_mm = late;
  refuse(files, &desc, "pencil beam depth_mm: got 1 as the first, expected 0");
  k = terms;
  k.depth = none;
  refuse(files, &desc, "dose at depth 0 mm in the largest circle: got 0, expected more than 0");
  k = terms;
  memcpy(bad, circle, sizeof bad);
  bad[5] = 0.1;
  k.circle = bad;
  refuse(files, &desc, "circle of radius 0, term 2: got 0.1, expected 0");
  bad[5] = (double)NAN;
  refuse(files, &desc, "pencil beam circle of term 2: got");
  desc = whole();
  desc.horn = dark;
  refuse(files, &desc, "horn at 200 mm: got 0, expected 0.1 to 3");
  desc = whole();
  desc.penumbra_sigma_mm = -1;
  refuse(files, &desc, "penumbra_sigma_mm: got -1, expected 0 to 20");
}

static void files_name_the_line(void **state) {
  static const char head[] = "machine: m\nsad_mm: 1000\nspectrum: mohan6\n";
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"pencil_beam: {depth_mm: [0, 1, 2, 3]}\n", "m.yaml:4:"},
      {"pencil_beam:\n  depth_mm: [0, 1, 3, 2]\n  radius_mm: [0, 1, 2, 3]\n  depth: [[1, 1, 1, 1]]\n"
       "  circle: [[0, 1, 1, 1]]\n",
       "m.yaml:5: depth_mm: got 2 as value 4, expected more than the one before"},
      {"pencil_beam:\n  depth_mm: [0, 1, 2, 3]\n  radius_mm: [0, 1, 2, 3]\n  depth: [[1, 1, 1, 1]]\n"
       "  circle: [[0, 1, 1, 1], [0, 1, 1, 1]]\n",
       "m.yaml:8: circle: got 2 terms, expected 1, as many as of the other"},
      {"horn: {radius_mm: [0, 100], fluence: [1, 9]}\n", "m.yaml:4: fluence: got 9"},
      {"penumbra_sigma_mm: 40\n", "m.yaml:4: penumbra_sigma_mm: got 40"},
  };
  const unit_files *files = *state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[512];
    pencone_machine *machine = NULL;
    snprintf(text, sizeof text, "%s%s", head, cases[i].text);
    assert_true(pencone_machine_read(files->ctx, unit_write_text(files, "m.yaml", text), &machine) !=
                PENCONE_OK);
    assert_error_has(files->ctx, cases[i].says);
    assert_null(machine);
  }
}

static void every_allocation_may_fail(void **state) {
  const unit_files *files = *state;
  const pencone_machine_desc desc = whole();
  pencone_machine *machine = NULL;
  const char *path = unit_path(files, "machine.yaml");
  assert_int_equal(pencone_machine_create(files->ctx, &desc, &machine), PENCONE_OK);
  assert_int_equal(pencone_machine_write(files->ctx, path, machine), PENCONE_OK);
  pencone_machine_destroy(machine);
  int failures = 0;
  for (;; failures++) {
    pcn_alloc_fail_after(files->ctx, failures);
    const pencone_status status = pencone_machine_read(files->ctx, path, &machine);
    pcn_alloc_fail_after(files->ctx, -1);
    pencone_machine_destroy(machine);
    if (status == PENCONE_OK) {
      break;
    }
    assert_int_equal(status, PENCONE_E_MEMORY);
  }
  assert_true(failures >= 8);
}

// What the machine says is what the kernel gives: to half a per cent where the nodes are as coarse as here.
static void kernels_follow_the_terms(void **state) {
  const unit_files *files = *state;
  pcn_pencil_kernel *k = NULL;
  assert_int_equal(pcn_pencil_kernel_make(files->ctx, NULL, &terms, 0, 4, &k), PENCONE_OK);
  for (int d = 1; d < 4; d++) {
    const double width_mm[2] = {100, 100};
    double at_radius[48], of[48], expected = 0;
    pcn_rectangle_circles(width_mm, at_radius, of);
    double sum = 0;
    for (int p = 0; p < PCN_RECTANGLE_POINTS; p++) {
      sum += of[p];
      for (int t = 0; t < 2; t++) {
        expected += of[p] * depth[5 * t + d] * pcn_cubic(radius_mm, circle + 5 * t, 5, at_radius[p]);
      }
    }
    assert_close(sum, 1, 1e-12);
    assert_near(1.602176634e-10 * pcn_pencil_on_axis(k, width_mm, depth_mm[d]), expected, 0.005);
  }
  pcn_free(k);
}

static const char table[] =
    "field_x_mm,field_y_mm,depth_mm,tpr\n50,50,50,1.2\n50,50,100,1\n100,100,50,1.16\n100,100,100,1\n";

static void output_factors_scale(void **state) {
  const unit_files *files = *state;
  pencone_measurement *m = NULL, *scaled = NULL;
  pencone_output_kind kind = PENCONE_PHANTOM_SCATTER;
  const char *factors = unit_write_text(
      files, "of.csv", "field_x_mm,field_y_mm,depth_mm,total_scatter\n100,100,100,1\n50,50,100,0.9\n");
  assert_int_equal(pencone_measurement_read(files->ctx, unit_write_text(files, "t.csv", table), &m),
                   PENCONE_OK);
  assert_close(pencone_measurement_at(m, 0)->ssd_mm, 0, 0);
  assert_close(pencone_measurement_at(m, 0)->dose[0], 1.2, 0);
  assert_int_equal(pencone_output_factors_read(files->ctx, factors, m, &kind, &scaled), PENCONE_OK);
  assert_int_equal(kind, PENCONE_TOTAL_SCATTER);
  assert_near(pencone_measurement_at(scaled, 0)->dose[0], 1.08, 1e-12);
  assert_near(pencone_measurement_at(scaled, 1)->dose[0], 1.16, 1e-12);
  pencone_measurement_destroy(scaled);
  pencone_measurement_destroy(m);
}

static void output_factors_name_the_line(void **state) {
#define PCN_HEAD "field_x_mm,field_y_mm,depth_mm,phantom_scatter\n"
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"", "of.csv: got no rows, expected the first to be field_x_mm,field_y_mm,depth_mm,phantom_scatter"},
      {"field_x_mm,field_y_mm,depth_mm,scatter\n", "of.csv:1: first row: got another name in column 4"},
      {PCN_HEAD "50,50,100,-1\n", "of.csv:2: phantom_scatter: got -1, expected 0.001 to 1000"},
      {PCN_HEAD "50,50,100,x\n", "of.csv:2: phantom_scatter: got 'x', expected a number"},
      {PCN_HEAD "50,50,200,0.9\n",
       "of.csv:2: depth_mm: got 200, expected one within the field's depth dose, 50 to 100"},
      {PCN_HEAD "50,50,100,0.9\n70,70,100,1\n",
       "of.csv:3: field: got 70 x 70 mm, expected one that has a depth dose"},
      {PCN_HEAD "50,50,100,0.9\n50,50,50,1\n", "of.csv:3: field: got 50 x 50 mm again, expected it once"},
      {PCN_HEAD "50,50,100,0.9\n",
       "of.csv:2: output factor: got none for 100 x 100 mm, expected one for each"},
  };
  const unit_files *files = *state;
  pencone_measurement *m = NULL;
  assert_int_equal(pencone_measurement_read(files->ctx, unit_write_text(files, "t.csv", table), &m),
                   PENCONE_OK);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    pencone_measurement *scaled = NULL;
    pencone_output_kind kind = PENCONE_PHANTOM_SCATTER;
    const char *path = unit_write_text(files, "of.csv", cases[i].text);
    assert_true(pencone_output_factors_read(files->ctx, path, m, &kind, &scaled) != PENCONE_OK);
    assert_error_has(files->ctx, cases[i].says);
    assert_null(scaled);
  }
  pencone_measurement_destroy(m);
}

static void cubic_goes_through_its_points(void **state) {
  const double x[4] = {0, 1, 3, 7}, y[4] = {0, 1, 9, 49};
  (void)state;
  for (int i = 0; i < 4; i++) {
    assert_close(pcn_cubic(x, y, 4, x[i]), y[i], 1e-12);
  }
  assert_close(pcn_cubic(x, y, 4, 2), 4, 1e-12);  // parabolas are met exactly
  assert_close(pcn_cubic(x, y, 4, 0.5), 0.25, 1e-12);
  assert_close(pcn_cubic(x, y, 4, -1), 0, 0);
  assert_close(pcn_cubic(x, y, 4, 9), 49, 0);
  assert_close(pcn_cubic(x, y, 2, 0.5), 0.5, 1e-12);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_FILES_TEST(files_keep_them),
      UNIT_FILES_TEST(hashes_tell_them_apart),
      UNIT_FILES_TEST(values_are_checked),
      UNIT_FILES_TEST(files_name_the_line),
      UNIT_FILES_TEST(every_allocation_may_fail),
      UNIT_FILES_TEST(kernels_follow_the_terms),
      UNIT_FILES_TEST(output_factors_scale),
      UNIT_FILES_TEST(output_factors_name_the_line),
      UNIT_FILES_TEST(cubic_goes_through_its_points),
  };
  return cmocka_run_group_tests_name("pencil_terms", tests, NULL, NULL);
}

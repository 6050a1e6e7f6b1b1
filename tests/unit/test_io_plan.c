// SPDX-License-Identifier: Apache-2.0
// Plan and machine files, and the YAML reader's messages.
#define _XOPEN_SOURCE 700
#include <locale.h>

#include "data/data.h"
#include "unit_io.h"

static const char head[] =
    "plan: test\n"
    "phantom: sub/p.h5\n"
    "engine: {name: photon-collapsed-cone, directions: 96}\n"
    "quantity: dose-to-water\n"
    "dose_grid: {spacing_mm: [2.5, 2, 3], box_mm: {min: [-10, 0, -20], max: [10, 50, 20]}}\n"
    "beams:\n";
static const char beam[] =
    "  - name: AP\n"
    "    machine: ideal-mohan-6mv\n"
    "    isocenter_mm: [1, -2.5, 3e1]\n"
    "    gantry_deg: 270\n"
    "    couch_deg: -10.5\n"
    "    field_mm: {x: [-25, 26], y: [-15, 16]}\n"
    "    fluence_per_cm2: 1.5e9\n";

static const char *write_plan(const unit_files *f, const char *first, const char *second) {
  char text[4000];
  snprintf(text, sizeof text, "%s%s", first, second);
  return unit_write_text(f, "plan.yaml", text);
}

static void plan_is_read(void **state) {
  const unit_files *f = *state;
  pencone_plan *plan = NULL;
  char *phantom = NULL;
  char *text = NULL;
  assert_int_equal(pencone_plan_read(f->ctx, write_plan(f, head, beam), &plan, &phantom, &text), PENCONE_OK);
  assert_string_equal(phantom, unit_path(f, "sub/p.h5"));
  assert_int_equal(strlen(text), strlen(head) + strlen(beam));
  assert_string_equal(pencone_plan_name(plan), "test");
  assert_string_equal(pencone_plan_engine(plan), "photon-collapsed-cone");
  assert_string_equal(pencone_plan_options_text(plan), "directions=96");
  assert_int_equal(pencone_plan_quantity(plan), PENCONE_DOSE_TO_WATER);
  assert_close(pencone_plan_dose_grid(plan)->spacing_mm[1], 2, 0);
  assert_close(pencone_plan_dose_grid(plan)->box_max_mm[1], 50, 0);
  assert_int_equal(pencone_plan_beam_count(plan), 1);
  const pencone_beam *b = pencone_plan_beam(plan, 0);
  assert_string_equal(b->name, "AP");
  assert_close(b->isocenter_mm[2], 30, 0);
  assert_close(b->gantry_deg, 270, 0);
  assert_close(b->collimator_deg, 0, 0);
  assert_close(b->couch_deg, -10.5, 0);
  assert_close(b->field_x_mm[1], 26, 0);
  assert_close(b->field_y_mm[0], -15, 0);
  assert_close(b->fluence_per_cm2, 1.5e9, 0);
  assert_string_equal(pencone_machine_describe(b->machine)->name, "ideal-mohan-6mv");
  pencone_plan_destroy(plan);
  pencone_string_free(phantom);
  pencone_string_free(text);
}

// docs/formats.md: the collapsed cone is the default engine.
static void the_engine_may_be_left_out(void **state) {
  const unit_files *f = *state;
  pencone_plan *plan = NULL;
  assert_int_equal(pencone_plan_read(f->ctx, write_plan(f, "plan: p\nbeams:\n", beam), &plan, NULL, NULL),
                   PENCONE_OK);
  assert_string_equal(pencone_plan_engine(plan), "photon-collapsed-cone");
  pencone_plan_destroy(plan);
}

static void the_locale_does_not_count(void **state) {
  const unit_files *f = *state;
  pencone_plan *plan = NULL;
  const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
  for (int i = 0; i < 3 && setlocale(LC_NUMERIC, names[i]) == NULL; ++i) {
  }
  assert_int_equal(pencone_plan_read(f->ctx, write_plan(f, head, beam), &plan, NULL, NULL), PENCONE_OK);
  assert_close(pencone_plan_beam(plan, 0)->isocenter_mm[1], -2.5, 0);
  pencone_plan_destroy(plan);
  setlocale(LC_NUMERIC, "C");
}

/// Reads head and beam with one text replaced by another and expects a failure.
static void expect(const unit_files *f, const char *from, const char *to, pencone_status status,
                   const char *part) {
  char good[4000], bad[4000];
  pencone_plan *plan = NULL;
  char *phantom = NULL;
  snprintf(good, sizeof good, "%s%s", head, beam);
  char *at = strstr(good, from);
  assert_non_null(at);
  snprintf(bad, sizeof bad, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
  assert_int_equal(pencone_plan_read(f->ctx, unit_write_text(f, "plan.yaml", bad), &plan, &phantom, NULL),
                   status);
  assert_null(plan);
  assert_null(phantom);
  assert_error_has(f->ctx, "plan.yaml:");
  assert_error_has(f->ctx, part);
}

static void wrong_keys_are_named_with_their_line(void **state) {
  const unit_files *f = *state;
  expect(f, "isocenter_mm", "isocentre_mm", PENCONE_E_FORMAT,
         "plan.yaml:9: beam 1: got the unknown key 'isocentre_mm', expected 'isocenter_mm'?");
  expect(f, "gantry_deg", "gantry", PENCONE_E_FORMAT, "expected 'gantry_deg'?");
  expect(f, "couch_deg", "qwertz", PENCONE_E_FORMAT, "expected one of name, machine");
  expect(f, "couch_deg", "gantry_deg", PENCONE_E_FORMAT,
         "plan.yaml:11: beam 1: got the key 'gantry_deg' again");
  expect(f, "    gantry_deg: 270\n", "", PENCONE_E_FORMAT, "plan.yaml:7: beam 1: got no 'gantry_deg'");
  expect(f, "phantom:", "fantom:", PENCONE_E_FORMAT, "plan.yaml:2: plan: got the unknown key 'fantom'");
  expect(f, "{x: [", "{z: [", PENCONE_E_FORMAT, "plan.yaml:12: field_mm");
}

static void bixels_are_read(void **state) {
  const unit_files *f = *state;
  static const char *const good[] = {"bixel_mm: 1", "bixel_mm: [17, 15.5]"};
  static const double wanted_mm[2][2] = {{1, 1}, {17, 15.5}};
  for (int i = 0; i < 2; ++i) {
    char text[2000];
    pencone_plan *plan = NULL;
    snprintf(text, sizeof text, "%s    %s\n", beam, good[i]);
    assert_int_equal(pencone_plan_read(f->ctx, write_plan(f, head, text), &plan, NULL, NULL), PENCONE_OK);
    assert_memory_equal(pencone_plan_beam(plan, 0)->bixel_mm, wanted_mm[i], sizeof wanted_mm[i]);
    pencone_plan_destroy(plan);
  }
  expect(f, "couch_deg", "bixel_mm: 0\n    couch_deg", PENCONE_E_RANGE, "plan.yaml:11: bixel_mm: got 0");
  expect(f, "couch_deg", "bixel_mm: [5]\n    couch_deg", PENCONE_E_FORMAT, "plan.yaml:11: bixel_mm");
  expect(f, "couch_deg", "bixel_mm: seven\n    couch_deg", PENCONE_E_FORMAT, "plan.yaml:11: bixel_mm");
  expect(f, "couch_deg", "bixel_mm: 7\n    couch_deg", PENCONE_E_RANGE,
         "not a whole part of the field of 51 mm");
}

static void keys_of_later_versions_are_unsupported(void **state) {
  const unit_files *f = *state;
  const char *const keys[] = {"monitor_units", "mlc_mm", "wedge"};
  for (int i = 0; i < 3; ++i) {
    char text[64];
    snprintf(text, sizeof text, "%s: 3\n    couch_deg", keys[i]);
    expect(f, "couch_deg", text, PENCONE_E_UNSUPPORTED, "plan.yaml:11: beam 1: '");
    assert_error_has(f->ctx, keys[i]);
  }
  expect(f, "couch_deg", "range_shifter_mm: 3\n    couch_deg", PENCONE_E_FORMAT,
         "plan.yaml:11: beam: got a range shifter without 'layers'");
  expect(f, "couch_deg", "aperture: {distance_mm: 60, field_mm: {x: [-1, 1], y: [-1, 1]}}\n    couch_deg",
         PENCONE_E_FORMAT, "plan.yaml:11: beam: got an aperture without 'layers'");
  expect(f, "photon-collapsed-cone, directions: 96}", "electron-pencil-beam}", PENCONE_E_MISSING,
         "plan.yaml:3");
}

static void layers_of_protons_are_checked(void **state) {
  const unit_files *f = *state;
  const struct {
    const char *layers;
    pencone_status status;
    const char *part;
  } cases[] = {
      {"[{energy_mev: 150, spots: [[0, 0, 1e6], [5, 0, 0]]}]", PENCONE_OK, ""},
      {"[{energy_mev: 60, spots: [[0, 0, 1]]}]", PENCONE_E_RANGE, "energy_mev: got 60, expected 70 to 230"},
      {"[{energy_mev: 150, spots: [[0, 0, -1]]}]", PENCONE_E_RANGE, "protons: got -1, expected 0 or more"},
      {"[{energy_mev: 150, spots: [[0, 301, 1]]}]", PENCONE_E_RANGE, "spot 1: got (0, 301) mm"},
      {"[{energy_mev: 150, spots: [[0, 0]]}]", PENCONE_E_FORMAT, "expected a list of 3 numbers"},
      {"[{energy_mev: 150}]", PENCONE_E_FORMAT, "layer: got no 'spots'"},
      {"[]", PENCONE_E_FORMAT, "layers"},
      {"[{energy_mev: 150, spots: [[0, 0, 1]]}]\n    field_mm: {x: [-1, 1], y: [-1, 1]}", PENCONE_E_FORMAT,
       "'field_mm' and 'layers'"},
      {"[{energy_mev: 150, spots: [[0, 0, 1]]}]\n    control_points: [{weight: 1}]", PENCONE_E_FORMAT,
       "protons.yaml:9: beam: got 'control_points' and 'layers', expected one of them: protons have layers"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    char text[1024];
    snprintf(text, sizeof text,
             "plan: p\nengine: {name: proton-pencil-beam}\nbeams:\n  - name: b\n    machine: ideal-proton\n"
             "    isocenter_mm: [0, 0, 0]\n    gantry_deg: 0\n    layers: %s\n",
             cases[i].layers);
    pencone_plan *plan = NULL;
    const char *path = unit_write_text(f, "protons.yaml", text);
    assert_int_equal(pencone_plan_read(f->ctx, path, &plan, NULL, NULL), cases[i].status);
    if (cases[i].status == PENCONE_OK) {
      const pencone_beam *read = pencone_plan_beam(plan, 0);
      assert_int_equal(read->layer_count, 1);
      assert_int_equal(read->layers[0].spot_count, 2);
      assert_true(fabs(read->layers[0].spots[1].x_mm - 5) < 1e-9);
      assert_true(fabs(read->field_x_mm[1] - 6) < 1e-9);
      pencone_plan_destroy(plan);
    } else {
      assert_null(plan);
      assert_error_has(f->ctx, cases[i].part);
    }
  }
}

static void wrong_control_points_are_shown_with_their_line(void **state) {
  const unit_files *f = *state;
  const struct {
    const char *points;
    pencone_status status;
    const char *part;
  } cases[] = {
      {"[{weight: 1}, {weight: -1}]", PENCONE_E_RANGE, "plan.yaml:11: weight: got -1"},
      {"[{weight: 0}]", PENCONE_E_RANGE, "weights of its control points: got a sum of 0"},
      {"\n    - {weight: 1}\n    - {weight: 1, gantry_deg: 361}", PENCONE_E_RANGE,
       "plan.yaml:13: gantry_deg: got 361"},
      {"\n    - {weight: 1}\n    - {weight: 1, field_mm: {x: [1, 1], y: [0, 1]}}", PENCONE_E_RANGE,
       "plan.yaml:13: control point 2: field x: got 1 to 1 mm"},
      {"[{gantry_deg: 1}]", PENCONE_E_FORMAT, "plan.yaml:11: control point 1: got no 'weight'"},
      {"[{weight: 1, gantry: 1}]", PENCONE_E_FORMAT, "control point 1: got the unknown key 'gantry'"},
      {"[]", PENCONE_E_FORMAT, "control_points"},
      {"3", PENCONE_E_FORMAT, "plan.yaml:11: control_points"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    char text[256];
    snprintf(text, sizeof text, "control_points: %s\n    couch_deg", cases[i].points);
    expect(f, "couch_deg", text, cases[i].status, cases[i].part);
  }
}

static void wrong_values_are_shown(void **state) {
  const unit_files *f = *state;
  expect(f, "gantry_deg: 270", "gantry_deg: left", PENCONE_E_FORMAT,
         "plan.yaml:10: gantry_deg: got 'left', expected a number");
  expect(f, "gantry_deg: 270", "gantry_deg: 1,5", PENCONE_E_FORMAT, "got '1,5'");
  expect(f, "gantry_deg: 270", "gantry_deg: .nan", PENCONE_E_FORMAT, "got '.nan'");
  expect(f, "gantry_deg: 270", "gantry_deg:", PENCONE_E_FORMAT, "got nothing");
  expect(f, "gantry_deg: 270", "gantry_deg: 361", PENCONE_E_RANGE, "got 361, expected -360 to 360");
  expect(f, "gantry_deg: 270", "gantry_deg: [1]", PENCONE_E_FORMAT, "got a list of 1");
  expect(f, "[1, -2.5, 3e1]", "[1, 2]", PENCONE_E_FORMAT, "got a list of 2, expected a list of 3 numbers");
  expect(f, "[1, -2.5, 3e1]", "{x: 1}", PENCONE_E_FORMAT, "got a mapping");
  expect(f, "x: [-25, 26]", "x: [26, 26]", PENCONE_E_RANGE, "plan.yaml:7");
  expect(f, "1.5e9", "0", PENCONE_E_RANGE, "fluence");
  expect(f, "1.5e9", "-1", PENCONE_E_RANGE, "fluence_per_cm2: got -1");
  expect(f, "ideal-mohan-6mv", "ideal-mohan-7mv", PENCONE_E_MISSING,
         "plan.yaml:8: machine: got 'ideal-mohan-7mv'");
  expect(f, "ideal-mohan-6mv", "none.yaml", PENCONE_E_FILE, "none.yaml: cannot be opened");
  expect(f, "collapsed-cone", "collapsed-bone", PENCONE_E_MISSING, "plan.yaml:3");
  expect(f, "directions: 96", "directons: 96", PENCONE_E_MISSING, "plan.yaml:3");
  expect(f, "directions: 96", "directions: none", PENCONE_E_RANGE, "plan.yaml:3");
  expect(f, "dose-to-water", "dose-to-gold", PENCONE_E_FORMAT, "plan.yaml:4: quantity: got 'dose-to-gold'");
  expect(f, "[2.5, 2, 3]", "[2.5, 0, 3]", PENCONE_E_RANGE, "plan.yaml:5: spacing_mm: got 0");
  expect(f, "max: [10", "max: [-10", PENCONE_E_RANGE, "plan.yaml:5: box_mm");
  expect(f, "engine: {", "engine: [", PENCONE_E_FORMAT, "not valid YAML");
}

static void files_that_are_no_plan_are_refused(void **state) {
  const unit_files *f = *state;
  pencone_plan *plan = NULL;
  const char *const texts[] = {
      "",        "# nothing\n",  "- 1\n- 2\n",   "plan: x\n---\nplan: y\n", "word",
      "a: *b\n", "? [1]\n: 2\n", "a: &a [*a]\n", "plan: \"\\xff\n",         "\xff\xfe\x00"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
    const char *path = unit_write_text(f, "plan.yaml", texts[i]);
    assert_int_equal(pencone_plan_read(f->ctx, path, &plan, NULL, NULL), PENCONE_E_FORMAT);
    assert_error_has(f->ctx, "plan.yaml");
    assert_null(plan);
  }
  unit_write(unit_path(f, "zero.yaml"), "plan: x\0y", 9);
  assert_int_equal(pencone_plan_read(f->ctx, unit_path(f, "zero.yaml"), &plan, NULL, NULL), PENCONE_E_FORMAT);
  assert_error_has(f->ctx, "zero byte");
  assert_int_equal(pencone_plan_read(f->ctx, unit_path(f, "none.yaml"), &plan, NULL, NULL), PENCONE_E_FILE);
  assert_int_equal(pencone_plan_read(f->ctx, NULL, &plan, NULL, NULL), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_plan_read(f->ctx, "x", NULL, NULL, NULL), PENCONE_E_ARGUMENT);
}

static void a_plan_may_be_without_phantom(void **state) {
  const unit_files *f = *state;
  char text[4000];
  pencone_plan *plan = NULL;
  char *phantom = NULL;
  snprintf(text, sizeof text, "plan: x\nengine: {name: photon-collapsed-cone}\nbeams:\n%s", beam);
  const char *path = unit_write_text(f, "plan.yaml", text);
  assert_int_equal(pencone_plan_read(f->ctx, path, &plan, &phantom, NULL), PENCONE_OK);
  assert_null(phantom);
  pencone_plan_destroy(plan);
}

static void a_second_beam_needs_a_name_of_its_own(void **state) {
  const unit_files *f = *state;
  char text[4000];
  pencone_plan *plan = NULL;
  snprintf(text, sizeof text, "%s%s%s", head, beam, beam);
  assert_int_equal(pencone_plan_read(f->ctx, unit_write_text(f, "plan.yaml", text), &plan, NULL, NULL),
                   PENCONE_E_FORMAT);
  assert_error_has(f->ctx, "plan.yaml:14: name: got 'AP' for a second beam");
}

static void reading_survives_every_memory_failure(void **state) {
  const unit_files *f = *state;
  const char *path = write_plan(f, head, beam);
  pencone_status status = PENCONE_E_MEMORY;
  int tries = 0;
  for (; status != PENCONE_OK && tries < 1000; ++tries) {
    pencone_plan *plan = NULL;
    char *phantom = NULL;
    char *text = NULL;
    pcn_alloc_fail_after(f->ctx, tries);
    status = pencone_plan_read(f->ctx, path, &plan, &phantom, &text);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && plan == NULL && phantom == NULL));
    pencone_plan_destroy(plan);
    pencone_string_free(phantom);
    pencone_string_free(text);
  }
  assert_true(tries > 10 && tries < 1000);
}

// --- machines ----------------------------------------------------------------------------------

static void shipped_machines_are_the_embedded_files(void **state) {
  const unit_files *f = *state;
  int embedded = 0;
  for (int i = 0; i < pcn_data_count(); ++i) {
    embedded += strncmp(pcn_data_name(i), "machines/", 9) == 0;
  }
  assert_int_equal(pencone_machine_count(), embedded);
  for (int i = 0; i < pencone_machine_count(); ++i) {
    pencone_machine *machine = NULL;
    assert_int_equal(pencone_machine_read(f->ctx, pencone_machine_name_at(i), &machine), PENCONE_OK);
    assert_string_equal(pencone_machine_describe(machine)->name, pencone_machine_name_at(i));
    const int ideal = strncmp(pencone_machine_name_at(i), "ideal-", 6) == 0;
    assert_true(!ideal || pencone_machine_describe(machine)->sad_mm == 1000);
    const int protons = pencone_machine_describe(machine)->modality == PENCONE_PROTON;
    assert_true(protons || pencone_machine_describe(machine)->bins > 1);
    pencone_machine_destroy(machine);
  }
  assert_null(pencone_machine_name_at(-1));
  assert_null(pencone_machine_name_at(pencone_machine_count()));
}

static void a_machine_of_ones_own_is_read(void **state) {
  const unit_files *f = *state;
  char text[4000];
  pencone_plan *plan = NULL;
  unit_write_text(f, "mine.yaml",
                  "machine: mine\nsad_mm: 800\nspectrum: {edges_mev: [0.5, 1, 2.5], photons: [3, 1]}\n");
  snprintf(text, sizeof text,
           "plan: x\nengine: {name: photon-collapsed-cone}\nbeams:\n"
           "  - {name: a, machine: mine.yaml, isocenter_mm: [0, 0, 0], gantry_deg: 0, field_mm: {x: [-5, 5], "
           "y: [-5, "
           "5]}, fluence_per_cm2: 1}\n");
  assert_int_equal(pencone_plan_read(f->ctx, unit_write_text(f, "plan.yaml", text), &plan, NULL, NULL),
                   PENCONE_OK);
  const pencone_machine_desc *desc = pencone_machine_describe(pencone_plan_beam(plan, 0)->machine);
  assert_string_equal(desc->name, "mine");
  assert_close(desc->sad_mm, 800, 0);
  assert_int_equal(desc->bins, 2);
  assert_close(desc->edges_mev[2], 2.5, 0);
  assert_close(desc->weight[0], 0.75, 1e-15);
  pencone_plan_destroy(plan);
}

static void wrong_machines_are_refused(void **state) {
  const unit_files *f = *state;
  static const struct {
    const char *text;
    pencone_status status;
    const char *part;
  } cases[] = {
      {"machine: m\nsad_mm: 1000\n", PENCONE_E_FORMAT, "m.yaml:1: machine: got no 'spectrum'"},
      {"machine: m\nsad: 1000\nspectrum: mohan6\n", PENCONE_E_FORMAT,
       "m.yaml:2: machine: got the unknown key 'sad'"},
      {"machine: m\nsad_mm: 10\nspectrum: mohan6\n", PENCONE_E_RANGE, "m.yaml:2: sad_mm: got 10"},
      {"machine: m\nsad_mm: 1000\nspectrum: mohan7\n", PENCONE_E_MISSING, "m.yaml:3"},
      {"machine: m\nsad_mm: 1000\nspectrum: {edges_mev: [1, 2], photons: [1, 1]}\n", PENCONE_E_FORMAT,
       "m.yaml:3: edges_mev: got a list of 2, expected a list of 3 numbers"},
      {"machine: m\nsad_mm: 1000\nspectrum: {edges_mev: [2, 1], photons: [1]}\n", PENCONE_E_RANGE,
       "m.yaml:3"},
      {"machine: m\nsad_mm: 1000\nspectrum: {edges_mev: [1, 21], photons: [1]}\n", PENCONE_E_RANGE, "got 21"},
      {"machine: m\nsad_mm: 1000\nspectrum: {edges_mev: [1, 2], photons: [-1]}\n", PENCONE_E_RANGE, "got -1"},
      {"machine: m\nmodality: proton\nsad_mm: 1000\nspectrum: mohan6\n", PENCONE_E_FORMAT, "m.yaml:4"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    pencone_machine *machine = NULL;
    const char *path = unit_write_text(f, "m.yaml", cases[i].text);
    assert_int_equal(pencone_machine_read(f->ctx, path, &machine), cases[i].status);
    assert_null(machine);
    assert_error_has(f->ctx, cases[i].part);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_FILES_TEST(plan_is_read),
      UNIT_FILES_TEST(the_engine_may_be_left_out),
      UNIT_FILES_TEST(layers_of_protons_are_checked),
      UNIT_FILES_TEST(the_locale_does_not_count),
      UNIT_FILES_TEST(wrong_keys_are_named_with_their_line),
      UNIT_FILES_TEST(bixels_are_read),
      UNIT_FILES_TEST(keys_of_later_versions_are_unsupported),
      UNIT_FILES_TEST(wrong_values_are_shown),
      UNIT_FILES_TEST(wrong_control_points_are_shown_with_their_line),
      UNIT_FILES_TEST(files_that_are_no_plan_are_refused),
      UNIT_FILES_TEST(a_plan_may_be_without_phantom),
      UNIT_FILES_TEST(a_second_beam_needs_a_name_of_its_own),
      UNIT_FILES_TEST(reading_survives_every_memory_failure),
      UNIT_FILES_TEST(shipped_machines_are_the_embedded_files),
      UNIT_FILES_TEST(a_machine_of_ones_own_is_read),
      UNIT_FILES_TEST(wrong_machines_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

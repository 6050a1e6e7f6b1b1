// SPDX-License-Identifier: Apache-2.0
// Standard materials: compositions and what follows from them.
#include <pencone/material.h>

#include "matter/attenuation.h"
#include "unit.h"

static pencone_material get(pencone_context *ctx, const char *name) {
  pencone_material m;
  assert_int_equal(pencone_material_find(ctx, name, &m), PENCONE_OK);
  assert_string_equal(m.name, name);
  return m;
}

static void the_ten_are_there(void **state) {
  static const char *const names[] = {"water",       "air",           "lung",      "adipose", "muscle",
                                      "soft-tissue", "cortical-bone", "aluminium", "pmma",    "titanium"};
  assert_int_equal(pencone_material_count(), 10);
  for (int i = 0; i < 10; i++) {
    assert_string_equal(pencone_material_at(i)->name, names[i]);
    const pencone_material m = get(*state, names[i]);
    assert_memory_equal(&m, pencone_material_at(i), sizeof m);
    double sum = 0;
    for (int e = 0; e < m.elements; e++) {
      sum += m.mass_fraction[e];
      assert_true(e == 0 || m.atomic_number[e] > m.atomic_number[e - 1]);
    }
    assert_close(sum, 1, 1e-14);
  }
  assert_null(pencone_material_at(-1));
  assert_null(pencone_material_at(10));
}

static void water(void **state) {
  const pencone_material m = get(*state, "water");
  assert_true(m.density_g_cm3 == 1 && m.elements == 2);
  assert_near(m.z_over_a, 0.55508, 1e-4);
  assert_near(m.z2_over_a, 0.111894 / 1.008 + 0.888106 * 64 / 15.999, 1e-5);
  assert_near(m.mean_excitation_ev, 75.3, 0.005);  // ICRU 49: 75.0
}

// Z/A and I as ICRU Report 49 (1993) and NIST PSTAR list them. Bragg additivity, with two I values for each
// element only, stays within 5 % of those (pmma is the worst).
static void known_values(void **state) {
  static const struct {
    const char *name;
    double density, z_over_a, i_ev;
  } known[] = {{"air", 0.00120479, 0.49919, 85.7},      {"aluminium", 2.6989, 0.48181, 166},
               {"titanium", 4.54, 0.45961, 233},        {"pmma", 1.19, 0.53937, 74.0},
               {"cortical-bone", 1.85, 0.52130, 106.4}, {"adipose", 0.92, 0.55847, 63.2},
               {"muscle", 1.05, 0.54938, 75.3}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    const pencone_material m = get(*state, known[i].name);
    assert_near(m.density_g_cm3, known[i].density, 1e-12);
    assert_near(m.z_over_a, known[i].z_over_a, 2e-3);
    assert_near(m.mean_excitation_ev, known[i].i_ev, 0.05);
  }
}

// Compton scattering counts electrons: mu/rho goes as Z/A where nothing else matters (0.6 to 1.5 MeV).
static void compton_counts_electrons(void **state) {
  pcn_attenuation w, t;
  assert_int_equal(pcn_attenuation_load(*state, "water", &w), PENCONE_OK);
  for (int i = 0; i < pencone_material_count(); i++) {
    const pencone_material *m = pencone_material_at(i);
    assert_int_equal(pcn_attenuation_load(*state, m->name, &t), PENCONE_OK);
    const double ratio = pcn_attenuation_mu(&t, 1) / pcn_attenuation_mu(&w, 1);
    assert_near(ratio, m->z_over_a / pencone_material_at(0)->z_over_a, 0.006);
  }
}

// Mixture rule: pair production per mass goes nearly as Z^2/A, so that the water and aluminium tables
// together give every tissue's (the basis that the engines use), to 0.5 % from 0.3 to 15 MeV.
static void two_basis_materials_make_all_tissues(void **state) {
  static const char *const tissues[] = {"lung",          "adipose", "muscle", "soft-tissue",
                                        "cortical-bone", "pmma",    "air"};
  const pencone_material w = get(*state, "water"), al = get(*state, "aluminium");
  const double det = w.z_over_a * al.z2_over_a - al.z_over_a * w.z2_over_a;
  pcn_attenuation tw, ta, t;
  assert_int_equal(pcn_attenuation_load(*state, "water", &tw), PENCONE_OK);
  assert_int_equal(pcn_attenuation_load(*state, "aluminium", &ta), PENCONE_OK);
  for (size_t i = 0; i < sizeof tissues / sizeof tissues[0]; i++) {
    const pencone_material m = get(*state, tissues[i]);
    const double part_w = (m.z_over_a * al.z2_over_a - al.z_over_a * m.z2_over_a) / det;
    const double part_a = (w.z_over_a * m.z2_over_a - m.z_over_a * w.z2_over_a) / det;
    assert_int_equal(pcn_attenuation_load(*state, tissues[i], &t), PENCONE_OK);
    for (double e = 0.3; e < 15; e *= 1.3) {
      const double mixed = part_w * pcn_attenuation_mu(&tw, e) + part_a * pcn_attenuation_mu(&ta, e);
      assert_near(mixed, pcn_attenuation_mu(&t, e), 0.005);
    }
  }
}

static void unknown_names_list_the_known(void **state) {
  pencone_material m;
  assert_int_equal(pencone_material_find(*state, "bone", &m), PENCONE_E_MISSING);
  assert_error_has(*state, "got \"bone\", expected one of: water air lung");
  assert_error_has(*state, "titanium");
  assert_int_equal(pencone_material_find(NULL, "bone", &m), PENCONE_E_MISSING);
  assert_int_equal(pencone_material_find(*state, NULL, &m), PENCONE_E_ARGUMENT);
  assert_int_equal(pencone_material_find(*state, "water", NULL), PENCONE_E_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(the_ten_are_there),
      UNIT_TEST(water),
      UNIT_TEST(known_values),
      UNIT_TEST(compton_counts_electrons),
      UNIT_TEST(two_basis_materials_make_all_tissues),
      UNIT_TEST(unknown_names_list_the_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

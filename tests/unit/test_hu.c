// SPDX-License-Identifier: Apache-2.0
// HU curves. Expected values: Schneider, Bortfeld, Schlegel 2000, doi:10.1088/0031-9155/45/2/314,
// with Z/A, I and relative electron density computed from it by the Bragg rule (I of hydrogen 19.2 eV,
// oxygen 106, calcium 216).
#include "matter/hu.h"
#include "unit.h"

static const double water_z_over_a = 0.55508;

typedef struct tissue {
  double hu, density, red, z_over_a, i_ev;
} tissue;

static const tissue tissues[] = {
    {-975, 0.0270, 0.0242, 0.4992, 88.0},  {-741, 0.2679, 0.2657, 0.5505, 75.2},
    {-102, 0.9259, 0.9286, 0.5567, 63.2},  {-68, 0.9573, 0.9577, 0.5553, 65.4},
    {-38, 0.9841, 0.9819, 0.5538, 67.7},   {-8, 1.0109, 1.0069, 0.5529, 69.6},
    {12, 1.0287, 1.0229, 0.5520, 71.2},    {49, 1.0603, 1.0515, 0.5505, 74.6},
    {100, 1.1199, 1.1015, 0.5460, 74.7},   {160, 1.1117, 1.0938, 0.5461, 73.2},
    {250, 1.1650, 1.1397, 0.5430, 76.3},   {350, 1.2242, 1.1897, 0.5394, 79.8},
    {450, 1.2834, 1.2401, 0.5363, 83.2},   {550, 1.3426, 1.2911, 0.5338, 86.1},
    {650, 1.4018, 1.3415, 0.5312, 89.2},   {750, 1.4610, 1.3915, 0.5287, 92.2},
    {850, 1.5202, 1.4408, 0.5261, 95.4},   {950, 1.5794, 1.4911, 0.5240, 98.1},
    {1050, 1.6386, 1.5424, 0.5225, 100.5}, {1150, 1.6978, 1.5919, 0.5204, 103.3},
    {1250, 1.7570, 1.6425, 0.5189, 105.6}, {1350, 1.8162, 1.6928, 0.5174, 107.9},
    {1450, 1.8754, 1.7428, 0.5158, 110.3}, {2247, 2.3245, 2.1558, 0.5148, 112.0}};

static void schneider_tissues(void **state) {
  for (size_t i = 0; i < sizeof tissues / sizeof tissues[0]; i++) {
    double density = 0;
    pencone_material m;
    assert_int_equal(pencone_hu_convert(*state, PENCONE_HU_SCHNEIDER2000, tissues[i].hu, &density, &m),
                     PENCONE_OK);
    assert_close(density, tissues[i].density, 1e-4);
    assert_true(m.density_g_cm3 == density);
    assert_near(density * m.z_over_a / water_z_over_a, tissues[i].red, 0.005);
    assert_close(m.z_over_a, tissues[i].z_over_a, 2e-4);
    assert_close(m.mean_excitation_ev, tissues[i].i_ev, 0.3);
    char name[32];
    snprintf(name, sizeof name, "schneider2000-%02d", (int)i + 1);
    assert_string_equal(m.name, name);
  }
}

static void schneider_edges(void **state) {
  static const double edges[][2] = {{-1024, 0.00121}, {-1000, 0.00121}, {-99, 0.928970}, {-98, 0.930486},
                                    {14, 1.030502},   {15, 1.03},       {22, 1.03},      {23, 1.029887},
                                    {100, 1.1199},    {101, 1.076792},  {2000, 2.201},   {2001, 2.2015},
                                    {2994, 2.698},    {2995, 4.54},     {3071, 4.54}};
  for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
    double density = 0;
    assert_int_equal(pencone_hu_convert(*state, PENCONE_HU_SCHNEIDER2000, edges[i][0], &density, NULL),
                     PENCONE_OK);
    assert_close(density, edges[i][1], 1e-6);
  }
  pencone_material m;
  assert_int_equal(pencone_hu_convert(*state, PENCONE_HU_SCHNEIDER2000, 3000, NULL, &m), PENCONE_OK);
  assert_true(m.elements == 1 && m.atomic_number[0] == 22);
}

static void bilinear(void **state) {
  static const double points[][2] = {{-1024, 0.001}, {-1000, 0.001}, {-999.5, 0.001}, {-500, 0.5},
                                     {0, 1},         {100, 1.05},    {1000, 1.5},     {3071, 2.5355}};
  for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
    double density = 0;
    pencone_material m;
    assert_int_equal(pencone_hu_convert(*state, PENCONE_HU_BILINEAR, points[i][0], &density, &m), PENCONE_OK);
    assert_near(density, points[i][1], 1e-12);
    assert_string_equal(m.name, "water");
    assert_true(m.density_g_cm3 == density);
  }
}

static void out_of_range_is_an_error(void **state) {
  static const double bad[] = {-1024.5, 3071.5, NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    double density = 7;
    assert_int_equal(pencone_hu_convert(*state, PENCONE_HU_BILINEAR, bad[i], &density, NULL),
                     PENCONE_E_RANGE);
    assert_error_has(*state, "expected -1024 to 3071");
    assert_true(density == 7);
  }
  assert_int_equal(pencone_hu_convert(*state, (pencone_hu_curve)7, 0, NULL, NULL), PENCONE_E_RANGE);
  assert_int_equal(pencone_hu_convert(*state, PENCONE_HU_BILINEAR, 0, NULL, NULL), PENCONE_OK);
}

static void curves_have_names(void **state) {
  pencone_hu_curve curve = PENCONE_HU_BILINEAR;
  assert_string_equal(pencone_hu_curve_name(PENCONE_HU_SCHNEIDER2000), "schneider2000");
  assert_null(pencone_hu_curve_name((pencone_hu_curve)2));
  assert_int_equal(pencone_hu_curve_find(*state, "schneider2000", &curve), PENCONE_OK);
  assert_int_equal(curve, PENCONE_HU_SCHNEIDER2000);
  assert_int_equal(pencone_hu_curve_find(*state, "bilinear", &curve), PENCONE_OK);
  assert_int_equal(curve, PENCONE_HU_BILINEAR);
  assert_int_equal(pencone_hu_curve_find(*state, "mine", &curve), PENCONE_E_MISSING);
  assert_error_has(*state, "schneider2000 or bilinear");
  assert_int_equal(pencone_hu_curve_find(*state, NULL, &curve), PENCONE_E_ARGUMENT);
  char a[PCN_HU_SHA256_HEX], b[PCN_HU_SHA256_HEX];
  pcn_hu_curve_sha256(PENCONE_HU_SCHNEIDER2000, a);
  pcn_hu_curve_sha256(PENCONE_HU_BILINEAR, b);
  assert_int_equal(strlen(a), 64);
  assert_string_not_equal(a, b);
}

static void density_back_to_hu(void **state) {
  (void)state;
  assert_true(pcn_hu_from_density(PENCONE_HU_BILINEAR, NULL, 1.0F) == 0);
  assert_true(pcn_hu_from_density(PENCONE_HU_BILINEAR, NULL, 1.05F) == 100);
  assert_true(pcn_hu_from_density(PENCONE_HU_SCHNEIDER2000, NULL, 0.0F) == PCN_HU_MIN);
  assert_true(pcn_hu_from_density(PENCONE_HU_SCHNEIDER2000, NULL, 30.0F) == PCN_HU_MAX);
  for (int hu = -990; hu < 2990; hu += 10) {
    if (hu < 20 || hu > 250) {  // where the curve rises
      assert_true(pcn_hu_from_density(PENCONE_HU_SCHNEIDER2000, NULL,
                                      (float)pcn_hu_density(PENCONE_HU_SCHNEIDER2000, hu)) == hu);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(schneider_tissues), UNIT_TEST(schneider_edges),          UNIT_TEST(bilinear),
      UNIT_TEST(curves_have_names), UNIT_TEST(out_of_range_is_an_error), UNIT_TEST(density_back_to_hu),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

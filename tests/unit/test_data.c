// SPDX-License-Identifier: Apache-2.0
// Embedded files, SHA-256, photon attenuation.
#include "data/data.h"
#include "matter/attenuation.h"
#include "num/csv.h"
#include "num/sha256.h"
#include "unit.h"

static void files_are_there(void **state) {
  (void)state;
  assert_true(pcn_data_count() >= 8);
  for (int i = 0; i < pcn_data_count(); i++) {
    size_t bytes = 0;
    const char *text = pcn_data_find(pcn_data_name(i), &bytes);
    assert_non_null(text);
    assert_true(bytes > 100);
    assert_int_equal(strlen(text), bytes);
    assert_ptr_equal(pcn_data_find(pcn_data_name(i), NULL), text);
  }
  assert_null(pcn_data_name(-1));
  assert_null(pcn_data_name(pcn_data_count()));
  assert_null(pcn_data_find("no-such-file", NULL));
  assert_null(pcn_data_find(NULL, NULL));
  assert_non_null(strstr(pcn_data_find("machines/ideal-co60.yaml", NULL), "spectrum: co60"));
}

static void sha256_of(const char *text, size_t bytes, char hex[PCN_SHA256_HEX]) {
  pcn_sha256 hash;
  pcn_sha256_start(&hash);
  pcn_sha256_add(&hash, text, bytes);
  pcn_sha256_end(&hash, hex);
}

// Examples of FIPS 180-4: csrc.nist.gov, "SHA256.pdf", and the empty message.
static void sha256_examples(void **state) {
  (void)state;
  char hex[PCN_SHA256_HEX];
  sha256_of("abc", 3, hex);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  sha256_of("", 0, hex);
  assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
  assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

typedef struct point {
  double energy_mev, value;
} point;

// NIST, Hubbell and Seltzer 1995, water (doi:10.18434/T4D01F), cm2/g; mu with coherent scattering.
static const point nist_mu[] = {{0.1, .1707},  {0.15, .1505}, {0.2, .1370},  {0.3, .1186}, {0.4, .1061},
                                {0.5, .09687}, {0.6, .08956}, {0.8, .07865}, {1, .07072},  {1.25, .06323},
                                {1.5, .05754}, {2, .04942},   {3, .03969},   {4, .03403},  {5, .03031},
                                {6, .02770},   {8, .02429},   {10, .02219},  {15, .01941}, {20, .01813}};
static const point nist_mu_en[] = {
    {0.1, .02546}, {0.15, .02764}, {0.2, .02967},  {0.3, .03192}, {0.4, .03279}, {0.5, .03299}, {0.6, .03284},
    {0.8, .03206}, {1, .03103},    {1.25, .02965}, {1.5, .02833}, {2, .02608},   {3, .02281},   {4, .02066},
    {5, .01915},   {6, .01806},    {8, .01658},    {10, .01566},  {15, .01441},  {20, .01382}};

enum { NIST_POINTS = sizeof nist_mu / sizeof nist_mu[0] };

static void water_agrees_with_nist(void **state) {
  pcn_attenuation water;
  assert_int_equal(pcn_attenuation_load(*state, "water", &water), PENCONE_OK);
  assert_int_equal(water.count, 34);
  for (int i = 0; i < NIST_POINTS; i++) {
    assert_near(pcn_attenuation_mu_en(&water, nist_mu_en[i].energy_mev), nist_mu_en[i].value, 0.005);
    if (nist_mu[i].energy_mev >= 0.5) {  // coherent scattering, left out here, is below 0.3 % from there on
      assert_near(pcn_attenuation_mu(&water, nist_mu[i].energy_mev), nist_mu[i].value, 0.005);
    }
  }
}

static void total_with_coherent_agrees_with_nist(void **state) {
  (void)state;
  size_t bytes = 0;
  const char *text = pcn_data_find("attenuation.csv", &bytes);
  pcn_csv csv;
  pcn_csv_start(&csv, text, bytes);
  int checked = 0;
  while (pcn_csv_row(&csv)) {
    double row[2];  // energy, mu with coherent scattering
    for (int i = 0; pcn_csv_word(&csv, "water") && pcn_csv_doubles(&csv, row, 2) && i < NIST_POINTS;) {
      for (; i < NIST_POINTS; i++) {
        if (row[0] == nist_mu[i].energy_mev) {
          assert_near(row[1], nist_mu[i].value, 0.005);
          checked++;
        }
      }
    }
  }
  assert_int_equal(checked, NIST_POINTS);
}

static void interpolation_is_a_power_law(void **state) {
  (void)state;
  pcn_attenuation table = {3, {0.1, 1, 10}, {8, 4, 1}, {1, 1, 2}};
  assert_near(pcn_attenuation_mu(&table, 0.1), 8, 1e-14);
  assert_near(pcn_attenuation_mu(&table, 1), 4, 1e-14);
  assert_near(pcn_attenuation_mu(&table, sqrt(0.1)), sqrt(32.0), 1e-14);
  assert_near(pcn_attenuation_mu(&table, 100), 0.25, 1e-13);  // end intervals go on
  assert_near(pcn_attenuation_mu(&table, 0.01), 16, 1e-13);
  assert_near(pcn_attenuation_mu_en(&table, sqrt(10.0)), sqrt(2.0), 1e-14);
}

static void every_standard_material_has_a_table(void **state) {
  static const char *const names[] = {"water",       "air",           "lung",      "adipose", "muscle",
                                      "soft-tissue", "cortical-bone", "aluminium", "pmma",    "titanium"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    pcn_attenuation table;
    assert_int_equal(pcn_attenuation_load(*state, names[i], &table), PENCONE_OK);
    assert_int_equal(table.count, 34);
    for (int e = 0; e < table.count; e++) {
      assert_true(table.mu[e] > table.mu_en[e]);
    }
  }
}

static void unknown_materials_fail(void **state) {
  pcn_attenuation table;
  assert_int_equal(pcn_attenuation_load(*state, "cheese", &table), PENCONE_E_MISSING);
  assert_error_has(*state, "cheese");
  assert_int_equal(pcn_attenuation_load(*state, "medium", &table), PENCONE_E_FORMAT);  // the heading
  assert_int_equal(pcn_attenuation_load(*state, NULL, &table), PENCONE_E_ARGUMENT);
  assert_int_equal(pcn_attenuation_load(*state, "water", NULL), PENCONE_E_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(files_are_there),
      UNIT_TEST(sha256_examples),
      UNIT_TEST(water_agrees_with_nist),
      UNIT_TEST(total_with_coherent_agrees_with_nist),
      UNIT_TEST(interpolation_is_a_power_law),
      UNIT_TEST(every_standard_material_has_a_table),
      UNIT_TEST(unknown_materials_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

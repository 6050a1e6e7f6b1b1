// SPDX-License-Identifier: Apache-2.0
// Protons in water from Bethe's formula, against published tables and the project's Monte Carlo.
#include <pencone/commission.h>

#include "base/base.h"
#include "data/data.h"
#include "num/csv.h"
#include "physics.h"

enum { ENERGIES = 7, POINTS_MAX = 200 };

static pencone_proton_water water_at(pencone_context *ctx, double excitation_ev, double energy_mev) {
  pencone_proton_water w = PENCONE_PROTON_WATER_DEFAULT;
  physics_ok(ctx, pencone_proton_water_at(ctx, excitation_ev, energy_mev, &w));
  return w;
}

// CSDA ranges and stopping powers of PSTAR (NIST, I = 75 eV), which include the Barkas effect that ours lack:
// 0.1 %.
static void pstar(void **state) {
  static const double energy_mev[8] = {50, 70, 100, 125, 150, 175, 200, 230};
  static const double range_g_cm2[8] = {2.227, 4.080, 7.718, 11.46, 15.77, 20.62, 25.96, 32.95};
  static const double stopping[8] = {12.45, 9.559, 7.289, 0, 5.445, 0, 4.492, 0};
  for (int i = 0; i < 8; i++) {
    const pencone_proton_water w = water_at(*state, 75, energy_mev[i]);
    assert_near(w.csda_range_g_cm2, range_g_cm2[i], 0.001);
    if (stopping[i] > 0) {
      assert_near(w.stopping_mev_cm2_g, stopping[i], 0.001);
    }
  }
}

// The table that the Monte Carlo used says "about 78 eV". At 50 to 250 MeV each of its stopping powers is
// that of 77.42 to 77.52 eV by the formula: 77.5 is within 0.03 %.
static const double monte_carlo_ev = 77.5;

static void table_of_the_monte_carlo(void **state) {
  size_t bytes = 0;
  const char *text = pcn_data_find("proton_range.csv", &bytes);
  pcn_csv csv;
  pcn_csv_start(&csv, text, bytes);
  pcn_csv_row(&csv);  // names
  int seen = 0;
  while (pcn_csv_row(&csv)) {
    double row[3];  // MeV, MeV cm2/g, g/cm2
    assert_true(pcn_csv_doubles(&csv, row, 3));
    if (row[0] >= 50 && row[0] <= 250) {
      const pencone_proton_water w = water_at(*state, monte_carlo_ev, row[0]);
      assert_near(w.stopping_mev_cm2_g, row[1], 0.0003);
      assert_near(w.csda_range_g_cm2, row[2], 0.0007);
      seen++;
    }
  }
  assert_true(seen > 10);
}

// Place across the beam at the end of range, mm: the reference integrations of REFERENCE.md A4.2 (I = 75 eV,
// differential Moliere), given to 0.1 mm or 1 %; Bohr's straggling 1.0 to 1.2 % of the range (Janni 1982).
static void scattering_and_straggling(void **state) {
  static const double energy_mev[5] = {70, 100, 150, 200, 230}, place_mm[5] = {.90, 1.70, 3.46, 5.67, 7.19};
  for (int i = 0; i < 5; i++) {
    const pencone_proton_water w = water_at(*state, 75, energy_mev[i]);
    assert_near(10 * w.scattering_g_cm2, place_mm[i], 0.01);
    assert_close(w.straggling_g_cm2 / w.csda_range_g_cm2, 0.011, 0.001);
    // The path is longer than the depth, by 0.1 % (PSTAR: 0.9982 to 0.9990 of it).
    assert_close(w.projected_range_g_cm2 / w.csda_range_g_cm2, 0.9988, 0.0006);
  }
}

/// Depth doses of lib/data/proton_beam.csv, one energy.
typedef struct curve {
  double energy_mev, r80_mm;
  int points;
  double depth_mm[POINTS_MAX], dose[POINTS_MAX];
} curve;

static int load(double energy_mev, curve *out) {
  size_t bytes = 0;
  const char *text = pcn_data_find("proton_beam.csv", &bytes);
  pcn_csv csv;
  pcn_csv_start(&csv, text, bytes);
  pcn_csv_row(&csv);
  out->points = 0;
  while (pcn_csv_row(&csv)) {
    double row[5];  // MeV, R80 mm, t, sum, dose
    assert_true(pcn_csv_doubles(&csv, row, 5));
    if (fabs(row[0] - energy_mev) < 0.5 && row[1] * row[2] <= 400 && out->points < POINTS_MAX) {
      out->energy_mev = row[0];
      out->r80_mm = row[1];
      out->depth_mm[out->points] = row[1] * row[2];
      out->dose[out->points++] = row[4];
    }
  }
  return out->points;
}

static double falls_to(const double *depth_mm, const double *dose, int count, double share) {
  int peak = 0;
  for (int i = 1; i < count; i++) {
    peak = dose[i] > dose[peak] ? i : peak;
  }
  int i = peak;
  while (i < count - 1 && dose[i] > share * dose[peak]) {
    i++;
  }
  const double x = (dose[i - 1] - share * dose[peak]) / (dose[i - 1] - dose[i]);
  return depth_mm[i - 1] + x * (depth_mm[i] - depth_mm[i - 1]);
}

// R80 and the fall behind the peak from nothing but formulae: the Monte Carlo's I, spread 0.5 %. 0.3 mm is
// the reach of issue 6; 0.2 is held.
static void bragg_from_formulae(void **state) {
  static const double energy_mev[ENERGIES] = {70, 100, 130, 150, 180, 200, 230};
  for (int e = 0; e < ENERGIES; e++) {
    curve mc;
    assert_true(load(energy_mev[e], &mc) > 50);
    const pencone_proton_water w = water_at(*state, monte_carlo_ev, energy_mev[e]);
    const double spread_mm = 10 * 0.005 * energy_mev[e] / w.stopping_mev_cm2_g;
    pencone_bragg b = PENCONE_BRAGG_DEFAULT;
    b.range_mm = 10 * w.projected_range_g_cm2;
    b.sigma_mm = hypot(10 * w.straggling_g_cm2, spread_mm);
    b.prompt_share = 0.23;
    b.local_share = 0.7;
    b.secondary_mm = 0.13 * b.range_mm;
    b.scale = 1;
    double fine_mm[400], dose[400];
    for (int i = 0; i < 400; i++) {
      fine_mm[i] = b.range_mm + b.sigma_mm * (i - 250) / 50.0;
    }
    physics_ok(*state, pencone_bragg_dose(*state, monte_carlo_ev, &b, 400, fine_mm, dose));
    const double r80 = falls_to(fine_mm, dose, 400, 0.8), fall = falls_to(fine_mm, dose, 400, 0.2) - r80;
    const double mc_fall = falls_to(mc.depth_mm, mc.dose, mc.points, 0.2) - mc.r80_mm;
    print_message("%3.0f MeV: R80 %.2f mm, Monte Carlo %.2f; 80-20 %.2f, %.2f\n", energy_mev[e], r80,
                  mc.r80_mm, fall, mc_fall);
    assert_close(r80, mc.r80_mm, 0.2);
    assert_close(fall, mc_fall, 0.3);  // reach of issue 6
  }
}

static void fit_to_monte_carlo(void **state) {
  static const double energy_mev[ENERGIES] = {70, 100, 130, 150, 180, 200, 230};
  for (int e = 0; e < ENERGIES; e++) {
    curve mc;
    assert_true(load(energy_mev[e], &mc) > 50);
    pencone_bragg b = PENCONE_BRAGG_DEFAULT;
    physics_ok(*state, pencone_bragg_fit(*state, monte_carlo_ev, mc.points, mc.depth_mm, mc.dose, &b));
    print_message("%3.0f MeV: range %.2f mm, sigma %.2f, energy %.2f +- %.2f MeV, rms %.2f %%\n",
                  energy_mev[e], b.range_mm, b.sigma_mm, b.energy_mev, b.energy_spread_mev, b.rms_pct);
    assert_close(b.range_mm, mc.r80_mm,
                 0.002 * mc.r80_mm);  // a Bragg curve's R80 is its range (Bortfeld 1997)
    assert_near(b.energy_mev, energy_mev[e], 0.001);
    assert_true(b.rms_pct < 1.1);  // of the peak; a model of six numbers
  }
}

// A curve of the model itself must give its numbers back.
static void fit_round_trip(void **state) {
  pencone_bragg b = PENCONE_BRAGG_DEFAULT, got = PENCONE_BRAGG_DEFAULT;
  b.range_mm = 158;
  b.sigma_mm = 2.5;
  b.prompt_share = 0.2;
  b.local_share = 0.7;
  b.secondary_mm = 22;
  b.scale = 3;
  double depth_mm[180], dose[180];
  for (int i = 0; i < 180; i++) {
    depth_mm[i] = 0.5 + i;
  }
  physics_ok(*state, pencone_bragg_dose(*state, 78, &b, 180, depth_mm, dose));
  physics_ok(*state, pencone_bragg_fit(*state, 78, 180, depth_mm, dose, &got));
  assert_close(got.range_mm, b.range_mm, 0.01);
  assert_near(got.sigma_mm, b.sigma_mm, 0.005);
  assert_near(got.scale, b.scale, 0.005);
  assert_true(got.rms_pct < 0.05);
}

// Each of the first allocations fails once, and says so.
static void without_memory(void **state) {
  curve mc;
  assert_true(load(70, &mc) > 50);
  for (int i = 0; i < 6; i++) {
    pencone_bragg b = PENCONE_BRAGG_DEFAULT;
    pcn_alloc_fail_after(*state, i);
    assert_int_equal(pencone_bragg_fit(*state, 78, mc.points, mc.depth_mm, mc.dose, &b), PENCONE_E_MEMORY);
  }
  pcn_alloc_fail_after(*state, -1);
}

static void refused(void **state) {
  pencone_proton_water w = PENCONE_PROTON_WATER_DEFAULT;
  pencone_bragg b = PENCONE_BRAGG_DEFAULT;
  double depth_mm[10], dose[10];
  for (int i = 0; i < 10; i++) {
    depth_mm[i] = i;
    dose[i] = 10 - i;
  }
  assert_int_equal(pencone_proton_water_at(*state, 78, 5, &w), PENCONE_E_RANGE);
  assert_error_has(*state, "energy: got 5 MeV, expected 10 to 300");
  assert_int_equal(pencone_proton_water_at(*state, 50, 100, &w), PENCONE_E_RANGE);
  assert_int_equal(pencone_bragg_fit(*state, 78, 5, depth_mm, dose, &b), PENCONE_E_RANGE);
  assert_int_equal(pencone_bragg_fit(*state, 78, 10, depth_mm, depth_mm, &b), PENCONE_E_NUMERIC);
  assert_error_has(*state, "got no fall to 20 %");
  depth_mm[3] = 2;
  assert_int_equal(pencone_bragg_fit(*state, 78, 10, depth_mm, dose, &b), PENCONE_E_RANGE);
  assert_error_has(*state, "point 4: depth: got 2 mm, expected 0 to 400, rising");
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(pstar),
                                     UNIT_TEST(table_of_the_monte_carlo),
                                     UNIT_TEST(scattering_and_straggling),
                                     UNIT_TEST(bragg_from_formulae),
                                     UNIT_TEST(fit_to_monte_carlo),
                                     UNIT_TEST(fit_round_trip),
                                     UNIT_TEST(without_memory),
                                     UNIT_TEST(refused)};
  return cmocka_run_group_tests_name("proton_water", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Spectra and how they are attenuated: the table against sums, the sums against published figures.
#include "base/base.h"
#include "matter/attenuation.h"
#include "photon/quality.h"
#include "physics.h"

typedef struct tables {
  pcn_edk *edk;
  pcn_quality *quality;
  pencone_machine *machine;
} tables;

static tables make(pencone_context *ctx, const char *spectrum) {
  tables t = {NULL, NULL, NULL};
  t.machine = physics_machine(ctx, spectrum, 1000);
  physics_ok(ctx, pcn_edk_load(ctx, &t.edk));
  physics_ok(ctx, pcn_quality_make(ctx, t.machine, t.edk, &t.quality));
  return t;
}

static void release(tables *t) {
  pcn_quality_free(t->quality);
  pencone_machine_destroy(t->machine);
  pcn_free(t->edk);
}

static void assert_release(const pcn_release *got, const pcn_release *want, double tolerance) {
  for (int part = 0; part < PCN_PARTS; part++) {
    assert_near((double)got->water[part], (double)want->water[part], tolerance);
    assert_near((double)got->aluminium[part], (double)want->aluminium[part], tolerance);
  }
}

// Linear between nodes: (mu h)^2 / 8 = 1e-4 for aluminium's h = 0.5 g/cm2 at mu = 0.06 cm2/g, less for
// water's 0.25; the softest spectrum's slope at the surface is some 0.12.
static void table_agrees_with_the_sums(void **state) {
  static const char *const spectra[] = {"co60", "mohan4", "mohan6", "mohan10", "mohan15"};
  uint64_t seed = 1;
  for (int s = 0; s < 5; s++) {
    tables t = make(*state, spectra[s]);
    for (int i = 0; i < 300; i++) {
      const double water = 110 * physics_random(&seed);
      const double aluminium = -0.1 * water + (22 + 0.1 * water) * physics_random(&seed);  // negative: fat
      const pcn_release got = pcn_quality_at(t.quality, water, aluminium);
      const pcn_release want = pcn_quality_exact(t.quality, water, aluminium);
      assert_release(&got, &want, 5e-4);
    }
    release(&t);
  }
}

/// Sums over a spectrum behind a depth of water, per photon.
typedef struct sums {
  double fluence, energy, terma, kerma;  ///< 1, MeV, MeV cm2/g, MeV cm2/g
} sums;

// Uniform inside the bins, each cut; photons below 10 keV do not leave a voxel and release nothing.
static sums integrate(const pencone_machine *machine, const pcn_attenuation *water, int cuts,
                      double depth_g_cm2) {
  const pencone_machine_desc *m = pencone_machine_describe(machine);
  sums s = {0, 0, 0, 0};
  for (int b = 0; b < m->bins; b++) {
    for (int i = 0; i < cuts; i++) {
      const double e = m->edges_mev[b] + (m->edges_mev[b + 1] - m->edges_mev[b]) * (i + 0.5) / cuts;
      const double mu = pcn_attenuation_mu(water, e), n = m->weight[b] / cuts * exp(-mu * depth_g_cm2);
      s.fluence += n;
      s.energy += n * e;
      if (e < 0.010) {
        continue;
      }
      s.terma += n * e * mu;
      s.kerma += n * e * pcn_attenuation_mu_en(water, e);
    }
  }
  return s;
}

/// One row of REFERENCE.md A1.2.
typedef struct published {
  const char *name;
  double mean_mev, terma_per_energy, left[4], slope[3], kerma[4];
} published;

static const published rows[] = {
    {"mohan4",
     1.445,
     .05593,
     {.7421, .5545, .3155, .1836},
     {.06036, .05762, .05521},
     {.484, .495, .506, .515}},
    {"mohan6",
     1.899,
     .04802,
     {.7696, .5965, .3654, .2290},
     {.05315, .05027, .04780},
     {.517, .530, .541, .550}},
    {"mohan10",
     2.801,
     .03794,
     {.8057, .6551, .4423, .3049},
     {.04426, .04059, .03812},
     {.565, .582, .594, .603}},
    {"mohan15",
     4.055,
     .03211,
     {.8337, .6988, .4979, .3604},
     {.03693, .03481, .03306},
     {.606, .618, .628, .637}},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

// As the published figures were made: one energy per bin, its centre. They take attenuation with coherent
// scattering at 20 energies and log-log lines between; ours is without it, which is less by 0.2 % at 0.5 MeV
// and 1 % at 0.2 MeV, and has more energies. Worst found: 0.34 %.
static void figures_of_the_spectra(void **state) {
  pcn_attenuation water;
  physics_ok(*state, pcn_attenuation_load(*state, "water", &water));
  static const double depths[4] = {5, 10, 20, 30}, kerma_depths[4] = {0, 10, 20, 30};
  for (int r = 0; r < ROWS; r++) {
    pencone_machine *machine = physics_machine(*state, rows[r].name, 1000);
    const sums surface = integrate(machine, &water, 1, 0);
    assert_near(surface.energy / surface.fluence, rows[r].mean_mev, 1e-3);
    assert_near(surface.terma / surface.energy, rows[r].terma_per_energy, 0.005);
    for (int i = 0; i < 4; i++) {
      assert_near(integrate(machine, &water, 1, depths[i]).terma / surface.terma, rows[r].left[i], 0.005);
      const sums deep = integrate(machine, &water, 1, kerma_depths[i]);
      assert_near(deep.kerma / deep.terma, rows[r].kerma[i], 0.005);
    }
    for (int i = 0; i < 3; i++) {
      const double before = integrate(machine, &water, 1, 10 * i - 0.01).terma,
                   after = integrate(machine, &water, 1, 10 * i + 0.01).terma;
      assert_near(-log(after / before) / 0.02, rows[r].slope[i], 0.005);
    }
    pencone_machine_destroy(machine);
  }
}

// The library's pieces of 0.125 MeV or half a bin, at their middles, against 64 per bin: they differ in the
// lowest piece, which holds 2 % of the photons and 0.4 % of the energy at 4 MV. Worst found: 0.14 %.
static void primary_release_is_collision_kerma(void **state) {
  pcn_attenuation water;
  physics_ok(*state, pcn_attenuation_load(*state, "water", &water));
  for (int r = 0; r < ROWS; r++) {
    tables t = make(*state, rows[r].name);
    for (double depth = 0; depth <= 40; depth += 10) {
      const sums want = integrate(t.machine, &water, 64, depth);
      const pcn_release got = pcn_quality_exact(t.quality, depth, 0);
      assert_near((double)got.water[PCN_PRIMARY], want.kerma, 2e-3);
      // Scatter that stays within 60 cm: total .93 to .99 of what is released (A1.3).
      const double kept = ((double)got.water[PCN_PRIMARY] + (double)got.water[PCN_SCATTER]) / want.terma;
      assert_true(kept > 0.93 && kept < 0.99);
    }
    release(&t);
  }
}

// Hardening: the share of primary energy rises with depth, as K/T in A1.2.
static void figures_of_the_table(void **state) {
  for (int r = 0; r < ROWS; r++) {
    tables t = make(*state, rows[r].name);
    static const double depths[4] = {5, 10, 20, 30};
    const pcn_release surface = pcn_quality_at(t.quality, 0, 0);
    for (int i = 0; i < 4; i++) {
      const pcn_release deep = pcn_quality_at(t.quality, depths[i], 0);
      const double left =
          (double)(deep.water[0] + deep.water[1]) / (double)(surface.water[0] + surface.water[1]);
      assert_near(left, rows[r].left[i], 0.005);  // the lost scatter's share changes by 0.2 % with depth
    }
    release(&t);
  }
}

// The same electrons in aluminium stop more photons, by pair production; negative amounts undo it.
static void aluminium_and_water_commute(void **state) {
  tables t = make(*state, "mohan15");
  const pcn_release both = pcn_quality_exact(t.quality, 10, 5), water = pcn_quality_exact(t.quality, 10, 0);
  const pcn_release undone = pcn_quality_exact(t.quality, 10, 0);
  assert_true(both.water[0] < water.water[0]);
  assert_release(&water, &undone, 1e-7);
  const pcn_release fat = pcn_quality_exact(t.quality, 10, -0.5);
  assert_true(fat.water[0] > water.water[0]);
  release(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(table_agrees_with_the_sums),         UNIT_TEST(figures_of_the_spectra),
      UNIT_TEST(primary_release_is_collision_kerma), UNIT_TEST(figures_of_the_table),
      UNIT_TEST(aluminium_and_water_commute),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

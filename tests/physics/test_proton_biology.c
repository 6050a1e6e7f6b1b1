// SPDX-License-Identifier: Apache-2.0
// Closed forms of protons, LET, RBE, range shifters, scanning magnets, spread-out peaks
// (docs/theory/proton.md).
#include <pencone/io.h>
#include <pencone/sobp.h>
#include <string.h>

#include "num/nnls.h"
#include "physics.h"
#include "proton/bortfeld.h"
#include "proton/optics.h"
#include "proton/rbe.h"

enum { SIDE = 41, DEPTH = 200, VOXELS = SIDE * SIDE * DEPTH };

static const double spacing_mm = 2;

typedef struct setup {
  const char *machine, *options[3][2];  ///< NULL: ideal-proton, none
  double energy_mev, shifter_mm, at_mm;
  int keep;
} setup;

typedef struct result {
  pencone_context *ctx;
  pencone_status status;
  pencone_dose *dose;
  char error[256];
} result;

// A plan on a tank of 82 x 200 x 82 mm of water, voxels of 2 x 1 x 2 mm, surface at y = 0.
static void run_plan(pencone_context *ctx, const pencone_plan *plan, int keep, result *r) {
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  const int64_t size[3] = {SIDE, DEPTH, SIDE};
  for (int a = 0; a < 3; a++) {
    desc.grid.size[a] = size[a];
    desc.grid.spacing_mm[a] = a == 1 ? 1 : spacing_mm;
    desc.grid.origin_mm[a] = a == 1 ? 0.5 : -0.5 * spacing_mm * (SIDE - 1);
  }
  float *density = malloc(VOXELS * sizeof *density);
  uint8_t *material = calloc(VOXELS, 1);
  assert_true(density != NULL && material != NULL);
  for (size_t i = 0; i < VOXELS; i++) {
    density[i] = 1;
  }
  const char *const names[] = {"water"};
  desc.density = density;
  desc.material = material;
  desc.material_names = names;
  desc.material_count = 1;
  pencone_phantom *phantom = NULL;
  pencone_engine *engine = NULL;
  assert_int_equal(pencone_phantom_borrow(ctx, &desc, &phantom), PENCONE_OK);
  r->status = pencone_engine_create(ctx, plan, phantom, &engine);
  if (r->status == PENCONE_OK) {
    assert_int_equal(pencone_dose_create(ctx, pencone_engine_grid(engine), &r->dose), PENCONE_OK);
    r->status = pencone_engine_compute(ctx, engine, keep, r->dose);
  }
  pencone_engine_destroy(engine);
  pencone_phantom_destroy(phantom);
  free(density);
  free(material);
}

static result calculate(setup s) {
  result r = {.dose = NULL};
  pencone_machine *machine = NULL;
  pencone_plan *plan = NULL;
  assert_int_equal(pencone_context_create(&r.ctx), PENCONE_OK);
  assert_int_equal(pencone_machine_read(r.ctx, s.machine != NULL ? s.machine : "ideal-proton", &machine),
                   PENCONE_OK);
  assert_int_equal(pencone_plan_create(r.ctx, "protons", &plan), PENCONE_OK);
  assert_int_equal(pencone_plan_set_engine(r.ctx, plan, "proton-pencil-beam"), PENCONE_OK);
  for (int i = 0; i < 3 && s.options[i][0] != NULL; i++) {
    assert_int_equal(pencone_plan_set_option(r.ctx, plan, s.options[i][0], s.options[i][1]), PENCONE_OK);
  }
  const pencone_proton_spot spot = {s.at_mm, 0, 1e8};
  const pencone_proton_layer layer = {s.energy_mev, 1, &spot};
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  beam.machine = machine;
  beam.layer_count = 1;
  beam.layers = &layer;
  beam.range_shifter_mm = s.shifter_mm;
  r.status = pencone_plan_add_beam(r.ctx, plan, &beam);
  if (r.status == PENCONE_OK) {
    run_plan(r.ctx, plan, s.keep, &r);
  }
  snprintf(r.error, sizeof r.error, "%s", pencone_context_error(r.ctx));
  pencone_plan_destroy(plan);
  pencone_machine_destroy(machine);
  return r;
}

static void forget(result *r) {
  pencone_dose_destroy(r->dose);
  pencone_context_destroy(r->ctx);
}

static size_t voxel(int x, int y, int z) {
  return ((size_t)z * DEPTH + (size_t)y) * SIDE + (size_t)x;
}

static double plane_sum(const float *v, int y) {
  double sum = 0;
  for (int k = 0; k < SIDE; k++) {
    for (int i = 0; i < SIDE; i++) {
      sum += (double)v[voxel(i, y, k)];
    }
  }
  return sum;
}

// Depth of 80 % behind the peak of the planes' sums, mm.
static double r80_of(const float *v) {
  int peak = 0;
  for (int y = 1; y < DEPTH; y++) {
    peak = plane_sum(v, y) > plane_sum(v, peak) ? y : peak;
  }
  const double level = 0.8 * plane_sum(v, peak);
  int y = peak;
  while (y < DEPTH - 1 && plane_sum(v, y) >= level) {
    y++;
  }
  const double a = plane_sum(v, y - 1), b = plane_sum(v, y);
  return y - 0.5 + (a - level) / (a - b);
}

// Centre and variance along x of one plane, within 20 mm of the spot: mm, mm2.
static void moments(const float *v, int y, double centre_mm, double *mean, double *variance) {
  double sum = 0, first = 0, second = 0;
  for (int k = 0; k < SIDE; k++) {
    for (int i = 0; i < SIDE; i++) {
      const double x = spacing_mm * (i - SIDE / 2), d = (double)v[voxel(i, y, k)];
      if (fabs(x - centre_mm) < 20) {
        sum += d;
        first += d * x;
        second += d * x * x;
      }
    }
  }
  *mean = first / sum;
  *variance = second / sum - *mean * *mean;
}

// Values of another calculation of the same formulae with 40 digits: dose in MeV cm2/g, LET in keV/um. Energy
// spread 0 or 1 % with tail 0 or 0.1; the LET at 10 sigma before the end is there an expansion, 0.4 % off.
static void closed_forms(void **state) {
  (void)state;
  const struct {
    double energy_mev, spread_mev, tail, part, dose, let;
  } row[] = {
      {70, 0, 0, 0, 10.22777, 0.9748},        {70, 0, 0, 0.95, 34.96503, 3.6908},
      {70, 0, 0, 1, 51.23845, 15.8440},       {70, 0, 0, 1.01, 23.02695, 19.3844},
      {70, 0.7, 0.1, 0.75, 18.16622, 1.7878}, {70, 0.7, 0.1, 1, 38.85017, 12.6499},
      {100, 0, 0, 0.5, 10.03895, 1.0015},     {100, 0, 0, 0.9, 18.88893, 2.0281},
  };
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    pcn_bragg b = {pcn_bragg_range_mm(row[i].energy_mev), 0, row[i].tail};
    b.sigma_mm = pcn_bragg_sigma_mm(row[i].energy_mev, b.range_mm, row[i].spread_mev);
    assert_close(pcn_bragg_dose(&b, row[i].part * b.range_mm), row[i].dose, 2e-4 * row[i].dose);
    assert_close(pcn_bragg_let(&b, row[i].part * b.range_mm), row[i].let, 4e-3 * row[i].let);
  }
}

// The distal fall of the closed form is 1.32 widths whatever the energy; R80 is R0 to 0.02 mm.
static void closed_form_falls_off(void **state) {
  (void)state;
  for (double e = 70; e <= 230; e += 40) {
    const double range = pcn_bragg_range_mm(e);
    const pcn_bragg b = {range, pcn_bragg_sigma_mm(e, range, 0), 0};
    double peak = 0, at[2] = {0, 0};
    for (double z = 0.97 * range; z < range; z += 0.01) {
      peak = fmax(peak, pcn_bragg_dose(&b, z));
    }
    for (int k = 0; k < 2; k++) {
      double low = range - 0.5 * b.sigma_mm, high = range + 5 * b.sigma_mm;
      while (high - low > 1e-4) {
        const double middle = 0.5 * (low + high);
        *(pcn_bragg_dose(&b, middle) > (k == 0 ? 0.8 : 0.2) * peak ? &low : &high) = middle;
      }
      at[k] = low;
    }
    assert_close(at[0], range, 0.02);
    assert_close((at[1] - at[0]) / b.sigma_mm, 1.32, 0.01);
  }
}

// The engine's LET of primaries is the closed form at the voxel (z < 0.95 R, 1 %); of all particles that of
// Monte Carlo (MCsquare, 150 MeV, planes at 15.8, 79 and 126 mm: 1.630, 1.654, 1.716), by 5 %: its noise.
static void let_of_a_spot(void **state) {
  (void)state;
  result r = calculate((setup){.energy_mev = 150, .options = {{"let", "primaries"}}});
  assert_int_equal(r.status, PENCONE_OK);
  const float *let = pencone_dose_volume_find(r.dose, NULL, "let");
  assert_non_null(let);
  const double range = r80_of(pencone_dose_values(r.dose));
  const pcn_bragg b = {range, pcn_bragg_sigma_mm(150, range, 0.75), 0};
  for (int y = 5; y < 0.95 * range; y += 10) {
    const double expected = pcn_bragg_let(&b, y + 0.5);
    assert_close((double)let[voxel(SIDE / 2, y, SIDE / 2)], expected, 0.01 * expected);
    assert_close((double)let[voxel(SIDE / 2 + 8, y, SIDE / 2)], expected, 0.01 * expected);
  }
  forget(&r);
  r = calculate((setup){.energy_mev = 150, .options = {{"let", "yes"}}, .keep = 1});
  let = pencone_dose_volume_find(r.dose, "beam", "let");
  const float *plan_let = pencone_dose_volume_find(r.dose, NULL, "let");
  const float *dose = pencone_dose_values(r.dose);
  assert_non_null(let);
  assert_memory_equal(let, plan_let, VOXELS * sizeof *let);  // one beam
  const struct {
    int y;
    double let;
  } planes[] = {{15, 1.630}, {78, 1.654}, {126, 1.716}};
  for (size_t p = 0; p < 3; p++) {
    double sum = 0;
    for (int k = 0; k < SIDE; k++) {
      for (int i = 0; i < SIDE; i++) {
        sum += (double)dose[voxel(i, planes[p].y, k)] * (double)let[voxel(i, planes[p].y, k)];
      }
    }
    assert_close(sum / plane_sum(dose, planes[p].y), planes[p].let, 0.05 * planes[p].let);
  }
  forget(&r);
}

// By the formulae of the models, by hand, at 2 Gy, 2.5 keV/um, alpha/beta 2 Gy; no dose: the limit RBE_max.
static void rbe_models(void **state) {
  (void)state;
  const struct {
    pcn_rbe_model model;
    double max, min;
  } row[] = {{PCN_RBE_WEDENBERG, 1.5425, 1},
             {PCN_RBE_MCNAMARA, 0.99064 + 0.35605 * 1.25, 1.1012 - 0.0038703 * 1.41421356 * 2.5},
             {PCN_RBE_CARABE, 0.843 + 0.413644 * 1.25, 1.09 + 0.016116 * 1.25},
             {PCN_RBE_RORVIK, 1.80625, 1}};
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    const double d = 2, r = 2,
                 root = sqrt(r * r + 4 * d * r * row[i].max + 4 * d * d * row[i].min * row[i].min);
    assert_close(pcn_rbe(row[i].model, d, 2.5, r), (root - r) / (2 * d), 1e-6);
    assert_close(pcn_rbe(row[i].model, 0, 2.5, r), row[i].max, 1e-6);
    assert_close(pcn_rbe(row[i].model, 1e5, 2.5, r), row[i].min, 1e-4);
  }
  assert_close(pcn_rbe(PCN_RBE_CONSTANT, 2, 9, 2), 1.1, 1e-12);
}

static void rbe_weighted_dose(void **state) {
  (void)state;
  result r = calculate((setup){
      .energy_mev = 120, .options = {{"rbe", "mcnamara"}, {"alpha_beta_gy", "10"}, {"fractions", "2"}}});
  const float *dose = pencone_dose_values(r.dose), *let = pencone_dose_volume_find(r.dose, NULL, "let");
  const float *weighted = pencone_dose_volume_find(r.dose, NULL, "rbe_dose");
  assert_non_null(weighted);
  assert_string_equal(
      pencone_dose_volume_quantity(r.dose, 1),
      "RBE-weighted dose, McNamara 2015, doi:10.1088/0031-9155/60/21/8399, alpha/beta 10 Gy, fractions 2");
  for (int y = 0; y < 100; y += 7) {
    const size_t v = voxel(SIDE / 2, y, SIDE / 2);
    const double d = (double)dose[v];
    assert_close((double)weighted[v], d * pcn_rbe(PCN_RBE_MCNAMARA, d / 2, (double)let[v], 10), 1e-6 * d);
  }
  forget(&r);
}

// The shifter takes its water-equivalent thickness from the range (PMMA of 1.19 g/cm3: PSTAR 1.165 with 75 eV
// for water, 0.48 % more with 78 eV) and widens the spot, by Highland's formula within 5 % in the angle.
static void range_shifter(void **state) {
  (void)state;
  result plain = calculate((setup){.energy_mev = 150}),
         shifted = calculate((setup){.energy_mev = 150, .shifter_mm = 40});
  const float *a = pencone_dose_values(plain.dose), *b = pencone_dose_values(shifted.dose);
  assert_close(r80_of(a) - r80_of(b), 40 * 1.1706, 0.1);
  pencone_machine *machine = NULL;
  pcn_depth_table table;
  pcn_optics optics;
  assert_int_equal(pencone_machine_read(NULL, "ideal-proton", &machine), PENCONE_OK);
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  beam.machine = machine;
  beam.range_shifter_mm = 40;
  assert_int_equal(pcn_depth_table_make(NULL, 150, &table), PENCONE_OK);
  assert_int_equal(pcn_optics_make(NULL, &beam, &table, &optics), PENCONE_OK);
  // Highland's formula: 4.76 g/cm2 of PMMA (X0 40.55 g/cm2), mean of 1 / pv^2 over 150 to 122.3 MeV by
  // Simpson's rule.
  const double angle = 14.1 * (1 + log10(4.76 / 40.55) / 9) * sqrt(4.76 / 40.55 / 3) *
                       sqrt(0.5 / (279.4 * 279.4) + 2 / (255.6 * 255.6) + 0.5 / (230.9 * 230.9));
  assert_close(sqrt(optics.shifter[0]), angle, 0.05 * angle);
  const double drift = 300 + 20;  // from the middle of the shifter
  assert_close(pcn_optics_variance(&optics, 0) - 9, angle * angle * (drift * drift + 40 * 40 / 12.0),
               2 * 0.05 * angle * angle * drift * drift);
  // The dose at the surface is that wide: on the axis and at one sigma, where halo counts little.
  const double sigma = sqrt(pcn_optics_variance(&optics, 0) + 4.0 / 12), x = 6;
  const double ratio = (double)b[voxel(SIDE / 2 + 3, 1, SIDE / 2)] / (double)b[voxel(SIDE / 2, 1, SIDE / 2)];
  assert_close(ratio, exp(-0.5 * x * x / (sigma * sigma)), 0.02);
  pcn_depth_table_free(&table);
  pencone_machine_destroy(machine);
  forget(&plain);
  forget(&shifted);
  result stopped = calculate((setup){.energy_mev = 70, .shifter_mm = 40});
  assert_int_equal(stopped.status, PENCONE_E_RANGE);
  assert_non_null(
      strstr(stopped.error,
             "range_shifter_mm: got 40, which are 46.8 mm of water, expected less than the range of 70 MeV"));
  forget(&stopped);
}

// Magnets at 2300 mm: a spot at 20 mm in the isocentre plane is 1 + z / 2300 times as far at depth z.
static void scanning_magnets(void **state) {
  (void)state;
  result r = calculate((setup){.machine = "generic-proton", .energy_mev = 150, .at_mm = 16});
  double mean, variance;
  moments(pencone_dose_values(r.dose), 1, 16, &mean, &variance);
  // Spot of 4.1 mm (150 MeV, straight line between 130 and 160), and that of the voxel of 2 mm.
  assert_close(mean, 16, 0.03);
  assert_close(variance, 4.1 * 4.1 + 4.0 / 12, 0.6);
  moments(pencone_dose_values(r.dose), 120, 16.8, &mean, &variance);
  assert_close(mean, 16 * (1 + 120.5 / 2300), 0.1);
  forget(&r);
  r = calculate((setup){.machine = "generic-proton", .energy_mev = 150, .at_mm = 151});
  assert_int_equal(r.status, PENCONE_E_RANGE);
  assert_non_null(strstr(r.error, "spot 1: got (151, 0) mm, expected -150 to 150"));
  forget(&r);
}

// A field of 50 mm: flat within 1 % by the engine too, from peak to peak and across the middle; R80 as
// wanted.
static void spread_out_peak(void **state) {
  (void)state;
  result r = {.dose = NULL};
  pencone_machine *machine = NULL;
  pencone_plan *plan = NULL;
  pencone_sobp wanted = PENCONE_SOBP_DEFAULT;
  wanted.range_mm = 140;
  wanted.width_mm = 50;
  wanted.size_mm[0] = wanted.size_mm[1] = 50;
  double flatness_pct = 0;
  assert_int_equal(pencone_context_create(&r.ctx), PENCONE_OK);
  assert_int_equal(pencone_machine_read(r.ctx, "ideal-proton", &machine), PENCONE_OK);
  assert_int_equal(pencone_sobp_plan(r.ctx, &wanted, machine, &plan, &flatness_pct), PENCONE_OK);
  assert_true(flatness_pct > 0 && flatness_pct < 0.6);
  run_plan(r.ctx, plan, 0, &r);
  const float *dose = pencone_dose_values(r.dose);
  for (int y = 91; y < 136; y++) {
    assert_close((double)dose[voxel(SIDE / 2, y, SIDE / 2)], 2, 0.02);
  }
  for (int x = -7; x <= 7; x++) {  // 14 mm: 11 mm from the edge, 2.5 widths of the spot
    assert_close((double)dose[voxel(SIDE / 2 + x, 115, SIDE / 2)], 2, 0.03);
  }
  int y = 135;
  while ((double)dose[voxel(SIDE / 2, y, SIDE / 2)] > 1.6) {
    y++;
  }
  assert_close(y, 140, 1.5);  // 80 % of the plateau lies by the R80 of the deepest peak
  pencone_plan_destroy(plan);
  wanted.width_mm = 110;  // peaks at 30 mm need less than 70 MeV
  assert_int_equal(pencone_sobp_plan(r.ctx, &wanted, machine, &plan, NULL), PENCONE_E_RANGE);
  pencone_machine_destroy(machine);
  forget(&r);
}

// A'A of columns (1,0), (1,1), A'b of b = (1,-1): the second would be negative, so the first alone: 1. And b
// = (3,1): 2, 1.
static void factors_are_not_negative(void **state) {
  (void)state;
  const double product[] = {1, 1, 1, 2}, one[] = {1, 0}, two[] = {3, 4}, same[] = {1, 1, 1, 1};
  double x[2];
  assert_int_equal(pcn_nnls(NULL, 2, product, one, x), PENCONE_OK);
  assert_close(x[0], 1, 1e-12);
  assert_true(x[1] == 0);
  assert_int_equal(pcn_nnls(NULL, 2, product, two, x), PENCONE_OK);
  assert_close(x[0], 2, 1e-12);
  assert_close(x[1], 1, 1e-12);
  assert_int_equal(pcn_nnls(NULL, 2, same, one, x), PENCONE_OK);  // alike: one of them does it
  assert_close(x[0] + x[1], 1, 1e-12);
}

// The closed form as the engine's depth dose: R80 of the table, the peak by the formula.
static void bortfeld_in_the_engine(void **state) {
  (void)state;
  result r = calculate((setup){.energy_mev = 100, .options = {{"depth_dose", "bortfeld"}}});
  const float *dose = pencone_dose_values(r.dose);
  assert_close(r80_of(dose), 77.38, 0.15);
  const pcn_bragg b = {77.38, pcn_bragg_sigma_mm(100, 77.38, 0.5), 0};
  const double expected = pcn_bragg_dose(&b, 40.5),
               got = plane_sum(dose, 40) * 4 / (100 * 1.602176634e-10 * 1e8);
  assert_close(got, expected, 0.01 * expected);  // what leaves the tank is halo
  forget(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closed_forms),
      cmocka_unit_test(closed_form_falls_off),
      cmocka_unit_test(let_of_a_spot),
      cmocka_unit_test(rbe_models),
      cmocka_unit_test(rbe_weighted_dose),
      cmocka_unit_test(range_shifter),
      cmocka_unit_test(scanning_magnets),
      cmocka_unit_test(spread_out_peak),
      cmocka_unit_test(factors_are_not_negative),
      cmocka_unit_test(bortfeld_in_the_engine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

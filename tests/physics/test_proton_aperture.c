// SPDX-License-Identifier: Apache-2.0
// Apertures of proton fields: edges against the sum of Gaussians, energy, influence matrices, what is refused
// (docs/theory/proton.md, section 9).
#include "../unit/dij.h"
#include "base/base.h"
#include "proton/beam_data.h"

enum { SIDE = 61, DEPTH = 64, ROW = 19, SPOTS = ROW * ROW };
static const double distance_mm = 60, energy_mev = 130;

/// A field of spots, an aperture (count 0: none), where the beam comes from.
typedef struct field {
  const char *machine, *spacing_mm;
  double spot_step_mm, gantry_deg, protons, distance_mm;
  int row, count;
  const pencone_aperture_point *points;
} field;

static field a_field(void) {
  const field f = {"ideal-proton", "2.5", 3.5, 0, 1e6, distance_mm, ROW, 0, NULL};
  return f;
}

// Water, 61 x 64 x 61 voxels of 1 x 2 x 1 mm, its surface in the isocentre plane.
static pencone_status make(pencone_context *ctx, const field *f, physics_case *c) {
  static const physics_layer water[PHYSICS_LAYERS] = {{1e6, 1, "water"}};
  const pencone_grid grid = physics_grid(SIDE, DEPTH, SIDE, 1, 2, 1);
  pencone_proton_spot spots[SPOTS];
  for (int i = 0; i < f->row * f->row; i++) {
    spots[i].x_mm = f->spot_step_mm * (i % f->row - 0.5 * (f->row - 1));
    spots[i].y_mm = f->spot_step_mm * (i / f->row - 0.5 * (f->row - 1));
    spots[i].protons = f->protons;
  }
  const pencone_proton_layer layer = {energy_mev, f->row * f->row, spots};
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  memset(c, 0, sizeof *c);
  physics_ok(ctx, pencone_machine_read(ctx, f->machine, &c->machine));
  c->phantom = physics_phantom(ctx, &grid, water);
  physics_ok(ctx, pencone_plan_create(ctx, "aperture", &c->plan));
  physics_ok(ctx, pencone_plan_set_engine(ctx, c->plan, "proton-pencil-beam"));
  physics_ok(ctx, pencone_plan_set_option(ctx, c->plan, "ray_spacing_mm", f->spacing_mm));
  beam.machine = c->machine;
  beam.gantry_deg = f->gantry_deg;
  beam.layer_count = 1;
  beam.layers = &layer;
  beam.aperture_points = f->points;
  beam.aperture_point_count = f->count;
  beam.aperture_distance_mm = f->distance_mm;
  PCN_TRY(pencone_plan_add_beam(ctx, c->plan, &beam));
  PCN_TRY(pencone_engine_create(ctx, c->plan, c->phantom, &c->engine));
  physics_ok(ctx, pencone_dose_create(ctx, pencone_engine_grid(c->engine), &c->dose));
  return pencone_engine_compute(ctx, c->engine, 0, c->dose);
}

static double at(const physics_case *c, int x, int depth) {
  return (double)pencone_dose_values(
      c->dose)[(size_t)(SIDE / 2) * SIDE * DEPTH + (size_t)depth * SIDE + (size_t)x];
}

static double edge(double x_mm, double sigma_mm) {
  return 0.5 * erf(x_mm / (sqrt(2) * sigma_mm));
}

// A wide field behind a slit of +-half: each of the three Gaussians has the width by scattering and that of a
// ray, 0.7 mm at the 1 mm that an aperture asks for, and 0.35 mm of the edge; the voxel adds 1/12 mm2. 1.5 %
// of the axis: ripple of the spots, wide Gaussians, whose field ends at 33 mm.
static void edges_of_a_slit(void **state) {
  static const pencone_aperture_point slit[] = {{-10, -40}, {10, -40}, {10, 40}, {-10, 40}};
  const double half_mm = 10, own_mm2 = 0.49 + 0.35 * 0.35 + 1.0 / 12;
  pcn_depth_table table;
  physics_ok(*state, pcn_depth_table_make(*state, energy_mev, &table));
  field f = a_field();
  physics_case c;
  f.count = 4;
  f.points = slit;
  physics_ok(*state, make(*state, &f, &c));
  static const int planes[] = {2, 20, 40, 55};
  for (int p = 0; p < 4; p++) {
    const pcn_depth_row row = pcn_depth_table_at(&table, 2 * planes[p] + 1);
    double worst = 0;
    for (int i = 0; i < SIDE; i++) {
      const double x = i - SIDE / 2;
      double expected = 0, axis = 0;
      for (int g = 0; g < 3; g++) {
        const double sigma = sqrt(own_mm2 + row.core + (g > 0 ? row.wide[g - 1] : 0));
        const double share = g > 0 ? row.share[g - 1] : 1 - row.share[0] - row.share[1];
        expected += share * (edge(x + half_mm, sigma) - edge(x - half_mm, sigma));
        axis += share * 2 * edge(half_mm, sigma);
      }
      worst = fmax(worst, fabs(at(&c, i, planes[p]) / at(&c, SIDE / 2, planes[p]) - expected / axis));
    }
    print_message("%d mm deep: largest difference %.4f of the axis\n", 2 * planes[p], worst);
    assert_true(worst < 0.015);
  }
  pcn_depth_table_free(&table);
  physics_free(&c);
}

// An aperture beyond all spots changes nothing, up to the rays' distance; one through the middle of a spot
// takes half.
static void wide_and_half(void **state) {
  static const pencone_aperture_point wide[] = {{-300, -300}, {300, -300}, {300, 300}, {-300, 300}};
  static const pencone_aperture_point half[] = {{0, -60}, {60, -60}, {60, 60}, {0, 60}};
  field f = a_field();
  physics_case open, all, some;
  f.row = 1;
  f.spacing_mm = "1";
  physics_ok(*state, make(*state, &f, &open));
  f.count = 4;
  f.points = wide;
  physics_ok(*state, make(*state, &f, &all));
  f.points = half;
  physics_ok(*state, make(*state, &f, &some));
  double sum[3] = {0, 0, 0};
  for (size_t i = 0; i < (size_t)SIDE * DEPTH * SIDE; i++) {
    sum[0] += (double)pencone_dose_values(open.dose)[i];
    sum[1] += (double)pencone_dose_values(all.dose)[i];
    sum[2] += (double)pencone_dose_values(some.dose)[i];
  }
  assert_near(sum[1], sum[0], 1e-6);
  assert_near(sum[2], 0.5 * sum[0], 2e-3);
  assert_true(at(&some, SIDE / 2 + 4, 10) > 10 * at(&some, SIDE / 2 - 4, 10));
  physics_free(&open);
  physics_free(&all);
  physics_free(&some);
}

// Scanning magnets at 2.3 m (x): the outline is that of the isocentre plane, so the field's edge lies there
// at the place of the outline, and before it nearer to the axis. 0.15 mm: a voxel is 1 mm.
static void edges_diverge(void **state) {
  static const pencone_aperture_point square[] = {{-12, -12}, {12, -12}, {12, 12}, {-12, 12}};
  field f = a_field();
  physics_case c;
  f.machine = "generic-proton";
  f.count = 4;
  f.points = square;
  physics_ok(*state, make(*state, &f, &c));
  for (int depth = 1; depth < 40; depth += 19) {
    const double level = 0.5 * at(&c, SIDE / 2, depth), z_mm = 2 * depth + 1;
    int i = SIDE / 2;
    while (at(&c, i, depth) > level) {
      i++;
    }
    const double x = i - SIDE / 2 - (level - at(&c, i, depth)) / (at(&c, i - 1, depth) - at(&c, i, depth));
    print_message("%g mm deep: edge at %.3f mm\n", z_mm, x);
    assert_close(x, 12 * (1 + z_mm / 2300), 0.15);
  }
  physics_free(&c);
}

// A triangle that cuts some spots, lets some through and stops some: columns against the forward dose, along
// the axes and oblique. Tolerances are those of test_dij.c: the wide Gaussians of neighbouring rays are taken
// as one.
static void columns_make_the_field(void **state) {
  static const pencone_aperture_point triangle[] = {{-15, -15}, {20, -15}, {-5, 25}};
  for (int oblique = 0; oblique < 2; oblique++) {
    field f = a_field();
    physics_case c;
    pencone_dij_report report = PENCONE_DIJ_REPORT_DEFAULT;
    f.row = 7;
    f.spot_step_mm = 9;
    f.gantry_deg = oblique ? 15 : 0;
    f.count = 3;
    f.points = triangle;
    physics_ok(*state, make(*state, &f, &c));
    const pencone_dij_options options = dij_threshold(0);
    pencone_dij *dij = dij_make(*state, c.engine, &options, &report);
    const size_t voxels = pencone_grid_voxels(pencone_engine_grid(c.engine));
    float *product = malloc(voxels * sizeof *product);
    double weights[49], worst = 0;
    assert_non_null(product);
    for (int i = 0; i < 49; i++) {
      weights[i] = f.protons;
    }
    physics_ok(*state, pencone_dij_dose(*state, dij, 49, weights, product));
    for (size_t i = 0; i < voxels; i++) {
      worst = fmax(worst, fabs((double)product[i] - (double)pencone_dose_values(c.dose)[i]));
    }
    worst /= physics_max(c.dose);
    print_message("%d of 49 columns are empty; largest difference %.2g of the maximum\n", (int)report.empty,
                  worst);
    assert_true(report.empty > 5 && report.empty < 35);
    assert_true(worst < 1e-3);
    free(product);
    pencone_dij_destroy(dij);
    physics_free(&c);
  }
}

static void refused(void **state) {
  static const pencone_aperture_point square[] = {{-12, -12}, {12, -12}, {12, 12}, {-12, 12}};
  static const pencone_aperture_point bow[] = {{-12, -12}, {12, 12}, {12, -12}, {-12, 13}};
  static const pencone_aperture_point away[] = {{100, -12}, {120, -12}, {120, 12}};
  static const pencone_aperture_point line[] = {{-12, -12}, {0, 0}, {12, 12}};
  static const pencone_aperture_point bad[] = {{-12, -12}, {NAN, 0}, {12, 12}};
  const struct {
    const pencone_aperture_point *points;
    int count;
    double distance_mm, protons;
    pencone_status status;
    const char *message;
  } cases[] = {
      {square, 2, 60, 1, PENCONE_E_RANGE, "aperture: got an outline of 2 points, expected 3 to 1000"},
      {NULL, 4, 60, 1, PENCONE_E_RANGE, "aperture: got an outline of 0 points, expected 3 to 1000"},
      {square, 4, -1, 1, PENCONE_E_RANGE, "aperture: distance_mm: got -1, expected 0 to 2000"},
      {bow, 4, 60, 1, PENCONE_E_RANGE, "edges from point 1 and from point 3 that cross"},
      {line, 3, 60, 1, PENCONE_E_RANGE, "aperture: got an opening of 0 mm2"},
      {bad, 3, 60, 1, PENCONE_E_RANGE, "aperture: point 2: got (nan, 0) mm"},
      {away, 3, 60, 1, PENCONE_E_GEOMETRY, "beam beam: aperture: it stops all spots"},
      {NULL, 0, 60, 0, PENCONE_E_RANGE, "beam beam: protons: got 0 in each of its spots"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    field f = a_field();
    physics_case c;
    f.points = cases[i].points;
    f.count = cases[i].count;
    f.distance_mm = cases[i].distance_mm;
    f.protons = cases[i].protons;
    f.row = 3;
    assert_int_equal(make(*state, &f, &c), cases[i].status);
    assert_error_has(*state, cases[i].message);
    physics_free(&c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(edges_of_a_slit), UNIT_TEST(wide_and_half),
                                     UNIT_TEST(edges_diverge), UNIT_TEST(columns_make_the_field),
                                     UNIT_TEST(refused)};
  return cmocka_run_group_tests_name("proton_aperture", tests, NULL, NULL);
}

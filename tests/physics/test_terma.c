// SPDX-License-Identifier: Apache-2.0
// Released energy on a grid against closed forms (docs/theory/terma.md, eq. 1 to 5).
#include "photon/tables.h"
#include "physics.h"

/// A beam on a medium and what it releases.
typedef struct setting {
  pencone_phantom *phantom;
  pencone_machine *machine;
  pcn_medium medium;
  pcn_photon_tables tables;
  pcn_terma terma;
  pcn_depth_way way;
} setting;

static void make(pencone_context *ctx, const pencone_grid *grid, const physics_layer layer[PHYSICS_LAYERS],
                 double sad_mm, setting *s) {
  memset(s, 0, sizeof *s);
  s->phantom = physics_phantom(ctx, grid, layer);
  s->machine = physics_machine(ctx, "mohan6", sad_mm);
  physics_ok(ctx, pcn_medium_make(ctx, s->phantom, grid, physics_progress, &s->medium));
  physics_ok(ctx, pcn_photon_tables_make(ctx, s->machine, 5, &s->tables));
  physics_ok(ctx, pcn_terma_make(ctx, grid, &s->terma));
}

static void release(setting *s) {
  pcn_terma_free(&s->terma);
  pcn_photon_tables_free(&s->tables);
  pcn_medium_free(&s->medium);
  pencone_machine_destroy(s->machine);
  pencone_phantom_destroy(s->phantom);
}

static void fill(pencone_context *ctx, setting *s, const pencone_beam *beam) {
  physics_ok(ctx,
             pcn_terma_fill(ctx, &s->medium, beam, s->tables.quality, s->way, physics_progress, &s->terma));
}

static const pcn_depth_way ways[2] = {PCN_DEPTH_EXACT, PCN_DEPTH_LATTICE};
static const physics_layer water[PHYSICS_LAYERS] = {{1e6, 1, "water"}};
static const physics_layer vacuum[PHYSICS_LAYERS] = {{1e6, 1e-7, "water"}};

static size_t index_of(const pencone_grid *g, int64_t i, int64_t j, int64_t k) {
  return (size_t)((k * g->size[1] + j) * g->size[0] + i);
}

// Fluence across the ray per fluence in the isocentre plane, at a point below a source on the y axis: uniform
// per area of that plane, so inverse square of the distance along the axis over the cosine.
static double fluence(const double xyz[3], double sad_mm, double *stretch) {
  const double z = sad_mm + xyz[1], r = sqrt(xyz[0] * xyz[0] + z * z + xyz[2] * xyz[2]);
  *stretch = r / z;  // 1 / cosine
  return sad_mm * sad_mm / (z * z) * *stretch;
}

// A1.12 (1) for a divergent beam: what is released behind slabs is the spectrum's release behind their
// radiological depth times the fluence. Depths are summed in double, tables hold singles, 5e-4 as in
// test_quality.
static void slabs_attenuate_by(pencone_context *ctx, pcn_depth_way way) {
  const pencone_grid grid = physics_grid(21, 60, 21, 5, 5, 5);
  const physics_layer layer[PHYSICS_LAYERS] = {
      {50, 1, "water"}, {150, 0.26, "water"}, {200, 1.85, "water"}, {300, 1, "water"}};
  setting s;
  make(ctx, &grid, layer, 1000, &s);
  s.way = way;
  const pencone_beam beam = physics_beam(s.machine, 200);
  fill(ctx, &s, &beam);
  uint64_t seed = 3;
  for (int n = 0; n < 500; n++) {
    const int64_t i = 1 + (int64_t)(19 * physics_random(&seed)), j = (int64_t)(60 * physics_random(&seed)),
                  k = 1 + (int64_t)(19 * physics_random(&seed));  // beside the faces the lattice blurs
    double xyz[3], stretch, depth = 0, above = 0;
    pencone_grid_centre(&grid, i, j, k, xyz);
    const double f = fluence(xyz, 1000, &stretch);
    for (int l = 0; l < PHYSICS_LAYERS && above < xyz[1]; l++) {
      depth += layer[l].density_g_cm3 * 0.1 * (fmin(xyz[1], layer[l].until_mm) - above);
      above = layer[l].until_mm;
    }
    const pcn_release want = pcn_quality_exact(s.tables.quality, depth * stretch, 0);
    for (int part = 0; part < PCN_PARTS; part++) {
      assert_near((double)s.terma.part[part][index_of(&grid, i, j, k)], f * (double)want.water[part], 5e-4);
    }
  }
  release(&s);
}

static void slabs_attenuate(void **state) {
  slabs_attenuate_by(*state, ways[0]);
  slabs_attenuate_by(*state, ways[1]);
}

// The lattice against every voxel's own ray, where they can differ: an oblique beam that enters by an edge of
// the phantom and crosses slabs at 50 degrees. Depths are blurred by less than a voxel (5 mm x 0.05/cm x the
// difference of densities: 2 %) beside the slabs' faces and the edge; on average nothing is left.
static void lattice_agrees_with_exact_rays(void **state) {
  const pencone_grid grid = physics_grid(40, 40, 30, 5, 5, 5);
  const physics_layer layer[PHYSICS_LAYERS] = {
      {50, 1, "water"}, {100, 0.26, "lung"}, {130, 1.85, "cortical-bone"}, {300, 1, "water"}};
  setting s[2];
  for (int w = 0; w < 2; w++) {
    make(*state, &grid, layer, 1000, &s[w]);
    s[w].way = ways[w];
    pencone_beam beam = physics_beam(s[w].machine, 100);
    beam.gantry_deg = 50;
    beam.couch_deg = 20;
    beam.collimator_deg = 15;
    beam.isocenter_mm[1] = 60;
    fill(*state, &s[w], &beam);
  }
  double sum = 0, difference = 0, largest = 0;
  for (size_t v = 0; v < pencone_grid_voxels(&grid); v++) {
    const double exact = (double)s[0].terma.part[0][v], lattice = (double)s[1].terma.part[0][v];
    assert_int_equal(exact > 0, lattice > 0);
    sum += exact;
    difference += lattice - exact;
    largest = fmax(largest, exact > 0 ? fabs(lattice / exact - 1) : 0);
  }
  assert_close(difference / sum, 0, 2e-4);
  assert_true(largest < 0.025);
  release(&s[0]);
  release(&s[1]);
}

// A1.12 (7): without attenuation (2e-6 of it here) only the square of the distance and the cosine are left,
// from 20 cm before the isocentre to 20 cm behind, up to 12 degrees off the axis. Singles: 1e-6.
static void inverse_square_and_cosine_in_vacuum(void **state) {
  pencone_grid grid = physics_grid(41, 40, 41, 10, 10, 10);
  grid.origin_mm[1] = -195;
  setting s;
  make(*state, &grid, vacuum, 1000, &s);
  const pencone_beam beam = physics_beam(s.machine, 1000);
  fill(*state, &s, &beam);
  const pcn_release want = pcn_quality_exact(s.tables.quality, 0, 0);
  for (size_t v = 0; v < pencone_grid_voxels(&grid); v += 7) {
    double xyz[3], stretch;
    pencone_grid_centre(&grid, (int64_t)v % 41, (int64_t)v / 41 % 40, (int64_t)v / (41 * 40), xyz);
    assert_near((double)s.terma.part[PCN_PRIMARY][v],
                fluence(xyz, 1000, &stretch) * (double)want.water[PCN_PRIMARY], 5e-6);
  }
  release(&s);
}

/// A field whose edges fall anywhere between voxels.
typedef struct edge_case {
  double x_mm[2], y_mm[2], shift_mm, gantry_deg, collimator_deg, couch_deg;
} edge_case;

// Photons that cross a plane do not depend on where the voxels are: the sum of the voxels' shares times their
// area is the field's area at that distance. Corners are products of two shares and rotated edges 4 x 4
// samples: 1e-3 of the area and 2 % of one voxel's face for the four corners together, which shows in fields
// of a few voxels only.
static void edges_keep_the_fields_area(void **state) {
  static const edge_case cases[] = {
      {{-50, 50}, {-50, 50}, 0, 0, 0, 0},       {{-50.3, 49.2}, {-31.7, 30.1}, 0, 0, 0, 0},
      {{-15, 15}, {-15, 15}, 1.3, 0, 0, 0},     {{-15, 15}, {-15, 15}, 2.1, 0, 30, 0},
      {{-40.4, 10}, {-5, 25}, 0.7, 0, 45, 0},   {{-20, 20}, {-30, 30}, 0.4, 0, 17, 25},
      {{-2.5, 2.5}, {-2.5, 2.5}, 1.9, 0, 0, 0}, {{-7, 7}, {-3, 3}, 0.9, 180, 60, 0}};
  pencone_grid grid = physics_grid(60, 3, 60, 3, 3, 3);
  setting s;
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    const edge_case *e = &cases[c];
    grid.origin_mm[0] = -88.5 + e->shift_mm;
    grid.origin_mm[2] = -88.5 - 0.6 * e->shift_mm;
    grid.origin_mm[1] = -3;
    make(*state, &grid, vacuum, 1000, &s);
    pencone_beam beam = physics_beam(s.machine, 1);
    memcpy(beam.field_x_mm, e->x_mm, sizeof beam.field_x_mm);
    memcpy(beam.field_y_mm, e->y_mm, sizeof beam.field_y_mm);
    beam.gantry_deg = e->gantry_deg;
    beam.collimator_deg = e->collimator_deg;
    beam.couch_deg = e->couch_deg;
    fill(*state, &s, &beam);
    const double unit = (double)pcn_quality_exact(s.tables.quality, 0, 0).water[PCN_PRIMARY];
    for (int64_t j = 0; j < 3; j++) {
      double area = 0, xyz[3], stretch;
      for (int64_t k = 0; k < 60; k++) {
        for (int64_t i = 0; i < 60; i++) {
          pencone_grid_centre(&grid, i, j, k, xyz);
          xyz[1] = e->gantry_deg == 180 ? -xyz[1] : xyz[1];
          area += 9 * (double)s.terma.part[PCN_PRIMARY][index_of(&grid, i, j, k)] /
                  (unit * fluence(xyz, 1000, &stretch));
        }
      }
      const double scale = 1 + xyz[1] / 1000;
      const double want = (e->x_mm[1] - e->x_mm[0]) * (e->y_mm[1] - e->y_mm[0]) * scale * scale;
      assert_close(area, want, 1e-3 * want + 0.02 * 9);
    }
    release(&s);
  }
}

// The box that the transport trusts holds every voxel with released energy, and no empty face.
static void the_box_is_tight(void **state) {
  const pencone_grid grid = physics_grid(30, 20, 30, 4, 4, 4);
  setting s;
  make(*state, &grid, water, 1000, &s);
  pencone_beam beam = physics_beam(s.machine, 30);
  beam.field_x_mm[1] = 41;
  fill(*state, &s, &beam);
  int64_t low[3] = {99, 99, 99}, high[3] = {0, 0, 0};
  for (size_t v = 0; v < pencone_grid_voxels(&grid); v++) {
    const int64_t at[3] = {(int64_t)v % 30, (int64_t)v / 30 % 20, (int64_t)v / 600};
    for (int a = 0; a < 3 && s.terma.part[PCN_SCATTER][v] > 0; a++) {
      low[a] = at[a] < low[a] ? at[a] : low[a];
      high[a] = at[a] + 1 > high[a] ? at[a] + 1 : high[a];
    }
  }
  for (int a = 0; a < 3; a++) {
    assert_int_equal(s.terma.low[a], low[a]);
    assert_int_equal(s.terma.high[a], high[a]);
  }
  release(&s);
}

// Fluence is a factor; the same bits for any number of threads.
static void fluence_is_a_factor(void **state) {
  const pencone_grid grid = physics_grid(12, 10, 14, 5, 5, 5);
  setting a, b;
  make(*state, &grid, water, 1000, &a);
  make(*state, &grid, water, 1000, &b);
  pencone_beam beam = physics_beam(a.machine, 33);
  a.way = b.way = PCN_DEPTH_LATTICE;
  physics_ok(*state, pencone_context_set_threads(*state, 1));
  fill(*state, &a, &beam);
  physics_ok(*state, pencone_context_set_threads(*state, 5));
  fill(*state, &b, &beam);
  const size_t voxels = pencone_grid_voxels(&grid);
  assert_memory_equal(a.terma.part[0], b.terma.part[0], voxels * sizeof(float));
  assert_memory_equal(a.terma.part[1], b.terma.part[1], voxels * sizeof(float));
  beam.fluence_per_cm2 = 4;  // a power of two: exact
  fill(*state, &b, &beam);
  for (size_t v = 0; v < voxels; v++) {
    assert_true(b.terma.part[1][v] == 4 * a.terma.part[1][v]);
  }
  release(&a);
  release(&b);
}

// The table of depths ends at 100 g/cm2: behind more of it, the sums themselves.
static void depths_beyond_the_table(void **state) {
  const pencone_grid grid = physics_grid(9, 60, 9, 10, 10, 10);
  const physics_layer layer[PHYSICS_LAYERS] = {{600, 3, "water"}};
  setting s;
  make(*state, &grid, layer, 1000, &s);
  s.way = PCN_DEPTH_LATTICE;
  const pencone_beam beam = physics_beam(s.machine, 40);
  fill(*state, &s, &beam);
  for (int64_t j = 25; j < 60; j++) {
    double xyz[3], stretch;
    pencone_grid_centre(&grid, 4, j, 4, xyz);
    const double f = fluence(xyz, 1000, &stretch);
    const pcn_release want = pcn_quality_exact(s.tables.quality, 0.3 * xyz[1] * stretch, 0);
    assert_near((double)s.terma.part[0][index_of(&grid, 4, j, 4)], f * (double)want.water[0], 5e-4);
  }
  release(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(slabs_attenuate),
      UNIT_TEST(lattice_agrees_with_exact_rays),
      UNIT_TEST(inverse_square_and_cosine_in_vacuum),
      UNIT_TEST(edges_keep_the_fields_area),
      UNIT_TEST(the_box_is_tight),
      UNIT_TEST(fluence_is_a_factor),
      UNIT_TEST(depths_beyond_the_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Share of a voxel inside a field: sharp edges seen from a point source.
#include "../physics/physics.h"
#include "beam/aperture.h"

static const double cube_mm[3] = {4, 4, 4};

/// A field of 40 x 60 mm whose machine stands until the end of the test.
static pencone_beam field(pencone_machine *machine) {
  pencone_beam beam = physics_beam(machine, 40);
  beam.field_y_mm[0] = -30;
  beam.field_y_mm[1] = 30;
  return beam;
}

static double share_at(const pcn_aperture *a, double x, double y, double z) {
  return pcn_aperture_share(a, pcn_v3(x, y, z));
}

// Gantry 0: the collimator's x is the patient's x, its y the patient's z, the beam travels along +y.
static void inside_outside_and_on_an_edge(void **state) {
  pencone_machine *machine = physics_machine(*state, "mohan6", 1000);
  const pencone_beam beam = field(machine);
  pcn_aperture a;
  physics_ok(*state, pcn_aperture_make(*state, &beam, cube_mm, &a));
  assert_true(share_at(&a, 0, 0, 0) == 1);
  assert_true(share_at(&a, 17, 0, 27) == 1);
  assert_true(share_at(&a, 25, 0, 0) == 0);
  assert_true(share_at(&a, 0, 0, -34) == 0);
  // An edge through the middle: half. The voxel's depth of 4 mm shifts the edge by up to 0.04 mm on each
  // side.
  assert_close(share_at(&a, 20, 0, 0), 0.5, 1e-4);
  assert_close(share_at(&a, 0, 0, -30), 0.5, 1e-4);
  assert_close(share_at(&a, 20, 0, 30), 0.25, 1e-3);  // a corner
  assert_close(share_at(&a, 19, 0, 0), 0.75, 1e-4);
  assert_close(share_at(&a, -21, 0, 0), 0.25, 1e-4);
  pcn_aperture_free(&a);
  pencone_machine_destroy(machine);
}

static void the_field_diverges(void **state) {
  pencone_machine *machine = physics_machine(*state, "mohan6", 1000);
  const pencone_beam beam = field(machine);
  pcn_aperture a;
  physics_ok(*state, pcn_aperture_make(*state, &beam, cube_mm, &a));
  assert_close(share_at(&a, 22, 100, 0), 0.5, 1e-3);  // 20 x 1100 / 1000
  assert_close(share_at(&a, 10, -500, 0), 0.5, 1e-3);
  assert_true(share_at(&a, 0, -1000, 0) == 0);  // at the source
  assert_true(share_at(&a, 0, -1500, 0) == 0);  // behind it
  pcn_aperture_free(&a);
  pencone_machine_destroy(machine);
}

// A voxel wider than the field holds all of it.
static void a_field_inside_one_voxel(void **state) {
  const double large_mm[3] = {20, 5, 30};
  pencone_machine *machine = physics_machine(*state, "mohan6", 1000);
  pencone_beam beam = field(machine);
  beam.field_x_mm[0] = -3;
  beam.field_x_mm[1] = 4;
  beam.field_y_mm[0] = -5;
  beam.field_y_mm[1] = 1;
  pcn_aperture a;
  physics_ok(*state, pcn_aperture_make(*state, &beam, large_mm, &a));
  assert_near(share_at(&a, 0, 0, 0), 7 * 6 / (20.0 * 30), 1e-4);
  pcn_aperture_free(&a);
  pencone_machine_destroy(machine);
}

// The share of a rotated edge against 32^3 points of the voxel, where one edge cuts it: 4 x 4 samples, 0.5 %.
static void rotated_edges(void **state) {
  enum { N = 32 };
  pencone_machine *machine = physics_machine(*state, "mohan6", 1000);
  pencone_beam beam = field(machine);
  beam.collimator_deg = 31;
  beam.gantry_deg = 20;
  pcn_aperture a;
  physics_ok(*state, pcn_aperture_make(*state, &beam, cube_mm, &a));
  uint64_t seed = 4;
  int cut = 0;
  for (int n = 0; n < 200; n++) {
    const double angle = 6.28 * physics_random(&seed), radius = 17 + 7 * physics_random(&seed);
    const double centre[3] = {radius * cos(angle), 40 * physics_random(&seed) - 20, radius * sin(angle)};
    long in = 0;
    for (long s = 0; s < (long)N * N * N; s++) {
      const double p[3] = {centre[0] + 4 * (((double)(s % N) + 0.5) / N - 0.5),
                           centre[1] + 4 * (((double)(s / N % N) + 0.5) / N - 0.5),
                           centre[2] + 4 * (((double)(s / (N * N)) + 0.5) / N - 0.5)};
      double bev[3];
      pcn_frame_project(&a.frame, pcn_v3_from(p), &bev[0], &bev[1], &bev[2]);
      in += fabs(bev[0]) <= 20 && fabs(bev[1]) <= 30;
    }
    const double want = (double)in / ((double)N * N * N);
    cut += want > 0.01 && want < 0.99;
    assert_close(share_at(&a, centre[0], centre[1], centre[2]), want, 0.005);
  }
  assert_true(cut > 10);
  pcn_aperture_free(&a);
  pencone_machine_destroy(machine);
}

// What the public header says of a beam's own axes.
static void beams_project_points(void **state) {
  pencone_machine *machine = physics_machine(*state, "mohan6", 800);
  pencone_beam beam = field(machine);
  const double isocentre[3] = {10, -20, 30}, below[3] = {14, 180, 22};
  double source[3], bev[3];
  memcpy(beam.isocenter_mm, isocentre, sizeof isocentre);
  pencone_beam_source(&beam, source);
  assert_close(source[0], 10, 1e-9);
  assert_close(source[1], -820, 1e-9);  // above the patient
  assert_close(source[2], 30, 1e-9);
  pencone_beam_project(&beam, below, bev);
  assert_close(bev[0], 4 * 0.8, 1e-9);
  assert_close(bev[1], -8 * 0.8, 1e-9);
  assert_close(bev[2], 1000, 1e-9);
  pencone_machine_destroy(machine);
}

// Voxels of a row get what each gets alone, whether an edge cuts them or not; outside the range there is
// nothing. Singles: 1e-6.
static void rows_are_voxels(void **state) {
  enum { VOXELS = 60 };
  pencone_machine *machine = physics_machine(*state, "mohan6", 1000);
  const pencone_control_point points[3] = {{30, 0, 20, {-20, 35}, {-30, 30}, 0.5},
                                           {30, 40, 20, {-30, 10}, {-10, 40}, 0.3},
                                           {30, 90, 20, {20, 22}, {-30, 30}, 0.2}};
  pencone_beam beam = field(machine);
  beam.gantry_deg = 30;
  beam.couch_deg = 20;
  for (int count = 0; count <= 3; count += 3) {
    beam.control_points = count > 0 ? points : NULL;
    beam.control_point_count = count;
    pcn_aperture a;
    int cut = 0, held = 0;
    physics_ok(*state, pcn_aperture_make(*state, &beam, cube_mm, &a));
    for (int row = 0; row < 400; row++) {
      float share[VOXELS];
      int64_t range[2];
      const pcn_vec3 first = pcn_v3(-120, -60 + 6 * (row % 20), -60 + 6 * (row / 20));
      pcn_aperture_row(&a, first, VOXELS, range, share);
      assert_true(range[0] >= 0 && range[1] <= VOXELS && range[1] >= range[0]);
      for (int64_t i = 0; i < VOXELS; i++) {
        const double want = share_at(&a, -120 + 4 * (double)i, first.y, first.z);
        const int inside = i >= range[0] && i < range[1];
        assert_close(inside ? (double)share[i] : 0, want, 1e-6);
        held += want > 0.99;
        cut += want > 0 && want < 0.2;
      }
    }
    assert_true(cut > 100 && (held > 100 || count > 0));
    pcn_aperture_free(&a);
  }
  pencone_machine_destroy(machine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(inside_outside_and_on_an_edge), UNIT_TEST(the_field_diverges),
      UNIT_TEST(a_field_inside_one_voxel),      UNIT_TEST(rotated_edges),
      UNIT_TEST(beams_project_points),          UNIT_TEST(rows_are_voxels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

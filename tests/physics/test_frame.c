// SPDX-License-Identifier: Apache-2.0
// Machine axes in patient axes (docs/conventions.md), against rotation matrices multiplied out here.
#include "geom/frame.h"
#include "num/constants.h"
#include "unit.h"

static const double origin[3] = {0, 0, 0};

static void assert_vector(pcn_vec3 v, double x, double y, double z, double tolerance) {
  assert_close(v.x, x, tolerance);
  assert_close(v.y, y, tolerance);
  assert_close(v.z, z, tolerance);
}

// Axis 0, 1, 2; right-handed.
static void rotate(int axis, double degrees, double v[3]) {
  const double s = sin(pcn_radians(degrees)), c = cos(pcn_radians(degrees));
  const int a = (axis + 1) % 3, b = (axis + 2) % 3;
  const double va = v[a], vb = v[b];
  v[a] = c * va - s * vb;
  v[b] = s * va + c * vb;
}

// A vector of the IEC collimator system in patient axes: collimator, gantry, then the couch the other way.
static pcn_vec3 expected(const double angles_deg[3], double x, double y, double z) {
  double v[3] = {x, y, z};
  rotate(2, angles_deg[1], v);   // collimator about z
  rotate(1, angles_deg[0], v);   // gantry about y
  rotate(2, -angles_deg[2], v);  // room to couch
  return pcn_v3(v[0], -v[2], v[1]);
}

static void test_quarter_turns(void **state) {
  (void)state;
  // gantry, collimator, couch; source, ex, ey in LPS. Exact: quarter turns do not round.
  static const double rows[][12] = {
      {0, 0, 0, 0, -1000, 0, 1, 0, 0, 0, 0, 1},     // anterior
      {90, 0, 0, 1000, 0, 0, 0, 1, 0, 0, 0, 1},     // left
      {180, 0, 0, 0, 1000, 0, -1, 0, 0, 0, 0, 1},   // posterior
      {270, 0, 0, -1000, 0, 0, 0, -1, 0, 0, 0, 1},  // right
      {-90, 0, 0, -1000, 0, 0, 0, -1, 0, 0, 0, 1}, {360, 0, 0, 0, -1000, 0, 1, 0, 0, 0, 0, 1},
      {0, 90, 0, 0, -1000, 0, 0, 0, 1, -1, 0, 0},   // collimator x to the head
      {0, 0, 90, 0, -1000, 0, 0, 0, -1, 1, 0, 0},   // couch: the room's x to the feet
      {90, 0, 90, 0, 0, -1000, 0, 1, 0, 1, 0, 0},   // from the feet
      {90, 0, 270, 0, 0, 1000, 0, 1, 0, -1, 0, 0},  // from the vertex
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const double *r = rows[i];
    const pcn_frame f = pcn_frame_make(origin, 1000, r[0], r[1], r[2]);
    assert_vector(f.source, r[3], r[4], r[5], 0);
    assert_vector(f.ex, r[6], r[7], r[8], 0);
    assert_vector(f.ey, r[9], r[10], r[11], 0);
  }
}

static void test_any_angle(void **state) {
  (void)state;
  const double isocenter[3] = {12, -34, 56};
  for (int i = 0; i < 200; i++) {
    const double angles[3] = {i * 37.3 - 360, i * 11.9 - 200, i * 7.7 - 90};
    const double gantry = fmod(angles[0], 360), collimator = fmod(angles[1], 360),
                 couch = fmod(angles[2], 360);
    const pcn_frame f = pcn_frame_make(isocenter, 800, gantry, collimator, couch);
    const pcn_vec3 ex = expected(angles, 1, 0, 0), ey = expected(angles, 0, 1, 0),
                   ez = expected(angles, 0, 0, -1);
    assert_vector(f.ex, ex.x, ex.y, ex.z, 1e-12);
    assert_vector(f.ey, ey.x, ey.y, ey.z, 1e-12);
    assert_vector(f.ez, ez.x, ez.y, ez.z, 1e-12);
    assert_vector(f.source, 12 - 800 * ez.x, -34 - 800 * ez.y, 56 - 800 * ez.z, 1e-9);
  }
}

// ex, ey and the direction to the source are right-handed: ex x ey = -ez.
static void test_handedness(void **state) {
  (void)state;
  const pcn_frame f = pcn_frame_make(origin, 1000, 33, 44, 55);
  const pcn_vec3 cross = pcn_v3(f.ex.y * f.ey.z - f.ex.z * f.ey.y, f.ex.z * f.ey.x - f.ex.x * f.ey.z,
                                f.ex.x * f.ey.y - f.ex.y * f.ey.x);
  assert_vector(cross, -f.ez.x, -f.ez.y, -f.ez.z, 1e-14);
}

static void test_project(void **state) {
  (void)state;
  const double isocenter[3] = {10, 20, 30};
  const pcn_frame f = pcn_frame_make(isocenter, 1000, 0, 0, 0);
  double x, y, z;
  pcn_frame_project(&f, pcn_v3(10, 20, 30), &x, &y, &z);
  assert_close(x, 0, 1e-12);
  assert_close(y, 0, 1e-12);
  assert_close(z, 1000, 1e-9);
  pcn_frame_project(&f, pcn_v3(10 + 11, 20 + 100, 30 - 22), &x, &y, &z);  // 100 mm beyond the isocentre
  assert_close(x, 10, 1e-12);
  assert_close(y, -20, 1e-12);
  assert_close(z, 1100, 1e-9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_quarter_turns),
      cmocka_unit_test(test_any_angle),
      cmocka_unit_test(test_handedness),
      cmocka_unit_test(test_project),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

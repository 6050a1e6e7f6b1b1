// SPDX-License-Identifier: Apache-2.0
// The voxel walk: lengths add up to the chord, and the voxels are those that a slow, independent search
// finds.
#include "geom/ray.h"
#include "unit.h"

static const pencone_grid grid = {
    {7, 5, 6}, {2, 3, 1.5}, {-6, -6, -3.75}};  // spans -7..7, -7.5..7.5, -4.5..4.5
static const double low[3] = {-7, -7.5, -4.5}, high[3] = {7, 7.5, 4.5};

enum { VOXELS = 7 * 5 * 6, MEETINGS = 64 };

/// Voxels and lengths in the order of the walk.
typedef struct walk {
  int count;
  int64_t voxel[MEETINGS];
  double length_mm[MEETINGS], sum_mm;
} walk;

static walk walk_of(pcn_vec3 from, pcn_vec3 to) {
  walk w = {0, {0}, {0}, 0};
  pcn_ray ray;
  if (pcn_ray_begin(&ray, &grid, from, to)) {
    while (w.count < MEETINGS && pcn_ray_next(&ray, &w.voxel[w.count], &w.length_mm[w.count])) {
      assert_true(w.length_mm[w.count] > 0);
      assert_in_range(w.voxel[w.count], 0, VOXELS - 1);
      w.sum_mm += w.length_mm[w.count++];
    }
  }
  assert_true(w.count < MEETINGS);
  return w;
}

static double coordinate(pcn_vec3 v, int axis) {
  return axis == 0 ? v.x : (axis == 1 ? v.y : v.z);
}

// Length of a segment inside a box, by clipping in the parameter 0..1. The faces at low belong to the box.
static double chord(pcn_vec3 from, pcn_vec3 to, const double box_low[3], const double box_high[3]) {
  double begin = 0, end = 1;
  for (int a = 0; a < 3; a++) {
    const double p = coordinate(from, a), d = coordinate(to, a) - p;
    if (d == 0) {
      end = p >= box_low[a] && p < box_high[a] ? end : -1;
    } else {
      begin = fmax(begin, fmin((box_low[a] - p) / d, (box_high[a] - p) / d));
      end = fmin(end, fmax((box_low[a] - p) / d, (box_high[a] - p) / d));
    }
  }
  return end > begin ? (end - begin) * pcn_v3_length(pcn_v3_sub(to, from)) : 0;
}

static double chord_of_voxel(pcn_vec3 from, pcn_vec3 to, int64_t voxel) {
  const int64_t index[3] = {voxel % grid.size[0], voxel / grid.size[0] % grid.size[1],
                            voxel / (grid.size[0] * grid.size[1])};
  double box_low[3], box_high[3];
  for (int a = 0; a < 3; a++) {
    box_low[a] = low[a] + grid.spacing_mm[a] * (double)index[a];
    box_high[a] = low[a] + grid.spacing_mm[a] * (double)(index[a] + 1);
  }
  return chord(from, to, box_low, box_high);
}

static void check_ray(pcn_vec3 from, pcn_vec3 to) {
  double met[VOXELS] = {0};
  const walk w = walk_of(from, to), back = walk_of(to, from);
  assert_close(w.sum_mm, chord(from, to, low, high), 1e-12 * (1 + pcn_v3_length(pcn_v3_sub(to, from))));
  assert_close(back.sum_mm, w.sum_mm, 1e-11);
  for (int i = 0; i < w.count; i++) {
    met[w.voxel[i]] += w.length_mm[i];
  }
  for (int64_t v = 0; v < VOXELS; v++) {
    assert_close(met[v], chord_of_voxel(from, to, v), 1e-10);
  }
  for (int i = 0; i < back.count; i++) {
    met[back.voxel[i]] -= back.length_mm[i];
  }
  for (int64_t v = 0; v < VOXELS; v++) {
    assert_close(met[v], 0, 1e-10);
  }
}

// Uniform in 0..1: a 64-bit linear congruential generator (Knuth's MMIX), upper bits.
static double uniform(uint64_t *seed) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (double)(*seed >> 11) / 9007199254740992.0;
}

static pcn_vec3 random_point(uint64_t *seed, double reach) {
  const double x = uniform(seed), y = uniform(seed), z = uniform(seed);
  return pcn_v3(reach * (2 * x - 1), reach * (2 * y - 1), reach * (2 * z - 1));
}

static void test_random(void **state) {
  (void)state;
  uint64_t seed = 1;
  for (int i = 0; i < 10000; i++) {
    const pcn_vec3 from = random_point(&seed, i % 2 ? 20 : 5);  // half of them start inside
    check_ray(from, random_point(&seed, i % 3 ? 20 : 5));
  }
}

static void test_far(void **state) {
  (void)state;
  const pcn_vec3 source = pcn_v3(30, -1000, 20);
  const walk w = walk_of(source, pcn_v3(-1, 2, 0.5));
  assert_close(w.sum_mm, chord(source, pcn_v3(-1, 2, 0.5), low, high), 1e-9);
}

static void test_parallel(void **state) {
  (void)state;
  const walk along = walk_of(pcn_v3(-100, 0.2, 0.3), pcn_v3(100, 0.2, 0.3));
  assert_int_equal(along.count, 7);
  for (int i = 0; i < along.count; i++) {
    assert_close(along.length_mm[i], 2, 1e-12);
    assert_int_equal(along.voxel[i], along.voxel[0] + i);
  }
  check_ray(pcn_v3(0.5, -50, 0.1), pcn_v3(0.5, 50, 0.1));
  check_ray(pcn_v3(0.5, 0.1, 50), pcn_v3(0.5, 0.1, -50));
  check_ray(pcn_v3(0.5, 0.1, 0.2), pcn_v3(0.5, 0.1, 0.3));  // in one voxel
}

// Along a face between voxels the ray is in the upper one; through the edge of the grid, inside at low only.
static void test_on_faces(void **state) {
  (void)state;
  const walk face = walk_of(pcn_v3(-100, 1.5, 0.3), pcn_v3(100, 1.5, 0.3));
  assert_close(face.sum_mm, 14, 1e-12);
  assert_int_equal(face.voxel[0] / grid.size[0] % grid.size[1], 3);
  assert_close(walk_of(pcn_v3(-100, -7.5, 0), pcn_v3(100, -7.5, 0)).sum_mm, 14, 1e-12);
  assert_int_equal(walk_of(pcn_v3(-100, 7.5, 0), pcn_v3(100, 7.5, 0)).count, 0);
}

// Through corners of voxels: no length is lost or counted twice, whichever voxel it is given to.
static void test_corners(void **state) {
  (void)state;
  const pcn_vec3 from = pcn_v3(-7, -7.5, -4.5);
  const walk diagonal = walk_of(from, pcn_v3(7, 13.5, 6));  // steps of one voxel along all axes at once
  assert_close(diagonal.sum_mm, chord(from, pcn_v3(7, 13.5, 6), low, high), 1e-12);
  const walk back = walk_of(pcn_v3(7, 13.5, 6), from);
  assert_close(back.sum_mm, diagonal.sum_mm, 1e-12);
  assert_true(walk_of(pcn_v3(-8, -7.5, -3.5), pcn_v3(-6, -7.5, -5.5)).sum_mm <=
              1.5);                                                              // cuts an edge's corner
  assert_int_equal(walk_of(pcn_v3(-9, -7.5, 0), pcn_v3(-7, -9.5, 0)).count, 0);  // touches a corner outside
}

static void test_nothing(void **state) {
  (void)state;
  pcn_ray ray;
  assert_int_equal(pcn_ray_begin(&ray, &grid, pcn_v3(0, 0, 0), pcn_v3(0, 0, 0)), 0);
  assert_int_equal(walk_of(pcn_v3(50, 0, 0), pcn_v3(20, 0, 0)).count, 0);     // ends before
  assert_int_equal(walk_of(pcn_v3(50, 0, 0), pcn_v3(90, 0, 0)).count, 0);     // goes away
  assert_int_equal(walk_of(pcn_v3(50, 0, 50), pcn_v3(-50, 0, 50)).count, 0);  // passes by
}

static void test_integral(void **state) {
  (void)state;
  float value[VOXELS];
  for (int i = 0; i < VOXELS; i++) {
    value[i] = (float)(i % 7);  // of x alone
  }
  const double whole = pcn_ray_integral(&grid, value, pcn_v3(-50, 0, 0), pcn_v3(50, 0, 0));
  assert_close(whole, 2 * (0 + 1 + 2 + 3 + 4 + 5 + 6), 1e-11);
  assert_close(pcn_ray_integral(&grid, value, pcn_v3(-50, 0, 0), pcn_v3(0, 0, 0)), 2 * (0 + 1 + 2) + 3,
               1e-11);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random),   cmocka_unit_test(test_far),     cmocka_unit_test(test_parallel),
      cmocka_unit_test(test_on_faces), cmocka_unit_test(test_corners), cmocka_unit_test(test_nothing),
      cmocka_unit_test(test_integral),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Shadows of structures in the isocentre plane and their outlines.
#include "geom/silhouette.h"
#include "unit.h"

enum { n = 20 };

static const double spacing_mm = 4;

/// A grid of 20 x 20 x 20 voxels about the isocentre at 0.
static pencone_grid cube(void) {
  const double origin_mm = -spacing_mm * (n - 1) / 2.0;
  const pencone_grid grid = {
      {n, n, n}, {spacing_mm, spacing_mm, spacing_mm}, {origin_mm, origin_mm, origin_mm}};
  return grid;
}

static void fill(uint8_t *mask, const int low[3], const int high[3]) {
  for (int k = low[2]; k < high[2]; ++k) {
    for (int j = low[1]; j < high[1]; ++j) {
      for (int i = low[0]; i < high[0]; ++i) {
        mask[(k * n + j) * n + i] = 255;
      }
    }
  }
}

/// Area of a polygon by Gauss's formula, above 0 when it goes counter-clockwise.
static double area_mm2(int corners, const double *xy_mm) {
  double twice = 0;
  for (int c = 0; c < corners; ++c) {
    const double *a = xy_mm + 2 * c, *b = xy_mm + 2 * ((c + 1) % corners);
    twice += a[0] * b[1] - b[0] * a[1];
  }
  return twice / 2;
}

static pcn_silhouette shadow_of(void **state, const uint8_t *mask, double gantry_deg) {
  const double isocentre_mm[3] = {0, 0, 0};
  const pcn_frame frame = pcn_frame_make(isocentre_mm, 1000, gantry_deg, 0, 0);
  const pencone_grid grid = cube();
  pcn_silhouette shadow;
  assert_int_equal(pcn_silhouette_make(*state, &frame, &grid, mask, 128, &shadow), PENCONE_OK);
  return shadow;
}

// Gantry 0 looks along y: of a box, x and z remain, magnified by at most SAD / (SAD - 8 mm); a cell of 1 mm
// is added at most on each side.
static void a_box_is_a_rectangle(void **state) {
  static uint8_t mask[n * n * n];
  fill(mask, (int[3]){4, 8, 10}, (int[3]){14, 12, 16});  // x -24 to 16, y -8 to 8, z 0 to 24 mm
  pcn_silhouette shadow = shadow_of(state, mask, 0);
  int corners = 0;
  double *xy_mm = NULL;
  assert_int_equal(pcn_silhouette_outline(*state, &shadow, &corners, &xy_mm), PENCONE_OK);
  assert_int_equal(corners, 4);
  const double low[2] = {-24, 0}, high[2] = {16, 24};
  for (int c = 0; c < 4; ++c) {
    for (int a = 0; a < 2; ++a) {
      const double *v = &xy_mm[2 * c + a];
      assert_true(fmin(fabs(*v - low[a]), fabs(*v - high[a])) <= 1.2);
    }
  }
  assert_near(area_mm2(corners, xy_mm), 40 * 24, 0.1);
  pcn_free(xy_mm);
  assert_int_equal(pcn_silhouette_outline(*state, &shadow, &corners, &xy_mm), PENCONE_OK);
  assert_int_equal(corners, 0);
  assert_null(xy_mm);
  pcn_silhouette_free(&shadow);
}

// Two boxes are two outlines; seen from the side, one behind the other, they are one.
static void parts_are_told_apart(void **state) {
  static uint8_t mask[n * n * n];
  fill(mask, (int[3]){2, 8, 8}, (int[3]){5, 12, 12});
  fill(mask, (int[3]){12, 8, 8}, (int[3]){16, 12, 12});
  for (int side = 0; side < 2; ++side) {
    pcn_silhouette shadow = shadow_of(state, mask, side ? 90 : 0);
    int parts = 0, corners = 0;
    double total_mm2 = 0, *xy_mm = NULL;
    assert_int_equal(pcn_silhouette_outline(*state, &shadow, &corners, &xy_mm), PENCONE_OK);
    while (corners > 0) {
      ++parts;
      assert_true(area_mm2(corners, xy_mm) > 0);
      total_mm2 += area_mm2(corners, xy_mm);
      pcn_free(xy_mm);
      assert_int_equal(pcn_silhouette_outline(*state, &shadow, &corners, &xy_mm), PENCONE_OK);
    }
    assert_int_equal(parts, side ? 1 : 2);
    // up to one cell of 1 mm on each side of edges of 16 mm, and 3 % of magnification
    assert_near(total_mm2, side ? 256 : 192 + 256, 0.25);
    pcn_silhouette_free(&shadow);
  }
}

static void nothing_has_no_outline(void **state) {
  static uint8_t mask[n * n * n];
  int corners = 1;
  double *xy_mm = NULL;
  pcn_silhouette shadow = shadow_of(state, mask, 0);
  assert_null(shadow.cell);
  assert_int_equal(pcn_silhouette_outline(*state, &shadow, &corners, &xy_mm), PENCONE_OK);
  assert_int_equal(corners, 0);
  pcn_silhouette_free(&shadow);
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(a_box_is_a_rectangle), UNIT_TEST(parts_are_told_apart),
                                     UNIT_TEST(nothing_has_no_outline)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

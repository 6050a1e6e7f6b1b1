// SPDX-License-Identifier: Apache-2.0
// The collapsed cone against direct superposition of the tabulated kernel: same released energy, same kernel.
// REFERENCE.md D, item 2: within 1 % of the maximum or 1 mm everywhere, in water and in and behind lung.
#include "physics.h"

#define HALF_GAUSS 0.28867513459481287  // of a voxel: two points that integrate cubics

/// A field in a phantom of 3 mm voxels, 20 x 21 x 20 cm.
typedef struct pair {
  physics_case cone, oracle;
  double field_mm, largest;
  int points, skipped, worst_depth_mm, worst_x_mm;
  double worst;  ///< share of what is allowed
} pair;

static void make(pencone_context *ctx, double field_mm, int lung, pair *p) {
  physics_setup setup = {
      .grid = physics_grid(67, 70, 67, 3, 3, 3), .layer = {{1e6, 1, "water"}}, .field_mm = field_mm};
  if (lung) {
    const physics_layer layers[PHYSICS_LAYERS] = {{51, 1, "water"}, {150, 0.26, "lung"}, {1e6, 1, "water"}};
    memcpy(setup.layer, layers, sizeof layers);
  }
  memset(p, 0, sizeof *p);
  p->field_mm = field_mm;
  physics_prepare(ctx, &setup, &p->cone);
  physics_run(ctx, &p->cone);
  p->largest = physics_max(p->cone.dose);
  setup.engine = "photon-superposition";
  setup.option[0] = "polar";
  setup.value[0] = "96";
  setup.option[1] = "azimuths";
  setup.value[1] = "24";
  physics_prepare(ctx, &setup, &p->oracle);
  physics_make_engine(ctx, &p->oracle);
}

static void release(pair *p) {
  physics_free(&p->cone);
  physics_free(&p->oracle);
}

static double cone_at(const pair *p, const int64_t at[3]) {
  const pencone_grid *g = pencone_dose_grid_of(p->cone.dose);
  for (int a = 0; a < 3; a++) {
    if (at[a] < 0 || at[a] >= g->size[a]) {
      return NAN;
    }
  }
  return (double)pencone_dose_values_const(p->cone.dose)[(at[2] * g->size[1] + at[1]) * g->size[0] + at[0]];
}

// Change over 1 mm at a voxel, along the steepest direction: the larger of both sides on each axis.
static double change_per_mm(const pair *p, const int64_t at[3]) {
  double square = 0;
  for (int a = 0; a < 3; a++) {
    int64_t up[3] = {at[0], at[1], at[2]}, down[3] = {at[0], at[1], at[2]};
    up[a]++;
    down[a]--;
    const double here = cone_at(p, at);
    const double steepest =
        fmax(fabs(cone_at(p, up) - here), fabs(here - cone_at(p, down))) / 3;  // fmax skips NaN
    square += steepest * steepest;
  }
  return sqrt(square);
}

// Mean of the oracle over a voxel: 2 x 2 points in depth and along x where the dose changes fast, else its
// centre.
static double oracle_mean(pencone_context *ctx, const pair *p, const int64_t at[3], int steep) {
  double xyz[12], dose[4], mean = 0;
  const int points = steep ? 4 : 1;
  for (int n = 0; n < points; n++) {
    pencone_grid_centre(pencone_dose_grid_of(p->cone.dose), at[0], at[1], at[2], xyz + 3 * n);
    xyz[3 * n] += steep ? 3 * (n % 2 == 0 ? -HALF_GAUSS : HALF_GAUSS) : 0;
    xyz[3 * n + 1] += steep ? 3 * (n / 2 == 0 ? -HALF_GAUSS : HALF_GAUSS) : 0;
  }
  physics_ok(ctx, pencone_engine_points(ctx, p->oracle.engine, (size_t)points, xyz, dose));
  for (int n = 0; n < points; n++) {
    mean += dose[n] / points;
  }
  return mean;
}

static void compare(pencone_context *ctx, pair *p, const int64_t at[3]) {
  if (PHYSICS_SLOW && ++p->skipped % 4 != 0) {
    return;
  }
  const double change = change_per_mm(p, at), allowed = fmax(0.01 * p->largest, change);
  const double mean = oracle_mean(ctx, p, at, change > 0.005 * p->largest);
  const double used = fabs(cone_at(p, at) - mean) / allowed;
  p->points++;
  if (used > p->worst) {
    p->worst = used;
    p->worst_depth_mm = (int)(3 * at[1] + 1);
    p->worst_x_mm = (int)(3 * (at[0] - 33));
  }
}

static void check(pencone_context *ctx, double field_mm, int lung) {
  static const int64_t on_axis[] = {0, 1, 3, 5, 10, 16, 17, 20, 26, 33, 40, 49, 50, 52, 57, 65, 69};
  static const int64_t profiles[] = {5, 20, 33, 55};
  pair p;
  make(ctx, field_mm, lung, &p);
  for (size_t n = 0; n < sizeof on_axis / sizeof on_axis[0]; n++) {
    const int64_t at[3] = {33, on_axis[n], 33};
    compare(ctx, &p, at);
  }
  for (size_t n = 0; n < sizeof profiles / sizeof profiles[0]; n++) {
    const double edge_mm = 0.5 * field_mm * (1 + 0.003 * (double)profiles[n]);  // it diverges
    static const double from_edge_mm[] = {-12, -6, -3, 0, 3, 6, 12, 30};
    for (int m = 0; m < 8; m++) {
      const int64_t i = 33 + (int64_t)lround((edge_mm + from_edge_mm[m]) / 3);
      const int64_t at[3] = {i, profiles[n], m % 2 == 0 ? 33 : 31};
      compare(ctx, &p, at);
    }
  }
  print_message("%g mm, %s: %d points, the worst uses %.0f %% of what is allowed (depth %d mm, x %d mm)\n",
                field_mm, lung ? "lung" : "water", p.points, 100 * p.worst, p.worst_depth_mm, p.worst_x_mm);
  const double worst = p.worst;
  release(&p);
  assert_true(worst <= 1);
}

static void water_3(void **state) {
  check(*state, 30, 0);
}
static void water_10(void **state) {
  check(*state, 100, 0);
}
static void lung_3(void **state) {
  check(*state, 30, 1);
}
static void lung_10(void **state) {
  check(*state, 100, 1);
}

// The field's first voxels in depth, 2.5 mm. Lines go down by whole voxels, all of them in the same planes,
// so that a voxel below the surface is met by lines that have just entered or by such that have been in it
// for some planes (docs/theory/ccc.md, "What it cannot do"). @param[out] dose  square of side SIDE
enum { SIDE = 32 };
static double first_voxels(pencone_context *ctx, const char *directions, double dose[SIDE * SIDE]) {
  const physics_setup setup = {.grid = physics_grid(60, 20, 60, 2.5, 2.5, 2.5),
                               .layer = {{1e6, 1, "water"}},
                               .field_mm = 100,
                               .engine = "photon-collapsed-cone",
                               .option = {"directions"},
                               .value = {directions}};
  physics_case c;
  physics_prepare(ctx, &setup, &c);
  physics_run(ctx, &c);
  for (int v = 0; v < SIDE * SIDE; v++) {
    const int64_t i = 14 + v % SIDE, k = 14 + v / SIDE;
    dose[v] = (double)pencone_dose_values(c.dose)[k * 20 * 60 + i];
  }
  const double largest = physics_max(c.dose);
  physics_free(&c);
  return largest;
}

// Single voxels by 6 % of the maximum at most: what a whole layer less or more of way makes here in the bands
// that go sideways. Their mean, where rounding averages out, by 0.7 %, of which 48 directions take 0.5: more
// would be a fault of what is released or left in a voxel.
static void first_voxels_are_rounded_only(void **state) {
  static const char *const few[] = {"48", "128", "264"};
  double fine[SIDE * SIDE], dose[SIDE * SIDE];
  const double largest = first_voxels(*state, "1024", fine);
  for (size_t n = 0; n < sizeof few / sizeof few[0]; n++) {
    double worst = 0, mean = 0, square = 0;
    first_voxels(*state, few[n], dose);
    for (int v = 0; v < SIDE * SIDE; v++) {
      const double off = (dose[v] - fine[v]) / largest;
      worst = fmax(worst, fabs(off));
      mean += off / (SIDE * SIDE);
      square += off * off / (SIDE * SIDE);
    }
    print_message(
        "%s directions: first voxels differ by %+.2f %% of the maximum on average, rms %.2f, worst %.2f\n",
        few[n], 100 * mean, 100 * sqrt(square), 100 * worst);
    assert_true(worst < 0.06);
    assert_true(fabs(mean) < 0.007);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(water_3), UNIT_TEST(water_10), UNIT_TEST(lung_3),
                                     UNIT_TEST(lung_10), UNIT_TEST(first_voxels_are_rounded_only)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

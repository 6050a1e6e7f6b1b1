// SPDX-License-Identifier: Apache-2.0
// Rays on their way through planes and their classes of variance: each loop against its slow twin
// (docs/theory/proton.md, sections 3 and 4).
#include "physics.h"
#include "simd/isa.h"

enum { LANES = PCN_WALK_LANES, PARTS = PCN_WALK_PARTS, NODES = PCN_SORT_NODES, MOST = 120 };

static float between(double low, double high, uint64_t *seed) {
  return (float)(low + (high - low) * physics_random(seed));
}

// --- walks -------------------------------------------------------------------------------------

enum { DEPTHS = 90, FACES = 2 * PCN_WALK_PLANES + 1 };

static void make_depths(pcn_walk_depth *depth, uint64_t *seed) {
  pcn_walk_values at[DEPTHS + 1];
  for (int i = 0; i <= DEPTHS; i++) {
    const pcn_walk_values one = {i < 3 ? 0 : between(1, 9, seed),
                                 {between(20, 60, seed), between(200, 900, seed)},
                                 {between(0, 0.1, seed), between(0, 0.05, seed)},
                                 between(1e-6, 1e-4, seed),
                                 between(0.9, 1.1, seed),
                                 between(0.05, 0.1, seed)};
    at[i] = one;
  }
  for (int i = 0; i < DEPTHS; i++) {
    const float *here = &at[i].core, *next = &at[i + 1].core;
    float *change = &depth[i].change.core;
    depth[i].here = at[i];
    for (size_t v = 0; v < sizeof at[0] / sizeof here[0]; v++) {
      change[v] = i < DEPTHS - 1 ? next[v] - here[v] : 0;
    }
  }
}

// Places in the table and moments are in double on both sides, the rest is a dozen roundings of singles, 6e-8
// each. Variances of 1 to 1000 mm2; small shares are between larger ones.
static void walks(void **state) {
  (void)state;
  static float water[LANES][FACES], scatter[LANES][FACES];
  static pcn_walk_depth depth[DEPTHS];
  uint64_t seed = 21;
  for (int n = 0; n < 60; n++) {
    const int planes[2] = {1 + n % PCN_WALK_PLANES, PCN_WALK_PLANES - n % 5};
    const pcn_walk_table table = {depth, DEPTHS, 1 / 0.7, n % 3, 50, 2.5};
    make_depths(depth, &seed);
    double own[FACES];
    for (int k = 0; k < FACES; k++) {  // rays end behind the table and behind the range
      own[k] = 1 + physics_random(&seed);
      for (int r = 0; r < LANES; r++) {
        water[r][k] = k > 0 ? water[r][k - 1] + between(0, 5, &seed) : between(-1, 1, &seed);
        scatter[r][k] = k > 0 ? scatter[r][k - 1] + between(0, 9, &seed) : 0;
      }
    }
    for (int level = 0; level < pcn_isa_count(); level++) {
      pcn_walk_moments moments[2] = {{{0}, {0}, {0}}, {{0}, {0}, {0}}};
      pcn_walk_plane got[PCN_WALK_PLANES], want[PCN_WALK_PLANES];
      for (int part = 0; part < 2 && pcn_isa_runs(pcn_isa_at(level)); part++) {
        const int first = part * planes[0];
        pcn_walk_rays rays;
        for (int r = 0; r < LANES; r++) {
          rays.water[r] = water[r] + first;
          rays.scatter[r] = scatter[r] + first;
        }
        pcn_walk_row_reference(&table, &rays, own + first, planes[part], &moments[0], want);
        pcn_isa_at(level)->walk(&table, &rays, own + first, planes[part], &moments[1], got);
        for (int k = 0; k < planes[part]; k++) {
          const float *a = &got[k].variance[0][0], *b = &want[k].variance[0][0];
          for (int i = 0; i < (PARTS + PCN_WALK_WIDE) * LANES; i++) {
            assert_close((double)a[i], (double)b[i], 1e-6 * fabs((double)b[i]) + 2e-8);
          }
        }
      }
    }
  }
}

// --- classes -----------------------------------------------------------------------------------

/// What sorting writes.
typedef struct sorted {
  int8_t sort[PARTS * LANES];
  float node[PARTS * NODES * LANES];
  uint8_t mix[PARTS];
} sorted;

static pcn_sort_rows rows_of(sorted *s) {
  const pcn_sort_rows rows = {s->sort, s->node, LANES, s->mix};
  return rows;
}

static pcn_sort_classes classes_of(const double ratio[PARTS]) {
  pcn_sort_classes classes = {.most = MOST};
  for (int part = 0; part < PARTS; part++) {
    classes.ratio[part] = (float)ratio[part];
    classes.log[part] = (float)log(ratio[part]);
  }
  return classes;
}

// n % 4: all as wide as the anchor (n % 8: with the same shares), one that is not, near classes, anything.
// Few are beyond the outermost class.
static void make_plane(int n, const double anchor[PARTS], uint64_t *seed, pcn_walk_plane *out) {
  for (int part = 0; part < PARTS; part++) {
    for (int r = 0; r < LANES; r++) {
      const int alone = n % 4 == 0 || (n % 4 == 1 && r != 5);
      const double ratio =
          n % 4 == 3 ? exp(40 * (physics_random(seed) - 0.5)) : (double)between(0.7, 1.4, seed);
      out->variance[part][r] =
          (float)(anchor[part] * (alone ? 1 + 4e-6 * (physics_random(seed) - 0.5) : ratio));
      out->share[0][r] = n % 8 == 0 && r > 0 ? out->share[0][0] : between(0, 0.1, seed);
      out->share[1][r] = n % 8 == 0 && r > 0 ? out->share[1][0] : between(0, 0.05, seed);
    }
  }
}

// The variance of three nodes over the anchor's.
static double spread_of(const sorted *s, int part, int r, double ratio) {
  double sum = 0;
  for (int node = 0; node < NODES; node++) {
    const int sort = s->sort[part * LANES + r] + node - 1;
    sum += pow(ratio, sort) * (double)s->node[(part * NODES + node) * LANES + r];
  }
  return sum;
}

// Ratios and their logarithms are good to 3e-7 and to 1e-7 of the logarithm; nodes change by up to 14 times
// what it changes by (share 1, q = 1.12).
static void compare_sorted(const sorted *got, const sorted *want, const double q[PARTS],
                           const pcn_walk_plane *plane, const double anchor[PARTS]) {
  for (int row = 0; row < PARTS; row++) {
    assert_int_equal(got->mix[row], want->mix[row]);
    for (int r = 0; r < LANES; r++) {
      const float *a = &got->node[row * NODES * LANES + r], *b = &want->node[row * NODES * LANES + r];
      const double ratio = (double)plane->variance[row][r] / anchor[row];
      const double tolerance = 14 * (3e-7 + 1e-7 * fabs(log(ratio)));
      assert_close((double)a[LANES], (double)b[LANES], tolerance);
      if (want->mix[row] == PCN_SORT_SEVERAL) {
        assert_int_equal(got->sort[row * LANES + r], want->sort[row * LANES + r]);
        assert_close((double)a[0], (double)b[0], tolerance);
        assert_close((double)a[2 * LANES], (double)b[2 * LANES], tolerance);
        const double sum = (double)a[0] + (double)a[LANES] + (double)a[2 * LANES];
        const double same = fabs(ratio - 1) < 1e-5 ? 1e-5 : 0;
        if (fabs(log(ratio) / log(q[row])) < MOST - 1) {
          assert_close(spread_of(got, row, r, q[row]), ratio * sum,
                       (1e-6 + same + 1e-7 * fabs(log(ratio))) * ratio);
        }
      }
    }
  }
}

static void classes(void **state) {
  (void)state;
  static const double q[PARTS] = {1.12, 1.5, 1.5}, anchor[PARTS] = {7.3, 61, 930};
  const pcn_sort_classes classes = classes_of(q);
  uint64_t seed = 23;
  for (int n = 0; n < 400; n++) {
    pcn_walk_plane plane;
    make_plane(n, anchor, &seed, &plane);
    for (int level = 0; level < pcn_isa_count(); level++) {
      sorted got = {.mix = {7}}, want = {.mix = {7}};
      const pcn_sort_rows to[2] = {rows_of(&got), rows_of(&want)};
      if (pcn_isa_runs(pcn_isa_at(level))) {
        pcn_sort_row_reference(&classes, anchor, &plane, 1, &to[1]);
        pcn_isa_at(level)->sort(&classes, anchor, &plane, 1, &to[0]);
        compare_sorted(&got, &want, q, &plane, anchor);
      }
    }
  }
}

// --- windows -----------------------------------------------------------------------------------

enum { EDGE = 40 };

// Values and extents are the same, sums to the rounding of up to 1600 terms below 1 in singles.
static void windows(void **state) {
  (void)state;
  static int8_t sort[EDGE * EDGE];
  static float node[NODES][EDGE * EDGE], weight[EDGE * EDGE], got[EDGE * EDGE], want[EDGE * EDGE];
  uint64_t seed = 25;
  for (int n = 0; n < 400; n++) {
    for (int i = 0; i < EDGE * EDGE; i++) {
      sort[i] = (int8_t)(6 * physics_random(&seed) - 3);
      weight[i] = physics_random(&seed) < 0.3 ? 0 : between(0, 1, &seed);
      for (int c = 0; c < NODES; c++) {
        node[c][i] = physics_random(&seed) < 0.2 ? 0 : between(-0.2, 1, &seed);
      }
    }
    const pcn_class_window window = {n % 3 ? sort : NULL, {node[0], node[1], node[2]}, EDGE, weight,
                                     n % 2 ? EDGE : 33,   {n % 34, n / 34 * 3}};
    for (int level = 0; level < pcn_isa_count(); level++) {
      const int32_t which = n % 7 - 3;
      pcn_class_extent extent[2];
      int32_t range[2][2] = {{99, -99}, {99, -99}};
      if (pcn_isa_runs(pcn_isa_at(level))) {
        pcn_class_image_reference(&window, which, want, &extent[0]);
        pcn_isa_at(level)->image(&window, which, got, &extent[1]);
        for (int32_t i = 0; i < window.count[0] * window.count[1]; i++) {
          assert_true(got[i] == want[i]);
        }
        assert_memory_equal(extent[1].first, extent[0].first, sizeof extent[0].first);
        assert_memory_equal(extent[1].last, extent[0].last, sizeof extent[0].last);
        assert_true(extent[1].largest == extent[0].largest);
        assert_close((double)extent[1].sum, (double)extent[0].sum, 1e-4);
        pcn_class_range_reference(&window, range[0]);
        pcn_isa_at(level)->range(&window, range[1]);
        assert_memory_equal(range[1], range[0], sizeof range[0]);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(walks), UNIT_TEST(classes), UNIT_TEST(windows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

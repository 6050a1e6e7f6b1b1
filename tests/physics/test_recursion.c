// SPDX-License-Identifier: Apache-2.0
// The recursion of the collapsed cone for one exponential along one line (docs/theory/ccc.md, eq. 7 and 8):
// exact for released energy and density that are constant in each segment.
#include "physics.h"
#include "simd/cone_row.h"

enum { SEGMENTS = 40 };

typedef struct line {
  double path[SEGMENTS], release[SEGMENTS];  ///< g/cm2; any unit
} line;

// Voxels of lung, water and bone crossed at any angle; a few without released energy.
static line random_line(uint64_t *seed) {
  static const double densities[3] = {0.26, 1, 1.85};
  line l;
  for (int i = 0; i < SEGMENTS; i++) {
    l.path[i] = densities[(int)(3 * physics_random(seed))] * (0.01 + 0.44 * physics_random(seed));
    l.release[i] = physics_random(seed) < 0.2 ? 0 : physics_random(seed);
  }
  return l;
}

// Mean over segment i of share integral release(p') a exp(-a (p - p')) dp', in closed form for each pair of
// segments.
static double direct(const line *l, double a, double share, int i) {
  const long double path = l->path[i], b = a;
  long double gap = 0;
  long double sum = l->release[i] * (path + expm1l(-b * path) / b);  // the segment's own
  for (int j = i - 1; j >= 0; j--) {
    sum += l->release[j] / b * expl(-b * gap) * expm1l(-b * path) * expm1l(-b * (long double)l->path[j]);
    gap += l->path[j];
  }
  return (double)(share * sum / path);
}

// Attenuations from the longest range of scatter to the shortest of electrons (A1.6's table: 0.027 to 3.3 per
// g/cm2, and beyond). A sum of 40 positive terms, rounded: 1e-12 leaves a factor of 100.
static void agrees_with_the_double_integral(void **state) {
  (void)state;
  static const double attenuation[] = {0.005, 0.0266, 0.3, 2.48, 7, 30};
  uint64_t seed = 2;
  for (int n = 0; n < 60; n++) {
    const line l = random_line(&seed);
    const double a = attenuation[n % 6], share = 0.1 + physics_random(&seed);
    double at = 0, largest = 0, got[SEGMENTS];
    for (int i = 0; i < SEGMENTS; i++) {
      got[i] = pcn_cone_segment(a, share, l.path[i], l.release[i], &at);
      largest = fmax(largest, got[i]);
    }
    for (int i = 0; i < SEGMENTS; i++) {
      const double want = direct(&l, a, share, i);
      assert_close(got[i], want, 1e-12 * fmax(want, 1e-3 * largest));
    }
  }
}

// Energy left in the segments and energy that leaves the line make up what was released (A1.6):
// sum D_i p_i + X/a = share sum T_i p_i.
static void a_line_keeps_its_energy(void **state) {
  (void)state;
  uint64_t seed = 5;
  for (int n = 0; n < 60; n++) {
    const line l = random_line(&seed);
    const double a = 0.01 * pow(1000, physics_random(&seed)), share = 0.7;
    double at = 0, left = 0, released = 0;
    for (int i = 0; i < SEGMENTS; i++) {
      left += l.path[i] * pcn_cone_segment(a, share, l.path[i], l.release[i], &at);
      released += share * l.release[i] * l.path[i];
    }
    assert_near(left + at / a, released, 1e-12);
  }
}

// REFERENCE.md A1.12 (3): half space of uniform release, D = T (1 - exp(-a z)) at a depth: the mean over a
// segment.
static void half_space(void **state) {
  (void)state;
  const double a = 2.5, h = 0.1;
  double at = 0;
  for (int i = 0; i < 30; i++) {
    const double want = 1 - exp(-a * h * i) * -expm1(-a * h) / (a * h);
    assert_near(pcn_cone_segment(a, 1, h, 1, &at), want, 1e-12);
  }
}

static void a_segment_of_no_length_changes_nothing(void **state) {
  (void)state;
  double at = 0.75;
  assert_true(pcn_cone_segment(2.5, 0.8, 0, 3, &at) == 0.75);  // the energy fluence that passes
  assert_true(at == 0.75);
  // To first order in a p = 2.5e-12 the state changes by less than that.
  assert_close(pcn_cone_segment(2.5, 0.8, 1e-12, 3, &at), 0.75, 1e-11);
  assert_close(at, 0.75, 1e-11);
}

// Only a p counts: twice the length at half the attenuation, or half the density, is the same to the last
// bit.
static void density_scales_exactly(void **state) {
  (void)state;
  uint64_t seed = 7;
  double one = 0, other = 0;
  for (int i = 0; i < 100; i++) {
    const double p = physics_random(&seed), t = physics_random(&seed);
    const double d = pcn_cone_segment(3, 0.6, p, t, &one);
    assert_true(d == pcn_cone_segment(0.75, 0.6, 4 * p, t, &other));
    assert_true(one == other);
  }
}

// Exactness of any step: two parts of a segment give its mean dose and its state.
static void segments_may_be_split(void **state) {
  (void)state;
  uint64_t seed = 11;
  for (int i = 0; i < 200; i++) {
    const double a = 0.01 * pow(1000, physics_random(&seed)), p = 2 * physics_random(&seed) + 1e-3;
    const double t = physics_random(&seed), part = (0.01 + 0.98 * physics_random(&seed)) * p;
    double whole = physics_random(&seed), parts = whole;
    const double want = pcn_cone_segment(a, 0.9, p, t, &whole);
    const double first = pcn_cone_segment(a, 0.9, part, t, &parts);
    const double second = pcn_cone_segment(a, 0.9, p - part, t, &parts);
    assert_near((first * part + second * (p - part)) / p, want, 1e-13);  // a few roundings
    assert_near(parts, whole, 1e-13);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(agrees_with_the_double_integral),
      UNIT_TEST(a_line_keeps_its_energy),
      UNIT_TEST(half_space),
      UNIT_TEST(a_segment_of_no_length_changes_nothing),
      UNIT_TEST(density_scales_exactly),
      UNIT_TEST(segments_may_be_split),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Sums of exponentials for energy within a radius.
#include "photon/exponential_fit.h"
#include "unit.h"

static double model(const double share[2], const double attenuation[2], double r) {
  return -share[0] * expm1(-attenuation[0] * r) - share[1] * expm1(-attenuation[1] * r);
}

// Values of a sum of two terms at 24 radii from 0.05 to 60 g/cm2, like the kernels'.
static pcn_fit_data data_of(const double share[2], const double attenuation[2]) {
  pcn_fit_data d = {.count = 24};
  for (int i = 0; i < 24; i++) {
    d.radius[i] = 0.05 * pow(1200, i / 23.0);
    d.within[i] = model(share, attenuation, d.radius[i]);
    d.weight[i] = 1;
  }
  return d;
}

// What is a sum of two terms is found as one, from a start that is off by half.
static void two_terms_are_found(void **state) {
  (void)state;
  static const double cases[][4] = {{0.7, 0.3, 0.03, 0.4}, {1.2, -0.2, 1.5, 6}, {0.5, 0.5, 2, 30}};
  for (int n = 0; n < 3; n++) {
    const double *share = cases[n], *attenuation = cases[n] + 2;
    pcn_fit_data d = data_of(share, attenuation);
    for (int constrained = 0; constrained < 2; constrained++) {
      const double start[2] = {0.7 * attenuation[0], 1.4 * attenuation[1]};
      d.total = constrained ? share[0] + share[1] : 0;
      const pcn_fit fit = pcn_exponential_fit(&d, start);
      assert_true(fit.rms < 1e-6);
      for (int k = 0; k < 2; k++) {
        assert_near(fit.attenuation[k], attenuation[k], 1e-3);
        assert_near(fit.share[k], share[k], 1e-3);
      }
      if (constrained) {
        assert_close(fit.share[0] + fit.share[1], d.total, 1e-12);
      }
    }
  }
}

// Not a sum of two: the residual it reports is the weighted rms of what it returns; the kernel stays
// positive.
static void other_curves_are_approximated(void **state) {
  (void)state;
  pcn_fit_data d = {.count = 20, .total = 1};
  for (int i = 0; i < 20; i++) {
    d.radius[i] = 0.1 * (i + 1);
    d.within[i] = fmin(1, d.radius[i] / 1.2);  // electrons of one range
    d.weight[i] = i < 10 ? 1 : 0.5;
  }
  const double start[2] = {2, 5};
  const pcn_fit fit = pcn_exponential_fit(&d, start);
  double square = 0, weights = 0;
  for (int i = 0; i < 20; i++) {
    const double error = model(fit.share, fit.attenuation, d.radius[i]) - d.within[i];
    square += d.weight[i] * error * error;
    weights += d.weight[i];
  }
  assert_near(fit.rms, sqrt(square / weights), 1e-9);
  assert_true(fit.rms < 0.06);
  assert_close(fit.share[0] + fit.share[1], 1, 1e-12);
  assert_true(fit.share[0] >= 0);
  assert_true(fit.attenuation[0] > 0 && fit.attenuation[1] > 1.1 * fit.attenuation[0]);
  assert_true(fabs(fit.share[1]) < 20);  // a difference that singles can hold to 1e-5
  assert_true(fit.share[0] * fit.attenuation[0] + fit.share[1] * fit.attenuation[1] >= 0);  // at the origin
  double before = 0;
  for (double r = 0; r < 10; r += 0.01) {
    const double now = model(fit.share, fit.attenuation, r);
    assert_true(now >= before - 1e-12);
    before = now;
  }
}

// One exponential: the second term is free, its share or its effect is nothing.
static void one_term_is_enough(void **state) {
  (void)state;
  const double share[2] = {1, 0}, attenuation[2] = {3, 9}, start[2] = {2, 5};
  pcn_fit_data d = data_of(share, attenuation);
  d.total = 1;
  const pcn_fit fit = pcn_exponential_fit(&d, start);
  assert_true(fit.rms < 1e-4);
  for (int i = 0; i < d.count; i++) {
    assert_close(model(fit.share, fit.attenuation, d.radius[i]), d.within[i], 5e-4);
  }
}

static void the_same_data_give_the_same_bits(void **state) {
  (void)state;
  const double share[2] = {0.6, 0.35}, attenuation[2] = {0.028, 0.5}, start[2] = {0.03, 0.3};
  const pcn_fit_data d = data_of(share, attenuation);
  const pcn_fit a = pcn_exponential_fit(&d, start), b = pcn_exponential_fit(&d, start);
  assert_memory_equal(a.share, b.share, sizeof a.share);
  assert_memory_equal(a.attenuation, b.attenuation, sizeof a.attenuation);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(two_terms_are_found),
      UNIT_TEST(other_curves_are_approximated),
      UNIT_TEST(one_term_is_enough),
      UNIT_TEST(the_same_data_give_the_same_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

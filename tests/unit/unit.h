// SPDX-License-Identifier: Apache-2.0
// What every unit test includes: cmocka, a context made and freed around each test, near-equality.
#ifndef UNIT_H
#define UNIT_H

// cmocka.h needs the standard headers before it.
#include <math.h>
#include <pencone/context.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/// A test that gets a fresh context in *state.
#define UNIT_TEST(function) cmocka_unit_test_setup_teardown(function, unit_setup, unit_teardown)

static inline int unit_setup(void **state) {
  pencone_context *ctx = NULL;
  const int bad = pencone_context_create(&ctx) != PENCONE_OK;
  *state = ctx;
  return bad;
}

static inline int unit_teardown(void **state) {
  pencone_context_destroy(*state);
  return 0;
}

static inline void unit_close_at(double got, double want, double tolerance, const char *file, int line) {
  if (!(fabs(got - want) <= tolerance)) {
    print_error("got %.17g, expected %.17g within %g\n", got, want, tolerance);
    _fail(file, line);
  }
}

/// |got - want| <= tolerance (absolute).
#define assert_close(got, want, tolerance) unit_close_at((got), (want), (tolerance), __FILE__, __LINE__)

static inline void unit_near_at(double got, double want, double tolerance, const char *file, int line) {
  unit_close_at(got, want, tolerance * fabs(want), file, line);
}

/// |got - want| <= tolerance * |want|.
#define assert_near(got, want, tolerance) unit_near_at((got), (want), (tolerance), __FILE__, __LINE__)

static inline void unit_error_has_at(const pencone_context *ctx, const char *part, const char *file,
                                     int line) {
  if (strstr(pencone_context_error(ctx), part) == NULL) {
    print_error("error text \"%s\" lacks \"%s\"\n", pencone_context_error(ctx), part);
    _fail(file, line);
  }
}

/// The last error text contains part.
#define assert_error_has(ctx, part) unit_error_has_at((ctx), (part), __FILE__, __LINE__)

#endif

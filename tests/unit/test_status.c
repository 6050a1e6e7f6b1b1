// SPDX-License-Identifier: Apache-2.0
// Status, errors, context.
#include <pencone/version.h>

#include "base/base.h"
#include "unit.h"

static void names_and_texts(void **state) {
  (void)state;
  assert_string_equal(pencone_status_name(PENCONE_OK), "PENCONE_OK");
  assert_string_equal(pencone_status_name(PENCONE_E_RANGE), "PENCONE_E_RANGE");
  assert_string_equal(pencone_status_name((pencone_status)99), "PENCONE_E_?");
  assert_non_null(pencone_status_text((pencone_status)99));
  assert_int_equal(PENCONE_E_INTERNAL, 13);  // values are fixed for ever
  assert_string_equal(pencone_version(), PENCONE_VERSION);
  assert_true(strlen(pencone_commit()) > 0);
}

static void fail_keeps_the_text(void **state) {
  pencone_context *ctx = *state;
  assert_string_equal(pencone_context_error(ctx), "");
  assert_int_equal(pcn_fail(ctx, PENCONE_E_SHAPE, "size: got %d, expected %d", 3, 4), PENCONE_E_SHAPE);
  assert_string_equal(pencone_context_error(ctx), "size: got 3, expected 4");
  assert_int_equal(pcn_fail_prefix(ctx, PENCONE_E_SHAPE, "a.h5"), PENCONE_E_SHAPE);
  assert_string_equal(pencone_context_error(ctx), "a.h5: size: got 3, expected 4");
  pencone_context_clear_error(ctx);
  assert_string_equal(pencone_context_error(ctx), "");
  assert_int_equal(pcn_fail(NULL, PENCONE_E_FILE, "lost"), PENCONE_E_FILE);
  assert_string_equal(pencone_context_error(NULL), "");
}

static void long_texts_are_cut(void **state) {
  pencone_context *ctx = *state;
  pcn_fail(ctx, PENCONE_E_FILE, "%5000d", 1);
  const size_t length = strlen(pencone_context_error(ctx));
  assert_true(length > 500 && length < 5000);
}

static void settings_are_checked(void **state) {
  pencone_context *ctx = *state;
  assert_int_equal(pencone_context_create(NULL), PENCONE_E_ARGUMENT);
  pencone_context_destroy(NULL);
  assert_int_equal(pencone_context_set_threads(ctx, -1), PENCONE_E_RANGE);
  assert_error_has(ctx, "got -1");
  assert_int_equal(pencone_context_set_threads(ctx, 1025), PENCONE_E_RANGE);
  assert_int_equal(pencone_context_set_threads(ctx, 3), PENCONE_OK);
  assert_true(pencone_context_threads(ctx) == 3 || pencone_context_threads(ctx) == 1);
  pencone_context_set_memory_budget(ctx, 1000);
  assert_int_equal(pencone_context_memory_budget(ctx), 1000);
}

typedef struct report {
  int calls, cancel_at;
  double last;
} report;

static int on_progress(void *user, double fraction, const char *stage) {
  report *r = user;
  assert_string_equal(stage, "test");
  r->last = fraction;
  return ++r->calls == r->cancel_at;
}

static void progress_and_cancel(void **state) {
  pencone_context *ctx = *state;
  report r = {0, 2, 0};
  assert_int_equal(pcn_progress(ctx, 0.5, "test"), PENCONE_OK);  // nobody listens
  pencone_context_set_progress(ctx, on_progress, &r);
  assert_int_equal(pcn_progress(ctx, 0, "test"), PENCONE_OK);
  assert_int_equal(pcn_progress(ctx, 1, "test"), PENCONE_E_CANCELLED);
  assert_error_has(ctx, "cancelled");
  assert_int_equal(r.calls, 2);
  assert_true(r.last == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(names_and_texts),      UNIT_TEST(fail_keeps_the_text), UNIT_TEST(long_texts_are_cut),
      UNIT_TEST(settings_are_checked), UNIT_TEST(progress_and_cancel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

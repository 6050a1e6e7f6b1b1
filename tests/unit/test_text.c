// SPDX-License-Identifier: Apache-2.0
#include <locale.h>
#include <stdlib.h>

#include "num/csv.h"
#include "num/text.h"
#include "unit.h"

static const char *const numbers[] = {"0",
                                      "-0",
                                      "1",
                                      "1.",
                                      ".5",
                                      "+3.25",
                                      "-1.5e-3",
                                      "1e22",
                                      "1e23",
                                      "1e-22",
                                      "1e-23",
                                      "1e308",
                                      "1e-308",
                                      "4.9406564584124654e-324",
                                      "2.2e-308",
                                      "0.1",
                                      "0.3",
                                      "123456789012345678901234567890",
                                      "1.7976931348623157e308",
                                      "9007199254740993",
                                      "0.000000000000000000000000000001234567890123456789",
                                      "3.14159265358979323846264338327950288",
                                      "5e-320",
                                      "1e-400",
                                      "6.02214076E+23",
                                      "1.029700665188e-3"};

static int64_t bits_of(double x) {
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

// The C library rounds correctly (in the "C" locale): the judge.
static void assert_within_1_ulp(const char *text) {
  double got = -1;
  const size_t bytes = strlen(text);
  assert_int_equal(pcn_text_double(text, text + bytes, &got), bytes);
  const int64_t difference = bits_of(got) - bits_of(strtod(text, NULL));
  if (difference < -1 || difference > 1) {
    print_error("%s: got %.17g, expected %.17g\n", text, got, strtod(text, NULL));
    fail();
  }
}

static void doubles_agree_with_the_c_library(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    assert_within_1_ulp(numbers[i]);
  }
}

static void doubles_survive_printing(void **state) {
  (void)state;
  uint64_t random = 12345;
  for (int i = 0; i < 100000; i++) {
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    double x;
    const uint64_t bits = random ^ random >> 29;
    memcpy(&x, &bits, sizeof x);
    char text[40];
    if (isfinite(x)) {
      snprintf(text, sizeof text, i % 2 != 0 ? "%.17g" : "%.7e", x);
      assert_within_1_ulp(text);
    }
  }
}

static void short_numbers_are_exact(void **state) {
  (void)state;
  double x = 0;
  assert_true(pcn_text_is_double("0.1", &x) && x == 0.1);
  assert_true(pcn_text_is_double("-1.5e-3", &x) && x == -1.5e-3);
  assert_true(pcn_text_is_double("-0", &x) && x == 0 && signbit(x));
}

static void what_is_not_a_number(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "-",
                                    "+",
                                    ".",
                                    "e5",
                                    "inf",
                                    "nan",
                                    "0x10",
                                    "1e",
                                    "1e+",
                                    "1,5",
                                    " 1",
                                    "1 ",
                                    "--1",
                                    "1e999",
                                    "-1e999",
                                    "1e99999999999999",
                                    "1.2.3"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    double x = 7;
    assert_false(pcn_text_is_double(bad[i], &x));
  }
  double x = 7;
  static const char inf[] = "inf";
  assert_int_equal(pcn_text_double(inf, inf + 3, &x), 0);
  assert_true(x == 7);
}

static void the_limit_holds(void **state) {
  (void)state;
  static const char text[] = "12345e2";
  double x = 0;
  int64_t n = 0;
  assert_int_equal(pcn_text_double(text, text, &x), 0);
  assert_int_equal(pcn_text_double(text, text + 3, &x), 3);
  assert_true(x == 123);
  assert_int_equal(pcn_text_double(text, text + 6, &x), 5);
  assert_true(x == 12345);
  assert_int_equal(pcn_text_int(text, text + 2, &n), 2);
  assert_int_equal(n, 12);
}

static void whole_numbers(void **state) {
  (void)state;
  int64_t n = 0;
  assert_true(pcn_text_is_int("9223372036854775807", &n) && n == INT64_MAX);
  assert_true(pcn_text_is_int("-9223372036854775808", &n) && n == INT64_MIN);
  assert_true(pcn_text_is_int("-007", &n) && n == -7);
  static const char *const bad[] = {"",    "-", "9223372036854775808", "-9223372036854775809", "1.0",
                                    "1e3", "x", "99999999999999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_false(pcn_text_is_int(bad[i], &n));
  }
}

static void the_locale_does_not_matter(void **state) {
  (void)state;
  if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
    skip();  // not installed here
  }
  double x = 0;
  const int good = pcn_text_is_double("1.5", &x);
  setlocale(LC_ALL, "C");
  assert_true(good && x == 1.5);
}

static void csv_rows_and_cells(void **state) {
  (void)state;
  static const char text[] = "# a, comment\n\nname,1.5,-2\r\nother,x,\nlast,7";
  pcn_csv csv;
  pcn_csv_start(&csv, text, sizeof text - 1);
  double v[2] = {0, 0};
  assert_true(pcn_csv_row(&csv));
  assert_int_equal(csv.line, 3);
  assert_false(pcn_csv_word(&csv, "nam"));
  assert_true(pcn_csv_word(&csv, "name"));
  assert_true(pcn_csv_doubles(&csv, v, 2));
  assert_true(v[0] == 1.5 && v[1] == -2);
  assert_false(pcn_csv_doubles(&csv, v, 1));
  assert_true(pcn_csv_row(&csv));
  const char *cell = NULL;
  size_t bytes = 9;
  assert_true(pcn_csv_text(&csv, &cell, &bytes) && bytes == 5 && memcmp(cell, "other", 5) == 0);
  assert_false(pcn_csv_doubles(&csv, v, 1));
  assert_true(pcn_csv_word(&csv, "x"));
  assert_true(pcn_csv_text(&csv, &cell, &bytes) && bytes == 0);
  assert_false(pcn_csv_text(&csv, &cell, &bytes));
  assert_true(pcn_csv_row(&csv) && pcn_csv_word(&csv, "last") && pcn_csv_doubles(&csv, v, 1));
  assert_true(v[0] == 7);
  assert_false(pcn_csv_row(&csv));
  assert_int_equal(csv.line, 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(doubles_agree_with_the_c_library),
      cmocka_unit_test(doubles_survive_printing),
      cmocka_unit_test(short_numbers_are_exact),
      cmocka_unit_test(what_is_not_a_number),
      cmocka_unit_test(the_limit_holds),
      cmocka_unit_test(whole_numbers),
      cmocka_unit_test(the_locale_does_not_matter),
      cmocka_unit_test(csv_rows_and_cells),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

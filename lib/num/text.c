// SPDX-License-Identifier: Apache-2.0
// Decimal text to numbers without the C locale. Short numbers take the exact path of Clinger 1990
// (doi:10.1145/93542.93557): an integer below 2^53 times or over an exact power of ten rounds once. Longer
// ones go through pairs of doubles (about 106 bits), which leaves the result within 1 ulp.
#include "text.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { DIGITS_KEPT = 19, EXACT_POWER = 22, POWER_LIMIT = 400 };

static const double exact_power[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// hi + lo, |lo| <= ulp(hi) / 2
typedef struct pair {
  double hi, lo;
} pair;

// A number as it was read: digits * 10^power.
typedef struct decimal {
  uint64_t digits;
  int kept;   // digits counted in, leading zeros not
  int seen;   // digits read, all of them
  int power;  // power of ten of the last kept digit
} decimal;

static pair pair_make(double hi, double lo) {
  const double sum = hi + lo;
  const pair p = {sum, lo - (sum - hi)};
  return p;
}

static pair pair_times(pair a, double b) {
  const double product = a.hi * b;
  return pair_make(product, fma(a.hi, b, -product) + a.lo * b);
}

static pair pair_over(pair a, double b) {
  const double quotient = a.hi / b;
  return pair_make(quotient, (fma(-quotient, b, a.hi) + a.lo) / b);
}

// Scales by exact powers only, so that each step adds an error of about 2^-104. Upwards it works 2^64 lower,
// so that only a result that is too large overflows, not the high part of a pair on the way.
static double scale(uint64_t digits, int power) {
  const int shift = power > 0 ? 64 : 0;
  pair value = pair_make(ldexp((double)(digits >> 11), 11 - shift), ldexp((double)(digits & 2047U), -shift));
  while (power > 0 && value.hi <= DBL_MAX) {
    const int step = power < EXACT_POWER ? power : EXACT_POWER;
    value = pair_times(value, exact_power[step]);
    power -= step;
  }
  while (power < 0 && value.hi > 0) {
    const int step = -power < EXACT_POWER ? -power : EXACT_POWER;
    value = pair_over(value, exact_power[step]);
    power += step;
  }
  return ldexp(value.hi, shift);
}

static const char *read_digits(const char *p, const char *limit, int fraction, decimal *number) {
  for (; p < limit && *p >= '0' && *p <= '9'; p++) {
    number->seen = 1;
    if (number->kept < DIGITS_KEPT) {
      number->digits = 10 * number->digits + (uint64_t)(*p - '0');
      number->kept += number->digits != 0;
      number->power -= fraction;
    } else if (!fraction && number->power < POWER_LIMIT) {
      number->power++;
    }
    if (number->power < -(1 << 28)) {  // a text of 268 million zeros
      number->power = -(1 << 28);
    }
  }
  return p;
}

// Returns the end of the exponent, or p when there is none.
static const char *read_exponent(const char *p, const char *limit, int *exponent) {
  const char *q = p;
  *exponent = 0;
  if (q >= limit || (*q != 'e' && *q != 'E')) {
    return p;
  }
  q++;
  const int negative = q < limit && *q == '-';
  if (q < limit && (*q == '-' || *q == '+')) {
    q++;
  }
  if (q >= limit || *q < '0' || *q > '9') {
    return p;
  }
  int value = 0;
  for (; q < limit && *q >= '0' && *q <= '9'; q++) {
    if (value < (1 << 26)) {
      value = 10 * value + (*q - '0');
    }
  }
  *exponent = negative ? -value : value;
  return q;
}

size_t pcn_text_double(const char *text, const char *limit, double *out) {
  const char *p = text;
  decimal number = {0, 0, 0, 0};
  const int negative = p < limit && *p == '-';
  if (p < limit && (*p == '-' || *p == '+')) {
    p++;
  }
  p = read_digits(p, limit, 0, &number);
  if (p < limit && *p == '.') {
    p = read_digits(p + 1, limit, 1, &number);
  }
  if (!number.seen) {
    return 0;
  }
  int exponent = 0;
  p = read_exponent(p, limit, &exponent);
  const int power = number.power + exponent;
  double value;
  if (number.digits == 0) {
    value = 0;
  } else if (number.digits <= (UINT64_C(1) << 53) && power >= -EXACT_POWER && power <= EXACT_POWER) {
    const double digits = (double)number.digits;
    value = power < 0 ? digits / exact_power[-power] : digits * exact_power[power];
  } else {
    value = scale(number.digits, power);
  }
  if (!(value <= DBL_MAX)) {  // too large for a double: not a number we could give back
    return 0;
  }
  *out = negative ? -value : value;
  return (size_t)(p - text);
}

size_t pcn_text_int(const char *text, const char *limit, int64_t *out) {
  const char *p = text;
  const int negative = p < limit && *p == '-';
  if (p < limit && (*p == '-' || *p == '+')) {
    p++;
  }
  const char *first = p;
  const uint64_t largest = (uint64_t)INT64_MAX + (negative ? 1U : 0U);
  uint64_t value = 0;
  for (; p < limit && *p >= '0' && *p <= '9'; p++) {
    const uint64_t digit = (uint64_t)(*p - '0');
    if (value > (largest - digit) / 10) {
      return 0;
    }
    value = 10 * value + digit;
  }
  if (p == first) {
    return 0;
  }
  if (negative) {
    *out = value == largest ? INT64_MIN : -(int64_t)value;
  } else {
    *out = (int64_t)value;
  }
  return (size_t)(p - text);
}

int pcn_text_is_double(const char *text, double *out) {
  const size_t bytes = strlen(text);
  return bytes > 0 && pcn_text_double(text, text + bytes, out) == bytes;
}

int pcn_text_is_int(const char *text, int64_t *out) {
  const size_t bytes = strlen(text);
  return bytes > 0 && pcn_text_int(text, text + bytes, out) == bytes;
}

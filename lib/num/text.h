// SPDX-License-Identifier: Apache-2.0
// Numbers in text, whatever the locale.
#ifndef PCN_TEXT_H
#define PCN_TEXT_H

#include <stddef.h>
#include <stdint.h>

/// Parses a decimal number ("-1.5e-3"; no hex, no "inf" or "nan") at text, which need not end with a zero
/// byte. Correct to 1 ulp. @param limit  one past the last character that may be read
/// @return characters used, 0 when there is no number or it is too large for a double (out is then
/// unchanged).
size_t pcn_text_double(const char *text, const char *limit, double *out);

/// The same for a whole decimal number; 0 on overflow.
size_t pcn_text_int(const char *text, const char *limit, int64_t *out);

/// The whole text must be one number. @return 1 or 0.
int pcn_text_is_double(const char *text, double *out);
int pcn_text_is_int(const char *text, int64_t *out);

#endif

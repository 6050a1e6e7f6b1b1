// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4, doi:10.6028/NIST.FIPS.180-4), to name beam data and curves by their content.
#ifndef PCN_SHA256_H
#define PCN_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { PCN_SHA256_HEX = 65 };  ///< characters of a hash as text, with the zero byte

/// A hash in progress; plain value.
typedef struct pcn_sha256 {
  uint32_t state[8];
  uint64_t bytes;
  unsigned char block[64];
} pcn_sha256;

void pcn_sha256_start(pcn_sha256 *hash);
void pcn_sha256_add(pcn_sha256 *hash, const void *data, size_t bytes);

/// Adds numbers as 8 bytes each, lowest first, so that all machines agree; -0 counts as 0.
void pcn_sha256_add_int(pcn_sha256 *hash, int64_t value);
void pcn_sha256_add_doubles(pcn_sha256 *hash, const double *values, size_t count);

/// Ends the hash: 64 lower-case hex digits and a zero byte.
void pcn_sha256_end(pcn_sha256 *hash, char hex[PCN_SHA256_HEX]);

#endif

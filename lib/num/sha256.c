// SPDX-License-Identifier: Apache-2.0
// Names as in FIPS 180-4: H is the state, W the message schedule, a to h the working variables.
#include "sha256.h"

#include <string.h>

static const uint32_t initial_state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

// First 32 bits of the fractional parts of the cube roots of the first 64 primes (section 4.2.2).
static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n) {
  return x >> n | x << (32 - n);
}

static void hash_block(uint32_t state[8], const unsigned char block[64]) {
  uint32_t w[64];
  for (int t = 0; t < 16; t++) {
    w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 |
           (uint32_t)block[4 * t + 3];
  }
  for (int t = 16; t < 64; t++) {
    const uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
    const uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = s1 + w[t - 7] + s0 + w[t - 16];
  }
  uint32_t v[8];  // a to h
  memcpy(v, state, sizeof v);
  for (int t = 0; t < 64; t++) {
    const uint32_t a = v[0], b = v[1], c = v[2], e = v[4], f = v[5], g = v[6];
    const uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const uint32_t t1 = v[7] + s1 + ((e & f) ^ (~e & g)) + k[t] + w[t];
    const uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    memmove(v + 1, v, 7 * sizeof v[0]);
    v[4] += t1;
    v[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) {
    state[i] += v[i];
  }
}

void pcn_sha256_start(pcn_sha256 *hash) {
  memcpy(hash->state, initial_state, sizeof hash->state);
  hash->bytes = 0;
}

void pcn_sha256_add(pcn_sha256 *hash, const void *data, size_t bytes) {
  const unsigned char *p = data;
  for (size_t i = 0; i < bytes; i++) {
    hash->block[hash->bytes++ % 64] = p[i];
    if (hash->bytes % 64 == 0) {
      hash_block(hash->state, hash->block);
    }
  }
}

void pcn_sha256_add_int(pcn_sha256 *hash, int64_t value) {
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++) {
    bytes[i] = (unsigned char)((uint64_t)value >> 8 * i & 255U);
  }
  pcn_sha256_add(hash, bytes, sizeof bytes);
}

void pcn_sha256_add_doubles(pcn_sha256 *hash, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const double value = values[i] + 0.0;  // -0 becomes 0
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    pcn_sha256_add_int(hash, bits);
  }
}

void pcn_sha256_end(pcn_sha256 *hash, char hex[PCN_SHA256_HEX]) {
  const uint64_t bits = hash->bytes * 8;
  const unsigned char one = 0x80, zero = 0;
  pcn_sha256_add(hash, &one, 1);
  while (hash->bytes % 64 != 56) {
    pcn_sha256_add(hash, &zero, 1);
  }
  for (int i = 7; i >= 0; i--) {
    const unsigned char byte = (unsigned char)(bits >> 8 * i & 255U);
    pcn_sha256_add(hash, &byte, 1);
  }
  for (int i = 0; i < 64; i++) {
    hex[i] = "0123456789abcdef"[hash->state[i / 8] >> (28 - 4 * (i % 8)) & 15U];
  }
  hex[64] = '\0';
}

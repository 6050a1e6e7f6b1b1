// SPDX-License-Identifier: Apache-2.0
// Planes of cells in which protons are spread across the beam: few where their widths change slowly, each
// from shortly before the end of the range on.
#ifndef PCN_PROTON_PLANES_H
#define PCN_PROTON_PLANES_H

#include <stdint.h>

/// Plane 0, every so-manieth up to plane knee, which is one of them, and all behind it.
typedef struct pcn_planes {
  int64_t every, knee;
} pcn_planes;

static inline int pcn_planes_has(pcn_planes p, int64_t k) {
  return k >= p.knee || k % p.every == 0;
}

/// The one behind plane k, and the one before it, which may be below 0.
static inline int64_t pcn_planes_next(pcn_planes p, int64_t k) {
  return k < p.knee ? k + p.every : k + 1;
}

static inline int64_t pcn_planes_before(pcn_planes p, int64_t k) {
  return k <= p.knee ? k - p.every : k - 1;
}

/// How many are before plane k.
static inline int64_t pcn_planes_index(pcn_planes p, int64_t k) {
  return k <= p.knee ? k / p.every : p.knee / p.every + k - p.knee;
}

/// The last one that is not behind z, a place in planes that is not below 0.
static inline int64_t pcn_planes_below(pcn_planes p, double z) {
  const int64_t k = (int64_t)z;
  return k < p.knee ? k / p.every * p.every : k;
}

/// The same seen from plane first, which is one of them.
static inline pcn_planes pcn_planes_from(pcn_planes p, int64_t first) {
  const pcn_planes out = {p.every, p.knee > first ? p.knee - first : 0};
  return out;
}

#endif

// SPDX-License-Identifier: Apache-2.0
// Electrons are scattered more in denser-charged matter: the angular spread that comes on top of water's.
#ifndef PCN_BROADENING_H
#define PCN_BROADENING_H

/// Diffuses an angular distribution on the sphere: its Legendre moments shrink by exp(-l (l + 1) tau / 2)
/// (docs/theory/ccc.md, eq. 12).
/// @param value  per steradian at s = sin(angle / 2) = i / (count - 1), i = 0 .. count - 1
/// @param tau  variance of the spread, rad^2, at least 0.02
/// @param[out] out  count values; the same total
void pcn_broaden(const double *value, int count, double tau, double *out);

#endif

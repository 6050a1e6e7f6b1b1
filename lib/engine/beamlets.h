// SPDX-License-Identifier: Apache-2.0
// The beamlets of a plan, in the order of the columns of its influence matrix.
#ifndef PCN_BEAMLETS_H
#define PCN_BEAMLETS_H

#include <pencone/dij.h>

/// Bixels of a photon beam along x and y. @param[out] count  0, 0 where the beam has none
/// @return PENCONE_OK, E_RANGE (a width that is not above 0, or does not divide the field or the pixels of
/// its fluence map).
pencone_status pcn_bixels_count(pencone_context *ctx, const pencone_beam *beam, int count[2]);

/// Columns of one beam; 0 where pcn_bixels_count() fails.
int64_t pcn_beam_columns(const pencone_beam *beam);

#endif

// SPDX-License-Identifier: Apache-2.0
// Depth doses at one distance from tissue-phantom ratios, and the few curves that a spectrum is fitted to.
#ifndef PCN_PHANTOM_RATIO_H
#define PCN_PHANTOM_RATIO_H

#include <pencone/measurement.h>

/// Square fields of about 5, 10 and 20 cm, of tissue-phantom ratios as depth doses 100 mm before the
/// isocentre: the spectrum needs no more. @param measurement  in one unit. @param[out] out  owned by the
/// caller
/// @return PENCONE_OK, E_RANGE (not enough fields or points), E_MEMORY
pencone_status pcn_depth_doses(pencone_context *ctx, const pencone_measurement *measurement, double sad_mm,
                               pencone_measurement **out);

#endif

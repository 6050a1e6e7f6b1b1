// SPDX-License-Identifier: Apache-2.0
#ifndef PCN_DOSE_H
#define PCN_DOSE_H

#include <pencone/dose.h>

/// Removes all parts: before a dose is calculated anew.
void pcn_dose_clear_parts(pencone_dose *dose);

#endif

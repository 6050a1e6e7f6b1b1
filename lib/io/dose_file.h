// SPDX-License-Identifier: Apache-2.0
// The provenance of a dose, as other files of ours hold it too.
#ifndef PCN_DOSE_FILE_H
#define PCN_DOSE_FILE_H

#include <pencone/dose.h>

#include "h5.h"

/// Writes the group /pencone/provenance, and sets a dose's provenance from it.
pencone_status pcn_provenance_write(const pcn_h5 *h5, const pencone_dose *dose);
pencone_status pcn_provenance_read(const pcn_h5 *h5, pencone_dose *dose);

#endif

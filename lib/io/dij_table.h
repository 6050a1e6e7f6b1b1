// SPDX-License-Identifier: Apache-2.0
// Head, beamlets and sums of an influence matrix in HDF5 (docs/formats.md).
#ifndef PCN_DIJ_TABLE_H
#define PCN_DIJ_TABLE_H

#include <pencone/io.h>

#include "h5.h"

/// Begins a file: head and group, without the entries.
pencone_status pcn_dij_head_write(const pcn_h5 *h5, const pencone_grid *grid);

/// Writes all but the entries into the writer's open file.
pencone_status pcn_dij_tables_write(const pencone_dij_writer *writer);

/// Where a beam of the columns stands.
typedef struct pcn_dij_beam {
  double isocenter_mm[3], gantry_deg, collimator_deg, couch_deg, sad_mm;
} pcn_dij_beam;

pcn_dij_beam pcn_dij_beam_of(const pencone_beam *beam);

/// A compound type like pcn_dij_beam; closed by the caller, negative on failure.
hid_t pcn_dij_beam_type(void);

/// A compound type like pencone_beamlet; closed by the caller, negative on failure.
hid_t pcn_dij_beamlet_type(void);

#endif

// SPDX-License-Identifier: Apache-2.0
// A folder of PortPy made from a finished matrix.
#ifndef PCN_DIJ_PORTPY_H
#define PCN_DIJ_PORTPY_H

#include <pencone/io.h>

#include "h5.h"
#include "json_file.h"

/// What the folder is made of.
typedef struct pcn_portpy {
  pencone_context *ctx;
  const char *folder;
  const pencone_plan *plan;
  const pencone_phantom *phantom;
  pencone_grid grid;  ///< of the dose
  int64_t columns;
  const pencone_beamlet *beamlets;
  const pencone_dij_options *options;
} pcn_portpy;

/// Adds 1 to a voxel for its row: PortPy leaves row 0 out of every structure.
enum { PCN_PORTPY_ROW_0 = 1 };

/// Writes the CT, the structures, the optimisation voxels and the list of beams.
pencone_status pcn_portpy_patient(const pcn_portpy *p);

/// "FOLDER/NAME". @return text freed by pcn_free(), NULL without memory
char *pcn_portpy_path(const pcn_portpy *p, const char *name);

/// Opens a file of the folder. @param[out] path  as above, also after a failure
pencone_status pcn_portpy_create(const pcn_portpy *p, const char *name, pcn_h5 *h5, char **path);
pencone_status pcn_portpy_open_json(const pcn_portpy *p, const char *name, pcn_json *json, char **path);

#endif

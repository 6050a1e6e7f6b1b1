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

/// Of 255: a voxel at least half inside belongs to a structure.
enum { PCN_PORTPY_INSIDE = 128 };

/// A name of a dataset.
typedef struct pcn_name {
  char text[PCN_H5_NAME];
} pcn_name;

/// The structures' names as HDF5 can have them, all different. @return names freed by pcn_free(), NULL
/// without memory
pcn_name *pcn_portpy_names(const pcn_portpy *p);

/// Writes the outlines of the structures in the view of a beam into the open file of its data.
pencone_status pcn_portpy_outlines(const pcn_portpy *p, const pcn_h5 *h5, int beam);

/// Writes the CT, the structures, the optimisation voxels and the list of beams.
pencone_status pcn_portpy_patient(const pcn_portpy *p);

/// "FOLDER/NAME". @return text freed by pcn_free(), NULL without memory
char *pcn_portpy_path(const pcn_portpy *p, const char *name);

/// Opens a file of the folder. @param[out] path  as above, also after a failure
pencone_status pcn_portpy_create(const pcn_portpy *p, const char *name, pcn_h5 *h5, char **path);
pencone_status pcn_portpy_open_json(const pcn_portpy *p, const char *name, pcn_json *json, char **path);

#endif

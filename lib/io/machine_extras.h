// SPDX-License-Identifier: Apache-2.0
// The keys of machine files that only the pencil beam uses: pencil_beam, horn, penumbra_sigma_mm.
#ifndef PCN_MACHINE_EXTRAS_H
#define PCN_MACHINE_EXTRAS_H

#include <pencone/machine.h>

#include "yaml.h"

/// What they hold, while the machine is made.
typedef struct pcn_machine_extras {
  pencone_pencil_terms pencil;
  double *values;  ///< freed by the caller, also after a failure
} pcn_machine_extras;

/// Reads those that the file has. @param[in,out] desc  borrows from extras
pencone_status pcn_machine_extras_read(pencone_context *ctx, pcn_node root, pcn_machine_extras *extras,
                                       pencone_machine_desc *desc);

#endif

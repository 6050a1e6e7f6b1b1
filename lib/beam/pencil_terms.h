// SPDX-License-Identifier: Apache-2.0
// What photon-pencil-beam knows of a machine besides its spectrum: measured kernels, and the horn.
#ifndef PCN_PENCIL_TERMS_H
#define PCN_PENCIL_TERMS_H

#include <pencone/machine.h>

#include "num/sha256.h"

/// Checks the fields of a photon machine that only the pencil beam uses.
/// @return PENCONE_OK, E_ARGUMENT or E_RANGE (machine, field and value are in the text)
pencone_status pcn_pencil_extras_check(pencone_context *ctx, const pencone_machine_desc *desc);

/// Copies them into a machine of its own: from's pointers are replaced by those into one block.
/// @param[in,out] desc  a copy of the caller's. @param[out] terms  what desc->pencil will point to
/// @param[out] values  freed by pcn_free(). @return PENCONE_OK, E_MEMORY
pencone_status pcn_pencil_extras_copy(pencone_context *ctx, pencone_machine_desc *desc,
                                      pencone_pencil_terms *terms, double **values);

/// Adds them to a hash where they are present; a machine without them keeps the hash that it had before they
/// existed.
void pcn_pencil_extras_hash(const pencone_machine_desc *desc, pcn_sha256 *hash);

/// Fluence at a distance from the axis in the isocentre plane over that on the axis; 1 without a horn.
double pcn_horn(const pencone_machine_desc *desc, double radius_mm);

#endif

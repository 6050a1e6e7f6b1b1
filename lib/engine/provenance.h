// SPDX-License-Identifier: Apache-2.0
// How a dose came about.
#ifndef PCN_PROVENANCE_H
#define PCN_PROVENANCE_H

#include <pencone/dose.h>

/// Sets version, commit, engine with all its options, machines, fluence maps, HU curve, threads and the
/// seconds it took.
pencone_status pcn_provenance_put(pencone_context *ctx, const pencone_plan *plan,
                                  const pencone_phantom *phantom, pencone_dose *dose, double seconds);

#endif

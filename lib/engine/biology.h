// SPDX-License-Identifier: Apache-2.0
// LET and RBE-weighted dose of a plan, beside its dose.
#ifndef PCN_BIOLOGY_H
#define PCN_BIOLOGY_H

#include <pencone/dose.h>

#include "proton/proton_beam.h"

/// The LET that a plan's options ask for, also by a model of the RBE that needs it; none for photons.
pcn_let pcn_let_of(const pencone_plan *plan);

/// Adds the volume that dose times LET is summed in: of the plan, or of a beam that has a part. *out is NULL
/// where no LET is wanted.
pencone_status pcn_biology_begin(pencone_context *ctx, const pencone_plan *plan, const char *beam,
                                 pencone_dose *dose, float **out);

/// Makes LET of all sums, and adds the RBE-weighted dose if the plan asks for it. Once per calculation.
pencone_status pcn_biology_finish(pencone_context *ctx, const pencone_plan *plan, pencone_dose *dose);

/// For what holds dose only. @return E_UNSUPPORTED when the plan's options ask for LET or RBE-weighted dose
pencone_status pcn_biology_refuse(pencone_context *ctx, const pencone_plan *plan);

#endif

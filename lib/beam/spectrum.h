// SPDX-License-Identifier: Apache-2.0
// Photon spectra that are built in (lib/data/spectra.csv).
#ifndef PCN_SPECTRUM_H
#define PCN_SPECTRUM_H

#include <pencone/context.h>

/// A histogram: photons uniform inside each bin.
typedef struct pcn_spectrum {
  int bins;
  double *edges_mev;  ///< bins + 1, rising
  double *weight;     ///< share of the photons in each bin, sum 1 up to rounding
} pcn_spectrum;

/// Loads a spectrum by its name ("mohan6"). @param[out] out  freed by pcn_spectrum_free(), also after a
/// failure
/// @return PENCONE_OK, E_ARGUMENT, E_MISSING (the text lists the names), E_FORMAT, E_MEMORY.
pencone_status pcn_spectrum_load(pencone_context *ctx, const char *name, pcn_spectrum *out);

/// Frees what pcn_spectrum_load() made and clears it; NULL is allowed.
void pcn_spectrum_free(pcn_spectrum *spectrum);

#endif

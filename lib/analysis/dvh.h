// SPDX-License-Identifier: Apache-2.0
// Samples behind a dose-volume histogram.
#ifndef PCN_DVH_H
#define PCN_DVH_H

#include <pencone/analysis.h>

/// A piece of the structure: inside it the dose is spread evenly over width around dose.
typedef struct pcn_dvh_sample {
  float dose, width;  ///< Gy
  float volume;       ///< cm3
} pcn_dvh_sample;

struct pencone_dvh {
  pcn_dvh_sample *samples;  ///< sorted by rising dose
  double *hotter;           ///< [i]: volume of samples i .. count-1; count + 1 values
  size_t count;
  double widest;  ///< largest width
  double min, max, mean;
};

/// Share of a sample that receives dose_gy or more.
double pcn_dvh_sample_share(const pcn_dvh_sample *sample, double dose_gy);

#endif

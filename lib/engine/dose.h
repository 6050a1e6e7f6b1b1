// SPDX-License-Identifier: Apache-2.0
#ifndef PCN_DOSE_H
#define PCN_DOSE_H

#include <pencone/dose.h>

/// Removes all parts and volumes: before a dose is calculated anew.
void pcn_dose_clear_parts(pencone_dose *dose);

/// Every voxel of a dose holds a number; the weights of a plan may be too large for that.
/// @return PENCONE_OK or E_RANGE
pencone_status pcn_dose_check(pencone_context *ctx, const pencone_dose *dose);
/// The same of values in Gy on a grid.
pencone_status pcn_dose_check_values(pencone_context *ctx, const pencone_grid *grid, const float *values);

/// Values of the i-th volume to be changed; i must be valid.
float *pcn_dose_volume(pencone_dose *dose, int i);

// Volumes are in volumes.c; a dose holds them.

typedef struct pcn_dose_volume_entry {
  char *beam, *name, *units, *quantity;
  float *values;
} pcn_dose_volume_entry;

typedef struct pcn_dose_volumes {
  pcn_dose_volume_entry *entry;
  int count;
} pcn_dose_volumes;

/// The dose's own list, not NULL; to be changed only by whoever may change the dose.
pcn_dose_volumes *pcn_dose_volumes_of(const pencone_dose *dose);
void pcn_dose_volumes_clear(pcn_dose_volumes *volumes);

#endif

// SPDX-License-Identifier: Apache-2.0
// Volumes of a dose beside it: LET, RBE-weighted dose.
#include <string.h>

#include "base/base.h"
#include "dose.h"

static int same_beam(const char *a, const char *b) {
  return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const pcn_dose_volume_entry *entry_of(const pencone_dose *dose, int i) {
  const pcn_dose_volumes *v = dose != NULL ? pcn_dose_volumes_of(dose) : NULL;
  return v != NULL && i >= 0 && i < v->count ? &v->entry[i] : NULL;
}

static void free_entry(pcn_dose_volume_entry *e) {
  pcn_free(e->beam);
  pcn_free(e->name);
  pcn_free(e->units);
  pcn_free(e->quantity);
  pcn_free(e->values);
}

void pcn_dose_volumes_clear(pcn_dose_volumes *volumes) {
  for (int i = 0; volumes != NULL && i < volumes->count; ++i) {
    free_entry(&volumes->entry[i]);
  }
  if (volumes != NULL) {
    pcn_free(volumes->entry);
    memset(volumes, 0, sizeof *volumes);
  }
}

float *pcn_dose_volume(pencone_dose *dose, int i) {
  return pcn_dose_volumes_of(dose)->entry[i].values;
}

pencone_status pencone_dose_add_volume(pencone_context *ctx, pencone_dose *dose, const char *beam,
                                       const char *name, const char *units, const char *quantity,
                                       float **values) {
  if (values != NULL) {
    *values = NULL;
  }
  PCN_CHECK(ctx, dose != NULL && name != NULL && name[0] != '\0' && units != NULL && quantity != NULL,
            PENCONE_E_ARGUMENT,
            "dose volume: got dose %s, name '%s', units '%s', quantity '%s', expected all four",
            dose ? "given" : "NULL", name ? name : "", units ? units : "", quantity ? quantity : "");
  PCN_CHECK(ctx, pencone_dose_volume_find(dose, beam, name) == NULL, PENCONE_E_ARGUMENT,
            "dose volume: got a second '%s', expected another name", name);
  pcn_dose_volumes *volumes = pcn_dose_volumes_of(dose);
  const size_t count = (size_t)volumes->count;
  pcn_dose_volume_entry *entries = pcn_alloc(ctx, count + 1, sizeof *entries);
  pcn_dose_volume_entry added = {
      pcn_strdup(ctx, beam), pcn_strdup(ctx, name), pcn_strdup(ctx, units), pcn_strdup(ctx, quantity),
      pcn_calloc(ctx, pencone_grid_voxels(pencone_dose_grid_of(dose)), sizeof(float))};
  if (entries == NULL || (beam != NULL && added.beam == NULL) || added.name == NULL || added.units == NULL ||
      added.quantity == NULL || added.values == NULL) {
    free_entry(&added);
    pcn_free(entries);
    return PENCONE_E_MEMORY;
  }
  if (count > 0) {
    memcpy(entries, volumes->entry, count * sizeof *entries);
  }
  entries[count] = added;
  pcn_free(volumes->entry);
  volumes->entry = entries;
  ++volumes->count;
  if (values != NULL) {
    *values = added.values;
  }
  return PENCONE_OK;
}

int pencone_dose_volume_count(const pencone_dose *dose) {
  int count = 0;
  while (entry_of(dose, count) != NULL) {
    ++count;
  }
  return count;
}

const char *pencone_dose_volume_name(const pencone_dose *dose, int i) {
  const pcn_dose_volume_entry *e = entry_of(dose, i);
  return e != NULL ? e->name : NULL;
}

const char *pencone_dose_volume_beam(const pencone_dose *dose, int i) {
  const pcn_dose_volume_entry *e = entry_of(dose, i);
  return e != NULL ? e->beam : NULL;
}

const char *pencone_dose_volume_units(const pencone_dose *dose, int i) {
  const pcn_dose_volume_entry *e = entry_of(dose, i);
  return e != NULL ? e->units : NULL;
}

const char *pencone_dose_volume_quantity(const pencone_dose *dose, int i) {
  const pcn_dose_volume_entry *e = entry_of(dose, i);
  return e != NULL ? e->quantity : NULL;
}

const float *pencone_dose_volume_values(const pencone_dose *dose, int i) {
  const pcn_dose_volume_entry *e = entry_of(dose, i);
  return e != NULL ? e->values : NULL;
}

const float *pencone_dose_volume_find(const pencone_dose *dose, const char *beam, const char *name) {
  for (int i = 0; name != NULL && entry_of(dose, i) != NULL; ++i) {
    const pcn_dose_volume_entry *e = entry_of(dose, i);
    if (same_beam(e->beam, beam) && strcmp(e->name, name) == 0) {
      return e->values;
    }
  }
  return NULL;
}

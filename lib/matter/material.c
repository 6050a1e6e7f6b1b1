// SPDX-License-Identifier: Apache-2.0
// The standard materials.
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "material_tables.h"

enum { NAMES_BYTES = 256 };

pencone_status pencone_material_find(pencone_context *ctx, const char *name, pencone_material *out) {
  PCN_CHECK(ctx, name != NULL && out != NULL, PENCONE_E_ARGUMENT,
            "material: got NULL, expected a name and a place for it");
  char names[NAMES_BYTES] = "";
  size_t used = 0;
  for (int i = 0; i < pcn_material_total; i++) {
    if (strcmp(pcn_materials[i].name, name) == 0) {
      *out = pcn_materials[i];
      return PENCONE_OK;
    }
    if (used < sizeof names) {
      used += (size_t)snprintf(names + used, sizeof names - used, " %s", pcn_materials[i].name);
    }
  }
  return pcn_fail(ctx, PENCONE_E_MISSING, "material: got \"%s\", expected one of:%s", name, names);
}

int pencone_material_count(void) {
  return pcn_material_total;
}

const pencone_material *pencone_material_at(int i) {
  return i >= 0 && i < pcn_material_total ? &pcn_materials[i] : NULL;
}

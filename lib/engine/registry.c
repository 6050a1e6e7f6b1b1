// SPDX-License-Identifier: Apache-2.0
// The table of engines. A new engine is a file and a line here.
#include <string.h>

#include "engine/engine_type.h"

static const pcn_engine_type *const engines[] = {
    &pcn_engine_collapsed_cone, &pcn_engine_superposition, &pcn_engine_proton_pencil_beam,
    &pcn_engine_convolution,    &pcn_engine_pencil_beam,
};

enum { ENGINES = sizeof engines / sizeof engines[0] };

int pencone_engine_count(void) {
  return ENGINES;
}

const pencone_engine_info *pencone_engine_at(int i) {
  return i >= 0 && i < ENGINES ? &engines[i]->info : NULL;
}

const pcn_engine_type *pcn_engine_find(const char *name) {
  for (int i = 0; i < ENGINES; i++) {
    if (strcmp(engines[i]->info.name, name) == 0) {
      return engines[i];
    }
  }
  return NULL;
}

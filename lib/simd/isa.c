// SPDX-License-Identifier: Apache-2.0
#include "simd/isa.h"

#include "base/base.h"
#include "base/context_internal.h"
#include <string.h>

static const pcn_isa levels[] = {
#ifdef PCN_HAVE_X86_LEVELS
    {"x86-64-v4", pcn_cone_row_v4, pcn_tilt_row_v4, pcn_gamma_search_v4,
     pcn_depth_step_v4, pcn_depth_row_v4, pcn_release_row_v4, pcn_pencil_row_v4,
     pcn_product_add_v4, pcn_share_row_v4, pcn_bragg_row_v4, pcn_volume_row_v4},
    {"x86-64-v3", pcn_cone_row_v3, pcn_tilt_row_v3, pcn_gamma_search_v3,
     pcn_depth_step_v3, pcn_depth_row_v3, pcn_release_row_v3, pcn_pencil_row_v3,
     pcn_product_add_v3, pcn_share_row_v3, pcn_bragg_row_v3, pcn_volume_row_v3},
#endif
    {"baseline", pcn_cone_row_base, pcn_tilt_row_base, pcn_gamma_search_base,
     pcn_depth_step_base, pcn_depth_row_base, pcn_release_row_base, pcn_pencil_row_base,
     pcn_product_add_base, pcn_share_row_base, pcn_bragg_row_base, pcn_volume_row_base},
    {"reference", pcn_cone_row_reference, pcn_tilt_row_reference, pcn_gamma_search_reference,
     pcn_depth_step_reference, pcn_depth_row_reference, pcn_release_row_reference, pcn_pencil_row_reference,
     pcn_product_reference, pcn_share_row_reference, pcn_bragg_row_reference, pcn_volume_row_reference},
};

enum { LEVELS = sizeof levels / sizeof levels[0] };

int pcn_isa_count(void) {
  return LEVELS;
}

const pcn_isa *pcn_isa_at(int i) {
  return i >= 0 && i < LEVELS ? &levels[i] : NULL;
}

int pcn_isa_runs(const pcn_isa *isa) {
#ifdef PCN_HAVE_X86_LEVELS
  if (strcmp(isa->name, "x86-64-v4") == 0) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
  }
  if (strcmp(isa->name, "x86-64-v3") == 0) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  }
#endif
  (void)isa;
  return 1;
}

static const pcn_isa *find(const char *name) {
  for (int i = 0; i < LEVELS; i++) {
    if (strcmp(levels[i].name, name) == 0) {
      return &levels[i];
    }
  }
  return NULL;
}

const pcn_isa *pcn_isa_of(const pencone_context *ctx) {
  const pcn_isa *chosen = ctx != NULL && ctx->isa[0] != '\0' ? find(ctx->isa) : NULL;
  if (chosen != NULL && pcn_isa_runs(chosen)) {
    return chosen;
  }
  for (int i = 0; i < LEVELS; i++) {
    if (pcn_isa_runs(&levels[i])) {
      return &levels[i];
    }
  }
  return &levels[LEVELS - 1];
}

pencone_status pencone_context_set_isa(pencone_context *ctx, const char *name) {
  if (ctx == NULL) {
    return PENCONE_E_ARGUMENT;
  }
  if (name == NULL) {
    ctx->isa[0] = '\0';
    return PENCONE_OK;
  }
  const pcn_isa *isa = find(name);
  PCN_CHECK(ctx, isa != NULL, PENCONE_E_MISSING,
            "instruction set: got \"%s\", expected x86-64-v4, x86-64-v3, baseline or reference", name);
  PCN_CHECK(ctx, pcn_isa_runs(isa), PENCONE_E_UNSUPPORTED, "instruction set: this processor does not have %s", name);
  memcpy(ctx->isa, isa->name, strlen(isa->name) + 1);
  return PENCONE_OK;
}

const char *pencone_context_isa(const pencone_context *ctx) {
  return pcn_isa_of(ctx)->name;
}

// SPDX-License-Identifier: Apache-2.0
#include "simd/isa.h"

#include <string.h>

#include "base/base.h"
#include "base/context_internal.h"

// One build of every loop; suffix is that of PCN_ISA_NAME().
#define LEVEL(name, suffix)                                                                                 \
  {                                                                                                         \
    name, pcn_cone_row_##suffix, pcn_tilt_row_##suffix, pcn_gamma_search_##suffix, pcn_depth_step_##suffix, \
        pcn_depth_row_##suffix, pcn_release_row_##suffix, pcn_pencil_row_##suffix,                          \
        pcn_pencil_place_##suffix, pcn_pencil_weight_##suffix, pcn_pencil_steps_##suffix,                   \
        pcn_lateral_row_##suffix, pcn_sift_row_##suffix, pcn_product_add_##suffix, pcn_share_row_##suffix,  \
        pcn_bragg_row_##suffix, pcn_volume_row_##suffix, pcn_walk_row_##suffix, pcn_sort_row_##suffix,      \
        pcn_class_image_##suffix, pcn_class_range_##suffix, pcn_blend_row_##suffix                          \
  }

static const pcn_isa levels[] = {
#ifdef PCN_HAVE_X86_LEVELS
    LEVEL("x86-64-v4", v4),
    LEVEL("x86-64-v3", v3),
#endif
    LEVEL("baseline", base),
    LEVEL("reference", reference),
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
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
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
  PCN_CHECK(ctx, pcn_isa_runs(isa), PENCONE_E_UNSUPPORTED, "instruction set: this processor does not have %s",
            name);
  memcpy(ctx->isa, isa->name, strlen(isa->name) + 1);
  return PENCONE_OK;
}

const char *pencone_context_isa(const pencone_context *ctx) {
  return pcn_isa_of(ctx)->name;
}

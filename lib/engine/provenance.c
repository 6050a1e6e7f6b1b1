// SPDX-License-Identifier: Apache-2.0
// How a dose came about.
#include "provenance.h"

#include <pencone/version.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "engine_type.h"
#include "matter/hu.h"
#include "num/sha256.h"

static pencone_status put(pencone_context *ctx, pencone_dose *dose, const char *name, const char *text) {
  return pencone_dose_set_provenance(ctx, dose, name, text);
}

static pencone_status put_machines(pencone_context *ctx, const pencone_plan *plan, pencone_dose *dose) {
  char names[1024] = "", hashes[2048] = "";
  for (int i = 0; i < pencone_plan_beam_count(plan); i++) {
    const pencone_machine *machine = pencone_plan_beam(plan, i)->machine;
    const char *name = pencone_machine_describe(machine)->name, *hash = pencone_machine_sha256(machine);
    if (strstr(hashes, hash) == NULL) {
      const size_t n = strlen(names), h = strlen(hashes);
      snprintf(names + n, sizeof names - n, "%s%s", n > 0 ? ", " : "", name);
      snprintf(hashes + h, sizeof hashes - h, "%s%s", h > 0 ? ", " : "", hash);
    }
  }
  PCN_TRY(put(ctx, dose, "machine", names));
  return put(ctx, dose, "machine_sha256", hashes);
}

/// Size and weights: the plan's text names only the file, which may have changed since.
static void hash_map(const pencone_beam *beam, char hex[PCN_SHA256_HEX]) {
  const int *n = beam->fluence_map_size;
  pcn_sha256 hash;
  pcn_sha256_start(&hash);
  pcn_sha256_add_int(&hash, n[0]);
  pcn_sha256_add_int(&hash, n[1]);
  pcn_sha256_add_doubles(&hash, beam->fluence_map, (size_t)n[0] * (size_t)n[1]);
  pcn_sha256_end(&hash, hex);
}

/// One word per beam, "none" where it has no map; nothing at all where no beam has one.
static pencone_status put_fluence_maps(pencone_context *ctx, const pencone_plan *plan, pencone_dose *dose) {
  const int beams = pencone_plan_beam_count(plan);
  int maps = 0;
  for (int i = 0; i < beams; i++) {
    maps += pencone_plan_beam(plan, i)->fluence_map != NULL;
  }
  if (maps == 0) {
    return PENCONE_OK;
  }
  const size_t room = (size_t)beams * (PCN_SHA256_HEX + 2);
  char *text = pcn_alloc(ctx, room, 1);
  if (text == NULL) {
    return PENCONE_E_MEMORY;
  }
  size_t used = 0;
  for (int i = 0; i < beams; i++) {
    const pencone_beam *beam = pencone_plan_beam(plan, i);
    char word[PCN_SHA256_HEX] = "none";
    if (beam->fluence_map != NULL) {
      hash_map(beam, word);
    }
    used += (size_t)snprintf(text + used, room - used, "%s%s", i > 0 ? ", " : "", word);
  }
  const pencone_status status = put(ctx, dose, "fluence_map_sha256", text);
  pcn_free(text);
  return status;
}

static pencone_status put_options(pencone_context *ctx, const pencone_plan *plan, pencone_dose *dose) {
  char text[1024] = "";
  const pencone_engine_info *info = &pcn_engine_find(pencone_plan_engine(plan))->info;
  for (int i = 0; i < info->option_count; i++) {
    const size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s%s=%s", used > 0 ? " " : "", info->options[i].key,
             pencone_plan_option(plan, info->options[i].key));
  }
  return put(ctx, dose, "options", text);
}

/// The curve's name and fingerprint, where CT numbers or densities were looked up on one.
static pencone_status put_hu_curve(pencone_context *ctx, const pencone_phantom_desc *desc,
                                   pencone_dose *dose) {
  if (desc->material != NULL && desc->density != NULL) {
    return put(ctx, dose, "hu_curve", "none: density and material are given");
  }
  char hash[PCN_HU_SHA256_HEX];
  pcn_hu_curve_sha256(desc->hu_curve, hash);
  PCN_TRY(put(ctx, dose, "hu_curve", pencone_hu_curve_name(desc->hu_curve)));
  return put(ctx, dose, "hu_curve_sha256", hash);
}

pencone_status pcn_provenance_put(pencone_context *ctx, const pencone_plan *plan,
                                  const pencone_phantom *phantom, pencone_dose *dose, double seconds) {
  char text[64];
  PCN_TRY(put(ctx, dose, "version", pencone_version()));
  PCN_TRY(put(ctx, dose, "commit", pencone_commit()));
  PCN_TRY(put(ctx, dose, "engine", pencone_plan_engine(plan)));
  PCN_TRY(put_options(ctx, plan, dose));
  PCN_TRY(put_machines(ctx, plan, dose));
  PCN_TRY(put_fluence_maps(ctx, plan, dose));
  PCN_TRY(put_hu_curve(ctx, pencone_phantom_describe(phantom), dose));
  snprintf(text, sizeof text, "%d", pencone_context_threads(ctx));
  PCN_TRY(put(ctx, dose, "threads", text));
  PCN_TRY(put(ctx, dose, "isa", pencone_context_isa(ctx)));
  snprintf(text, sizeof text, "%.3f", seconds);
  return put(ctx, dose, "seconds", text);
}

// SPDX-License-Identifier: Apache-2.0
#include "engine/biology.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "engine/dose.h"
#include "engine/engine_type.h"
#include "proton/rbe.h"

static const char let_name[] = "let";

static pcn_rbe_model model_of(const pencone_plan *plan) {
  const char *word = pencone_plan_option(plan, "rbe");
  int m = PCN_RBE_MODELS - 1;
  while (m > PCN_RBE_NONE && strcmp(word, pcn_rbe_word((pcn_rbe_model)m)) != 0) {
    m--;
  }
  return (pcn_rbe_model)m;
}

pcn_let pcn_let_of(const pencone_plan *plan) {
  const char *word = pencone_plan_option(plan, "let");
  if (strcmp(word, "primaries") == 0) {
    return PCN_LET_PRIMARIES;
  }
  return strcmp(word, "yes") == 0 || pcn_rbe_needs_let(model_of(plan)) ? PCN_LET_ALL : PCN_LET_NONE;
}

pencone_status pcn_biology_refuse(pencone_context *ctx, const pencone_plan *plan) {
  const int has_rbe = model_of(plan) != PCN_RBE_NONE;
  PCN_CHECK(ctx, !has_rbe && pcn_let_of(plan) == PCN_LET_NONE, PENCONE_E_UNSUPPORTED,
            "option %s: got \"%s\", expected \"%s\": an influence matrix holds dose, neither LET nor RBE",
            has_rbe ? "rbe" : let_name, pencone_plan_option(plan, has_rbe ? "rbe" : let_name),
            has_rbe ? "none" : "no");
  return PENCONE_OK;
}

pencone_status pcn_biology_begin(pencone_context *ctx, const pencone_plan *plan, const char *beam,
                                 pencone_dose *dose, float **out) {
  const pcn_let let = pcn_let_of(plan);
  *out = NULL;
  if (let == PCN_LET_NONE) {
    return PENCONE_OK;
  }
  return pencone_dose_add_volume(ctx, dose, beam, let_name, "keV/um",
                                 let == PCN_LET_ALL ? "dose-averaged LET in water, all charged particles"
                                                    : "dose-averaged LET in water, primary protons",
                                 out);
}

// The dose that a volume belongs to: of the plan or of a beam.
static const float *dose_of(const pencone_dose *dose, const char *beam) {
  for (int i = 0; beam != NULL && i < pencone_dose_part_count(dose); i++) {
    if (strcmp(pencone_dose_part_name(dose, i), beam) == 0) {
      return pencone_dose_part_values(dose, i);
    }
  }
  return pencone_dose_values_const(dose);
}

// LET is a ratio: where next to no dose is left it is one of remnants, and 0 is put in its place.
static void divide(const float *dose, float *sum, size_t voxels) {
  const float least = 1e-5f;  // of the largest dose
  float largest = 0;
  for (size_t i = 0; i < voxels; i++) {
    largest = dose[i] > largest ? dose[i] : largest;
  }
  for (size_t i = 0; i < voxels; i++) {
    sum[i] = dose[i] > least * largest ? sum[i] / dose[i] : 0;
  }
}

static pencone_status add_weighted(pencone_context *ctx, const pencone_plan *plan, pencone_dose *dose) {
  const pcn_rbe_model model = model_of(plan);
  if (model == PCN_RBE_NONE) {
    return PENCONE_OK;
  }
  const double r = pcn_plan_option_number(plan, "alpha_beta_gy"),
               n = pcn_plan_option_number(plan, "fractions");
  char quantity[192];
  if (pcn_rbe_needs_let(model)) {
    snprintf(quantity, sizeof quantity, "RBE-weighted dose, %s, alpha/beta %g Gy, fractions %g",
             pcn_rbe_title(model), r, n);
  } else {
    snprintf(quantity, sizeof quantity, "RBE-weighted dose, %s", pcn_rbe_title(model));
  }
  float *out;
  PCN_TRY(pencone_dose_add_volume(ctx, dose, NULL, "rbe_dose", "Gy (RBE)", quantity, &out));
  const float *gy = pencone_dose_values_const(dose), *let = pencone_dose_volume_find(dose, NULL, let_name);
  const size_t voxels = pencone_grid_voxels(pencone_dose_grid_of(dose));
  for (size_t i = 0; i < voxels; i++) {
    const double d = (double)gy[i];
    out[i] = d > 0 ? (float)(d * pcn_rbe(model, d / n, let != NULL ? (double)let[i] : 0, r)) : 0;
  }
  return PENCONE_OK;
}

pencone_status pcn_biology_finish(pencone_context *ctx, const pencone_plan *plan, pencone_dose *dose) {
  const size_t voxels = pencone_grid_voxels(pencone_dose_grid_of(dose));
  for (int i = 0; i < pencone_dose_volume_count(dose); i++) {
    if (strcmp(pencone_dose_volume_name(dose, i), let_name) == 0) {
      divide(dose_of(dose, pencone_dose_volume_beam(dose, i)), pcn_dose_volume(dose, i), voxels);
    }
  }
  return add_weighted(ctx, plan, dose);
}

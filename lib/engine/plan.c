// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "beam/control_points.h"
#include "beam/fluence_map.h"
#include "beam/machine.h"
#include "engine/beamlets.h"
#include "engine/engine_type.h"
#include "engine/layers.h"
#include "num/text.h"

enum { OPTIONS_MAX = 32, OPTIONS_TEXT = 1024 };

typedef struct plan_beam {
  pencone_beam beam;  ///< its pointers are to this struct's own copies
  char *name;
  pencone_control_point *points;
  pencone_machine *machine;
  pencone_proton_layer *layers;  ///< with their spots behind them, one allocation; NULL for photons
  pencone_aperture_point *aperture;
  double *map;
} plan_beam;

struct pencone_plan {
  char *name;
  const pcn_engine_type *engine;
  char *option[OPTIONS_MAX];  ///< text as set, by index in the engine's table; NULL: default
  char options_text[OPTIONS_TEXT];
  pencone_dose_grid grid;
  pencone_quantity quantity;
  int beams;
  plan_beam *beam;
};

pencone_status pencone_plan_create(pencone_context *ctx, const char *name, pencone_plan **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "pencone_plan_create: out is NULL");
  *out = NULL;
  pencone_plan *plan = pcn_calloc(ctx, 1, sizeof *plan);
  if (plan == NULL) {
    return PENCONE_E_MEMORY;
  }
  const pencone_dose_grid grid = PENCONE_DOSE_GRID_DEFAULT;
  plan->grid = grid;
  plan->engine = &pcn_engine_collapsed_cone;
  plan->name = pcn_strdup(ctx, name != NULL ? name : "plan");
  if (plan->name == NULL) {
    pcn_free(plan);
    return PENCONE_E_MEMORY;
  }
  *out = plan;
  return PENCONE_OK;
}

static void forget_options(pencone_plan *plan) {
  for (int i = 0; i < OPTIONS_MAX; i++) {
    pcn_free(plan->option[i]);
    plan->option[i] = NULL;
  }
  plan->options_text[0] = '\0';
}

static void free_beam(plan_beam *b) {
  pcn_free(b->name);
  pcn_free(b->points);
  pencone_machine_destroy(b->machine);
  pcn_free(b->layers);
  pcn_free(b->aperture);
  pcn_free(b->map);
}

void pencone_plan_destroy(pencone_plan *plan) {
  if (plan == NULL) {
    return;
  }
  for (int i = 0; i < plan->beams; i++) {
    free_beam(&plan->beam[i]);
  }
  forget_options(plan);
  pcn_free(plan->beam);
  pcn_free(plan->name);
  pcn_free(plan);
}

// --- beams -------------------------------------------------------------------------------------

static pencone_status check_points(pencone_context *ctx, const char *name, const pencone_beam *beam) {
  PCN_CHECK(ctx, beam->control_points != NULL, PENCONE_E_ARGUMENT,
            "beam %s: got NULL for %d control points, expected an array", name, beam->control_point_count);
  double sum = 0;
  for (int i = 0; i < beam->control_point_count; i++) {
    char what[256];
    snprintf(what, sizeof what, "beam %.200s: control point %d", name, i + 1);
    PCN_TRY(pcn_control_point_check(ctx, what, &beam->control_points[i]));
    sum += beam->control_points[i].weight;
  }
  PCN_CHECK(ctx, isfinite(sum) && sum > 0, PENCONE_E_RANGE,
            "beam %s: weights of its control points: got a sum of %g, expected more than 0", name, sum);
  return PENCONE_OK;
}

static pencone_status check_beam(pencone_context *ctx, const pencone_beam *beam) {
  const char *name = beam->name != NULL ? beam->name : "beam";
  PCN_CHECK(ctx, beam->struct_size == sizeof *beam, PENCONE_E_ARGUMENT,
            "beam %s: struct_size is %zu, expected %zu: start from PENCONE_BEAM_DEFAULT", name,
            beam->struct_size, sizeof *beam);
  PCN_CHECK(ctx, beam->machine != NULL, PENCONE_E_ARGUMENT, "beam %s: it has no machine", name);
  PCN_CHECK(ctx, beam->control_point_count >= 0, PENCONE_E_ARGUMENT,
            "beam %s: number of control points: got %d, expected 0 or more", name, beam->control_point_count);
  for (int a = 0; a < 3; a++) {
    PCN_CHECK(ctx, isfinite(beam->isocenter_mm[a]), PENCONE_E_RANGE,
              "beam %s: isocentre %c: got %g, expected mm", name, 'x' + a, beam->isocenter_mm[a]);
  }
  char what[256];
  snprintf(what, sizeof what, "beam %.200s", name);
  pencone_control_point own = pcn_control_point_of(beam);
  const int protons = pencone_machine_describe(beam->machine)->modality == PENCONE_PROTON;
  PCN_CHECK(ctx, protons || beam->layer_count == 0, PENCONE_E_ARGUMENT,
            "beam %s: it has layers of spots, but machine %s is a photon machine", name,
            pencone_machine_describe(beam->machine)->name);
  own.weight =
      beam->control_point_count > 0 || protons ? 0 : 1;  // a field that is not used may have zero size
  PCN_TRY(pcn_control_point_check(ctx, what, &own));
  if (protons) {
    PCN_CHECK(ctx, beam->control_point_count == 0, PENCONE_E_ARGUMENT,
              "beam %s: it has control points, but machine %s is a proton machine", name,
              pencone_machine_describe(beam->machine)->name);
    PCN_CHECK(ctx, beam->bixel_mm[0] == 0 && beam->bixel_mm[1] == 0, PENCONE_E_ARGUMENT,
              "beam %s: it has bixels, but machine %s is a proton machine: its beamlets are the spots", name,
              pencone_machine_describe(beam->machine)->name);
    PCN_CHECK(ctx, beam->fluence_map == NULL, PENCONE_E_ARGUMENT,
              "beam %s: it has a fluence map, but machine %s is a proton machine", name,
              pencone_machine_describe(beam->machine)->name);
    return pcn_layers_check(ctx, beam);
  }
  PCN_CHECK(ctx, beam->range_shifter_mm == 0, PENCONE_E_ARGUMENT,
            "beam %s: it has a range shifter, but machine %s is a photon machine", name,
            pencone_machine_describe(beam->machine)->name);
  PCN_CHECK(ctx, beam->aperture_point_count == 0, PENCONE_E_ARGUMENT,
            "beam %s: it has an aperture, but machine %s is a photon machine: its opening is the field", name,
            pencone_machine_describe(beam->machine)->name);
  PCN_CHECK(ctx, isfinite(beam->fluence_per_cm2) && beam->fluence_per_cm2 > 0, PENCONE_E_RANGE,
            "beam %s: fluence: got %g, expected more than 0 photons/cm2", name, beam->fluence_per_cm2);
  PCN_TRY(pcn_fluence_map_check(ctx, name, beam));
  if (beam->control_point_count > 0) {
    return check_points(ctx, name,
                        beam);  // which refuses no bixels: their beam has a dose, but no influence matrix
  }
  int bixels[2];
  return pcn_bixels_count(ctx, beam, bixels);
}

static pencone_status check_name(pencone_context *ctx, const pencone_plan *plan, const char *name) {
  for (int i = 0; i < plan->beams; i++) {
    PCN_CHECK(ctx, strcmp(plan->beam[i].name, name) != 0, PENCONE_E_ARGUMENT,
              "beam %s: beam %d of the plan has this name, expected another name for each beam", name, i + 1);
  }
  return PENCONE_OK;
}

static pencone_status copy_beam(pencone_context *ctx, const pencone_beam *beam, plan_beam *out) {
  const size_t points = (size_t)beam->control_point_count;
  out->beam = *beam;
  out->name = pcn_strdup(ctx, beam->name != NULL ? beam->name : "beam");
  out->points = points > 0 ? pcn_alloc(ctx, points, sizeof *out->points) : NULL;
  if (out->name == NULL || (points > 0 && out->points == NULL)) {
    return PENCONE_E_MEMORY;
  }
  if (points > 0) {
    memcpy(out->points, beam->control_points, points * sizeof *out->points);
  }
  PCN_TRY(pcn_machine_clone(ctx, beam->machine, &out->machine));
  out->beam.name = out->name;
  out->beam.machine = out->machine;
  out->beam.control_points = out->points;
  if (beam->range_shifter_material != NULL) {  // a checked word: that of the library lives as long as it
    out->beam.range_shifter_material = strcmp(beam->range_shifter_material, "water") == 0 ? "water" : "pmma";
  }
  if (beam->layer_count > 0) {
    PCN_TRY(pcn_layers_copy(ctx, beam, &out->layers));
    out->beam.layers = out->layers;
    pcn_layers_field(&out->beam);
  }
  if (beam->aperture_point_count > 0) {
    PCN_TRY(pcn_aperture_copy(ctx, beam, &out->aperture));
    out->beam.aperture_points = out->aperture;
  }
  if (beam->fluence_map != NULL) {
    PCN_TRY(pcn_fluence_map_copy(ctx, beam, &out->map));
    out->beam.fluence_map = out->map;
    if (beam->bixel_mm[0] == 0) {
      pcn_fluence_pixel_mm(beam, out->beam.bixel_mm);
    }
  }
  return PENCONE_OK;
}

pencone_status pencone_plan_add_beam(pencone_context *ctx, pencone_plan *plan, const pencone_beam *beam) {
  PCN_CHECK(ctx, plan != NULL && beam != NULL, PENCONE_E_ARGUMENT,
            "pencone_plan_add_beam: an argument is NULL");
  PCN_TRY(check_beam(ctx, beam));
  PCN_TRY(check_name(ctx, plan, beam->name != NULL ? beam->name : "beam"));
  plan_beam *beams = pcn_alloc(ctx, (size_t)plan->beams + 1, sizeof *beams);
  plan_beam added = {.name = NULL};
  const pencone_status status = beams != NULL ? copy_beam(ctx, beam, &added) : PENCONE_E_MEMORY;
  if (status != PENCONE_OK) {
    pcn_free(beams);
    free_beam(&added);
    return status;
  }
  if (plan->beams > 0) {
    memcpy(beams, plan->beam, (size_t)plan->beams * sizeof *beams);
  }
  beams[plan->beams++] = added;
  pcn_free(plan->beam);
  plan->beam = beams;
  return PENCONE_OK;
}

// --- engine and options ------------------------------------------------------------------------

pencone_status pencone_plan_set_engine(pencone_context *ctx, pencone_plan *plan, const char *name) {
  PCN_CHECK(ctx, plan != NULL && name != NULL, PENCONE_E_ARGUMENT,
            "pencone_plan_set_engine: an argument is NULL");
  const pcn_engine_type *engine = pcn_engine_find(name);
  if (engine == NULL) {
    char list[256] = "";
    for (int i = 0; i < pencone_engine_count(); i++) {
      const size_t used = strlen(list);
      snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", pencone_engine_at(i)->name);
    }
    return pcn_fail(ctx, PENCONE_E_MISSING, "engine: got \"%s\", expected one of %s", name, list);
  }
  plan->engine = engine;
  forget_options(plan);
  return PENCONE_OK;
}

static int option_index(const pencone_engine_info *info, const char *key) {
  for (int i = 0; i < info->option_count && i < OPTIONS_MAX; i++) {
    if (strcmp(info->options[i].key, key) == 0) {
      return i;
    }
  }
  return -1;
}

static pencone_status check_number(pencone_context *ctx, const pencone_option_info *o, const char *value) {
  double number = 0;
  int64_t whole = 0;
  const int is_number = o->integer ? pcn_text_is_int(value, &whole) : pcn_text_is_double(value, &number);
  number = o->integer ? (double)whole : number;
  PCN_CHECK(ctx, is_number && number >= o->min && number <= o->max, PENCONE_E_RANGE,
            "option %s: got \"%s\", expected a %s from %g to %g", o->key, value,
            o->integer ? "whole number" : "number", o->min, o->max);
  return PENCONE_OK;
}

static pencone_status check_choice(pencone_context *ctx, const pencone_option_info *o, const char *value) {
  const size_t length = strlen(value);
  for (const char *at = o->choices; at != NULL; at = strchr(at, '|') != NULL ? strchr(at, '|') + 1 : NULL) {
    if (length > 0 && strncmp(at, value, length) == 0 && (at[length] == '|' || at[length] == '\0')) {
      return PENCONE_OK;
    }
  }
  return pcn_fail(ctx, PENCONE_E_RANGE, "option %s: got \"%s\", expected %s", o->key, value, o->choices);
}

// "key=value key=value" of what was set, in the table's order.
static void write_options(pencone_plan *plan) {
  plan->options_text[0] = '\0';
  for (int i = 0; i < plan->engine->info.option_count && i < OPTIONS_MAX; i++) {
    if (plan->option[i] != NULL) {
      const size_t used = strlen(plan->options_text);
      snprintf(plan->options_text + used, OPTIONS_TEXT - used, "%s%s=%s", used > 0 ? " " : "",
               plan->engine->info.options[i].key, plan->option[i]);
    }
  }
}

pencone_status pencone_plan_set_option(pencone_context *ctx, pencone_plan *plan, const char *key,
                                       const char *value) {
  PCN_CHECK(ctx, plan != NULL && key != NULL && value != NULL, PENCONE_E_ARGUMENT,
            "pencone_plan_set_option: an argument is NULL");
  const int i = option_index(&plan->engine->info, key);
  PCN_CHECK(ctx, i >= 0, PENCONE_E_MISSING,
            "option: engine %s has no option \"%s\" (pencone info engines lists them)",
            plan->engine->info.name, key);
  const pencone_option_info *option = &plan->engine->info.options[i];
  PCN_TRY(option->choices != NULL ? check_choice(ctx, option, value) : check_number(ctx, option, value));
  char *copy = pcn_strdup(ctx, value);
  if (copy == NULL) {
    return PENCONE_E_MEMORY;
  }
  pcn_free(plan->option[i]);
  plan->option[i] = copy;
  write_options(plan);
  return PENCONE_OK;
}

const char *pencone_plan_option(const pencone_plan *plan, const char *key) {
  const int i = plan != NULL && key != NULL ? option_index(&plan->engine->info, key) : -1;
  if (i < 0) {
    return "";
  }
  const int q = option_index(&plan->engine->info, "quality");
  if (plan->option[i] != NULL) {
    return plan->option[i];
  }
  for (int p = 0; p < plan->engine->preset_count && q >= 0 && plan->option[q] != NULL; p++) {
    const pcn_preset *preset = &plan->engine->presets[p];
    if (strcmp(preset->quality, plan->option[q]) == 0 && strcmp(preset->key, key) == 0) {
      return preset->value;
    }
  }
  return plan->engine->info.options[i].default_value;
}

double pcn_plan_option_number(const pencone_plan *plan, const char *key) {
  double number = 0;
  pcn_text_is_double(pencone_plan_option(plan, key), &number);
  return number;
}

// --- the rest ----------------------------------------------------------------------------------

pencone_status pencone_plan_set_dose_grid(pencone_context *ctx, pencone_plan *plan,
                                          const pencone_dose_grid *grid) {
  PCN_CHECK(ctx, plan != NULL && grid != NULL && grid->struct_size == sizeof *grid, PENCONE_E_ARGUMENT,
            "pencone_plan_set_dose_grid: start from PENCONE_DOSE_GRID_DEFAULT");
  const double *h = grid->spacing_mm;
  const int unset = h[0] == 0 && h[1] == 0 && h[2] == 0;
  for (int a = 0; a < 3; a++) {
    PCN_CHECK(ctx, unset || (isfinite(h[a]) && h[a] > 0), PENCONE_E_RANGE,
              "dose grid: spacing %c: got %g, expected more than 0 mm", 'x' + a, h[a]);
    PCN_CHECK(ctx,
              !grid->has_box || (isfinite(grid->box_min_mm[a]) && isfinite(grid->box_max_mm[a]) &&
                                 grid->box_max_mm[a] > grid->box_min_mm[a]),
              PENCONE_E_RANGE, "dose grid: box %c: got %g to %g mm, expected a box of more than zero size",
              'x' + a, grid->box_min_mm[a], grid->box_max_mm[a]);
  }
  plan->grid = *grid;
  return PENCONE_OK;
}

pencone_status pencone_plan_set_quantity(pencone_context *ctx, pencone_plan *plan,
                                         pencone_quantity quantity) {
  PCN_CHECK(ctx, plan != NULL, PENCONE_E_ARGUMENT, "pencone_plan_set_quantity: plan is NULL");
  PCN_CHECK(ctx, quantity == PENCONE_DOSE_TO_MEDIUM || quantity == PENCONE_DOSE_TO_WATER, PENCONE_E_RANGE,
            "quantity: got %d, expected dose to medium or dose to water", (int)quantity);
  plan->quantity = quantity;
  return PENCONE_OK;
}

const char *pencone_plan_name(const pencone_plan *plan) {
  return plan != NULL ? plan->name : NULL;
}

const char *pencone_plan_engine(const pencone_plan *plan) {
  return plan != NULL ? plan->engine->info.name : NULL;
}

int pencone_plan_beam_count(const pencone_plan *plan) {
  return plan != NULL ? plan->beams : 0;
}

const pencone_beam *pencone_plan_beam(const pencone_plan *plan, int i) {
  return plan != NULL && i >= 0 && i < plan->beams ? &plan->beam[i].beam : NULL;
}

const pencone_dose_grid *pencone_plan_dose_grid(const pencone_plan *plan) {
  return plan != NULL ? &plan->grid : NULL;
}

pencone_quantity pencone_plan_quantity(const pencone_plan *plan) {
  return plan != NULL ? plan->quantity : PENCONE_DOSE_TO_MEDIUM;
}

const char *pencone_plan_options_text(const pencone_plan *plan) {
  return plan != NULL ? plan->options_text : NULL;
}

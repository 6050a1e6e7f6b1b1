// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_PLAN_H
#define PENCONE_PLAN_H

#include <pencone/beam.h>
#include <pencone/grid.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Beams, the engine that shall calculate them, its options, and where the dose is wanted.
typedef struct pencone_plan pencone_plan;

/// What the dose is: energy per mass of the medium that is there, or of water in its place.
typedef enum pencone_quantity { PENCONE_DOSE_TO_MEDIUM = 0, PENCONE_DOSE_TO_WATER = 1 } pencone_quantity;

/// Where the dose is wanted. Spacing 0,0,0: the phantom's own grid. A box restricts the output; the
/// calculation still sees the whole phantom.
typedef struct pencone_dose_grid {
  size_t struct_size;
  double spacing_mm[3];  ///< all 0, or all > 0
  int has_box;
  double box_min_mm[3], box_max_mm[3];
} pencone_dose_grid;

// clang-format off
#define PENCONE_DOSE_GRID_DEFAULT {sizeof(pencone_dose_grid), {0, 0, 0}, 0, {0, 0, 0}, {0, 0, 0}}
// clang-format on

/// Creates an empty plan: engine "photon-collapsed-cone", dose to medium, the phantom's grid.
PENCONE_API pencone_status pencone_plan_create(pencone_context *ctx, const char *name, pencone_plan **out);
PENCONE_API void pencone_plan_destroy(pencone_plan *plan);

/// Adds a beam: checked and copied with its machine and control points.
/// @return PENCONE_OK, E_ARGUMENT (a name that the plan has already), E_RANGE (a field of zero size, a
/// fluence that is not > 0, an angle outside -360..360, weights that are negative or all 0), E_MEMORY.
PENCONE_API pencone_status pencone_plan_add_beam(pencone_context *ctx, pencone_plan *plan,
                                                 const pencone_beam *beam);

/// Chooses the engine by name. @return PENCONE_OK, E_MISSING (the text lists the engines).
PENCONE_API pencone_status pencone_plan_set_engine(pencone_context *ctx, pencone_plan *plan,
                                                   const char *name);

/// Sets an engine option from text ("directions", "128"), checked against the engine's option table.
/// Call after pencone_plan_set_engine(), which puts all options back to their defaults.
/// @return PENCONE_OK, E_MISSING (unknown option), E_RANGE (bad value).
PENCONE_API pencone_status pencone_plan_set_option(pencone_context *ctx, pencone_plan *plan, const char *key,
                                                   const char *value);

PENCONE_API pencone_status pencone_plan_set_dose_grid(pencone_context *ctx, pencone_plan *plan,
                                                      const pencone_dose_grid *grid);
PENCONE_API pencone_status pencone_plan_set_quantity(pencone_context *ctx, pencone_plan *plan,
                                                     pencone_quantity quantity);

/// What the plan holds; pointers stay valid until it is changed or destroyed. Of NULL: NULL, 0, dose to
/// medium.
PENCONE_API const char *pencone_plan_name(const pencone_plan *plan);
PENCONE_API const char *pencone_plan_engine(const pencone_plan *plan);
PENCONE_API int pencone_plan_beam_count(const pencone_plan *plan);
PENCONE_API const pencone_beam *pencone_plan_beam(const pencone_plan *plan, int i);
PENCONE_API const pencone_dose_grid *pencone_plan_dose_grid(const pencone_plan *plan);
PENCONE_API pencone_quantity pencone_plan_quantity(const pencone_plan *plan);

/// Value of an option of the plan's engine: as set, else as the plan's quality has it, else its default; ""
/// for an unknown key or no plan. Valid until the plan is changed or destroyed.
PENCONE_API const char *pencone_plan_option(const pencone_plan *plan, const char *key);

/// Options that were set, as "key=value key=value" ("" for none).
PENCONE_API const char *pencone_plan_options_text(const pencone_plan *plan);

#ifdef __cplusplus
}
#endif
#endif

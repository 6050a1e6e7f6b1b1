// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_ENGINE_H
#define PENCONE_ENGINE_H

#include <pencone/dose.h>
#include <pencone/phantom.h>
#include <pencone/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A calculation made ready: an engine's tables for one plan on one phantom.
typedef struct pencone_engine pencone_engine;

/// An option of an engine as it is documented and checked.
typedef struct pencone_option_info {
  const char *key;
  const char *summary;        ///< what it does, with unit
  const char *default_value;  ///< text
  const char *choices;        ///< words separated by '|', or NULL for a number
  double min, max;            ///< range of a number
  int integer;                ///< 1: whole numbers only
} pencone_option_info;

/// An engine as the table of engines shows it. Static storage.
typedef struct pencone_engine_info {
  const char *name;
  const char *summary;
  const char *references;  ///< DOIs, one per line
  const pencone_option_info *options;
  int option_count;
} pencone_engine_info;

/// Number of engines, and the i-th (NULL outside 0..count-1). Any thread.
PENCONE_API int pencone_engine_count(void);
PENCONE_API const pencone_engine_info *pencone_engine_at(int i);

/// What a calculation will take, before anything is allocated. Set struct_size first
/// (PENCONE_ESTIMATE_DEFAULT).
typedef struct pencone_estimate_info {
  size_t struct_size;
  uint64_t bytes;     ///< peak memory of create and compute, besides phantom and plan
  uint64_t voxels;    ///< voxels of the calculation grid
  double seconds;     ///< order of magnitude, one thread
  pencone_grid grid;  ///< grid of the dose
} pencone_estimate_info;

// clang-format off
#define PENCONE_ESTIMATE_DEFAULT {sizeof(pencone_estimate_info), 0, 0, 0, {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}}
// clang-format on

/// Estimates memory and time of a plan on a phantom. Cheap: it allocates nothing that grows with the grid.
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (no beams, a dose box outside the phantom), E_GEOMETRY.
PENCONE_API pencone_status pencone_estimate(pencone_context *ctx, const pencone_plan *plan,
                                            const pencone_phantom *phantom, pencone_estimate_info *out);

/// Makes all tables. The phantom and the plan must outlive the engine and stay unchanged.
/// @param[out] out  owned by the caller
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE, E_GEOMETRY (a beam that misses the phantom, a source inside
/// it), E_BUDGET (the bytes are in the text), E_MEMORY, E_NUMERIC.
PENCONE_API pencone_status pencone_engine_create(pencone_context *ctx, const pencone_plan *plan,
                                                 const pencone_phantom *phantom, pencone_engine **out);
PENCONE_API void pencone_engine_destroy(pencone_engine *engine);

/// Grid on which this engine's dose will be; NULL of NULL.
PENCONE_API const pencone_grid *pencone_engine_grid(const pencone_engine *engine);

/// Calculates: fills the dose (created on pencone_engine_grid()), its parts per beam when keep_beams is
/// not 0, units and provenance. What the dose held before is replaced, its parts too: pointers to their
/// values end. Re-entrant: several threads may compute with one engine, each with its own context and dose.
/// The same bits for any number of threads.
/// @return PENCONE_OK, E_ARGUMENT, E_SHAPE (another grid), E_MEMORY, E_CANCELLED.
PENCONE_API pencone_status pencone_engine_compute(pencone_context *ctx, const pencone_engine *engine,
                                                  int keep_beams, pencone_dose *dose);

/// Dose at single points, by engines that can ("photon-superposition": the slow, independent oracle).
/// @param points  number of points. @param xyz_mm  points x 3, patient axes. @param[out] dose_gy  one per
/// point
/// @return PENCONE_OK, E_ARGUMENT, E_UNSUPPORTED (this engine calculates grids only), E_CANCELLED.
PENCONE_API pencone_status pencone_engine_points(pencone_context *ctx, const pencone_engine *engine,
                                                 size_t points, const double *xyz_mm, double *dose_gy);

#ifdef __cplusplus
}
#endif
#endif

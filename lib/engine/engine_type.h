// SPDX-License-Identifier: Apache-2.0
// What an engine is: one entry of the table in registry.c, one file.
#ifndef PCN_ENGINE_TYPE_H
#define PCN_ENGINE_TYPE_H

#include <pencone/dij.h>

#include "geom/box.h"
#include "matter/medium.h"
#include "num/column.h"

/// One beam to be made ready; its control points, if any, share its gantry and couch angles. All borrowed;
/// valid until the state is freed.
typedef struct pcn_job {
  const pcn_medium *medium;
  const pencone_beam *beam;
  const pencone_plan *plan;  ///< for options and quantity
  const void *shared;  ///< by shared_make() for the beam's machine; NULL where the engine shares nothing
  double progress[2];  ///< where making starts and its span
} pcn_job;

/// A beam, or one layer of a proton beam, whose beamlets shall be made ready. All borrowed; the job is valid
/// during the call, what it points to longer.
typedef struct pcn_beamlet_job {
  const pcn_medium *medium;
  const pencone_beam *beam;
  const pencone_plan *plan;
  const void *state;    ///< of the beam's dose
  const pcn_box *rows;  ///< where dose is wanted
  int layer;            ///< of protons, whose beamlets are wanted
  /// Entries below this share of their column's largest will be left out, so that the engine need not make
  /// them; 0: all are wanted.
  double threshold;
  int sift;  ///< 1: a threshold is all that the columns are cut by, so that beamlets() may do it
} pcn_beamlet_job;

/// Value that an option has, unless it is set, when the option "quality" has this value.
typedef struct pcn_preset {
  const char *quality, *key, *value;
} pcn_preset;

typedef struct pcn_engine_type {
  pencone_engine_info info;
  const pcn_preset *presets;  ///< where they differ from the options' defaults
  int preset_count;
  pencone_modality modality;  ///< of the machines that it can calculate
  int takes_profile;          ///< 1: it uses a machine's penumbra and horn; else such machines are refused
  int takes_map;              ///< 1: its beams may have a fluence map
  /// Memory of one beam's calculation besides the medium, bytes.
  uint64_t (*bytes)(const pencone_grid *grid, int threads);
  /// What the plan's options add to that; NULL: nothing.
  uint64_t (*option_bytes)(const pencone_plan *plan, const pencone_grid *grid, int threads);
  /// Order of magnitude of one beam's time on one core, seconds.
  double (*seconds)(const pencone_plan *plan, const pencone_grid *grid);
  size_t
      shared_size;  ///< of what shared_make() fills in, allocated and freed by engine.c; 0: nothing is shared
  /// Makes what the beams of one machine have in common, once; job->beam is the first of them. After a
  /// failure there is nothing in it to be freed.
  pencone_status (*shared_make)(pencone_context *ctx, const pcn_job *job, void *shared);
  void (*shared_free)(void *shared);  ///< what is in it, after all states that borrow it
  size_t state_size;                  ///< of what make() fills in, allocated and freed by engine.c
  /// Makes a beam ready. After a failure there is nothing in the state to be freed.
  pencone_status (*make)(pencone_context *ctx, const pcn_job *job, void *state);
  void (*free)(void *state);  ///< what is in the state, not the state itself
  /// Adds the beam's dose in Gy to out[0] and, unless NULL, to out[1]; progress from [0] over a span of [1].
  /// An engine with the option "let" adds dose times LET to out[2] and out[3], unless NULL.
  pencone_status (*add)(pencone_context *ctx, const void *state, float *const out[4],
                        const double progress[2]);
  /// What a user should know of a beam's dose, static text, said once per plan; NULL: nothing. May be NULL
  /// itself.
  const char *(*remark)(const void *state);
  /// Dose in Gy at a point; NULL where the engine calculates grids only.
  double (*at)(const void *state, const double xyz_mm[3]);
  size_t beamlets_size;  ///< of what beamlets_make() fills in; 0: an engine without beamlets
  /// Memory that one beam's beamlets share and that the threads take for theirs, bytes.
  uint64_t (*beamlets_bytes)(const pencone_plan *plan, const pencone_grid *medium, const pencone_grid *rows,
                             int threads);
  /// Makes what a beam's beamlets share. After a failure there is nothing to be freed.
  pencone_status (*beamlets_make)(pencone_context *ctx, const pcn_beamlet_job *job, void *beamlets);
  /// Makes those of another layer of the same beam out of them, so that memory is used again; NULL: they are
  /// freed and made. After a failure they are still to be freed.
  pencone_status (*beamlets_next)(pencone_context *ctx, const pcn_beamlet_job *job, void *beamlets);
  void (*beamlets_free)(void *beamlets);
  /// Appends the dose of a beamlet of weight 1, in Gy, to an empty column: rising voxels of the rows' grid;
  /// values that are not above 0 do no harm. Several threads at once, each with a context and a column of its
  /// own.
  pencone_status (*beamlet)(pencone_context *ctx, const void *beamlets, const pencone_beamlet *beamlet,
                            pcn_column *out);
  /// In place of beamlet() where an engine makes several columns faster together: up to `together` of one
  /// beam, each the same whatever comes with it. With job->sift it leaves out the entries below the threshold
  /// and those that are 0 and says in the columns what they were.
  int together;
  pencone_status (*beamlet_group)(pencone_context *ctx, const void *beamlets, int count,
                                  const pencone_beamlet *which, pcn_column *out);
} pcn_engine_type;

/// The engine of a name; NULL when there is none.
const pcn_engine_type *pcn_engine_find(const char *name);

/// Value of an engine's option: as set in the plan, else as the plan's quality has it, else its default.
double pcn_plan_option_number(const pencone_plan *plan, const char *key);

extern const pcn_engine_type pcn_engine_collapsed_cone;
extern const pcn_engine_type pcn_engine_superposition;
extern const pcn_engine_type pcn_engine_proton_pencil_beam;
extern const pcn_engine_type pcn_engine_convolution;
extern const pcn_engine_type pcn_engine_pencil_beam;

#endif

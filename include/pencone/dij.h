// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_DIJ_H
#define PENCONE_DIJ_H

#include <pencone/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

// The influence matrix A of a plan, dose = A weights: one row per voxel of the dose grid (x fastest), one
// column per beamlet. Beamlets are the bixels of photon beams (pencone_beam.bixel_mm) and the spots of proton
// beams, in the order of the plan: beam, then rows of the field along y, then x; layers, then spots. Unit of
// a column: dose in Gy per photon/cm2 in the isocentre plane (machines with fluence), or per proton.

/// One column's beamlet.
typedef struct pencone_beamlet {
  int32_t beam;        ///< index in the plan
  int32_t layer;       ///< index of the proton layer; 0 for photons
  double x_mm, y_mm;   ///< centre in the isocentre plane, collimator axes
  double width_mm[2];  ///< along x and y; 0 for protons
  double energy_mev;   ///< of the proton layer; 0 for photons
  double weight;       ///< what the plan gives it: fluence (photons/cm2) or protons
} pencone_beamlet;

/// What is kept of a matrix. Start from PENCONE_DIJ_OPTIONS_DEFAULT.
typedef struct pencone_dij_options {
  size_t struct_size;
  /// Entries smaller than this fraction of their column's maximum are left out, 0 (all that are not 0) to 1.
  /// The maximum is that of the whole dose grid: the mask changes no entry that it lets through.
  double threshold;
  /// Not 0: an entry of a size v below the threshold t is kept with the size t with probability v / t
  /// instead, so that the sum of a column is right in the mean. The same entries for the same seed, whatever
  /// threads or first_column.
  int sampling;
  uint64_t seed;
  const uint8_t *mask;   ///< voxels of the dose grid that are wanted (not 0), borrowed; NULL: all
  int64_t first_column;  ///< where to go on; a multiple of PENCONE_DIJ_BLOCK below the number of columns
} pencone_dij_options;

#define PENCONE_DIJ_OPTIONS_DEFAULT \
  { sizeof(pencone_dij_options), 1e-5, 0, 1, 0, 0 }

/// Columns that reach a sink at a time (the last block may have fewer): the same whatever threads or budget.
#define PENCONE_DIJ_BLOCK 32

/// What a sink hears first. All borrowed until the stream ends.
typedef struct pencone_dij_info {
  size_t struct_size;
  const pencone_plan *plan;
  const pencone_phantom *phantom;
  pencone_grid grid;                ///< of the rows
  int64_t columns;                  ///< of the whole matrix
  const pencone_beamlet *beamlets;  ///< one per column
  const pencone_dij_options *options;
} pencone_dij_info;

/// One column. Borrowed until the sink returns.
typedef struct pencone_dij_column {
  int64_t index;
  int64_t count;         ///< entries
  const int32_t *voxel;  ///< rising
  const float *
      value;  ///< not 0; a few of a pencil beam near the surface are a little below 0, so that columns add up
  double sum;   ///< of the column before anything was left out, within the mask
  double lost;  ///< of what threshold and lateral cut-off (estimated) left out, minus what sampling put back
} pencone_dij_column;

/// Where columns go. The functions are called one at a time, in the order of the columns, perhaps from a
/// thread of the library's own; a status other than PENCONE_OK ends the stream with it. The context given is
/// the stream's own, of one thread: its error text goes to the caller's.
typedef struct pencone_dij_sink {
  void *data;  ///< first argument of the functions
  pencone_status (*begin)(void *data, pencone_context *ctx, const pencone_dij_info *info);  ///< may be NULL
  pencone_status (*put)(void *data, pencone_context *ctx, const pencone_dij_column *columns, int count);
  /// All columns were put; may be NULL. Not called after a failure.
  pencone_status (*end)(void *data, pencone_context *ctx);
} pencone_dij_sink;

/// What became of a matrix.
typedef struct pencone_dij_report {
  size_t struct_size;
  int64_t columns, entries;  ///< of this stream
  int64_t empty;             ///< columns without an entry
  double sum, lost;          ///< of all columns
  double worst_lost;         ///< largest lost / sum of a column
} pencone_dij_report;

#define PENCONE_DIJ_REPORT_DEFAULT \
  { sizeof(pencone_dij_report), 0, 0, 0, 0, 0, 0 }

/// Number of columns of a plan; 0 of NULL and of a plan without bixels and spots.
PENCONE_API int64_t pencone_dij_columns(const pencone_plan *plan);

/// The beamlets of a plan, pencone_dij_columns() of them. @param[out] out  room for them, the caller's
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (no beams; a beam without bixels; a bixel width that does not
/// divide the field), E_UNSUPPORTED (a photon beam with control points; options that ask for LET or
/// RBE-weighted dose).
PENCONE_API pencone_status pencone_dij_beamlets(pencone_context *ctx, const pencone_plan *plan,
                                                pencone_beamlet *out);

/// What a matrix will take, by the middle column of up to four beams: memory of engine and stream (not of
/// what the sink keeps), and the order of the number of its entries. @param options  NULL: the defaults
/// @param[out] entries  may be NULL. @return as pencone_dij_stream(), but for the sink's.
PENCONE_API pencone_status pencone_dij_estimate(pencone_context *ctx, const pencone_engine *engine,
                                                const pencone_dij_options *options, uint64_t *bytes,
                                                int64_t *entries);

/// Calculates the columns and gives them to the sink, block by block, while the next block is calculated.
/// Memory stays within the context's budget. Re-entrant like pencone_engine_compute(). The same columns for
/// any number of threads.
/// @param options  NULL: the defaults. @param[out] report  may be NULL
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE, E_BUDGET, E_MEMORY, E_CANCELLED, E_NUMERIC (nothing but empty
/// columns), E_UNSUPPORTED (an engine without beamlets; LET or RBE wanted), or what the sink returned.
PENCONE_API pencone_status pencone_dij_stream(pencone_context *ctx, const pencone_engine *engine,
                                              const pencone_dij_options *options,
                                              const pencone_dij_sink *sink, pencone_dij_report *report);

/// A matrix in memory: compressed sparse columns.
typedef struct pencone_dij pencone_dij;

/// Creates an empty matrix, which a stream fills through its sink. @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_dij_create(pencone_context *ctx, pencone_dij **out);
PENCONE_API void pencone_dij_destroy(pencone_dij *dij);

/// The sink that fills a matrix; valid while the matrix lives. It forgets what the matrix held before.
PENCONE_API pencone_dij_sink pencone_dij_fill(pencone_dij *dij);

/// The arrays of a matrix; borrowed until it is filled again or destroyed.
typedef struct pencone_dij_view {
  size_t struct_size;
  pencone_grid grid;
  int64_t columns;
  const pencone_beamlet *beamlets;
  const int64_t *first;  ///< columns + 1: entries of column j are first[j] .. first[j + 1] - 1
  const int32_t *voxel;
  const float *value;
} pencone_dij_view;

PENCONE_API pencone_dij_view pencone_dij_view_of(const pencone_dij *dij);

/// dose = A weights, in double, rounded once. @param weights  one per column. @param[out] dose  voxels of the
/// grid
/// @return PENCONE_OK, E_ARGUMENT, E_SHAPE (another count), E_RANGE (a weight that is not finite or is
/// negative, or a dose that a float does not hold), E_MEMORY.
PENCONE_API pencone_status pencone_dij_dose(pencone_context *ctx, const pencone_dij *dij, int64_t count,
                                            const double *weights, float *dose);

#ifdef __cplusplus
}
#endif
#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_IO_H
#define PENCONE_IO_H

#include <pencone/analysis.h>
#include <pencone/dij.h>
#include <pencone/dose.h>
#include <pencone/measurement.h>
#include <pencone/phantom.h>
#include <pencone/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

// Files. Everything here may be called from any thread; HDF5 work is serialised inside. Paths are
// UTF-8. Numbers are read and written with a point whatever the locale. Writers make a temporary file
// beside the target and rename it: the old file or the new one, never half of one.
// Failures: PENCONE_E_FILE (cannot open, read or write), PENCONE_E_FORMAT (wrong content), E_RANGE,
// E_SHAPE, E_MISSING, E_MEMORY. The error text begins with the file, and its line or dataset.

/// What a file holds.
typedef enum pencone_file_kind {
  PENCONE_FILE_PHANTOM = 1,
  PENCONE_FILE_DOSE = 2,
  PENCONE_FILE_REFERENCE = 3,  ///< a dose on a rectilinear grid with its uncertainty
  PENCONE_FILE_DIJ = 4,        ///< an influence matrix
  PENCONE_FILE_PLAN = 5,
  PENCONE_FILE_MACHINE = 6,
  PENCONE_FILE_RECIPE = 7  ///< of a phantom
} pencone_file_kind;

/// Finds out what a file holds, without reading all of it or checking the rest.
/// @return PENCONE_OK, E_FILE, E_FORMAT (none of these) or E_MEMORY.
PENCONE_API pencone_status pencone_file_identify(pencone_context *ctx, const char *path,
                                                 pencone_file_kind *out);

/// Reads a phantom (HDF5, docs/formats.md), also the one that a dose file carries.
/// @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_phantom_read(pencone_context *ctx, const char *path,
                                                pencone_phantom **out);

/// Writes a phantom; readable by ITK, VTK and Octave too.
PENCONE_API pencone_status pencone_phantom_write(pencone_context *ctx, const char *path,
                                                 const pencone_phantom *phantom);

/// Builds a phantom from a recipe (YAML, docs/formats.md). @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_phantom_build(pencone_context *ctx, const char *recipe_path,
                                                 pencone_phantom **out);

/// Reads a dose. @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_dose_read(pencone_context *ctx, const char *path, pencone_dose **out);

/// Writes a dose with its parts, units and provenance, and the phantom's structures and CT beside it.
/// @param phantom  may be NULL
PENCONE_API pencone_status pencone_dose_write(pencone_context *ctx, const char *path,
                                              const pencone_dose *dose, const pencone_phantom *phantom);

/// A dose file that is begun before its dose is known, so that the phantom reaches the disk while the dose is
/// calculated. The file is the same as of pencone_dose_write(), and appears when it is whole; until then it
/// grows beside its path. Not for two threads at once.
typedef struct pencone_dose_writer pencone_dose_writer;

/// Begins a file. @param grid  of the dose to come: pencone_engine_grid(). @param phantom  may be NULL; not
/// needed afterwards. @param[out] out  owned by the caller
/// @return PENCONE_OK, E_ARGUMENT, E_FILE, E_MEMORY, or what pencone_grid_check() says.
PENCONE_API pencone_status pencone_dose_writer_create(pencone_context *ctx, const char *path,
                                                      const pencone_grid *grid,
                                                      const pencone_phantom *phantom,
                                                      pencone_dose_writer **out);

/// Writes the dose; the file takes its place at path. Once per writer. @return PENCONE_OK, E_ARGUMENT,
/// E_SHAPE (another grid), E_FILE, E_MEMORY; after a failure of writing, what was at path stays.
PENCONE_API pencone_status pencone_dose_writer_finish(pencone_context *ctx, pencone_dose_writer *writer,
                                                      const pencone_dose *dose);

/// A file that was not finished is removed. NULL is allowed.
PENCONE_API void pencone_dose_writer_destroy(pencone_dose_writer *writer);

/// Reads a reference: a dose on a rectilinear grid with its uncertainty. @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_reference_read(pencone_context *ctx, const char *path,
                                                  pencone_reference **out);

/// Reads the criteria of a case (YAML, docs/formats.md) and the table of expectations that it names. A limit
/// or an expectation without its source is an error. @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_criteria_read(pencone_context *ctx, const char *path,
                                                 pencone_criteria **out);

/// Reads a plan (YAML). Unknown keys, missing keys and bad values are errors with file and line.
/// @param[out] phantom_path  the plan's phantom file, relative names resolved against the plan's folder; NULL
///   where the plan names none; free with pencone_string_free(); the argument may be NULL
/// @param[out] text  the file's own text for the provenance, free with pencone_string_free(); may be NULL
PENCONE_API pencone_status pencone_plan_read(pencone_context *ctx, const char *path, pencone_plan **out,
                                             char **phantom_path, char **text);

/// Reads a machine: a shipped one by name ("ideal-mohan-6mv") or a YAML file by path.
PENCONE_API pencone_status pencone_machine_read(pencone_context *ctx, const char *name_or_path,
                                                pencone_machine **out);

/// Writes a photon machine (YAML, 17 digits: read back it is the same to rounding, 1e-15).
/// @return PENCONE_OK, E_ARGUMENT, E_FILE, E_MEMORY, E_UNSUPPORTED (protons).
PENCONE_API pencone_status pencone_machine_write(pencone_context *ctx, const char *path,
                                                 const pencone_machine *machine);

/// Reads measured depth doses or tissue-phantom ratios (CSV, docs/formats.md); errors name file and line.
/// @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_measurement_read(pencone_context *ctx, const char *path,
                                                    pencone_measurement **out);

/// Reads the output factors (CSV, docs/formats.md) of a measurement, one for each of its curves, and scales
/// it by them; errors name file and line. @param[out] kind  what the factors are of. @param[out] out owned by
/// the caller.
PENCONE_API pencone_status pencone_output_factors_read(pencone_context *ctx, const char *path,
                                                       const pencone_measurement *measurement,
                                                       pencone_output_kind *kind, pencone_measurement **out);

/// Number of shipped machines, and the name of the i-th (NULL outside the range).
PENCONE_API int pencone_machine_count(void);
PENCONE_API const char *pencone_machine_name_at(int i);

// Influence matrices (dij.h) in files. A writer is the sink of one stream:
//   create, pencone_dij_stream() with first_column = pencone_dij_writer_done_columns(), destroy.
// The matrix grows in PATH.part, with a log of its finished blocks in PATH.part.log, and gets its name when
// it is whole. After a failure, a cancel or a crash both stay, and a writer with resume goes on at the last
// finished block: in the end the columns have the same bits as without the interruption.

/// Forms of an influence matrix (docs/formats.md).
typedef enum pencone_dij_format {
  PENCONE_DIJ_PENCONE = 0,  ///< our own, HDF5
  PENCONE_DIJ_PORTPY = 1,   ///< a folder as PortPy reads it; made from our own when all columns are there
  PENCONE_DIJ_FRED = 2  ///< FRED's binary ij file, version 2.0, which matRad, pyRadPlan and FREDtools read
} pencone_dij_format;

/// Start from PENCONE_DIJ_WRITER_OPTIONS_DEFAULT. Texts are copied.
typedef struct pencone_dij_writer_options {
  size_t struct_size;
  int resume;                ///< not 0: go on with the part that is there, or begin if there is none
  const char *plan_text;     ///< for the provenance; NULL: none
  const char *phantom_path;  ///< the same
} pencone_dij_writer_options;

#define PENCONE_DIJ_WRITER_OPTIONS_DEFAULT \
  { sizeof(pencone_dij_writer_options), 0, 0, 0 }

typedef struct pencone_dij_writer pencone_dij_writer;

/// Makes a writer. Without resume, a part that is there is an error: it may hold hours of work.
/// @param options  NULL: the defaults. @param[out] out  owned by the caller
/// @return PENCONE_OK, E_ARGUMENT, E_FILE (also a folder for PortPy that is there), E_FORMAT (a damaged log),
/// E_MEMORY.
PENCONE_API pencone_status pencone_dij_writer_create(pencone_context *ctx, const char *path,
                                                     pencone_dij_format format,
                                                     const pencone_dij_writer_options *options,
                                                     pencone_dij_writer **out);

/// Closes what is open. A matrix that is not whole stays as a part, if it has an entry.
PENCONE_API void pencone_dij_writer_destroy(pencone_dij_writer *writer);

/// The sink for one stream; valid while the writer lives. Besides what writing may return it refuses
/// (E_FORMAT) to go on with a part made from another plan, phantom or options or by another version or
/// instruction set.
PENCONE_API pencone_dij_sink pencone_dij_writer_sink(pencone_dij_writer *writer);

/// Columns that are there: first_column of the stream. 0 of NULL.
PENCONE_API int64_t pencone_dij_writer_done_columns(const pencone_dij_writer *writer);

/// What the file holds after the stream, columns of earlier runs included; and its bytes, 0 until it is
/// whole.
/// @param[out] bytes  may be NULL
PENCONE_API pencone_dij_report pencone_dij_writer_report(const pencone_dij_writer *writer, uint64_t *bytes);

/// What a matrix file of our own form holds. Set struct_size first (PENCONE_DIJ_FILE_INFO_DEFAULT).
typedef struct pencone_dij_file_info {
  size_t struct_size;
  pencone_grid grid;
  int64_t columns, entries;
  int64_t empty;      ///< columns without an entry
  double threshold;   ///< see pencone_dij_options
  int sampling;       ///< the same
  double sum, lost;   ///< of all columns
  double worst_lost;  ///< largest lost / sum of a column
} pencone_dij_file_info;

// clang-format off
#define PENCONE_DIJ_FILE_INFO_DEFAULT {sizeof(pencone_dij_file_info), {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}, 0, 0, 0, 0, 0, 0, 0, 0}
// clang-format on

PENCONE_API pencone_status pencone_dij_file_describe(pencone_context *ctx, const char *path,
                                                     pencone_dij_file_info *out);

/// The beamlets of a matrix file. @param count  its number of columns. @param[out] out  room for them
/// @return PENCONE_OK, E_SHAPE (another count), E_FILE, E_FORMAT.
PENCONE_API pencone_status pencone_dij_file_beamlets(pencone_context *ctx, const char *path, int64_t count,
                                                     pencone_beamlet *out);

/// Whether a matrix file was made with the beams of a plan: their geometry and machines, as far as the file
/// tells. Beamlets are for the caller to compare. @return PENCONE_OK, E_FORMAT (with what differs), E_FILE,
/// E_MEMORY.
PENCONE_API pencone_status pencone_dij_file_match(pencone_context *ctx, const char *path,
                                                  const pencone_plan *plan);

/// Reads a whole matrix into memory. @param dij  what it held before is forgotten, also after a failure
/// @return PENCONE_OK, E_FILE, E_FORMAT, E_SHAPE, E_RANGE, E_MEMORY.
PENCONE_API pencone_status pencone_dij_read(pencone_context *ctx, const char *path, pencone_dij *dij);

/// dose = A weights from a file, a piece of it in memory at a time: the same bits as pencone_dij_dose().
/// @param count, weights  one per column. @param[out] out  dose with the file's provenance, owned by the
/// caller
/// @return PENCONE_OK, E_SHAPE (another count), E_RANGE (a weight that is not finite or negative; an entry
/// outside the grid), E_FILE, E_FORMAT, E_CANCELLED, E_MEMORY.
PENCONE_API pencone_status pencone_dij_file_dose(pencone_context *ctx, const char *path, int64_t count,
                                                 const double *weights, pencone_dose **out);

/// Reads weights from a text file: one number per line, or a table with a heading that has a column "weight".
/// @param[out] count, weights  freed by pencone_numbers_free()
PENCONE_API pencone_status pencone_weights_read(pencone_context *ctx, const char *path, int64_t *count,
                                                double **weights);
PENCONE_API void pencone_numbers_free(double *numbers);

/// Frees a text that this library returned; NULL is allowed.
PENCONE_API void pencone_string_free(char *text);

/// Ends HDF5 in this process, before it ends itself at exit: for a program that reads files it does not
/// trust, as its last call of this library, and not where others use HDF5 too. HDF5 1.10 loses memory when an
/// object of a damaged file has a wrong checksum, and says so at exit as an "infinite loop closing library"
/// on the standard error stream; after this call it does not. No file may be open.
PENCONE_API void pencone_io_end(void);

#ifdef __cplusplus
}
#endif
#endif

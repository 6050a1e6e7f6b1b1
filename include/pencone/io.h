// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_IO_H
#define PENCONE_IO_H

#include <pencone/analysis.h>
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
  PENCONE_FILE_REFERENCE = 3, ///< a dose on a rectilinear grid with its uncertainty
  PENCONE_FILE_DIJ = 4,       ///< an influence matrix
  PENCONE_FILE_PLAN = 5,
  PENCONE_FILE_MACHINE = 6,
  PENCONE_FILE_RECIPE = 7 ///< of a phantom
} pencone_file_kind;

/// Finds out what a file holds, without reading all of it or checking the rest.
/// @return PENCONE_OK, E_FILE, E_FORMAT (none of these) or E_MEMORY.
PENCONE_API pencone_status pencone_file_identify(pencone_context *ctx, const char *path, pencone_file_kind *out);

/// Reads a phantom (HDF5, docs/formats.md), also the one that a dose file carries.
/// @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_phantom_read(pencone_context *ctx, const char *path, pencone_phantom **out);

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
PENCONE_API pencone_status pencone_dose_write(pencone_context *ctx, const char *path, const pencone_dose *dose,
                                              const pencone_phantom *phantom);

/// Reads a reference: a dose on a rectilinear grid with its uncertainty. @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_reference_read(pencone_context *ctx, const char *path,
                                                  pencone_reference **out);

/// Reads the criteria of a case (YAML, docs/formats.md) and the table of expectations that it names. A limit
/// or an expectation without its source is an error. @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_criteria_read(pencone_context *ctx, const char *path, pencone_criteria **out);

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

/// Reads measured depth doses (CSV, docs/formats.md); errors name file and line.
/// @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_measurement_read(pencone_context *ctx, const char *path,
                                                    pencone_measurement **out);

/// Number of shipped machines, and the name of the i-th (NULL outside the range).
PENCONE_API int pencone_machine_count(void);
PENCONE_API const char *pencone_machine_name_at(int i);

/// Frees a text that this library returned; NULL is allowed.
PENCONE_API void pencone_string_free(char *text);

#ifdef __cplusplus
}
#endif
#endif

// SPDX-License-Identifier: Apache-2.0
// HDF5 files, a thin layer: one lock, errors as our texts, whole files or none. Objects are named by their
// full path in the file ("/pencone/dose"), so that no HDF5 identifier leaves this layer.
#ifndef PCN_H5_H
#define PCN_H5_H

#include <hdf5.h>
#include <pencone/grid.h>

#include "base/base.h"

enum { PCN_H5_NAME = 256 };  ///< bytes of a link or attribute name, the zero included

/// Bytes on their way to the disk (h5_sync.c).
typedef struct pcn_h5_sync pcn_h5_sync;

/// An open file. From open or create until finish the process-wide lock is held: the serial HDF5 library
/// is not re-entrant. Do not call the user's callbacks in between.
typedef struct pcn_h5 {
  pencone_context *ctx;
  const char *path;  ///< the caller's, must live until finish
  char *temporary;   ///< where a new file grows; NULL when reading
  int keep;          ///< the new file stays there after a failure
  int error;         ///< errno of the first failure to write it; 0: none (h5_disk.h)
  hid_t file;
  hid_t driver;       ///< of a new file; negative: none
  pcn_h5_sync *sync;  ///< NULL: none under way
  H5E_auto2_t print;
  void *print_data;
} pcn_h5;

/// Types of voxel volumes. Where uint8 is read, a boolean as h5py writes it (an enum of 0 and 1) will do:
/// as 0 and 1, or in masks as 0 and 255.
typedef enum pcn_h5_type {
  PCN_H5_FLOAT,
  PCN_H5_INT16,
  PCN_H5_UINT8,
  PCN_H5_INT32,
  PCN_H5_MASK  ///< uint8, 0 outside to 255 inside
} pcn_h5_type;

/// Opens a file to read. On failure nothing stays open.
pencone_status pcn_h5_open(pencone_context *ctx, const char *path, pcn_h5 *h5);

/// Begins a new file beside path.
pencone_status pcn_h5_create(pencone_context *ctx, const char *path, pcn_h5 *h5);

/// The same under a name of the caller's in the same folder, where the file stays after a failure.
pencone_status pcn_h5_create_part(pencone_context *ctx, const char *path, const char *part, pcn_h5 *h5);

/// Gives the lock back while the file stays open, and takes it again, perhaps on another thread: for files
/// that grow during a calculation.
void pcn_h5_pause(pcn_h5 *h5);
void pcn_h5_continue(pcn_h5 *h5, pencone_context *ctx);

/// Begins to bring to the disk what a new file holds so far, and returns: finish then has less to wait for,
/// and waits for this too. Where the system cannot, finish does it all.
void pcn_h5_sync_begin(pcn_h5 *h5);

/// Waits for what pcn_h5_sync_begin() began, if it did. @return 0, or why it failed (errno)
int pcn_h5_sync_end(pcn_h5 *h5);

/// Closes. A new file takes its place at path if status is PENCONE_OK, else it is removed and what was at
/// path stays. @return status, or the failure of closing and renaming.
pencone_status pcn_h5_finish(pcn_h5 *h5, pencone_status status);

/// Fails with "PATH: OBJECT: " before the text.
pencone_status pcn_h5_fail(const pcn_h5 *h5, pencone_status status, const char *object, const char *format,
                           ...) PCN_PRINTF(4, 5);

int pcn_h5_exists(const pcn_h5 *h5, const char *object);

/// Whether an object is surely not there: of a damaged one nobody knows. What may be left out of a file is
/// left out only then.
int pcn_h5_is_absent(const pcn_h5 *h5, const char *object);
int pcn_h5_is_group(const pcn_h5 *h5, const char *object);

/// Looks for a group that may be left out of a file. @return PENCONE_OK, or E_FORMAT: something else has its
/// name, or it is damaged
pencone_status pcn_h5_find_group(const pcn_h5 *h5, const char *object, int *there);
int pcn_h5_has(const pcn_h5 *h5, const char *object, const char *attribute);

/// Name of the i-th link of a group or the i-th attribute, in the order they were made where the file knows
/// it, else by name. @return 1, or 0 behind the last, or (of a link) -1: damaged. Longer names than fit are
/// cut and fail later.
int pcn_h5_child(const pcn_h5 *h5, const char *group, size_t i, char name[PCN_H5_NAME]);
int pcn_h5_attribute(const pcn_h5 *h5, const char *object, size_t i, char name[PCN_H5_NAME]);

// Reading. Attributes may be scalars or arrays; texts may be of fixed or variable length.

/// @param[out] out  freed by pcn_free(). The texts of an array are joined by commas.
pencone_status pcn_h5_read_text(const pcn_h5 *h5, const char *object, const char *attribute, char **out);
pencone_status pcn_h5_read_doubles(const pcn_h5 *h5, const char *object, const char *attribute, int count,
                                   double *out);
pencone_status pcn_h5_read_integers(const pcn_h5 *h5, const char *object, const char *attribute, int count,
                                    int64_t *out);

/// Reads the attributes size_xyz, spacing_mm and origin_mm of a group and checks them.
pencone_status pcn_h5_read_grid(const pcn_h5 *h5, const char *group, pencone_grid *grid);

/// Reads a volume [nz,ny,nx] after a check of its shape and type. @param[out] out  freed by pcn_free()
pencone_status pcn_h5_read_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                  const pencone_grid *grid, void **out);

/// Only the check of shape and type.
pencone_status pcn_h5_check_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                   const pencone_grid *grid);

/// Reads into memory that is there.
pencone_status pcn_h5_read_into(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                const pencone_grid *grid, void *out);

/// Fails because the values of an open dataset cannot be read: names a filter that is missing, if that is
/// why.
pencone_status pcn_h5_not_read(const pcn_h5 *h5, const char *object, hid_t set);

/// Reads a list of doubles. @param[out] out  freed by pcn_free(). @param limit  the longest that is welcome
pencone_status pcn_h5_read_vector(const pcn_h5 *h5, const char *object, size_t limit, size_t *count,
                                  double **out);

/// Reads a table of doubles [rows][columns]. @param[out] size  rows, columns, each up to limit
/// @param[out] out  freed by pcn_free()
pencone_status pcn_h5_read_matrix(const pcn_h5 *h5, const char *object, size_t limit, size_t size[2],
                                  double **out);

// Writing.

/// Fails because the object could not be written, with the reason where the disk gave one.
pencone_status pcn_h5_not_written(const pcn_h5 *h5, const char *object);

pencone_status pcn_h5_make_group(const pcn_h5 *h5, const char *group);
pencone_status pcn_h5_write_text(const pcn_h5 *h5, const char *object, const char *attribute,
                                 const char *text);

/// A text of fixed length in ASCII, as VTK wants it.
pencone_status pcn_h5_write_ascii(const pcn_h5 *h5, const char *object, const char *attribute,
                                  const char *text);
pencone_status pcn_h5_write_doubles(const pcn_h5 *h5, const char *object, const char *attribute, int count,
                                    const double *values);
pencone_status pcn_h5_write_integers(const pcn_h5 *h5, const char *object, const char *attribute, int count,
                                     const int64_t *values);
pencone_status pcn_h5_write_grid(const pcn_h5 *h5, const char *group, const pencone_grid *grid);

/// Writes a volume. @param stride  in elements along x, y, z; NULL or 0,0,0: C order
pencone_status pcn_h5_write_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                   const pencone_grid *grid, const void *data, const ptrdiff_t *stride);

/// The same in two steps: a volume of a place and a name, all of whose values must follow.
pencone_status pcn_h5_make_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                  const pencone_grid *grid);
pencone_status pcn_h5_fill_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                  const pencone_grid *grid, const void *data);

/// A small array of doubles or unsigned 64-bit numbers as a dataset of rank 1 or 2 (columns > 0).
pencone_status pcn_h5_write_table(const pcn_h5 *h5, const char *object, hid_t type, int rows, int columns,
                                  const void *values);

// Series: lists that grow at their end, in chunks, and are read in pieces (h5_series.c). type is HDF5's
// native one.

enum { PCN_H5_CHUNK = 65536 };  ///< elements of a chunk

/// Makes an empty series.
pencone_status pcn_h5_make_series(const pcn_h5 *h5, const char *object, hid_t type);

/// Writes behind what is there, start being its length. What lies in one chunk reaches the file before the
/// call returns, where address says (bytes from the start of the file), unless address is NULL.
pencone_status pcn_h5_append(const pcn_h5 *h5, const char *object, hid_t type, int64_t start, int64_t count,
                             const void *values, uint64_t *address);

/// A table of rows of numbers that is written in pieces, all of them.
pencone_status pcn_h5_make_rows(const pcn_h5 *h5, const char *object, hid_t type, int64_t rows, int columns);
pencone_status pcn_h5_write_rows(const pcn_h5 *h5, const char *object, hid_t type, int64_t start,
                                 int64_t rows, const void *values);

/// Length of a list of numbers whose type is of this class and size.
pencone_status pcn_h5_series_length(const pcn_h5 *h5, const char *object, hid_t type, int64_t *out);

/// Reads elements start to start + count - 1.
pencone_status pcn_h5_read_piece(const pcn_h5 *h5, const char *object, hid_t type, int64_t start,
                                 int64_t count, void *out);

/// A second name for the same object.
pencone_status pcn_h5_link(const pcn_h5 *h5, const char *object, const char *name);

#endif

// SPDX-License-Identifier: Apache-2.0
// Lists that grow at their end and are read in pieces.
#include "h5.h"

/// Chunks are written past HDF5's cache: what an append has written is in the file when it returns, whatever
/// becomes of the process. HDF5 does so for chunks larger than the cache, without filters and without fill
/// values.
static hid_t open_series(const pcn_h5 *h5, const char *object) {
  const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  H5Pset_chunk_cache(access, 0, 0, 0);
  const hid_t set = H5Dopen2(h5->file, object, access);
  H5Pclose(access);
  return set;
}

pencone_status pcn_h5_make_series(const pcn_h5 *h5, const char *object, hid_t type) {
  const hsize_t none = 0;
  const hsize_t unlimited = H5S_UNLIMITED;
  const hsize_t chunk = PCN_H5_CHUNK;
  const hid_t space = H5Screate_simple(1, &none, &unlimited);
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(properties, 0);
  H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
  H5Pset_chunk(properties, 1, &chunk);
  const hid_t set = H5Dcreate2(h5->file, object, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  const int closed = H5Dclose(set) >= 0;
  H5Pclose(properties);
  H5Sclose(space);
  return set >= 0 && closed ? PENCONE_OK : pcn_h5_not_written(h5, object);
}

/// Elements start to start + count - 1 of a list, as a selection; negative on failure.
static hid_t select_piece(hid_t set, int64_t start, int64_t count) {
  const hsize_t from = (hsize_t)start;
  const hsize_t length = (hsize_t)count;
  const hid_t space = H5Dget_space(set);
  if (space >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, &from, NULL, &length, NULL) < 0) {
    H5Sclose(space);
    return -1;
  }
  return space;
}

/// Where the chunk of an element lies, in bytes from the start of the file.
static int chunk_address(hid_t set, int64_t element, uint64_t *out) {
  const hsize_t first = (hsize_t)(element / PCN_H5_CHUNK * PCN_H5_CHUNK);
  haddr_t address = HADDR_UNDEF;
  const int got =
      H5Dget_chunk_info_by_coord(set, &first, NULL, &address, NULL) >= 0 && address != HADDR_UNDEF;
  *out = address;
  return got;
}

pencone_status pcn_h5_append(const pcn_h5 *h5, const char *object, hid_t type, int64_t start, int64_t count,
                             const void *values, uint64_t *address) {
  const hsize_t length = (hsize_t)count;
  const hsize_t whole = (hsize_t)(start + count);
  const hid_t set = open_series(h5, object);
  int good = set >= 0 && H5Dset_extent(set, &whole) >= 0;
  const hid_t space = good ? select_piece(set, start, count) : -1;
  const hid_t memory = H5Screate_simple(1, &length, NULL);
  good = good && space >= 0 && H5Dwrite(set, type, memory, space, H5P_DEFAULT, values) >= 0;
  good = good && (address == NULL || chunk_address(set, start, address));
  H5Sclose(memory);
  H5Sclose(space);
  const int closed = H5Dclose(set) >= 0;
  return good && closed && h5->error == 0 ? PENCONE_OK : pcn_h5_not_written(h5, object);
}

// --- tables ------------------------------------------------------------------------------------

pencone_status pcn_h5_make_rows(const pcn_h5 *h5, const char *object, hid_t type, int64_t rows, int columns) {
  const hsize_t size[2] = {(hsize_t)rows, (hsize_t)columns};
  const hid_t space = H5Screate_simple(2, size, NULL);
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(properties, 0);
  H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
  const hid_t set = H5Dcreate2(h5->file, object, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  const int closed = H5Dclose(set) >= 0;
  H5Pclose(properties);
  H5Sclose(space);
  return set >= 0 && closed ? PENCONE_OK : pcn_h5_not_written(h5, object);
}

pencone_status pcn_h5_write_rows(const pcn_h5 *h5, const char *object, hid_t type, int64_t start,
                                 int64_t rows, const void *values) {
  const hid_t set = H5Dopen2(h5->file, object, H5P_DEFAULT);
  const hid_t space = H5Dget_space(set);
  hsize_t size[2] = {0, 0};
  H5Sget_simple_extent_dims(space, size, NULL);
  const hsize_t from[2] = {(hsize_t)start, 0};
  const hsize_t piece[2] = {(hsize_t)rows, size[1]};
  const hid_t memory = H5Screate_simple(2, piece, NULL);
  const int good = H5Sselect_hyperslab(space, H5S_SELECT_SET, from, NULL, piece, NULL) >= 0 &&
                   H5Dwrite(set, type, memory, space, H5P_DEFAULT, values) >= 0;
  H5Sclose(memory);
  H5Sclose(space);
  const int closed = H5Dclose(set) >= 0;
  return good && closed && h5->error == 0 ? PENCONE_OK : pcn_h5_not_written(h5, object);
}

// --- reading -----------------------------------------------------------------------------------

static pencone_status check_series(const pcn_h5 *h5, const char *object, hid_t set, hid_t type,
                                   int64_t *out) {
  const hid_t file_type = H5Dget_type(set);
  const hid_t space = H5Dget_space(set);
  const int same =
      H5Tget_class(file_type) == H5Tget_class(type) && H5Tget_size(file_type) == H5Tget_size(type);
  const int rank = H5Sget_simple_extent_ndims(space);
  const hssize_t length = H5Sget_simple_extent_npoints(space);
  H5Sclose(space);
  H5Tclose(file_type);
  if (!same || rank != 1 || length < 0) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, object,
                       "got another type or %d dimensions, expected a list of %s of %zu bytes", rank,
                       H5Tget_class(type) == H5T_FLOAT ? "numbers" : "whole numbers", H5Tget_size(type));
  }
  *out = (int64_t)length;
  return PENCONE_OK;
}

pencone_status pcn_h5_series_length(const pcn_h5 *h5, const char *object, hid_t type, int64_t *out) {
  if (!pcn_h5_exists(h5, object)) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, object, "missing, expected a list of numbers");
  }
  const hid_t set = H5Dopen2(h5->file, object, H5P_DEFAULT);
  if (set < 0) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, object, "not a readable dataset");
  }
  const pencone_status status = check_series(h5, object, set, type, out);
  H5Dclose(set);
  return status;
}

pencone_status pcn_h5_read_piece(const pcn_h5 *h5, const char *object, hid_t type, int64_t start,
                                 int64_t count, void *out) {
  const hsize_t length = (hsize_t)count;
  const hid_t set = open_series(h5, object);
  const hid_t space = set >= 0 ? select_piece(set, start, count) : -1;
  const hid_t memory = H5Screate_simple(1, &length, NULL);
  const int good = space >= 0 && H5Dread(set, type, memory, space, H5P_DEFAULT, out) >= 0;
  H5Sclose(memory);
  H5Sclose(space);
  const pencone_status status = good ? PENCONE_OK : pcn_h5_not_read(h5, object, set);
  H5Dclose(set);
  return status;
}

// SPDX-License-Identifier: Apache-2.0
// Groups, links, voxel volumes and small tables.
#include <stdio.h>
#include <string.h>

#include "h5.h"

/// Bytes of an element, its type in memory, and its name in messages.
static size_t element_bytes(pcn_h5_type type) {
  static const size_t bytes[] = {sizeof(float), sizeof(int16_t), sizeof(uint8_t), sizeof(int32_t),
                                 sizeof(uint8_t)};
  return bytes[type];
}

static hid_t memory_type(pcn_h5_type type) {
  const hid_t types[] = {H5T_NATIVE_FLOAT, H5T_NATIVE_INT16, H5T_NATIVE_UINT8, H5T_NATIVE_INT32,
                         H5T_NATIVE_UINT8};
  return types[type];
}

static const char *type_name(pcn_h5_type type) {
  static const char *const names[] = {"float32", "int16", "uint8", "int32", "uint8"};
  return names[type];
}

// --- reading -----------------------------------------------------------------------------------

/// HDF5 has no boolean: h5py writes an enum of one byte with the values 0 and 1.
static int is_boolean(hid_t set) {
  const hid_t type = H5Dget_type(set);
  int found = H5Tget_class(type) == H5T_ENUM && H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2;
  for (unsigned i = 0; i < 2 && found; ++i) {
    unsigned char value = 0;
    found = H5Tget_member_value(type, i, &value) >= 0 && value == i;  // h5py's order: FALSE, TRUE
  }
  H5Tclose(type);
  return found;
}

/// The file's type must hold the same values: HDF5 would clamp others without a word.
static pencone_status check_type(const pcn_h5 *h5, const char *object, hid_t set, pcn_h5_type type) {
  const hid_t file_type = H5Dget_type(set);
  const H5T_class_t class = H5Tget_class(file_type);
  const size_t bytes = H5Tget_size(file_type);
  const int is_signed = class == H5T_INTEGER && H5Tget_sign(file_type) == H5T_SGN_2;
  H5Tclose(file_type);
  const int is_byte = (class == H5T_INTEGER && !is_signed && bytes == 1) || is_boolean(set);
  const int fits = type == PCN_H5_FLOAT   ? class == H5T_FLOAT
                   : type == PCN_H5_INT16 ? class == H5T_INTEGER && ((is_signed && bytes <= 2) || bytes == 1)
                   : type == PCN_H5_INT32 ? class == H5T_INTEGER && is_signed && bytes <= 4
                                          : is_byte;
  if (fits) {
    return PENCONE_OK;
  }
  const char *got = class == H5T_FLOAT     ? "float"
                    : class == H5T_INTEGER ? (is_signed ? "int" : "uint")
                    : class == H5T_ENUM    ? "enum"
                                           : "other";
  return pcn_h5_fail(h5, PENCONE_E_FORMAT, object, "got type %s%zu, expected %s", got, 8 * bytes,
                     type_name(type));
}

static pencone_status check_shape(const pcn_h5 *h5, const char *object, hid_t set, const pencone_grid *grid) {
  hsize_t dims[H5S_MAX_RANK] = {0};
  const hid_t space = H5Dget_space(set);
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank > 0) {
    H5Sget_simple_extent_dims(space, dims, NULL);
  }
  H5Sclose(space);
  if (rank != 3) {
    return pcn_h5_fail(h5, PENCONE_E_SHAPE, object, "got %d dimensions, expected 3 (z,y,x)", rank);
  }
  if (dims[0] != (hsize_t)grid->size[2] || dims[1] != (hsize_t)grid->size[1] ||
      dims[2] != (hsize_t)grid->size[0]) {
    return pcn_h5_fail(h5, PENCONE_E_SHAPE, object,
                       "got the shape %llu x %llu x %llu (z,y,x), expected %lld x %lld x %lld by size_xyz",
                       (unsigned long long)dims[0], (unsigned long long)dims[1], (unsigned long long)dims[2],
                       (long long)grid->size[2], (long long)grid->size[1], (long long)grid->size[0]);
  }
  return PENCONE_OK;
}

/// An open dataset whose type and shape are right. @param[out] set  closed by the caller after success
static pencone_status open_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                  const pencone_grid *grid, hid_t *set) {
  if (!pcn_h5_exists(h5, object)) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, object, "missing, expected a dataset of %s", type_name(type));
  }
  *set = H5Dopen2(h5->file, object, H5P_DEFAULT);
  if (*set < 0) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, object, "not a readable dataset, expected %s", type_name(type));
  }
  pencone_status status = check_type(h5, object, *set, type);
  if (status == PENCONE_OK) {
    status = check_shape(h5, object, *set, grid);
  }
  if (status != PENCONE_OK) {
    H5Dclose(*set);
  }
  return status;
}

pencone_status pcn_h5_not_read(const pcn_h5 *h5, const char *object, hid_t set) {
  const hid_t properties = H5Dget_create_plist(set);
  const int filters = properties >= 0 ? H5Pget_nfilters(properties) : 0;
  char name[64] = "";
  int missing = -1;
  for (int i = 0; i < filters && missing < 0; ++i) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    const H5Z_filter_t filter =
        H5Pget_filter2(properties, (unsigned)i, &flags, &values, NULL, sizeof name, name, &config);
    missing = filter >= 0 && H5Zfilter_avail(filter) <= 0 ? filter : -1;
  }
  H5Pclose(properties);
  if (missing >= 0) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, object,
                       "compressed by HDF5's filter %d (%.63s), which is missing here, expected gzip or none",
                       missing, name[0] != '\0' ? name : "no name");
  }
  return pcn_h5_fail(h5, PENCONE_E_FORMAT, object, "values cannot be read, truncated or damaged");
}

static pencone_status read_values(const pcn_h5 *h5, const char *object, hid_t set, pcn_h5_type type,
                                  void *out) {
  if (H5Dread(set, memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0) {
    return pcn_h5_not_read(h5, object, set);
  }
  if (type == PCN_H5_MASK && is_boolean(set)) {
    const hid_t space = H5Dget_space(set);
    const hssize_t voxels = H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    for (hssize_t v = 0; v < voxels; ++v) {
      ((uint8_t *)out)[v] = ((const uint8_t *)out)[v] != 0 ? 255 : 0;
    }
  }
  return PENCONE_OK;
}

pencone_status pcn_h5_check_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                   const pencone_grid *grid) {
  hid_t set = -1;
  PCN_TRY(open_volume(h5, object, type, grid, &set));
  H5Dclose(set);
  return PENCONE_OK;
}

pencone_status pcn_h5_read_into(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                const pencone_grid *grid, void *out) {
  hid_t set = -1;
  PCN_TRY(open_volume(h5, object, type, grid, &set));
  const pencone_status status = read_values(h5, object, set, type, out);
  H5Dclose(set);
  return status;
}

pencone_status pcn_h5_read_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                  const pencone_grid *grid, void **out) {
  hid_t set = -1;
  *out = NULL;
  PCN_TRY(open_volume(h5, object, type, grid, &set));
  void *values = pcn_alloc(h5->ctx, pencone_grid_voxels(grid), element_bytes(type));
  pencone_status status = values != NULL ? read_values(h5, object, set, type, values) : PENCONE_E_MEMORY;
  H5Dclose(set);
  if (status != PENCONE_OK) {
    pcn_free(values);
    return status;
  }
  *out = values;
  return PENCONE_OK;
}

// All numbers of a dataset. @param[out] out  freed by the caller
static pencone_status read_numbers(const pcn_h5 *h5, const char *object, hid_t set, size_t count,
                                   double **out) {
  double *values = pcn_alloc(h5->ctx, count, sizeof *values);
  if (values == NULL) {
    return PENCONE_E_MEMORY;
  }
  if (H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
    pcn_free(values);
    return pcn_h5_not_read(h5, object, set);
  }
  *out = values;
  return PENCONE_OK;
}

static pencone_status read_vector(const pcn_h5 *h5, const char *object, hid_t set, size_t limit,
                                  size_t *count, double **out) {
  const hid_t type = H5Dget_type(set);
  const hid_t space = H5Dget_space(set);
  const H5T_class_t class = H5Tget_class(type);
  const int rank = H5Sget_simple_extent_ndims(space);
  const hssize_t length = H5Sget_simple_extent_npoints(space);
  H5Tclose(type);
  H5Sclose(space);
  if (rank != 1 || (class != H5T_FLOAT && class != H5T_INTEGER) || length < 1 || (size_t)length > limit) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, object,
                       "got %lld values in %d dimensions, expected a list of 1 to %zu numbers",
                       (long long)length, rank, limit);
  }
  *count = (size_t)length;
  return read_numbers(h5, object, set, *count, out);
}

pencone_status pcn_h5_read_vector(const pcn_h5 *h5, const char *object, size_t limit, size_t *count,
                                  double **out) {
  const hid_t set = pcn_h5_exists(h5, object) ? H5Dopen2(h5->file, object, H5P_DEFAULT) : -1;
  *out = NULL;
  if (set < 0) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, object, "missing, expected a list of numbers");
  }
  const pencone_status status = read_vector(h5, object, set, limit, count, out);
  H5Dclose(set);
  return status;
}

static pencone_status check_matrix(const pcn_h5 *h5, const char *object, hid_t set, size_t limit,
                                   size_t size[2]) {
  hsize_t dims[H5S_MAX_RANK] = {0};
  const hid_t type = H5Dget_type(set);
  const hid_t space = H5Dget_space(set);
  const H5T_class_t class = H5Tget_class(type);
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank > 0) {
    H5Sget_simple_extent_dims(space, dims, NULL);
  }
  H5Tclose(type);
  H5Sclose(space);
  if (class != H5T_FLOAT && class != H5T_INTEGER) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, object, "got something else, expected numbers");
  }
  if (rank != 2) {
    return pcn_h5_fail(h5, PENCONE_E_SHAPE, object, "got %d dimensions, expected 2 (y,x)", rank);
  }
  for (int a = 0; a < 2; ++a) {
    size[a] = (size_t)dims[a];
    if (dims[a] < 1 || dims[a] > (hsize_t)limit) {
      return pcn_h5_fail(h5, PENCONE_E_SHAPE, object,
                         "got the shape %llu x %llu (y,x), expected 1 to %zu along each axis",
                         (unsigned long long)dims[0], (unsigned long long)dims[1], limit);
    }
  }
  return PENCONE_OK;
}

static pencone_status read_matrix(const pcn_h5 *h5, const char *object, hid_t set, size_t limit,
                                  size_t size[2], double **out) {
  PCN_TRY(check_matrix(h5, object, set, limit, size));
  return read_numbers(h5, object, set, size[0] * size[1], out);
}

pencone_status pcn_h5_read_matrix(const pcn_h5 *h5, const char *object, size_t limit, size_t size[2],
                                  double **out) {
  const hid_t set = pcn_h5_exists(h5, object) ? H5Dopen2(h5->file, object, H5P_DEFAULT) : -1;
  *out = NULL;
  if (set < 0) {
    return pcn_h5_fail(h5, PENCONE_E_FORMAT, object, "missing, expected a table of numbers (y,x)");
  }
  const pencone_status status = read_matrix(h5, object, set, limit, size, out);
  H5Dclose(set);
  return status;
}

// --- writing -----------------------------------------------------------------------------------

pencone_status pcn_h5_make_group(const pcn_h5 *h5, const char *group) {
  const unsigned order =
      H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;  // structures and beams keep their order
  const hid_t properties = H5Pcreate(H5P_GROUP_CREATE);
  const int set = properties >= 0 && H5Pset_obj_track_times(properties, 0) >= 0 &&
                  H5Pset_link_creation_order(properties, order) >= 0 &&
                  H5Pset_attr_creation_order(properties, order) >= 0;
  const hid_t id = set ? H5Gcreate2(h5->file, group, H5P_DEFAULT, properties, H5P_DEFAULT) : -1;
  H5Pclose(properties);
  return id >= 0 && H5Gclose(id) >= 0 ? PENCONE_OK : pcn_h5_not_written(h5, group);
}

/// A contiguous dataset without time stamps: the same content gives the same bytes.
static hid_t create_dataset(const pcn_h5 *h5, const char *object, hid_t type, hid_t space) {
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(properties, 0);
  H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);  // every value is written
  const hid_t set = H5Dcreate2(h5->file, object, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  H5Pclose(properties);
  return set;
}

/// Copies slice k of a strided array to C order.
static void gather(const pencone_grid *grid, const void *data, size_t bytes, const ptrdiff_t stride[3],
                   int64_t k, void *slice) {
  char *to = slice;
  for (int64_t j = 0; j < grid->size[1]; ++j) {
    for (int64_t i = 0; i < grid->size[0]; ++i) {
      const ptrdiff_t from = (ptrdiff_t)i * stride[0] + (ptrdiff_t)j * stride[1] + (ptrdiff_t)k * stride[2];
      memcpy(to, (const char *)data + from * (ptrdiff_t)bytes, bytes);
      to += bytes;
    }
  }
}

/// Writes a strided array slice by slice. @return 0 when a write failed, else 1; -1 without memory
static int write_slices(const pcn_h5 *h5, hid_t set, hid_t space, pcn_h5_type type, const pencone_grid *grid,
                        const void *data, const ptrdiff_t stride[3]) {
  const hsize_t count[3] = {1, (hsize_t)grid->size[1], (hsize_t)grid->size[0]};
  const size_t bytes = element_bytes(type);
  void *slice = pcn_alloc(h5->ctx, (size_t)(count[1] * count[2]), bytes);
  if (slice == NULL) {
    return -1;
  }
  const hid_t slice_space = H5Screate_simple(3, count, NULL);
  int good = slice_space >= 0;
  for (int64_t k = 0; k < grid->size[2] && good; ++k) {
    const hsize_t start[3] = {(hsize_t)k, 0, 0};
    gather(grid, data, bytes, stride, k, slice);
    good = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
           H5Dwrite(set, memory_type(type), slice_space, space, H5P_DEFAULT, slice) >= 0;
  }
  H5Sclose(slice_space);
  pcn_free(slice);
  return good;
}

static int is_c_order(const pencone_grid *grid, const ptrdiff_t *stride) {
  return stride == NULL || (stride[0] == 0 && stride[1] == 0 && stride[2] == 0) ||
         (stride[0] == 1 && stride[1] == (ptrdiff_t)grid->size[0] &&
          stride[2] == (ptrdiff_t)(grid->size[0] * grid->size[1]));
}

static hid_t create_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type, const pencone_grid *grid) {
  const hsize_t dims[3] = {(hsize_t)grid->size[2], (hsize_t)grid->size[1], (hsize_t)grid->size[0]};
  const hid_t space = H5Screate_simple(3, dims, NULL);
  const hid_t set = create_dataset(h5, object, memory_type(type), space);
  H5Sclose(space);
  return set;
}

/// Writes all values of an open dataset and closes it. @param set  negative: it could not be opened
static pencone_status put_values(const pcn_h5 *h5, const char *object, hid_t set, pcn_h5_type type,
                                 const pencone_grid *grid, const void *data, const ptrdiff_t *stride) {
  int good = set >= 0;
  if (good && is_c_order(grid, stride)) {
    good = H5Dwrite(set, memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
  } else if (good) {
    const hid_t space = H5Dget_space(set);
    good = write_slices(h5, set, space, type, grid, data, stride);
    H5Sclose(space);
  }
  const int closed = H5Dclose(set) >= 0;
  if (good < 0) {
    return PENCONE_E_MEMORY;
  }
  return good && closed && h5->error == 0 ? PENCONE_OK : pcn_h5_not_written(h5, object);
}

pencone_status pcn_h5_write_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                   const pencone_grid *grid, const void *data, const ptrdiff_t *stride) {
  return put_values(h5, object, create_volume(h5, object, type, grid), type, grid, data, stride);
}

pencone_status pcn_h5_make_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                  const pencone_grid *grid) {
  const hid_t set = create_volume(h5, object, type, grid);
  return set >= 0 && H5Dclose(set) >= 0 ? PENCONE_OK : pcn_h5_not_written(h5, object);
}

pencone_status pcn_h5_fill_volume(const pcn_h5 *h5, const char *object, pcn_h5_type type,
                                  const pencone_grid *grid, const void *data) {
  return put_values(h5, object, H5Dopen2(h5->file, object, H5P_DEFAULT), type, grid, data, NULL);
}

pencone_status pcn_h5_write_table(const pcn_h5 *h5, const char *object, hid_t type, int rows, int columns,
                                  const void *values) {
  const hsize_t dims[2] = {(hsize_t)rows, (hsize_t)columns};
  const hid_t space = H5Screate_simple(columns > 0 ? 2 : 1, dims, NULL);
  const hid_t set = create_dataset(h5, object, type, space);
  const int good = set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
  const int closed = H5Dclose(set) >= 0;
  H5Sclose(space);
  return good && closed && h5->error == 0 ? PENCONE_OK : pcn_h5_not_written(h5, object);
}

pencone_status pcn_h5_link(const pcn_h5 *h5, const char *object, const char *name) {
  if (H5Lcreate_hard(h5->file, object, h5->file, name, H5P_DEFAULT, H5P_DEFAULT) < 0) {
    return pcn_h5_not_written(h5, name);
  }
  return PENCONE_OK;
}

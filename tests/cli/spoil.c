// SPDX-License-Identifier: Apache-2.0
// Damages a phantom or dose file in one chosen way, to see what the command says. usage: spoil FILE.h5 HOW
// HOW "/OBJECT" flips a bit in the object's header, whose checksum is then wrong. HOW "map" makes a fluence
// map of 2 x 4 pixels instead, "map-negative" one that has a weight of -1.
#include <hdf5.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/// Replaces an attribute of /pencone; count 0: one value without dimensions.
static int write_attribute(hid_t file, const char *name, hid_t type, hsize_t count, const void *values) {
  int bad = H5Adelete_by_name(file, "/pencone", name, H5P_DEFAULT) < 0;
  const hid_t space = count > 0 ? H5Screate_simple(1, &count, NULL) : H5Screate(H5S_SCALAR);
  const hid_t group = H5Gopen2(file, "/pencone", H5P_DEFAULT);
  const hid_t attribute = H5Acreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  bad = bad || attribute < 0 || H5Awrite(attribute, type, values) < 0;
  H5Aclose(attribute);
  H5Gclose(group);
  H5Sclose(space);
  return bad;
}

static int spoil_spacing(hid_t file, double value) {
  const double spacing[3] = {2, value, 2};
  return write_attribute(file, "spacing_mm", H5T_NATIVE_DOUBLE, 3, spacing);
}

/// Writes one value into voxel (1,0,0).
static int write_voxel(hid_t file, const char *name, hid_t type, const void *value) {
  const hsize_t at[3] = {0, 0, 1};
  const hsize_t one[3] = {1, 1, 1};
  const hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
  const hid_t space = H5Dget_space(set);
  const hid_t memory = H5Screate_simple(3, one, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, at, NULL, one, NULL);
  const int bad = set < 0 || H5Dwrite(set, type, memory, space, H5P_DEFAULT, value) < 0;
  H5Sclose(memory);
  H5Sclose(space);
  H5Dclose(set);
  return bad;
}

/// Puts a small dataset of another shape in the place of the density.
static int spoil_shape(hid_t file) {
  const hsize_t size[3] = {2, 3, 4};
  const float values[24] = {0};
  const hid_t space = H5Screate_simple(3, size, NULL);
  int bad = H5Ldelete(file, "/pencone/density", H5P_DEFAULT) < 0;
  const hid_t set =
      H5Dcreate2(file, "/pencone/density", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  bad = bad || set < 0 || H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0;
  H5Dclose(set);
  H5Sclose(space);
  return bad;
}

/// CT numbers of water in the place of density and material, one of them far outside every curve.
static int spoil_hu(hid_t file) {
  const int hu = 5000;
  hsize_t size[3] = {0, 0, 0};
  const hid_t old = H5Dopen2(file, "/pencone/density", H5P_DEFAULT);
  const hid_t space = H5Dget_space(old);
  H5Sget_simple_extent_dims(space, size, NULL);
  const hid_t set =
      H5Dcreate2(file, "/pencone/hu", H5T_NATIVE_INT16, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const int bad = set < 0 || size[2] < 2;
  H5Dclose(set);
  H5Sclose(space);
  H5Dclose(old);
  return bad || H5Ldelete(file, "/pencone/density", H5P_DEFAULT) < 0 ||
         H5Ldelete(file, "/pencone/material", H5P_DEFAULT) < 0 ||
         write_voxel(file, "/pencone/hu", H5T_NATIVE_INT, &hu);
}

static int spoil_format(hid_t file) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, 8);
  const int bad = write_attribute(file, "format", type, 0, "recipes");
  H5Tclose(type);
  return bad;
}

static int spoil_units(hid_t file) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  const hid_t space = H5Screate(H5S_SCALAR);
  const hid_t set = H5Dopen2(file, "/pencone/density", H5P_DEFAULT);
  H5Tset_size(type, 5);
  const int deleted = H5Adelete(set, "units") >= 0;
  const hid_t attribute = H5Acreate2(set, "units", type, space, H5P_DEFAULT, H5P_DEFAULT);
  const int written = attribute >= 0 && H5Awrite(attribute, type, "kg/m3") >= 0;
  H5Aclose(attribute);
  H5Dclose(set);
  H5Sclose(space);
  H5Tclose(type);
  return !deleted || !written;
}

static int spoil(hid_t file, const char *how) {
  const float nan_value = NAN;
  const float negative = -1.0F;
  const float heavy = 1e6F;
  const int material = 200;
  const int64_t version = 99;
  const int64_t size[3] = {-4, 4, 4};
  if (strcmp(how, "spacing-zero") == 0 || strcmp(how, "spacing-negative") == 0) {
    return spoil_spacing(file, strcmp(how, "spacing-zero") == 0 ? 0 : -2);
  }
  if (strcmp(how, "spacing-nan") == 0) {
    return spoil_spacing(file, NAN);
  }
  if (strcmp(how, "density-nan") == 0) {
    return write_voxel(file, "/pencone/density", H5T_NATIVE_FLOAT, &nan_value);
  }
  if (strcmp(how, "density-negative") == 0) {
    return write_voxel(file, "/pencone/density", H5T_NATIVE_FLOAT, &negative);
  }
  if (strcmp(how, "density-heavy") == 0) {
    return write_voxel(file, "/pencone/density", H5T_NATIVE_FLOAT, &heavy);
  }
  if (strcmp(how, "hu") == 0) {
    return spoil_hu(file);
  }
  if (strcmp(how, "material") == 0) {
    return write_voxel(file, "/pencone/material", H5T_NATIVE_INT, &material);
  }
  if (strcmp(how, "units") == 0) {
    return spoil_units(file);
  }
  if (strcmp(how, "version") == 0) {
    return write_attribute(file, "format_version", H5T_NATIVE_INT64, 0, &version);
  }
  if (strcmp(how, "size") == 0) {
    return write_attribute(file, "size_xyz", H5T_NATIVE_INT64, 3, size);
  }
  if (strcmp(how, "shape") == 0) {
    return spoil_shape(file);
  }
  if (strcmp(how, "format") == 0) {
    return spoil_format(file);
  }
  if (strcmp(how, "no-spacing") == 0) {
    return H5Adelete_by_name(file, "/pencone", "spacing_mm", H5P_DEFAULT) < 0;
  }
  if (strcmp(how, "no-density") == 0) {
    return H5Ldelete(file, "/pencone/density", H5P_DEFAULT) < 0;
  }
  if (strcmp(how, "foreign") == 0) {
    return H5Ldelete(file, "/pencone", H5P_DEFAULT) < 0;
  }
  fprintf(stderr, "spoil: unknown way '%s'\n", how);
  return 1;
}

/// A new file; column 0 and row 0 at the lowest x and y.
static int make_map(const char *path, double last_but_one) {
  const double weight[2][4] = {{0, 0, 0, 1}, {0, 0, last_but_one, 0}};
  const hsize_t size[2] = {2, 4};
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(2, size, NULL);
  const hid_t set =
      H5Dcreate2(file, "fluence_map", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const int bad = H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, weight) < 0;
  H5Dclose(set);
  H5Sclose(space);
  return H5Fclose(file) < 0 || bad;
}

static int spoil_header(const char *path, const char *object) {
  H5O_info_t info = {0};
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  int bad = H5Oget_info_by_name(file, object, &info, H5P_DEFAULT) < 0;
  H5Fclose(file);
  FILE *bytes = bad ? NULL : fopen(path, "r+b");
  if (bytes == NULL) {
    return 1;
  }
  const long at = (long)info.addr + 20;  // behind signature, version, flags and size
  bad = fseek(bytes, at, SEEK_SET) != 0;
  const int byte = fgetc(bytes);
  bad = bad || byte == EOF || fseek(bytes, at, SEEK_SET) != 0 || fputc(byte ^ 1, bytes) == EOF;
  return fclose(bytes) != 0 || bad;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    return 2;
  }
  if (strcmp(argv[2], "map") == 0 || strcmp(argv[2], "map-negative") == 0) {
    return make_map(argv[1], strcmp(argv[2], "map") == 0 ? 0 : -1);
  }
  if (argv[2][0] == '/') {
    return spoil_header(argv[1], argv[2]);
  }
  const hid_t file = H5Fopen(argv[1], H5F_ACC_RDWR, H5P_DEFAULT);
  if (file < 0) {
    return 1;
  }
  const int bad = spoil(file, argv[2]);
  return H5Fclose(file) < 0 || bad;
}

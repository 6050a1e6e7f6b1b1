// SPDX-License-Identifier: Apache-2.0
// VTKHDF ImageData 1.0 and ITK's HDF5 image. What the readers need, each found by trial: PointData (VTK 9.1
// does not read CellData), an empty MetaData group (ITK), no text as a dataset (Octave's load fails on it).
#include "views.h"

#include <stdio.h>
#include <string.h>

static pencone_status begin_vtk(const pcn_h5 *h5, const pencone_grid *grid, const char *name) {
  static const int64_t version[2] = {1, 0};
  static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  const int64_t extent[6] = {0, grid->size[0] - 1, 0, grid->size[1] - 1, 0, grid->size[2] - 1};
  PCN_TRY(pcn_h5_make_group(h5, "/VTKHDF"));
  PCN_TRY(pcn_h5_make_group(h5, "/VTKHDF/PointData"));
  PCN_TRY(pcn_h5_write_integers(h5, "/VTKHDF", "Version", 2, version));
  PCN_TRY(pcn_h5_write_ascii(h5, "/VTKHDF", "Type", "ImageData"));
  PCN_TRY(pcn_h5_write_integers(h5, "/VTKHDF", "WholeExtent", 6, extent));
  PCN_TRY(pcn_h5_write_doubles(h5, "/VTKHDF", "Origin", 3, grid->origin_mm));
  PCN_TRY(pcn_h5_write_doubles(h5, "/VTKHDF", "Spacing", 3, grid->spacing_mm));
  PCN_TRY(pcn_h5_write_doubles(h5, "/VTKHDF", "Direction", 9, identity));
  return pcn_h5_write_ascii(h5, "/VTKHDF/PointData", "Scalars", name);
}

static pencone_status begin_itk(const pcn_h5 *h5, const pencone_grid *grid) {
  static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  const uint64_t size[3] = {(uint64_t)grid->size[0], (uint64_t)grid->size[1], (uint64_t)grid->size[2]};
  PCN_TRY(pcn_h5_make_group(h5, "/ITKImage"));
  PCN_TRY(pcn_h5_make_group(h5, "/ITKImage/0"));
  PCN_TRY(pcn_h5_make_group(h5, "/ITKImage/0/MetaData"));
  PCN_TRY(pcn_h5_write_table(h5, "/ITKImage/0/Dimension", H5T_NATIVE_UINT64, 3, 0, size));
  PCN_TRY(pcn_h5_write_table(h5, "/ITKImage/0/Origin", H5T_NATIVE_DOUBLE, 3, 0, grid->origin_mm));
  PCN_TRY(pcn_h5_write_table(h5, "/ITKImage/0/Spacing", H5T_NATIVE_DOUBLE, 3, 0, grid->spacing_mm));
  return pcn_h5_write_table(h5, "/ITKImage/0/Directions", H5T_NATIVE_DOUBLE, 3, 3, identity);
}

pencone_status pcn_views_begin(const pcn_h5 *h5, const pencone_grid *grid, const char *first,
                               const char *name) {
  PCN_TRY(begin_vtk(h5, grid, name));
  PCN_TRY(begin_itk(h5, grid));
  PCN_TRY(pcn_h5_link(h5, first, "/ITKImage/0/VoxelData"));
  return pcn_views_add(h5, first, name);
}

pencone_status pcn_views_add(const pcn_h5 *h5, const char *object, const char *name) {
  char link[2 * PCN_H5_NAME];
  snprintf(link, sizeof link, "/VTKHDF/PointData/%s", name);
  return pcn_h5_link(h5, object, link);
}

// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_GRID_H
#define PENCONE_GRID_H

#include <pencone/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A regular voxel grid in patient axes (DICOM LPS, mm), axes parallel to the patient's.
/// Arrays on it are C order [z][y][x], x fastest: index = (k * size[1] + j) * size[0] + i.
typedef struct pencone_grid {
  int64_t size[3];       ///< voxels along x, y, z; 1 or more
  double spacing_mm[3];  ///< voxel edge along x, y, z; > 0
  double origin_mm[3];   ///< centre of voxel (0,0,0)
} pencone_grid;

/// Checks sizes (1 to 32767 per axis, at most 2^31 - 1 voxels), spacing (finite, > 0) and origin (finite).
/// @return PENCONE_OK, PENCONE_E_ARGUMENT (NULL) or PENCONE_E_RANGE with the value in the error text.
PENCONE_API pencone_status pencone_grid_check(pencone_context *ctx, const pencone_grid *grid);

/// Number of voxels of a grid that passed pencone_grid_check().
PENCONE_API size_t pencone_grid_voxels(const pencone_grid *grid);

/// Centre of voxel (i,j,k) in mm; indices may lie outside the grid.
PENCONE_API void pencone_grid_centre(const pencone_grid *grid, int64_t i, int64_t j, int64_t k,
                                     double xyz_mm[3]);

/// 1 when sizes agree and spacings and origins agree to 1e-6 mm, else 0.
PENCONE_API int pencone_grid_equal(const pencone_grid *a, const pencone_grid *b);

#ifdef __cplusplus
}
#endif
#endif

// SPDX-License-Identifier: Apache-2.0
// Voxels of a dose grid that structures touch.
#include "mask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/// Index of the voxel of one grid in which the centre of another's voxel lies; -1: none.
static int64_t voxel_around(const pencone_grid *grid, const pencone_grid *other, int64_t i, int64_t j,
                            int64_t k) {
  double at_mm[3];
  int64_t index[3];
  pencone_grid_centre(other, i, j, k, at_mm);
  for (int axis = 0; axis < 3; ++axis) {
    index[axis] = (int64_t)floor((at_mm[axis] - grid->origin_mm[axis]) / grid->spacing_mm[axis] + 0.5 + 1e-9);
    if (index[axis] < 0 || index[axis] >= grid->size[axis]) {
      return -1;
    }
  }
  return (index[2] * grid->size[1] + index[1]) * grid->size[0] + index[0];
}

/// Marks what one structure touches: its voxels' centres, or the centres of the dose's voxels.
static void mark(const pencone_grid *ct, const uint8_t *share, const pencone_grid *grid, int by_dose,
                 uint8_t *mask) {
  const pencone_grid *walked = by_dose ? grid : ct;
  const pencone_grid *around = by_dose ? ct : grid;
  int64_t here = 0;
  for (int64_t k = 0; k < walked->size[2]; ++k) {
    for (int64_t j = 0; j < walked->size[1]; ++j) {
      for (int64_t i = 0; i < walked->size[0]; ++i, ++here) {
        const int64_t there = voxel_around(around, walked, i, j, k);
        if (there >= 0 && share[by_dose ? there : here] > 0) {
          mask[by_dose ? here : there] = 1;
        }
      }
    }
  }
}

static int find_structure(const pencone_phantom *phantom, const char *name) {
  for (int i = 0; i < pencone_phantom_structure_count(phantom); ++i) {
    if (strcmp(pencone_phantom_structure_name(phantom, i), name) == 0) {
      return i;
    }
  }
  return -1;
}

int cli_mask_make(cli_session *session, const pencone_phantom *phantom, const pencone_grid *grid,
                  const cli_texts *structures, uint8_t **mask) {
  const pencone_grid *ct = &pencone_phantom_describe(phantom)->grid;
  *mask = structures->count > 0 ? calloc(pencone_grid_voxels(grid), 1) : NULL;
  if (structures->count > 0 && *mask == NULL) {
    return cli_error(session, CLI_RUN, "no memory left");
  }
  for (int s = 0; s < structures->count; ++s) {
    const int i = find_structure(phantom, structures->text[s]);
    if (i < 0) {
      return cli_error(session, CLI_INPUT,
                       "--structure: got '%s', expected a structure of the phantom ('pencone info' "
                       "lists them)",
                       structures->text[s]);
    }
    mark(ct, pencone_phantom_structure_mask(phantom, i), grid, 0, *mask);
    mark(ct, pencone_phantom_structure_mask(phantom, i), grid, 1, *mask);
  }
  return CLI_GO_ON;
}

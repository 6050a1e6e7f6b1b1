// SPDX-License-Identifier: Apache-2.0
// A phantom recipe in memory, and how voxels are made of it.
#ifndef PCN_RECIPE_H
#define PCN_RECIPE_H

#include <pencone/phantom.h>

#include "shape.h"

enum { PCN_RECIPE_ITEMS = 1000, PCN_RECIPE_MATERIALS = 64, PCN_RECIPE_STRUCTURES = 64, PCN_RECIPE_PARTS = 8 };

/// A body: inside its first shape, inside every shape of `within`, and in none of `without`.
typedef struct pcn_body {
  int count;  ///< shapes used below
  pcn_shape shape[PCN_RECIPE_PARTS];
  int is_without[PCN_RECIPE_PARTS];
  int material;          ///< index, or -1: makes a mask only
  double density_g_cm3;  ///< where material >= 0
  int structure;         ///< index, or -1
} pcn_body;

/// A structure: the union of the bodies that name it.
typedef struct pcn_recipe_structure {
  const char *name, *type, *colour;  ///< live as the document; type and colour may be NULL
} pcn_recipe_structure;

/// The recipe. Body 0 is the background: everywhere.
typedef struct pcn_recipe {
  pencone_grid grid;
  int bodies, materials, structures;
  pcn_body *body;
  const char *material_name[PCN_RECIPE_MATERIALS];  ///< static storage
  pcn_recipe_structure structure[PCN_RECIPE_STRUCTURES];
} pcn_recipe;

/// Reads a recipe. @param[out] out  body is freed by pcn_free(), also after a failure; texts live as the
/// document
pencone_status pcn_recipe_read(const pcn_yaml *yaml, pcn_recipe *out);

/// Fills the voxels: density (means of 4 x 4 x 4 points where a surface passes), material (the one with the
/// largest share), and one mask per structure (share of the voxel, 255: all), each in C order.
void pcn_recipe_paint(pencone_context *ctx, const pcn_recipe *recipe, float *density, uint8_t *material,
                      uint8_t *const *masks);

#endif

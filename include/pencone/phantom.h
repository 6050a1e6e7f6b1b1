// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_PHANTOM_H
#define PENCONE_PHANTOM_H

#include <pencone/grid.h>
#include <pencone/material.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What the beam meets: a grid with CT numbers and/or mass densities, optional materials, and structures.
typedef struct pencone_phantom pencone_phantom;

/// A phantom on the caller's arrays. Start from PENCONE_PHANTOM_DESC_DEFAULT. At least one of hu and
/// density must be given; with both, density counts and hu is kept for display. All arrays are
/// indexed by stride (in elements, along x, y, z); stride 0,0,0 means C order, x fastest.
typedef struct pencone_phantom_desc {
  size_t struct_size;
  pencone_grid grid;
  const int16_t *hu;        ///< HU, -1024 to 3071
  const float *density;     ///< g/cm3, 0 to 25, finite
  const uint8_t *material;  ///< index into material_names; NULL: from the HU curve, by hu, else by density
  const char *const *material_names;  ///< names known to pencone_material_find()
  int material_count;
  ptrdiff_t stride[3];
  pencone_hu_curve hu_curve;
} pencone_phantom_desc;

// clang-format off
#define PENCONE_PHANTOM_DESC_DEFAULT {sizeof(pencone_phantom_desc), {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}, \
                                      0, 0, 0, 0, 0, {0, 0, 0}, PENCONE_HU_SCHNEIDER2000}
// clang-format on

/// Creates a phantom on borrowed arrays: they must outlive it and stay unchanged. Every value is checked.
/// @param[out] out  owned by the caller. @return PENCONE_OK, E_ARGUMENT, E_RANGE (voxel and value in the
/// text), E_MISSING (unknown material) or E_MEMORY.
PENCONE_API pencone_status pencone_phantom_borrow(pencone_context *ctx, const pencone_phantom_desc *desc,
                                                  pencone_phantom **out);

/// Like pencone_phantom_borrow(), with a copy of the arrays in C order.
PENCONE_API pencone_status pencone_phantom_copy(pencone_context *ctx, const pencone_phantom_desc *desc,
                                                pencone_phantom **out);

/// Frees a phantom; NULL is allowed.
PENCONE_API void pencone_phantom_destroy(pencone_phantom *phantom);

/// What the phantom is made of; pointers stay valid until it is destroyed.
PENCONE_API const pencone_phantom_desc *pencone_phantom_describe(const pencone_phantom *phantom);

/// Mass density of voxel (i,j,k) in g/cm3: the density array, or the HU curve. Indices must be inside. Any
/// thread.
PENCONE_API double pencone_phantom_density_at(const pencone_phantom *phantom, int64_t i, int64_t j,
                                              int64_t k);

/// Adds a structure: a mask with 0 outside, 255 inside, between: the share of the voxel, copied.
/// @param mask  uint8, C order, the phantom's grid. @return PENCONE_OK, E_ARGUMENT (no or a used name),
/// E_MEMORY.
PENCONE_API pencone_status pencone_phantom_add_structure(pencone_context *ctx, pencone_phantom *phantom,
                                                         const char *name, const uint8_t *mask);

/// Sets the texts that viewers want of the i-th structure, copied: its type (a word of DICOM (3006,00A4) such
/// as "PTV" or "ORGAN") and its colour ("#rrggbb"). NULL: none.
/// @return PENCONE_OK, E_ARGUMENT (no such structure), E_MEMORY (nothing has changed).
PENCONE_API pencone_status pencone_phantom_label_structure(pencone_context *ctx, pencone_phantom *phantom,
                                                           int i, const char *type, const char *colour);

/// Type and colour of the i-th structure; NULL when it has none.
PENCONE_API const char *pencone_phantom_structure_type(const pencone_phantom *phantom, int i);
PENCONE_API const char *pencone_phantom_structure_colour(const pencone_phantom *phantom, int i);

/// Number of structures; name and mask (C order, phantom's grid) of the i-th, NULL outside the range.
PENCONE_API int pencone_phantom_structure_count(const pencone_phantom *phantom);
PENCONE_API const char *pencone_phantom_structure_name(const pencone_phantom *phantom, int i);
PENCONE_API const uint8_t *pencone_phantom_structure_mask(const pencone_phantom *phantom, int i);

#ifdef __cplusplus
}
#endif
#endif

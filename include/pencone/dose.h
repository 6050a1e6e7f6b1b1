// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_DOSE_H
#define PENCONE_DOSE_H

#include <pencone/grid.h>
#include <pencone/phantom.h>
#include <pencone/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A dose distribution: voxel means in Gy, C order, with optional parts per beam, structures and provenance.
typedef struct pencone_dose pencone_dose;

/// Creates a dose of zeros on a grid. @param[out] out owned by the caller.
PENCONE_API pencone_status pencone_dose_create(pencone_context *ctx, const pencone_grid *grid,
                                               pencone_dose **out);

/// A dose on the caller's own array (float, Gy, C order, one value per voxel); it must outlive the dose.
PENCONE_API pencone_status pencone_dose_borrow(pencone_context *ctx, const pencone_grid *grid, float *values,
                                               pencone_dose **out);
PENCONE_API void pencone_dose_destroy(pencone_dose *dose);

PENCONE_API const pencone_grid *pencone_dose_grid_of(const pencone_dose *dose);
PENCONE_API float *pencone_dose_values(pencone_dose *dose);
PENCONE_API const float *pencone_dose_values_const(const pencone_dose *dose);

/// Units ("Gy", or "Gy cm2" per unit fluence) and quantity ("dose to medium"); text is copied.
PENCONE_API pencone_status pencone_dose_set_units(pencone_context *ctx, pencone_dose *dose, const char *units,
                                                  const char *quantity, const char *normalisation);
PENCONE_API const char *pencone_dose_units(const pencone_dose *dose);
PENCONE_API const char *pencone_dose_quantity(const pencone_dose *dose);
PENCONE_API const char *pencone_dose_normalisation(const pencone_dose *dose);

/// Provenance: name and text, in the order they were set; setting a name again replaces its text.
PENCONE_API pencone_status pencone_dose_set_provenance(pencone_context *ctx, pencone_dose *dose,
                                                       const char *name, const char *text);
PENCONE_API int pencone_dose_provenance_count(const pencone_dose *dose);
PENCONE_API const char *pencone_dose_provenance_name(const pencone_dose *dose, int i);
PENCONE_API const char *pencone_dose_provenance_text(const pencone_dose *dose, int i);

/// Dose of one beam: adds a part of zeros and gives its values; parts share the grid.
PENCONE_API pencone_status pencone_dose_add_part(pencone_context *ctx, pencone_dose *dose, const char *beam,
                                                 float **values);
PENCONE_API int pencone_dose_part_count(const pencone_dose *dose);
PENCONE_API const char *pencone_dose_part_name(const pencone_dose *dose, int i);
PENCONE_API const float *pencone_dose_part_values(const pencone_dose *dose, int i);

/// Further volumes of the plan or of a beam, by name: "let" (dose-averaged LET, keV/um), "rbe_dose"
/// (RBE-weighted dose, Gy (RBE)). They share the grid; a calculation replaces them all. docs/formats.md has
/// the names. Adds a volume of zeros. @param beam  NULL: of the plan; all texts are copied. @param[out]
/// values  may be NULL
/// @return PENCONE_OK, E_ARGUMENT (an empty name, or one that the plan or beam has already), E_MEMORY.
PENCONE_API pencone_status pencone_dose_add_volume(pencone_context *ctx, pencone_dose *dose, const char *beam,
                                                   const char *name, const char *units, const char *quantity,
                                                   float **values);
PENCONE_API int pencone_dose_volume_count(const pencone_dose *dose);
/// Of the i-th volume; NULL outside 0..count-1, and the beam is NULL for the plan's.
PENCONE_API const char *pencone_dose_volume_name(const pencone_dose *dose, int i);
PENCONE_API const char *pencone_dose_volume_beam(const pencone_dose *dose, int i);
PENCONE_API const char *pencone_dose_volume_units(const pencone_dose *dose, int i);
PENCONE_API const char *pencone_dose_volume_quantity(const pencone_dose *dose, int i);
PENCONE_API const float *pencone_dose_volume_values(const pencone_dose *dose, int i);
/// Values of a volume by name; NULL when there is none. @param beam  NULL: of the plan
PENCONE_API const float *pencone_dose_volume_find(const pencone_dose *dose, const char *beam,
                                                  const char *name);

/// Dose at a point by trilinear interpolation between voxel centres; in the outer half voxel the
/// nearest voxels' value. NaN outside the grid. Any thread.
PENCONE_API double pencone_dose_at(const pencone_dose *dose, const double xyz_mm[3]);

#ifdef __cplusplus
}
#endif
#endif

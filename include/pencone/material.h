// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_MATERIAL_H
#define PENCONE_MATERIAL_H

#include <pencone/context.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PENCONE_ELEMENTS_MAX = 16 };

/// A medium by its composition. Plain value; the library's own are in a table (pencone_material_find()).
typedef struct pencone_material {
  char name[32];
  double density_g_cm3;                        ///< nominal mass density
  int elements;                                ///< number of entries used below
  int atomic_number[PENCONE_ELEMENTS_MAX];     ///< Z
  double mass_fraction[PENCONE_ELEMENTS_MAX];  ///< sum 1
  double z_over_a;                             ///< sum w Z/A, mol/g
  double z2_over_a;                            ///< sum w Z^2/A, mol/g: pair production per mass
  double mean_excitation_ev;                   ///< Bragg additivity, eV
} pencone_material;

/// Finds a standard material: water air lung adipose muscle soft-tissue cortical-bone aluminium pmma
/// titanium.
/// @param[out] out  filled on success. @return PENCONE_OK or PENCONE_E_MISSING (the text lists the names).
PENCONE_API pencone_status pencone_material_find(pencone_context *ctx, const char *name,
                                                 pencone_material *out);

/// Number of standard materials, and the i-th (NULL outside 0..count-1). Static storage. Any thread.
PENCONE_API int pencone_material_count(void);
PENCONE_API const pencone_material *pencone_material_at(int i);

/// A relation between Hounsfield units, density and composition.
typedef enum pencone_hu_curve {
  PENCONE_HU_SCHNEIDER2000 = 0,  ///< Schneider, Bortfeld, Schlegel 2000, doi:10.1088/0031-9155/45/2/314:
                                 ///< density, 24 tissues, titanium
  PENCONE_HU_BILINEAR = 1        ///< relative electron density in two straight lines, composition of water
} pencone_hu_curve;

/// Name of a curve ("schneider2000", "bilinear"); NULL for an unknown value.
PENCONE_API const char *pencone_hu_curve_name(pencone_hu_curve curve);

/// Finds a curve by name. @return PENCONE_OK or PENCONE_E_MISSING.
PENCONE_API pencone_status pencone_hu_curve_find(pencone_context *ctx, const char *name,
                                                 pencone_hu_curve *out);

/// Density and composition for a CT number.
/// @param hu  valid from -1024 to 3071 (12-bit CT). Below -1000 counts as air at -1000.
/// @param[out] density_g_cm3  mass density; may be NULL
/// @param[out] material  composition; may be NULL
/// @return PENCONE_OK or PENCONE_E_RANGE. Any thread.
PENCONE_API pencone_status pencone_hu_convert(pencone_context *ctx, pencone_hu_curve curve, double hu,
                                              double *density_g_cm3, pencone_material *material);

#ifdef __cplusplus
}
#endif
#endif

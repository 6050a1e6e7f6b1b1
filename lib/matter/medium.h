// SPDX-License-Identifier: Apache-2.0
// What photons meet: a phantom resampled on the calculation grid, as densities that add up.
#ifndef PCN_MEDIUM_H
#define PCN_MEDIUM_H

#include <pencone/phantom.h>

/// Volumes on one grid, voxel means in C order. Attenuation of any tissue is that of electron_density and
/// aluminium together (two basis materials, Alvarez and Macovski 1976, doi:10.1088/0031-9155/21/5/002;
/// docs/theory/terma.md, eq. 3): mu = water * mu_water/rho + aluminium * mu_aluminium/rho.
typedef struct pcn_medium {
  pencone_grid grid;
  float *density;           ///< g/cm3
  float *electron_density;  ///< relative to water of 1 g/cm3
  float *aluminium;         ///< g/cm3 of the aluminium part; negative for fat
  float densest;            ///< largest electron density; 0: not known
  int has_aluminium;        ///< 0 when all of it is water, whatever its density
  float *stopping;          ///< for protons, else NULL: stopping power relative to water of 1 g/cm3
  float *scattering;        ///< for protons, else NULL: scattering power relative to water of 1 g/cm3
} pcn_medium;

/// Parts of one gram of a material.
typedef struct pcn_basis {
  double electrons;             ///< electrons per gram relative to water
  double water;                 ///< g of water
  double aluminium;             ///< g of aluminium
  double stopping, scattering;  ///< of protons, per gram relative to water; lib/matter/proton_ratio.h
} pcn_basis;

/// Splits a material into the two basis materials so that electrons (Compton) and sum w Z^2/A (pairs) agree.
pcn_basis pcn_basis_of(const pencone_material *material);

/// Grams of water per unit of relative electron density, less the electrons of the aluminium part.
static inline double pcn_basis_water(double electron_density, double aluminium, double aluminium_electrons) {
  return electron_density - aluminium_electrons * aluminium;
}

/// Share of a voxel's electrons that is aluminium's; negative in fat.
float pcn_medium_aluminium_share(const pcn_medium *medium, size_t voxel);

/// The grid with a given spacing that covers a phantom's grid, centred on it; the phantom's own when the
/// spacing is the same. Spacing 0,0,0: the phantom's own.
void pcn_medium_grid(const pencone_grid *phantom, const double spacing_mm[3], pencone_grid *out);

/// Resamples a phantom; mass and electrons are conserved. @param progress  where it starts and its span
/// @param[out] out freed by pcn_medium_free(). @return PENCONE_OK, E_MEMORY, E_CANCELLED.
pencone_status pcn_medium_make(pencone_context *ctx, const pencone_phantom *phantom, const pencone_grid *grid,
                               const double progress[2], pcn_medium *out);

/// The same with the volumes that protons need; energy loss and scattering are conserved.
pencone_status pcn_medium_make_proton(pencone_context *ctx, const pencone_phantom *phantom,
                                      const pencone_grid *grid, const double progress[2], pcn_medium *out);
void pcn_medium_free(pcn_medium *medium);

#endif

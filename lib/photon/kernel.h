// SPDX-License-Identifier: Apache-2.0
// Point kernels: where the energy goes that photons release at a point of water.
#ifndef PCN_KERNEL_H
#define PCN_KERNEL_H

#include <pencone/machine.h>

enum { PCN_KERNEL_ENERGIES = 20, PCN_KERNEL_RADII = 24, PCN_KERNEL_ANGLES = 48 };

/// What happens to released energy: primary is left by the charged particles of the first interaction,
/// scatter by everything that follows.
typedef enum pcn_part { PCN_PRIMARY = 0, PCN_SCATTER = 1, PCN_PARTS = 2 } pcn_part;

/// Fractions of the released energy in spherical bins around the interaction (lib/data/edk_water.csv).
typedef struct pcn_edk {
  double energy_mev[PCN_KERNEL_ENERGIES];
  double radius_g_cm2[PCN_KERNEL_RADII + 1];
  double angle_deg[PCN_KERNEL_ANGLES + 1];  ///< from the photon's direction
  float bin[PCN_KERNEL_ENERGIES][PCN_PARTS][PCN_KERNEL_ANGLES][PCN_KERNEL_RADII];
} pcn_edk;

/// Loads the shipped kernels. @param[out] out freed by pcn_free().
pencone_status pcn_edk_load(pencone_context *ctx, pcn_edk **out);

/// Share of the released energy that a part leaves within the last radius, at an energy between the tables'
/// (linear in log E; the end values outside).
double pcn_edk_share(const pcn_edk *edk, pcn_part part, double energy_mev);

/// Kernel of a spectrum, each part normalised to 1, as it is used: what is left within a radius.
typedef struct pcn_kernel {
  double radius_g_cm2[PCN_KERNEL_RADII + 1];
  double angle_deg[PCN_KERNEL_ANGLES + 1];
  /// [part][angle bin][radius bound]: fraction of the part's energy in this angle bin within this radius
  double within[PCN_PARTS][PCN_KERNEL_ANGLES][PCN_KERNEL_RADII + 1];
} pcn_kernel;

/// Mixes the kernels of a spectrum. @param weight  per energy and part, the energy released times the
/// part's share; any normalisation
void pcn_kernel_mix(const pcn_edk *edk, double weight[PCN_KERNEL_ENERGIES][PCN_PARTS], pcn_kernel *out);

/// Splits a weight at an energy over the two neighbours in the tables (linear in log E).
void pcn_edk_neighbours(const pcn_edk *edk, double energy_mev, int index[2], double share[2]);

/// Energy of a part per steradian at an angle, linear between bin centres in cos(angle).
double pcn_kernel_per_sr(const pcn_kernel *kernel, pcn_part part, double cosine);

/// Fraction of a part's energy per steradian left within a radius in a direction: piecewise linear in radius.
double pcn_kernel_within(const pcn_kernel *kernel, pcn_part part, double cosine, double radius_g_cm2);

#endif

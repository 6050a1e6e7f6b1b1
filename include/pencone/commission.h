// SPDX-License-Identifier: Apache-2.0
// Fits of machines to measurements, and physics of beams: the library libpencone-commission, which links GSL
// (GPL-3). Not part of pencone.h: who includes it means it. Present in builds with commissioning (meson
// option).
//
// Threads: one call at a time in a process. GSL has one error handler for all; it is off during a call, then
// back. libpencone and libpencone-commission must be of one version; calls check it (E_UNSUPPORTED).
#ifndef PENCONE_COMMISSION_H
#define PENCONE_COMMISSION_H

#include <pencone/machine.h>
#include <pencone/measurement.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- photons (docs/theory/commissioning.md) --------------------------------------------------------

/// How a photon machine is fitted. Start from PENCONE_PHOTON_FIT_DEFAULT, which lacks the energy.
typedef struct pencone_photon_fit {
  size_t struct_size;
  const char *name;      ///< of the machine to be made
  double nominal_mv;     ///< accelerating voltage, 2 to 20: where the fit begins
  double sad_mm;         ///< source to isocentre, 300 to 5000
  double beyond_max_mm;  ///< a curve counts from this far beyond its largest dose (no contamination there), 0
                         ///< to 200
} pencone_photon_fit;

#define PENCONE_PHOTON_FIT_DEFAULT \
  { sizeof(pencone_photon_fit), "fitted", 0, 1000, 10 }

/// What a photon fit found. Set struct_size first (PENCONE_PHOTON_FOUND_DEFAULT).
typedef struct pencone_photon_found {
  size_t struct_size;
  double max_energy_mev;                   ///< kinetic energy of the electrons
  double aluminium_g_cm2, titanium_g_cm2;  ///< equivalent filters that shape the spectrum
  double mean_energy_mev;                  ///< mean photon energy, by number
  double rms_pct;                          ///< of measured / computed - 1 over the points that count
  int rounds;                              ///< of fit and full calculation
} pencone_photon_found;

#define PENCONE_PHOTON_FOUND_DEFAULT \
  { sizeof(pencone_photon_found), 0, 0, 0, 0, 0, 0 }

/// How well one curve is met: by the fitted machine with photon-collapsed-cone at its default quality.
typedef struct pencone_fit_curve {
  int points;               ///< that count
  double from_mm;           ///< first depth that counts
  double scale;             ///< measured unit per Gy and per photon/cm2 in the isocentre plane
  double rms_pct, max_pct;  ///< of measured / (scale * computed) - 1; max with its sign
  double max_at_mm;         ///< depth of the largest
} pencone_fit_curve;

/// Fits the spectrum of an ideal machine (point source, flat, no contamination) to depth doses.
/// @param[out] machine  owned by the caller. @param[out] curve  one per curve of the measurement; may be NULL
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (a curve with fewer than 3 points that count), E_NUMERIC (no fit),
/// E_MEMORY, E_CANCELLED, E_UNSUPPORTED (another libpencone).
PENCONE_API pencone_status pencone_photon_fit_run(pencone_context *ctx,
                                                  const pencone_measurement *measurement,
                                                  const pencone_photon_fit *fit, pencone_machine **machine,
                                                  pencone_photon_found *found, pencone_fit_curve *curve);

/// How kernels of the pencil beam are fitted. Start from PENCONE_KERNEL_FIT_DEFAULT, which lacks the energy.
typedef struct pencone_kernel_fit {
  size_t struct_size;
  pencone_photon_fit photon;  ///< name of the machine, and how its spectrum is fitted
  const pencone_machine
      *spectrum;  ///< a machine whose spectrum and distances are taken instead; NULL: they are fitted
  pencone_output_kind kind;  ///< of the output factors, for the machine's description
} pencone_kernel_fit;

#define PENCONE_KERNEL_FIT_DEFAULT \
  { sizeof(pencone_kernel_fit), PENCONE_PHOTON_FIT_DEFAULT, 0, PENCONE_PHANTOM_SCATTER }

/// What a fit of kernels found. Set struct_size first (PENCONE_KERNEL_FOUND_DEFAULT).
typedef struct pencone_kernel_found {
  size_t struct_size;
  pencone_photon_found photon;    ///< of the spectrum, where it was fitted
  double rms_pct;                 ///< of measured / computed - 1, all points from each curve's maximum on
  double factor_min, factor_max;  ///< of the fitted kernels over those of the spectrum
} pencone_kernel_found;

#define PENCONE_KERNEL_FOUND_DEFAULT \
  { sizeof(pencone_kernel_found), PENCONE_PHOTON_FOUND_DEFAULT, 0, 0, 0 }

/// Fits the kernels of photon-pencil-beam to depth doses or tissue-phantom ratios that are in one unit
/// (pencone_measurement_scale()). Absolute dose is that of the spectrum 10 cm deep in the field nearest to 10
/// cm.
/// @param measurement  3 field sizes or more. @param[out] machine  owned by the caller
/// @param[out] curve  one per curve, computed by the fitted kernels; may be NULL. All have one scale.
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (also where table and factors contradict each other), E_NUMERIC,
/// E_MEMORY, E_CANCELLED, E_UNSUPPORTED (another libpencone).
PENCONE_API pencone_status pencone_kernel_fit_run(pencone_context *ctx,
                                                  const pencone_measurement *measurement,
                                                  const pencone_kernel_fit *fit, pencone_machine **machine,
                                                  pencone_kernel_found *found, pencone_fit_curve *curve);

// --- protons in water ------------------------------------------------------------------------------

/// Physics of a monoenergetic proton beam in water. Set struct_size first (PENCONE_PROTON_WATER_DEFAULT).
typedef struct pencone_proton_water {
  size_t struct_size;
  double stopping_mev_cm2_g;     ///< Bethe with shell corrections
  double csda_range_g_cm2;       ///< along the path
  double projected_range_g_cm2;  ///< along the beam: less what multiple scattering bends
  double straggling_g_cm2;       ///< 1 sigma of the range (Bohr)
  double scattering_g_cm2;       ///< 1 sigma of the place across the beam at the end (differential Moliere)
  double primaries;              ///< share that reaches the end without a nuclear reaction
} pencone_proton_water;

#define PENCONE_PROTON_WATER_DEFAULT \
  { sizeof(pencone_proton_water), 0, 0, 0, 0, 0, 0 }

/// @param excitation_ev  mean excitation energy of water, 60 to 90. @param energy_mev  10 to 300
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE, E_MEMORY, E_UNSUPPORTED.
PENCONE_API pencone_status pencone_proton_water_at(pencone_context *ctx, double excitation_ev,
                                                   double energy_mev, pencone_proton_water *out);

/// A depth dose of protons, as fitted. Set struct_size first (PENCONE_BRAGG_DEFAULT).
typedef struct pencone_bragg {
  size_t struct_size;
  double range_mm;           ///< mean range of primaries that no nucleus scattered, mm of water
  double sigma_mm;           ///< 1 sigma of the range: straggling and energy spread
  double prompt_share;       ///< of the energy lost to nuclear reactions that stays where they are
  double local_share;        ///< of it that secondary particles leave on their way
  double secondary_mm;       ///< over which the particles that carry it die away
  double scale;              ///< dose unit per MeV cm2/g and proton
  double energy_mev;         ///< whose projected range is range_mm
  double energy_spread_mev;  ///< 1 sigma, after straggling is taken from sigma_mm; 0 when there is none
  double rms_pct;            ///< of computed - measured, over the largest dose
} pencone_bragg;

#define PENCONE_BRAGG_DEFAULT \
  { sizeof(pencone_bragg), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/// Fits the depth dose of protons, laterally integrated, by Bethe stopping, straggling and nuclear reactions.
/// @param points  8 to 10000. @param depth_mm  rising, 0 to 400. @param dose  >= 0, any unit
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE, E_NUMERIC (no fit, no peak), E_MEMORY, E_UNSUPPORTED.
PENCONE_API pencone_status pencone_bragg_fit(pencone_context *ctx, double excitation_ev, int points,
                                             const double *depth_mm, const double *dose, pencone_bragg *out);

/// The fitted depth dose at a depth, in the unit it was fitted to; 0 far behind the range.
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE, E_MEMORY.
PENCONE_API pencone_status pencone_bragg_dose(pencone_context *ctx, double excitation_ev,
                                              const pencone_bragg *bragg, int points, const double *depth_mm,
                                              double *dose);

#ifdef __cplusplus
}
#endif
#endif

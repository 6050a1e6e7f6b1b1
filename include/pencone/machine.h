// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_MACHINE_H
#define PENCONE_MACHINE_H

#include <pencone/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Beam data of a treatment machine. Immutable once created; any number of threads may read it.
typedef struct pencone_machine pencone_machine;

typedef enum pencone_modality { PENCONE_PHOTON = 0, PENCONE_PROTON = 1 } pencone_modality;

/// Proton spot of one energy in the isocentre plane without phantom; alike in x and y.
typedef struct pencone_spot_optics {
  double energy_mev;       ///< rising from one to the next
  double sigma_mm;         ///< 1 sigma, 1 to 20
  double divergence_mrad;  ///< 1 sigma of the angle, 0 to 20
  double correlation;      ///< of position and angle, -1 to 1
} pencone_spot_optics;

/// Kernels of photon-pencil-beam that were measured (docs/theory/commissioning.md). The dose on the axis of a
/// circle of radius R, in the plane of the point, per unit fluence and times (source to point / SAD)^2, is
/// the sum over terms of depth times circle.
typedef struct pencone_pencil_terms {
  int terms;                ///< 1 to 4
  int depths, radii;        ///< 4 to 700 each
  const double *depth_mm;   ///< rising from 0 to at most 1000
  const double *radius_mm;  ///< rising from 0 to at most 1000
  const double *depth;      ///< [terms][depths], Gy cm2
  const double *circle;     ///< [terms][radii], no unit; 0 at radius 0
} pencone_pencil_terms;

/// A photon machine of the ideal kind: point source, sharp edges, fluence uniform per unit area of the
/// isocentre plane, no contamination and no head scatter; and what only photon-pencil-beam knows of real
/// ones. Start from PENCONE_MACHINE_DESC_DEFAULT.
typedef struct pencone_machine_desc {
  size_t struct_size;
  const char *name;           ///< copied
  const char *description;    ///< copied; may be NULL
  double sad_mm;              ///< source to isocentre, 100 to 10000
  int bins;                   ///< spectrum bins, 1 to 1000
  const double *edges_mev;    ///< bins + 1 rising edges, 0 to 20 MeV; the spectrum is uniform inside a bin
  const double *weight;       ///< photons in each bin, >= 0, any normalisation
  pencone_modality modality;  ///< protons: no spectrum (bins 0), and the fields below
  double spot_sigma_mm;       ///< protons: spot size (1 sigma) in the isocentre plane, 1 to 20
  double divergence_mrad;     ///< protons: angular spread (1 sigma), 0 to 20
  double correlation;         ///< protons: of position and angle in the isocentre plane, -1 to 1
  int optics_count;  ///< protons: spots by energy, 2 to 100; 0: the three fields above at every energy
  const pencone_spot_optics *optics;
  double
      scan_sad_mm[2];  ///< protons: scanning magnets (x, y) to isocentre, 1000 to 20000; 0: parallel scanning
  double spot_limit_mm[2];           ///< protons: spots lie from -limit to limit (x, y), above 0 to 300
  double range_shifter_distance_mm;  ///< protons: downstream face of a range shifter to isocentre, 0 to 2000
  const pencone_pencil_terms
      *pencil;               ///< photons: measured kernels of the pencil beam; NULL: made from the spectrum
  double penumbra_sigma_mm;  ///< photons: 1 sigma of the source's blur in the isocentre plane, 0 to 20;
                             ///< pencil beam only
  int horn_points;           ///< photons: 2 to 100; 0: flat; pencil beam only
  const double
      *horn_radius_mm;  ///< photons: from the axis in the isocentre plane, rising from 0 to at most 400
  const double *horn;   ///< photons: fluence there over that on the axis, 0.1 to 3; 1 at radius 0
} pencone_machine_desc;

// clang-format off
#define PENCONE_MACHINE_DESC_DEFAULT \
  {sizeof(pencone_machine_desc), 0, 0, 1000.0, 0, 0, 0, PENCONE_PHOTON, 0, 0, 0, 0, 0, {0, 0}, {300, 300}, 300, 0, 0, 0, 0, 0}
// clang-format on

/// Creates a machine from values; all is copied. @param[out] out owned by the caller.
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE or E_MEMORY. Machine files: pencone_machine_read() in io.h.
PENCONE_API pencone_status pencone_machine_create(pencone_context *ctx, const pencone_machine_desc *desc,
                                                  pencone_machine **out);

/// Frees a machine; NULL is allowed. Plans keep a copy of what they need, not the pointer.
PENCONE_API void pencone_machine_destroy(pencone_machine *machine);

/// The machine's values; pointers stay valid until it is destroyed. Weights are normalised to sum 1.
PENCONE_API const pencone_machine_desc *pencone_machine_describe(const pencone_machine *machine);

/// SHA-256 of the machine's values as 64 hex digits: two machines that calculate alike have equal hashes.
PENCONE_API const char *pencone_machine_sha256(const pencone_machine *machine);

#ifdef __cplusplus
}
#endif
#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_BEAM_H
#define PENCONE_BEAM_H

#include <pencone/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/// One step of a beam that moves or changes its opening (step and shoot): the field stands still while its
/// share of the beam's fluence is given; nothing is interpolated between steps. Angles and lengths as in
/// pencone_beam.
typedef struct pencone_control_point {
  double gantry_deg, collimator_deg, couch_deg;
  double field_x_mm[2];  ///< jaw positions X1, X2 (X1 < X2 unless weight is 0), collimator axes
  double field_y_mm[2];  ///< jaw positions Y1, Y2
  double weight;         ///< >= 0: the step gives fluence_per_cm2 times weight; weights need not sum to 1
} pencone_control_point;

/// Protons on one place of the isocentre plane.
typedef struct pencone_proton_spot {
  double x_mm, y_mm;  ///< collimator axes, within the machine's limits
  double protons;     ///< >= 0
} pencone_proton_spot;

/// Spots of one energy.
typedef struct pencone_proton_layer {
  double energy_mev;  ///< 70 to 230
  int spot_count;
  const pencone_proton_spot *spots;  ///< copied by the plan
} pencone_proton_layer;

/// A corner of an aperture's opening.
typedef struct pencone_aperture_point {
  double x_mm, y_mm;  ///< collimator axes, as projected on the isocentre plane along the scanned beam
} pencone_aperture_point;

/// One beam: photons through a field, or protons in layers of spots (their field and fluence do not count).
/// Angles are IEC 61217, patient head-first supine; lengths in the isocentre plane.
/// Gantry 0 enters from anterior, 90 from the patient's left. Start from PENCONE_BEAM_DEFAULT.
typedef struct pencone_beam {
  size_t struct_size;
  const char *name;                ///< copied by the plan
  const pencone_machine *machine;  ///< copied by the plan
  double isocenter_mm[3];          ///< patient axes
  double gantry_deg, collimator_deg, couch_deg;
  double field_x_mm[2];    ///< jaw positions X1, X2 (X1 < X2), collimator axes
  double field_y_mm[2];    ///< jaw positions Y1, Y2
  double fluence_per_cm2;  ///< photons/cm2 in the isocentre plane without the phantom; > 0
  /// Steps of the beam, copied by the plan; NULL: one step of the angles and field above, weight 1. With
  /// steps, the field above is not used, nor are the angles (but by pencone_beam_project() and _source()).
  /// Steps of one gantry and couch angle are calculated together, at little more than the cost of one.
  const pencone_control_point *control_points;
  int control_point_count;             ///< 0: none
  int layer_count;                     ///< protons only
  const pencone_proton_layer *layers;  ///< copied by the plan
  double range_shifter_mm;  ///< protons only: thickness of a slab before the patient, 0 to 300; 0: none
  const char *range_shifter_material;  ///< "pmma" (also for NULL) or "water"
  /// Photons: width of the field's bixels along x and y for influence matrices (dij.h); 0, 0: none. It must
  /// divide the field.
  double bixel_mm[2];
  /// Protons only: outline of the opening of a patient's collimator, which stops what does not go through;
  /// copied by the plan. 3 to 1000 points in order, edges that do not cross; the last joins the first.
  const pencone_aperture_point *aperture_points;
  int aperture_point_count;     ///< 0: no aperture
  double aperture_distance_mm;  ///< from its downstream face to the isocentre, 0 to 2000
  /// Photons without control points: fluence_per_cm2 is multiplied by a weight >= 0 on each of the equal
  /// pixels that fill the field, [y][x], row 0 at field_y_mm[0], column 0 at field_x_mm[0]; copied by the
  /// plan. NULL: 1 everywhere. The pixels are the bixels too, unless bixel_mm says else: whole parts of
  /// pixels, or whole pixels. For photon-collapsed-cone and photon-pencil-beam.
  const double *fluence_map;
  int fluence_map_size[2];  ///< pixels along x and y, 1 to 500; 0, 0: no map
} pencone_beam;

// clang-format off
#define PENCONE_BEAM_DEFAULT \
  {sizeof(pencone_beam), "beam", 0, {0, 0, 0}, 0, 0, 0, {0, 0}, {0, 0}, 1.0, 0, 0, 0, 0, 0, 0, {0, 0}, 0, 0, 0, 0, {0, 0}}
// clang-format on

/// Position of a point in the beam's own axes (IEC 61217 collimator system): x and y as projected from
/// the source on the isocentre plane, and the distance from the source plane along the beam axis.
/// @param beam  only the geometry and the machine's SAD are used
/// @param xyz_mm  patient axes. @param[out] bev  x_mm, y_mm, distance_mm (<= 0: behind the source plane)
PENCONE_API void pencone_beam_project(const pencone_beam *beam, const double xyz_mm[3], double bev[3]);

/// Source position in patient axes, mm.
PENCONE_API void pencone_beam_source(const pencone_beam *beam, double xyz_mm[3]);

#ifdef __cplusplus
}
#endif
#endif

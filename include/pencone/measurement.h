// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_MEASUREMENT_H
#define PENCONE_MEASUREMENT_H

#include <pencone/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Depth doses, or tissue-phantom ratios, measured in water on the axis of a beam: what a machine is fitted
/// to (commission.h). Immutable once created; any number of threads may read it.
typedef struct pencone_measurement pencone_measurement;

/// One depth dose, beam at right angles to the surface.
typedef struct pencone_depth_dose {
  double field_x_mm, field_y_mm;  ///< width of the opening in the isocentre plane, 5 to 400
  double ssd_mm;           ///< source to surface, 300 to 5000; 0: tissue-phantom ratios, the points stay in
                           ///< the isocentre plane while the water above them rises
  int points;              ///< 2 to 10000
  const double *depth_mm;  ///< rising, 0 to 600
  const double *dose;      ///< > 0; any unit, one for the whole curve
} pencone_depth_dose;

/// Creates a measurement; all is copied. @param curves  1 to 100. @param[out] out owned by the caller
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (curve, point and value are in the text) or E_MEMORY.
PENCONE_API pencone_status pencone_measurement_create(pencone_context *ctx, int curves,
                                                      const pencone_depth_dose *curve,
                                                      pencone_measurement **out);

/// Frees a measurement; NULL is allowed.
PENCONE_API void pencone_measurement_destroy(pencone_measurement *measurement);

/// Number of curves (0 of NULL), and the i-th (NULL outside the range); valid until it is destroyed.
PENCONE_API int pencone_measurement_count(const pencone_measurement *measurement);
PENCONE_API const pencone_depth_dose *pencone_measurement_at(const pencone_measurement *measurement, int i);

/// What the output factors of a measurement are of.
typedef enum pencone_output_kind {
  PENCONE_PHANTOM_SCATTER = 0,  ///< the dose for one fluence in the field: what the water scatters
  PENCONE_TOTAL_SCATTER = 1     ///< the dose for one monitor unit: what the head of the machine scatters, too
} pencone_output_kind;

/// Dose of a field at a depth over that of a reference field there, in the set-up of the field's own curve.
typedef struct pencone_output_factor {
  double field_x_mm, field_y_mm;  ///< of a curve, within 0.01 mm
  double depth_mm;                ///< within the curve
  double factor;                  ///< above 0
} pencone_output_factor;

/// Makes a copy whose curves are in one unit: each is scaled so that it is the output factor at that depth.
/// @param factor  one for each curve, in any order. @param[out] out owned by the caller
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (field and value are in the text) or E_MEMORY.
PENCONE_API pencone_status pencone_measurement_scale(pencone_context *ctx,
                                                     const pencone_measurement *measurement, int factors,
                                                     const pencone_output_factor *factor,
                                                     pencone_measurement **out);

#ifdef __cplusplus
}
#endif
#endif

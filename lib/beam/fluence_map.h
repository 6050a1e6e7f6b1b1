// SPDX-License-Identifier: Apache-2.0
// Relative fluence on pixels of a photon beam's field: checks, and the map as openings.
#ifndef PCN_FLUENCE_MAP_H
#define PCN_FLUENCE_MAP_H

#include <pencone/beam.h>

enum { PCN_FLUENCE_PIXELS = 500 };  ///< along each axis, at most

/// @param name  of the beam, in messages. @return PENCONE_OK (also without a map), E_ARGUMENT (control points
/// beside it), E_RANGE (size; a weight that is not 0 or more; none above 0).
pencone_status pcn_fluence_map_check(pencone_context *ctx, const char *name, const pencone_beam *beam);

/// Widths of the pixels along x and y; 0, 0 without a map.
void pcn_fluence_pixel_mm(const pencone_beam *beam, double pixel_mm[2]);

/// Whether bixels of a width lie on the pixels: a whole part of a pixel, or whole pixels.
int pcn_fluence_divides(double bixel_mm, double pixel_mm);

/// The pixels with fluence as steps at the beam's own angles; neighbours along x of one weight are one.
/// @param[out] out  room for as many as the call with NULL says. @return their number
int pcn_fluence_steps(const pencone_beam *beam, pencone_control_point *out);

/// Mean weight over bixel i, j of the beam's bixel_mm; 1 without a map.
double pcn_fluence_mean(const pencone_beam *beam, int i, int j);

/// Copies a map. @param[out] out  freed by pcn_free()
pencone_status pcn_fluence_map_copy(pencone_context *ctx, const pencone_beam *beam, double **out);

#endif

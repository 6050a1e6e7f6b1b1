// SPDX-License-Identifier: Apache-2.0
// A plane through a dose as gnuplot data: CT in grey under a colour wash, contour lines.
#ifndef CLI_SLICE_H
#define CLI_SLICE_H

#include "picture.h"

/// A plane at right angles to a patient axis.
typedef struct cli_slice {
  const pencone_dose *dose;
  const pencone_phantom *phantom;  ///< NULL: no CT
  int across, up, normal;          ///< axes of the picture and of the plane
  double at_mm;                    ///< position along the normal
  double full;                     ///< dose that is 100 %
  double wash_from;                ///< share of it below which there is no colour
} cli_slice;

/// Writes the image as data block $name: x y r g b per pixel.
void cli_slice_image(cli_picture *picture, const char *name, const cli_slice *slice);

/// Writes the line of one isodose (share of full) as segments. @return how many
size_t cli_slice_isodose(cli_picture *picture, const char *name, const cli_slice *slice, double share);

/// Writes the outline of a structure as segments. @return how many
size_t cli_slice_outline(cli_picture *picture, const char *name, const cli_slice *slice, int structure);

/// The point of an isodose that lies farthest in a direction from the slice's dose centre: where its label
/// goes. @return 0 where the line does not cross the slice
int cli_slice_label(const cli_slice *slice, double share, double angle_rad, double place_mm[2]);

#endif

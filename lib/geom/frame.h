// SPDX-License-Identifier: Apache-2.0
// IEC 61217 machine axes in patient axes (DICOM LPS), head-first supine.
#ifndef PCN_FRAME_H
#define PCN_FRAME_H

#include "num/vec3.h"

/// The beam's axes as unit vectors in patient axes. Right-handed: ex × ey = -ez.
typedef struct pcn_frame {
  pcn_vec3 source;  ///< mm
  pcn_vec3 ex, ey;  ///< collimator x and y
  pcn_vec3 ez;      ///< from the source to the isocentre
  double sad_mm;
} pcn_frame;

/// Axes for gantry, collimator and couch angles in degrees (IEC 61217: each right-handed about the axis
/// that points to the source, or up). docs/conventions.md has the matrices.
pcn_frame pcn_frame_make(const double isocenter_mm[3], double sad_mm, double gantry_deg,
                         double collimator_deg, double couch_deg);

/// Distance along the central axis from the source plane, mm; x and y projected on the isocentre plane.
void pcn_frame_project(const pcn_frame *frame, pcn_vec3 point, double *x_mm, double *y_mm, double *z_mm);

#endif

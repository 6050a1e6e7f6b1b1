// SPDX-License-Identifier: Apache-2.0
// Pencil-beam kernels from our own point kernels: depth times lateral, by singular values (Bortfeld, Schlegel
// and Rhein 1993, doi:10.1118/1.597070; docs/theory/pencil-beam.md).
#ifndef PCN_PENCIL_KERNEL_H
#define PCN_PENCIL_KERNEL_H

#include "photon/tables.h"
#include "simd/pencil_row.h"

enum {
  PCN_PENCIL_TERMS = PCN_PENCIL_VALUES,  ///< room; fewer may be used
  PCN_PENCIL_RADII = 448,                ///< equal steps of the root of the radius
  PCN_PENCIL_DEPTHS = 601,               ///< every mm of water
  PCN_PENCIL_NODES = 107                 ///< depths that the table is made at
};

/// Energy on the axis of a circular field of radius R (mm, at the point's own distance from the source) at a
/// depth d, times (distance / SAD)^2, per unit fluence: sum over terms of depth[d] * circle[R], MeV/g.
typedef struct pcn_pencil_kernel {
  int terms;
  double root_step;  ///< sqrt(mm) between radii
  float circle[PCN_PENCIL_RADII][PCN_PENCIL_TERMS];
  float depth[PCN_PENCIL_DEPTHS][PCN_PENCIL_TERMS];
  /// Largest of the table less its terms, over the dose of the same depth in a field of 10 cm: depths of 20
  /// to 400 mm, radii of 5 to 220 mm.
  double residual;
  double
      penumbra_mm2;  ///< variance of the source's blur in the isocentre plane, which maps are averaged over
} pcn_pencil_kernel;

/// How finely the table is summed: directions in 180 degrees, parts of the steps between the kernel's radii.
typedef struct pcn_pencil_quadrature {
  int angles, parts;
} pcn_pencil_quadrature;

/// A depth of the table, mm of water. @param i  0 to PCN_PENCIL_NODES - 1
double pcn_pencil_node_mm(int i);

/// Energy on the axis by depth and radius, as in pcn_pencil_kernel but before it is split into terms.
/// @param quadrature  NULL: the one that kernels are made with. @return PENCONE_OK, E_MEMORY
pencone_status pcn_pencil_circles(pencone_context *ctx, const pcn_photon_tables *tables, double ssd_mm,
                                  const pcn_pencil_quadrature *quadrature,
                                  double table[PCN_PENCIL_NODES][PCN_PENCIL_RADII]);

/// Splits a table of energies, as pcn_pencil_circles() makes it, into terms; the table is used up.
/// @param terms  1 to PCN_PENCIL_TERMS. @param[out] out  freed by pcn_free()
/// @return PENCONE_OK, E_MEMORY, E_RANGE (no dose in the circle that a field of 10 cm is)
pencone_status pcn_pencil_kernel_split(pencone_context *ctx, double table[PCN_PENCIL_NODES][PCN_PENCIL_RADII],
                                       int terms, pcn_pencil_kernel **out);

/// The table that measured kernels stand for, MeV/g: smooth between their depths and radii; behind the last
/// depth as the largest circle's dose falls there; beyond the last radius even.
void pcn_pencil_terms_table(const pencone_pencil_terms *measured,
                            double table[PCN_PENCIL_NODES][PCN_PENCIL_RADII]);

/// Radius of a column of a table, mm. @param j  0 to PCN_PENCIL_RADII - 1
double pcn_pencil_radius_mm(int j);

/// The machine's own measured kernels where it has them, else those of its spectrum.
/// @param ssd_mm  source to surface. @param terms  1 to PCN_PENCIL_TERMS. @param[out] out  freed by
/// pcn_free()
pencone_status pcn_pencil_kernel_make(pencone_context *ctx, const pcn_photon_tables *tables,
                                      const pencone_pencil_terms *measured, double ssd_mm, int terms,
                                      pcn_pencil_kernel **out);

enum { PCN_RECTANGLE_POINTS = 48 };

/// A rectangle as its centre sees it: what a term gives there is the sum of weight times circle (eq. 5).
/// @param width_mm  at the point. @param[out] radius_mm, weight  PCN_RECTANGLE_POINTS values; weights have
/// sum 1
void pcn_rectangle_circles(const double width_mm[2], double *radius_mm, double *weight);

/// Energy on the axis of a rectangle, as in pcn_pencil_kernel. @param width_mm  at the point
double pcn_pencil_on_axis(const pcn_pencil_kernel *kernel, const double width_mm[2], double depth_mm);

#endif

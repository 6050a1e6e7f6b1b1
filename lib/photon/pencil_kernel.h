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

/// @param ssd_mm  source to surface. @param terms  1 to PCN_PENCIL_TERMS. @param[out] out  freed by
/// pcn_free()
pencone_status pcn_pencil_kernel_make(pencone_context *ctx, const pcn_photon_tables *tables, double ssd_mm,
                                      int terms, pcn_pencil_kernel **out);

#endif

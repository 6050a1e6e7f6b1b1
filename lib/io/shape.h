// SPDX-License-Identifier: Apache-2.0
// The shapes of phantom recipes: convex bodies that can tell whether a voxel lies inside, outside or across.
#ifndef PCN_SHAPE_H
#define PCN_SHAPE_H

#include "num/vec3.h"
#include "yaml.h"

/// A convex body. All shapes but the half-space are one form: along each axis an interval, and along the
/// round axes together the ellipse sum ((p - centre) / semi)^2 <= 1.
///   box: 3 intervals · cylinder: 1 interval, 2 round axes · ellipsoid: 3 round axes · slab: 1 interval
typedef struct pcn_shape {
  int is_half_space;
  double normal[3], offset;  ///< half-space: normal · p >= offset, |normal| = 1
  double low[3], high[3];    ///< intervals low <= p < high; infinite where the axis is free
  int round[3];
  double centre[3], semi[3];  ///< of the round axes
} pcn_shape;

typedef enum pcn_side { PCN_OUTSIDE, PCN_INSIDE, PCN_ACROSS } pcn_side;

/// Where a box with a centre and half edges lies. PCN_ACROSS may be said of a box that only touches.
pcn_side pcn_shape_side(const pcn_shape *shape, const double centre[3], const double half[3]);

/// 1 when a point lies inside.
int pcn_shape_contains(const pcn_shape *shape, const double point[3]);

/// Keys by which recipes name the shapes ("box", ...), NULL at the end.
extern const char *const pcn_shape_names[];

/// The i-th shape of pcn_shape_names from its mapping of sizes.
pencone_status pcn_shape_read(pcn_node node, int name, pcn_shape *out);

/// The layer from low to high along an axis, without end along the others.
pcn_shape pcn_shape_layer(int axis, double low, double high);

#endif

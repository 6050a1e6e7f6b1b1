// SPDX-License-Identifier: Apache-2.0
// A smooth curve through points that has no peak between them.
#ifndef PCN_CUBIC_H
#define PCN_CUBIC_H

/// Value of the curve; before the first point and behind the last, those points' values.
/// @param x  rising. @param points  2 or more
double pcn_cubic(const double *x, const double *y, int points, double at);

#endif

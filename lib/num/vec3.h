// SPDX-License-Identifier: Apache-2.0
#ifndef PCN_VEC3_H
#define PCN_VEC3_H

#include <math.h>

/// A point or direction; plain value.
typedef struct pcn_vec3 {
  double x, y, z;
} pcn_vec3;

static inline pcn_vec3 pcn_v3(double x, double y, double z) {
  const pcn_vec3 v = {x, y, z};
  return v;
}

static inline pcn_vec3 pcn_v3_from(const double a[3]) {
  return pcn_v3(a[0], a[1], a[2]);
}

static inline pcn_vec3 pcn_v3_add(pcn_vec3 a, pcn_vec3 b) {
  return pcn_v3(a.x + b.x, a.y + b.y, a.z + b.z);
}

static inline pcn_vec3 pcn_v3_sub(pcn_vec3 a, pcn_vec3 b) {
  return pcn_v3(a.x - b.x, a.y - b.y, a.z - b.z);
}

static inline pcn_vec3 pcn_v3_scale(pcn_vec3 a, double s) {
  return pcn_v3(a.x * s, a.y * s, a.z * s);
}

static inline double pcn_v3_dot(pcn_vec3 a, pcn_vec3 b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

/// Component along axis 0, 1 or 2.
static inline double pcn_v3_component(pcn_vec3 v, int axis) {
  return axis == 0 ? v.x : (axis == 1 ? v.y : v.z);
}

static inline double pcn_v3_length(pcn_vec3 a) {
  return sqrt(pcn_v3_dot(a, a));
}

#endif

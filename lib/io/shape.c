// SPDX-License-Identifier: Apache-2.0
#include "shape.h"

#include <math.h>
#include <string.h>

static const pcn_range place_mm = {-1e5, 1e5};
static const pcn_range length_mm = {1e-6, 1e5};
static const pcn_range cosine = {-1e6, 1e6};

const char *const pcn_shape_names[] = {"box",        "cylinder", "elliptic_cylinder", "sphere", "ellipsoid",
                                       "half_space", NULL};

// --- geometry ----------------------------------------------------------------------------------

static pcn_side half_space_side(const pcn_shape *shape, const double centre[3], const double half[3]) {
  double distance = -shape->offset;
  double reach = 0;  // of the box along the normal
  for (int a = 0; a < 3; ++a) {
    distance += shape->normal[a] * centre[a];
    reach += fabs(shape->normal[a]) * half[a];
  }
  return distance >= reach ? PCN_INSIDE : distance < -reach ? PCN_OUTSIDE : PCN_ACROSS;
}

pcn_side pcn_shape_side(const pcn_shape *shape, const double centre[3], const double half[3]) {
  if (shape->is_half_space) {
    return half_space_side(shape, centre, half);
  }
  double nearest = 0;  // squared distances in units of the semi-axes
  double farthest = 0;
  int inside = 1;
  for (int a = 0; a < 3; ++a) {
    if (centre[a] + half[a] <= shape->low[a] || centre[a] - half[a] >= shape->high[a]) {
      return PCN_OUTSIDE;
    }
    inside &= centre[a] - half[a] >= shape->low[a] && centre[a] + half[a] <= shape->high[a];
    if (shape->round[a]) {
      const double d = fabs(centre[a] - shape->centre[a]);
      const double near = fmax(d - half[a], 0) / shape->semi[a];
      const double far = (d + half[a]) / shape->semi[a];
      nearest += near * near;
      farthest += far * far;
    }
  }
  if (nearest > 1) {
    return PCN_OUTSIDE;
  }
  return inside && farthest <= 1 ? PCN_INSIDE : PCN_ACROSS;
}

int pcn_shape_contains(const pcn_shape *shape, const double point[3]) {
  if (shape->is_half_space) {
    double distance = -shape->offset;
    for (int a = 0; a < 3; ++a) {
      distance += shape->normal[a] * point[a];
    }
    return distance >= 0;
  }
  double squared = 0;
  for (int a = 0; a < 3; ++a) {
    if (!(point[a] >= shape->low[a] && point[a] < shape->high[a])) {
      return 0;
    }
    if (shape->round[a]) {
      const double d = (point[a] - shape->centre[a]) / shape->semi[a];
      squared += d * d;
    }
  }
  return squared <= 1;
}

static pcn_shape everything(void) {
  pcn_shape shape;
  memset(&shape, 0, sizeof shape);
  for (int a = 0; a < 3; ++a) {
    shape.low[a] = -INFINITY;
    shape.high[a] = INFINITY;
  }
  return shape;
}

pcn_shape pcn_shape_layer(int axis, double low, double high) {
  pcn_shape shape = everything();
  shape.low[axis] = low;
  shape.high[axis] = high;
  return shape;
}

// --- reading -----------------------------------------------------------------------------------

static pencone_status read_box(pcn_node node, pcn_shape *out) {
  static const pcn_key keys[] = {{"min_mm", PCN_OPTIONAL},
                                 {"max_mm", PCN_OPTIONAL},
                                 {"centre_mm", PCN_OPTIONAL},
                                 {"size_mm", PCN_OPTIONAL},
                                 {NULL, PCN_OPTIONAL}};
  PCN_TRY(pcn_yaml_keys(node, "box", keys));
  const pcn_node min = pcn_yaml_get(node, "min_mm");
  const pcn_node max = pcn_yaml_get(node, "max_mm");
  const pcn_node centre = pcn_yaml_get(node, "centre_mm");
  const pcn_node size = pcn_yaml_get(node, "size_mm");
  const int corners = min.node != NULL && max.node != NULL && centre.node == NULL && size.node == NULL;
  const int middle = min.node == NULL && max.node == NULL && centre.node != NULL && size.node != NULL;
  if (corners) {
    PCN_TRY(pcn_yaml_numbers(min, "min_mm", place_mm, 3, out->low));
    PCN_TRY(pcn_yaml_numbers(max, "max_mm", place_mm, 3, out->high));
  } else if (middle) {
    double at[3], edge[3];
    PCN_TRY(pcn_yaml_numbers(centre, "centre_mm", place_mm, 3, at));
    PCN_TRY(pcn_yaml_numbers(size, "size_mm", length_mm, 3, edge));
    for (int a = 0; a < 3; ++a) {
      out->low[a] = at[a] - 0.5 * edge[a];
      out->high[a] = at[a] + 0.5 * edge[a];
    }
  } else {
    return pcn_yaml_fail(node, PENCONE_E_FORMAT, "box: expected min_mm and max_mm, or centre_mm and size_mm");
  }
  for (int a = 0; a < 3; ++a) {
    if (!(out->low[a] < out->high[a])) {
      return pcn_yaml_fail(node, PENCONE_E_RANGE,
                           "box: got min %g and max %g mm along %c, expected min < max", out->low[a],
                           out->high[a], "xyz"[a]);
    }
  }
  return PENCONE_OK;
}

/// The part that both cylinders share: axis, centre, length.
static pencone_status read_axis(pcn_node node, int *axis, pcn_shape *out) {
  static const char *const axes[] = {"x", "y", "z", NULL};
  double length = 0;
  PCN_TRY(pcn_yaml_word(pcn_yaml_get(node, "axis"), "axis", axes, axis));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "centre_mm"), "centre_mm", place_mm, 3, out->centre));
  PCN_TRY(pcn_yaml_number(pcn_yaml_get(node, "length_mm"), "length_mm", length_mm, &length));
  out->low[*axis] = out->centre[*axis] - 0.5 * length;
  out->high[*axis] = out->centre[*axis] + 0.5 * length;
  return PENCONE_OK;
}

static pencone_status read_cylinder(pcn_node node, int elliptic, pcn_shape *out) {
  static const pcn_key round_keys[] = {{"axis", PCN_REQUIRED},
                                       {"centre_mm", PCN_REQUIRED},
                                       {"length_mm", PCN_REQUIRED},
                                       {"radius_mm", PCN_REQUIRED},
                                       {NULL, PCN_OPTIONAL}};
  static const pcn_key elliptic_keys[] = {{"axis", PCN_REQUIRED},
                                          {"centre_mm", PCN_REQUIRED},
                                          {"length_mm", PCN_REQUIRED},
                                          {"semi_axes_mm", PCN_REQUIRED},
                                          {NULL, PCN_OPTIONAL}};
  int axis = 0;
  double semi[2];
  PCN_TRY(pcn_yaml_keys(node, elliptic ? "elliptic_cylinder" : "cylinder",
                        elliptic ? elliptic_keys : round_keys));
  PCN_TRY(read_axis(node, &axis, out));
  if (elliptic) {
    PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "semi_axes_mm"), "semi_axes_mm", length_mm, 2, semi));
  } else {
    PCN_TRY(pcn_yaml_number(pcn_yaml_get(node, "radius_mm"), "radius_mm", length_mm, &semi[0]));
    semi[1] = semi[0];
  }
  for (int a = 0, s = 0; a < 3; ++a) {  // the two other axes, in the order x, y, z
    if (a != axis) {
      out->round[a] = 1;
      out->semi[a] = semi[s++];
    }
  }
  return PENCONE_OK;
}

static pencone_status read_ellipsoid(pcn_node node, int sphere, pcn_shape *out) {
  static const pcn_key sphere_keys[] = {
      {"centre_mm", PCN_REQUIRED}, {"radius_mm", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  static const pcn_key keys[] = {
      {"centre_mm", PCN_REQUIRED}, {"semi_axes_mm", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  PCN_TRY(pcn_yaml_keys(node, sphere ? "sphere" : "ellipsoid", sphere ? sphere_keys : keys));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "centre_mm"), "centre_mm", place_mm, 3, out->centre));
  if (sphere) {
    PCN_TRY(pcn_yaml_number(pcn_yaml_get(node, "radius_mm"), "radius_mm", length_mm, &out->semi[0]));
    out->semi[1] = out->semi[2] = out->semi[0];
  } else {
    PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "semi_axes_mm"), "semi_axes_mm", length_mm, 3, out->semi));
  }
  for (int a = 0; a < 3; ++a) {
    out->round[a] = 1;
  }
  return PENCONE_OK;
}

static pencone_status read_half_space(pcn_node node, pcn_shape *out) {
  static const pcn_key keys[] = {
      {"point_mm", PCN_REQUIRED}, {"direction", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  double point[3], direction[3];
  PCN_TRY(pcn_yaml_keys(node, "half_space", keys));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "point_mm"), "point_mm", place_mm, 3, point));
  PCN_TRY(pcn_yaml_numbers(pcn_yaml_get(node, "direction"), "direction", cosine, 3, direction));
  const double length = pcn_v3_length(pcn_v3_from(direction));
  if (!(length > 1e-9)) {
    return pcn_yaml_fail(node, PENCONE_E_RANGE, "direction: got length %g, expected above 0", length);
  }
  out->is_half_space = 1;
  for (int a = 0; a < 3; ++a) {
    out->normal[a] = direction[a] / length;
    out->offset += out->normal[a] * point[a];
  }
  return PENCONE_OK;
}

pencone_status pcn_shape_read(pcn_node node, int name, pcn_shape *out) {
  *out = everything();
  switch (name) {
    case 0:
      return read_box(node, out);
    case 1:
      return read_cylinder(node, 0, out);
    case 2:
      return read_cylinder(node, 1, out);
    case 3:
      return read_ellipsoid(node, 1, out);
    case 4:
      return read_ellipsoid(node, 0, out);
    default:
      return read_half_space(node, out);
  }
}

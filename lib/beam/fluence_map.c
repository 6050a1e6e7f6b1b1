// SPDX-License-Identifier: Apache-2.0
#include "beam/fluence_map.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "beam/control_points.h"

static size_t pixels_of(const pencone_beam *beam) {
  return (size_t)beam->fluence_map_size[0] * (size_t)beam->fluence_map_size[1];
}

pencone_status pcn_fluence_map_check(pencone_context *ctx, const char *name, const pencone_beam *beam) {
  const int *n = beam->fluence_map_size;
  if (beam->fluence_map == NULL) {
    PCN_CHECK(ctx, n[0] == 0 && n[1] == 0, PENCONE_E_ARGUMENT,
              "beam %s: fluence map: got NULL for %d x %d pixels, expected an array", name, n[0], n[1]);
    return PENCONE_OK;
  }
  PCN_CHECK(ctx, beam->control_point_count == 0, PENCONE_E_ARGUMENT,
            "beam %s: it has a fluence map and %d control points, expected one of them", name,
            beam->control_point_count);
  PCN_CHECK(ctx, n[0] >= 1 && n[0] <= PCN_FLUENCE_PIXELS && n[1] >= 1 && n[1] <= PCN_FLUENCE_PIXELS,
            PENCONE_E_RANGE,
            "beam %s: fluence map: got %d x %d pixels (x, y), expected 1 to %d along each axis", name, n[0],
            n[1], PCN_FLUENCE_PIXELS);
  double largest = 0;
  for (size_t i = 0; i < pixels_of(beam); i++) {
    const double weight = beam->fluence_map[i];
    PCN_CHECK(ctx, isfinite(weight) && weight >= 0, PENCONE_E_RANGE,
              "beam %s: fluence map: pixel (%d, %d): got %g, expected 0 or more", name, (int)i % n[0],
              (int)i / n[0], weight);
    largest = fmax(largest, weight);
  }
  PCN_CHECK(ctx, largest > 0, PENCONE_E_RANGE,
            "beam %s: fluence map: got 0 in all of its %d x %d pixels, expected more than 0 in one", name,
            n[0], n[1]);
  return PENCONE_OK;
}

void pcn_fluence_pixel_mm(const pencone_beam *beam, double pixel_mm[2]) {
  const double *field_mm[2] = {beam->field_x_mm, beam->field_y_mm};
  for (int a = 0; a < 2; a++) {
    pixel_mm[a] =
        beam->fluence_map != NULL ? (field_mm[a][1] - field_mm[a][0]) / (double)beam->fluence_map_size[a] : 0;
  }
}

int pcn_fluence_divides(double bixel_mm, double pixel_mm) {
  const double rounding = 1e-6;  // of widths written in decimals
  const double ratio = bixel_mm > pixel_mm ? bixel_mm / pixel_mm : pixel_mm / bixel_mm;
  return fabs(ratio - round(ratio)) <= rounding * ratio;
}

int pcn_fluence_steps(const pencone_beam *beam, pencone_control_point *out) {
  const int *n = beam->fluence_map_size;
  double pixel_mm[2];
  int count = 0;
  pcn_fluence_pixel_mm(beam, pixel_mm);
  for (int j = 0; j < n[1]; j++) {
    const double *row = beam->fluence_map + (size_t)j * (size_t)n[0];
    for (int first = 0, end; first < n[0]; first = end) {
      for (end = first + 1; end < n[0] && row[end] == row[first];) {
        end++;
      }
      if (row[first] > 0 && out != NULL) {
        pencone_control_point step = pcn_control_point_of(beam);
        // Edges by one formula: what one pixel ends with, its neighbour begins with.
        step.field_x_mm[0] = beam->field_x_mm[0] + first * pixel_mm[0];
        step.field_x_mm[1] = beam->field_x_mm[0] + end * pixel_mm[0];
        step.field_y_mm[0] = beam->field_y_mm[0] + j * pixel_mm[1];
        step.field_y_mm[1] = beam->field_y_mm[0] + (j + 1) * pixel_mm[1];
        step.weight = row[first];
        out[count] = step;
      }
      count += row[first] > 0;
    }
  }
  return count;
}

double pcn_fluence_mean(const pencone_beam *beam, int i, int j) {
  if (beam->fluence_map == NULL) {
    return 1;
  }
  const double rounding = 1e-6;
  const int at[2] = {i, j};
  double pixel_mm[2], sum = 0;
  int first[2], end[2];
  pcn_fluence_pixel_mm(beam, pixel_mm);
  for (int a = 0; a < 2; a++) {
    const double pixels = beam->bixel_mm[a] / pixel_mm[a];
    first[a] = (int)floor(at[a] * pixels + rounding);
    end[a] = (int)ceil((at[a] + 1) * pixels - rounding);
    end[a] = end[a] < beam->fluence_map_size[a] ? end[a] : beam->fluence_map_size[a];
  }
  for (int y = first[1]; y < end[1]; y++) {
    for (int x = first[0]; x < end[0]; x++) {
      sum += beam->fluence_map[(size_t)y * (size_t)beam->fluence_map_size[0] + (size_t)x];
    }
  }
  return sum / ((end[0] - first[0]) * (end[1] - first[1]));
}

pencone_status pcn_fluence_map_copy(pencone_context *ctx, const pencone_beam *beam, double **out) {
  *out = pcn_alloc(ctx, pixels_of(beam), sizeof **out);
  if (*out == NULL) {
    return PENCONE_E_MEMORY;
  }
  memcpy(*out, beam->fluence_map, pixels_of(beam) * sizeof **out);
  return PENCONE_OK;
}

// SPDX-License-Identifier: Apache-2.0
// Pixels and contour lines of a plane. Contours by marching squares on the voxel centres, the two
// ambiguous cells decided by the mean of the corners.
#include "slice.h"

#include <math.h>

/// A field on the plane that a contour is drawn of.
typedef struct field {
  const cli_slice *slice;
  const pencone_grid *grid;
  const float *values;  ///< either dose values
  const uint8_t *mask;  ///< or a mask
  int64_t k;            ///< index along the normal
  double level;
} field;

static int64_t index_at(const pencone_grid *g, int axis, double x) {
  const double i = floor((x - g->origin_mm[axis]) / g->spacing_mm[axis] + 0.5);
  return i >= 0 && i < (double)g->size[axis] ? (int64_t)i : -1;
}

static double value_at(const field *f, int64_t i, int64_t j) {
  int64_t at[3];
  at[f->slice->across] = i;
  at[f->slice->up] = j;
  at[f->slice->normal] = f->k;
  const size_t index = (size_t)((at[2] * f->grid->size[1] + at[1]) * f->grid->size[0] + at[0]);
  return f->mask != NULL ? (double)f->mask[index] : (double)f->values[index];
}

static double position(const field *f, int axis, double i) {
  return f->grid->origin_mm[axis] + i * f->grid->spacing_mm[axis];
}

/// Receives a segment in mm.
typedef void (*segment_fn)(void *user, const double a[2], const double b[2]);

/// Where the level crosses edge e of cell (i,j): 0 bottom, 1 right, 2 top, 3 left. v: corners,
/// counter-clockwise.
static void crossing(const field *f, int64_t i, int64_t j, int e, const double v[4], double out[2]) {
  static const int corner[4][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
  const int a = e, b = (e + 1) % 4;
  const double t = (f->level - v[a]) / (v[b] - v[a]);
  const double x = (double)i + corner[a][0] + t * (corner[b][0] - corner[a][0]);
  const double y = (double)j + corner[a][1] + t * (corner[b][1] - corner[a][1]);
  out[0] = position(f, f->slice->across, x);
  out[1] = position(f, f->slice->up, y);
}

static size_t cell(const field *f, int64_t i, int64_t j, segment_fn put, void *user) {
  const double v[4] = {value_at(f, i, j), value_at(f, i + 1, j), value_at(f, i + 1, j + 1),
                       value_at(f, i, j + 1)};
  int crossed[4], count = 0;
  for (int e = 0; e < 4; ++e) {
    if ((v[e] >= f->level) != (v[(e + 1) % 4] >= f->level)) {
      crossed[count++] = e;
    }
  }
  // A saddle crosses all four edges: 0-1 and 2-3 cut off corners 1 and 3; else corners 0 and 2 are cut off.
  if (count == 4 && ((v[0] + v[1] + v[2] + v[3]) / 4 >= f->level) != (v[0] >= f->level)) {
    crossed[0] = 3;
    crossed[1] = 0;
    crossed[2] = 1;
    crossed[3] = 2;
  }
  for (int n = 0; n + 1 < count; n += 2) {
    double a[2], b[2];
    crossing(f, i, j, crossed[n], v, a);
    crossing(f, i, j, crossed[n + 1], v, b);
    put(user, a, b);
  }
  return (size_t)count / 2;
}

static size_t contour(const field *f, segment_fn put, void *user) {
  size_t segments = 0;
  for (int64_t j = 0; f->k >= 0 && j + 1 < f->grid->size[f->slice->up]; ++j) {
    for (int64_t i = 0; i + 1 < f->grid->size[f->slice->across]; ++i) {
      segments += cell(f, i, j, put, user);
    }
  }
  return segments;
}

static field dose_field(const cli_slice *s, double share) {
  const pencone_grid *g = pencone_dose_grid_of(s->dose);
  const field f = {.slice = s,
                   .grid = g,
                   .values = pencone_dose_values_const(s->dose),
                   .k = index_at(g, s->normal, s->at_mm),
                   .level = share * s->full};
  return f;
}

static void put_segment(void *user, const double a[2], const double b[2]) {
  fprintf(user, "%.3f %.3f\n%.3f %.3f\n\n", a[0], a[1], b[0], b[1]);
}

size_t cli_slice_isodose(cli_picture *picture, const char *name, const cli_slice *slice, double share) {
  const field f = dose_field(slice, share);
  cli_picture_data(picture, name);
  const size_t segments = contour(&f, put_segment, picture->out);
  if (segments == 0) {
    fputs("NaN NaN\n", picture->out);  // gnuplot wants a line
  }
  cli_picture_data_end(picture);
  return segments;
}

size_t cli_slice_outline(cli_picture *picture, const char *name, const cli_slice *slice, int structure) {
  const pencone_grid *g = &pencone_phantom_describe(slice->phantom)->grid;
  const field f = {.slice = slice,
                   .grid = g,
                   .mask = pencone_phantom_structure_mask(slice->phantom, structure),
                   .k = index_at(g, slice->normal, slice->at_mm),
                   .level = 127.5};
  cli_picture_data(picture, name);
  const size_t segments = contour(&f, put_segment, picture->out);
  if (segments == 0) {
    fputs("NaN NaN\n", picture->out);
  }
  cli_picture_data_end(picture);
  return segments;
}

// --- labels ------------------------------------------------------------------------------------

typedef struct farthest {
  double direction[2], best, place[2];
} farthest;

static void keep_farthest(void *user, const double a[2], const double b[2]) {
  farthest *f = user;
  const double middle[2] = {0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])};
  const double along = middle[0] * f->direction[0] + middle[1] * f->direction[1];
  if (along > f->best) {
    f->best = along;
    f->place[0] = middle[0];
    f->place[1] = middle[1];
  }
}

int cli_slice_label(const cli_slice *slice, double share, double angle_rad, double place_mm[2]) {
  const field f = dose_field(slice, share);
  farthest search = {{cos(angle_rad), sin(angle_rad)}, -INFINITY, {0, 0}};
  if (contour(&f, keep_farthest, &search) == 0) {
    return 0;
  }
  place_mm[0] = search.place[0];
  place_mm[1] = search.place[1];
  return 1;
}

// --- image -------------------------------------------------------------------------------------

/// Grey of the tissue at a point, 0 to 1: density from 0 to 2 g/cm3 on a curve that keeps soft tissue apart.
static double grey_at(const cli_slice *s, const double xyz[3]) {
  if (s->phantom == NULL) {
    return 1;
  }
  const pencone_grid *g = &pencone_phantom_describe(s->phantom)->grid;
  int64_t at[3];
  for (int axis = 0; axis < 3; ++axis) {
    at[axis] = index_at(g, axis, xyz[axis]);
    if (at[axis] < 0) {
      return 0;
    }
  }
  const double density = pencone_phantom_density_at(s->phantom, at[0], at[1], at[2]);
  return fmin(density / 2, 1);
}

static void put_pixel(cli_picture *picture, const cli_slice *s, const double xyz[3]) {
  const double grey = 255 * grey_at(s, xyz);
  const double dose = pencone_dose_at(s->dose, xyz) / s->full;
  int rgb[3];
  double wash = 0;
  if (dose >= s->wash_from) {  // false for NaN, outside the dose
    cli_picture_scale(dose, rgb);
    wash = s->phantom != NULL ? 0.55 : 1;
  } else {
    rgb[0] = rgb[1] = rgb[2] = 0;
  }
  fprintf(picture->out, "%.3f %.3f %.0f %.0f %.0f\n", xyz[s->across], xyz[s->up],
          (1 - wash) * grey + wash * rgb[0], (1 - wash) * grey + wash * rgb[1],
          (1 - wash) * grey + wash * rgb[2]);
}

void cli_slice_image(cli_picture *picture, const char *name, const cli_slice *slice) {
  const pencone_grid *g = pencone_dose_grid_of(slice->dose);
  cli_picture_data(picture, name);
  double xyz[3];
  xyz[slice->normal] = slice->at_mm;
  for (int64_t j = 0; j < g->size[slice->up]; ++j) {
    for (int64_t i = 0; i < g->size[slice->across]; ++i) {
      xyz[slice->across] = g->origin_mm[slice->across] + (double)i * g->spacing_mm[slice->across];
      xyz[slice->up] = g->origin_mm[slice->up] + (double)j * g->spacing_mm[slice->up];
      put_pixel(picture, slice, xyz);
    }
  }
  cli_picture_data_end(picture);
}

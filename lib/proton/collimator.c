// SPDX-License-Identifier: Apache-2.0
// Protons of a spot that meet the patient at x crossed the collimator at a place whose mean and width follow
// from the spot's moments (eq. 11); the share that goes through is the opening's outline blurred by that
// width.
#include "proton/collimator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { LINES = 8, NODES_MAX = 800 };  // scan lines in a row of nodes; nodes along the longer side
static const double step_mm = 0.25;   // of the map, where the opening is not larger than NODES_MAX of it
static const double spacing_max_mm = 1;
static const double least_sigma =
    0.35;  // of the edge over the distance of rays: it is placed to 0.03 of that
static const double distance_max_mm = 2000, outline_max_mm = 1000;

double pcn_collimator_spacing(const pencone_beam *beam, double wanted_mm) {
  return beam->aperture_point_count > 0 ? fmin(wanted_mm, spacing_max_mm) : wanted_mm;
}

// --- outline -----------------------------------------------------------------------------------

static double turn(const pencone_aperture_point *a, const pencone_aperture_point *b,
                   const pencone_aperture_point *c) {
  return (b->x_mm - a->x_mm) * (c->y_mm - a->y_mm) - (b->y_mm - a->y_mm) * (c->x_mm - a->x_mm);
}

static int edges_cross(const pencone_aperture_point *p, int count, int i, int j) {
  const pencone_aperture_point *a = &p[i], *b = &p[(i + 1) % count], *c = &p[j], *d = &p[(j + 1) % count];
  return turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;
}

static double area_mm2(const pencone_aperture_point *p, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++) {
    const pencone_aperture_point *a = &p[i], *b = &p[(i + 1) % count];
    sum += a->x_mm * b->y_mm - b->x_mm * a->y_mm;
  }
  return fabs(0.5 * sum);
}

pencone_status pcn_collimator_check(pencone_context *ctx, const pencone_beam *beam) {
  enum { POINTS_MAX = 1000 };
  const int count = beam->aperture_point_count;
  const pencone_aperture_point *p = beam->aperture_points;
  if (count == 0) {
    return PENCONE_OK;
  }
  PCN_CHECK(ctx, count >= 3 && count <= POINTS_MAX && p != NULL, PENCONE_E_RANGE,
            "beam %s: aperture: got an outline of %d points, expected 3 to %d", beam->name,
            p != NULL ? count : 0, POINTS_MAX);
  PCN_CHECK(ctx, beam->aperture_distance_mm >= 0 && beam->aperture_distance_mm <= distance_max_mm,
            PENCONE_E_RANGE, "beam %s: aperture: distance_mm: got %g, expected 0 to %g", beam->name,
            beam->aperture_distance_mm, distance_max_mm);
  for (int i = 0; i < count; i++) {
    PCN_CHECK(ctx, fabs(p[i].x_mm) <= outline_max_mm && fabs(p[i].y_mm) <= outline_max_mm, PENCONE_E_RANGE,
              "beam %s: aperture: point %d: got (%g, %g) mm, expected -%g to %g", beam->name, i + 1,
              p[i].x_mm, p[i].y_mm, outline_max_mm, outline_max_mm);
  }
  for (int i = 0; i < count; i++) {
    for (int j = i + 2; j < count; j++) {
      PCN_CHECK(
          ctx, !edges_cross(p, count, i, j), PENCONE_E_RANGE,
          "beam %s: aperture: got edges from point %d and from point %d that cross, expected an outline without crossings",
          beam->name, i + 1, j + 1);
    }
  }
  const double area = area_mm2(p, count), least_mm2 = 1;
  PCN_CHECK(ctx, area >= least_mm2, PENCONE_E_RANGE,
            "beam %s: aperture: got an opening of %g mm2, expected %g or more", beam->name, area, least_mm2);
  return PENCONE_OK;
}

// --- map ---------------------------------------------------------------------------------------

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Adds the part of each node's cell that lies between two places of a scan line.
static void add_span(pcn_axis axis, double from, double to, float share, float *row) {
  const double low = (from - axis.first) / axis.step + 0.5,
               high = (to - axis.first) / axis.step + 0.5;  // in cells
  const int64_t first = (int64_t)fmax(floor(low), 0),
                last = (int64_t)fmin(floor(high), (double)(axis.count - 1));
  for (int64_t i = first; i <= last; i++) {
    row[i] += share * (float)fmax(fmin(high, (double)(i + 1)) - fmax(low, (double)i), 0);
  }
}

// Coverage of each node's cell by the outline: even-odd over scan lines, exact along them.
static void paint(const pencone_beam *beam, pcn_collimator *c, double *crossing) {
  const pencone_aperture_point *p = beam->aperture_points;
  const int count = beam->aperture_point_count;
  for (int64_t line = 0; line < c->axis[1].count * LINES; line++) {
    const double y = c->axis[1].first + c->axis[1].step * (((double)line + 0.5) / LINES - 0.5);
    size_t found = 0;
    for (int i = 0; i < count; i++) {
      const pencone_aperture_point *a = &p[i], *b = &p[(i + 1) % count];
      if ((a->y_mm <= y) != (b->y_mm <= y)) {
        crossing[found++] = a->x_mm + (b->x_mm - a->x_mm) * (y - a->y_mm) / (b->y_mm - a->y_mm);
      }
    }
    qsort(crossing, found, sizeof *crossing, by_value);
    for (size_t i = 0; i + 1 < found; i += 2) {
      add_span(c->axis[0], crossing[i], crossing[i + 1], 1.0f / LINES,
               c->pass + line / LINES * c->axis[0].count);
    }
  }
}

// Half of a Gaussian on nodes. Below one node it would be too narrow: three values of the right variance.
static void kernel(double sigma, int64_t reach, float *half) {
  double sum = 0;
  for (int64_t i = 0; i <= reach; i++) {
    const double narrow = i == 0 ? 1 - sigma * sigma : i == 1 ? 0.5 * sigma * sigma : 0;
    const double value = sigma < 0.8 ? narrow : exp(-0.5 * (double)(i * i) / (sigma * sigma));
    half[i] = (float)value;
    sum += i == 0 ? value : 2 * value;
  }
  for (int64_t i = 0; i <= reach; i++) {
    half[i] = (float)((double)half[i] / sum);
  }
}

// Blurs a line of values that lie stride apart. @param scratch  one line, and the Gaussian's half behind it
static void blur_line(float *value, int64_t count, int64_t stride, double sigma, float *scratch) {
  const int64_t reach = (int64_t)ceil(4 * sigma);
  float *half = scratch + count;
  kernel(sigma, reach, half);
  for (int64_t i = 0; i < count; i++) {
    scratch[i] = value[i * stride];
  }
  for (int64_t i = 0; i < count; i++) {
    float mean = half[0] * scratch[i];
    for (int64_t d = 1; d <= reach; d++) {
      mean += half[d] * ((i >= d ? scratch[i - d] : 0) + (i + d < count ? scratch[i + d] : 0));
    }
    value[i * stride] = mean;
  }
}

static pencone_status blur(pencone_context *ctx, const double sigma_mm[2], pcn_collimator *c) {
  const int64_t nx = c->axis[0].count, ny = c->axis[1].count, longer = nx > ny ? nx : ny;
  const double sigma[2] = {sigma_mm[0] / c->axis[0].step, sigma_mm[1] / c->axis[1].step};
  const size_t reach = (size_t)ceil(4 * fmax(sigma[0], sigma[1])) + 1;
  float *scratch = pcn_alloc(ctx, (size_t)longer + reach, sizeof *scratch);
  if (scratch == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int64_t j = 0; j < ny && sigma[0] > 0; j++) {
    blur_line(c->pass + j * nx, nx, 1, sigma[0], scratch);
  }
  for (int64_t i = 0; i < nx && sigma[1] > 0; i++) {
    blur_line(c->pass + i, ny, nx, sigma[1], scratch);
  }
  pcn_free(scratch);
  return PENCONE_OK;
}

static pencone_status make_map(pencone_context *ctx, const pencone_beam *beam, const double sigma_mm[2],
                               pcn_collimator *out) {
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (int i = 0; i < beam->aperture_point_count; i++) {
    const double at[2] = {beam->aperture_points[i].x_mm, beam->aperture_points[i].y_mm};
    for (int a = 0; a < 2; a++) {
      low[a] = fmin(low[a], at[a]);
      high[a] = fmax(high[a], at[a]);
    }
  }
  const double step = fmax(step_mm, fmax(high[0] - low[0], high[1] - low[1]) / NODES_MAX);
  double left_mm[2];
  for (int a = 0; a < 2; a++) {
    const double margin = 4 * sigma_mm[a] + 2 * step;
    out->axis[a].first = low[a] - margin;
    out->axis[a].step = step;
    out->axis[a].count = (int64_t)ceil((high[a] - low[a] + 2 * margin) / step) + 1;
    // Cells and straight lines between their middles blur as well.
    left_mm[a] = sqrt(fmax(sigma_mm[a] * sigma_mm[a] - step * step / 4, 0));
  }
  out->pass = pcn_calloc(ctx, (size_t)(out->axis[0].count * out->axis[1].count), sizeof *out->pass);
  double *crossing = pcn_alloc(ctx, (size_t)beam->aperture_point_count, sizeof *crossing);
  pencone_status status = out->pass != NULL && crossing != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    paint(beam, out, crossing);
    status = blur(ctx, left_mm, out);
  }
  pcn_free(crossing);
  return status;
}

// --- a layer -----------------------------------------------------------------------------------

pencone_status pcn_collimator_make(pencone_context *ctx, const pencone_beam *beam, const pcn_optics *optics,
                                   const pcn_ray_width *width, pcn_collimator *out) {
  memset(out, 0, sizeof *out);
  if (beam->aperture_point_count == 0) {
    return PENCONE_OK;
  }
  const pencone_machine_desc *machine = pencone_machine_describe(beam->machine);
  const double z = -beam->aperture_distance_mm, entry = width->entry_mm;
  PCN_CHECK(
      ctx, z <= entry, PENCONE_E_GEOMETRY,
      "beam %s: aperture: got a distance of %g mm to the isocentre, expected %.1f or more: the beam meets matter there",
      beam->name, beam->aperture_distance_mm, -entry);
  PCN_CHECK(
      ctx, !(optics->water_mm > 0) || z >= optics->shifter_z_mm, PENCONE_E_GEOMETRY,
      "beam %s: aperture: got a distance of %g mm to the isocentre, expected %g or less: the range shifter is there",
      beam->name, beam->aperture_distance_mm, -optics->shifter_z_mm);
  double sigma_mm[2];
  for (int a = 0; a < 2; a++) {
    const double at = pcn_optics_spread(machine, a, z), there = pcn_optics_spread(machine, a, entry);
    const double place = pcn_optics_variance(optics, z) / (at * at),
                 met = pcn_optics_variance(optics, entry) / (there * there);
    const double both = pcn_optics_covariance(optics, z, entry) / (at * there);
    out->follow[a] = both / met;
    // Less what the ray's own width adds to the edge; the lattice needs some width to place it.
    const double own_mm = out->follow[a] * width->own_mm, least_mm = least_sigma * width->spacing_mm;
    sigma_mm[a] = sqrt(fmax(place - both * both / met - own_mm * own_mm, least_mm * least_mm));
  }
  return make_map(ctx, beam, sigma_mm, out);
}

void pcn_collimator_free(pcn_collimator *collimator) {
  pcn_free(collimator->pass);
  memset(collimator, 0, sizeof *collimator);
}

double pcn_collimator_pass(const pcn_collimator *c, const double spot_mm[2], double x_mm, double y_mm) {
  if (c->pass == NULL) {
    return 1;
  }
  const double at[2] = {x_mm, y_mm};
  int64_t low[2];
  double u[2];
  for (int a = 0; a < 2; a++) {
    const double crossed_mm = spot_mm[a] + c->follow[a] * (at[a] - spot_mm[a]);
    const double node = (crossed_mm - c->axis[a].first) / c->axis[a].step;
    if (!(node >= 0 && node < (double)(c->axis[a].count - 1))) {
      return 0;  // the map ends where nothing goes through
    }
    low[a] = (int64_t)node;
    u[a] = node - (double)low[a];
  }
  const float *p = c->pass + low[1] * c->axis[0].count + low[0], *q = p + c->axis[0].count;
  return (1 - u[1]) * ((1 - u[0]) * (double)p[0] + u[0] * (double)p[1]) +
         u[1] * ((1 - u[0]) * (double)q[0] + u[0] * (double)q[1]);
}

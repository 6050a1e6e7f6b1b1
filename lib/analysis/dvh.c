// SPDX-License-Identifier: Apache-2.0
// Dose-volume histogram without bins (docs/theory/dvh.md). A structure voxel is divided into pieces no larger
// than the dose voxels; over a piece the dose is taken as linear, so that a piece spreads its volume evenly
// over an interval of dose. In boundary voxels the pieces on the inner side of a plane are kept.
#include "dvh.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "gamma_search.h"

enum {
  FULL_SHARE = 255,
  CUT_PIECES = 4,    ///< pieces per axis of a boundary voxel, at least
  MOST_PIECES = 16,  ///< per axis of any voxel
  PIECES_ROOM = MOST_PIECES * MOST_PIECES * MOST_PIECES
};

/// The collection of samples in progress.
typedef struct collector {
  const pencone_dose *dose;
  const pencone_grid *g;  ///< of the structure
  const uint8_t *mask;
  int pieces[2][3];  ///< per axis, of inner and of boundary voxels
  int coarse;        ///< a structure voxel holds several dose voxels: slopes are measured piece by piece
  pcn_dvh_sample *samples;
  size_t count;
  size_t outside;  ///< pieces outside the dose grid
  float *depth;    ///< scratch: positions of the pieces along the inner normal
} collector;

static int mask_at(const collector *c, int64_t i, int64_t j, int64_t k) {
  const int64_t *n = c->g->size;
  if (i < 0 || j < 0 || k < 0 || i >= n[0] || j >= n[1] || k >= n[2]) {
    return 0;
  }
  return c->mask[(k * n[1] + j) * n[0] + i];
}

/// Direction into the structure from the shares of the 26 neighbours, nearer ones counting more.
static void inner_normal(const collector *c, const int64_t v[3], double normal[3]) {
  normal[0] = normal[1] = normal[2] = 0;
  for (int n = 0; n < 27; ++n) {
    const int d[3] = {n % 3 - 1, n / 3 % 3 - 1, n / 9 - 1};
    const int apart = abs(d[0]) + abs(d[1]) + abs(d[2]);
    const double w = (double)(4 >> apart) * mask_at(c, v[0] + d[0], v[1] + d[1], v[2] + d[2]);
    for (int axis = 0; axis < 3; ++axis) {
      normal[axis] += w * d[axis] / c->g->spacing_mm[axis];
    }
  }
}

static double smallest(double a, double b) {
  return a < b ? a : b;
}

/// Slope of the dose along each axis around p, Gy/mm, over the given lengths.
static void measure_slope(const collector *c, const double p[3], const double length_mm[3], double slope[3]) {
  for (int axis = 0; axis < 3; ++axis) {
    double low[3] = {p[0], p[1], p[2]}, high[3] = {p[0], p[1], p[2]};
    low[axis] -= 0.5 * length_mm[axis];
    high[axis] += 0.5 * length_mm[axis];
    const double difference = pencone_dose_at(c->dose, high) - pencone_dose_at(c->dose, low);
    slope[axis] = isfinite(difference) ? difference / length_mm[axis] : 0;  // on the border of the dose grid
  }
}

/// How far the dose spreads in a piece: linear dose has the variance of an even spread over
/// sqrt(sum of (slope x edge)^2).
static double spread(const double slope[3], const double edge_mm[3], double dose) {
  double sum = 0;
  for (int axis = 0; axis < 3; ++axis) {
    sum += slope[axis] * slope[axis] * edge_mm[axis] * edge_mm[axis];
  }
  const double width = sqrt(sum);
  return width > 1e-6 * fabs(dose) ? width : 0;  // a uniform dose is a step, not a slope
}

/// Share of a piece on the inner side of the cut: from 0 to 1 while the cut passes through it.
static double inside_share(double depth, double cut, double reach) {
  return fmin(fmax(0.5 + 0.5 * (depth - cut) / reach, 0), 1);
}

/// The plane that cuts a boundary voxel.
typedef struct plane {
  double normal[3];  ///< into the structure
  double cut;        ///< depth along the normal; pieces beyond it are inside
  double reach;      ///< half of a piece's extent along the normal
  int main_axis;     ///< axis nearest to the normal
} plane;

/// Depth of the cut that leaves the given share of the voxel inside, found by halving.
static double find_cut(const collector *c, size_t pieces, double share, double reach) {
  double low = INFINITY, high = -INFINITY;
  for (size_t m = 0; m < pieces; ++m) {
    low = fmin(low, (double)c->depth[m] - reach);
    high = fmax(high, (double)c->depth[m] + reach);
  }
  for (int step = 0; step < 24; ++step) {  // to 1e-7 of the voxel
    const double middle = 0.5 * (low + high);
    double inside = 0;
    for (size_t m = 0; m < pieces; ++m) {
      inside += inside_share((double)c->depth[m], middle, reach);
    }
    if (inside > share * (double)pieces) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return 0.5 * (low + high);
}

/// A voxel and how it is divided.
typedef struct division {
  double centre[3], edge[3];  ///< of the voxel; of a piece
  double slope[3];            ///< of the dose around the centre
  const int *n;
  size_t pieces;
} division;

/// Centre of piece m relative to the voxel's.
static void piece_offset(const division *d, size_t m, double offset[3]) {
  const size_t nx = (size_t)d->n[0], ny = (size_t)d->n[1];
  const size_t at[3] = {m % nx, m / nx % ny, m / nx / ny};
  for (int axis = 0; axis < 3; ++axis) {
    offset[axis] = ((double)at[axis] + 0.5 - 0.5 * d->n[axis]) * d->edge[axis];
  }
}

static void find_plane(collector *c, const division *d, const int64_t v[3], int share, plane *out) {
  inner_normal(c, v, out->normal);
  out->reach = 0;
  out->main_axis = 0;
  for (int axis = 0; axis < 3; ++axis) {
    out->reach += 0.5 * fabs(out->normal[axis]) * d->edge[axis];
    out->main_axis = fabs(out->normal[axis]) > fabs(out->normal[out->main_axis]) ? axis : out->main_axis;
  }
  out->reach = fmax(out->reach, 1e-9);  // no direction is better than another: all pieces keep the same share
  for (size_t m = 0; m < d->pieces; ++m) {
    double offset[3];
    piece_offset(d, m, offset);
    c->depth[m] =
        (float)(offset[0] * out->normal[0] + offset[1] * out->normal[1] + offset[2] * out->normal[2]);
  }
  out->cut = find_cut(c, d->pieces, (double)share / FULL_SHARE, out->reach);
}

/// Adds piece m, or its inner part: that is shorter along the main axis and lies further in.
static void add_piece(collector *c, const division *d, size_t m, const plane *cut) {
  double p[3], offset[3], edge[3] = {d->edge[0], d->edge[1], d->edge[2]};
  piece_offset(d, m, offset);
  if (cut != NULL) {
    const double inside = inside_share((double)c->depth[m], cut->cut, cut->reach);
    const int axis = cut->main_axis;
    offset[axis] += 0.5 * (1 - inside) * edge[axis] * (cut->normal[axis] < 0 ? -1 : 1);
    edge[axis] *= inside;
  }
  const double volume_cm3 = 1e-3 * edge[0] * edge[1] * edge[2];
  if (!(volume_cm3 > 0)) {
    return;
  }
  for (int axis = 0; axis < 3; ++axis) {
    p[axis] = d->centre[axis] + offset[axis];
  }
  const double dose = pencone_dose_at(c->dose, p);
  if (!isfinite(dose)) {
    ++c->outside;
    return;
  }
  double slope[3] = {d->slope[0], d->slope[1], d->slope[2]};
  if (c->coarse) {
    measure_slope(c, p, edge, slope);
  }
  pcn_dvh_sample *sample = &c->samples[c->count++];
  sample->dose = (float)dose;
  sample->width = (float)spread(slope, edge, dose);
  sample->volume = (float)volume_cm3;
}

/// Adds the pieces of one voxel.
static void add_voxel(collector *c, const int64_t v[3], int share) {
  const int cut = share < FULL_SHARE;
  plane plane_of_cut;
  division d = {.n = c->pieces[cut], .pieces = 1};
  pencone_grid_centre(c->g, v[0], v[1], v[2], d.centre);
  for (int axis = 0; axis < 3; ++axis) {
    d.edge[axis] = c->g->spacing_mm[axis] / d.n[axis];
    d.pieces *= (size_t)d.n[axis];
  }
  if (!c->coarse) {
    measure_slope(c, d.centre, c->g->spacing_mm, d.slope);
  }
  if (cut) {
    find_plane(c, &d, v, share, &plane_of_cut);
  }
  for (size_t m = 0; m < d.pieces; ++m) {
    add_piece(c, &d, m, cut ? &plane_of_cut : NULL);
  }
}

/// Pieces of each voxel kind: no larger than the dose voxels.
static void choose_pieces(collector *c) {
  const pencone_grid *dose = pencone_dose_grid_of(c->dose);
  for (int axis = 0; axis < 3; ++axis) {
    const double ratio = c->g->spacing_mm[axis] / dose->spacing_mm[axis];
    const int n = (int)smallest(ceil(ratio - 1e-6), MOST_PIECES);
    c->coarse = c->coarse || n > 1;
    c->pieces[0][axis] = n > 1 ? n : 1;
    c->pieces[1][axis] = n > CUT_PIECES ? n : CUT_PIECES;
  }
}

/// Room for all samples of the structure. @return 0 for an empty structure.
static size_t most_samples(const collector *c) {
  size_t kinds[2] = {0, 0}, sum = 0;
  for (size_t i = 0; i < pencone_grid_voxels(c->g); ++i) {
    if (c->mask[i] > 0) {
      ++kinds[c->mask[i] < FULL_SHARE];
    }
  }
  for (int kind = 0; kind < 2; ++kind) {
    const int *n = c->pieces[kind];
    sum += kinds[kind] * (size_t)n[0] * (size_t)n[1] * (size_t)n[2];
  }
  return sum;
}

static pencone_status collect(pencone_context *ctx, collector *c) {
  choose_pieces(c);
  const size_t room = most_samples(c);
  PCN_CHECK(ctx, room > 0, PENCONE_E_RANGE,
            "dvh: got a structure without voxels, expected one that is not empty");
  c->samples = pcn_alloc(ctx, room, sizeof *c->samples);
  c->depth = pcn_alloc(ctx, PIECES_ROOM, sizeof *c->depth);
  if (c->samples == NULL || c->depth == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int64_t k = 0; k < c->g->size[2]; ++k) {
    PCN_TRY(pcn_progress(ctx, (double)k / (double)c->g->size[2], "dvh"));
    for (int64_t j = 0; j < c->g->size[1]; ++j) {
      for (int64_t i = 0; i < c->g->size[0]; ++i) {
        const int share = mask_at(c, i, j, k);
        const int64_t voxel[3] = {i, j, k};
        if (share > 0) {
          add_voxel(c, voxel, share);
        }
      }
    }
  }
  PCN_CHECK(ctx, c->outside == 0, PENCONE_E_SHAPE,
            "dvh: got %.3g %% of the structure outside the dose grid, expected all of it inside",
            100.0 * (double)c->outside / (double)(c->outside + c->count));
  return PENCONE_OK;
}

static int by_rising_dose(const void *a, const void *b) {
  const float x = ((const pcn_dvh_sample *)a)->dose, y = ((const pcn_dvh_sample *)b)->dose;
  return (x > y) - (x < y);
}

/// Sorts the samples and sums them up.
static pencone_status finish(pencone_context *ctx, collector *c, pencone_dvh *dvh) {
  dvh->samples = c->samples;
  dvh->count = c->count;
  c->samples = NULL;
  dvh->hotter = pcn_alloc(ctx, dvh->count + 1, sizeof *dvh->hotter);
  if (dvh->hotter == NULL) {
    return PENCONE_E_MEMORY;
  }
  qsort(dvh->samples, dvh->count, sizeof *dvh->samples, by_rising_dose);
  double energy = 0;
  dvh->hotter[dvh->count] = 0;
  for (size_t i = dvh->count; i-- > 0;) {
    const pcn_dvh_sample *s = &dvh->samples[i];
    dvh->hotter[i] = dvh->hotter[i + 1] + (double)s->volume;
    energy += (double)s->volume * (double)s->dose;
    dvh->widest = fmax(dvh->widest, (double)s->width);
  }
  dvh->min = (double)dvh->samples[0].dose;
  dvh->max = (double)dvh->samples[dvh->count - 1].dose;
  dvh->mean = energy / dvh->hotter[0];
  return PENCONE_OK;
}

pencone_status pencone_dvh_create(pencone_context *ctx, const pencone_dose *dose, const pencone_grid *grid,
                                  const uint8_t *mask, pencone_dvh **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "dvh: the place for the result is NULL");
  *out = NULL;
  PCN_CHECK(ctx, dose != NULL && grid != NULL && mask != NULL, PENCONE_E_ARGUMENT,
            "dvh: got dose %s, grid %s, mask %s, expected all three", dose ? "given" : "NULL",
            grid ? "given" : "NULL", mask ? "given" : "NULL");
  PCN_TRY(pencone_grid_check(ctx, grid));
  PCN_TRY(pcn_check_finite(ctx, "dvh: dose", pencone_dose_values_const(dose),
                           pencone_grid_voxels(pencone_dose_grid_of(dose))));
  pencone_dvh *dvh = pcn_calloc(ctx, 1, sizeof *dvh);
  if (dvh == NULL) {
    return PENCONE_E_MEMORY;
  }
  collector c = {.dose = dose, .g = grid, .mask = mask};
  pencone_status status = collect(ctx, &c);
  if (status == PENCONE_OK) {
    status = finish(ctx, &c, dvh);
  }
  pcn_free(c.samples);
  pcn_free(c.depth);
  if (status != PENCONE_OK) {
    pencone_dvh_destroy(dvh);
    return status;
  }
  *out = dvh;
  return PENCONE_OK;
}

void pencone_dvh_destroy(pencone_dvh *dvh) {
  if (dvh != NULL) {
    pcn_free(dvh->samples);
    pcn_free(dvh->hotter);
    pcn_free(dvh);
  }
}

// --- questions ---------------------------------------------------------------------------------

double pcn_dvh_sample_share(const pcn_dvh_sample *sample, double dose_gy) {
  const double dose = (double)sample->dose, width = (double)sample->width;
  if (!(width > 0)) {
    return dose >= dose_gy;
  }
  return fmin(fmax((dose + 0.5 * width - dose_gy) / width, 0), 1);
}

/// First sample whose dose is not below dose_gy.
static size_t first_at_least(const pencone_dvh *dvh, double dose_gy) {
  size_t low = 0, high = dvh->count;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if ((double)dvh->samples[middle].dose < dose_gy) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

double pencone_dvh_volume_at(const pencone_dvh *dvh, double dose_gy) {
  if (dvh == NULL || isnan(dose_gy)) {
    return NAN;
  }
  // Only samples within half of the largest width can lie on both sides of the dose.
  const size_t first = first_at_least(dvh, dose_gy - 0.5 * dvh->widest);
  size_t last = first_at_least(dvh, dose_gy + 0.5 * dvh->widest);
  while (last < dvh->count && (double)dvh->samples[last].dose <= dose_gy + 0.5 * dvh->widest) {
    ++last;
  }
  double volume = dvh->hotter[last];
  for (size_t i = first; i < last; ++i) {
    volume += (double)dvh->samples[i].volume * pcn_dvh_sample_share(&dvh->samples[i], dose_gy);
  }
  return fmin(100 * volume / dvh->hotter[0], 100);
}

double pencone_dvh_dose_at(const pencone_dvh *dvh, double volume_pct) {
  if (dvh == NULL || !(volume_pct >= 0 && volume_pct <= 100)) {
    return NAN;
  }
  // The highest dose whose V is at least the volume. V falls with dose: halve the interval.
  double low = dvh->min, high = dvh->max;
  if (pencone_dvh_volume_at(dvh, high) >= volume_pct) {
    return high;
  }
  for (int step = 0; step < 60 && high - low > 1e-9 * fabs(high); ++step) {
    const double middle = 0.5 * (low + high);
    if (pencone_dvh_volume_at(dvh, middle) >= volume_pct) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

void pencone_dvh_summarise(const pencone_dvh *dvh, pencone_dvh_summary *out) {
  if (dvh == NULL || out == NULL) {
    return;
  }
  out->volume_cm3 = dvh->hotter[0];
  out->min = dvh->min;
  out->max = dvh->max;
  out->mean = dvh->mean;
  out->d2 = pencone_dvh_dose_at(dvh, 2);
  out->d5 = pencone_dvh_dose_at(dvh, 5);
  out->d50 = pencone_dvh_dose_at(dvh, 50);
  out->d95 = pencone_dvh_dose_at(dvh, 95);
  out->d98 = pencone_dvh_dose_at(dvh, 98);
  // A thousandth: below, D50 is what engines leave out or round, and the quotient has no meaning.
  out->homogeneity = out->d50 > 0 && out->d50 >= 1e-3 * out->d2 ? (out->d2 - out->d98) / out->d50 : NAN;
}

// SPDX-License-Identifier: Apache-2.0
// What physicists read off curves: depth dose and lateral profile. Definitions and sources:
// docs/theory/metrics.md. Between samples the dose is linear.
#include <math.h>
#include <pencone/analysis.h>

#include "base/base.h"

/// Samples of a curve.
typedef struct samples {
  const double *x, *y;
  size_t n;
} samples;

static pencone_status check_samples(pencone_context *ctx, const char *what, const samples *s,
                                    const void *out) {
  PCN_CHECK(ctx, s->x != NULL && s->y != NULL && out != NULL && s->n >= 5, PENCONE_E_ARGUMENT,
            "%s: got positions %s, dose %s, %zu samples, expected both and 5 or more", what,
            s->x ? "given" : "NULL", s->y ? "given" : "NULL", s->n);
  double highest = 0;
  for (size_t i = 0; i < s->n; ++i) {
    PCN_CHECK(ctx, isfinite(s->x[i]) && isfinite(s->y[i]), PENCONE_E_RANGE,
              "%s: sample %zu: got %g mm, %g, expected finite numbers", what, i, s->x[i], s->y[i]);
    PCN_CHECK(ctx, i == 0 || s->x[i] > s->x[i - 1], PENCONE_E_RANGE,
              "%s: sample %zu: got %g mm after %g mm, expected rising positions", what, i, s->x[i],
              i > 0 ? s->x[i - 1] : 0);
    highest = fmax(highest, s->y[i]);
  }
  PCN_CHECK(ctx, highest > 0, PENCONE_E_RANGE, "%s: got a largest dose of %g, expected a dose above 0", what,
            highest);
  return PENCONE_OK;
}

/// Dose at x by linear interpolation; NaN outside the samples.
static double value_at(const samples *s, double x) {
  if (!(x >= s->x[0] && x <= s->x[s->n - 1])) {
    return NAN;
  }
  size_t low = 0, high = s->n - 1;
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    if (s->x[middle] <= x) {
      low = middle;
    } else {
      high = middle;
    }
  }
  const double t = (x - s->x[low]) / (s->x[high] - s->x[low]);
  return (1 - t) * s->y[low] + t * s->y[high];
}

/// First crossing of a level on the way from sample `from` in direction step; NaN when there is none.
static double crossing(const samples *s, size_t from, int step, double level) {
  size_t i = from;
  while (step > 0 ? i + 1 < s->n : i > 0) {
    const size_t next = step > 0 ? i + 1 : i - 1;
    if ((s->y[i] >= level) != (s->y[next] >= level)) {
      return s->x[i] + (level - s->y[i]) / (s->y[next] - s->y[i]) * (s->x[next] - s->x[i]);
    }
    i = next;
  }
  return NAN;
}

static size_t top_of(const samples *s) {
  size_t top = 0;
  for (size_t i = 1; i < s->n; ++i) {
    top = s->y[i] > s->y[top] ? i : top;
  }
  return top;
}

// --- lateral profile ---------------------------------------------------------------------------

/// Sample nearest to a position.
static size_t nearest(const samples *s, double x) {
  size_t best = 0;
  for (size_t i = 1; i < s->n; ++i) {
    best = fabs(s->x[i] - x) < fabs(s->x[best] - x) ? i : best;
  }
  return best;
}

/// Edges at half of the central dose. The centre is the middle between the edges, so the two depend on
/// each other: start from the edges at half of the maximum and repeat until nothing moves.
static double find_edges(const samples *s, pencone_profile_metrics *out) {
  size_t middle = top_of(s);
  double centre_dose = s->y[middle];
  for (int round = 0; round < 20; ++round) {
    out->left_mm = crossing(s, middle, -1, 0.5 * centre_dose);
    out->right_mm = crossing(s, middle, 1, 0.5 * centre_dose);
    const double centre = 0.5 * (out->left_mm + out->right_mm);
    if (isnan(centre)) {
      return centre_dose;
    }
    const double dose = value_at(s, centre);
    const size_t next = nearest(s, centre);
    if (next == middle && fabs(dose - centre_dose) <= 1e-12 * centre_dose) {
      break;
    }
    centre_dose = dose;
    middle = next;
  }
  return centre_dose;
}

static void measure_flat_part(const samples *s, double centre, double centre_dose,
                              pencone_profile_metrics *out) {
  const double half = 0.8 * 0.5 * out->field_mm;
  double lowest = fmin(value_at(s, centre - half), value_at(s, centre + half));
  double highest = fmax(value_at(s, centre - half), value_at(s, centre + half));
  double worst = fabs(value_at(s, centre - half) - value_at(s, centre + half));
  for (size_t i = 0; i < s->n; ++i) {
    if (fabs(s->x[i] - centre) <= half) {
      lowest = fmin(lowest, s->y[i]);
      highest = fmax(highest, s->y[i]);
      worst = fmax(worst, fabs(s->y[i] - value_at(s, 2 * centre - s->x[i])));
    }
  }
  out->flatness_pct = 100 * (highest - lowest) / (highest + lowest);
  out->symmetry_pct = 100 * worst / centre_dose;
}

pencone_status pencone_profile_measure(pencone_context *ctx, const double *x_mm, const double *dose,
                                       size_t count, pencone_profile_metrics *out) {
  const samples s = {x_mm, dose, count};
  PCN_TRY(check_samples(ctx, "profile", &s, out));
  const double centre_dose = find_edges(&s, out);
  out->field_mm = out->right_mm - out->left_mm;
  const double centre = 0.5 * (out->left_mm + out->right_mm);
  out->penumbra_left_mm = out->penumbra_right_mm = NAN;
  out->flatness_pct = out->symmetry_pct = NAN;
  if (!isnan(centre)) {
    // From the half-dose edges outward and inward: dips in the flat part do not count as penumbra.
    const size_t left = nearest(&s, out->left_mm), right = nearest(&s, out->right_mm);
    const double high = 0.8 * centre_dose, low = 0.2 * centre_dose;
    const size_t last = count - 1;
    const double left_high = crossing(&s, left > 0 ? left - 1 : 0, 1, high);
    const double left_low = crossing(&s, left < last ? left + 1 : last, -1, low);
    const double right_high = crossing(&s, right < last ? right + 1 : last, -1, high);
    const double right_low = crossing(&s, right > 0 ? right - 1 : 0, 1, low);
    out->penumbra_left_mm = left_high - left_low;
    out->penumbra_right_mm = right_low - right_high;
    measure_flat_part(&s, centre, centre_dose, out);
  }
  return PENCONE_OK;
}

// --- depth dose --------------------------------------------------------------------------------

/// Depth and height of the parabola through the top sample and its neighbours.
static void find_maximum(const samples *s, size_t top, pencone_depth_metrics *out) {
  out->dmax_mm = s->x[top];
  out->dose_max = s->y[top];
  if (top == 0 || top + 1 == s->n) {
    return;
  }
  const double h0 = s->x[top] - s->x[top - 1], h1 = s->x[top + 1] - s->x[top];
  const double slope0 = (s->y[top] - s->y[top - 1]) / h0, slope1 = (s->y[top + 1] - s->y[top]) / h1;
  const double bend = (slope1 - slope0) / (h0 + h1);  // half of the second derivative, <= 0 at a maximum
  const int peak = s->y[top] > s->y[top - 1] && s->y[top] > s->y[top + 1];  // not the end of a plateau
  if (peak && bend < 0) {
    const double slope = (slope0 * h1 + slope1 * h0) / (h0 + h1);
    const double step = fmin(fmax(-slope / (2 * bend), -h0), h1);
    out->dmax_mm = s->x[top] + step;
    out->dose_max = s->y[top] + slope * step + bend * step * step;
  }
}

pencone_status pencone_depth_measure(pencone_context *ctx, const double *depth_mm, const double *dose,
                                     size_t count, pencone_depth_metrics *out) {
  const samples s = {depth_mm, dose, count};
  PCN_TRY(check_samples(ctx, "depth dose", &s, out));
  const size_t top = top_of(&s);
  find_maximum(&s, top, out);
  out->d20_d10 = value_at(&s, 200) / value_at(&s, 100);
  out->tpr20_10 = 1.2661 * out->d20_d10 - 0.0595;
  // From the far end: the last place where the dose is still above the level is the distal one.
  const size_t last = count - 1;
  const double levels[4] = {0.9, 0.8, 0.5, 0.2};
  double *places[4] = {&out->r90_mm, &out->r80_mm, &out->r50_mm, &out->r20_mm};
  for (int i = 0; i < 4; ++i) {
    const double level = levels[i] * out->dose_max;
    *places[i] = s.y[last] < level ? crossing(&s, last, -1, level) : NAN;
  }
  out->distal_falloff_mm = out->r20_mm - out->r80_mm;
  const double proximal = s.y[0] < 0.9 * out->dose_max ? crossing(&s, 0, 1, 0.9 * out->dose_max) : NAN;
  out->sobp_width_mm = out->r90_mm - proximal;
  return PENCONE_OK;
}

double pencone_tpr20_10(double dose_200mm, double dose_100mm) {
  return dose_100mm > 0 ? dose_200mm / dose_100mm : NAN;
}

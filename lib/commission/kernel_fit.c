// SPDX-License-Identifier: Apache-2.0
// Kernels of the pencil beam from depth doses or tissue-phantom ratios and output factors (Bortfeld, Schlegel
// and Rhein 1993, doi:10.1118/1.597070; docs/theory/commissioning.md, eq. 15 to 18). What tables of fields of
// some centimetres do not tell, the kernel near its middle and far outside, comes from the kernels of the
// spectrum: the fit is of a smooth factor on them.
#include <math.h>
#include <pencone/commission.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "commission/least_squares.h"
#include "commission/linear_fit.h"
#include "commission/phantom_ratio.h"
#include "num/constants.h"
#include "num/text.h"
#include "photon/pencil_kernel.h"

enum { DEPTH_NODES = 16, RADIUS_NODES = 14, UNKNOWNS = DEPTH_NODES * RADIUS_NODES, FIELDS_NEEDED = 3 };
enum { POINTS = PCN_RECTANGLE_POINTS, OUT_DEPTHS = 51, OUT_RADII = 41 };
static const double depth_node_mm[DEPTH_NODES] = {0,  3,   6,   10,  15,  20,  30,  50,
                                                  80, 120, 160, 200, 250, 300, 400, 600};
static const double radius_node_mm[RADIUS_NODES] = {0,  5,  10,  15,  20,  30,  40,
                                                    60, 80, 110, 150, 200, 280, 500};
// Relative uncertainties: of a point behind its curve's maximum and before it; of a bend of the factor
// between three nodes, and of a step between two, which decides where there is no point.
static const double point_sigma = 0.003, build_up_sigma = 0.01, bend_sigma = 0.03, step_sigma = 0.3;
static const double factor_least = 0.2, factor_most = 5, kernel_depth_g_cm2 = 10;

typedef struct job {
  const pencone_measurement *measurement;
  double sad_mm, scale;  ///< scale: MeV/g per unit of the measurement
  double (*own)[PCN_PENCIL_RADII];
  double factor[UNKNOWNS];
  pcn_linear_fit *fit;
} job;

// --- points of the measurement ----------------------------------------------------------------------

/// A point: width of the field in its plane, depth, and dose times (source to point / SAD)^2 (eq. 15).
typedef struct place {
  double width_mm[2], depth_mm, value;
  int before_maximum;
} place;

static int largest_of(const pencone_depth_dose *c) {
  int largest = 0;
  for (int k = 1; k < c->points; k++) {
    largest = c->dose[k] > c->dose[largest] ? k : largest;
  }
  return largest;
}

static place place_of(const job *j, const pencone_depth_dose *c, int k, int largest) {
  const double scale = c->ssd_mm > 0 ? (c->ssd_mm + c->depth_mm[k]) / j->sad_mm : 1;
  return (place){{c->field_x_mm * scale, c->field_y_mm * scale},
                 c->depth_mm[k],
                 c->dose[k] * scale * scale,
                 k < largest};
}

// --- the kernels of the spectrum ---------------------------------------------------------------------

static double own_at(const job *j, double depth_mm, double radius_mm) {
  int i = 0;
  while (i < PCN_PENCIL_NODES - 2 && depth_mm >= pcn_pencil_node_mm(i + 1)) {
    i++;
  }
  const double low = pcn_pencil_node_mm(i), x = (depth_mm - low) / (pcn_pencil_node_mm(i + 1) - low);
  const double root = sqrt(radius_mm / pcn_pencil_radius_mm(1));
  const int r = root < PCN_PENCIL_RADII - 2 ? (int)root : PCN_PENCIL_RADII - 2;
  const double u = fmin(root - r, 1);
  const double above = j->own[i][r] + u * (j->own[i][r + 1] - j->own[i][r]),
               below = j->own[i + 1][r] + u * (j->own[i + 1][r + 1] - j->own[i + 1][r]);
  return above > 0 && below > 0 ? above * pow(below / above, x) : above + x * (below - above);
}

static double own_on_axis(const job *j, const place *p) {
  double radius_mm[POINTS], weight[POINTS], sum = 0;
  pcn_rectangle_circles(p->width_mm, radius_mm, weight);
  for (int i = 0; i < POINTS; i++) {
    sum += weight[i] * own_at(j, p->depth_mm, radius_mm[i]);
  }
  return sum;
}

// --- the factor ----------------------------------------------------------------------------------------

/// Shares of the nodes around a place on an axis: straight lines between nodes.
typedef struct shares {
  int low;
  double of[2];
} shares;

static shares shares_at(const double *node, int nodes, double at) {
  int i = 0;
  while (i < nodes - 2 && at >= node[i + 1]) {
    i++;
  }
  const double x = fmin((at - node[i]) / (node[i + 1] - node[i]), 1);
  return (shares){i, {1 - x, x}};
}

static double factor_at(const job *j, double depth_mm, double radius_mm) {
  const shares d = shares_at(depth_node_mm, DEPTH_NODES, depth_mm);
  const shares r = shares_at(radius_node_mm, RADIUS_NODES, radius_mm);
  double sum = 0;
  for (int a = 0; a < 2; a++) {
    for (int b = 0; b < 2; b++) {
      sum += d.of[a] * r.of[b] * j->factor[(d.low + a) * RADIUS_NODES + r.low + b];
    }
  }
  return sum;
}

// Eq. 17: the kernel of the spectrum times the factor, over the rectangle, is what was measured.
static pencone_status add_point(pencone_context *ctx, const job *j, const place *p) {
  double radius_mm[POINTS], weight[POINTS];
  const double sigma = p->before_maximum ? build_up_sigma : point_sigma,
               per = 1 / (sigma * j->scale * p->value);
  const shares d = shares_at(depth_node_mm, DEPTH_NODES, p->depth_mm);
  double *row = pcn_linear_fit_row(j->fit);
  pcn_rectangle_circles(p->width_mm, radius_mm, weight);
  for (int i = 0; i < POINTS; i++) {
    const shares r = shares_at(radius_node_mm, RADIUS_NODES, radius_mm[i]);
    const double own = per * weight[i] * own_at(j, p->depth_mm, radius_mm[i]);
    for (int a = 0; a < 2; a++) {
      for (int b = 0; b < 2; b++) {
        row[(d.low + a) * RADIUS_NODES + r.low + b] += own * d.of[a] * r.of[b];
      }
    }
  }
  return pcn_linear_fit_add(ctx, j->fit, 1 / sigma);
}

// Neighbouring nodes along an axis: steps are small, bends smaller (eq. 18).
static pencone_status add_smooth(pencone_context *ctx, const job *j, int first, int stride, int nodes) {
  for (int n = 0; n + 1 < nodes; n++) {
    double *row = pcn_linear_fit_row(j->fit);
    row[first + n * stride] = -1 / step_sigma;
    row[first + (n + 1) * stride] = 1 / step_sigma;
    PCN_TRY(pcn_linear_fit_add(ctx, j->fit, 0));
  }
  for (int n = 0; n + 2 < nodes; n++) {
    double *row = pcn_linear_fit_row(j->fit);
    row[first + n * stride] = 1 / bend_sigma;
    row[first + (n + 1) * stride] = -2 / bend_sigma;
    row[first + (n + 2) * stride] = 1 / bend_sigma;
    PCN_TRY(pcn_linear_fit_add(ctx, j->fit, 0));
  }
  return PENCONE_OK;
}

static pencone_status find_factor(pencone_context *ctx, job *j) {
  for (int c = 0; c < pencone_measurement_count(j->measurement); c++) {
    const pencone_depth_dose *curve = pencone_measurement_at(j->measurement, c);
    const int largest = largest_of(curve);
    for (int k = 0; k < curve->points; k++) {
      const place p = place_of(j, curve, k, largest);
      PCN_TRY(add_point(ctx, j, &p));
    }
  }
  for (int d = 0; d < DEPTH_NODES; d++) {
    PCN_TRY(add_smooth(ctx, j, d * RADIUS_NODES, 1, RADIUS_NODES));
  }
  for (int r = 0; r < RADIUS_NODES; r++) {
    PCN_TRY(add_smooth(ctx, j, r, RADIUS_NODES, DEPTH_NODES));
  }
  PCN_TRY(pcn_linear_fit_solve(ctx, j->fit, j->factor));
  for (int i = 0; i < UNKNOWNS; i++) {
    PCN_CHECK(ctx, j->factor[i] > factor_least && j->factor[i] < factor_most, PENCONE_E_RANGE,
              "kernel fit: kernel at depth %g mm and radius %g mm: got %.3g times that of the spectrum, "
              "expected %g to %g: "
              "do table and output factors belong together?",
              depth_node_mm[i / RADIUS_NODES], radius_node_mm[i % RADIUS_NODES], j->factor[i], factor_least,
              factor_most);
  }
  return PENCONE_OK;
}

// Gives the measurement the dose of the spectrum where both are known best: about 10 cm deep in the field
// nearest to 10 cm. The shallowest points of a curve that ends before do where no others are.
static void find_scale(job *j) {
  double nearest = INFINITY;
  for (int c = 0; c < pencone_measurement_count(j->measurement); c++) {
    const pencone_depth_dose *curve = pencone_measurement_at(j->measurement, c);
    const double off = fabs(log(curve->field_x_mm * curve->field_y_mm / 1e4));
    int best = 0;
    for (int k = 1; k < curve->points; k++) {
      best = fabs(curve->depth_mm[k] - 100) < fabs(curve->depth_mm[best] - 100) ? k : best;
    }
    if (off < nearest) {
      const place p = place_of(j, curve, best, best);
      nearest = off;
      j->scale = own_on_axis(j, &p) / p.value;
    }
  }
}

// --- kernels for the machine ---------------------------------------------------------------------------

/// What the machine gets, with room for it.
typedef struct terms_room {
  pencone_pencil_terms terms;
  double depth[PCN_PENCIL_TERMS][OUT_DEPTHS], circle[PCN_PENCIL_TERMS][OUT_RADII];
} terms_room;

// Depths and radii of the file: closer where the kernels bend.
static const double out_depth_mm[OUT_DEPTHS] = {
    0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  12,  14,  16,  18,  20,  25,
    30,  35,  40,  45,  50,  55,  60,  70,  80,  90,  100, 110, 120, 130, 140, 150, 160,
    170, 180, 190, 200, 225, 250, 275, 300, 325, 350, 375, 400, 440, 480, 520, 560, 600};
static const double out_radius_mm[OUT_RADII] = {
    0,  1,  2,  3,   4,   5,   6,   8,   10,  12,  14,  16,  18,  20,  25,  30,  35,  40,  45,  50, 60,
    70, 80, 90, 100, 110, 120, 130, 140, 160, 180, 200, 220, 240, 260, 280, 300, 350, 400, 450, 500};

// Seven digits, as the file has them: what is read back is the same. The point of the locale may be another.
static double rounded(double value) {
  char text[32];
  double out = value;
  snprintf(text, sizeof text, "%.6e", value);
  for (char *c = text; *c != '\0'; c++) {
    *c = strchr("0123456789+-e", *c) != NULL ? *c : '.';
  }
  return pcn_text_is_double(text, &out) ? out : value;
}

// Depths in Gy cm2, circles with the largest term as 1 in a field like 10 cm.
static void put_terms(const pcn_pencil_kernel *k, terms_room *out) {
  out->terms = (pencone_pencil_terms){k->terms,      OUT_DEPTHS,        OUT_RADII,         out_depth_mm,
                                      out_radius_mm, &out->depth[0][0], &out->circle[0][0]};
  for (int t = 0; t < k->terms; t++) {
    double largest = 0;
    for (int j = 0; j < PCN_PENCIL_RADII; j++) {
      largest = fabs((double)k->circle[j][t]) > fabs(largest) ? (double)k->circle[j][t] : largest;
    }
    for (int i = 0; i < OUT_DEPTHS; i++) {
      out->depth[t][i] = rounded((double)k->depth[(int)out_depth_mm[i]][t] * largest * PCN_GY_PER_MEV_G);
    }
    for (int i = 0; i < OUT_RADII; i++) {
      const double root = sqrt(out_radius_mm[i]) / k->root_step;
      const int r = root < PCN_PENCIL_RADII - 2 ? (int)root : PCN_PENCIL_RADII - 2;
      const double low = (double)k->circle[r][t], high = (double)k->circle[r + 1][t];
      out->circle[t][i] = i == 0 ? 0 : rounded((low + (root - r) * (high - low)) / largest);
    }
  }
}

static pencone_status make_machine(pencone_context *ctx, const pencone_machine *spectrum,
                                   const pencone_kernel_fit *fit, int curves,
                                   const pencone_pencil_terms *terms, pencone_machine **out) {
  pencone_machine_desc desc = *pencone_machine_describe(spectrum);
  char description[300];
  snprintf(description, sizeof description, "%.180s; pencil-beam kernels fitted to %d curves%s",
           desc.description, curves,
           fit->kind == PENCONE_TOTAL_SCATTER ? ", with what the head scatters" : "");
  desc.name = fit->photon.name;
  desc.description = description;
  desc.pencil = terms;
  return pencone_machine_create(ctx, &desc, out);
}

static pencone_status put_machine(pencone_context *ctx, const job *j, const pencone_machine *spectrum,
                                  const pencone_kernel_fit *fit, pencone_machine **out) {
  double(*table)[PCN_PENCIL_RADII] = pcn_alloc(ctx, PCN_PENCIL_NODES, sizeof *table);
  terms_room *room = pcn_alloc(ctx, 1, sizeof *room);
  pcn_pencil_kernel *kernel = NULL;
  pencone_status status = table != NULL && room != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    for (int i = 0; i < PCN_PENCIL_NODES; i++) {
      for (int r = 0; r < PCN_PENCIL_RADII; r++) {
        table[i][r] = j->own[i][r] * factor_at(j, pcn_pencil_node_mm(i), pcn_pencil_radius_mm(r));
      }
    }
    status = pcn_pencil_kernel_split(ctx, table, PCN_PENCIL_TERMS, &kernel);
  }
  if (status == PENCONE_OK) {
    put_terms(kernel, room);
    status = make_machine(ctx, spectrum, fit, pencone_measurement_count(j->measurement), &room->terms, out);
  }
  pcn_free(kernel);
  pcn_free(room);
  pcn_free(table);
  return status;
}

// --- report --------------------------------------------------------------------------------------------

// One curve against the kernels as the engine has them, from its maximum on.
static double judge_curve(const job *j, const pcn_pencil_kernel *kernel, const pencone_depth_dose *c,
                          pencone_fit_curve *out) {
  const int largest = largest_of(c);
  double squares = 0;
  memset(out, 0, sizeof *out);
  out->from_mm = c->depth_mm[largest];
  out->scale = 1 / (j->scale * PCN_GY_PER_MEV_G);
  for (int k = largest; k < c->points; k++, out->points++) {
    const place p = place_of(j, c, k, largest);
    const double computed = pcn_pencil_on_axis(kernel, p.width_mm, p.depth_mm);
    const double off_pct = 100 * (j->scale * p.value / computed - 1);
    squares += off_pct * off_pct;
    if (fabs(off_pct) >= fabs(out->max_pct)) {
      out->max_pct = off_pct;
      out->max_at_mm = p.depth_mm;
    }
  }
  out->rms_pct = sqrt(squares / out->points);
  return squares;
}

static pencone_status report(pencone_context *ctx, const job *j, const pencone_machine *machine,
                             pencone_kernel_found *found, pencone_fit_curve *curve) {
  pcn_pencil_kernel *kernel = NULL;
  double squares = 0;
  int points = 0;
  PCN_TRY(pcn_pencil_kernel_make(ctx, NULL, pencone_machine_describe(machine)->pencil, 0, PCN_PENCIL_TERMS,
                                 &kernel));
  for (int c = 0; c < pencone_measurement_count(j->measurement); c++) {
    pencone_fit_curve one;
    squares += judge_curve(j, kernel, pencone_measurement_at(j->measurement, c), &one);
    points += one.points;
    if (curve != NULL) {
      curve[c] = one;
    }
  }
  pcn_free(kernel);
  found->rms_pct = sqrt(squares / points);
  found->factor_min = found->factor_max = j->factor[0];
  for (int i = 1; i < UNKNOWNS; i++) {
    found->factor_min = fmin(found->factor_min, j->factor[i]);
    found->factor_max = fmax(found->factor_max, j->factor[i]);
  }
  return PENCONE_OK;
}

// --- making ready --------------------------------------------------------------------------------------

static pencone_status check(pencone_context *ctx, const pencone_measurement *m,
                            const pencone_kernel_fit *fit) {
  PCN_CHECK(ctx, m != NULL && fit != NULL && fit->struct_size == sizeof *fit, PENCONE_E_ARGUMENT,
            "kernel fit: got no measurement or options, or options of another size, expected both");
  int fields = 0;
  for (int i = 0; i < pencone_measurement_count(m); i++) {
    const pencone_depth_dose *c = pencone_measurement_at(m, i);
    int is_new = 1;
    for (int k = 0; k < i; k++) {
      const pencone_depth_dose *d = pencone_measurement_at(m, k);
      is_new = is_new && fabs(c->field_x_mm * c->field_y_mm - d->field_x_mm * d->field_y_mm) > 1;
    }
    fields += is_new;
  }
  const pencone_depth_dose *first = pencone_measurement_at(m, 0);
  PCN_CHECK(ctx, fields >= FIELDS_NEEDED, PENCONE_E_RANGE,
            "kernel fit: got %d field size%s (the first %g x %g mm), expected %d or more", fields,
            fields == 1 ? "" : "s", first->field_x_mm, first->field_y_mm, (int)FIELDS_NEEDED);
  return PENCONE_OK;
}

// The spectrum that kernels begin with: as told, or fitted to the same measurement.
static pencone_status find_spectrum(pencone_context *ctx, const pencone_measurement *m,
                                    const pencone_kernel_fit *fit, pencone_machine **spectrum,
                                    pencone_kernel_found *found) {
  if (fit->spectrum != NULL) {
    return pencone_machine_create(ctx, pencone_machine_describe(fit->spectrum), spectrum);
  }
  pencone_measurement *depth_doses = NULL;
  PCN_TRY(pcn_depth_doses(ctx, m, fit->photon.sad_mm, &depth_doses));
  const pencone_status status =
      pencone_photon_fit_run(ctx, depth_doses, &fit->photon, spectrum, &found->photon, NULL);
  pencone_measurement_destroy(depth_doses);
  return status;
}

// The kernels of the spectrum, for the surface that the first curve has; of tissue-phantom ratios, the middle
// one.
static pencone_status find_own(pencone_context *ctx, job *j, const pencone_machine *spectrum) {
  const double first_mm = pencone_measurement_at(j->measurement, 0)->ssd_mm;
  pcn_photon_tables tables;
  j->own = pcn_alloc(ctx, PCN_PENCIL_NODES, sizeof *j->own);
  if (j->own == NULL) {
    return PENCONE_E_MEMORY;
  }
  PCN_TRY(pcn_photon_tables_make(ctx, spectrum, kernel_depth_g_cm2, &tables));
  const pencone_status status =
      pcn_pencil_circles(ctx, &tables, first_mm > 0 ? first_mm : j->sad_mm - 100, NULL, j->own);
  pcn_photon_tables_free(&tables);
  return status;
}

static pencone_status run(pencone_context *ctx, job *j, const pencone_machine *spectrum,
                          const pencone_kernel_fit *fit, pencone_machine **machine,
                          pencone_kernel_found *found, pencone_fit_curve *curve) {
  PCN_TRY(find_own(ctx, j, spectrum));
  find_scale(j);
  PCN_TRY(pcn_linear_fit_make(ctx, "kernel fit", UNKNOWNS, &j->fit));
  PCN_TRY(find_factor(ctx, j));
  PCN_TRY(put_machine(ctx, j, spectrum, fit, machine));
  return report(ctx, j, *machine, found, curve);
}

pencone_status pencone_kernel_fit_run(pencone_context *ctx, const pencone_measurement *measurement,
                                      const pencone_kernel_fit *fit, pencone_machine **machine,
                                      pencone_kernel_found *found, pencone_fit_curve *curve) {
  PCN_CHECK(ctx, machine != NULL && found != NULL && found->struct_size == sizeof *found, PENCONE_E_ARGUMENT,
            "kernel fit: got no place for the results, or one of another size, expected both");
  *machine = NULL;
  PCN_TRY(check(ctx, measurement, fit));
  pencone_machine *spectrum = NULL;
  PCN_TRY(find_spectrum(ctx, measurement, fit, &spectrum, found));
  pcn_gsl_handler *handler = NULL;
  pencone_status status = pcn_gsl_enter(ctx, &handler);
  if (status == PENCONE_OK) {
    job j = {.measurement = measurement, .sad_mm = pencone_machine_describe(spectrum)->sad_mm};
    status = run(ctx, &j, spectrum, fit, machine, found, curve);
    pcn_linear_fit_free(j.fit);
    pcn_free(j.own);
    pcn_gsl_leave(handler);
  }
  pencone_machine_destroy(spectrum);
  if (status != PENCONE_OK) {
    pencone_machine_destroy(*machine);
    *machine = NULL;
  }
  return status;
}

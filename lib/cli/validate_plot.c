// SPDX-License-Identifier: Apache-2.0
// Picture of a case: depth dose and cross profiles, computed (lines) against reference (symbols with one
// standard deviation), the differences below.
#include "validate_plot.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_PROFILES = 4 };

/// What is drawn of a case with a reference.
typedef struct view {
  const cli_case *c;
  const pencone_reference_desc *d;
  const float *mean;   ///< computed dose over each reference voxel
  int depth, lateral;  ///< axes
  int64_t centre[3];   ///< reference voxel at the isocentre
  double percent;      ///< factor from dose to per cent of the reference's maximum
} view;

static const double profile_depths_mm[MOST_PROFILES] = {15, 50, 100, 200};

static int64_t voxel_at(const pencone_reference_desc *d, int axis, double x) {
  int64_t i = 0;
  while (i + 1 < d->size[axis] && d->edges_mm[axis][i + 1] <= x) {
    ++i;
  }
  return i;
}

static double centre_mm(const view *v, int axis, int64_t i) {
  return 0.5 * (v->d->edges_mm[axis][i] + v->d->edges_mm[axis][i + 1]);
}

/// One line of data: position, computed, reference, sigma, difference, all doses in per cent.
static void put_voxel(FILE *out, const view *v, const int64_t at[3], int along) {
  const size_t index = (size_t)((at[2] * v->d->size[1] + at[1]) * v->d->size[0] + at[0]);
  const double scale = v->percent * v->c->result.scale;
  const double computed = scale * (double)v->mean[index];
  const double reference = v->percent * (double)v->d->dose[index];
  const double sigma = reference * (double)v->d->relative_sigma[index];
  if (!isnan(computed)) {
    fprintf(out, "%.4f %.5f %.5f %.5f %.5f\n", centre_mm(v, along, at[along]), computed, reference, sigma,
            computed - reference);
  }
}

static void put_line(cli_picture *p, const view *v, const char *name, const int64_t start[3], int along) {
  int64_t at[3] = {start[0], start[1], start[2]};
  cli_picture_data(p, name);
  for (at[along] = 0; at[along] < v->d->size[along]; ++at[along]) {
    put_voxel(p->out, v, at, along);
  }
  cli_picture_data_end(p);
}

/// Profiles at the depths that the reference covers. @return how many; their depths for the key
static int put_profiles(cli_picture *p, const view *v, double depths[MOST_PROFILES]) {
  const double *edges = v->d->edges_mm[v->depth];
  const double first = edges[0];
  const int forward = v->c->depth_sign > 0;
  int count = 0;
  for (int n = 0; n < MOST_PROFILES; ++n) {
    const double last = edges[v->d->size[v->depth]];
    const double x = forward ? first + profile_depths_mm[n] : last - profile_depths_mm[n];
    if (x > first && x < last) {
      char name[24];
      int64_t at[3] = {v->centre[0], v->centre[1], v->centre[2]};
      at[v->depth] = voxel_at(v->d, v->depth, x);
      snprintf(name, sizeof name, "profile%d", count);
      put_line(p, v, name, at, v->lateral);
      depths[count++] = centre_mm(v, v->depth, at[v->depth]);
    }
  }
  return count;
}

/// A panel between these borders of the page.
static void place(cli_picture *p, double left, double right, double bottom, double top) {
  fprintf(p->out,
          "set lmargin at screen %g\nset rmargin at screen %g\nset bmargin at screen %g\nset tmargin at "
          "screen %g\n",
          left, right, bottom, top);
}

static void put_depth_panels(cli_picture *p, const view *v) {
  const char axis = (char)('x' + v->depth);
  place(p, 0.075, 0.48, 0.40, 0.90);
  fputs(
      "set key top right samplen 2.5 spacing 1.15\nset format x ''\nunset xlabel\nset ylabel 'dose / % of "
      "maximum'\n"
      "set yrange [0:*]\n",
      p->out);
  fputs(
      "plot $depth using 1:3:4 with yerrorbars lc rgb '#000000' lt 1 dt 1 lw 0.8 pt 6 ps 0.5 title "
      "'reference', "
      "'' using 1:2 with lines lt 1 dt 1 lw 1.8 title 'computed'\n",
      p->out);
  place(p, 0.075, 0.48, 0.10, 0.35);
  fprintf(p->out,
          "unset key\nset format x '%%g'\nset xlabel '%c / mm (beam axis)'\nset ylabel 'difference / %%'\n"
          "set yrange [*:*]\n",
          axis);
  fputs(
      "plot 0 with lines lc rgb '#808080' dt 1 lw 0.8, $depth using 1:5:4 with yerrorbars lt 1 dt 1 lw 1 pt "
      "6 ps "
      "0.4\n",
      p->out);
}

static void put_profile_panels(cli_picture *p, const view *v, const double *depths, int count) {
  const char axis = (char)('x' + v->lateral);
  place(p, 0.575, 0.98, 0.40, 0.90);
  fprintf(p->out,
          "set key top right samplen 2.5 spacing 1.15 title 'lines: computed'\nset format x ''\nunset "
          "xlabel\nset ylabel 'dose / %% "
          "of maximum'\nset yrange [0:130]\nplot ");
  for (int n = 0; n < count; ++n) {
    fprintf(p->out,
            "%s$profile%d using 1:3 with points lt %d dt 1 lw 0.8 ps 0.4 notitle, '' using 1:2 with lines lt "
            "%d title '%c = %g mm'",
            n > 0 ? ", " : "", n, n + 1, n + 1, 'x' + v->depth, depths[n]);
  }
  putc('\n', p->out);
  place(p, 0.575, 0.98, 0.10, 0.35);
  fprintf(p->out,
          "unset key\nset format x '%%g'\nset xlabel '%c / mm'\nset ylabel 'difference / %%'\nset yrange "
          "[*:*]\nplot 0 with lines lc rgb '#808080' dt 1 lw 0.8",
          axis);
  for (int n = 0; n < count; ++n) {
    fprintf(p->out, ", $profile%d using 1:5 with lines lt %d lw 1.2", n, n + 1);
  }
  fputs("\n", p->out);
}

static void put_title(cli_picture *p, const cli_case *c) {
  char text[256];
  if (c->reference != NULL) {
    snprintf(text, sizeof text, "%s: %.2f %% of %zu points pass %g %% / %g mm, ratio %.4f", c->name,
             c->result.gamma.pass_rate_pct, c->result.gamma.points, c->compare.gamma.dose_pct,
             c->compare.gamma.distance_mm, c->result.absolute_ratio);
  } else {
    const int count = cli_case_criteria(c)->expectation_count;
    snprintf(text, sizeof text, "%s: %d of %d expected doses met", c->name, count - c->failed, count);
  }
  fputs("set multiplot\nset label 1 ", p->out);
  cli_picture_text(p, text);
  fputs(" at screen 0.5,0.955 center font ',12'\n", p->out);
}

static void draw_reference(cli_picture *p, const view *v) {
  double depths[MOST_PROFILES];
  put_line(p, v, "depth", v->centre, v->depth);
  const int count = put_profiles(p, v, depths);
  put_title(p, v->c);
  put_depth_panels(p, v);
  fputs("unset label 1\n", p->out);
  if (count > 0) {
    put_profile_panels(p, v, depths, count);
  }
  fputs("unset multiplot\n", p->out);
}

static int draw_case(cli_session *session, cli_picture *p, const cli_case *c) {
  view v = {.c = c, .d = pencone_reference_describe(c->reference), .depth = c->depth_axis};
  const size_t count = (size_t)(v.d->size[0] * v.d->size[1] * v.d->size[2]);
  float *mean = malloc(count * sizeof *mean);
  if (mean == NULL) {
    return cli_error(session, CLI_RUN, "no memory left for %zu means", count);
  }
  const pencone_status status = pencone_reference_average(session->ctx, c->reference, c->dose, mean);
  if (status == PENCONE_OK) {
    v.mean = mean;
    v.lateral = v.depth == 0 ? 1 : 0;
    v.percent = 100 / c->result.reference_max;
    for (int axis = 0; axis < 3; ++axis) {
      v.centre[axis] = voxel_at(v.d, axis, c->isocenter_mm[axis]);
    }
    draw_reference(p, &v);
  }
  free(mean);
  return status == PENCONE_OK ? CLI_GO_ON : cli_report(session, status);
}

/// Expected doses along the beam axis with their tolerance, and the computed dose there.
static void draw_expectations(cli_picture *p, const cli_case *c) {
  const pencone_criteria_desc *d = cli_case_criteria(c);
  const pencone_grid *g = pencone_dose_grid_of(c->dose);
  const int axis = c->depth_axis;
  const double factor = d->normalisation.value / pencone_dose_at(c->dose, d->normalisation.xyz_mm);
  cli_picture_data(p, "computed");
  for (int64_t i = 0; i < g->size[axis]; ++i) {
    double at[3] = {d->normalisation.xyz_mm[0], d->normalisation.xyz_mm[1], d->normalisation.xyz_mm[2]};
    at[axis] = g->origin_mm[axis] + (double)i * g->spacing_mm[axis];
    fprintf(p->out, "%.4f %.5f\n", at[axis], factor * pencone_dose_at(c->dose, at));
  }
  cli_picture_data_end(p);
  cli_picture_data(p, "expected");
  for (int i = 0; i < d->expectation_count; ++i) {
    const pencone_expectation *e = &d->expectations[i];
    fprintf(p->out, "%.4f %.5f %.5f %.5f\n", e->xyz_mm[axis], e->expected, e->tolerance,
            c->findings[i].difference);
  }
  cli_picture_data_end(p);
  // Both panels show the same depths.
  const double first = g->origin_mm[axis] - 0.5 * g->spacing_mm[axis];
  fprintf(p->out, "set xrange [%g:%g]\n", first, first + (double)g->size[axis] * g->spacing_mm[axis]);
  put_title(p, c);
  place(p, 0.12, 0.97, 0.40, 0.90);
  fputs(
      "set key top right samplen 2.5 spacing 1.15\nset format x ''\nunset xlabel\nset ylabel 'dose / %'\n"
      "set yrange [0:*]\nplot $computed with lines lt 1 dt 1 lw 1.8 title 'computed', $expected using 1:2:3 "
      "with "
      "yerrorbars lc rgb '#000000' lt 1 dt 1 lw 0.8 pt 6 ps 0.7 title 'expected, with tolerance'\nunset "
      "label 1\n",
      p->out);
  place(p, 0.12, 0.97, 0.10, 0.35);
  fprintf(p->out,
          "unset key\nset format x '%%g'\nset xlabel '%c / mm (beam axis)'\nset ylabel 'difference / %%'\n"
          "set yrange [*:*]\n",
          'x' + axis);
  fputs(
      "plot $expected using 1:3 with lines lc rgb '#808080' dt 2 lw 1, '' using 1:(-$3) with lines lc rgb "
      "'#808080' "
      "dt 2 lw 1, 0 with lines lc rgb '#808080' dt 1 lw 0.8, '' using 1:4 with points lt 1 lw 1 pt 7 ps "
      "0.7\nunset "
      "multiplot\n",
      p->out);
}

int cli_validate_plot(cli_session *session, const cli_case *c, const cli_picture_request *request) {
  cli_picture picture;
  int outcome = cli_picture_open(session, request, c->reference != NULL ? 1100 : 700, 640, &picture);
  if (outcome == CLI_GO_ON && c->reference != NULL) {
    outcome = draw_case(session, &picture, c);
  } else if (outcome == CLI_GO_ON) {
    draw_expectations(&picture, c);
  }
  return cli_picture_close(session, &picture, outcome);
}

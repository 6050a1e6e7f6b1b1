// SPDX-License-Identifier: Apache-2.0
// pencone plot: a dose on a page, with slices, curves and histograms.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "slice.h"
#include "volume.h"

static const cli_usage usage = {
    .command = "plot",
    .summary = "draw a dose",
    .synopsis = "DOSE.h5 -o PICTURE.png|svg|pdf [options]",
    .about =
        "Draws three slices through a point (by default the largest dose) with the CT in\n"
        "grey, the dose as a colour wash, labelled isodoses and the outlines of structures;\n"
        "below them the dose along the three axes through the point and the dose-volume\n"
        "histograms. CT and structures come from the dose file (a run copies them from the\n"
        "phantom) or from --phantom. The picture is drawn by gnuplot; --script keeps the\n"
        "script, data inside, for you to edit.\n\n"
        "--volume draws LET or RBE-weighted dose of protons in the same way, --beam what one\n"
        "beam gives. LET is drawn where the dose is 1 % of its largest or more: in less it\n"
        "means nothing.",
    .examples =
        "  pencone plot dose.h5 -o dose.png\n"
        "  pencone plot dose.h5 -o dose.svg --at 0,100,0 --full 60 --isodoses 20,50,80,95\n"
        "  pencone plot dose.h5 -o dose.pdf --script dose.gp && gnuplot dose.gp\n"
        "  pencone plot dose.h5 -o let.png --volume let --full 10",
    .operands_min = 1,
    .operands_max = 1,
};

enum { MOST_ISODOSES = 10, MOST_STRUCTURES = 12, WIDTH = 1200, HEIGHT = 860 };

/// What is drawn.
typedef struct job {
  const char *dose_path, *phantom_path, *isodose_text, *title;
  cli_picture_request picture;
  cli_volume volume;
  cli_point at;
  double full;
  double isodoses[MOST_ISODOSES];  ///< per cent
  int isodose_count;
  pencone_dose *dose;
  pencone_phantom *phantom;
  pencone_dvh *dvh[MOST_STRUCTURES];
  int structures;
} job;

/// The three planes: what is across, what is up, and how their frame lies on the page.
static const struct plane {
  const char *name;
  int across, up, normal;
  const char *across_label, *up_label;
} planes[3] = {{"axial", 0, 1, 2, "x / mm (left)", "y / mm (posterior)"},
               {"coronal", 0, 2, 1, "x / mm (left)", "z / mm (superior)"},
               {"sagittal", 1, 2, 0, "y / mm (posterior)", "z / mm (superior)"}};

// --- input -------------------------------------------------------------------------------------

static int read_isodoses(job *j) {
  char copy[256];
  snprintf(copy, sizeof copy, "%s", j->isodose_text);
  for (char *field = strtok(copy, ","); field != NULL; field = strtok(NULL, ",")) {
    char *end = NULL;
    const double value = strtod(field, &end);
    if (*end != '\0' || end == field || !(value > 0 && value <= 1000) || j->isodose_count == MOST_ISODOSES) {
      return cli_wrong_use(usage.command,
                           "--isodoses: got '%s', expected up to %d per cents, as in 20,50,80,95",
                           j->isodose_text, MOST_ISODOSES);
    }
    j->isodoses[j->isodose_count++] = value;
  }
  return CLI_GO_ON;
}

/// CT and structures, where there are any.
static int read_phantom(cli_session *session, job *j) {
  const char *path = j->phantom_path != NULL ? j->phantom_path : j->dose_path;
  const pencone_status status = pencone_phantom_read(session->ctx, path, &j->phantom);
  if (status != PENCONE_OK && j->phantom_path != NULL) {
    return cli_report(session, status);
  }
  const int count = pencone_phantom_structure_count(j->phantom);
  for (int i = 0; i < count && j->structures < MOST_STRUCTURES; ++i) {
    const pencone_grid *grid = &pencone_phantom_describe(j->phantom)->grid;
    const pencone_status made = pencone_dvh_create(
        session->ctx, j->dose, grid, pencone_phantom_structure_mask(j->phantom, i), &j->dvh[j->structures++]);
    if (made != PENCONE_OK && !session->common.quiet) {
      cli_progress_clear(session);
      fprintf(stderr, "pencone: warning: structure %s has no histogram: %s\n",
              pencone_phantom_structure_name(j->phantom, i), pencone_context_error(session->ctx));
    }
  }
  return CLI_GO_ON;
}

static int read_inputs(cli_session *session, job *j) {
  const int outcome = cli_volume_read(session, j->dose_path, &j->volume, &j->dose);
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  const pencone_grid *g = pencone_dose_grid_of(j->dose);
  double top[3];
  const double maximum = cli_maximum(g, pencone_dose_values_const(j->dose), top);
  j->full = j->full > 0 ? j->full : maximum;
  if (!(j->full > 0)) {
    return cli_error(session, CLI_INPUT, "%s: %s: got %g as its largest, expected more than 0", j->dose_path,
                     cli_volume_label(&j->volume), maximum);
  }
  if (!j->at.given) {
    memcpy(j->at.mm, top, sizeof top);
  } else if (isnan(pencone_dose_at(j->dose, j->at.mm))) {
    return cli_error(session, CLI_INPUT, "%s: --at: got %g,%g,%g mm, expected a point inside the dose",
                     j->dose_path, j->at.mm[0], j->at.mm[1], j->at.mm[2]);
  }
  return read_phantom(session, j);
}

// --- slices ------------------------------------------------------------------------------------

static cli_slice slice_of(const job *j, int n) {
  const cli_slice s = {.dose = j->dose,
                       .phantom = j->phantom,
                       .across = planes[n].across,
                       .up = planes[n].up,
                       .normal = planes[n].normal,
                       .at_mm = j->at.mm[planes[n].normal],
                       .full = j->full,
                       .wash_from = 0.1};
  return s;
}

static void put_slice_data(cli_picture *p, const job *j, int n) {
  const cli_slice s = slice_of(j, n);
  char name[48];
  snprintf(name, sizeof name, "image%d", n);
  cli_slice_image(p, name, &s);
  for (int i = 0; i < j->isodose_count; ++i) {
    snprintf(name, sizeof name, "isodose%d_%d", n, i);
    cli_slice_isodose(p, name, &s, j->isodoses[i] / 100);
  }
  for (int i = 0; i < j->structures; ++i) {
    snprintf(name, sizeof name, "outline%d_%d", n, i);
    cli_slice_outline(p, name, &s, i);
  }
}

/// Tells whether a place is far enough from the labels that stand already: they are wider than tall.
static int is_free(double places[MOST_ISODOSES][2], int count, const double place[2], double room_mm) {
  for (int i = 0; i < count; ++i) {
    if (fabs(places[i][0] - place[0]) < room_mm && fabs(places[i][1] - place[1]) < 0.6 * room_mm) {
      return 0;
    }
  }
  return 1;
}

/// A label on each isodose, spread around the field; none where there is no room for it.
static void put_labels(cli_picture *p, const job *j, int n, double room_mm) {
  enum { TURNS = 16 };
  const cli_slice s = slice_of(j, n);
  double places[MOST_ISODOSES][2];
  int count = 0;
  fputs("unset label\n", p->out);
  for (int i = j->isodose_count - 1; i >= 0; --i) {  // the highest first: it has the least room
    for (int turn = 0; turn < TURNS; ++turn) {
      const double angle = 0.35 + 6.283185307179586 * ((double)i / j->isodose_count + (double)turn / TURNS);
      if (!cli_slice_label(&s, j->isodoses[i] / 100, angle, places[count])) {
        break;  // this isodose is not in the slice
      }
      if (is_free(places, count, places[count], room_mm)) {
        fprintf(p->out, "set label '%g' at %.3f,%.3f center front font ',8' boxed\n", j->isodoses[i],
                places[count][0], places[count][1]);
        ++count;
        break;
      }
    }
  }
}

static void put_slice(cli_picture *p, const job *j, int n) {
  const pencone_grid *g = pencone_dose_grid_of(j->dose);
  const int across = planes[n].across, up = planes[n].up;
  const double wide = (double)g->size[across] * g->spacing_mm[across];
  const double tall = (double)g->size[up] * g->spacing_mm[up];
  // Each slice gets the same scale along both axes inside a box of the page.
  const double room_wide = 0.235 * WIDTH, room_tall = 0.40 * HEIGHT;
  const double scale = fmin(room_wide / wide, room_tall / tall);
  const double left = 0.06 + 0.305 * n, middle = 0.715;
  const double right = left + scale * wide / WIDTH, half = 0.5 * scale * tall / HEIGHT;
  const double low_x = g->origin_mm[across] - 0.5 * g->spacing_mm[across];
  const double low_y = g->origin_mm[up] - 0.5 * g->spacing_mm[up];
  fprintf(p->out,
          "set lmargin at screen %.4f\nset rmargin at screen %.4f\nset bmargin at screen %.4f\nset tmargin "
          "at screen "
          "%.4f\n",
          left, right, middle - half, middle + half);
  const int down = up == 1;  // anterior is up: y grows downwards
  fprintf(p->out, "set xrange [%g:%g]\nset yrange [%g:%g]\n", low_x, low_x + wide,
          down ? low_y + tall : low_y, down ? low_y : low_y + tall);
  fprintf(
      p->out,
      "set title '%s, %c = %g mm' offset 0,-0.6\nset xlabel '%s' offset 0,0.4\nset ylabel '%s' offset 1,0\n",
      planes[n].name, 'x' + planes[n].normal, j->at.mm[planes[n].normal], planes[n].across_label,
      planes[n].up_label);
  put_labels(p, j, n, 24 / scale);
  fprintf(p->out, "plot $image%d using 1:2:3:4:5 with rgbimage notitle", n);
  for (int i = 0; i < j->isodose_count; ++i) {
    fprintf(p->out, ", $isodose%d_%d with lines lc rgb '#ffffff' lt 1 dt 1 lw 1.7 notitle", n, i);
    fprintf(p->out, ", $isodose%d_%d with lines lc rgb '#000000' lt 1 dt 1 lw 0.8 notitle", n, i);
  }
  for (int i = 0; i < j->structures; ++i) {
    fprintf(p->out, ", $outline%d_%d with lines lc rgb '#ffffff' lt 1 dt 1 lw 4 notitle", n, i);
    fprintf(p->out, ", $outline%d_%d with lines lc rgb '%s' lt 1 dt 1 lw 2.2 notitle", n, i,
            cli_picture_colour(i));
  }
  fputs("\n", p->out);
}

static void put_scale(cli_picture *p, const job *j) {
  const char *label = cli_volume_is_let(&j->volume) ? "LET" : "dose";  // there is no room for more
  fprintf(
      p->out,
      "unset label\nset lmargin at screen 0.957\nset rmargin at screen 0.972\nset bmargin at screen 0.53\n"
      "set tmargin at screen 0.90\nset title '%s / %%' offset -1,-0.6\nunset xlabel\nunset ylabel\nunset "
      "xtics\n"
      "set xrange [0:1]\nset yrange [10:100]\nset ytics 10,10,100 nomirror out scale 0.3 offset 0.4,0\n"
      "unset colorbox\nset cbrange [0:100]\nplot $scale using 1:2:3 with image notitle\n"
      "set xtics nomirror out scale 0.6 autofreq\nset ytics nomirror out scale 0.6 autofreq offset 0,0\n",
      label);
}

static void put_scale_data(cli_picture *p) {
  cli_picture_data(p, "scale");
  for (int i = 10; i <= 100; ++i) {
    fprintf(p->out, "0.25 %d %d\n0.75 %d %d\n", i, i, i, i);
  }
  cli_picture_data_end(p);
}

// --- curves ------------------------------------------------------------------------------------

static void put_axis_data(cli_picture *p, const job *j) {
  const pencone_grid *g = pencone_dose_grid_of(j->dose);
  for (int axis = 0; axis < 3; ++axis) {
    const char name[] = {'a', 'l', 'o', 'n', 'g', '_', (char)('x' + axis), '\0'};
    cli_picture_data(p, name);
    for (int64_t i = 0; i < g->size[axis]; ++i) {
      double at[3] = {j->at.mm[0], j->at.mm[1], j->at.mm[2]};
      at[axis] = g->origin_mm[axis] + (double)i * g->spacing_mm[axis];
      fprintf(p->out, "%.4f %.6g\n", at[axis], 100 * pencone_dose_at(j->dose, at) / j->full);
    }
    cli_picture_data_end(p);
  }
}

static void put_dvh_data(cli_picture *p, const job *j) {
  for (int i = 0; i < j->structures; ++i) {
    char name[16];
    snprintf(name, sizeof name, "dvh%d", i);
    cli_picture_data(p, name);
    for (int n = 0; n <= 240; ++n) {
      const double share = n / 200.0;
      fprintf(p->out, "%.3f %.5g\n", 100 * share,
              j->dvh[i] != NULL ? pencone_dvh_volume_at(j->dvh[i], share * j->full) : NAN);
    }
    cli_picture_data_end(p);
  }
}

/// A curve panel of the lower row; the labels are left to whoever fills it.
static void place_panel(cli_picture *p, int n, const char *title) {
  const double left = 0.06 + 0.315 * n;
  fprintf(p->out,
          "unset label\nset lmargin at screen %.4f\nset rmargin at screen %.4f\nset bmargin at screen "
          "0.08\nset tmargin at "
          "screen 0.40\nset title '%s' offset 0,-0.6\nset "
          "xrange [*:*] noextend\nset yrange [0:115]\nset key top right samplen 2.5 spacing 1.1\n",
          left, left + 0.255, title);
}

static void label_panel(cli_picture *p, const char *x_label, const char *y_label) {
  fprintf(p->out, "set xlabel '%s' offset 0,0.4\nset ylabel '%s' offset 1,0\n", x_label, y_label);
}

static void put_curves(cli_picture *p, const job *j) {
  char title[96], label[96];
  const double *at = j->at.mm;
  snprintf(title, sizeof title, "along y at x = %g, z = %g mm", at[0], at[2]);
  snprintf(label, sizeof label, "%s / %%", cli_volume_label(&j->volume));
  place_panel(p, 0, title);
  label_panel(p, "y / mm", label);
  fputs("plot $along_y with lines lt 1 dt 1 lw 1.8 notitle\n", p->out);
  snprintf(title, sizeof title, "along x and z at y = %g mm", at[1]);
  place_panel(p, 1, title);
  label_panel(p, "x or z / mm", label);
  fputs(
      "plot $along_x with lines lt 1 dt 1 lw 1.8 title 'along x', $along_z with lines lt 2 dt 2 lw 1.8 title "
      "'along z'\n",
      p->out);
  place_panel(p, 2, cli_volume_is_let(&j->volume) ? "LET-volume histograms" : "dose-volume histograms");
  label_panel(p, label, "volume / %");
  fputs("set xrange [0:115]\nset yrange [0:105]\n", p->out);
  if (j->structures == 0) {
    fputs("unset key\nset label 'no structures' at graph 0.5,0.5 center\nplot NaN notitle\n", p->out);
    return;
  }
  fputs("set rmargin at screen 0.865\nset key at screen 0.995,0.39 right top\nplot ", p->out);
  for (int i = 0; i < j->structures; ++i) {
    fprintf(p->out, "%s$dvh%d with lines lt %d lw 2 title ", i > 0 ? ", " : "", i, i + 1);
    cli_picture_text(p, pencone_phantom_structure_name(j->phantom, i));
  }
  fputs("\n", p->out);
}

static void put_title(cli_picture *p, const job *j) {
  char text[512];
  const char *slash = strrchr(j->dose_path, '/');
  snprintf(text, sizeof text, "%s: 100 %% = %.4g %s, %s%s",
           j->title != NULL ? j->title : (slash != NULL ? slash + 1 : j->dose_path), j->full,
           pencone_dose_units(j->dose), pencone_dose_quantity(j->dose),
           cli_volume_is_let(&j->volume) ? ", where the dose is 1 % or more" : "");
  fputs("set multiplot\nset style textbox opaque noborder fillcolor '#ffffff' margins 0.6,0.6\nset label ",
        p->out);
  cli_picture_text(p, text);
  fputs(
      " at screen 0.5,0.972 center font ',12'\nset lmargin at screen 0\nset rmargin at screen 1\nunset "
      "border\n"
      "unset tics\nset xrange [0:1]\nset yrange [0:1]\nplot NaN notitle\nset border 31 lw 0.8\n"
      "set xtics nomirror out scale 0.6 autofreq\nset ytics nomirror out scale 0.6 autofreq\nunset label\n",
      p->out);
}

static int draw(cli_session *session, job *j) {
  cli_picture picture;
  int outcome = cli_picture_open(session, &j->picture, WIDTH, HEIGHT, &picture);
  if (outcome == CLI_GO_ON) {
    for (int n = 0; n < 3; ++n) {
      put_slice_data(&picture, j, n);
    }
    put_scale_data(&picture);
    put_axis_data(&picture, j);
    put_dvh_data(&picture, j);
    put_title(&picture, j);
    for (int n = 0; n < 3; ++n) {
      put_slice(&picture, j, n);
    }
    put_scale(&picture, j);
    put_curves(&picture, j);
    fputs("unset multiplot\n", picture.out);
  }
  outcome = cli_picture_close(session, &picture, outcome);
  if (outcome == CLI_GO_ON && !session->common.quiet) {
    cli_progress_clear(session);
    if (j->picture.output != NULL) {
      cli_line("written", "%s", j->picture.output);
    }
    if (j->picture.script != NULL) {
      cli_line("script", "%s", j->picture.script);
    }
  }
  return outcome == CLI_GO_ON ? CLI_OK : outcome;
}

static int work(cli_session *session, void *the_job) {
  job *j = the_job;
  const char *inputs[] = {j->dose_path};
  int outcome = cli_picture_check(session, &j->picture, inputs, 1);
  if (outcome == CLI_GO_ON) {
    cli_guard(session);
    outcome = read_inputs(session, j);
  }
  outcome = outcome == CLI_GO_ON ? draw(session, j) : outcome;
  for (int i = 0; i < j->structures; ++i) {
    pencone_dvh_destroy(j->dvh[i]);
  }
  pencone_dose_destroy(j->dose);
  pencone_phantom_destroy(j->phantom);
  return outcome;
}

static int check_use(job *j) {
  if (j->picture.output == NULL && j->picture.script == NULL) {
    return cli_wrong_use(usage.command, "no picture; give its name, as -o dose.png");
  }
  return read_isodoses(j);
}

int cli_plot(int argc, char **argv) {
  cli_common common = {0};
  job j = {.isodose_text = "10,30,50,80,95", .volume = {NULL, NULL, 0.01}};
  const cli_option options[] = {
      {"output", 'o', CLI_TEXT, "PICTURE", "the picture: .png, .svg or .pdf", &j.picture.output, 0, 0},
      {"script", 's', CLI_TEXT, "FILE.gp", "keep the gnuplot script", &j.picture.script, 0, 0},
      CLI_OPTION_VOLUME(&j.volume),
      CLI_OPTION_BEAM(&j.volume),
      {"at", 'a', CLI_POINT, "X,Y,Z", "point that the slices meet, mm (default: the largest value)", &j.at, 0,
       0},
      {"full", 0, CLI_NUMBER, "VALUE", "what is 100 %, Gy or keV/um (default: the largest)", &j.full, 0, 1e9},
      {"isodoses", 'i', CLI_TEXT, "P,P,...", "isodose lines, per cent (default: 10,30,50,80,95)",
       &j.isodose_text, 0, 0},
      {"phantom", 'p', CLI_TEXT, "P.h5", "file with CT and structures (default: the dose file)",
       &j.phantom_path, 0, 0},
      {"title", 0, CLI_TEXT, "TEXT", "title of the page (default: the file's name)", &j.title, 0, 0},
      CLI_OPTION_QUIET(&common),
  };
  char **operands = NULL;
  int count = 0;
  int outcome = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &operands, &count);
  outcome = outcome == CLI_GO_ON ? check_use(&j) : outcome;
  if (outcome != CLI_GO_ON) {
    return outcome;
  }
  j.dose_path = operands[0];
  return cli_with_session(&common, work, &j);
}

// SPDX-License-Identifier: Apache-2.0
// Runs gnuplot on a script with its data inside.
#define _POSIX_C_SOURCE 200809L
#include "picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char partial[] = ".partial";  // ending of what is not whole yet

static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                      "#E69F00", "#56B4E9", "#000000"};
enum { COLOURS = sizeof colours / sizeof colours[0] };

/// A scale from dark blue to yellow whose lightness rises evenly: it keeps its order in grey. Support
/// points of the "cividis" kind (Nunez, Anderton, Renslow 2018, doi:10.1371/journal.pone.0199239).
static const int scale[][3] = {{0, 34, 78},     {35, 62, 108},   {77, 87, 109},  {110, 112, 116},
                               {146, 140, 117}, {186, 170, 104}, {224, 202, 79}, {253, 231, 55}};
enum { SCALE = sizeof scale / sizeof scale[0] };

const char *cli_picture_colour(int i) {
  return colours[i % COLOURS];
}

void cli_picture_scale(double share, int rgb[3]) {
  const double clipped = share < 0 ? 0 : (share > 1 ? 1 : share);
  const double u = clipped * (SCALE - 1);
  const int low = u < SCALE - 2 ? (int)u : SCALE - 2;
  for (int c = 0; c < 3; ++c) {
    rgb[c] = (int)(scale[low][c] + (u - low) * (scale[low + 1][c] - scale[low][c]) + 0.5);
  }
}

/// The gnuplot terminal for a file's ending; NULL for another ending.
static const char *terminal_of(const char *path) {
  const char *dot = strrchr(path, '.');
  if (dot == NULL) {
    return NULL;
  }
  return strcmp(dot, ".png") == 0   ? "pngcairo"
         : strcmp(dot, ".svg") == 0 ? "svg"
         : strcmp(dot, ".pdf") == 0 ? "pdfcairo"
                                    : NULL;
}

int cli_picture_check(cli_session *session, const cli_picture_request *request, const char *const *inputs,
                      int input_count) {
  if (request->output != NULL && terminal_of(request->output) == NULL) {
    return cli_error(session, CLI_INPUT, "%s: picture: got another ending, expected .png, .svg or .pdf",
                     request->output);
  }
  int outcome =
      request->output != NULL ? cli_check_output(session, request->output, inputs, input_count) : CLI_GO_ON;
  if (outcome == CLI_GO_ON && request->script != NULL) {
    outcome = cli_check_output(session, request->script, inputs, input_count);
  }
  return outcome;
}

/// Opens the script: the user's, or a new one in the folder for temporary files.
static int open_script(cli_session *session, cli_picture *p) {
  if (p->request->script != NULL) {
    p->path = cli_beside(p->request->script, partial);
    p->out = p->path != NULL ? fopen(p->path, "w") : NULL;
  } else {
    const char *folder = getenv("TMPDIR");
    p->path = cli_beside(folder != NULL && folder[0] != '\0' ? folder : "/tmp", "/pencone-XXXXXX");
    const int file = p->path != NULL ? mkstemp(p->path) : -1;
    p->out = file >= 0 ? fdopen(file, "w") : NULL;
  }
  return p->out != NULL ? CLI_GO_ON
                        : cli_error(session, CLI_RUN, "%s: the gnuplot script cannot be written: %s",
                                    p->path != NULL ? p->path : "script", strerror(errno));
}

static void put_head(cli_picture *p, int width, int height) {
  const char *output = p->request->output != NULL ? p->request->output : "picture.png";
  const char *terminal = terminal_of(output);
  terminal = terminal != NULL ? terminal : "pngcairo";
  fprintf(p->out, "# Made by pencone %s. Edit and run: gnuplot THIS_FILE\n", pencone_version());
  fprintf(p->out, "if (!exists(\"output\")) output = ");
  cli_picture_text(p, output);
  if (strcmp(terminal, "pdfcairo") == 0) {
    fprintf(p->out, "\nset terminal pdfcairo size %.2fin,%.2fin font 'DejaVu Sans,9' noenhanced\n",
            width / 96.0, height / 96.0);
  } else if (strcmp(terminal, "svg") == 0) {
    fprintf(p->out, "\nset terminal svg size %d,%d font 'DejaVu Sans,12' noenhanced background '#ffffff'\n",
            width, height);
  } else {
    fprintf(p->out, "\nset terminal pngcairo size %d,%d font 'DejaVu Sans,10' noenhanced\n", width, height);
  }
  fputs("set output output\nset encoding utf8\nset border lw 0.8\nset tics nomirror out scale 0.6\n", p->out);
  for (int i = 0; i < COLOURS; ++i) {
    fprintf(p->out, "set linetype %d lc rgb '%s' lw 1.6 dt %d pt %d ps 0.6\n", i + 1, colours[i], i % 4 + 1,
            (const int[]){6, 4, 8, 10, 12, 2, 1}[i]);
  }
  fputs("set palette defined (", p->out);
  for (int i = 0; i < SCALE; ++i) {
    fprintf(p->out, "%s%.4f '#%02x%02x%02x'", i > 0 ? ", " : "", i / (SCALE - 1.0), scale[i][0], scale[i][1],
            scale[i][2]);
  }
  fputs(")\n", p->out);
}

int cli_picture_open(cli_session *session, const cli_picture_request *request, int width, int height,
                     cli_picture *picture) {
  memset(picture, 0, sizeof *picture);
  picture->request = request;
  if (request->output != NULL) {
    picture->temporary = cli_beside(request->output, partial);
    if (picture->temporary == NULL) {
      return cli_error(session, CLI_RUN, "no memory left");
    }
  }
  const int outcome = open_script(session, picture);
  if (outcome == CLI_GO_ON) {
    put_head(picture, width, height);
  }
  return outcome;
}

void cli_picture_text(cli_picture *picture, const char *text) {
  putc('\'', picture->out);
  for (const char *c = text; *c != '\0'; ++c) {
    if (*c == '\'') {
      putc('\'', picture->out);  // doubled inside single quotes
    }
    putc(*c == '\n' || *c == '\r' ? ' ' : *c, picture->out);
  }
  putc('\'', picture->out);
}

void cli_picture_data(cli_picture *picture, const char *name) {
  fprintf(picture->out, "$%s << EOD\n", name);
}

void cli_picture_data_end(cli_picture *picture) {
  fputs("EOD\n", picture->out);
}

/// Runs gnuplot with the variable output set. @return its exit status, or -1 when it could not be started
static int run_gnuplot(const cli_picture *p) {
  const pid_t child = fork();
  if (child == 0) {
    // The name goes through the environment: no quoting can go wrong.
    setenv("PENCONE_PICTURE", p->temporary, 1);
    setenv("LC_ALL", "C.UTF-8", 1);  // names of structures in any script, decimal points
    execlp("gnuplot", "gnuplot", "-e", "output=system('printf %s \"$PENCONE_PICTURE\"')", p->path,
           (char *)NULL);
    _exit(127);
  }
  int status = 0;
  if (child < 0) {
    return -1;
  }
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return -1;
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int draw(cli_session *session, const cli_picture *p) {
  const int status = run_gnuplot(p);
  if (status == 127 || status < 0) {
    return cli_error(session, CLI_RUN,
                     "gnuplot cannot be started; install it (Debian: gnuplot-nox), or use --script");
  }
  if (status != 0) {
    return cli_error(session, CLI_RUN, "%s: gnuplot ended with status %d", p->path, status);
  }
  if (rename(p->temporary, p->request->output) != 0) {
    return cli_error(session, CLI_RUN, "%s: the picture cannot be moved to its place: %s", p->request->output,
                     strerror(errno));
  }
  return CLI_GO_ON;
}

/// A script is the user's only when it is whole.
static int keep_script(cli_session *session, cli_picture *p) {
  if (rename(p->path, p->request->script) != 0) {
    return cli_error(session, CLI_RUN, "%s: the gnuplot script cannot be moved to its place: %s",
                     p->request->script, strerror(errno));
  }
  p->path[strlen(p->request->script)] = '\0';
  return CLI_GO_ON;
}

int cli_picture_close(cli_session *session, cli_picture *picture, int outcome) {
  if (picture->out != NULL) {
    fputs("unset output\n", picture->out);
    const int bad = ferror(picture->out) != 0;
    int kept = 0;
    if ((fclose(picture->out) != 0 || bad) && outcome == CLI_GO_ON) {
      outcome = cli_error(session, CLI_RUN, "%s: the gnuplot script cannot be written", picture->path);
    }
    if (outcome == CLI_GO_ON && picture->request->script != NULL) {
      outcome = keep_script(session, picture);
      kept = outcome == CLI_GO_ON;
    }
    if (outcome == CLI_GO_ON && picture->temporary != NULL) {
      outcome = draw(session, picture);
    }
    if (picture->temporary != NULL && outcome != CLI_GO_ON) {
      remove(picture->temporary);
    }
    if (!kept) {
      remove(picture->path);
    }
  }
  free(picture->path);
  free(picture->temporary);
  return outcome;
}

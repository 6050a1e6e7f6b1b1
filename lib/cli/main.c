// SPDX-License-Identifier: Apache-2.0
// The command `pencone`: a table of sub-commands.
#include <stdio.h>
#include <string.h>

#include "command.h"

typedef struct command {
  const char *name;
  const char *summary;
  int (*run)(int argc, char **argv);  ///< NULL: planned, not in this version
} command;

static const command commands[] = {
    {"phantom", "build a phantom from a recipe", cli_phantom},
    {"run", "calculate the dose of a plan", cli_run},
    {"sobp", "make a plan of protons with a spread-out Bragg peak", cli_sobp},
    {"dij", "influence matrix: dose of every beamlet or spot", cli_dij},
    {"profile", "dose along a line: depth doses and cross profiles", cli_profile},
    {"dvh", "dose-volume histograms of structures", cli_dvh},
    {"gamma", "compare two doses by the gamma index", cli_gamma},
    {"validate", "run cases and compare with their references", cli_validate},
    {"plot", "draw a dose", cli_plot},
    {"machine", "fit a machine to measurements", cli_machine},
    {"exercise", "exercises that check themselves", NULL},
    {"info", "what is in a file; engines, machines, materials", cli_info},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void put_overview(FILE *out) {
  fputs("pencone: radiation-therapy dose calculation\n\nUsage: pencone COMMAND ...\n\nCommands:\n", out);
  for (int i = 0; i < COMMANDS; ++i) {
    if (commands[i].run != NULL) {
      fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    }
  }
  fputs(
      "\nEvery command explains itself, with its units and an example:\n"
      "  pencone run --help\n"
      "\nThe way from nothing to a depth dose:\n"
      "  pencone phantom phantoms/water-tank.yaml -o water.h5   # what the beam meets\n"
      "  pencone info machines                                  # beams to choose from\n"
      "  pencone run plan.yaml -o dose.h5                       # plan.yaml names phantom and beams\n"
      "  pencone profile dose.h5 --from 0,-150,0 --to 0,150,0   # dose in Gy along y in mm\n"
      "\nUnits: mm, degrees, g/cm3, MeV, Gy. Axes are the patient's (DICOM LPS): x to the\n"
      "patient's left, y to posterior, z to superior. Gantry 0 enters from anterior.\n"
      "\nEnvironment: PENCONE_ISA=baseline, x86-64-v3, x86-64-v4 or reference chooses the instruction\n"
      "set of the hot loops, the best there is without it; doses differ by rounding.\n"
      "\nExit status: 0 done; 1 a check failed; 2 wrong use; 3 bad input; 4 failed while running.\n"
      "  pencone --version    version of the program and of its library\n",
      out);
}

static int unknown_command(const char *name) {
  const char *names[COMMANDS];
  int count = 0;
  for (int i = 0; i < COMMANDS; ++i) {
    if (strcmp(commands[i].name, name) == 0) {
      return cli_wrong_use("", "'%s' is planned and not part of version %s", name, pencone_version());
    }
    if (commands[i].run != NULL) {
      names[count++] = commands[i].name;
    }
  }
  const char *nearest = cli_nearest(name, names, count);
  return nearest != NULL ? cli_wrong_use("", "unknown command '%s'; did you mean '%s'?", name, nearest)
                         : cli_wrong_use("", "unknown command '%s'", name);
}

static int run_command(int argc, char **argv) {
  for (int i = 0; i < COMMANDS; ++i) {
    if (strcmp(commands[i].name, argv[0]) == 0 && commands[i].run != NULL) {
      return commands[i].run(argc, argv);
    }
  }
  return unknown_command(argv[0]);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    put_overview(stderr);
    return CLI_USAGE;
  }
  const char *word = argv[1];
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
    if (argc > 2) {
      char help[] = "--help";
      char *help_argv[] = {argv[2], help, NULL};
      return run_command(2, help_argv);
    }
    put_overview(stdout);
    return cli_finish(CLI_OK);
  }
  if (strcmp(word, "--version") == 0) {
    printf("pencone %s (library %s, source %s)\n", PENCONE_VERSION, pencone_version(), pencone_commit());
    return cli_finish(CLI_OK);
  }
  if (word[0] == '-') {
    return cli_wrong_use("", "unknown option '%s'; options follow the command", word);
  }
  return run_command(argc - 1, argv + 1);
}

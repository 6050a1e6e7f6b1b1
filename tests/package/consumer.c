// SPDX-License-Identifier: Apache-2.0
// A program of somebody else: sees only what an installed Pencone offers.
#include <math.h>
#include <pencone/pencone.h>
#include <stdio.h>
#include <string.h>

static int check_version(void) {
  if (strcmp(pencone_version(), PENCONE_VERSION) != 0) {
    fprintf(stderr, "headers are of %s, the library of %s\n", PENCONE_VERSION, pencone_version());
    return 1;
  }
  return 0;
}

static int check_shipped_machine(pencone_context *ctx) {
  pencone_machine *machine = NULL;
  if (pencone_machine_read(ctx, "ideal-mohan-6mv", &machine) != PENCONE_OK) {
    fprintf(stderr, "shipped machine: %s\n", pencone_context_error(ctx));
    return 1;
  }
  const int wrong = fabs(pencone_machine_describe(machine)->sad_mm - 1000.0) > 1e-9;
  pencone_machine_destroy(machine);
  return wrong;
}

static int check_grid(pencone_context *ctx) {
  const pencone_grid good = {{4, 5, 6}, {2.5, 2.5, 2.5}, {0, 0, 0}};
  const pencone_grid bad = {{4, 5, 6}, {2.5, -2.5, 2.5}, {0, 0, 0}};
  if (pencone_grid_check(ctx, &good) != PENCONE_OK || pencone_grid_voxels(&good) != 120) {
    return 1;
  }
  return pencone_grid_check(ctx, &bad) != PENCONE_E_RANGE || pencone_context_error(ctx)[0] == '\0';
}

int main(void) {
  pencone_context *ctx = NULL;
  if (pencone_context_create(&ctx) != PENCONE_OK) {
    return 1;
  }
  const int wrong = check_version() + check_grid(ctx) + check_shipped_machine(ctx);
  pencone_context_destroy(ctx);
  printf("consumer: %s\n", wrong == 0 ? "fine" : "wrong");
  return wrong == 0 ? 0 : 1;
}

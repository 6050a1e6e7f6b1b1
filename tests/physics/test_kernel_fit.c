// SPDX-License-Identifier: Apache-2.0
// Kernels fitted to tissue-phantom ratios and output factors give back what they were fitted to. The tables
// are those of a machine that is known: sums of its point kernels in water, for each depth with the surface
// where it then is.
#include <pencone/commission.h>

#include "photon/pencil_kernel.h"
#include "physics.h"

enum { FIELDS = 10, DEPTHS = 24, FIRST = 3 };
static const double fields_mm[FIELDS] = {30, 40, 50, 70, 100, 150, 200, 250, 300, 400};
static const double depths_mm[DEPTHS] = {3,   6,   10,  15,  20,  25,  30,  40,  50,  60,  80,  100,
                                         120, 140, 160, 180, 200, 220, 240, 260, 280, 300, 340, 380};
static const double ssd_mm = 900, reference_mm = 100;

/// Dose of each field at each depth, any unit; points in the isocentre plane, or the surface 900 mm from the
/// source.
typedef struct known {
  double dose[FIELDS][DEPTHS];
  pencone_depth_dose curve[FIELDS];
  pencone_output_factor factor[FIELDS];
} known;

static double in_table(double table[PCN_PENCIL_NODES][PCN_PENCIL_RADII], const double width_mm[2],
                       double depth_mm) {
  double radius_mm[PCN_RECTANGLE_POINTS], weight[PCN_RECTANGLE_POINTS], sum[2] = {0};
  int i = 0;
  while (pcn_pencil_node_mm(i + 1) < depth_mm) {
    i++;
  }
  pcn_rectangle_circles(width_mm, radius_mm, weight);
  for (int p = 0; p < PCN_RECTANGLE_POINTS; p++) {
    const double root = sqrt(radius_mm[p] / pcn_pencil_radius_mm(1));
    const int r = (int)root;
    for (int k = 0; k < 2; k++) {
      sum[k] += weight[p] * (table[i + k][r] + (root - r) * (table[i + k][r + 1] - table[i + k][r]));
    }
  }
  const double low = pcn_pencil_node_mm(i), x = (depth_mm - low) / (pcn_pencil_node_mm(i + 1) - low);
  return sum[0] * pow(sum[1] / sum[0], x);
}

// Tables as a clinic has them: each curve as it comes, and output factors at 10 cm.
static void know(pencone_context *ctx, const char *spectrum, int ratios, known *k) {
  static double table[PCN_PENCIL_NODES][PCN_PENCIL_RADII];
  pencone_machine *machine = physics_machine(ctx, spectrum, 1000);
  pcn_photon_tables tables;
  physics_ok(ctx, pcn_photon_tables_make(ctx, machine, 10, &tables));
  double at_reference[FIELDS];
  for (int d = 0; d < DEPTHS; d++) {
    if (ratios || d == 0) {
      physics_ok(ctx, pcn_pencil_circles(ctx, &tables, ratios ? 1000 - depths_mm[d] : ssd_mm, NULL, table));
    }
    for (int f = 0; f < FIELDS; f++) {
      const double scale = ratios ? 1 : (ssd_mm + depths_mm[d]) / 1000;
      const double width_mm[2] = {fields_mm[f] * scale, fields_mm[f] * scale};
      k->dose[f][d] = in_table(table, width_mm, depths_mm[d]) / (scale * scale);
      if (depths_mm[d] == reference_mm) {
        at_reference[f] = k->dose[f][d];
      }
    }
  }
  for (int f = 0; f < FIELDS; f++) {
    k->curve[f] =
        (pencone_depth_dose){fields_mm[f], fields_mm[f], ratios ? 0 : ssd_mm, DEPTHS, depths_mm, k->dose[f]};
    k->factor[f] =
        (pencone_output_factor){fields_mm[f], fields_mm[f], reference_mm, at_reference[f] / at_reference[4]};
    for (int d = 0; d < DEPTHS; d++) {
      k->dose[f][d] /= at_reference[f];
    }
  }
  pcn_photon_tables_free(&tables);
  pencone_machine_destroy(machine);
}

// Issue 5: 1 % for 5 to 20 cm, 2 % for 3 and 40 cm, behind the maximum.
static double allowed_pct(double field_mm) {
  return field_mm >= 50 && field_mm <= 200 ? 1 : 2;
}

static void comes_back(pencone_context *ctx, const char *spectrum, const char *begin, int ratios) {
  known k;
  know(ctx, spectrum, ratios, &k);
  pencone_measurement *raw = NULL, *m = NULL;
  physics_ok(ctx, pencone_measurement_create(ctx, FIELDS, k.curve, &raw));
  physics_ok(ctx, pencone_measurement_scale(ctx, raw, FIELDS, k.factor, &m));
  pencone_machine *from = physics_machine(ctx, begin, 1000), *machine = NULL;
  pencone_kernel_fit fit = PENCONE_KERNEL_FIT_DEFAULT;
  fit.spectrum = from;
  pencone_kernel_found found = PENCONE_KERNEL_FOUND_DEFAULT;
  pencone_fit_curve curve[FIELDS];
  physics_ok(ctx, pencone_kernel_fit_run(ctx, m, &fit, &machine, &found, curve));
  print_message("%s from %s, %s: rms %.3f %%, factor %.3f to %.3f\n", spectrum, begin,
                ratios ? "tissue-phantom ratios" : "depth doses", found.rms_pct, found.factor_min,
                found.factor_max);
  for (int f = 0; f < FIELDS; f++) {
    print_message("  %3.0f mm: rms %.3f %%, max %+.3f %% at %g mm\n", fields_mm[f], curve[f].rms_pct,
                  curve[f].max_pct, curve[f].max_at_mm);
    assert_close(curve[f].max_pct, 0, allowed_pct(fields_mm[f]));
  }
  pencone_machine_destroy(machine);
  pencone_machine_destroy(from);
  pencone_measurement_destroy(raw);
  pencone_measurement_destroy(m);
}

static void ratios_6(void **state) {
  comes_back(*state, "mohan6", "mohan6", 1);
}

static void ratios_15(void **state) {
  comes_back(*state, "mohan15", "mohan15", 1);
}

static void depth_doses_6(void **state) {
  comes_back(*state, "mohan6", "mohan6", 0);
}

// What is not near the kernels that the fit begins with comes back, too.
static void from_another_spectrum(void **state) {
  comes_back(*state, "mohan6", "mohan10", 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(ratios_6), UNIT_TEST(ratios_15), UNIT_TEST(depth_doses_6),
                                     UNIT_TEST(from_another_spectrum)};
  return cmocka_run_group_tests_name("kernel_fit", tests, NULL, NULL);
}

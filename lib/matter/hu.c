// SPDX-License-Identifier: Apache-2.0
// Hounsfield units to density and composition.
// schneider2000: Schneider, Bortfeld, Schlegel 2000, doi:10.1088/0031-9155/45/2/314, figures and pieces in
// lib/data/schneider2000.csv. bilinear: relative electron density in two straight lines, the usual photon
// planning curve for 120 kV; with the composition of water, density in g/cm3 equals it.
#include "hu.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "data/data.h"
#include "material_tables.h"
#include "num/sha256.h"

static const double hu_air = -1000;  // below it CT numbers are noise
static const char *const curve_names[] = {"schneider2000", "bilinear"};
enum { CURVES = sizeof curve_names / sizeof curve_names[0] };

// Bilinear curve: floor (air), and slopes per HU below and above water.
static const double red_floor = 0.001, red_slope_below = 0.001, red_slope_above = 0.0005;

const char *pencone_hu_curve_name(pencone_hu_curve curve) {
  const int i = (int)curve;
  return i >= 0 && i < CURVES ? curve_names[i] : NULL;
}

pencone_status pencone_hu_curve_find(pencone_context *ctx, const char *name, pencone_hu_curve *out) {
  PCN_CHECK(ctx, name != NULL && out != NULL, PENCONE_E_ARGUMENT,
            "HU curve: got NULL, expected a name and a place for it");
  for (int i = 0; i < CURVES; i++) {
    if (strcmp(curve_names[i], name) == 0) {
      *out = (pencone_hu_curve)i;
      return PENCONE_OK;
    }
  }
  return pcn_fail(ctx, PENCONE_E_MISSING, "HU curve: got \"%s\", expected %s or %s", name, curve_names[0],
                  curve_names[1]);
}

static double schneider_density(double hu) {
  int i = pcn_schneider_piece_total - 1;
  while (i > 0 && hu < pcn_schneider_pieces[i].hu_from) {
    i--;
  }
  const pcn_hu_piece *piece = &pcn_schneider_pieces[i];
  return piece->offset + piece->slope * (hu + piece->shift);
}

double pcn_hu_density(pencone_hu_curve curve, double hu) {
  const double h = fmax(hu, hu_air);
  if (curve == PENCONE_HU_BILINEAR) {
    return h <= 0 ? fmax(red_floor, 1 + red_slope_below * h) : 1 + red_slope_above * h;
  }
  return schneider_density(h);
}

const pencone_material *pcn_hu_material(pencone_hu_curve curve, double hu) {
  if (curve == PENCONE_HU_BILINEAR) {
    return &pcn_materials[0];
  }
  int i = pcn_schneider_tissue_total - 1;
  while (i > 0 && hu < pcn_schneider_tissues[i].hu_from) {
    i--;
  }
  return &pcn_schneider_tissues[i].material;
}

int pcn_hu_from_density(pencone_hu_curve curve, const float *table, float density_g_cm3) {
  int low = PCN_HU_MIN, high = PCN_HU_MAX;
  while (low < high) {
    const int middle = low + (high - low + 1) / 2;
    const float here = table != NULL ? table[middle - PCN_HU_MIN] : (float)pcn_hu_density(curve, middle);
    if (here <= density_g_cm3) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

pencone_status pencone_hu_convert(pencone_context *ctx, pencone_hu_curve curve, double hu,
                                  double *density_g_cm3, pencone_material *material) {
  PCN_CHECK(ctx, pencone_hu_curve_name(curve) != NULL, PENCONE_E_RANGE,
            "HU curve: got number %d, expected 0 to %d", (int)curve, CURVES - 1);
  PCN_CHECK(ctx, hu >= PCN_HU_MIN && hu <= PCN_HU_MAX, PENCONE_E_RANGE, "HU: got %g, expected %d to %d", hu,
            PCN_HU_MIN, PCN_HU_MAX);
  const double density = pcn_hu_density(curve, hu);
  if (density_g_cm3 != NULL) {
    *density_g_cm3 = density;
  }
  if (material != NULL) {
    *material = *pcn_hu_material(curve, hu);
    material->density_g_cm3 = density;
  }
  return PENCONE_OK;
}

void pcn_hu_curve_sha256(pencone_hu_curve curve, char hex[PCN_HU_SHA256_HEX]) {
  pcn_sha256 hash;
  pcn_sha256_start(&hash);
  if (curve == PENCONE_HU_BILINEAR) {
    const double values[] = {red_floor, red_slope_below, red_slope_above, hu_air};
    pcn_sha256_add_doubles(&hash, values, sizeof values / sizeof values[0]);
  } else {
    size_t bytes = 0;
    const char *text = pcn_data_find("schneider2000.csv", &bytes);
    pcn_sha256_add(&hash, text != NULL ? text : "", bytes);
  }
  pcn_sha256_end(&hash, hex);
}

// SPDX-License-Identifier: Apache-2.0
#include "matter/proton_ratio.h"

#include <math.h>

#include "matter/elements.h"
#include "num/constants.h"

static const double water_excitation_ev = 78;
static const double proton_mass_mev = 938.27208816;  // CODATA 2018

// The logarithm of Bethe's formula less beta^2, at 100 MeV.
static double bethe(double excitation_ev) {
  const double gamma = 1 + 100 / proton_mass_mev, beta2 = 1 - 1 / (gamma * gamma);
  return log(2e6 * PCN_ELECTRON_MASS_MEV * beta2 * gamma * gamma / excitation_ev) - beta2;
}

double pcn_proton_stopping(const pencone_material *material) {
  pencone_material water;
  if (pencone_material_find(NULL, "water", &water) != PENCONE_OK) {
    return 1;
  }
  const int is_water = fabs(material->mean_excitation_ev - water.mean_excitation_ev) < 1e-9;
  const double excitation = is_water ? water_excitation_ev : material->mean_excitation_ev;
  return material->z_over_a / water.z_over_a * bethe(excitation) / bethe(water_excitation_ev);
}

static double atomic_mass(int z) {
  for (int i = 0; i < PCN_ELEMENT_COUNT; i++) {
    if (pcn_elements[i].z == z) {
      return pcn_elements[i].a;
    }
  }
  return 2.2 * z;
}

// 1 / scattering length, cm2/g, but for a common factor.
static double inverse_length(const pencone_material *material) {
  double sum = 0;
  for (int i = 0; i < material->elements; i++) {
    const double z = material->atomic_number[i], a = atomic_mass(material->atomic_number[i]);
    sum += material->mass_fraction[i] * z * z / a * (2 * log(33219 / cbrt(a * z)) - 1);
  }
  return sum;
}

double pcn_proton_scattering(const pencone_material *material) {
  pencone_material water;
  if (pencone_material_find(NULL, "water", &water) != PENCONE_OK) {
    return 1;
  }
  return inverse_length(material) / inverse_length(&water);
}

// SPDX-License-Identifier: Apache-2.0
#include "commission/elastic.h"

#include <math.h>

enum { COUNT_MAX = 200 };
static const double proton_mass_mev = 938.27208816;  // CODATA 2018
static const double oxygen_mass_mev = 14895.08;      // nucleus of 16O, AME 2020
static const double least_mev = 50;                  // below, the formulae have their value there

// Fippel and Soukup 2004 (doi:10.1118/1.1769631), 50 to 250 MeV: scatters per g/cm2 of water, and the mean
// energy that goes to the nucleus, MeV.
static double scatters(double energy_mev) {
  const double e = fmax(energy_mev, least_mev);
  return 1.88 / e + 4.0e-5 * e - 0.01475;
}

static double recoil_mev(double energy_mev) {
  return fmax(0.65 * exp(-0.0013 * energy_mev) - 0.71 * exp(-0.0177 * energy_mev), 1e-3);
}

// Adds the scatters in one step of the way: the recoil T is exponential, and so is the loss of depth by the
// angle, 1 - cos = M T / p^2, on the way that is left, and by T itself. By steps rounded to the nearest.
static void add_scatters(const pcn_energy_range *table, int i, double step_mm, int count, double *events) {
  const double lost_mev = table->energy_mev[i + 1] - table->energy_mev[i];
  const double way_mm = table->range_mm[i + 1] - table->range_mm[i];
  const double energy_mev = table->energy_mev[i] + 0.5 * lost_mev,
               left_mm = table->range_mm[i] + 0.5 * way_mm;
  const double momentum2 = energy_mev * (energy_mev + 2 * proton_mass_mev), t = recoil_mev(energy_mev);
  const double mean_mm = t * (oxygen_mass_mev / momentum2 * left_mm + way_mm / lost_mev);
  const double number = 0.1 * way_mm * scatters(energy_mev), ratio = exp(-step_mm / mean_mm);
  double beyond = exp(-0.5 * step_mm / mean_mm);
  events[0] += number * (1 - beyond);
  for (int k = 1; k < count - 1; k++) {
    events[k] += number * beyond * (1 - ratio);
    beyond *= ratio;
  }
  events[count - 1] += number * beyond;
}

void pcn_elastic_loss(const pcn_energy_range *table, double range_mm, double step_mm, int count,
                      double *share) {
  double events[COUNT_MAX] = {0}, all = 0, sum = 0;
  for (int i = 0; i + 1 < table->count && table->range_mm[i + 1] <= range_mm; i++) {
    add_scatters(table, i, step_mm, count, events);
  }
  for (int k = 0; k < count; k++) {
    all += events[k];
  }
  // Any number of scatters, by Poisson: Panjer's recursion (1981, doi:10.1017/S0515036100006796).
  share[0] = exp(events[0] - all);
  for (int n = 1; n < count; n++) {
    share[n] = 0;
    for (int k = 1; k <= n; k++) {
      share[n] += k * events[k] * share[n - k] / n;
    }
  }
  for (int n = 0; n < count - 1; n++) {
    sum += share[n];
  }
  share[count - 1] = fmax(1 - sum, 0);
}

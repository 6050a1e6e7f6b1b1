// SPDX-License-Identifier: Apache-2.0
#include "proton/optics.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "matter/proton_ratio.h"

// Stopping and scattering power per length, relative to water, of the beam's range shifter.
static int shifter_matter(const pencone_beam *beam, double *stopping, double *scattering) {
  pencone_material material;
  const char *name = beam->range_shifter_material != NULL ? beam->range_shifter_material : "pmma";
  if (!(beam->range_shifter_mm > 0) || pencone_material_find(NULL, name, &material) != PENCONE_OK) {
    return 0;
  }
  *stopping = material.density_g_cm3 * pcn_proton_stopping(&material);
  *scattering = material.density_g_cm3 * pcn_proton_scattering(&material);
  return 1;
}

double pcn_shifter_water_mm(const pencone_beam *beam) {
  double stopping, scattering;
  return shifter_matter(beam, &stopping, &scattering) ? stopping * beam->range_shifter_mm : 0;
}

void pcn_optics_spot(const pencone_machine_desc *machine, double energy_mev, double out[3]) {
  out[0] = machine->spot_sigma_mm;
  out[1] = machine->divergence_mrad;
  out[2] = machine->correlation;
  if (machine->optics_count == 0) {
    return;
  }
  const pencone_spot_optics *o = machine->optics;
  const int last = machine->optics_count - 1;
  int i = 0;
  while (i < last - 1 && o[i + 1].energy_mev < energy_mev) {
    i++;
  }
  const pencone_spot_optics *a = &o[i], *b = &o[last > 0 ? i + 1 : i];
  const double width = b->energy_mev - a->energy_mev;
  const double u = width > 0 ? fmin(fmax((energy_mev - a->energy_mev) / width, 0), 1) : 0;
  out[0] = a->sigma_mm + u * (b->sigma_mm - a->sigma_mm);
  out[1] = a->divergence_mrad + u * (b->divergence_mrad - a->divergence_mrad);
  out[2] = a->correlation + u * (b->correlation - a->correlation);
}

// Moments of eq. 3 at the end of the shifter, as those of as much water.
static void scatter_in_shifter(const pcn_depth_table *table, double stopping, double scattering,
                               pcn_optics *out) {
  enum { STEPS = 200 };
  const double water = out->water_mm / STEPS, h = water / stopping;
  double angle = 0, mixed = 0, place = 0;
  for (int i = 0; i < STEPS; i++) {
    const double power = scattering * pcn_depth_table_at(table, water * (i + 0.5)).power;
    place += h * (2 * mixed + h * (angle + h * power / 3));
    mixed += h * (angle + 0.5 * h * power);
    angle += h * power;
  }
  out->shifter[0] = angle;
  out->shifter[1] = mixed;
  out->shifter[2] = place;
}

pencone_status pcn_optics_make(pencone_context *ctx, const pencone_beam *beam, const pcn_depth_table *table,
                               pcn_optics *out) {
  const pencone_machine_desc *machine = pencone_machine_describe(beam->machine);
  double spot[3], stopping, scattering;
  memset(out, 0, sizeof *out);
  pcn_optics_spot(machine, table->energy_mev, spot);
  const double angle = 1e-3 * spot[1];
  out->place = spot[0] * spot[0];
  out->mixed = spot[2] * spot[0] * angle;
  out->angle = angle * angle;
  out->shifter_z_mm = -machine->range_shifter_distance_mm;
  if (shifter_matter(beam, &stopping, &scattering)) {
    out->water_mm = stopping * beam->range_shifter_mm;
    PCN_CHECK(
        ctx, out->water_mm < table->r80_mm, PENCONE_E_RANGE,
        "beam %s: range shifter: got %g mm, which are %.1f mm of water, expected less than the range of %g MeV, %.1f mm",
        beam->name, beam->range_shifter_mm, out->water_mm, table->energy_mev, table->r80_mm);
    scatter_in_shifter(table, stopping, scattering, out);
  }
  return PENCONE_OK;
}

double pcn_optics_variance(const pcn_optics *o, double z_mm) {
  const double free = o->place + 2 * o->mixed * z_mm + o->angle * z_mm * z_mm;
  if (!(o->water_mm > 0)) {
    return free;
  }
  const double gap = fmax(z_mm - o->shifter_z_mm, 0);
  return free + o->shifter[2] + 2 * o->shifter[1] * gap + o->shifter[0] * gap * gap;
}

double pcn_optics_covariance(const pcn_optics *o, double z_mm, double other_mm) {
  const double free = o->place + o->mixed * (z_mm + other_mm) + o->angle * z_mm * other_mm;
  const double gap = fmax(z_mm - o->shifter_z_mm, 0), other = fmax(other_mm - o->shifter_z_mm, 0);
  return free +
         (o->water_mm > 0 ? o->shifter[2] + o->shifter[1] * (gap + other) + o->shifter[0] * gap * other : 0);
}

double pcn_optics_spread(const pencone_machine_desc *machine, int axis, double z_mm) {
  const double sad_mm = machine->scan_sad_mm[axis];
  return sad_mm > 0 ? 1 + z_mm / sad_mm : 1;
}

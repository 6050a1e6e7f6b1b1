// SPDX-License-Identifier: Apache-2.0
#include "proton/proton_beam.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "proton/layer.h"

static const double sub_sigma = 0.7;       // width of a ray's own Gaussian over the distance of rays
static const double fluence_cut = 4.5;     // sigma: how far from a spot's centre its rays lie
static const double halo_margin_mm = 130;  // the beam data's own

uint64_t pcn_proton_beam_bytes(const pencone_grid *grid, int threads) {
  (void)threads;
  return 15 * (uint64_t)pencone_grid_voxels(grid) * sizeof(float);
}

static pencone_status make_energies(pencone_context *ctx, const pcn_proton_options *options,
                                    pcn_proton_beam *out) {
  const pencone_beam *beam = out->beam;
  out->energy = pcn_calloc(ctx, (size_t)beam->layer_count, sizeof *out->energy);
  if (out->energy == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int l = 0; l < beam->layer_count; l++) {
    pcn_proton_energy *e = &out->energy[l];
    PCN_TRY(pcn_depth_table_make(ctx, beam->layers[l].energy_mev, &e->table));
    PCN_TRY(pcn_optics_make(ctx, beam, &e->table, &e->optics));
    if (options->bortfeld) {
      pcn_depth_table_use_bortfeld(&e->table);
    }
    if (options->let == PCN_LET_PRIMARIES) {
      pcn_depth_table_use_primaries(&e->table);
    }
  }
  return PENCONE_OK;
}

static double spread_of(const pcn_proton_beam *engine, double z) {
  const pencone_machine_desc *machine = pencone_machine_describe(engine->beam->machine);
  return pcn_optics_spread(machine, 0, z) * pcn_optics_spread(machine, 1, z);
}

// The lattice carries the spot where it meets the patient, less the width of a ray.
static pencone_status share_widths(pencone_context *ctx, pcn_proton_beam *out) {
  const double own = sub_sigma * out->spacing_mm, entry = out->rays.entry_mm;
  for (int l = 0; l < out->beam->layer_count; l++) {
    pcn_proton_energy *e = &out->energy[l];
    const double spot = pcn_optics_variance(&e->optics, entry) / spread_of(out, entry);
    PCN_CHECK(
        ctx, own * own < spot, PENCONE_E_RANGE,
        "option ray_spacing_mm: got %g, expected less than %g: rays must be finer than the spot of %g MeV",
        out->spacing_mm, sqrt(spot) / sub_sigma, e->table.energy_mev);
    e->lattice_mm2 = spot - own * own;
    const pcn_ray_width width = {entry, own, out->spacing_mm};
    PCN_TRY(pcn_collimator_make(ctx, out->beam, &e->optics, &width, &e->collimator));
  }
  return PENCONE_OK;
}

static double largest_ratio(const pcn_medium *m) {
  const size_t voxels = pencone_grid_voxels(&m->grid);
  float most = 0;
  for (size_t v = 0; v < voxels; v++) {
    const float ratio = m->density[v] > 0 ? m->stopping[v] / m->density[v] : 0;
    most = ratio > most ? ratio : most;
  }
  return (double)most;
}

pencone_status pcn_proton_beam_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                                    const pcn_proton_options *options, pcn_proton_beam *out) {
  memset(out, 0, sizeof *out);
  out->medium = medium;
  out->beam = beam;
  out->spacing_mm = pcn_collimator_spacing(beam, options->spacing_mm);
  out->cut = options->cut;
  out->let = options->let;
  out->ratio_most = largest_ratio(medium);
  pencone_status status = make_energies(ctx, options, out);
  double widest = 0;
  for (int l = 0; l < beam->layer_count && status == PENCONE_OK; l++) {
    widest = fmax(widest, pcn_optics_variance(&out->energy[l].optics, 0));
  }
  if (status == PENCONE_OK) {
    const double margin_mm[2] = {fluence_cut * sqrt(widest), halo_margin_mm};
    status = pcn_rays_make(ctx, medium, beam, out->spacing_mm, margin_mm, &out->rays);
  }
  if (status == PENCONE_OK) {
    status = pcn_depths_make(ctx, &out->rays, &medium->grid, &out->depths);
  }
  if (status == PENCONE_OK) {
    double reach_mm = 0;
    for (int l = 0; l < beam->layer_count; l++) {
      reach_mm = fmax(reach_mm, pcn_mixing_reach(&out->energy[l].table));
    }
    out->uneven = pcn_mixing_uneven(ctx, &out->rays, &medium->grid, reach_mm);
    status = out->uneven != NULL ? share_widths(ctx, out) : PENCONE_E_MEMORY;
  }
  if (status == PENCONE_OK) {
    status = pcn_spots_pass(ctx, out);
  }
  if (status != PENCONE_OK) {
    pcn_proton_beam_free(out);
  }
  return status;
}

void pcn_proton_beam_free(pcn_proton_beam *engine) {
  for (int l = 0; engine->energy != NULL && l < engine->beam->layer_count; l++) {
    pcn_depth_table_free(&engine->energy[l].table);
    pcn_collimator_free(&engine->energy[l].collimator);
  }
  pcn_free(engine->energy);
  pcn_free(engine->uneven);
  pcn_depths_free(&engine->depths);
  pcn_rays_free(&engine->rays);
  memset(engine, 0, sizeof *engine);
}

// --- protons of each ray -----------------------------------------------------------------------

// A Gaussian on the nodes of an axis within the cut, sum 1. @return the first node; *count of them
static int64_t sample(pcn_axis axis, double centre, double sigma, double reach, double *weight,
                      int64_t *count) {
  int64_t first = (int64_t)ceil((centre - reach - axis.first) / axis.step);
  int64_t last = (int64_t)floor((centre + reach - axis.first) / axis.step);
  first = first > 0 ? first : 0;
  last = last < axis.count - 1 ? last : axis.count - 1;
  *count = last >= first ? last - first + 1 : 0;
  double sum = 0;
  for (int64_t i = 0; i < *count; i++) {
    const double u = (axis.first + axis.step * (double)(first + i) - centre) / sigma;
    weight[i] = exp(-0.5 * u * u);
    sum += weight[i];
  }
  for (int64_t i = 0; i < *count; i++) {
    weight[i] /= sum;
  }
  return first;
}

pcn_spot_rays pcn_spot_spread(const pcn_proton_beam *engine, double lattice_mm2,
                              const pencone_proton_spot *spot, double *scratch) {
  const pcn_rays *rays = &engine->rays;
  const double own = sub_sigma * engine->spacing_mm, sigma = sqrt(lattice_mm2),
               width = sqrt(lattice_mm2 + own * own);
  pcn_spot_rays out = {.weight = {scratch, scratch + rays->ray[0].count}};
  const double at[2] = {spot->x_mm, spot->y_mm};
  for (int a = 0; a < 2; a++) {
    out.first[a] = sample(rays->ray[a], at[a], sigma, fluence_cut * width, out.weight[a], &out.count[a]);
  }
  return out;
}

// Width of a ray without matter at z from the isocentre: what the lattice of rays does not carry.
double pcn_proton_beam_own(const pcn_proton_beam *engine, const pcn_proton_energy *energy, double z_mm) {
  const double own = sub_sigma * engine->spacing_mm;
  return fmax(pcn_optics_variance(&energy->optics, z_mm) - energy->lattice_mm2 * spread_of(engine, z_mm),
              0.25 * own * own);
}

// SPDX-License-Identifier: Apache-2.0
// Beam data of a treatment machine: checked, copied, normalised, hashed.
#include "machine.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "beam/pencil_terms.h"
#include "num/sha256.h"

static const double sad_min_mm = 100, sad_max_mm = 10000;
static const double energy_max_mev = 20;  // end of the attenuation and kernel tables
static const int bins_max = 1000, optics_max = 100;

struct pencone_machine {
  pencone_machine_desc desc;  // its pointers are the members below
  char *name, *description;
  double *edges_mev, *weight;
  pencone_spot_optics *optics;
  pencone_pencil_terms pencil;
  double *extras;
  char sha256[PCN_SHA256_HEX];
};

static pencone_status check_spectrum(pencone_context *ctx, const pencone_machine_desc *desc, double *sum) {
  PCN_CHECK(ctx, desc->bins >= 1 && desc->bins <= bins_max, PENCONE_E_RANGE,
            "machine %s: spectrum bins: got %d, expected 1 to %d", desc->name, desc->bins, bins_max);
  PCN_CHECK(ctx, desc->edges_mev != NULL && desc->weight != NULL, PENCONE_E_ARGUMENT,
            "machine %s: spectrum: got NULL, expected edges and weights", desc->name);
  double before = 0;
  *sum = 0;
  for (int i = 0; i <= desc->bins; i++) {
    const double edge = desc->edges_mev[i];
    PCN_CHECK(ctx, isfinite(edge) && edge <= energy_max_mev && (i == 0 ? edge >= 0 : edge > before),
              PENCONE_E_RANGE, "machine %s: spectrum edge %d: got %g MeV, expected %s %g and at most %g",
              desc->name, i, edge, i == 0 ? "at least" : "above", before, energy_max_mev);
    before = edge;
  }
  for (int i = 0; i < desc->bins; i++) {
    PCN_CHECK(ctx, isfinite(desc->weight[i]) && desc->weight[i] >= 0, PENCONE_E_RANGE,
              "machine %s: photons in spectrum bin %d: got %g, expected 0 or more", desc->name, i,
              desc->weight[i]);
    *sum += desc->weight[i];
  }
  PCN_CHECK(ctx, isfinite(*sum) && *sum > 0, PENCONE_E_RANGE,
            "machine %s: photons in the spectrum: got %g in all, expected above 0", desc->name, *sum);
  return PENCONE_OK;
}

static pencone_status check_optics(pencone_context *ctx, const char *name, const pencone_spot_optics *o) {
  PCN_CHECK(ctx, o->sigma_mm >= 1 && o->sigma_mm <= 20, PENCONE_E_RANGE,
            "machine %s: spot sigma_mm: got %g, expected 1 to 20", name, o->sigma_mm);
  PCN_CHECK(ctx, o->divergence_mrad >= 0 && o->divergence_mrad <= 20, PENCONE_E_RANGE,
            "machine %s: spot divergence_mrad: got %g, expected 0 to 20", name, o->divergence_mrad);
  PCN_CHECK(ctx, o->correlation >= -1 && o->correlation <= 1, PENCONE_E_RANGE,
            "machine %s: spot correlation: got %g, expected -1 to 1", name, o->correlation);
  return PENCONE_OK;
}

static pencone_status check_spots(pencone_context *ctx, const pencone_machine_desc *desc) {
  if (desc->optics_count == 0) {
    const pencone_spot_optics one = {0, desc->spot_sigma_mm, desc->divergence_mrad, desc->correlation};
    return check_optics(ctx, desc->name, &one);
  }
  PCN_CHECK(ctx, desc->optics_count >= 2 && desc->optics_count <= optics_max && desc->optics != NULL,
            PENCONE_E_ARGUMENT, "machine %s: spots by energy: got %d, expected 2 to %d", desc->name,
            desc->optics_count, optics_max);
  double before = 0;
  for (int i = 0; i < desc->optics_count; i++) {
    PCN_CHECK(ctx, isfinite(desc->optics[i].energy_mev) && desc->optics[i].energy_mev > before,
              PENCONE_E_RANGE, "machine %s: spot energy_mev %d: got %g, expected above %g", desc->name, i + 1,
              desc->optics[i].energy_mev, before);
    before = desc->optics[i].energy_mev;
    PCN_TRY(check_optics(ctx, desc->name, &desc->optics[i]));
  }
  return PENCONE_OK;
}

static pencone_status check_protons(pencone_context *ctx, const pencone_machine_desc *desc, double *sum) {
  *sum = 1;
  PCN_TRY(check_spots(ctx, desc));
  for (int a = 0; a < 2; a++) {
    const double sad_mm = desc->scan_sad_mm[a], limit_mm = desc->spot_limit_mm[a];
    PCN_CHECK(
        ctx, sad_mm == 0 || (sad_mm >= 1000 && sad_mm <= 20000), PENCONE_E_RANGE,
        "machine %s: scanning magnet of %c to isocentre: got %g mm, expected 1000 to 20000, or 0 (parallel)",
        desc->name, 'x' + a, sad_mm);
    PCN_CHECK(ctx, limit_mm > 0 && limit_mm <= 300, PENCONE_E_RANGE,
              "machine %s: limit of spots along %c: got %g mm, expected above 0 to 300", desc->name, 'x' + a,
              limit_mm);
  }
  PCN_CHECK(ctx, desc->range_shifter_distance_mm >= 0 && desc->range_shifter_distance_mm <= 2000,
            PENCONE_E_RANGE, "machine %s: range shifter to isocentre: got %g mm, expected 0 to 2000",
            desc->name, desc->range_shifter_distance_mm);
  return PENCONE_OK;
}

static pencone_status check(pencone_context *ctx, const pencone_machine_desc *desc, double *sum) {
  PCN_CHECK(ctx, desc != NULL, PENCONE_E_ARGUMENT, "machine: got NULL, expected a description");
  PCN_CHECK(ctx, desc->struct_size >= sizeof *desc, PENCONE_E_ARGUMENT,
            "machine: struct_size: got %zu, expected %zu (start from PENCONE_MACHINE_DESC_DEFAULT)",
            desc->struct_size, sizeof *desc);
  PCN_CHECK(ctx, desc->name != NULL && desc->name[0] != '\0', PENCONE_E_ARGUMENT,
            "machine: name: got none, expected a text");
  PCN_CHECK(ctx, desc->sad_mm >= sad_min_mm && desc->sad_mm <= sad_max_mm, PENCONE_E_RANGE,
            "machine %s: sad_mm: got %g, expected %g to %g", desc->name, desc->sad_mm, sad_min_mm,
            sad_max_mm);
  if (desc->modality == PENCONE_PROTON) {
    return check_protons(ctx, desc, sum);
  }
  PCN_TRY(check_spectrum(ctx, desc, sum));
  return pcn_pencil_extras_check(ctx, desc);
}

// What decides the dose, and only that: not the name. Weights count in units of 2^-40, so that another
// normalisation, which changes the last bits, gives the same hash.
static void hash_protons(pencone_machine *machine) {
  pcn_sha256 hash;
  static const char version[] = "pencone-proton-machine-2";
  const pencone_machine_desc *d = &machine->desc;
  const double values[] = {d->sad_mm,           d->spot_sigma_mm,    d->divergence_mrad,
                           d->correlation,      d->scan_sad_mm[0],   d->scan_sad_mm[1],
                           d->spot_limit_mm[0], d->spot_limit_mm[1], d->range_shifter_distance_mm};
  pcn_sha256_start(&hash);
  pcn_sha256_add(&hash, version, sizeof version);
  pcn_sha256_add_doubles(&hash, values, sizeof values / sizeof values[0]);
  for (int i = 0; i < d->optics_count; i++) {
    const pencone_spot_optics *o = &d->optics[i];
    const double spot[] = {o->energy_mev, o->sigma_mm, o->divergence_mrad, o->correlation};
    pcn_sha256_add_doubles(&hash, spot, sizeof spot / sizeof spot[0]);
  }
  pcn_sha256_end(&hash, machine->sha256);
}

static void hash_values(pencone_machine *machine) {
  if (machine->desc.modality == PENCONE_PROTON) {
    hash_protons(machine);
    return;
  }
  pcn_sha256 hash;
  pcn_sha256_start(&hash);
  static const char version[] = "pencone-photon-machine-1";
  pcn_sha256_add(&hash, version, sizeof version);
  pcn_sha256_add_doubles(&hash, &machine->desc.sad_mm, 1);
  pcn_sha256_add_int(&hash, machine->desc.bins);
  pcn_sha256_add_doubles(&hash, machine->edges_mev, (size_t)machine->desc.bins + 1);
  for (int i = 0; i < machine->desc.bins; i++) {
    pcn_sha256_add_int(&hash, llround(ldexp(machine->weight[i], 40)));
  }
  pcn_pencil_extras_hash(&machine->desc, &hash);
  pcn_sha256_end(&hash, machine->sha256);
}

static pencone_status fill(pencone_context *ctx, const pencone_machine_desc *desc, double sum,
                           pencone_machine *machine) {
  const size_t bins = desc->modality == PENCONE_PROTON ? 0 : (size_t)desc->bins;
  machine->name = pcn_strdup(ctx, desc->name);
  machine->description = pcn_strdup(ctx, desc->description != NULL ? desc->description : "");
  machine->edges_mev = pcn_alloc(ctx, bins + 1, sizeof *machine->edges_mev);
  machine->weight = pcn_alloc(ctx, bins, sizeof *machine->weight);
  const size_t spots = desc->modality == PENCONE_PROTON ? (size_t)desc->optics_count : 0;
  machine->optics = pcn_alloc(ctx, spots, sizeof *machine->optics);
  if (machine->name == NULL || machine->description == NULL || machine->edges_mev == NULL ||
      machine->weight == NULL || machine->optics == NULL) {
    return PENCONE_E_MEMORY;
  }
  if (spots > 0) {
    memcpy(machine->optics, desc->optics, spots * sizeof *machine->optics);
  }
  memset(machine->edges_mev, 0, (bins + 1) * sizeof *machine->edges_mev);
  if (bins > 0) {
    memcpy(machine->edges_mev, desc->edges_mev, (bins + 1) * sizeof *machine->edges_mev);
  }
  for (size_t i = 0; i < bins; i++) {
    machine->weight[i] = desc->weight[i] / sum;
  }
  machine->desc = *desc;
  machine->desc.struct_size = sizeof machine->desc;
  machine->desc.name = machine->name;
  machine->desc.description = machine->description;
  machine->desc.bins = (int)bins;
  machine->desc.edges_mev = machine->edges_mev;
  machine->desc.weight = machine->weight;
  machine->desc.optics_count = (int)spots;
  machine->desc.optics = machine->optics;
  return desc->modality == PENCONE_PHOTON
             ? pcn_pencil_extras_copy(ctx, &machine->desc, &machine->pencil, &machine->extras)
             : PENCONE_OK;
}

pencone_status pencone_machine_create(pencone_context *ctx, const pencone_machine_desc *desc,
                                      pencone_machine **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "machine: got NULL, expected a place for it");
  *out = NULL;
  double sum = 0;
  PCN_TRY(check(ctx, desc, &sum));
  pencone_machine *machine = pcn_calloc(ctx, 1, sizeof *machine);
  if (machine == NULL) {
    return PENCONE_E_MEMORY;
  }
  const pencone_status status = fill(ctx, desc, sum, machine);
  if (status != PENCONE_OK) {
    pencone_machine_destroy(machine);
    return status;
  }
  hash_values(machine);
  *out = machine;
  return PENCONE_OK;
}

void pencone_machine_destroy(pencone_machine *machine) {
  if (machine != NULL) {
    pcn_free(machine->name);
    pcn_free(machine->description);
    pcn_free(machine->edges_mev);
    pcn_free(machine->weight);
    pcn_free(machine->optics);
    pcn_free(machine->extras);
    pcn_free(machine);
  }
}

const pencone_machine_desc *pencone_machine_describe(const pencone_machine *machine) {
  return machine != NULL ? &machine->desc : NULL;
}

const char *pencone_machine_sha256(const pencone_machine *machine) {
  return machine != NULL ? machine->sha256 : "";
}

pencone_status pcn_machine_clone(pencone_context *ctx, const pencone_machine *machine,
                                 pencone_machine **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "machine: got NULL, expected a place for the copy");
  *out = NULL;
  PCN_CHECK(ctx, machine != NULL, PENCONE_E_ARGUMENT, "machine: got NULL, expected one to copy");
  pencone_machine *copy = pcn_calloc(ctx, 1, sizeof *copy);
  if (copy == NULL) {
    return PENCONE_E_MEMORY;
  }
  // The weights have sum 1 already: dividing by 1 keeps every bit.
  const pencone_status status = fill(ctx, &machine->desc, 1.0, copy);
  if (status != PENCONE_OK) {
    pencone_machine_destroy(copy);
    return status;
  }
  memcpy(copy->sha256, machine->sha256, sizeof copy->sha256);
  *out = copy;
  return PENCONE_OK;
}

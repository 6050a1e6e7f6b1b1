// SPDX-License-Identifier: Apache-2.0
// Machine files (docs/formats.md): the shipped ones, built in, and the user's own.
#include "machine_file.h"

#include <pencone/io.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "beam/spectrum.h"
#include "data/data.h"
#include "machine_extras.h"
#include "yaml.h"

// One line per file lib/data/machines/NAME.yaml; a test holds the two lists together.
static const char *const shipped[] = {
    "ideal-co60",       "ideal-mohan-4mv", "ideal-mohan-6mv", "ideal-mohan-10mv",
    "ideal-mohan-15mv", "ideal-proton",    "generic-proton",  NULL,
};
enum { shipped_count = sizeof shipped / sizeof shipped[0] - 1, bins_max = 1000 };

static const pcn_range sad_range_mm = {100, 10000};
static const pcn_range energy_range_mev = {0, 20};  // end of the attenuation and kernel tables
static const pcn_range photons_range = {0, 1e300};

int pencone_machine_count(void) {
  return shipped_count;
}

const char *pencone_machine_name_at(int i) {
  return i >= 0 && i < shipped_count ? shipped[i] : NULL;
}

/// The embedded text of a shipped machine, or NULL.
static const char *shipped_text(const char *name, size_t *bytes) {
  for (int i = 0; i < shipped_count; ++i) {
    char file[64];
    if (strcmp(shipped[i], name) == 0) {
      snprintf(file, sizeof file, "machines/%s.yaml", name);
      return pcn_data_find(file, bytes);
    }
  }
  return NULL;
}

int pcn_machine_is_path(const char *name_or_path) {
  const size_t length = strlen(name_or_path);
  return strchr(name_or_path, '/') != NULL ||
         (length > 5 && strcmp(name_or_path + length - 5, ".yaml") == 0) ||
         (length > 4 && strcmp(name_or_path + length - 4, ".yml") == 0);
}

// --- spectrum ----------------------------------------------------------------------------------

/// A table of the file's own: edges_mev and photons.
static pencone_status spectrum_table(pencone_context *ctx, pcn_node node, pcn_spectrum *out) {
  static const pcn_key keys[] = {
      {"edges_mev", PCN_REQUIRED}, {"photons", PCN_REQUIRED}, {NULL, PCN_OPTIONAL}};
  PCN_TRY(pcn_yaml_keys(node, "spectrum", keys));
  const pcn_node edges = pcn_yaml_get(node, "edges_mev");
  const pcn_node photons = pcn_yaml_get(node, "photons");
  int bins = 0;
  PCN_TRY(pcn_yaml_list(photons, "photons", &bins));
  if (bins > bins_max) {
    return pcn_yaml_fail(photons, PENCONE_E_RANGE, "photons: got %d bins, expected 1 to %d", bins, bins_max);
  }
  out->bins = bins;
  out->edges_mev = pcn_alloc(ctx, (size_t)bins + 1, sizeof(double));
  out->weight = pcn_alloc(ctx, (size_t)bins, sizeof(double));
  if (out->edges_mev == NULL || out->weight == NULL) {
    return PENCONE_E_MEMORY;
  }
  PCN_TRY(pcn_yaml_numbers(edges, "edges_mev", energy_range_mev, bins + 1, out->edges_mev));
  return pcn_yaml_numbers(photons, "photons", photons_range, bins, out->weight);
}

static pencone_status spectrum_read(pencone_context *ctx, pcn_node node, pcn_spectrum *out) {
  if (pcn_yaml_is_map(node)) {
    return spectrum_table(ctx, node, out);
  }
  const char *name = NULL;
  PCN_TRY(pcn_yaml_string(node, "spectrum", &name));
  return pcn_yaml_at(node, pcn_spectrum_load(ctx, name, out));
}

// --- machine -----------------------------------------------------------------------------------

static pencone_status check_modality(pcn_node root, int *modality) {
  static const char *const words[] = {"photon", "proton", NULL};
  const pcn_node node = pcn_yaml_get(root, "modality");
  *modality = 0;
  return node.node != NULL ? pcn_yaml_word(node, "modality", words, modality) : PENCONE_OK;
}

static pencone_status read_names(pcn_node root, pencone_machine_desc *desc) {
  PCN_TRY(pcn_yaml_string(pcn_yaml_get(root, "machine"), "machine", &desc->name));
  const pcn_node description = pcn_yaml_get(root, "description");
  if (description.node != NULL) {
    PCN_TRY(pcn_yaml_string(description, "description", &desc->description));
  }
  return pcn_yaml_number(pcn_yaml_get(root, "sad_mm"), "sad_mm", sad_range_mm, &desc->sad_mm);
}

enum { spots_max = 100, spot_values = 3 };

static const char *const spot_names[spot_values] = {"sigma_mm", "divergence_mrad", "correlation"};
static const pcn_range spot_ranges[spot_values] = {{1, 20}, {0, 20}, {-1, 1}};

/// Spots by energy: a list for each of the names, as long as that of the energies.
static pencone_status read_spots(pcn_node spot, pencone_machine_desc *desc, pencone_spot_optics *spots) {
  static const pcn_range energy_mev = {1, 1000};
  double values[spot_values][spots_max];
  double energies[spots_max];
  const pcn_node list = pcn_yaml_get(spot, "energy_mev");
  int count = 0;
  PCN_TRY(pcn_yaml_list(list, "energy_mev", &count));
  if (count < 2 || count > spots_max) {
    return pcn_yaml_fail(list, PENCONE_E_RANGE, "energy_mev: got %d values, expected 2 to %d", count,
                         (int)spots_max);
  }
  PCN_TRY(pcn_yaml_numbers(list, "energy_mev", energy_mev, count, energies));
  for (int v = 0; v < spot_values; ++v) {
    PCN_TRY(
        pcn_yaml_numbers(pcn_yaml_get(spot, spot_names[v]), spot_names[v], spot_ranges[v], count, values[v]));
  }
  for (int i = 0; i < count; ++i) {
    const pencone_spot_optics o = {energies[i], values[0][i], values[1][i], values[2][i]};
    spots[i] = o;
  }
  desc->optics_count = count;
  desc->optics = spots;
  return PENCONE_OK;
}

static pencone_status read_spot(pcn_node spot, pencone_machine_desc *desc, pencone_spot_optics *spots) {
  static const pcn_key keys[] = {{"energy_mev", PCN_OPTIONAL},
                                 {"sigma_mm", PCN_REQUIRED},
                                 {"divergence_mrad", PCN_REQUIRED},
                                 {"correlation", PCN_REQUIRED},
                                 {NULL, PCN_OPTIONAL}};
  double *const places[spot_values] = {&desc->spot_sigma_mm, &desc->divergence_mrad, &desc->correlation};
  PCN_TRY(pcn_yaml_keys(spot, "spot", keys));
  if (pcn_yaml_get(spot, "energy_mev").node != NULL) {
    return read_spots(spot, desc, spots);
  }
  for (int v = 0; v < spot_values; ++v) {
    PCN_TRY(pcn_yaml_number(pcn_yaml_get(spot, spot_names[v]), spot_names[v], spot_ranges[v], places[v]));
  }
  return PENCONE_OK;
}

static pencone_status read_nozzle(pcn_node root, pencone_machine_desc *desc) {
  static const pcn_range sad_mm = {1000, 20000}, limit_mm = {1e-3, 300}, shifter_mm = {0, 2000};
  const pcn_node scan = pcn_yaml_get(root, "scan_sad_mm"), limit = pcn_yaml_get(root, "spot_limit_mm");
  const pcn_node shifter = pcn_yaml_get(root, "range_shifter_distance_mm");
  if (scan.node != NULL) {
    PCN_TRY(pcn_yaml_numbers(scan, "scan_sad_mm", sad_mm, 2, desc->scan_sad_mm));
  }
  if (limit.node != NULL) {
    PCN_TRY(pcn_yaml_numbers(limit, "spot_limit_mm", limit_mm, 2, desc->spot_limit_mm));
  }
  return shifter.node != NULL ? pcn_yaml_number(shifter, "range_shifter_distance_mm", shifter_mm,
                                                &desc->range_shifter_distance_mm)
                              : PENCONE_OK;
}

static pencone_status proton_machine(pencone_context *ctx, pcn_node root, pencone_machine **out) {
  static const pcn_key keys[] = {{"machine", PCN_REQUIRED},
                                 {"description", PCN_OPTIONAL},
                                 {"modality", PCN_REQUIRED},
                                 {"sad_mm", PCN_REQUIRED},
                                 {"spot", PCN_REQUIRED},
                                 {"scan_sad_mm", PCN_OPTIONAL},
                                 {"spot_limit_mm", PCN_OPTIONAL},
                                 {"range_shifter_distance_mm", PCN_OPTIONAL},
                                 {NULL, PCN_OPTIONAL}};
  pencone_spot_optics spots[spots_max];
  PCN_TRY(pcn_yaml_keys(root, "machine", keys));
  pencone_machine_desc desc = PENCONE_MACHINE_DESC_DEFAULT;
  desc.modality = PENCONE_PROTON;
  PCN_TRY(read_names(root, &desc));
  const pcn_node spot = pcn_yaml_get(root, "spot");
  PCN_TRY(read_spot(spot, &desc, spots));
  PCN_TRY(read_nozzle(root, &desc));
  return pcn_yaml_at(spot, pencone_machine_create(ctx, &desc, out));
}

/// @param spectrum, extras  freed by the caller, also after a failure
static pencone_status machine_from(pencone_context *ctx, const pcn_yaml *yaml, pcn_spectrum *spectrum,
                                   pcn_machine_extras *extras, pencone_machine **out) {
  static const pcn_key keys[] = {{"machine", PCN_REQUIRED},
                                 {"description", PCN_OPTIONAL},
                                 {"modality", PCN_OPTIONAL},
                                 {"sad_mm", PCN_REQUIRED},
                                 {"spectrum", PCN_REQUIRED},
                                 {"monitor_units", PCN_UNSUPPORTED},
                                 {"wedge", PCN_UNSUPPORTED},
                                 {"head_scatter", PCN_UNSUPPORTED},
                                 {"source_sigma_mm", PCN_UNSUPPORTED},
                                 {"penumbra_sigma_mm", PCN_OPTIONAL},
                                 {"horn", PCN_OPTIONAL},
                                 {"pencil_beam", PCN_OPTIONAL},
                                 {NULL, PCN_OPTIONAL}};
  const pcn_node root = pcn_yaml_root(yaml);
  int modality = 0;
  PCN_TRY(pcn_yaml_any_keys(root, "machine"));
  PCN_TRY(check_modality(root, &modality));
  if (modality != 0) {
    return proton_machine(ctx, root, out);
  }
  PCN_TRY(pcn_yaml_keys(root, "machine", keys));
  pencone_machine_desc desc = PENCONE_MACHINE_DESC_DEFAULT;
  PCN_TRY(read_names(root, &desc));
  const pcn_node node = pcn_yaml_get(root, "spectrum");
  PCN_TRY(spectrum_read(ctx, node, spectrum));
  desc.bins = spectrum->bins;
  desc.edges_mev = spectrum->edges_mev;
  desc.weight = spectrum->weight;
  PCN_TRY(pcn_machine_extras_read(ctx, root, extras, &desc));
  return pcn_yaml_at(node, pencone_machine_create(ctx, &desc, out));
}

static pencone_status unknown_machine(pencone_context *ctx, const char *name) {
  char all[256];
  size_t used = 0;
  all[0] = '\0';
  for (int i = 0; i < shipped_count && used < sizeof all; ++i) {
    const int n = snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", shipped[i]);
    used += n > 0 ? (size_t)n : sizeof all;
  }
  return pcn_fail(ctx, PENCONE_E_MISSING,
                  "machine: got '%.80s', expected one of %s, or the path of a .yaml file", name, all);
}

pencone_status pencone_machine_read(pencone_context *ctx, const char *name_or_path, pencone_machine **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "machine: the place for the result is NULL");
  *out = NULL;
  PCN_CHECK(ctx, name_or_path != NULL && name_or_path[0] != '\0', PENCONE_E_ARGUMENT,
            "machine: got no name, expected a name or a path");
  size_t bytes = 0;
  pcn_yaml *yaml = NULL;
  const char *text = shipped_text(name_or_path, &bytes);
  if (text == NULL && !pcn_machine_is_path(name_or_path)) {
    return unknown_machine(ctx, name_or_path);
  }
  PCN_TRY(text != NULL ? pcn_yaml_parse(ctx, name_or_path, text, bytes, &yaml)
                       : pcn_yaml_open(ctx, name_or_path, &yaml));
  pcn_spectrum spectrum = {0, NULL, NULL};
  pcn_machine_extras extras = {.values = NULL};
  const pencone_status status = machine_from(ctx, yaml, &spectrum, &extras, out);
  pcn_free(extras.values);
  pcn_spectrum_free(&spectrum);
  pcn_yaml_close(yaml);
  return status;
}

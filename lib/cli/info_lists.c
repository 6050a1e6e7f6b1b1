// SPDX-License-Identifier: Apache-2.0
// pencone info: engines, machines, materials, references; what is told at the start and end of each.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "info.h"
#include "report.h"

void cli_info_start(cli_json *json, const char *kind, const char *path) {
  if (json == NULL) {
    cli_line(kind, "%s", path);
    return;
  }
  cli_json_object(json, NULL);
  cli_json_text(json, "file", path);
  cli_json_text(json, "kind", kind);
}

void cli_info_end(cli_json *json) {
  if (json != NULL) {
    cli_json_end(json);
  }
}

// --- engines -----------------------------------------------------------------------------------

/// Each line of a text under the same indentation.
static void put_lines(const char *indent, const char *text) {
  while (text != NULL && *text != '\0') {
    const int length = (int)strcspn(text, "\n");
    printf("%s%.*s\n", indent, length, text);
    text += length + (text[length] == '\n');
  }
}

static void put_option(const pencone_option_info *o) {
  printf("    %-18s %s\n", o->key, o->summary);
  if (o->choices != NULL) {
    printf("    %-18s default %s; one of %s\n", "", o->default_value, o->choices);
  } else {
    printf("    %-18s default %s; %s from %g to %g\n", "", o->default_value,
           o->integer ? "whole number" : "number", o->min, o->max);
  }
}

static void json_option(cli_json *json, const pencone_option_info *o) {
  cli_json_object(json, NULL);
  cli_json_text(json, "key", o->key);
  cli_json_text(json, "summary", o->summary);
  cli_json_text(json, "default", o->default_value);
  cli_json_text(json, "choices", o->choices);
  cli_json_number(json, "min", o->choices == NULL ? o->min : NAN, 15);
  cli_json_number(json, "max", o->choices == NULL ? o->max : NAN, 15);
  cli_json_boolean(json, "integer", o->integer);
  cli_json_end(json);
}

static void json_engines(void) {
  cli_json json = {.out = stdout};
  cli_json_object(&json, NULL);
  cli_json_array(&json, "engines");
  for (int i = 0; i < pencone_engine_count(); ++i) {
    const pencone_engine_info *e = pencone_engine_at(i);
    cli_json_object(&json, NULL);
    cli_json_text(&json, "name", e->name);
    cli_json_text(&json, "summary", e->summary);
    cli_json_text(&json, "references", e->references);
    cli_json_array(&json, "options");
    for (int o = 0; o < e->option_count; ++o) {
      json_option(&json, &e->options[o]);
    }
    cli_json_end(&json);
    cli_json_end(&json);
  }
  cli_json_end(&json);
  cli_json_end(&json);
}

int cli_tell_engines(cli_session *session) {
  if (session->common.json) {
    json_engines();
    return CLI_OK;
  }
  printf("Engines; in a plan: engine: {name: %s, OPTION: VALUE}\n", pencone_engine_at(0)->name);
  for (int i = 0; i < pencone_engine_count(); ++i) {
    const pencone_engine_info *e = pencone_engine_at(i);
    printf("\n%s\n  %s\n", e->name, e->summary);
    if (e->references != NULL && e->references[0] != '\0') {
      printf("  sources\n");
      put_lines("    ", e->references);
    }
    printf(e->option_count > 0 ? "  options\n" : "  no options\n");
    for (int o = 0; o < e->option_count; ++o) {
      put_option(&e->options[o]);
    }
  }
  return CLI_OK;
}

// --- machines ----------------------------------------------------------------------------------

static void put_spots(const pencone_machine_desc *m) {
  if (m->optics_count == 0) {
    cli_line("spot", "%g mm (1 sigma) in the isocentre plane, %g mrad, correlation %g", m->spot_sigma_mm,
             m->divergence_mrad, m->correlation);
  }
  for (int i = 0; i < m->optics_count; ++i) {
    const pencone_spot_optics *o = &m->optics[i];
    cli_line(i == 0 ? "spot" : "", "%g MeV: %g mm (1 sigma) in the isocentre plane, %g mrad, correlation %g",
             o->energy_mev, o->sigma_mm, o->divergence_mrad, o->correlation);
  }
  if (m->scan_sad_mm[0] > 0 || m->scan_sad_mm[1] > 0) {
    cli_line("scanning", "magnets at %g mm (x) and %g mm (y) from the isocentre", m->scan_sad_mm[0],
             m->scan_sad_mm[1]);
  } else {
    cli_line("scanning", "parallel");
  }
  cli_line("limits", "spots within %g and %g mm along x and y; range shifter %g mm from the isocentre",
           m->spot_limit_mm[0], m->spot_limit_mm[1], m->range_shifter_distance_mm);
}

static void json_spots(cli_json *json, const pencone_machine_desc *m) {
  if (m->optics_count == 0) {
    cli_json_number(json, "spot_sigma_mm", m->spot_sigma_mm, 15);
    cli_json_number(json, "divergence_mrad", m->divergence_mrad, 15);
    cli_json_number(json, "correlation", m->correlation, 15);
  } else {
    cli_json_array(json, "spots");
    for (int i = 0; i < m->optics_count; ++i) {
      cli_json_object(json, NULL);
      cli_json_number(json, "energy_mev", m->optics[i].energy_mev, 15);
      cli_json_number(json, "spot_sigma_mm", m->optics[i].sigma_mm, 15);
      cli_json_number(json, "divergence_mrad", m->optics[i].divergence_mrad, 15);
      cli_json_number(json, "correlation", m->optics[i].correlation, 15);
      cli_json_end(json);
    }
    cli_json_end(json);
  }
  cli_json_numbers(json, "scan_sad_mm", m->scan_sad_mm, 2, 15);
  cli_json_numbers(json, "spot_limit_mm", m->spot_limit_mm, 2, 15);
  cli_json_number(json, "range_shifter_distance_mm", m->range_shifter_distance_mm, 15);
}

static void put_extras(const pencone_machine_desc *m) {
  if (m->pencil != NULL) {
    cli_line("pencil beam", "measured kernels: %d terms, %d depths to %g mm, %d radii to %g mm",
             m->pencil->terms, m->pencil->depths, m->pencil->depth_mm[m->pencil->depths - 1],
             m->pencil->radii, m->pencil->radius_mm[m->pencil->radii - 1]);
  }
  if (m->penumbra_sigma_mm > 0) {
    cli_line("penumbra", "%g mm (1 sigma) in the isocentre plane", m->penumbra_sigma_mm);
  }
  if (m->horn_points > 0) {
    cli_line("horn", "fluence %g at %g mm from the axis, %d points", m->horn[m->horn_points - 1],
             m->horn_radius_mm[m->horn_points - 1], m->horn_points);
  }
}

static void put_machine(const pencone_machine *machine) {
  const pencone_machine_desc *m = pencone_machine_describe(machine);
  cli_line("name", "%s", m->name);
  if (m->description != NULL && m->description[0] != '\0') {
    cli_line("", "%s", m->description);
  }
  cli_line("SAD", "%g mm from the source to the isocentre", m->sad_mm);
  if (m->modality == PENCONE_PROTON) {
    put_spots(m);
    cli_line("SHA-256", "%s", pencone_machine_sha256(machine));
    return;
  }
  cli_line("spectrum", "%d bins from %g to %g MeV, photons uniform inside a bin, mean %.4g MeV", m->bins,
           m->edges_mev[0], m->edges_mev[m->bins], cli_mean_energy_mev(m));
  printf("%-12s   MeV from         to   photons\n", "");
  for (int i = 0; i < m->bins; ++i) {
    printf("%-12s %10.4g %10.4g %8.3f %%\n", "", m->edges_mev[i], m->edges_mev[i + 1], 100 * m->weight[i]);
  }
  put_extras(m);
  cli_line("SHA-256", "%s", pencone_machine_sha256(machine));
}

static void json_machine(cli_json *json, const pencone_machine *machine) {
  const pencone_machine_desc *m = pencone_machine_describe(machine);
  cli_json_text(json, "name", m->name);
  cli_json_text(json, "description", m->description);
  cli_json_text(json, "sha256", pencone_machine_sha256(machine));
  cli_json_number(json, "sad_mm", m->sad_mm, 15);
  if (m->modality == PENCONE_PROTON) {
    json_spots(json, m);
    return;
  }
  cli_json_number(json, "mean_energy_mev", cli_mean_energy_mev(m), 9);
  cli_json_numbers(json, "edges_mev", m->edges_mev, (size_t)m->bins + 1, 15);
  cli_json_numbers(json, "weight", m->weight, (size_t)m->bins, 15);
  cli_json_integer(json, "pencil_beam_terms", m->pencil != NULL ? m->pencil->terms : 0);
  cli_json_number(json, "penumbra_sigma_mm", m->penumbra_sigma_mm, 15);
  cli_json_integer(json, "horn_points", m->horn_points);
}

pencone_status cli_tell_machine(cli_session *session, const char *name_or_path, cli_json *json) {
  pencone_machine *machine = NULL;
  const pencone_status status = pencone_machine_read(session->ctx, name_or_path, &machine);
  if (status == PENCONE_OK) {
    cli_info_start(json, "machine", name_or_path);
    if (json != NULL) {
      json_machine(json, machine);
    } else {
      put_machine(machine);
    }
    cli_info_end(json);
  }
  pencone_machine_destroy(machine);
  return status;
}

int cli_tell_machines(cli_session *session) {
  cli_json json = {.out = stdout};
  if (session->common.json) {
    cli_json_object(&json, NULL);
    cli_json_array(&json, "machines");
  } else {
    printf("Shipped machines; in a plan: machine: NAME, or the path of a file of your own\n\n");
    printf("%-20s %8s %9s  %s\n", "name", "SAD mm", "mean MeV", "what");
  }
  for (int i = 0; i < pencone_machine_count(); ++i) {
    pencone_machine *machine = NULL;
    const pencone_status status = pencone_machine_read(session->ctx, pencone_machine_name_at(i), &machine);
    if (status != PENCONE_OK) {
      return cli_report(session, status);
    }
    const pencone_machine_desc *m = pencone_machine_describe(machine);
    if (session->common.json) {
      cli_json_object(&json, NULL);
      json_machine(&json, machine);
      cli_json_end(&json);
    } else {
      if (m->modality == PENCONE_PROTON) {
        printf("%-20s %8g %9s  %s\n", m->name, m->sad_mm, "protons",
               m->description != NULL ? m->description : "");
      } else {
        printf("%-20s %8g %9.3f  %s\n", m->name, m->sad_mm, cli_mean_energy_mev(m),
               m->description != NULL ? m->description : "");
      }
    }
    pencone_machine_destroy(machine);
  }
  if (session->common.json) {
    cli_json_end(&json);
    cli_json_end(&json);
  }
  return CLI_OK;
}

// --- materials ---------------------------------------------------------------------------------

static const char *element(int atomic_number) {
  static const char *const symbols[] = {"?",  "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne",
                                        "Na", "Mg", "Al", "Si", "P",  "S",  "Cl", "Ar", "K",  "Ca", "Sc",
                                        "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge",
                                        "As", "Se", "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc",
                                        "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I"};
  const int known = sizeof symbols / sizeof symbols[0];
  return symbols[atomic_number > 0 && atomic_number < known ? atomic_number : 0];
}

static void put_material(const pencone_material *m) {
  printf("%-14s %8.5g %9.5f %7.1f  ", m->name, m->density_g_cm3, m->z_over_a, m->mean_excitation_ev);
  for (int e = 0; e < m->elements; ++e) {
    printf("%s%s %.4g", e > 0 ? ", " : "", element(m->atomic_number[e]), 100 * m->mass_fraction[e]);
  }
  putchar('\n');
}

static void json_material(cli_json *json, const pencone_material *m) {
  cli_json_object(json, NULL);
  cli_json_text(json, "name", m->name);
  cli_json_number(json, "density_g_cm3", m->density_g_cm3, 9);
  cli_json_number(json, "z_over_a", m->z_over_a, 9);
  cli_json_number(json, "mean_excitation_ev", m->mean_excitation_ev, 9);
  cli_json_object(json, "mass_fraction");
  for (int e = 0; e < m->elements; ++e) {
    cli_json_number(json, element(m->atomic_number[e]), m->mass_fraction[e], 9);
  }
  cli_json_end(json);
  cli_json_end(json);
}

int cli_tell_materials(cli_session *session) {
  cli_json json = {.out = stdout};
  if (session->common.json) {
    cli_json_object(&json, NULL);
    cli_json_array(&json, "materials");
  } else {
    printf("%-14s %8s %9s %7s  %s\n", "material", "g/cm3", "Z/A mol/g", "I eV", "mass % of each element");
  }
  for (int i = 0; i < pencone_material_count(); ++i) {
    const pencone_material *m = pencone_material_at(i);
    if (session->common.json) {
      json_material(&json, m);
    } else {
      put_material(m);
    }
  }
  if (session->common.json) {
    cli_json_end(&json);
    cli_json_end(&json);
  }
  return CLI_OK;
}

// --- reference ---------------------------------------------------------------------------------

/// Centre of a voxel of a rectilinear grid, and how uncertain the dose is where it is high.
typedef struct reference_summary {
  double maximum, at_mm[3];
  double sigma_high;  ///< root mean square of relative sigma where dose exceeds half of the maximum
} reference_summary;

static reference_summary summarise(const pencone_reference_desc *d) {
  reference_summary s = {0, {0, 0, 0}, NAN};
  const size_t voxels = (size_t)(d->size[0] * d->size[1] * d->size[2]);
  size_t best = 0;
  for (size_t v = 1; v < voxels; ++v) {
    best = d->dose[v] > d->dose[best] ? v : best;
  }
  s.maximum = (double)d->dose[best];
  const int64_t index[3] = {(int64_t)best % d->size[0], (int64_t)best / d->size[0] % d->size[1],
                            (int64_t)best / d->size[0] / d->size[1]};
  for (int axis = 0; axis < 3; ++axis) {
    s.at_mm[axis] = 0.5 * (d->edges_mm[axis][index[axis]] + d->edges_mm[axis][index[axis] + 1]);
  }
  double sum = 0;
  size_t high = 0;
  for (size_t v = 0; v < voxels && d->relative_sigma != NULL; ++v) {
    if ((double)d->dose[v] > 0.5 * s.maximum) {
      sum += (double)d->relative_sigma[v] * (double)d->relative_sigma[v];
      ++high;
    }
  }
  s.sigma_high = high > 0 ? sqrt(sum / (double)high) : NAN;
  return s;
}

static void put_reference(const pencone_reference_desc *d) {
  const reference_summary s = summarise(d);
  cli_line("grid", "%lld x %lld x %lld voxels along x, y, z, edges given", (long long)d->size[0],
           (long long)d->size[1], (long long)d->size[2]);
  for (int axis = 0; axis < 3; ++axis) {
    const double *edges = d->edges_mm[axis];
    const int64_t n = d->size[axis];
    double narrow = edges[1] - edges[0];
    double wide = narrow;
    char width[64];
    for (int64_t i = 1; i < n; ++i) {
      narrow = fmin(narrow, edges[i + 1] - edges[i]);
      wide = fmax(wide, edges[i + 1] - edges[i]);
    }
    cli_line("", "%c from %g to %g mm, voxels %s mm wide", "xyz"[axis], edges[0], edges[n],
             cli_range(width, sizeof width, narrow, wide));
  }
  cli_line("quantity", "%s in %s", d->quantity != NULL ? d->quantity : "unspecified",
           d->units != NULL ? d->units : "Gy");
  cli_line("largest", "%.5g at x %g, y %g, z %g mm", s.maximum, s.at_mm[0], s.at_mm[1], s.at_mm[2]);
  if (d->relative_sigma != NULL) {
    cli_line("uncertainty", "%.2f %% (1 sigma, root mean square where dose is above half of the largest)",
             100 * s.sigma_high);
  } else {
    cli_line("uncertainty", "not given");
  }
}

static void json_reference(cli_json *json, const pencone_reference_desc *d) {
  static const char *const keys[3] = {"x_edges_mm", "y_edges_mm", "z_edges_mm"};
  const reference_summary s = summarise(d);
  for (int axis = 0; axis < 3; ++axis) {
    cli_json_numbers(json, keys[axis], d->edges_mm[axis], (size_t)d->size[axis] + 1, 15);
  }
  cli_json_text(json, "units", d->units);
  cli_json_text(json, "quantity", d->quantity);
  cli_json_number(json, "max_dose", s.maximum, 9);
  cli_json_numbers(json, "max_position_mm", s.at_mm, 3, 12);
  cli_json_number(json, "relative_sigma_high", s.sigma_high, 6);
}

pencone_status cli_tell_reference(cli_session *session, const char *path, cli_json *json) {
  pencone_reference *reference = NULL;
  const pencone_status status = pencone_reference_read(session->ctx, path, &reference);
  if (status == PENCONE_OK) {
    cli_info_start(json, "reference", path);
    if (json != NULL) {
      json_reference(json, pencone_reference_describe(reference));
    } else {
      put_reference(pencone_reference_describe(reference));
    }
    cli_info_end(json);
  }
  pencone_reference_destroy(reference);
  return status;
}

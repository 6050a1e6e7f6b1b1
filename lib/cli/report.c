// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_line(const char *label, const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("%-12s ", label);
  vprintf(format, args);
  putchar('\n');
  va_end(args);
}

const char *cli_bytes(char *text, size_t size, uint64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = (double)bytes;
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  snprintf(text, size, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text;
}

char *cli_output_name(const char *plan_path, const char *ending) {
  const char *slash = strrchr(plan_path, '/');
  const char *name = slash != NULL ? slash + 1 : plan_path;
  const char *dot = strrchr(name, '.');
  const size_t stem = dot != NULL && dot != name ? (size_t)(dot - plan_path) : strlen(plan_path);
  char *path = malloc(stem + strlen(ending) + 1);
  if (path != NULL) {
    memcpy(path, plan_path, stem);
    memcpy(path + stem, ending, strlen(ending) + 1);
  }
  return path;
}

const char *cli_range(char *text, size_t size, double low, double high) {
  if (high - low <= 1e-6 * fabs(high)) {
    snprintf(text, size, "%.5g", low);
  } else {
    snprintf(text, size, "%.4g to %.4g", low, high);
  }
  return text;
}

// --- grid --------------------------------------------------------------------------------------

void cli_put_grid(const char *label, const pencone_grid *grid) {
  static const char *const sides[3] = {"right to left", "anterior to posterior", "inferior to superior"};
  cli_line(label, "%lld x %lld x %lld voxels along x, y, z (%zu in all), each %g x %g x %g mm",
           (long long)grid->size[0], (long long)grid->size[1], (long long)grid->size[2],
           pencone_grid_voxels(grid), grid->spacing_mm[0], grid->spacing_mm[1], grid->spacing_mm[2]);
  for (int axis = 0; axis < 3; ++axis) {
    const double low = grid->origin_mm[axis] - 0.5 * grid->spacing_mm[axis];
    const double high = low + grid->spacing_mm[axis] * (double)grid->size[axis];
    cli_line("", "%c from %g to %g mm (%s), first voxel centre at %g", "xyz"[axis], low, high, sides[axis],
             grid -> origin_mm[axis]);
  }
}

void cli_json_grid(cli_json *json, const char *key, const pencone_grid *grid) {
  const double size[3] = {(double)grid->size[0], (double)grid->size[1], (double)grid->size[2]};
  cli_json_object(json, key);
  cli_json_numbers(json, "size_xyz", size, 3, 15);
  cli_json_numbers(json, "spacing_mm", grid->spacing_mm, 3, 15);
  cli_json_numbers(json, "origin_mm", grid->origin_mm, 3, 15);
  cli_json_integer(json, "voxels", (int64_t)pencone_grid_voxels(grid));
  cli_json_end(json);
}

double cli_maximum(const pencone_grid *grid, const float *values, double xyz_mm[3]) {
  const size_t voxels = pencone_grid_voxels(grid);
  size_t best = 0;
  for (size_t v = 1; v < voxels; ++v) {
    if (values[v] > values[best]) {
      best = v;
    }
  }
  const int64_t i = (int64_t)best % grid->size[0];
  const int64_t j = (int64_t)best / grid->size[0] % grid->size[1];
  const int64_t k = (int64_t)best / grid->size[0] / grid->size[1];
  pencone_grid_centre(grid, i, j, k, xyz_mm);
  return (double)values[best];
}

// --- phantom -----------------------------------------------------------------------------------

typedef struct summary {
  double density_min, density_max, mass_g;
  int hu_min, hu_max;
} summary;

static summary summarise(const pencone_phantom *phantom) {
  const pencone_phantom_desc *d = pencone_phantom_describe(phantom);
  summary s = {HUGE_VAL, -HUGE_VAL, 0, INT16_MAX, INT16_MIN};
  const ptrdiff_t c_order[3] = {1, (ptrdiff_t)d->grid.size[0],
                                (ptrdiff_t)(d->grid.size[0] * d->grid.size[1])};
  const int plain = d->stride[0] == 0 && d->stride[1] == 0 && d->stride[2] == 0;
  const ptrdiff_t *stride = plain ? c_order : d->stride;
  double sum = 0;
  for (int64_t k = 0; k < d->grid.size[2]; ++k) {
    for (int64_t j = 0; j < d->grid.size[1]; ++j) {
      for (int64_t i = 0; i < d->grid.size[0]; ++i) {
        const double rho = pencone_phantom_density_at(phantom, i, j, k);
        sum += rho;
        s.density_min = rho < s.density_min ? rho : s.density_min;
        s.density_max = rho > s.density_max ? rho : s.density_max;
        if (d->hu != NULL) {
          const int hu =
              d->hu[(ptrdiff_t)i * stride[0] + (ptrdiff_t)j * stride[1] + (ptrdiff_t)k * stride[2]];
          s.hu_min = hu < s.hu_min ? hu : s.hu_min;
          s.hu_max = hu > s.hu_max ? hu : s.hu_max;
        }
      }
    }
  }
  s.mass_g = sum * d->grid.spacing_mm[0] * d->grid.spacing_mm[1] * d->grid.spacing_mm[2] / 1000;
  return s;
}

static double structure_cm3(const pencone_phantom *phantom, int i) {
  const pencone_grid *g = &pencone_phantom_describe(phantom)->grid;
  const uint8_t *mask = pencone_phantom_structure_mask(phantom, i);
  const size_t voxels = pencone_grid_voxels(g);
  double sum = 0;
  for (size_t v = 0; v < voxels; ++v) {
    sum += mask[v] / 255.0;
  }
  return sum * g->spacing_mm[0] * g->spacing_mm[1] * g->spacing_mm[2] / 1000;
}

void cli_put_phantom(const pencone_phantom *phantom) {
  const pencone_phantom_desc *d = pencone_phantom_describe(phantom);
  const summary s = summarise(phantom);
  cli_put_grid("grid", &d->grid);
  char range[64];
  cli_line("density", "%s g/cm3, %s; mass %.3f kg",
           cli_range(range, sizeof range, s.density_min, s.density_max),
           d->density != NULL ? "stored per voxel" : "from the CT numbers", s.mass_g / 1000);
  if (d->hu != NULL) {
    cli_line("CT numbers", "%d to %d HU, read with the curve %s", s.hu_min, s.hu_max,
             pencone_hu_curve_name(d->hu_curve));
  }
  if (d->material != NULL) {
    printf("%-12s", "materials");
    for (int i = 0; i < d->material_count; ++i) {
      printf(" %s", d->material_names[i]);
    }
    putchar('\n');
  } else {
    cli_line("materials", "%s", d->hu != NULL ? "from the CT numbers" : "water at each voxel's density");
  }
  const int count = pencone_phantom_structure_count(phantom);
  for (int i = 0; i < count; ++i) {
    cli_line(i == 0 ? "structures" : "", "%s: %.1f cm3", pencone_phantom_structure_name(phantom, i),
             structure_cm3(phantom, i));
  }
  if (count == 0) {
    cli_line("structures", "none");
  }
}

void cli_json_phantom(cli_json *json, const pencone_phantom *phantom) {
  const pencone_phantom_desc *d = pencone_phantom_describe(phantom);
  const summary s = summarise(phantom);
  cli_json_grid(json, "grid", &d->grid);
  cli_json_number(json, "density_min_g_cm3", s.density_min, 9);
  cli_json_number(json, "density_max_g_cm3", s.density_max, 9);
  cli_json_number(json, "mass_g", s.mass_g, 9);
  if (d->hu != NULL) {
    cli_json_integer(json, "hu_min", s.hu_min);
    cli_json_integer(json, "hu_max", s.hu_max);
    cli_json_text(json, "hu_curve", pencone_hu_curve_name(d->hu_curve));
  }
  cli_json_array(json, "materials");
  for (int i = 0; d->material != NULL && i < d->material_count; ++i) {
    cli_json_text(json, NULL, d->material_names[i]);
  }
  cli_json_end(json);
  cli_json_array(json, "structures");
  for (int i = 0; i < pencone_phantom_structure_count(phantom); ++i) {
    cli_json_object(json, NULL);
    cli_json_text(json, "name", pencone_phantom_structure_name(phantom, i));
    cli_json_number(json, "volume_cm3", structure_cm3(phantom, i), 9);
    cli_json_end(json);
  }
  cli_json_end(json);
}

// --- beams -------------------------------------------------------------------------------------

const char *cli_quantity(pencone_quantity quantity) {
  return quantity == PENCONE_DOSE_TO_WATER ? "dose to water" : "dose to medium";
}

const char *cli_engine_options(char *text, size_t size, const pencone_plan *plan) {
  const pencone_engine_info *engine = NULL;
  for (int i = 0; i < pencone_engine_count() && engine == NULL; ++i) {
    engine = strcmp(pencone_engine_at(i)->name, pencone_plan_engine(plan)) == 0 ? pencone_engine_at(i) : NULL;
  }
  text[0] = '\0';
  for (int i = 0; engine != NULL && i < engine->option_count; ++i) {
    const pencone_option_info *option = &engine->options[i];
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s=%s", used > 0 ? " " : "", option->key,
             pencone_plan_option(plan, option->key));
  }
  return text;
}

double cli_mean_energy_mev(const pencone_machine_desc *machine) {
  double sum = 0;
  double weight = 0;
  for (int i = 0; i < machine->bins; ++i) {
    sum += machine->weight[i] * 0.5 * (machine->edges_mev[i] + machine->edges_mev[i + 1]);
    weight += machine->weight[i];
  }
  return weight > 0 ? sum / weight : NAN;
}

static double layer_protons(const pencone_proton_layer *layer) {
  double sum = 0;
  for (int i = 0; i < layer->spot_count; ++i) {
    sum += layer->spots[i].protons;
  }
  return sum;
}

/// Least and largest corner of an aperture along the collimator axes.
static void aperture_box(const pencone_beam *b, double x_mm[2], double y_mm[2]) {
  for (int i = 0; i < b->aperture_point_count; ++i) {
    const pencone_aperture_point *p = &b->aperture_points[i];
    x_mm[0] = i == 0 ? p->x_mm : fmin(x_mm[0], p->x_mm);
    x_mm[1] = i == 0 ? p->x_mm : fmax(x_mm[1], p->x_mm);
    y_mm[0] = i == 0 ? p->y_mm : fmin(y_mm[0], p->y_mm);
    y_mm[1] = i == 0 ? p->y_mm : fmax(y_mm[1], p->y_mm);
  }
}

static const char *shifter_material(const pencone_beam *b) {
  return b->range_shifter_material != NULL ? b->range_shifter_material : "pmma";
}

static void put_protons(const pencone_beam *b) {
  if (b->range_shifter_mm > 0) {
    cli_line("", "range shifter: %g mm of %s", b->range_shifter_mm, shifter_material(b));
  }
  if (b->aperture_point_count > 0) {
    double x_mm[2] = {0, 0}, y_mm[2] = {0, 0};
    aperture_box(b, x_mm, y_mm);
    cli_line("", "aperture: %d corners, X %g to %g, Y %g to %g mm, %g mm before the isocentre",
             b->aperture_point_count, x_mm[0], x_mm[1], y_mm[0], y_mm[1], b->aperture_distance_mm);
  }
  for (int i = 0; i < b->layer_count; ++i) {
    const pencone_proton_layer *layer = &b->layers[i];
    cli_line("", "layer %d: %g MeV, %d spot%s, %.5g protons", i + 1, layer->energy_mev, layer->spot_count,
             layer->spot_count == 1 ? "" : "s", layer_protons(layer));
  }
}

void cli_put_beam(const pencone_beam *b) {
  double source[3];
  pencone_beam_source(b, source);
  const pencone_machine_desc *machine = pencone_machine_describe(b->machine);
  if (machine->modality == PENCONE_PROTON) {
    cli_line("beam", "%s: machine %s, %d layer%s of proton spots", b->name, machine->name, b->layer_count,
             b->layer_count == 1 ? "" : "s");
  } else {
    cli_line("beam", "%s: machine %s, %g photons/cm2 in the isocentre plane", b->name, machine->name,
             b->fluence_per_cm2);
  }
  cli_line("", "isocentre %g, %g, %g mm", b->isocenter_mm[0], b->isocenter_mm[1], b->isocenter_mm[2]);
  if (b->control_point_count > 0) {
    const pencone_control_point *first = &b->control_points[0], *last = first + b->control_point_count - 1;
    cli_line("", "%d control points, gantry %g to %g deg", b->control_point_count, first->gantry_deg,
             last->gantry_deg);
    return;
  }
  cli_line("", "gantry %g, collimator %g, couch %g deg; source %.1f, %.1f, %.1f mm", b->gantry_deg,
           b->collimator_deg, b->couch_deg, source[0] + 0.0, source[1] + 0.0, source[2] + 0.0);
  if (machine->modality == PENCONE_PROTON) {
    put_protons(b);
    return;  // spots have no field
  }
  cli_line("", "field %g x %g mm: X %g to %g, Y %g to %g mm", b->field_x_mm[1] - b->field_x_mm[0],
           b->field_y_mm[1] - b->field_y_mm[0], b->field_x_mm[0], b->field_x_mm[1], b->field_y_mm[0],
           b->field_y_mm[1]);
  if (b->fluence_map != NULL) {
    cli_line("", "fluence map of %d x %d pixels", b->fluence_map_size[0], b->fluence_map_size[1]);
  }
}

static void json_protons(cli_json *json, const pencone_beam *b) {
  cli_json_number(json, "range_shifter_mm", b->range_shifter_mm, 15);
  cli_json_text(json, "range_shifter_material", b->range_shifter_mm > 0 ? shifter_material(b) : NULL);
  cli_json_array(json, "aperture_mm");
  for (int i = 0; i < b->aperture_point_count; ++i) {
    const double corner_mm[2] = {b->aperture_points[i].x_mm, b->aperture_points[i].y_mm};
    cli_json_numbers(json, NULL, corner_mm, 2, 15);
  }
  cli_json_end(json);
  cli_json_number(json, "aperture_distance_mm", b->aperture_distance_mm, 15);
  cli_json_array(json, "proton_layers");
  for (int i = 0; i < b->layer_count; ++i) {
    cli_json_object(json, NULL);
    cli_json_number(json, "energy_mev", b->layers[i].energy_mev, 15);
    cli_json_number(json, "spots", b->layers[i].spot_count, 15);
    cli_json_number(json, "protons", layer_protons(&b->layers[i]), 15);
    cli_json_end(json);
  }
  cli_json_end(json);
}

void cli_json_beam(cli_json *json, const pencone_beam *b) {
  cli_json_object(json, NULL);
  cli_json_text(json, "name", b->name);
  cli_json_text(json, "machine", pencone_machine_describe(b->machine)->name);
  cli_json_text(json, "machine_sha256", pencone_machine_sha256(b->machine));
  cli_json_numbers(json, "isocenter_mm", b->isocenter_mm, 3, 15);
  cli_json_number(json, "gantry_deg", b->gantry_deg, 15);
  cli_json_number(json, "collimator_deg", b->collimator_deg, 15);
  cli_json_number(json, "couch_deg", b->couch_deg, 15);
  cli_json_numbers(json, "field_x_mm", b->field_x_mm, 2, 15);
  cli_json_numbers(json, "field_y_mm", b->field_y_mm, 2, 15);
  cli_json_number(json, "fluence_per_cm2", b->fluence_per_cm2, 15);
  cli_json_number(json, "control_points", b->control_point_count, 15);
  cli_json_number(json, "layers", b->layer_count, 15);
  if (b->layer_count > 0) {
    json_protons(json, b);
  }
  cli_json_end(json);
}

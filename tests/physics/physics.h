// SPDX-License-Identifier: Apache-2.0
// Small phantoms and ideal machines for the tests of physical laws. Depth is y: gantry 0 enters the
// phantom at y = 0 and travels towards +y; x and z are centred on the beam.
#ifndef PHYSICS_H
#define PHYSICS_H

#include <pencone/pencone.h>
#include <stdlib.h>

#include "beam/spectrum.h"
#include "unit.h"

enum { PHYSICS_LAYERS = 4 };

/// Where progress starts and its span, for calls that want one.
static const double physics_progress[2] = {0, 1};

/// 1 in builds with sanitizers, which are five times slower: long tests do a part of their work there.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { PHYSICS_SLOW = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
enum { PHYSICS_SLOW = 1 };
#else
enum { PHYSICS_SLOW = 0 };
#endif
#else
enum { PHYSICS_SLOW = 0 };
#endif

/// A slab of the phantom, from the one before down to a depth.
typedef struct physics_layer {
  double until_mm;
  double density_g_cm3;
  const char *material;
} physics_layer;

/// What is calculated. Layers that are not used have until_mm = 0.
typedef struct physics_setup {
  pencone_grid grid;
  physics_layer layer[PHYSICS_LAYERS];
  const char *spectrum;  ///< NULL: mohan6
  double sad_mm;         ///< 0: 1000
  double field_mm;       ///< side of the square field at the isocentre (0, 0, 0)
  const char *engine;    ///< NULL: the default engine
  const char *option[3], *value[3];
} physics_setup;

/// The objects of a calculation.
typedef struct physics_case {
  pencone_machine *machine;
  pencone_phantom *phantom;
  pencone_plan *plan;
  pencone_engine *engine;
  pencone_dose *dose;
} physics_case;

static inline void physics_ok(pencone_context *ctx, pencone_status status) {
  if (status != PENCONE_OK) {
    print_error("%s: %s\n", pencone_status_name(status), pencone_context_error(ctx));
    fail();
  }
}

/// Grid with its surface at y = 0, centred in x and z.
static inline pencone_grid physics_grid(int64_t nx, int64_t ny, int64_t nz, double x_mm, double y_mm,
                                        double z_mm) {
  const pencone_grid grid = {{nx, ny, nz},
                             {x_mm, y_mm, z_mm},
                             {-0.5 * x_mm * (double)(nx - 1), 0.5 * y_mm, -0.5 * z_mm * (double)(nz - 1)}};
  return grid;
}

static inline pencone_machine *physics_machine(pencone_context *ctx, const char *spectrum_name,
                                               double sad_mm) {
  pcn_spectrum spectrum;
  pencone_machine *machine = NULL;
  pencone_machine_desc desc = PENCONE_MACHINE_DESC_DEFAULT;
  physics_ok(ctx, pcn_spectrum_load(ctx, spectrum_name, &spectrum));
  desc.name = spectrum_name;
  desc.sad_mm = sad_mm;
  desc.bins = spectrum.bins;
  desc.edges_mev = spectrum.edges_mev;
  desc.weight = spectrum.weight;
  physics_ok(ctx, pencone_machine_create(ctx, &desc, &machine));
  pcn_spectrum_free(&spectrum);
  return machine;
}

/// A machine whose photons have one energy (a bin 0.2 keV wide).
static inline pencone_machine *physics_mono_machine(pencone_context *ctx, double energy_mev, double sad_mm) {
  const double edges[2] = {energy_mev - 1e-4, energy_mev + 1e-4}, weight = 1;
  pencone_machine *machine = NULL;
  pencone_machine_desc desc = PENCONE_MACHINE_DESC_DEFAULT;
  desc.name = "mono";
  desc.sad_mm = sad_mm;
  desc.bins = 1;
  desc.edges_mev = edges;
  desc.weight = &weight;
  physics_ok(ctx, pencone_machine_create(ctx, &desc, &machine));
  return machine;
}

static inline int physics_layer_at(const physics_layer layer[PHYSICS_LAYERS], double depth_mm) {
  int i = 0;
  while (i < PHYSICS_LAYERS - 1 && layer[i + 1].until_mm > 0 && depth_mm > layer[i].until_mm) {
    i++;
  }
  return i;
}

static inline pencone_phantom *physics_phantom(pencone_context *ctx, const pencone_grid *grid,
                                               const physics_layer layer[PHYSICS_LAYERS]) {
  const size_t voxels = pencone_grid_voxels(grid);
  float *density = malloc(voxels * sizeof *density);
  uint8_t *material = malloc(voxels);
  const char *names[PHYSICS_LAYERS];
  assert_non_null(density);
  assert_non_null(material);
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  for (int i = 0; i < PHYSICS_LAYERS && layer[i].until_mm > 0; i++) {
    names[desc.material_count++] = layer[i].material;
  }
  const int64_t *n = grid->size;
  for (size_t v = 0; v < voxels; v++) {
    const int64_t j = (int64_t)v / n[0] % n[1];
    const int which = physics_layer_at(layer, grid->origin_mm[1] + grid->spacing_mm[1] * (double)j);
    density[v] = (float)layer[which].density_g_cm3;
    material[v] = (uint8_t)which;
  }
  desc.grid = *grid;
  desc.density = density;
  desc.material = material;
  desc.material_names = names;
  pencone_phantom *phantom = NULL;
  physics_ok(ctx, pencone_phantom_copy(ctx, &desc, &phantom));
  free(density);
  free(material);
  return phantom;
}

static inline pencone_beam physics_beam(const pencone_machine *machine, double field_mm) {
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  beam.machine = machine;
  for (int side = 0; side < 2; side++) {
    beam.field_x_mm[side] = beam.field_y_mm[side] = (side == 0 ? -0.5 : 0.5) * field_mm;
  }
  return beam;
}

/// Machine, phantom and a plan with one beam; the engine and the dose come with physics_run().
static inline void physics_prepare(pencone_context *ctx, const physics_setup *setup, physics_case *c) {
  memset(c, 0, sizeof *c);
  c->machine = physics_machine(ctx, setup->spectrum ? setup->spectrum : "mohan6",
                               setup->sad_mm > 0 ? setup->sad_mm : 1000);
  c->phantom = physics_phantom(ctx, &setup->grid, setup->layer);
  physics_ok(ctx, pencone_plan_create(ctx, "test", &c->plan));
  const pencone_beam beam = physics_beam(c->machine, setup->field_mm);
  physics_ok(ctx, pencone_plan_add_beam(ctx, c->plan, &beam));
  if (setup->engine != NULL) {
    physics_ok(ctx, pencone_plan_set_engine(ctx, c->plan, setup->engine));
  }
  for (int i = 0; i < 3 && setup->option[i] != NULL; i++) {
    physics_ok(ctx, pencone_plan_set_option(ctx, c->plan, setup->option[i], setup->value[i]));
  }
}

static inline void physics_make_engine(pencone_context *ctx, physics_case *c) {
  physics_ok(ctx, pencone_engine_create(ctx, c->plan, c->phantom, &c->engine));
}

/// Makes the engine and calculates the dose.
static inline void physics_run(pencone_context *ctx, physics_case *c) {
  physics_make_engine(ctx, c);
  physics_ok(ctx, pencone_dose_create(ctx, pencone_engine_grid(c->engine), &c->dose));
  physics_ok(ctx, pencone_engine_compute(ctx, c->engine, 0, c->dose));
}

static inline void physics_free(physics_case *c) {
  pencone_dose_destroy(c->dose);
  pencone_engine_destroy(c->engine);
  pencone_plan_destroy(c->plan);
  pencone_phantom_destroy(c->phantom);
  pencone_machine_destroy(c->machine);
  memset(c, 0, sizeof *c);
}

/// Largest value of a dose.
static inline double physics_max(const pencone_dose *dose) {
  const size_t voxels = pencone_grid_voxels(pencone_dose_grid_of(dose));
  const float *value = pencone_dose_values_const(dose);
  float largest = 0;
  for (size_t i = 0; i < voxels; i++) {
    largest = value[i] > largest ? value[i] : largest;
  }
  return (double)largest;
}

/// Dose at a depth on the beam's axis: cubic through the four nearest voxel centres, linear across.
static inline double physics_on_axis(const pencone_dose *dose, double depth_mm) {
  const pencone_grid *g = pencone_dose_grid_of(dose);
  const double u = (depth_mm - g->origin_mm[1]) / g->spacing_mm[1];
  const double last = (double)(g->size[1] - 1);
  double first = floor(u) - 1, sum = 0;
  first = first < 0 ? 0 : (first > last - 3 ? last - 3 : first);
  for (int i = 0; i < 4; i++) {
    double weight = 1;
    for (int j = 0; j < 4; j++) {
      weight *= j == i ? 1 : (u - first - j) / (i - j);
    }
    const double xyz[3] = {0, g->origin_mm[1] + g->spacing_mm[1] * (first + i), 0};
    sum += weight * pencone_dose_at(dose, xyz);
  }
  return sum;
}

/// A reproducible number from 0 to 1 (Knuth's 64-bit linear congruential generator).
static inline double physics_random(uint64_t *state) {
  *state = *state * 6364136223846793005U + 1442695040888963407U;
  return (double)(*state >> 11) / 9007199254740992.0;
}

#endif

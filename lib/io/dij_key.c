// SPDX-License-Identifier: Apache-2.0
// What an influence matrix is made from, as hashes.
#include <pencone/version.h>
#include <string.h>

#include "base/base.h"
#include "dij_log.h"

static void add_text(pcn_sha256 *hash, const char *text) {
  const size_t bytes = text != NULL ? strlen(text) : 0;
  pcn_sha256_add_int(hash, (int64_t)bytes);
  pcn_sha256_add(hash, text, bytes);
}

static void add_grid(pcn_sha256 *hash, const pencone_grid *grid) {
  for (int axis = 0; axis < 3; ++axis) {
    pcn_sha256_add_int(hash, grid->size[axis]);
  }
  pcn_sha256_add_doubles(hash, grid->spacing_mm, 3);
  pcn_sha256_add_doubles(hash, grid->origin_mm, 3);
}

/// The instruction sets round differently; another version may calculate differently.
static void hash_program(const char *isa, int format, char hex[PCN_SHA256_HEX]) {
  pcn_sha256 hash;
  pcn_sha256_start(&hash);
  add_text(&hash, pencone_version());
  add_text(&hash, pencone_commit());
  add_text(&hash, isa);
  pcn_sha256_add_int(&hash, format);
  pcn_sha256_end(&hash, hex);
}

static void add_point(pcn_sha256 *hash, const pencone_control_point *point) {
  const double values[] = {point->gantry_deg,    point->collimator_deg, point->couch_deg,
                           point->field_x_mm[0], point->field_x_mm[1],  point->field_y_mm[0],
                           point->field_y_mm[1], point->weight};
  pcn_sha256_add_doubles(hash, values, sizeof values / sizeof values[0]);
}

static void add_beam(pcn_sha256 *hash, const pencone_beam *beam) {
  const double values[] = {beam->gantry_deg,    beam->collimator_deg,  beam->couch_deg,
                           beam->field_x_mm[0], beam->field_x_mm[1],   beam->field_y_mm[0],
                           beam->field_y_mm[1], beam->fluence_per_cm2, beam->bixel_mm[0],
                           beam->bixel_mm[1],   beam->range_shifter_mm};
  add_text(hash, pencone_machine_sha256(beam->machine));
  add_text(hash, beam->range_shifter_material);
  pcn_sha256_add_doubles(hash, beam->isocenter_mm, 3);
  pcn_sha256_add_doubles(hash, values, sizeof values / sizeof values[0]);
  for (int i = 0; i < beam->control_point_count; ++i) {
    add_point(hash, &beam->control_points[i]);
  }
  for (int a = 0; a < 2 && beam->fluence_map != NULL; ++a) {  // its weights are the columns'
    pcn_sha256_add_int(hash, beam->fluence_map_size[a]);
  }
}

static void add_options(pcn_sha256 *hash, const pencone_plan *plan) {
  for (int e = 0; e < pencone_engine_count(); ++e) {
    const pencone_engine_info *engine = pencone_engine_at(e);
    if (strcmp(engine->name, pencone_plan_engine(plan)) == 0) {
      for (int i = 0; i < engine->option_count; ++i) {
        add_text(hash, engine->options[i].key);
        add_text(hash, pencone_plan_option(plan, engine->options[i].key));
      }
    }
  }
}

static void hash_plan(const pencone_dij_info *info, char hex[PCN_SHA256_HEX]) {
  pcn_sha256 hash;
  pcn_sha256_start(&hash);
  add_text(&hash, pencone_plan_engine(info->plan));
  add_options(&hash, info->plan);
  pcn_sha256_add_int(&hash, (int64_t)pencone_plan_quantity(info->plan));
  for (int i = 0; i < pencone_plan_beam_count(info->plan); ++i) {
    add_beam(&hash, pencone_plan_beam(info->plan, i));
  }
  add_grid(&hash, &info->grid);
  for (int64_t c = 0; c < info->columns; ++c) {
    const pencone_beamlet *b = &info->beamlets[c];
    const double values[] = {b->x_mm, b->y_mm, b->width_mm[0], b->width_mm[1], b->energy_mev, b->weight};
    pcn_sha256_add_int(&hash, b->beam);
    pcn_sha256_add_int(&hash, b->layer);
    pcn_sha256_add_doubles(&hash, values, sizeof values / sizeof values[0]);
  }
  pcn_sha256_end(&hash, hex);
}

/// Every value of an array in C order, in rows, whatever its strides; NULL: nothing.
static void add_array(pcn_sha256 *hash, const pencone_phantom_desc *desc, const void *array, size_t bytes) {
  const int64_t *n = desc->grid.size;
  const int c_order = desc->stride[0] == 0 && desc->stride[1] == 0 && desc->stride[2] == 0;
  const ptrdiff_t stride[3] = {c_order ? 1 : desc->stride[0], c_order ? (ptrdiff_t)n[0] : desc->stride[1],
                               c_order ? (ptrdiff_t)(n[0] * n[1]) : desc->stride[2]};
  pcn_sha256_add_int(hash, array != NULL);
  for (int64_t k = 0; array != NULL && k < n[2]; ++k) {
    for (int64_t j = 0; j < n[1]; ++j) {
      const char *row = (const char *)array + (j * stride[1] + k * stride[2]) * (ptrdiff_t)bytes;
      if (stride[0] == 1) {
        pcn_sha256_add(hash, row, (size_t)n[0] * bytes);
      }
      for (int64_t i = 0; stride[0] != 1 && i < n[0]; ++i) {
        pcn_sha256_add(hash, row + i * stride[0] * (ptrdiff_t)bytes, bytes);
      }
    }
  }
}

static void hash_phantom(const pencone_phantom *phantom, char hex[PCN_SHA256_HEX]) {
  const pencone_phantom_desc *desc = pencone_phantom_describe(phantom);
  pcn_sha256 hash;
  pcn_sha256_start(&hash);
  add_grid(&hash, &desc->grid);
  add_array(&hash, desc, desc->hu, sizeof *desc->hu);
  add_array(&hash, desc, desc->density, sizeof *desc->density);
  add_array(&hash, desc, desc->material, sizeof *desc->material);
  for (int i = 0; i < desc->material_count; ++i) {
    add_text(&hash, desc->material_names[i]);
  }
  pcn_sha256_add_int(&hash, (int64_t)desc->hu_curve);
  pcn_sha256_end(&hash, hex);
}

static void hash_options(const pencone_dij_info *info, char hex[PCN_SHA256_HEX]) {
  const pencone_dij_options *options = info->options;
  pcn_sha256 hash;
  pcn_sha256_start(&hash);
  pcn_sha256_add_doubles(&hash, &options->threshold, 1);
  pcn_sha256_add_int(&hash, options->sampling != 0);
  pcn_sha256_add_int(&hash, options->sampling != 0 ? (int64_t)options->seed : 0);
  pcn_sha256_add_int(&hash, options->mask != NULL);
  if (options->mask != NULL) {
    const size_t voxels = pencone_grid_voxels(&info->grid);
    for (size_t v = 0; v < voxels; ++v) {
      const uint8_t wanted = options->mask[v] != 0;
      pcn_sha256_add(&hash, &wanted, 1);
    }
  }
  pcn_sha256_end(&hash, hex);
}

pencone_status pcn_dij_key_of(pencone_context *ctx, const pencone_dij_info *info, const char *isa, int format,
                              pcn_dij_key *out) {
  PCN_CHECK(ctx, info->plan != NULL && info->phantom != NULL && info->options != NULL, PENCONE_E_ARGUMENT,
            "influence matrix: got no plan, phantom or options, expected what pencone_dij_stream() gives");
  memset(out, 0, sizeof *out);
  hash_program(isa, format, out->program);
  hash_plan(info, out->plan);
  hash_phantom(info->phantom, out->phantom);
  hash_options(info, out->options);
  return PENCONE_OK;
}

pencone_status pcn_dij_key_compare(pencone_context *ctx, const char *path, const pcn_dij_key *there,
                                   const pcn_dij_key *wanted) {
  const struct {
    const char *what, *there, *wanted;
  } parts[] = {
      {"plan", there->plan, wanted->plan},
      {"phantom", there->phantom, wanted->phantom},
      {"threshold, sampling, seed or mask", there->options, wanted->options},
      {"version, instruction set or format", there->program, wanted->program},
  };
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; ++i) {
    PCN_CHECK(
        ctx, strcmp(parts[i].there, parts[i].wanted) == 0, PENCONE_E_FORMAT,
        "%s: got a part made with another %s, expected the same to go on with it; remove it to start anew",
        path, parts[i].what);
  }
  return PENCONE_OK;
}

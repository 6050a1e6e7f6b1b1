// SPDX-License-Identifier: Apache-2.0
// A phantom from a recipe.
#include <pencone/io.h>

#include "matter/phantom.h"
#include "recipe.h"

/// Arrays of a phantom that is being built.
typedef struct arrays {
  float *density;
  uint8_t *material;
  uint8_t *mask[PCN_RECIPE_STRUCTURES];
} arrays;

static void free_arrays(arrays *a) {
  pcn_free(a->density);
  pcn_free(a->material);
  for (int m = 0; m < PCN_RECIPE_STRUCTURES; ++m) {
    pcn_free(a->mask[m]);
  }
}

static pencone_status allocate(pencone_context *ctx, const pcn_recipe *recipe, arrays *a) {
  const size_t voxels = pencone_grid_voxels(&recipe->grid);
  const uint64_t budget = pencone_context_memory_budget(ctx);
  // masks twice: the phantom copies them
  const uint64_t bytes = (uint64_t)voxels * (sizeof(float) + 1 + 2 * (uint64_t)recipe->structures);
  PCN_CHECK(ctx, budget == 0 || bytes <= budget, PENCONE_E_BUDGET,
            "grid: the phantom takes %.0f MiB, expected at most the memory budget of %.0f MiB",
            (double)bytes / 1048576.0, (double)budget / 1048576.0);
  a->density = pcn_alloc(ctx, voxels, sizeof(float));
  a->material = a->density != NULL ? pcn_alloc(ctx, voxels, 1) : NULL;
  if (a->material == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int m = 0; m < recipe->structures; ++m) {
    a->mask[m] = pcn_alloc(ctx, voxels, 1);
    if (a->mask[m] == NULL) {
      return PENCONE_E_MEMORY;
    }
  }
  return PENCONE_OK;
}

/// Makes the phantom, which takes density and material over and copies the masks.
static pencone_status assemble(pencone_context *ctx, const pcn_recipe *recipe, arrays *a,
                               pencone_phantom **out) {
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  desc.grid = recipe->grid;
  desc.density = a->density;
  desc.material = a->material;
  desc.material_names = recipe->material_name;
  desc.material_count = recipe->materials;
  PCN_TRY(pcn_phantom_adopt(ctx, &desc, out));
  a->density = NULL;
  a->material = NULL;
  for (int m = 0; m < recipe->structures; ++m) {
    const pcn_recipe_structure *s = &recipe->structure[m];
    PCN_TRY(pencone_phantom_add_structure(ctx, *out, s->name, a->mask[m]));
    PCN_TRY(pencone_phantom_label_structure(ctx, *out, m, s->type, s->colour));
  }
  return PENCONE_OK;
}

static pencone_status build(pencone_context *ctx, const pcn_yaml *yaml, pencone_phantom **out) {
  pcn_recipe recipe;
  arrays a = {NULL, NULL, {NULL}};
  pencone_status status = pcn_recipe_read(yaml, &recipe);
  if (status == PENCONE_OK) {
    status = pcn_yaml_at(pcn_yaml_get(pcn_yaml_root(yaml), "grid"), allocate(ctx, &recipe, &a));
  }
  if (status == PENCONE_OK) {
    pcn_recipe_paint(ctx, &recipe, a.density, a.material, a.mask);
    status = assemble(ctx, &recipe, &a, out);
  }
  free_arrays(&a);
  pcn_free(recipe.body);
  return status;
}

pencone_status pencone_phantom_build(pencone_context *ctx, const char *recipe_path, pencone_phantom **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "phantom: the place for the result is NULL");
  *out = NULL;
  pcn_yaml *yaml = NULL;
  PCN_TRY(pcn_yaml_open(ctx, recipe_path, &yaml));
  const pencone_status status = build(ctx, yaml, out);
  if (status != PENCONE_OK) {
    pencone_phantom_destroy(*out);
    *out = NULL;
  }
  pcn_yaml_close(yaml);
  return status;
}

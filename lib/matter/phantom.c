// SPDX-License-Identifier: Apache-2.0
// The phantom: the caller's arrays, checked voxel by voxel, and named structures.
#include "phantom.h"

#include <inttypes.h>
#include <string.h>

#include "base/base.h"
#include "hu.h"

static const float density_max_g_cm3 = 25;  // above osmium, the densest element (22.6)
enum { MATERIALS_MAX = 256 };

typedef struct structure {
  char *name;
  char *type, *colour;  // may be NULL
  uint8_t *mask;
} structure;

struct pencone_phantom {
  pencone_phantom_desc desc;          // strides resolved; material_names points at materials' names below
  const char **names;                 // static texts of the table of materials
  const pencone_material **material;  // what each index of desc.material means
  void *owned[3];                     // arrays to free; NULL where borrowed
  structure *structures;
  int structure_count;
};

// --- checks ------------------------------------------------------------------------------------

static ptrdiff_t offset_of(const pencone_phantom_desc *desc, int64_t i, int64_t j, int64_t k) {
  return (ptrdiff_t)i * desc->stride[0] + (ptrdiff_t)j * desc->stride[1] + (ptrdiff_t)k * desc->stride[2];
}

static pencone_status fail_at(pencone_context *ctx, const int64_t at[3], const char *what, double got,
                              const char *expected) {
  return pcn_fail(ctx, PENCONE_E_RANGE,
                  "phantom: %s of voxel (%" PRId64 ", %" PRId64 ", %" PRId64 "): got %g, expected %s", what,
                  at[0], at[1], at[2], got, expected);
}

static pencone_status check_voxel(pencone_context *ctx, const pencone_phantom_desc *desc, const int64_t at[3],
                                  ptrdiff_t offset) {
  if (desc->hu != NULL && (desc->hu[offset] < PCN_HU_MIN || desc->hu[offset] > PCN_HU_MAX)) {
    return fail_at(ctx, at, "HU", desc->hu[offset], "-1024 to 3071");
  }
  // Written so that NaN fails too.
  if (desc->density != NULL && !(desc->density[offset] >= 0 && desc->density[offset] <= density_max_g_cm3)) {
    return fail_at(ctx, at, "density", (double)desc->density[offset], "0 to 25 g/cm3");
  }
  if (desc->material != NULL && desc->material[offset] >= desc->material_count) {
    return fail_at(ctx, at, "material", desc->material[offset], "an index below the number of materials");
  }
  return PENCONE_OK;
}

// 1 when check_voxel() would refuse a voxel of the row: all of them at once, as nearly every row is good. The
// step is known when this is compiled where voxels follow each other.
static inline int row_is_bad(const pencone_phantom_desc *desc, ptrdiff_t first, ptrdiff_t step) {
  const ptrdiff_t n = (ptrdiff_t)desc->grid.size[0];
  int bad = 0;
  for (ptrdiff_t i = 0; desc->hu != NULL && i < n; i++) {
    const int hu = desc->hu[first + i * step];
    bad |= (hu < PCN_HU_MIN) | (hu > PCN_HU_MAX);
  }
  for (ptrdiff_t i = 0; desc->density != NULL && i < n; i++) {
    const float density = desc->density[first + i * step];
    bad |= !((density >= 0) & (density <= density_max_g_cm3));
  }
  uint8_t largest = 0;
  for (ptrdiff_t i = 0; desc->material != NULL && i < n; i++) {
    const uint8_t material = desc->material[first + i * step];
    largest = material > largest ? material : largest;
  }
  return bad | (desc->material != NULL && largest >= desc->material_count);
}

static pencone_status check_voxels(pencone_context *ctx, const pencone_phantom_desc *desc) {
  int64_t at[3];
  for (at[2] = 0; at[2] < desc->grid.size[2]; at[2]++) {
    for (at[1] = 0; at[1] < desc->grid.size[1]; at[1]++) {
      ptrdiff_t offset = offset_of(desc, 0, at[1], at[2]);
      const ptrdiff_t step = desc->stride[0];
      const int bad = step == 1 ? row_is_bad(desc, offset, 1) : row_is_bad(desc, offset, step);
      for (at[0] = 0; bad && at[0] < desc->grid.size[0]; at[0]++) {
        PCN_TRY(check_voxel(ctx, desc, at, offset));
        offset += desc->stride[0];
      }
    }
  }
  return PENCONE_OK;
}

static pencone_status check_desc(pencone_context *ctx, const pencone_phantom_desc *desc) {
  PCN_CHECK(ctx, desc != NULL, PENCONE_E_ARGUMENT, "phantom: got NULL, expected a description");
  PCN_CHECK(ctx, desc->struct_size >= sizeof *desc, PENCONE_E_ARGUMENT,
            "phantom: struct_size: got %zu, expected %zu (start from PENCONE_PHANTOM_DESC_DEFAULT)",
            desc->struct_size, sizeof *desc);
  PCN_TRY(pencone_grid_check(ctx, &desc->grid));
  PCN_CHECK(ctx, desc->hu != NULL || desc->density != NULL, PENCONE_E_ARGUMENT,
            "phantom: got neither hu nor density, expected at least one");
  PCN_CHECK(ctx, pencone_hu_curve_name(desc->hu_curve) != NULL, PENCONE_E_ARGUMENT,
            "phantom: hu_curve: got %d, expected a pencone_hu_curve", (int)desc->hu_curve);
  if (desc->material != NULL) {
    PCN_CHECK(ctx, desc->material_count >= 1 && desc->material_count <= MATERIALS_MAX, PENCONE_E_ARGUMENT,
              "phantom: material_count: got %d, expected 1 to %d", desc->material_count, MATERIALS_MAX);
    PCN_CHECK(ctx, desc->material_names != NULL, PENCONE_E_ARGUMENT,
              "phantom: material_names: got NULL, expected %d names", desc->material_count);
  }
  return PENCONE_OK;
}

// Fills in the strides of C order for 0,0,0. Any other stride of 0 would read one voxel for many.
static pencone_status resolve_strides(pencone_context *ctx, pencone_phantom_desc *desc) {
  if (desc->stride[0] == 0 && desc->stride[1] == 0 && desc->stride[2] == 0) {
    desc->stride[0] = 1;
    desc->stride[1] = (ptrdiff_t)desc->grid.size[0];
    desc->stride[2] = (ptrdiff_t)(desc->grid.size[0] * desc->grid.size[1]);
  }
  for (int a = 0; a < 3; a++) {
    PCN_CHECK(ctx, desc->stride[a] != 0 || desc->grid.size[a] == 1, PENCONE_E_ARGUMENT,
              "phantom: stride %c: got 0, expected not 0 along an axis of %" PRId64 " voxels", "xyz"[a],
              desc -> grid.size[a]);
  }
  return PENCONE_OK;
}

// --- creation ----------------------------------------------------------------------------------

static const pencone_material *standard_material(const char *name) {
  for (int i = 0; name != NULL && i < pencone_material_count(); i++) {
    if (strcmp(pencone_material_at(i)->name, name) == 0) {
      return pencone_material_at(i);
    }
  }
  return NULL;
}

static pencone_status resolve_materials(pencone_context *ctx, pencone_phantom *phantom) {
  pencone_phantom_desc *desc = &phantom->desc;
  const char *const *names = desc->material_names;
  desc->material_names = NULL;
  if (desc->material == NULL) {
    desc->material_count = 0;
    return PENCONE_OK;
  }
  const size_t count = (size_t)desc->material_count;
  phantom->names = pcn_alloc(ctx, count, sizeof *phantom->names);
  phantom->material = pcn_alloc(ctx, count, sizeof *phantom->material);
  if (phantom->names == NULL || phantom->material == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (size_t m = 0; m < count; m++) {
    phantom->material[m] = standard_material(names[m]);
    if (phantom->material[m] == NULL) {
      pencone_material unused;
      pencone_material_find(ctx, names[m] != NULL ? names[m] : "", &unused);  // for its text with the names
      return pcn_fail_prefix(ctx, PENCONE_E_MISSING, "phantom");
    }
    phantom->names[m] = phantom->material[m]->name;
  }
  desc->material_names = phantom->names;
  return PENCONE_OK;
}

static pencone_status fill(pencone_context *ctx, pencone_phantom *phantom) {
  PCN_TRY(resolve_strides(ctx, &phantom->desc));
  PCN_TRY(resolve_materials(ctx, phantom));
  return check_voxels(ctx, &phantom->desc);
}

pencone_status pencone_phantom_borrow(pencone_context *ctx, const pencone_phantom_desc *desc,
                                      pencone_phantom **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "phantom: got NULL, expected a place for it");
  *out = NULL;
  PCN_TRY(check_desc(ctx, desc));
  pencone_phantom *phantom = pcn_calloc(ctx, 1, sizeof *phantom);
  if (phantom == NULL) {
    return PENCONE_E_MEMORY;
  }
  phantom->desc = *desc;
  phantom->desc.struct_size = sizeof phantom->desc;
  const pencone_status status = fill(ctx, phantom);
  if (status != PENCONE_OK) {
    pencone_phantom_destroy(phantom);
    return status;
  }
  *out = phantom;
  return PENCONE_OK;
}

pencone_status pcn_phantom_adopt(pencone_context *ctx, const pencone_phantom_desc *desc,
                                 pencone_phantom **out) {
  PCN_TRY(pencone_phantom_borrow(ctx, desc, out));
  // The caller's arrays are not const: they came from pcn_alloc().
  const void *const arrays[3] = {desc->hu, desc->density, desc->material};
  memcpy((*out)->owned, arrays, sizeof arrays);
  return PENCONE_OK;
}

// Copies an array of elements of size bytes, read by stride, into C order.
static void *copy_array(pencone_context *ctx, const pencone_phantom_desc *desc, const void *array,
                        size_t size) {
  char *copy = pcn_alloc(ctx, pencone_grid_voxels(&desc->grid), size);
  char *to = copy;
  for (int64_t k = 0; copy != NULL && k < desc->grid.size[2]; k++) {
    for (int64_t j = 0; j < desc->grid.size[1]; j++) {
      for (int64_t i = 0; i < desc->grid.size[0]; i++) {
        memcpy(to, (const char *)array + offset_of(desc, i, j, k) * (ptrdiff_t)size, size);
        to += size;
      }
    }
  }
  return copy;
}

static pencone_status own_copies(pencone_context *ctx, pencone_phantom *phantom) {
  pencone_phantom_desc *desc = &phantom->desc;
  const void *const arrays[3] = {desc->hu, desc->density, desc->material};
  const size_t sizes[3] = {sizeof *desc->hu, sizeof *desc->density, sizeof *desc->material};
  for (int a = 0; a < 3; a++) {
    if (arrays[a] != NULL) {
      phantom->owned[a] = copy_array(ctx, desc, arrays[a], sizes[a]);
      if (phantom->owned[a] == NULL) {
        return PENCONE_E_MEMORY;
      }
    }
  }
  desc->hu = phantom->owned[0];
  desc->density = phantom->owned[1];
  desc->material = phantom->owned[2];
  memset(desc->stride, 0, sizeof desc->stride);
  return resolve_strides(ctx, desc);
}

pencone_status pencone_phantom_copy(pencone_context *ctx, const pencone_phantom_desc *desc,
                                    pencone_phantom **out) {
  PCN_TRY(pencone_phantom_borrow(ctx, desc, out));
  const pencone_status status = own_copies(ctx, *out);
  if (status != PENCONE_OK) {
    pencone_phantom_destroy(*out);
    *out = NULL;
  }
  return status;
}

void pencone_phantom_destroy(pencone_phantom *phantom) {
  if (phantom == NULL) {
    return;
  }
  for (int s = 0; s < phantom->structure_count; s++) {
    pcn_free(phantom->structures[s].name);
    pcn_free(phantom->structures[s].type);
    pcn_free(phantom->structures[s].colour);
    pcn_free(phantom->structures[s].mask);
  }
  for (int a = 0; a < 3; a++) {
    pcn_free(phantom->owned[a]);
  }
  pcn_free(phantom->structures);
  pcn_free(phantom->names);
  pcn_free(phantom->material);
  pcn_free(phantom);
}

// --- questions ---------------------------------------------------------------------------------

const pencone_phantom_desc *pencone_phantom_describe(const pencone_phantom *phantom) {
  return phantom != NULL ? &phantom->desc : NULL;
}

double pencone_phantom_density_at(const pencone_phantom *phantom, int64_t i, int64_t j, int64_t k) {
  const pencone_phantom_desc *desc = &phantom->desc;
  const ptrdiff_t offset = offset_of(desc, i, j, k);
  return desc->density != NULL ? (double)desc->density[offset]
                               : pcn_hu_density(desc->hu_curve, desc->hu[offset]);
}

const pencone_material *pcn_phantom_material_at(const pencone_phantom *phantom, int64_t i, int64_t j,
                                                int64_t k) {
  const pencone_phantom_desc *desc = &phantom->desc;
  const ptrdiff_t offset = offset_of(desc, i, j, k);
  if (desc->material != NULL) {
    return phantom->material[desc->material[offset]];
  }
  const double hu =
      desc->hu != NULL ? desc->hu[offset] : pcn_hu_from_density(desc->hu_curve, NULL, desc->density[offset]);
  return pcn_hu_material(desc->hu_curve, hu);
}

// --- structures --------------------------------------------------------------------------------

static int is_used(const pencone_phantom *phantom, const char *name) {
  for (int s = 0; s < phantom->structure_count; s++) {
    if (strcmp(phantom->structures[s].name, name) == 0) {
      return 1;
    }
  }
  return 0;
}

pencone_status pcn_phantom_adopt_structure(pencone_context *ctx, pencone_phantom *phantom, const char *name,
                                           uint8_t *mask) {
  PCN_CHECK(ctx, name != NULL && name[0] != '\0', PENCONE_E_ARGUMENT,
            "structure: name: got none, expected a text");
  PCN_CHECK(ctx, !is_used(phantom, name), PENCONE_E_ARGUMENT,
            "structure: name: got \"%s\" again, expected one that the phantom does not have", name);
  const size_t count = (size_t)phantom->structure_count;
  structure *structures = pcn_alloc(ctx, count + 1, sizeof *structures);
  char *own_name = pcn_strdup(ctx, name);
  if (structures == NULL || own_name == NULL) {
    pcn_free(structures);
    pcn_free(own_name);
    return PENCONE_E_MEMORY;
  }
  if (count > 0) {
    memcpy(structures, phantom->structures, count * sizeof *structures);
  }
  structures[count].name = own_name;
  structures[count].type = NULL;
  structures[count].colour = NULL;
  structures[count].mask = mask;
  pcn_free(phantom->structures);
  phantom->structures = structures;
  phantom->structure_count++;
  return PENCONE_OK;
}

pencone_status pencone_phantom_add_structure(pencone_context *ctx, pencone_phantom *phantom, const char *name,
                                             const uint8_t *mask) {
  PCN_CHECK(ctx, phantom != NULL && mask != NULL, PENCONE_E_ARGUMENT,
            "structure: got NULL, expected a phantom and a mask");
  const size_t voxels = pencone_grid_voxels(&phantom->desc.grid);
  uint8_t *own_mask = pcn_alloc(ctx, voxels, sizeof *own_mask);
  if (own_mask == NULL) {
    return PENCONE_E_MEMORY;
  }
  memcpy(own_mask, mask, voxels);
  const pencone_status status = pcn_phantom_adopt_structure(ctx, phantom, name, own_mask);
  if (status != PENCONE_OK) {
    pcn_free(own_mask);
  }
  return status;
}

static const structure *structure_at(const pencone_phantom *phantom, int i) {
  return phantom != NULL && i >= 0 && i < phantom->structure_count ? &phantom->structures[i] : NULL;
}

int pencone_phantom_structure_count(const pencone_phantom *phantom) {
  return phantom != NULL ? phantom->structure_count : 0;
}

const char *pencone_phantom_structure_name(const pencone_phantom *phantom, int i) {
  const structure *s = structure_at(phantom, i);
  return s != NULL ? s->name : NULL;
}

const uint8_t *pencone_phantom_structure_mask(const pencone_phantom *phantom, int i) {
  const structure *s = structure_at(phantom, i);
  return s != NULL ? s->mask : NULL;
}

pencone_status pencone_phantom_label_structure(pencone_context *ctx, pencone_phantom *phantom, int i,
                                               const char *type, const char *colour) {
  PCN_CHECK(ctx, structure_at(phantom, i) != NULL, PENCONE_E_ARGUMENT,
            "structure: got number %d, expected one of the phantom's %d", i,
            pencone_phantom_structure_count(phantom));
  char *own_type = pcn_strdup(ctx, type);
  char *own_colour = pcn_strdup(ctx, colour);
  if ((type != NULL && own_type == NULL) || (colour != NULL && own_colour == NULL)) {
    pcn_free(own_type);
    pcn_free(own_colour);
    return PENCONE_E_MEMORY;
  }
  structure *s = &phantom->structures[i];
  pcn_free(s->type);
  pcn_free(s->colour);
  s->type = own_type;
  s->colour = own_colour;
  return PENCONE_OK;
}

const char *pencone_phantom_structure_type(const pencone_phantom *phantom, int i) {
  const structure *s = structure_at(phantom, i);
  return s != NULL ? s->type : NULL;
}

const char *pencone_phantom_structure_colour(const pencone_phantom *phantom, int i) {
  const structure *s = structure_at(phantom, i);
  return s != NULL ? s->colour : NULL;
}

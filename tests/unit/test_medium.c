// SPDX-License-Identifier: Apache-2.0
// A phantom as photons meet it: basis materials, the calculation grid, resampling.
#include "../physics/physics.h"
#include "base/base.h"
#include "matter/medium.h"

enum { NX = 8, NY = 6, NZ = 4, VOXELS = NX * NY * NZ };
static const pencone_grid grid = {{NX, NY, NZ}, {2, 3, 4}, {-7, 1, 10}};

static pcn_basis basis_of(pencone_context *ctx, const char *name) {
  pencone_material material;
  physics_ok(ctx, pencone_material_find(ctx, name, &material));
  return pcn_basis_of(&material);
}

// Water is water, aluminium is aluminium; electrons per gram are Z/A over water's 0.5551 (ICRU 37: aluminium
// .4818, cortical bone .5213); bone has aluminium in it, fat less than none.
static void tissues_in_two_basis_materials(void **state) {
  const pcn_basis water = basis_of(*state, "water"), aluminium = basis_of(*state, "aluminium");
  const pcn_basis bone = basis_of(*state, "cortical-bone"), fat = basis_of(*state, "adipose");
  assert_close(water.water, 1, 1e-12);
  assert_close(water.aluminium, 0, 1e-12);
  assert_close(water.electrons, 1, 1e-12);
  assert_close(aluminium.water, 0, 1e-12);
  assert_close(aluminium.aluminium, 1, 1e-12);
  assert_near(aluminium.electrons, 0.4818 / 0.5551, 1e-3);
  assert_near(bone.electrons, 0.5213 / 0.5551, 2e-3);
  assert_true(bone.aluminium > 0.3 && bone.aluminium < 1 && bone.water > 0);
  assert_true(fat.aluminium < 0 && fat.aluminium > -0.3);
  // The electrons are those of both parts.
  assert_close(bone.water + aluminium.electrons * bone.aluminium, bone.electrons, 1e-12);
  assert_close(pcn_basis_water(bone.electrons, bone.aluminium, aluminium.electrons), bone.water, 1e-12);
}

static void grids_cover_the_phantom(void **state) {
  (void)state;
  static const double same[3] = {0, 0, 0}, equal[3] = {2, 3, 4}, wider[3] = {5, 9, 3.5};
  pencone_grid out;
  pcn_medium_grid(&grid, same, &out);
  assert_true(pencone_grid_equal(&out, &grid));
  pcn_medium_grid(&grid, equal, &out);
  assert_true(pencone_grid_equal(&out, &grid));
  pcn_medium_grid(&grid, wider, &out);
  for (int a = 0; a < 3; a++) {
    const double low = grid.origin_mm[a] - 0.5 * grid.spacing_mm[a],
                 extent = grid.spacing_mm[a] * (double)grid.size[a];
    const double out_low = out.origin_mm[a] - 0.5 * out.spacing_mm[a],
                 out_extent = out.spacing_mm[a] * (double)out.size[a];
    assert_close(out.spacing_mm[a], wider[a], 0);
    assert_true(out_extent >= extent - 1e-9 && out_extent < extent + wider[a]);
    assert_close(out_low + 0.5 * out_extent, low + 0.5 * extent, 1e-9);  // centred
  }
  assert_int_equal(out.size[0], 4);  // 16 mm in 5 mm
  assert_int_equal(out.size[1], 2);  // 18 mm in 9 mm: no more
  assert_int_equal(out.size[2], 5);  // 16 mm in 3.5 mm
}

/// A phantom with densities 0 to 2 in every voxel, two materials, as the caller's arrays.
typedef struct arrays {
  float density[VOXELS];
  uint8_t material[VOXELS];
  int16_t hu[VOXELS];
} arrays;

static void fill(arrays *a) {
  uint64_t seed = 8;
  for (int v = 0; v < VOXELS; v++) {
    a->density[v] = (float)(2 * physics_random(&seed));
    a->material[v] = physics_random(&seed) < 0.5;
    a->hu[v] = (int16_t)(-1000 + 4000 * physics_random(&seed));
  }
}

static const char *const names[] = {"water", "cortical-bone"};

static pencone_phantom *phantom_of(pencone_context *ctx, const arrays *a, int with_material) {
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  pencone_phantom *phantom = NULL;
  desc.grid = grid;
  desc.density = a->density;
  if (with_material) {
    desc.material = a->material;
    desc.material_names = names;
    desc.material_count = 2;
  }
  physics_ok(ctx, pencone_phantom_borrow(ctx, &desc, &phantom));
  return phantom;
}

static void voxels_of_the_same_grid(void **state) {
  arrays a;
  pcn_medium m;
  fill(&a);
  pencone_phantom *phantom = phantom_of(*state, &a, 1);
  const pcn_basis basis[2] = {basis_of(*state, "water"), basis_of(*state, "cortical-bone")};
  physics_ok(*state, pcn_medium_make(*state, phantom, &grid, physics_progress, &m));
  for (int v = 0; v < VOXELS; v++) {
    const double density = (double)a.density[v];
    assert_close((double)m.density[v], density, 1e-6);
    assert_close((double)m.electron_density[v], density * basis[a.material[v]].electrons, 1e-6);
    assert_close((double)m.aluminium[v], density * basis[a.material[v]].aluminium, 1e-6);
  }
  pcn_medium_free(&m);
  pencone_phantom_destroy(phantom);
}

static double total(const float *value, const pencone_grid *g) {
  double sum = 0;
  for (size_t v = 0; v < pencone_grid_voxels(g); v++) {
    sum += (double)value[v];
  }
  return sum * g->spacing_mm[0] * g->spacing_mm[1] * g->spacing_mm[2];
}

// Mass, electrons and aluminium are the same on any grid that covers the phantom. Singles: 1e-6.
static void resampling_conserves(void **state) {
  static const double spacings[][3] = {{2, 3, 4}, {3, 3, 3}, {1.1, 0.9, 5.3}, {40, 40, 40}, {2, 6, 4}};
  arrays a;
  pcn_medium fine, m;
  fill(&a);
  pencone_phantom *phantom = phantom_of(*state, &a, 1);
  physics_ok(*state, pcn_medium_make(*state, phantom, &grid, physics_progress, &fine));
  for (int n = 0; n < 5; n++) {
    pencone_grid target;
    pcn_medium_grid(&grid, spacings[n], &target);
    physics_ok(*state, pcn_medium_make(*state, phantom, &target, physics_progress, &m));
    assert_near(total(m.density, &target), total(fine.density, &grid), 1e-6);
    assert_near(total(m.electron_density, &target), total(fine.electron_density, &grid), 1e-6);
    assert_near(total(m.aluminium, &target), total(fine.aluminium, &grid), 1e-6);
    pcn_medium_free(&m);
  }
  pcn_medium_free(&fine);
  pencone_phantom_destroy(phantom);
}

// From CT numbers: density and tissue of the curve; a given density counts before the curve's, the tissue
// stays.
static void ct_numbers_and_densities(void **state) {
  arrays a;
  pcn_medium m;
  pencone_phantom *phantom = NULL;
  fill(&a);
  for (int given = 0; given < 2; given++) {
    pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
    desc.grid = grid;
    desc.hu = a.hu;
    desc.density = given ? a.density : NULL;
    physics_ok(*state, pencone_phantom_borrow(*state, &desc, &phantom));
    physics_ok(*state, pcn_medium_make(*state, phantom, &grid, physics_progress, &m));
    for (int v = 0; v < VOXELS; v++) {
      pencone_material tissue;
      double density;
      physics_ok(*state, pencone_hu_convert(*state, PENCONE_HU_SCHNEIDER2000, a.hu[v], &density, &tissue));
      density = given ? (double)a.density[v] : density;
      assert_close((double)m.density[v], density, 1e-6);
      assert_close((double)m.electron_density[v], density * pcn_basis_of(&tissue).electrons, 1e-5);
    }
    pcn_medium_free(&m);
    pencone_phantom_destroy(phantom);
  }
}

// Density alone: the tissue of that density on the curve. Soft tissue, lung, bone; vacuum has nothing.
static void tissue_from_density_alone(void **state) {
  static const float densities[] = {0, 0.26F, 1.0F, 1.06F, 1.6F, 1.9F};
  arrays a;
  pcn_medium m;
  fill(&a);
  for (int v = 0; v < VOXELS; v++) {
    a.density[v] = densities[v % 6];
  }
  pencone_phantom *phantom = phantom_of(*state, &a, 0);
  physics_ok(*state, pcn_medium_make(*state, phantom, &grid, physics_progress, &m));
  assert_true(m.electron_density[0] == 0 && m.aluminium[0] == 0);
  for (int n = 1; n < 6;
       n++) {  // relative electron density over density: 1.00 to .93 from lung to bone (Schneider)
    const double ratio = (double)m.electron_density[n] / (double)densities[n];
    assert_true(ratio > 0.92 && ratio < 1.01);
  }
  assert_true((double)m.electron_density[5] / 1.9 < (double)m.electron_density[3] / 1.06 - 0.03);
  assert_true(m.aluminium[5] > 0.3F && fabsf(m.aluminium[3]) < 0.1F);
  pcn_medium_free(&m);
  pencone_phantom_destroy(phantom);
}

// Strides: the same phantom stored [x][y][z], and one stored back to front.
static void strides(void **state) {
  arrays a;
  float turned[VOXELS], reversed[VOXELS];
  pcn_medium want, m;
  fill(&a);
  pencone_phantom *phantom = phantom_of(*state, &a, 0);
  physics_ok(*state, pcn_medium_make(*state, phantom, &grid, physics_progress, &want));
  pencone_phantom_destroy(phantom);
  for (int v = 0; v < VOXELS; v++) {
    const int i = v % NX, j = v / NX % NY, k = v / (NX * NY);
    turned[(i * NY + j) * NZ + k] = a.density[v];
    reversed[VOXELS - 1 - v] = a.density[v];
  }
  for (int n = 0; n < 2; n++) {
    pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
    desc.grid = grid;
    desc.density = n == 0 ? turned : reversed + VOXELS - 1;
    const ptrdiff_t stride[2][3] = {{NY * NZ, NZ, 1}, {-1, -NX, -NX * NY}};
    memcpy(desc.stride, stride[n], sizeof desc.stride);
    physics_ok(*state, pencone_phantom_borrow(*state, &desc, &phantom));
    physics_ok(*state, pcn_medium_make(*state, phantom, &grid, physics_progress, &m));
    assert_memory_equal(m.density, want.density, sizeof turned);
    assert_memory_equal(m.electron_density, want.electron_density, sizeof turned);
    pcn_medium_free(&m);
    pencone_phantom_destroy(phantom);
  }
  pcn_medium_free(&want);
}

static void no_memory_is_an_error(void **state) {
  arrays a;
  fill(&a);
  pencone_phantom *phantom = phantom_of(*state, &a, 1);
  const double spacing_mm[3] = {3, 3, 3};
  pencone_grid target;
  int failures = 0;
  pcn_medium_grid(&grid, spacing_mm, &target);
  for (;; failures++) {
    pcn_medium m;
    pcn_alloc_fail_after(*state, failures);
    const pencone_status status = pcn_medium_make(*state, phantom, &target, physics_progress, &m);
    pcn_medium_free(&m);
    if (status == PENCONE_OK) {
      break;
    }
    assert_int_equal(status, PENCONE_E_MEMORY);
  }
  assert_true(failures >= 10);
  pencone_phantom_destroy(phantom);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(tissues_in_two_basis_materials),
      UNIT_TEST(grids_cover_the_phantom),
      UNIT_TEST(voxels_of_the_same_grid),
      UNIT_TEST(resampling_conserves),
      UNIT_TEST(ct_numbers_and_densities),
      UNIT_TEST(tissue_from_density_alone),
      UNIT_TEST(strides),
      UNIT_TEST(no_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

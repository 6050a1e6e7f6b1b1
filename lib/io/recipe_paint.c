// SPDX-License-Identifier: Apache-2.0
// Voxels from bodies. Far from surfaces a voxel is one body; where surfaces pass, 64 points decide.
#include <string.h>

#include "recipe.h"

enum { points_per_axis = 4, points = points_per_axis * points_per_axis * points_per_axis };

typedef struct painter {
  const pcn_recipe *recipe;
  float *density;
  uint8_t *material;
  uint8_t *const *masks;
} painter;

/// What 64 points of a voxel are: the body on top at each, and which structures they are in.
typedef struct sample {
  int body[points];
  uint64_t mask[PCN_RECIPE_STRUCTURES];  ///< one bit per point
} sample;

static const uint64_t all_points = ~(uint64_t)0;

static pcn_side body_side(const pcn_body *body, const double centre[3], const double half[3]) {
  pcn_side side = PCN_INSIDE;
  for (int s = 0; s < body->count; ++s) {
    pcn_side part = pcn_shape_side(&body->shape[s], centre, half);
    if (body->is_without[s] && part != PCN_ACROSS) {
      part = part == PCN_INSIDE ? PCN_OUTSIDE : PCN_INSIDE;
    }
    if (part == PCN_OUTSIDE) {
      return PCN_OUTSIDE;
    }
    side = part == PCN_ACROSS ? PCN_ACROSS : side;
  }
  return side;
}

static int body_contains(const pcn_body *body, const double point[3]) {
  for (int s = 0; s < body->count; ++s) {
    if (pcn_shape_contains(&body->shape[s], point) == body->is_without[s]) {
      return 0;
    }
  }
  return 1;
}

/// The points of a voxel inside a body, as bits.
static uint64_t points_inside(const pcn_body *body, const double centre[3], const double half[3]) {
  uint64_t inside = 0;
  for (int n = 0; n < points; ++n) {
    const int index[3] = {n % points_per_axis, n / points_per_axis % points_per_axis,
                          n / (points_per_axis * points_per_axis)};
    double point[3];
    for (int a = 0; a < 3; ++a) {  // -3/4, -1/4, 1/4, 3/4 of the half edge
      point[a] = centre[a] + half[a] * ((2 * index[a] + 1) / (double)points_per_axis - 1);
    }
    if (body_contains(body, point)) {
      inside |= (uint64_t)1 << n;
    }
  }
  return inside;
}

/// Puts a body on top at the points inside it.
static void lay_body(int b, uint64_t inside, sample *s) {
  for (int n = 0; n < points; ++n) {
    if ((inside >> n & 1) != 0) {
      s->body[n] = b;
    }
  }
}

/// Lays the bodies over each other. @return the body that is the whole voxel, or -1: see s->body
static int lay_bodies(const pcn_recipe *recipe, const double centre[3], const double half[3], sample *s) {
  int whole = 0;
  memset(s->mask, 0, sizeof s->mask);
  for (int b = 0; b < recipe->bodies; ++b) {
    const pcn_body *body = &recipe->body[b];
    const pcn_side side = body_side(body, centre, half);
    if (side == PCN_OUTSIDE) {
      continue;
    }
    const uint64_t inside = side == PCN_INSIDE ? all_points : points_inside(body, centre, half);
    if (body->structure >= 0) {
      s->mask[body->structure] |= inside;
    }
    if (body->material < 0 || inside == 0) {
      continue;
    }
    if (inside == all_points) {
      whole = b;  // hides all before it
      continue;
    }
    if (whole >= 0) {
      lay_body(whole, all_points, s);
      whole = -1;
    }
    lay_body(b, inside, s);
  }
  return whole;
}

static double mean_density(const pcn_recipe *recipe, const sample *s) {
  double sum = 0;
  for (int n = 0; n < points; ++n) {
    sum += recipe->body[s->body[n]].density_g_cm3;
  }
  return sum / points;
}

/// The material of most points; of equal ones that of the body that was laid last.
static int main_material(const pcn_recipe *recipe, const sample *s) {
  int count[PCN_RECIPE_MATERIALS] = {0};
  int latest[PCN_RECIPE_MATERIALS] = {0};
  for (int n = 0; n < points; ++n) {
    const int m = recipe->body[s->body[n]].material;
    count[m]++;
    latest[m] = s->body[n] > latest[m] ? s->body[n] : latest[m];
  }
  int best = 0;
  for (int m = 1; m < recipe->materials; ++m) {
    if (count[m] > count[best] || (count[m] == count[best] && latest[m] > latest[best])) {
      best = m;
    }
  }
  return best;
}

static int bits(uint64_t word) {
  int count = 0;
  for (; word != 0; word &= word - 1) {
    count++;
  }
  return count;
}

static void paint_voxel(const painter *p, size_t voxel, const double centre[3], const double half[3]) {
  sample s;
  const pcn_recipe *recipe = p->recipe;
  const int whole = lay_bodies(recipe, centre, half, &s);
  if (whole >= 0) {
    p->density[voxel] = (float)recipe->body[whole].density_g_cm3;
    p->material[voxel] = (uint8_t)recipe->body[whole].material;
  } else {
    p->density[voxel] = (float)mean_density(recipe, &s);
    p->material[voxel] = (uint8_t)main_material(recipe, &s);
  }
  for (int m = 0; m < recipe->structures; ++m) {
    p->masks[m][voxel] = (uint8_t)((bits(s.mask[m]) * 255 + points / 2) / points);
  }
}

/// One slice.
static void paint_slice(void *work, size_t k, int worker) {
  const painter *p = work;
  const pencone_grid *grid = &p->recipe->grid;
  const double half[3] = {0.5 * grid->spacing_mm[0], 0.5 * grid->spacing_mm[1], 0.5 * grid->spacing_mm[2]};
  size_t voxel = k * (size_t)(grid->size[0] * grid->size[1]);
  (void)worker;
  for (int64_t j = 0; j < grid->size[1]; ++j) {
    for (int64_t i = 0; i < grid->size[0]; ++i) {
      double centre[3];
      pencone_grid_centre(grid, i, j, (int64_t)k, centre);
      paint_voxel(p, voxel++, centre, half);
    }
  }
}

void pcn_recipe_paint(pencone_context *ctx, const pcn_recipe *recipe, float *density, uint8_t *material,
                      uint8_t *const *masks) {
  painter p = {recipe, density, material, masks};
  pcn_parallel_for(ctx, (size_t)recipe->grid.size[2], paint_slice, &p);
}

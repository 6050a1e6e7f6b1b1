// SPDX-License-Identifier: Apache-2.0
// Which way is left: beams from all sides on a lop-sided phantom. Turning the machine one way or the phantom
// the other must give the same dose; the turns are written down here from IEC 61217, not taken from the code.
#include <pencone/pencone.h>
#include <stdlib.h>

#include "unit.h"

enum { NX = 40, NY = 36, NZ = 32, VOXELS = NX * NY * NZ };

/// A turn by quarters, or a mirror: old axis a goes to axis to[a] with sign[a].
typedef struct quarter_turn {
  int to[3], sign[3];
} quarter_turn;

static const quarter_turn none = {{0, 1, 2}, {1, 1, 1}};

/// A phantom with its own arrays; its middle is the origin.
typedef struct body {
  pencone_grid grid;
  float density[VOXELS];
  uint8_t material[VOXELS];
} body;

static const char *const names[] = {"water", "lung", "cortical-bone", "aluminium"};
static const float densities[] = {1.0f, 0.26f, 1.85f, 2.7f};

static size_t voxel_at(const pencone_grid *g, const int64_t at[3]) {
  return (size_t)((at[2] * g->size[1] + at[1]) * g->size[0] + at[0]);
}

static void set_grid(pencone_grid *g, const int64_t size[3], const double spacing_mm[3]) {
  for (int a = 0; a < 3; a++) {
    g->size[a] = size[a];
    g->spacing_mm[a] = spacing_mm[a];
    g->origin_mm[a] = -0.5 * spacing_mm[a] * (double)(size[a] - 1);
  }
}

static void fill_box(body *b, const int64_t low[3], const int64_t high[3], uint8_t material) {
  for (int64_t k = low[2]; k < high[2]; k++) {
    for (int64_t j = low[1]; j < high[1]; j++) {
      for (int64_t i = low[0]; i < high[0]; i++) {
        const int64_t at[3] = {i, j, k};
        b->material[voxel_at(&b->grid, at)] = material;
        b->density[voxel_at(&b->grid, at)] = densities[material];
      }
    }
  }
}

// Water with bone to the left, lung to anterior, aluminium to superior; no two sides alike.
static body *make_body(const double spacing_mm[3]) {
  static const int64_t size[3] = {NX, NY, NZ}, zero[3] = {0, 0, 0};
  static const int64_t bone[2][3] = {{25, 14, 12}, {31, 24, 19}};
  static const int64_t lung[2][3] = {{12, 4, 11}, {24, 12, 26}};
  static const int64_t metal[2][3] = {{16, 18, 22}, {21, 21, 27}};
  body *b = malloc(sizeof *b);
  assert_non_null(b);
  set_grid(&b->grid, size, spacing_mm);
  fill_box(b, zero, size, 0);
  fill_box(b, lung[0], lung[1], 1);
  fill_box(b, bone[0], bone[1], 2);
  fill_box(b, metal[0], metal[1], 3);
  return b;
}

// Where voxel (i,j,k) of the old grid lands on the turned one.
static void turned_index(const pencone_grid *old, const quarter_turn *t, const int64_t at[3],
                         int64_t out[3]) {
  for (int a = 0; a < 3; a++) {
    out[t->to[a]] = t->sign[a] > 0 ? at[a] : old->size[a] - 1 - at[a];
  }
}

static body *turn_body(const body *b, const quarter_turn *t) {
  int64_t size[3], at[3], to[3];
  double spacing_mm[3];
  body *out = malloc(sizeof *out);
  assert_non_null(out);
  for (int a = 0; a < 3; a++) {
    size[t->to[a]] = b->grid.size[a];
    spacing_mm[t->to[a]] = b->grid.spacing_mm[a];
  }
  set_grid(&out->grid, size, spacing_mm);
  for (at[2] = 0; at[2] < b->grid.size[2]; at[2]++) {
    for (at[1] = 0; at[1] < b->grid.size[1]; at[1]++) {
      for (at[0] = 0; at[0] < b->grid.size[0]; at[0]++) {
        turned_index(&b->grid, t, at, to);
        out->density[voxel_at(&out->grid, to)] = b->density[voxel_at(&b->grid, at)];
        out->material[voxel_at(&out->grid, to)] = b->material[voxel_at(&b->grid, at)];
      }
    }
  }
  return out;
}

/// Angles and field of a beam at the origin.
typedef struct shot {
  double gantry_deg, collimator_deg, couch_deg;
  double x_mm[2], y_mm[2];
} shot;

static pencone_plan *plan_of(pencone_context *ctx, const shot *s) {
  pencone_machine *machine = NULL;
  pencone_plan *plan = NULL;
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  assert_int_equal(pencone_machine_read(ctx, "ideal-mohan-6mv", &machine), PENCONE_OK);
  beam.machine = machine;
  beam.gantry_deg = s->gantry_deg;
  beam.collimator_deg = s->collimator_deg;
  beam.couch_deg = s->couch_deg;
  for (int i = 0; i < 2; i++) {
    beam.field_x_mm[i] = s->x_mm[i];
    beam.field_y_mm[i] = s->y_mm[i];
  }
  assert_int_equal(pencone_plan_create(ctx, "orientation", &plan), PENCONE_OK);
  assert_int_equal(pencone_plan_add_beam(ctx, plan, &beam), PENCONE_OK);
  pencone_machine_destroy(machine);
  return plan;
}

static pencone_dose *dose_of(pencone_context *ctx, const body *b, const shot *s) {
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  pencone_phantom *phantom = NULL;
  pencone_engine *engine = NULL;
  pencone_dose *dose = NULL;
  desc.grid = b->grid;
  desc.density = b->density;
  desc.material = b->material;
  desc.material_names = names;
  desc.material_count = 4;
  pencone_plan *plan = plan_of(ctx, s);
  assert_int_equal(pencone_phantom_borrow(ctx, &desc, &phantom), PENCONE_OK);
  assert_int_equal(pencone_engine_create(ctx, plan, phantom, &engine), PENCONE_OK);
  assert_int_equal(pencone_dose_create(ctx, pencone_engine_grid(engine), &dose), PENCONE_OK);
  assert_int_equal(pencone_engine_compute(ctx, engine, 0, dose), PENCONE_OK);
  pencone_engine_destroy(engine);
  pencone_plan_destroy(plan);
  pencone_phantom_destroy(phantom);
  return dose;
}

// Largest difference between a dose and another that was calculated on the turned phantom, over the maximum.
static double worst(const pencone_dose *dose, const pencone_dose *turned, const quarter_turn *t) {
  const pencone_grid *g = pencone_dose_grid_of(dose), *h = pencone_dose_grid_of(turned);
  const float *d = pencone_dose_values_const(dose), *e = pencone_dose_values_const(turned);
  double most = 0, largest = 0;
  int64_t at[3], to[3];
  for (at[2] = 0; at[2] < g->size[2]; at[2]++) {
    for (at[1] = 0; at[1] < g->size[1]; at[1]++) {
      for (at[0] = 0; at[0] < g->size[0]; at[0]++) {
        turned_index(g, t, at, to);
        const double a = (double)d[voxel_at(g, at)], b = (double)e[voxel_at(h, to)];
        most = fmax(most, fabs(a - b));
        largest = fmax(largest, a);
      }
    }
  }
  assert_true(largest > 0);
  return most / largest;
}

static const shot straight = {0, 0, 0, {-20, 35}, {-45, 15}};

// The same picture in the beam's eyes: `other` on the turned phantom is `first` on the phantom as it is.
static void check_turn(pencone_context *ctx, const shot *first, const shot *other, const quarter_turn *t) {
  static const double spacings_mm[2][3] = {{5, 5, 5}, {4, 5.5, 6}};
  for (int s = 0; s < 2; s++) {
    body *b = make_body(spacings_mm[s]);
    body *turned_body = turn_body(b, t);
    pencone_dose *dose = dose_of(ctx, b, first);
    pencone_dose *turned = dose_of(ctx, turned_body, other);
    assert_close(worst(dose, turned, t), 0, 1e-5);
    pencone_dose_destroy(dose);
    pencone_dose_destroy(turned);
    free(turned_body);
    free(b);
  }
}

// --- tests -------------------------------------------------------------------------------------

// Gantry right-handed about the axis to the head: the source goes from anterior to the left.
static void test_gantry(void **state) {
  static const quarter_turn turns[3] = {
      {{1, 0, 2}, {1, -1, 1}},   // 90: x becomes y, y (the beam) becomes -x
      {{0, 1, 2}, {-1, -1, 1}},  // 180
      {{1, 0, 2}, {-1, 1, 1}},   // 270
  };
  for (int i = 0; i < 3; i++) {
    shot other = straight;
    other.gantry_deg = 90 * (i + 1);
    check_turn(*state, &straight, &other, &turns[i]);
  }
}

// Couch right-handed about the vertical: at 90 the head, which pointed to the gantry, points to the right of
// one who looks at the gantry from the foot of the couch at angle 0 as the patient lies: to -x of the room.
// The room's +x is then inferior, and the direction to the gantry is the patient's left.
static void test_couch(void **state) {
  static const quarter_turn turn = {{2, 1, 0}, {-1, 1, 1}};  // x becomes -z, z becomes x
  shot other = straight;
  other.couch_deg = 90;
  check_turn(*state, &straight, &other, &turn);
}

static void test_couch_and_gantry(void **state) {
  // Gantry 90 first: x to y, y to -x. Then couch 90: x to -z, z to x.
  static const quarter_turn turn = {{1, 2, 0}, {1, 1, 1}};
  shot other = straight;
  other.gantry_deg = 90;
  other.couch_deg = 90;
  check_turn(*state, &straight, &other, &turn);
}

// Collimator right-handed about the axis to the source: its x axis goes to the room's y, its y axis to -x.
static void test_collimator(void **state) {
  const shot turned = {
      0, 90, 0, {straight.y_mm[0], straight.y_mm[1]}, {-straight.x_mm[1], -straight.x_mm[0]}};
  check_turn(*state, &straight, &turned, &none);
}

static void test_mirror(void **state) {
  static const quarter_turn left_right = {{0, 1, 2}, {-1, 1, 1}}, head_foot = {{0, 1, 2}, {1, 1, -1}};
  shot other = straight;
  other.x_mm[0] = -straight.x_mm[1];
  other.x_mm[1] = -straight.x_mm[0];
  check_turn(*state, &straight, &other, &left_right);
  other = straight;
  other.y_mm[0] = -straight.y_mm[1];
  other.y_mm[1] = -straight.y_mm[0];
  check_turn(*state, &straight, &other, &head_foot);
}

static double at(const pencone_dose *dose, double x, double y, double z) {
  const double xyz_mm[3] = {x, y, z};
  return pencone_dose_at(dose, xyz_mm);
}

// Sides by name: more dose where the beam comes in, none where the field is shut.
static void test_sides(void **state) {
  static const double spacing_mm[3] = {5, 5, 5};
  static const double from[4][3] = {{0, -1, 0}, {1, 0, 0}, {0, 1, 0}, {-1, 0, 0}};  // anterior, left, ...
  body *b = make_body(spacing_mm);
  for (int i = 0; i < 4; i++) {
    const shot s = {90.0 * i, 0, 0, {-20, 20}, {-20, 20}};
    pencone_dose *dose = dose_of(*state, b, &s);
    const double *f = from[i];
    assert_true(at(dose, 60 * f[0], 60 * f[1], 0) > 1.3 * at(dose, -60 * f[0], -60 * f[1], 0));
    pencone_dose_destroy(dose);
  }
  const shot quadrant = {0, 0, 0, {5, 40}, {10, 50}};  // x to the left, y to the head
  pencone_dose *dose = dose_of(*state, b, &quadrant);
  assert_true(at(dose, 20, 0, 30) > 8 * at(dose, -20, 0, 30));
  assert_true(at(dose, 20, 0, 30) > 8 * at(dose, 20, 0, -30));
  pencone_dose_destroy(dose);
  free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(test_gantry),     UNIT_TEST(test_couch),  UNIT_TEST(test_couch_and_gantry),
      UNIT_TEST(test_collimator), UNIT_TEST(test_mirror), UNIT_TEST(test_sides),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

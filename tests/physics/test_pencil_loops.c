// SPDX-License-Identifier: Apache-2.0
// The loops and the lattice of the pencil beam against their slow twins; a map that ends with the grid
// against one that does not.
#include "base/base.h"
#include "num/constants.h"
#include "photon/pencil_beam.h"
#include "photon/pencil_corner.h"
#include "photon/tables.h"
#include "physics.h"
#include "simd/isa.h"

enum { V = PCN_PENCIL_VALUES, LANES = PCN_PENCIL_LANES };

// Every instruction set's loop against its slow twin, to the rounding of single precision.
static void maps_are_read(void **state) {
  enum { SIDE = 20, SLABS = 3, N = 150, READ = N + LANES };
  static float value[SLABS * SIDE * SIDE * 2 * V], x[READ], y[READ], plane[READ], weight[N * V], exact[N],
      got[N];
  uint64_t seed = 7;
  (void)state;
  for (size_t i = 0; i < sizeof value / sizeof value[0]; i++) {
    value[i] = (float)physics_random(&seed);
  }
  for (size_t i = 0; i < N; i++) {
    x[i] = (float)(80 * physics_random(&seed) - 40);
    y[i] = (float)(80 * physics_random(&seed) - 40);
    plane[i] = (float)(SLABS * physics_random(&seed));
    for (size_t t = 0; t < V; t++) {
      weight[i * V + t] = (float)physics_random(&seed);
    }
  }
  const pcn_pencil_table table = {value, {SIDE, SIDE}, SLABS, {3, -2}, {0.5f, 0.8f}, {0.8f, 0.6f}};
  const pcn_pencil_voxels voxels = {x, y, plane, weight};
  pcn_pencil_row_reference(&table, &voxels, N, exact);
  int outside = 0;
  for (int level = 0; level < pcn_isa_count(); level++) {
    if (pcn_isa_runs(pcn_isa_at(level))) {
      const size_t n = N - (size_t)level;  // ends that fill a vector and ends that do not
      pcn_isa_at(level)->pencil(&table, &voxels, n, got);
      for (size_t i = 0; i < n; i++) {
        assert_close((double)got[i], (double)exact[i], 2e-4);  // places are rounded to 1e-5 of a pixel
        outside += exact[i] == 0;
      }
    }
  }
  assert_true(outside > 0);
}

// Places to 300 mm in singles from distances to 1300: 1e-4 mm. A voxel that close to the limit may be on
// either side of it.
static void voxels_are_placed(void **state) {
  enum { N = 83, ROOM = N + LANES };
  uint64_t seed = 11;
  int inside = 0, outside = 0;
  (void)state;
  for (int n = 0; n < 200; n++) {
    const pcn_pencil_line line = {
        .at_mm = {(float)(400 * physics_random(&seed) - 300), (float)(300 * physics_random(&seed) - 150),
                  (float)(n % 5 == 0 ? -40 * physics_random(&seed) : 800 + 400 * physics_random(&seed))},
        .step_mm = {(float)(5 * physics_random(&seed)), (float)(4 * physics_random(&seed) - 2),
                    (float)(4 * physics_random(&seed) - 2)},
        .sad_mm = 1000,
        .x_mm = {-210, 150},
        .y_mm = {-120, 130},
        .first_plane = 0.9F,
        .per_plane = 10,
        .last_plane = 4};
    for (int level = 0; level < pcn_isa_count(); level++) {
      float want[4][ROOM], got[4][ROOM];
      if (!pcn_isa_runs(pcn_isa_at(level))) {
        continue;
      }
      const int reached =
          pcn_pencil_place_reference(&line, N, &(pcn_pencil_places){want[0], want[1], want[2], want[3]});
      const int found =
          pcn_isa_at(level)->pencil_place(&line, N, &(pcn_pencil_places){got[0], got[1], got[2], got[3]});
      assert_true(abs(found - reached) <= 1);
      for (int i = 0; i < N; i++) {
        if ((want[3][i] == 0) != (got[3][i] == 0)) {
          const float *at = want[3][i] != 0 ? want[0] + i : got[0] + i,
                      y = want[3][i] != 0 ? want[1][i] : got[1][i];
          assert_true(fabsf(*at + 210) < 1e-3F || fabsf(*at - 150) < 1e-3F || fabsf(y + 120) < 1e-3F ||
                      fabsf(y - 130) < 1e-3F);
          continue;
        }
        assert_close((double)got[0][i], (double)want[0][i], 2e-4);
        assert_close((double)got[1][i], (double)want[1][i], 2e-4);
        assert_close((double)got[2][i], (double)want[2][i], 1e-5);
        assert_close((double)got[3][i], (double)want[3][i], 1e-6 * (double)want[3][i]);
        inside += want[3][i] != 0;
        outside += want[3][i] == 0;
      }
    }
  }
  assert_true(inside > 1000 && outside > 1000);
}

// Depths to 700 mm in singles are good to 6e-5 of a mm, in which values change by 2.
static void depths_are_weighed(void **state) {
  enum { DEPTHS = 601, N = 150 };
  static float value[DEPTHS * V], depth_mm[N], scale[N], want[N * V], got[N * V];
  uint64_t seed = 3;
  (void)state;
  for (int i = 0; i < DEPTHS * V; i++) {
    value[i] = (float)(2 * physics_random(&seed) - 1);
  }
  value[(DEPTHS - 2) * V] = 0.8F;  // what falls beyond the table
  value[(DEPTHS - 1) * V] = 0.79F;
  for (int i = 0; i < N; i++) {
    depth_mm[i] = i < 2 ? (float)(i * (DEPTHS - 1)) : (float)((i < 80 ? 600 : 700) * physics_random(&seed));
    scale[i] = (float)physics_random(&seed);
  }
  const pcn_pencil_depth_table table = {value, DEPTHS};
  pcn_pencil_weight_reference(&table, depth_mm, scale, N, want);
  for (int level = 0; level < pcn_isa_count(); level++) {
    if (pcn_isa_runs(pcn_isa_at(level))) {
      const size_t n = N - 7 * (size_t)level;
      pcn_isa_at(level)->pencil_weight(&table, depth_mm, scale, n, got);
      for (size_t i = 0; i < n * V; i++) {
        assert_close((double)got[i], (double)want[i], 1e-6);
      }
    }
  }
}

/// Steps of water with a random kernel.
typedef struct step_case {
  pcn_pencil_steps steps;
  float radius_mm[PCN_PENCIL_STEPS_MOST + PCN_PENCIL_STEP_LANES];
  float left[60 * 48 * 2], release[100 * 2];
} step_case;

static void make_steps(uint64_t *seed, step_case *c) {
  for (int i = 0; i <= 60; i++) {
    c->radius_mm[i] = (float)(600 * pow(i / 60.0, 2));
  }
  for (int i = 0; i < 60 * 48 * 2; i++) {
    c->left[i] = (float)(1 + physics_random(seed));
  }
  for (int i = 0; i < 100 * 2; i++) {
    c->release[i] = (float)(exp(-0.01 * i) * (1 + 0.1 * physics_random(seed)));
  }
  const double depth_mm = 5 + 300 * physics_random(seed);
  c->steps = (pcn_pencil_steps){.radius_mm = c->radius_mm,
                                .left = c->left,
                                .angles = 48,
                                .release = c->release,
                                .paths = 100,
                                .per_path = 0.1F,
                                .depth_mm = (float)depth_mm,
                                .z_mm = (float)(700 + depth_mm),
                                .per_root = 20,
                                .circles = 448};
}

// Angles are good to 2e-6 of 180 degrees, 1e-4 of a bin, in which the kernel changes by half of itself; paths
// to 1e-5 of a step. Circles may differ where a radius lies on one.
static void steps_are_spread(void **state) {
  static step_case c;
  static pcn_pencil_spread want, got;
  uint64_t seed = 23;
  (void)state;
  for (int n = 0; n < 100; n++) {
    make_steps(&seed, &c);
    const double angle = PCN_PI * (0.002 + 0.997 * physics_random(&seed));
    pcn_pencil_way way = {(float)angle, (float)sin(angle), (float)cos(angle), 600};
    way.end_mm = angle < 0.5 * PCN_PI ? fminf(600, c.steps.depth_mm / way.cosine) : 600;
    size_t count = 0;
    while (count < 60 && c.radius_mm[count] < way.end_mm) {
      count++;
    }
    pcn_pencil_steps_reference(&c.steps, &way, count, &want);
    for (int level = 0; level < pcn_isa_count(); level++) {
      if (pcn_isa_runs(pcn_isa_at(level))) {
        pcn_isa_at(level)->pencil_steps(&c.steps, &way, count, &got);
        for (size_t i = 0; i < count; i++) {
          const double width_mm = (double)(want.radius_mm[i + 1] - want.radius_mm[i]),
                       rounding = 1e-6 * (double)want.radius_mm[i + 1] / width_mm;
          assert_close((double)got.energy[i], (double)want.energy[i],
                       (2e-4 + rounding) * (double)want.energy[i]);
          assert_close((double)got.radius_mm[i + 1], (double)want.radius_mm[i + 1],
                       1e-6 * (double)want.radius_mm[i + 1]);
          assert_true(abs(got.circle[i + 1] - want.circle[i + 1]) <= 1);
        }
      }
    }
  }
}

// Rows of voxels, some of them vacuum, against one voxel at a time.
static void doses_are_scaled(void **state) {
  enum { N = 45, FIRST = 3 };
  static const pencone_quantity quantities[] = {PENCONE_DOSE_TO_MEDIUM, PENCONE_DOSE_TO_WATER};
  float density[N], electrons[N], aluminium[N], value[N], want[N];
  uint64_t seed = 31;
  (void)state;
  for (int i = 0; i < N; i++) {
    density[i] = i % 7 == 0 ? 0 : (float)(2 * physics_random(&seed));
    electrons[i] = (float)((0.9 + 0.1 * physics_random(&seed)) * (double)density[i]);
    aluminium[i] = (float)(0.3 * physics_random(&seed) * (double)density[i]);
  }
  const pcn_medium medium = {.density = density, .electron_density = electrons, .aluminium = aluminium};
  for (int q = 0; q < 2; q++) {
    for (int i = FIRST; i < N; i++) {
      value[i] = (float)physics_random(&seed);
      want[i] = value[i] * pcn_dose_factor(&medium, quantities[q], (size_t)i);
    }
    pcn_scale_dose(&medium, quantities[q], FIRST, N - FIRST, value + FIRST);
    assert_memory_equal(value + FIRST, want + FIRST, (N - FIRST) * sizeof *value);
  }
}

// Slow twin of the lattice of corners: docs/theory/pencil-beam.md, eq. 5 by many angles, in double precision.
static double corner_of(const pcn_pencil_kernel *k, double u_mm, double v_mm, double magnification,
                        int term) {
  enum { ANGLES = 20000 };
  const double side[2] = {u_mm, v_mm};
  double sum = 0;
  for (int s = 0; s < 2 && u_mm > 0 && v_mm > 0; s++) {
    const double width = atan(side[1 - s] / side[s]) / ANGLES;
    for (int a = 0; a < ANGLES; a++) {
      const double radius_mm = magnification * side[s] / cos(width * (a + 0.5));
      const double at = fmin(sqrt(radius_mm) / k->root_step, PCN_PENCIL_RADII - 1.001);
      const int i = (int)at;
      const double near = (double)k->circle[i][term], far = (double)k->circle[i + 1][term];
      sum += width / (2 * PCN_PI) * (near + (at - i) * (far - near));
    }
  }
  return sum;
}

// Gauss's rules over pixels leave the most in a triangle of one pixel, where circles begin as the root of the
// radius: 7e-5 of the term's largest value.
static void corners_are_integrals(void **state) {
  static const size_t place[][2] = {{0, 5},   {1, 1},   {1, 40}, {3, 2}, {10, 30},
                                    {30, 10}, {60, 44}, {2, 44}, {60, 1}};
  const size_t size[2] = {61, 45};
  const double pixel_mm[2] = {1, 2};
  pencone_machine *machine = physics_machine(*state, "mohan6", 1000);
  pcn_photon_tables tables;
  pcn_pencil_kernel *kernel;
  pcn_corners corners;
  physics_ok(*state, pcn_photon_tables_make(*state, machine, 10, &tables));
  physics_ok(*state, pcn_pencil_kernel_make(*state, &tables, NULL, 900, V, &kernel));
  physics_ok(*state, pcn_corners_make(*state, kernel, pixel_mm, size, &corners));
  double worst = 0;
  for (int m = 0; m < 2; m++) {
    const double magnification = 0.9 + 0.3 * m;
    pcn_corners_fill(*state, magnification, &corners);
    for (size_t p = 0; p < sizeof place / sizeof place[0]; p++) {
      const float *got = corners.value + (place[p][1] * size[0] + place[p][0]) * V;
      for (int t = 0; t < V; t++) {
        const double want = corner_of(kernel, pixel_mm[0] * (double)place[p][0],
                                      pixel_mm[1] * (double)place[p][1], magnification, t);
        double largest = 0;
        for (int j = 0; j < PCN_PENCIL_RADII; j++) {
          largest = fmax(largest, fabs((double)kernel->circle[j][t]));
        }
        worst = fmax(worst, fabs((double)got[t] - want) / largest);
      }
    }
  }
  print_message("corners: the worst differs by %.2g of its term\n", worst);
  pcn_corners_free(&corners);
  pcn_free(kernel);
  pcn_photon_tables_free(&tables);
  pencone_machine_destroy(machine);
  assert_true(worst < 1e-4);
}

// The same voxels in a tank that is wider on one side: the maps of the narrow one end with it. Depths of the
// outermost voxels are between rays that pass beside the tank; those of the others agree to singles of 100
// mm, and places to 2e-5 mm, in penumbrae of 20 % per mm.
static void maps_end_with_the_grid(void **state) {
  physics_setup setup = {.grid = physics_grid(20, 20, 21, 6, 5, 6),
                         .layer = {{1e6, 1, "water"}},
                         .field_mm = 100,
                         .engine = "photon-pencil-beam"};
  physics_case narrow, wide;
  physics_prepare(*state, &setup, &narrow);
  physics_run(*state, &narrow);
  setup.grid.size[0] = 60;
  physics_prepare(*state, &setup, &wide);
  physics_run(*state, &wide);
  const double largest = physics_max(narrow.dose);
  double worst = 0;
  for (int64_t row = 20; row < 20 * 20; row++) {
    for (int64_t i = 1; i < 19; i++) {
      const double one = (double)pencone_dose_values(narrow.dose)[row * 20 + i],
                   other = (double)pencone_dose_values(wide.dose)[row * 60 + i];
      worst = fmax(worst, fabs(one - other) / largest);
    }
  }
  print_message("the worst voxel differs by %.2g of the maximum\n", worst);
  physics_free(&narrow);
  physics_free(&wide);
  assert_true(worst < 1e-5);
}

// Maps of both tanks are the same where the narrow one's voxels read them: up to 57 mm, on pixels of 1 mm.
// What averages lack at a map's end does not reach so far.
static void ends_of_maps_are_behind_the_grid(void **state) {
  physics_setup setup = {
      .grid = physics_grid(20, 20, 20, 6, 5, 6), .layer = {{1e6, 1, "water"}}, .field_mm = 100};
  pcn_pencil_beam narrow, wide;
  physics_case c[2];
  pcn_medium medium[2];
  pcn_photon_tables tables;
  for (int n = 0; n < 2; n++) {
    setup.grid.size[0] = setup.grid.size[2] = n == 0 ? 20 : 60;
    setup.grid.origin_mm[0] = setup.grid.origin_mm[2] = -57;
    physics_prepare(*state, &setup, &c[n]);
    physics_ok(*state, pcn_medium_make(*state, c[n].phantom, &setup.grid, physics_progress, &medium[n]));
  }
  const pencone_beam beam = physics_beam(c[0].machine, 100);
  physics_ok(*state, pcn_photon_tables_make(*state, c[0].machine, 10, &tables));
  physics_ok(*state, pcn_pencil_beam_make(*state, &medium[0], &beam, &tables, V, 200, &narrow));
  physics_ok(*state, pcn_pencil_beam_make(*state, &medium[1], &beam, &tables, V, 200, &wide));
  const pcn_pencil_map *one = &narrow.opening->map, *other = &wide.opening->map;
  assert_true(one->size[0] < other->size[0] && one->planes.count == other->planes.count);
  double worst = 0;
  for (int p = 0; p < 2 * (one->planes.count - 1) * V; p++) {
    const int slab = p / (2 * V), value = p % (2 * V);
    for (int at = 0; at < 57 * 57; at++) {
      const int i = at % 57, j = at / 57;
      const int from = (slab * one->size[1] + j) * one->size[0] + i,
                to = (slab * other->size[1] + j) * other->size[0] + i;
      worst = fmax(worst,
                   fabs((double)one->value[from * 2 * V + value] - (double)other->value[to * 2 * V + value]));
    }
  }
  print_message("maps differ by %.2g\n", worst);
  pcn_pencil_beam_free(&narrow);
  pcn_pencil_beam_free(&wide);
  pcn_photon_tables_free(&tables);
  for (int n = 0; n < 2; n++) {
    pcn_medium_free(&medium[n]);
    physics_free(&c[n]);
  }
  assert_true(worst < 1e-7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(maps_are_read),          UNIT_TEST(voxels_are_placed),
      UNIT_TEST(depths_are_weighed),     UNIT_TEST(steps_are_spread),
      UNIT_TEST(corners_are_integrals),  UNIT_TEST(doses_are_scaled),
      UNIT_TEST(maps_end_with_the_grid), UNIT_TEST(ends_of_maps_are_behind_the_grid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

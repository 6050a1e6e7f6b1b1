// SPDX-License-Identifier: Apache-2.0
// The loops over rows of rays and voxels, each instruction set against its slow twin; the lattice of depths
// against exact walks.
#include "base/base.h"
#include "geom/depth.h"
#include "geom/ray.h"
#include "photon/cones.h"
#include "photon/quality.h"
#include "physics.h"

enum { N = 83 };  // not a multiple of any vector
enum { CONE_N = 5 * PCN_CONE_BLOCK };

static void fill(float *value, size_t n, uint64_t *seed) {
  for (size_t i = 0; i < n; i++) {
    value[i] = (float)(0.2 + 1.8 * physics_random(seed));
  }
}

// Coordinates up to 60 voxels are singles: a face is crossed where it should be to 1e-5 of a voxel, which is
// the more of the step the less it goes along the row. Values differ by 1.8 across a face, a step is 2.5
// long.
static void steps_of_rays(void **state) {
  (void)state;
  float value[2][3 * 60];
  uint64_t seed = 7;
  fill(value[0], 3 * 60, &seed);
  fill(value[1], 3 * 60, &seed);
  for (int n = 0; n < 200; n++) {
    const int two = n % 2, stride = n % 4 < 2 ? 1 : 3;
    const double from = -8 + 20 * physics_random(&seed), pitch = 0.7 * physics_random(&seed) - 0.1;
    const double way = 1.6 * physics_random(&seed) - 0.8, spread = 0.002 * (physics_random(&seed) - 0.5);
    const pcn_depth_step step = {
        {value[0], two ? value[1] : NULL}, stride, 60, (float)from, (float)pitch, (float)(from + way),
        (float)(pitch + spread),           2.5F};
    for (int level = 0; level < pcn_isa_count(); level++) {
      float want[2][N] = {{0}}, got[2][N] = {{0}};
      if (pcn_isa_runs(pcn_isa_at(level))) {
        pcn_depth_step_reference(&step, N, (float *const[2]){want[0], want[1]});
        pcn_isa_at(level)->depth_step(&step, N, (float *const[2]){got[0], got[1]});
        for (int i = 0; i < N; i++) {
          const double share = 1e-5 / fabs(way + spread * i), tolerance = 1e-6 + 1.8 * 2.5 * fmin(1, share);
          assert_close((double)got[0][i], (double)want[0][i], tolerance);
          assert_close((double)got[1][i], (double)want[1][i], tolerance);
        }
      }
    }
  }
}

static void rows_between_rays(void **state) {
  (void)state;
  static float integral[20 * 30 * 40 * 2];
  uint64_t seed = 9;
  fill(integral, sizeof integral / sizeof integral[0], &seed);
  for (int n = 0; n < 200; n++) {
    const int values = 1 + n % 2;
    const pcn_depth_rays rays = {integral, 40 * 30 * values, 30, 20, values};
    const double depth = 800 + 400 * physics_random(&seed);
    const pcn_depth_line line = {(float)(depth * (40 * physics_random(&seed) - 5)),
                                 (float)(depth * (30 * physics_random(&seed) - 5)),
                                 (float)depth,
                                 (float)(2000 * (physics_random(&seed) - 0.5)),
                                 (float)(2000 * (physics_random(&seed) - 0.5)),
                                 (float)(5 * (physics_random(&seed) - 0.5)),
                                 n % 3 == 0 ? 30 * values : 0};
    const size_t points = n % 3 == 0 ? 40 : N;
    for (int level = 0; level < pcn_isa_count(); level++) {
      float want[2][N] = {{0}}, got[2][N] = {{0}};
      if (pcn_isa_runs(pcn_isa_at(level))) {
        pcn_depth_row_reference(&rays, &line, points, (float *const[2]){want[0], want[1]});
        pcn_isa_at(level)->depth(&rays, &line, points, (float *const[2]){got[0], got[1]});
        for (int i = 0; i < N; i++) {  // coordinates to 40 in singles: 1e-5 of a cell, which spans 1.8
          assert_close((double)got[0][i], (double)want[0][i], 5e-5);
          assert_close((double)got[1][i], (double)want[1][i], 5e-5);
        }
      }
    }
  }
}

/// A row of voxels behind depths in and outside the table.
typedef struct release_case {
  float integral[2][N], share[N], electrons[N], aluminium[N];
} release_case;

static void make_row(uint64_t *seed, release_case *c) {
  fill(c->share, N, seed);
  fill(c->electrons, N, seed);
  for (int i = 0; i < N; i++) {
    c->integral[0][i] = (float)(1100 * physics_random(seed) - 20);  // mm: the table ends at 1000
    c->integral[1][i] = (float)(330 * physics_random(seed) - 110);  // -100 to 200
    c->aluminium[i] = (float)(physics_random(seed) - 0.1);
  }
}

static void releases_of_voxels(void **state) {
  pencone_machine *machine = physics_machine(*state, "mohan6", 1000);
  pcn_edk *edk;
  pcn_quality *quality;
  physics_ok(*state, pcn_edk_load(*state, &edk));
  physics_ok(*state, pcn_quality_make(*state, machine, edk, &quality));
  const pcn_release_table table = pcn_quality_table(quality, 0.868);
  const pcn_release_line line = {1.5F, 0.9F, 0.003F, {0.83F, 0.0054F, 1e-5F}};
  uint64_t seed = 11;
  release_case c;
  for (int n = 0; n < 100; n++) {
    make_row(&seed, &c);
    const int mixed = n % 2;
    for (int level = 0; level < pcn_isa_count(); level++) {
      float want[2][N], got[2][N];
      pcn_release_row row = {N,
                             {c.integral[0], mixed ? c.integral[1] : NULL},
                             c.share,
                             mixed ? c.electrons : NULL,
                             mixed ? c.aluminium : NULL,
                             {want[0], want[1]}};
      if (!pcn_isa_runs(pcn_isa_at(level))) {
        continue;
      }
      const size_t outside = pcn_release_row_reference(&table, &line, &row);
      row.release[0] = got[0];
      row.release[1] = got[1];
      assert_int_equal(pcn_isa_at(level)->release(&table, &line, &row), outside);
      assert_true(outside > 0 && outside < N);
      for (int i = 0; i < N; i++) {  // of what one gram releases at the surface: about 0.05 times 2 to 3
        assert_close((double)got[0][i], (double)want[0][i], 1e-6);
        assert_close((double)got[1][i], (double)want[1][i], 1e-6);
      }
    }
  }
  pcn_quality_free(quality);
  pcn_free(edk);
  pencone_machine_destroy(machine);
}

/// A lattice through voxels of random density.
typedef struct lattice_case {
  pencone_grid grid;
  double gantry_deg, couch_deg;
} lattice_case;

// Each ray's integral up to the middle of each plane is that of an exact walk: singles, 3e-6 of 1e-3 mm and
// more.
static void rays_are_exact(pencone_context *ctx, const lattice_case *c) {
  const size_t voxels = pencone_grid_voxels(&c->grid);
  float *value[2] = {malloc(voxels * sizeof(float)), malloc(voxels * sizeof(float))};
  assert_true(value[0] != NULL && value[1] != NULL);
  uint64_t seed = 5;
  fill(value[0], voxels, &seed);
  fill(value[1], voxels, &seed);
  const double isocenter[3] = {3, 31, -7};
  const pcn_frame frame = pcn_frame_make(isocenter, 1000, c->gantry_deg, 20, c->couch_deg);
  const pcn_depth_field field = {&frame, {-60, 50}, {-40, 70}};
  for (int values = 1; values <= 2; values++) {
    const float *const volume[2] = {value[0], values > 1 ? value[1] : NULL};
    pcn_depth d;
    physics_ok(ctx, pcn_depth_make(ctx, &c->grid, volume, &field, physics_progress, &d));
    const int a = d.axis[0];
    for (int n = 0; n < 1500; n++) {
      const int64_t i = (int64_t)((double)d.rays[0] * physics_random(&seed));
      const int64_t j = (int64_t)((double)d.rays[1] * physics_random(&seed));
      const int64_t plane = (int64_t)((double)c->grid.size[a] * physics_random(&seed));
      const double along =
          c->grid.origin_mm[a] + c->grid.spacing_mm[a] * (double)plane - pcn_v3_component(d.source, a);
      double way[3];
      way[a] = along;
      way[d.axis[1]] = along * (d.slope[0] + d.pitch[0] * (double)i);
      way[d.axis[2]] = along * (d.slope[1] + d.pitch[1] * (double)j);
      const pcn_vec3 end = pcn_v3_add(d.source, pcn_v3_from(way));
      const float *got = pcn_depth_node(&d, plane, i, j);
      for (int v = 0; v < values; v++) {
        const double want = along * d.ahead > 0 ? pcn_ray_integral(&c->grid, value[v], d.source, end) : 0;
        assert_close((double)got[v], want, 3e-6 * want + 2e-3);
      }
    }
    pcn_depth_free(&d);
  }
  free(value[0]);
  free(value[1]);
}

static void the_lattice_is_exact_on_its_rays(void **state) {
  const lattice_case cases[] = {
      {physics_grid(31, 28, 33, 4, 4, 4), 0, 0},      {physics_grid(31, 28, 33, 4, 4, 4), 90, 0},
      {physics_grid(31, 28, 33, 4, 4, 4), 270, 30},   {physics_grid(31, 28, 33, 4, 4, 4), 180, 0},
      {physics_grid(25, 30, 20, 5, 3, 6), 40, 0},     {physics_grid(30, 25, 30, 4, 5, 4), 45, 90},
      {physics_grid(40, 9, 40, 2, 14, 2), 50, 10},     // rays cross several voxels in half a plane
      {physics_grid(12, 60, 12, 20, 40, 20), 140, 0},  // planes behind the source, which is beside the grid
      {physics_grid(30, 60, 30, 4, 40, 4), 140, 0},
  };
  for (int level = 0; level < pcn_isa_count(); level++) {
    if (pcn_isa_runs(pcn_isa_at(level))) {
      physics_ok(*state, pencone_context_set_isa(*state, pcn_isa_at(level)->name));
      for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        rays_are_exact(*state, &cases[n]);
      }
    }
  }
}

/// A row of voxels and the lines that cross it.
typedef struct cone_case {
  float electron_density[CONE_N], dose[CONE_N], release[3][CONE_N], weight[3][CONE_N];
  float state[PCN_EXPONENTIALS][CONE_N];
} cone_case;

static void make_cone_row(uint64_t *seed, double densest, cone_case *c) {
  static const double densities[4] = {0, 0.26, 1, 1.85};
  for (int i = 0; i < CONE_N; i++) {
    c->electron_density[i] = (float)(densest * densities[(int)(4 * physics_random(seed))]);
  }
  fill(c->dose, CONE_N, seed);
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
    fill(c->state[k], CONE_N, seed);
  }
  for (int r = 0; r < 3; r++) {
    fill(c->release[r], CONE_N, seed);
    fill(c->weight[r], CONE_N, seed);
  }
}

static pcn_cone_row cone_row_of(cone_case *c, int mixed, const size_t lanes[2]) {
  pcn_cone_row row = {.n = CONE_N,
                      .first = lanes[0],
                      .last = lanes[1],
                      .electron_density = c->electron_density,
                      .dose = c->dose};
  for (int r = 0; r < 2 + mixed; r++) {
    row.release[r] = c->release[r];
    row.weight[r] = c->weight[r];
  }
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
    row.state[k] = c->state[k];
  }
  return row;
}

static pcn_cone_step step_of(uint64_t *seed, int thin) {
  const double scatter[3][2] = {{2, 0.4}, {2, 0.07}, {0.07, 0.01}};  // PCN_CONE_THIN over 1.85 is 0.08
  const double a = 0.01 * pow(200, physics_random(seed));
  const double attenuation[PCN_EXPONENTIALS] = {a, 2 * a, 4 * a, scatter[thin][0], scatter[thin][1]};
  pcn_cone_step step = {.thin = thin};
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
    step.attenuation[k] = (float)attenuation[k];
    step.share[k] = (float)(physics_random(seed) - 0.2);
  }
  step.attenuation[1] = 2 * step.attenuation[0];
  step.attenuation[2] = 4 * step.attenuation[0];
  for (int k = 0; k < PCN_EXPONENTIALS; k++) {
    step.inverse[k] = 1 / step.attenuation[k];
  }
  return step;
}

// Terms up to 8 (release and weight up to 2, two of them), five of them: singles round each to 5e-7,
// exponentials are good to 7e-7.
static void rows_of_cones(void **state) {
  (void)state;
  static const size_t lanes[4][2] = {{0, 0}, {0, CONE_N}, {16, 48}, {32, CONE_N}};
  uint64_t seed = 13;
  cone_case from, want, got;
  for (int n = 0; n < 240; n++) {
    const pcn_cone_step step = step_of(&seed, n % 3);
    make_cone_row(&seed, n % 5 == 0 ? 0 : 1, &from);  // 0: all is vacuum
    for (int level = 0; level < pcn_isa_count(); level++) {
      if (pcn_isa_runs(pcn_isa_at(level))) {
        want = got = from;
        const pcn_cone_row a = cone_row_of(&want, n % 2, lanes[n / 2 % 4]),
                           b = cone_row_of(&got, n % 2, lanes[n / 2 % 4]);
        pcn_cone_row_reference(&step, &a);
        pcn_isa_at(level)->cone(&step, &b);
        for (int i = 0; i < CONE_N; i++) {
          assert_close((double)got.dose[i], (double)want.dose[i], 4e-5);
          for (int k = 0; k < PCN_EXPONENTIALS; k++) {
            assert_close((double)got.state[k][i], (double)want.state[k][i], 1e-5);
          }
        }
      }
    }
  }
}

// Values up to 2 in cells; coordinates to 30 in singles are good to 4e-6 of a cell, which spans 1.8.
static void rows_of_tilts(void **state) {
  (void)state;
  enum { NODES = 9, WIDE = 2 * NODES + 1, HIGH = NODES + 1 };
  static float value[HIGH * WIDE * PCN_TILT_NODE];
  pcn_cones cones = {.bands = 1, .nodes = NODES, .node_step = 0.0125, .table = value};
  uint64_t seed = 17;
  fill(value, sizeof value / sizeof value[0], &seed);
  pcn_cones_fill_changes(&cones);
  const pcn_tilt_table table = pcn_cones_table(&cones, 0);
  for (int n = 0; n < 200; n++) {
    const pcn_tilt_line line = {
        (float)(300 * (physics_random(&seed) - 0.5)), (float)(300 * (physics_random(&seed) - 0.5)),
        (float)(800 + 400 * physics_random(&seed)),   (float)(8 * (physics_random(&seed) - 0.5)),
        (float)(8 * (physics_random(&seed) - 0.5)),   (float)(3 * (physics_random(&seed) - 0.5))};
    for (int level = 0; level < pcn_isa_count(); level++) {
      float want[3][N + 1] = {{0}}, got[3][N + 1] = {{0}};
      float *const to[2][3] = {{want[0], want[1], n % 2 ? want[2] : NULL},
                               {got[0], got[1], n % 2 ? got[2] : NULL}};
      if (pcn_isa_runs(pcn_isa_at(level))) {
        pcn_tilt_row_reference(&table, &line, N, to[0]);
        pcn_isa_at(level)->tilt(&table, &line, N, to[1]);
        for (int i = 0; i < 3 * N; i++) {
          assert_close((double)got[i / N][i % N], (double)want[i / N][i % N], 3e-5);
        }
      }
    }
  }
}

// What is kept is the same to the bit, sums are to the rounding of single precision.
static void sieved_rows(void **state) {
  enum { MOST = 5 * PCN_SIFT_LANES };
  (void)state;
  uint64_t seed = 13;
  for (int n = 0; n < 300; n++) {
    const size_t count = (size_t)(MOST * physics_random(&seed));
    const float least = n % 3 == 0 ? 1e-30f : (float)(1.2 * physics_random(&seed));
    float value[MOST] = {0}, kept[2][MOST + PCN_SIFT_LANES];
    int32_t place[2][MOST + PCN_SIFT_LANES];
    for (size_t i = 0; i < count; i++) {  // steps as rows have them, a few negative values, zeros
      value[i] = i % 7 == 3 ? 0 : (float)(physics_random(&seed) * (i < count / 2 ? 1 : 0.1) - 0.05);
    }
    for (int level = 0; level < pcn_isa_count(); level++) {
      pcn_sift sift[2] = {{1, 2, 0.5f}, {1, 2, 0.5f}};
      if (pcn_isa_runs(pcn_isa_at(level))) {
        const size_t want = pcn_sift_row_reference(value, count, 1000, least, kept[0], place[0], &sift[0]);
        const size_t got = pcn_isa_at(level)->sift(value, count, 1000, least, kept[1], place[1], &sift[1]);
        assert_int_equal(got, want);
        assert_memory_equal(kept[1], kept[0], want * sizeof kept[0][0]);
        assert_memory_equal(place[1], place[0], want * sizeof place[0][0]);
        assert_close(sift[1].sum, sift[0].sum, 1e-5);
        assert_close(sift[1].below, sift[0].below, 1e-5);
        assert_true(sift[1].largest == sift[0].largest);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(steps_of_rays),      UNIT_TEST(rows_between_rays),
      UNIT_TEST(releases_of_voxels), UNIT_TEST(the_lattice_is_exact_on_its_rays),
      UNIT_TEST(rows_of_cones),      UNIT_TEST(rows_of_tilts),
      UNIT_TEST(sieved_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

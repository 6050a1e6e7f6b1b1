// SPDX-License-Identifier: Apache-2.0
// Protons in a plane: classes of variance against the sum over rays, loops against their slow twins; columns
// of a matrix with a threshold against those without, and against those in memory that was used before
// (docs/theory/proton.md, section 4).
#include "../unit/dij.h"
#include "base/base.h"
#include "matter/medium.h"
#include "proton/plane.h"
#include "proton/spot_column.h"
#include "proton/voxels.h"

enum { N = 83, EDGE = 44 };  // N: not a multiple of any vector

// --- loops -------------------------------------------------------------------------------------

static void fill(float *value, size_t n, uint64_t *seed) {
  for (size_t i = 0; i < n; i++) {
    value[i] = (float)physics_random(seed);
  }
}

// Sums of 13 products below 1 in singles: 13 roundings of 6e-8 of up to 13.
static void products(void **state) {
  (void)state;
  static float left[20 * 20], right[20 * 48], out[20 * 64], want[20 * 64];
  uint64_t seed = 3;
  fill(left, 400, &seed);
  fill(right, 20 * 48, &seed);
  for (int level = 0; level < pcn_isa_count(); level++) {
    for (size_t rows = 1; rows < 8 && pcn_isa_runs(pcn_isa_at(level)); rows++) {
      const int turned = rows % 2;
      fill(out, 20 * 64, &seed);
      memcpy(want, out, sizeof out);
      pcn_product p = {left, turned ? 1 : 20, turned ? 20 : 1, right, 48, out, 64, rows, 13, 32};
      pcn_isa_at(level)->product(&p);
      p.out = want;
      pcn_product_add_reference(&p);
      for (int i = 0; i < 20 * 64; i++) {
        assert_close((double)out[i], (double)want[i], 1e-5);
      }
    }
  }
}

// The fit is good to 5e-8 and its rounding to 1e-7, places to 1e-6 sigma at a density of 0.4; shares are
// differences of two.
static void shares_of_cells(void **state) {
  (void)state;
  enum { LINES = 7, STRIDE = 240 };
  static float got[LINES * STRIDE], want[LINES * STRIDE];
  for (int n = 0; n < 240; n++) {
    const double step = 0.015 * (n + 1), edge = -6.2 + 0.1 * (n % 10) - (n % 3 == 0 ? 30 * step : 0);
    const int cells = n % 4 == 0 ? 211 : N;
    const pcn_share_lines lines = {edge, step, n % 5 - 1.3, n % 2 ? 4.0F : 6.0F, 1.3F, LINES, cells, STRIDE};
    for (int level = 0; level < pcn_isa_count(); level++) {
      if (pcn_isa_runs(pcn_isa_at(level))) {
        memset(got, 1, sizeof got);
        pcn_share_row_reference(&lines, want);
        pcn_isa_at(level)->share(&lines, got);
        for (int i = 0; i < LINES * STRIDE; i++) {
          assert_close((double)got[i], (double)want[i], i % STRIDE < cells ? 1.3e-6 : 0);
        }
      }
    }
  }
}

// Integrals are in double on both sides: what differs is the last rounding to single.
static void doses_of_cells(void **state) {
  (void)state;
  double sum[300] = {0};
  float from[N], to[N], got[N], want[N];
  uint64_t seed = 5;
  for (int i = 1; i < 300; i++) {
    sum[i] = sum[i - 1] + physics_random(&seed);
  }
  const pcn_bragg_table table = {sum, 300, 5, 1.7, 3};
  for (int i = 0; i < N; i++) {
    from[i] = (float)(-5 + i);
    to[i] = from[i] + (i % 3 == 0 ? 0 : (float)(3 * physics_random(&seed)));
  }
  pcn_bragg_row_reference(&table, from, to, N, want);
  for (int level = 0; level < pcn_isa_count(); level++) {
    if (pcn_isa_runs(pcn_isa_at(level))) {
      pcn_isa_at(level)->bragg(&table, from, to, N, got);
      for (int i = 0; i < N; i++) {
        assert_close((double)got[i], (double)want[i], 1e-6 * (1 + (double)want[i]));
      }
    }
  }
}

// Weights are singles: 1e-6 of values below 1.
// Two roundings of values below 1, and zeros behind the row up to a whole vector.
static void blends_of_planes(void **state) {
  (void)state;
  float near[N], far[N], dose[N], got[N + PCN_BLEND_LANES], want[N + PCN_BLEND_LANES];
  uint64_t seed = 11;
  fill(near, N, &seed);
  fill(far, N, &seed);
  fill(dose, N, &seed);
  for (size_t n = 1; n <= N; n++) {
    const pcn_blend blend = {near, far, dose, n % 3 == 0 ? 0 : 0.3F};
    pcn_blend_row_reference(&blend, n, want);
    for (int level = 0; level < pcn_isa_count(); level++) {
      if (pcn_isa_runs(pcn_isa_at(level))) {
        fill(got, N + PCN_BLEND_LANES, &seed);
        pcn_isa_at(level)->blend(&blend, n, got);
        for (size_t i = 0; i < (n + PCN_BLEND_LANES - 1) / PCN_BLEND_LANES * PCN_BLEND_LANES; i++) {
          assert_close((double)got[i], (double)want[i], 3e-7);
          assert_true(i < n || got[i] == 0);
        }
      }
    }
  }
}

static void lines_through_volumes(void **state) {
  (void)state;
  static float value[9 * 10 * 11], got[N], want[N];
  uint64_t seed = 8;
  fill(value, 9 * 10 * 11, &seed);
  for (int n = 0; n < 60; n++) {
    const pcn_volume volume = {value, {n % 5 ? 11 : 1, n % 7 ? 10 : 1, n % 3 ? 9 : 1}, {1, 11, 110}};
    pcn_volume_line line;
    for (int a = 0; a < 3; a++) {
      line.at[a] = 12 * physics_random(&seed) - 1;
      line.step[a] = 0.4 * (physics_random(&seed) - 0.5);
    }
    pcn_volume_row_reference(&volume, &line, 2, N, want);
    for (int level = 0; level < pcn_isa_count(); level++) {
      if (pcn_isa_runs(pcn_isa_at(level))) {
        pcn_isa_at(level)->volume(&volume, &line, 2, N, got);
        for (int i = 0; i < N; i++) {
          assert_close((double)got[i], (double)want[i], 2e-6);
        }
      }
    }
  }
}

// --- a beam along an edge ----------------------------------------------------------------------

/// A phantom with bone (x > 0) and lung beside each other, 20 to 50 mm deep, and one beam of spots on it.
typedef struct edge_case {
  physics_case c;
  pencone_proton_spot spots[5];
  pencone_proton_layer layers[2];
} edge_case;

static void prepare(pencone_context *ctx, const char *machine, double gantry_deg, edge_case *e) {
  static const char *const names[] = {"water", "lung", "cortical-bone"};
  const pencone_proton_spot spots[] = {{-7, -3, 2e6}, {0, 0, 1e6}, {1.3, 2, 3e6}, {6, 8, 1e6}, {11, -8, 2e6}};
  const pencone_grid grid = physics_grid(EDGE, EDGE, EDGE, 2.5, 2.5, 2.5);
  const size_t voxels = pencone_grid_voxels(&grid);
  float *density = malloc(voxels * sizeof *density);
  uint8_t *material = malloc(voxels);
  assert_true(density != NULL && material != NULL);
  for (size_t v = 0; v < voxels; v++) {
    const size_t j = v / EDGE % EDGE, bone = v % EDGE < EDGE / 2 ? 1 : 2;
    material[v] = (uint8_t)(j >= 8 && j < 20 ? bone : 0);
    density[v] = material[v] == 0 ? 1 : material[v] == 1 ? 0.26F : 1.92F;
  }
  memset(e, 0, sizeof *e);
  memcpy(e->spots, spots, sizeof spots);
  const pencone_proton_layer layers[] = {{95, 5, e->spots}, {108, 3, e->spots}};
  memcpy(e->layers, layers, sizeof layers);
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  desc.grid = grid;
  desc.density = density;
  desc.material = material;
  desc.material_names = names;
  desc.material_count = 3;
  physics_ok(ctx, pencone_phantom_copy(ctx, &desc, &e->c.phantom));
  physics_ok(ctx, pencone_machine_read(ctx, machine, &e->c.machine));
  physics_ok(ctx, pencone_plan_create(ctx, "edge", &e->c.plan));
  physics_ok(ctx, pencone_plan_set_engine(ctx, e->c.plan, "proton-pencil-beam"));
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  beam.machine = e->c.machine;
  beam.gantry_deg = gantry_deg;
  beam.layer_count = 2;
  beam.layers = e->layers;
  physics_ok(ctx, pencone_plan_add_beam(ctx, e->c.plan, &beam));
  physics_make_engine(ctx, &e->c);
  free(density);
  free(material);
}

// Values that are linear in place come out as they are, whatever planes have them and whatever run is asked
// for: single rounding of values below 20.
static void voxels_across_a_knee(void **state) {
  (void)state;
  enum { ACROSS = 8, DEEP = 20, EVERY = 5, KNEE = 10, VOXELS = 28 };
  static float value[DEEP * ACROSS * ACROSS];
  pcn_cell_box box = {
      {{0, 1, ACROSS}, {0, 1, ACROSS}, {0, 1, DEEP}}, {EVERY, KNEE}, ACROSS, ACROSS * ACROSS, value};
  for (int64_t k = 0; k < DEEP; k = pcn_planes_next(box.planes, k)) {
    for (int64_t c = 0; c < ACROSS * ACROSS; c++) {
      const double x = (double)(c % ACROSS), y = (double)(c / ACROSS);
      value[pcn_planes_index(box.planes, k) * box.plane + c] = (float)(0.1 * x - 0.2 * y + (double)k);
    }
  }
  for (int turned = 0; turned < 2; turned++) {
    const pcn_voxel_rows rows = {
        {0.3, 6.2, turned ? 18.3 : 0.3}, {0.2, -0.2, turned ? -0.6 : 0.6}, {0}, {0}, VOXELS, 0, {0}};
    for (int level = 0; level < pcn_isa_count(); level++) {
      float run[VOXELS], one[1];
      for (int64_t i = 0; i < VOXELS && pcn_isa_runs(pcn_isa_at(level)); i++) {
        const pcn_voxel_run all = {0, 0, 0, VOXELS}, alone = {0, 0, i, 1};
        pcn_voxel_read(pcn_isa_at(level), &box, &rows, &all, run);
        pcn_voxel_read(pcn_isa_at(level), &box, &rows, &alone, one);
        const double place[3] = {rows.at[0] + (double)i * rows.step[0], rows.at[1] + (double)i * rows.step[1],
                                 rows.at[2] + (double)i * rows.step[2]};
        const double want = 0.1 * place[0] - 0.2 * place[1] + place[2];
        assert_close((double)run[i], want, 1e-5);
        assert_close((double)one[0], want, 1e-5);
      }
    }
  }
}

// --- classes -----------------------------------------------------------------------------------

static double edge_share(const pcn_rays *rays, int axis, int64_t k, int64_t ray, double sigma, double cut,
                         int64_t cell) {
  const double z = rays->cell[2].first + rays->cell[2].step * (double)k;
  const double at = pcn_optics_spread(rays->machine, axis, z) *
                    (rays->ray[axis].first + rays->ray[axis].step * (double)ray);
  double below[2];
  for (int side = 0; side < 2; side++) {
    const double u =
        (rays->cell[axis].first + rays->cell[axis].step * ((double)cell - 0.5 + side) - at) / sigma;
    below[side] = erf(fmin(fmax(u, -cut), cut) / sqrt(2)) / erf(cut / sqrt(2));
  }
  return 0.5 * (below[1] - below[0]) / rays->cell[axis].step;
}

/// Protons in the cells of one plane, by classes and by rays.
typedef struct plane_sums {
  float *classes;
  double *rays;
  int64_t cells, stride;
} plane_sums;

static void sum_classes(const pcn_layer *l, int64_t k, float *scratch, plane_sums *out) {
  const pcn_rays *rays = &l->engine->rays;
  const pcn_ray_window window = {
      {0, 0}, {rays->ray[0].count, rays->ray[1].count}, l->protons, rays->ray[0].count};
  const pcn_tile tile = {{0, 0}, {rays->cell[0].count, rays->cell[1].count}, out->stride, out->classes};
  float *image_value = scratch + pcn_plane_scratch(rays);
  memset(out->classes, 0, (size_t)(rays->cell[1].count * out->stride) * sizeof(float));
  for (int part = 0; part < PCN_PROTON_PARTS; part++) {
    int range[2];
    pcn_layer_classes(l, k, part, &window, range);
    for (int c = range[0]; c <= range[1]; c++) {
      pcn_class_image image;
      pcn_share_rows rows[2];
      const double variance = pcn_layer_variance(l, k, part, c);
      pcn_layer_image(l, k, part, c, &window, image_value, &image);
      for (int a = 0; a < 2 && image.count[0] > 0; a++) {
        const int64_t ray[2] = {image.first[a], image.first[a] + image.count[a]},
                      bounds[2] = {0, rays->cell[a].count};
        pcn_share_rows_plan(l, k, a, variance, ray, bounds, &rows[a]);
        rows[a].value = malloc((size_t)(rows[a].rays * rows[a].stride + 1) * sizeof(float));
        assert_non_null(rows[a].value);
        pcn_share_rows_fill(l, k, a, variance, &rows[a]);
      }
      pcn_plane_add(l, &image, rows, scratch, &tile);
      for (int a = 0; a < 2 && image.count[0] > 0; a++) {
        free(rows[a].value);
      }
    }
  }
}

static void sum_rays(const pcn_layer *l, int64_t k, const pcn_ray_cell *cells, plane_sums *out) {
  const pcn_rays *rays = &l->engine->rays;
  const int64_t nx = rays->cell[0].count, ny = rays->cell[1].count;
  memset(out->rays, 0, (size_t)(nx * ny) * sizeof(double));
  for (int64_t r = 0; r < rays->rays; r++) {
    const pcn_ray_cell *cell = cells + r * l->planes + k;
    for (int part = 0; part < PCN_PROTON_PARTS && l->protons[r] > 0; part++) {
      double along[2][4 * EDGE];
      for (int a = 0; a < 2; a++) {
        const int64_t ray = a == 0 ? r % rays->ray[0].count : r / rays->ray[0].count;
        assert_true(rays->cell[a].count <= 4 * EDGE);
        for (int64_t i = 0; i < rays->cell[a].count; i++) {
          along[a][i] = edge_share(rays, a, k, ray, sqrt(cell->variance[part]), l->engine->cut, i);
        }
      }
      for (int64_t c = 0; c < nx * ny; c++) {
        out->rays[c] += (double)l->protons[r] * cell->share[part] * along[0][c % nx] * along[1][c / nx];
      }
    }
  }
}

// Worst difference of a plane, of its largest.
static double compare_plane(const pcn_layer *l, int64_t k, const pcn_ray_cell *cells, float *scratch,
                            plane_sums *sums) {
  const int64_t nx = l->engine->rays.cell[0].count;
  double worst = 0, most = 0;
  sum_classes(l, k, scratch, sums);
  sum_rays(l, k, cells, sums);
  for (int64_t c = 0; c < nx * l->engine->rays.cell[1].count; c++) {
    worst = fmax(worst, fabs((double)sums->classes[c / nx * sums->stride + c % nx] - sums->rays[c]));
    most = fmax(most, sums->rays[c]);
  }
  return worst / most;
}

// Three classes keep a Gaussian's integral and variance, those of each walked ray: to the singles that the
// loops reckon in, and to 1e-5 where a Gaussian counts as of class 0.
static void classes_keep_variances(const pcn_layer *l, const pcn_ray_cell *cells) {
  const int64_t along = l->engine->rays.ray[0].count;
  const float one = 1;
  for (int64_t r = 0; r < l->engine->rays.rays; r++) {
    const pcn_ray_window window = {{r % along, r / along}, {1, 1}, &one, 1};
    for (int64_t k = 0; k < l->planes && l->protons[r] > 0; k += l->engine->rays.every) {
      for (int part = 0; part < PCN_PROTON_PARTS; part++) {
        const pcn_ray_cell *cell = cells + r * l->planes + k;
        int range[2];
        double sum = 0, spread = 0;
        pcn_layer_classes(l, k, part, &window, range);
        for (int c = range[0]; c <= range[1]; c++) {
          float value[3];
          pcn_class_image image;
          pcn_layer_image(l, k, part, c, &window, value, &image);
          sum += (double)value[0];
          spread += (double)value[0] * pcn_layer_variance(l, k, part, c);
        }
        assert_close(sum, cell->share[part], 1e-6);
        const double same = range[0] == 0 && range[1] == 0 ? 1e-5 : 0;
        assert_close(spread, cell->share[part] * cell->variance[part], (1e-6 + same) * cell->variance[part]);
      }
    }
  }
}

static void make_beam(pencone_context *ctx, const edge_case *e, pcn_medium *medium, pcn_proton_beam *beam) {
  const pcn_proton_options options = {2.5, 4, PCN_LET_NONE, 0};
  physics_ok(ctx, pcn_medium_make_proton(ctx, e->c.phantom, pencone_engine_grid(e->c.engine),
                                         physics_progress, medium));
  physics_ok(ctx, pcn_proton_beam_make(ctx, medium, pencone_plan_beam(e->c.plan, 0), &options, beam));
}

// Three classes 12 % (core) and 50 % (halo) apart stand for each Gaussian. The worst of the parabola is 7e-4
// and 2.5e-2 of a Gaussian's own height; spots are wider than a ray and the halo is a hundredth as high as
// the core: 1e-3 of the plane.
static void classes_are_the_sum_over_rays(void **state) {
  pencone_context *ctx = *state;
  const char *const machines[] = {"ideal-proton", "generic-proton"};
  for (int m = 0; m < 2; m++) {
    edge_case e;
    prepare(ctx, machines[m], m == 0 ? 0 : 25, &e);
    pcn_medium medium;
    pcn_proton_beam beam;
    pcn_layer l;
    make_beam(ctx, &e, &medium, &beam);
    physics_ok(ctx, pcn_layer_make(ctx, &beam, &l));
    const int64_t *n = (const int64_t[]){beam.rays.ray[0].count, beam.rays.ray[1].count};
    double *spread = malloc((size_t)(n[0] + n[1]) * sizeof *spread);
    const pencone_proton_spot spot = {0.7, -1.1, 1};
    const pcn_spot_rays r = pcn_spot_spread(&beam, beam.energy[0].lattice_mm2, &spot, spread);
    for (int64_t i = 0; i < r.count[0] * r.count[1]; i++) {
      l.protons[(r.first[1] + i / r.count[0]) * n[0] + r.first[0] + i % r.count[0]] =
          (float)(r.weight[0][i % r.count[0]] * r.weight[1][i / r.count[0]]);
    }
    pcn_layer_walk(ctx, &l, 0);
    pcn_ray_cell *cells = malloc((size_t)(l.planes * beam.rays.rays) * sizeof *cells);
    float *scratch =
        malloc((size_t)(pcn_plane_scratch(&beam.rays) + (n[0] + 1) * (n[1] + 1)) * sizeof *scratch);
    plane_sums sums = {.stride = beam.rays.cell[0].count + 2 * PCN_PRODUCT_LANES};
    sums.classes = malloc((size_t)(beam.rays.cell[1].count * sums.stride) * sizeof(float));
    sums.rays = malloc((size_t)(beam.rays.cell[0].count * beam.rays.cell[1].count) * sizeof(double));
    assert_true(spread != NULL && cells != NULL && scratch != NULL && sums.classes != NULL &&
                sums.rays != NULL);
    for (int64_t i = 0; i < beam.rays.rays; i++) {
      pcn_layer_walk_ray(&l, i, cells + i * l.planes);
    }
    classes_keep_variances(&l, cells);
    double worst = 0;
    for (int64_t k = 0; k < l.planes && k < EDGE; k += 2 * beam.rays.every) {
      worst = fmax(worst, compare_plane(&l, k, cells, scratch, &sums));
    }
    print_message("%s: classes against rays: %.2g of the plane's largest\n", machines[m], worst);
    assert_true(worst <= 1e-3);
    free(spread);
    free(cells);
    free(scratch);
    free(sums.classes);
    free(sums.rays);
    pcn_layer_free(&l);
    pcn_proton_beam_free(&beam);
    pcn_medium_free(&medium);
    physics_free(&e.c);
  }
}

// --- columns -----------------------------------------------------------------------------------

// Every entry of the whole column that the threshold keeps is in the short one, with the same value to
// rounding.
static void compare_columns(const pencone_dij_view *all, const pencone_dij_view *few, double threshold) {
  for (int64_t j = 0; j < all->columns; j++) {
    double most = 0;
    for (int64_t e = all->first[j]; e < all->first[j + 1]; e++) {
      most = fmax(most, (double)all->value[e]);
    }
    int64_t f = few->first[j];
    for (int64_t e = all->first[j]; e < all->first[j + 1]; e++) {
      const double want = (double)all->value[e];
      if (f < few->first[j + 1] && few->voxel[f] == all->voxel[e]) {
        assert_close((double)few->value[f++], want, 1e-6 * most);
      } else {
        assert_true(want < 1.001 * threshold * most);
      }
    }
    assert_true(f == few->first[j + 1]);
  }
}

static void thresholds_lose_what_they_say(void **state) {
  const struct {
    const char *machine;
    double gantry_deg;
  } cases[] = {{"ideal-proton", 0}, {"ideal-proton", 90}, {"ideal-proton", 33}, {"generic-proton", 20}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    edge_case e;
    prepare(*state, cases[i].machine, cases[i].gantry_deg, &e);
    pencone_dij_report report = PENCONE_DIJ_REPORT_DEFAULT, whole = PENCONE_DIJ_REPORT_DEFAULT;
    const pencone_dij_options none = dij_threshold(0);
    pencone_dij *all = dij_make(*state, e.c.engine, &none, &whole);
    const pencone_dij_view view = pencone_dij_view_of(all);
    for (int t = 0; t < 2; t++) {
      const double threshold = t == 0 ? 1e-4 : 1e-2;
      const pencone_dij_options options = dij_threshold(threshold);
      pencone_dij *dij = dij_make(*state, e.c.engine, &options, &report);
      const pencone_dij_view some = pencone_dij_view_of(dij);
      compare_columns(&view, &some, threshold);
      double kept = 0;
      for (int64_t n = 0; n < some.first[some.columns]; n++) {
        kept += (double)some.value[n];
      }
      print_message("%s, %g degrees, threshold %g: lost %.3f %%, reported %.3f %%\n", cases[i].machine,
                    cases[i].gantry_deg, threshold, 100 * (1 - kept / whole.sum),
                    100 * report.lost / report.sum);
      // The far part is from the mean dose of each plane: half a percent beside an edge.
      assert_close(report.lost / report.sum, 1 - kept / whole.sum, 5e-3);
      pencone_dij_destroy(dij);
    }
    pencone_dij_destroy(all);
    physics_free(&e.c);
  }
}

// A grid that is longer across the beam in one direction than in the other: columns, whose rows of Gaussians
// are shared, against the dose, which makes its own. Tolerance: floats in another order (test_dij.c).
static void long_grids(void **state) {
  enum { SHORT = 14, DEEP = 40, LONG = 90, SPOTS = 9 };
  static const physics_layer water[PHYSICS_LAYERS] = {{1e6, 1, "water"}};
  for (int turned = 0; turned < 2; turned++) {
    const pencone_grid grid = physics_grid(turned ? LONG : SHORT, DEEP, turned ? SHORT : LONG, 2.5, 2.5, 2.5);
    const size_t voxels = pencone_grid_voxels(&grid);
    pencone_proton_spot spots[SPOTS];
    double weights[SPOTS], worst = 0;
    for (int i = 0; i < SPOTS; i++) {
      const double along = 20.0 * (i - SPOTS / 2);
      spots[i] = (pencone_proton_spot){turned ? along : 1, turned ? 1 : along, 1e6};
      weights[i] = 1e6;
    }
    const pencone_proton_layer layer = {95, SPOTS, spots};
    pencone_beam beam = PENCONE_BEAM_DEFAULT;
    physics_case c;
    memset(&c, 0, sizeof c);
    physics_ok(*state, pencone_machine_read(*state, "ideal-proton", &c.machine));
    c.phantom = physics_phantom(*state, &grid, water);
    physics_ok(*state, pencone_plan_create(*state, "long", &c.plan));
    physics_ok(*state, pencone_plan_set_engine(*state, c.plan, "proton-pencil-beam"));
    beam.machine = c.machine;
    beam.layer_count = 1;
    beam.layers = &layer;
    physics_ok(*state, pencone_plan_add_beam(*state, c.plan, &beam));
    physics_make_engine(*state, &c);
    physics_ok(*state, pencone_dose_create(*state, pencone_engine_grid(c.engine), &c.dose));
    physics_ok(*state, pencone_engine_compute(*state, c.engine, 0, c.dose));
    const pencone_dij_options options = dij_threshold(0);
    pencone_dij *dij = dij_make(*state, c.engine, &options, NULL);
    float *product = malloc(voxels * sizeof *product);
    assert_non_null(product);
    physics_ok(*state, pencone_dij_dose(*state, dij, SPOTS, weights, product));
    for (size_t v = 0; v < voxels; v++) {
      worst = fmax(worst, fabs((double)product[v] - (double)pencone_dose_values(c.dose)[v]));
    }
    print_message("%d x %d x %d: %.2g\n", (int)grid.size[0], (int)grid.size[1], (int)grid.size[2],
                  worst / physics_max(c.dose));
    assert_true(worst <= 1e-5 * physics_max(c.dose));
    free(product);
    pencone_dij_destroy(dij);
    physics_free(&c);
  }
}

static void columns_do_not_depend_on_threads(void **state) {
  uint64_t hash[2];
  for (int i = 0; i < 2; i++) {
    physics_ok(*state, pencone_context_set_threads(*state, i == 0 ? 1 : 5));
    edge_case e;
    prepare(*state, "ideal-proton", 33, &e);
    const pencone_dij_options options = dij_threshold(1e-4);
    dij_seen seen;
    const pencone_dij_sink sink = dij_see(&seen);
    physics_ok(*state, pencone_dij_stream(*state, e.c.engine, &options, &sink, NULL));
    hash[i] = seen.hash;
    assert_int_equal(seen.columns, 8);
    physics_free(&e.c);
  }
  assert_true(hash[0] == hash[1]);
}

// Columns of the second layer, whose memory is new, or was used for the first one after all failures there
// can be.
static void fill_columns(pencone_context *ctx, const edge_case *e, const pcn_proton_beam *beam, int used,
                         pcn_column *columns) {
  const pcn_box box = {*pencone_engine_grid(e->c.engine), {0, 0, 0}};
  pcn_spot_layer layer;
  const pcn_spot_options wanted = {.threshold = 1e-4};
  physics_ok(ctx, pcn_spot_layer_make(ctx, beam, &box, &wanted, &layer));
  pencone_status status = used ? PENCONE_E_MEMORY : PENCONE_OK;
  for (int after = 0; status != PENCONE_OK; after++) {
    assert_int_equal(status, PENCONE_E_MEMORY);
    pcn_alloc_fail_after(ctx, after);
    status = pcn_spot_layer_set(ctx, 0, &layer);
  }
  pcn_alloc_fail_after(ctx, -1);
  physics_ok(ctx, pcn_spot_layer_set(ctx, 1, &layer));
  for (int i = 0; i < e->layers[1].spot_count; i++) {
    physics_ok(ctx, pcn_spot_column(ctx, &layer, &e->spots[i], &columns[i]));
  }
  pcn_spot_layer_free(&layer);
}

static void layers_use_memory_again(void **state) {
  enum { COLUMNS = 3 };
  const double angles[] = {0, 33};
  for (int n = 0; n < 2; n++) {
    edge_case e;
    prepare(*state, "ideal-proton", angles[n], &e);
    pcn_medium medium;
    pcn_proton_beam beam;
    make_beam(*state, &e, &medium, &beam);
    pcn_quota quota = {0};
    pcn_column columns[2][COLUMNS] = {{{0}}};
    assert_int_equal(e.layers[1].spot_count, COLUMNS);
    for (int i = 0; i < 2 * COLUMNS; i++) {
      columns[i / COLUMNS][i % COLUMNS].quota = &quota;
    }
    for (int used = 0; used < 2; used++) {
      fill_columns(*state, &e, &beam, used, columns[used]);
    }
    for (int i = 0; i < COLUMNS; i++) {
      pcn_column *a = &columns[0][i], *b = &columns[1][i];
      assert_true(a->count > 1000);
      assert_int_equal(a->count, b->count);
      assert_memory_equal(a->voxel, b->voxel, (size_t)a->count * sizeof a->voxel[0]);
      assert_memory_equal(a->value, b->value, (size_t)a->count * sizeof a->value[0]);
      pcn_column_free(a);
      pcn_column_free(b);
    }
    pcn_proton_beam_free(&beam);
    pcn_medium_free(&medium);
    physics_free(&e.c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {UNIT_TEST(products),
                                     UNIT_TEST(shares_of_cells),
                                     UNIT_TEST(doses_of_cells),
                                     UNIT_TEST(blends_of_planes),
                                     UNIT_TEST(voxels_across_a_knee),
                                     UNIT_TEST(lines_through_volumes),
                                     UNIT_TEST(classes_are_the_sum_over_rays),
                                     UNIT_TEST(thresholds_lose_what_they_say),
                                     UNIT_TEST(long_grids),
                                     UNIT_TEST(columns_do_not_depend_on_threads),
                                     UNIT_TEST(layers_use_memory_again)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

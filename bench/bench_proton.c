// SPDX-License-Identifier: Apache-2.0
// Proton pencil beams on 120^3 voxels of 2.5 mm: one spot, plans of 3000 spots in 30 layers, and influence
// matrices of 270 spots at two thresholds, and of the 3000 in water; in water, obliquely (33 degrees), and
// along the edge of a slab of lung and bone. Verified: depth of 80 % behind the peak of a 150 MeV beam, 158.2
// mm (lib/data/proton_beam.csv), and that the dose of two spots is twice that of one. usage: bench_proton
// [--quick] [--verify] [RUNS]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

enum { EDGE = 120, LAYERS = 30, SPOTS = 100, MATRIX_SPOTS = 9 };

/// Where beams go: gantry angle; 1: along the edge between lung (x < 0) and bone, 30 to 60 mm deep.
typedef struct site {
  const char *name;
  double gantry_deg;
  int edge;
} site;

static const site sites[] = {{"water", 0, 0}, {"oblique", 33, 0}, {"edge", 0, 1}};
enum { SITES = sizeof sites / sizeof sites[0] };

static int put_edge(bench_session *p) {
  static const char *const names[] = {"water", "lung", "cortical-bone"};
  const size_t voxels = pencone_grid_voxels(&p->grid);
  float *density = malloc(voxels * sizeof *density);
  uint8_t *material = malloc(voxels);
  int bad = density == NULL || material == NULL;
  for (size_t v = 0; v < voxels && !bad; v++) {
    const double depth = p->grid.spacing_mm[1] * (0.5 + (double)(v / EDGE % EDGE));
    const int slab = depth > 30 && depth < 60, left = v % EDGE < EDGE / 2;
    material[v] = (uint8_t)(!slab ? 0 : left ? 1 : 2);
    density[v] = !slab ? 1.0F : left ? 0.26F : 1.92F;
  }
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  desc.grid = p->grid;
  desc.density = density;
  desc.material = material;
  desc.material_names = names;
  desc.material_count = 3;
  pencone_phantom_destroy(p->phantom);
  p->phantom = NULL;
  bad = bad || pencone_phantom_copy(p->ctx, &desc, &p->phantom) != PENCONE_OK;
  free(density);
  free(material);
  return bad ? bench_failed(p->ctx, "phantom with an edge") : 0;
}

// layers from 150 MeV down by 2 MeV, each of spots in a square lattice.
static int set_up(bench_session *p, const site *where, int layers, int spots, double apart_mm) {
  pencone_proton_spot spot[SPOTS];
  pencone_proton_layer layer[LAYERS];
  const int side = (int)lround(sqrt(spots));
  for (int s = 0; s < spots; s++) {
    const pencone_proton_spot at = {apart_mm * (s % side - 0.5 * (side - 1)),
                                    apart_mm * (s / side - 0.5 * (side - 1)), 1e6};
    spot[s] = at;
  }
  for (int l = 0; l < layers; l++) {
    const pencone_proton_layer of = {150 - 2 * l, spots, spot};
    layer[l] = of;
  }
  const pencone_grid grid = bench_grid(EDGE, 2.5);
  if (bench_session_begin("ideal-proton", "proton-pencil-beam", &grid, p) != 0 ||
      (where->edge && put_edge(p) != 0)) {
    return 1;
  }
  pencone_beam beam = bench_beam(p->machine, 100);
  beam.gantry_deg = where->gantry_deg;
  beam.layer_count = layers;
  beam.layers = layer;
  if (pencone_plan_add_beam(p->ctx, p->plan, &beam) != PENCONE_OK || bench_session_create(p)) {
    return bench_failed(p->ctx, "proton plan");
  }
  return 0;
}

// --- dose --------------------------------------------------------------------------------------

// Dose of the planes, and the depth of 80 % behind the largest, linear between voxel centres.
static double range_mm(bench_session *p) {
  double plane[EDGE] = {0};
  int peak = 0, i;
  for (size_t v = 0; v < pencone_grid_voxels(&p->grid); v++) {
    plane[v / EDGE % EDGE] += (double)pencone_dose_values(p->dose)[v];
  }
  for (int k = 1; k < EDGE; k++) {
    peak = plane[k] > plane[peak] ? k : peak;
  }
  for (i = peak; i < EDGE - 1 && plane[i] >= 0.8 * plane[peak]; i++) {
  }
  return 2.5 * (i - 0.5 + (plane[i - 1] - 0.8 * plane[peak]) / (plane[i - 1] - plane[i]));
}

// Voxel means of 2.5 mm flatten the peak: half a voxel.
static int time_spot(const bench_options *o, double *once) {
  bench_session p;
  int bad = set_up(&p, &sites[0], 1, 1, 5) || bench_session_compute(&p) ||
            bench_near("depth of 80 %, mm", range_mm(&p), 158.2, 1.25);
  if (!bad) {
    *once = pencone_dose_at(p.dose, (const double[3]){1.25, 98.75, 1.25});
    // What is not 0 is counted: the Gaussians' 60 planes and their reach.
    double filled = 0;
    for (size_t v = 0; v < pencone_grid_voxels(&p.grid); v++) {
      filled += pencone_dose_values(p.dose)[v] > 0 ? 1 : 0;
    }
    const bench_case what = {"proton-spot", "proton-pencil-beam", "-",         1, filled, "voxel of the spot",
                             4 * filled,    4 * filled,           10 * filled, 0, 0};
    bad = bench_time(o, &what, bench_session_compute, &p);
  }
  bench_session_end(&p);
  return bad;
}

static int time_plan(const bench_options *o, const site *where, double once) {
  bench_session p;
  int bad = set_up(&p, where, LAYERS, SPOTS, 5) || bench_session_compute(&p);
  // Of 100 spots 5 mm apart, of 5 mm sigma at 10 cm: a multiple of the one above, and other layers on top.
  const double many = bad ? 0 : pencone_dose_at(p.dose, (const double[3]){1.25, 98.75, 1.25});
  if (!bad && !(many > 2 * once)) {
    bad = bench_wrong("dose of the plan", many, 2 * once);
  }
  char name[64], create[80];
  snprintf(name, sizeof name, "proton-3000-spots%s%s", where == sites ? "" : "-",
           where == sites ? "" : where->name);
  snprintf(create, sizeof create, "%s-create", name);
  for (int all = 0; all < 2 && !bad && !o->verify_only; all++) {
    bad = pencone_context_set_threads(p.ctx, all ? 0 : 1) != PENCONE_OK;
    const int threads = pencone_context_threads(p.ctx);
    bench_case what = {name, "proton-pencil-beam", "-", threads, (double)LAYERS * SPOTS, "spot", 0, 0, 0, 0,
                       0};
    bad = bad || ((!all || threads > 1) && bench_time(o, &what, bench_session_compute, &p));
    what.name = create;
    bad = bad || (!all && bench_time(o, &what, bench_session_create, &p));
  }
  bench_session_end(&p);
  return bad;
}

// --- influence matrices ------------------------------------------------------------------------

static int time_matrices(const bench_options *o, const site *where) {
  static const double threshold[] = {1e-4, 1e-5};
  bench_session plan;
  int bad = set_up(&plan, where, LAYERS, MATRIX_SPOTS, 10);
  for (int t = 0; t < 2 && !bad; t++) {
    char name[64];
    snprintf(name, sizeof name, "proton-dij-%s-%g", where->name, threshold[t]);
    bad = bench_time_matrix(o, &plan, threshold[t], name);
  }
  bench_session_end(&plan);
  return bad;
}

// The plan's own spots.
static int time_plan_matrix(const bench_options *o) {
  bench_session plan;
  const int bad = set_up(&plan, &sites[0], LAYERS, SPOTS, 5) ||
                  bench_time_matrix(o, &plan, 1e-4, "proton-dij-3000-spots");
  bench_session_end(&plan);
  return bad;
}

int main(int argc, char **argv) {
  bench_options o;
  int status;
  if (!bench_begin(argc, argv, &o, &status)) {
    return status;
  }
  double once = 0;
  int bad = time_spot(&o, &once);
  for (int s = 0; s < (o.quick ? 1 : SITES) && !bad; s++) {
    bad = time_plan(&o, &sites[s], once) || (!o.verify_only && time_matrices(&o, &sites[s]));
  }
  bad = bad || (!o.verify_only && time_plan_matrix(&o));
  return bad;
}

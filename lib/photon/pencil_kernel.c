// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_kernel.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"

enum {
  NODES = PCN_PENCIL_NODES,
  RADII = PCN_PENCIL_RADII,
  BINS = PCN_KERNEL_ANGLES,
  TURNS = 1024,
  PATHS = 641,
  SWEEPS = 60,
  STEPS_MOST = 1024
};
static const double largest_radius_mm = 500, path_step_mm = 2.5;
static const pcn_pencil_quadrature standard = {120, 1};

/// The work: energies of the steps of a kernel, and the table that they fill.
typedef struct work {
  const pcn_photon_tables *tables;
  int angles, steps;
  double ssd_mm, per_root_mm;
  double radius_mm[STEPS_MOST + 1];
  double (
      *step)[BINS][PCN_PARTS];  ///< [step][kernel angle]: per steradian, at the centres of the kernel's bins
  double turn[TURNS + 1];       ///< kernel angle, in bins from the first centre, by the sine of its half
  double release[PATHS + 1][PCN_PARTS];  ///< behind steps of water
  double (*table)[PCN_PENCIL_RADII];     ///< [depth node][radius]
} work;

// Closer in the forward direction, where most of the energy goes; 90 degrees, along the surface, is a bound.
static double direction(int a, int angles) {
  const int ahead = angles * 2 / 3;
  const double quarter = 0.5 * PCN_PI;
  return a <= ahead ? quarter * pow((double)a / ahead, 1.5)
                    : quarter * (1 + (double)(a - ahead) / (angles - ahead));
}

static double root_step(void) {
  return sqrt(largest_radius_mm) / (RADII - 1);
}

// Depths in mm: closer where the dose builds up.
double pcn_pencil_node_mm(int i) {
  return i <= 20
             ? i
             : (i <= 40 ? 20 + 2 * (i - 20) : (i <= 68 ? 60 + 5 * (i - 40) : 200 + 400.0 / 38 * (i - 68)));
}

// Steps between the kernel's radii, where its energy is even: shorter ones where the beam is attenuated along
// them.
static int cut_steps(const pcn_kernel *k, int parts, double radius_mm[STEPS_MOST + 1]) {
  const double longest_g_cm2 = 2.5;
  int steps = 0;
  radius_mm[0] = 0;
  for (int i = 0; i < PCN_KERNEL_RADII; i++) {
    const double low = k->radius_g_cm2[i], width = k->radius_g_cm2[i + 1] - low;
    const int pieces = parts * (1 + (int)(width / longest_g_cm2));
    for (int p = 1; p <= pieces && steps < STEPS_MOST; p++) {
      radius_mm[++steps] = 10 * (low + width * p / pieces);
    }
  }
  return steps;
}

static void fill_step(work *w, const pcn_kernel *k, int part, double norm) {
  for (int bin = 0; bin < BINS; bin++) {
    const double cosine = cos(PCN_PI * (bin + 0.5) / BINS);
    double near = 0;
    for (int i = 0; i < w->steps; i++) {
      const double far = pcn_kernel_within(k, (pcn_part)part, cosine, 0.1 * w->radius_mm[i + 1]);
      w->step[i][bin][part] = (far - near) * norm;
      near = far;
    }
  }
}

static void fill_steps(work *w) {
  const pcn_kernel *k = &w->tables->kernel;
  const int angles = w->angles;
  for (int part = 0; part < PCN_PARTS; part++) {
    double sum = 0;
    for (int a = 0; a < angles; a++) {
      const double lo = direction(a, angles), hi = direction(a + 1, angles);
      sum += 2 * PCN_PI * (cos(lo) - cos(hi)) * pcn_kernel_per_sr(k, (pcn_part)part, cos(0.5 * (lo + hi)));
    }
    fill_step(w, k, part, 1 / sum);
  }
  for (int t = 0; t <= TURNS; t++) {
    w->turn[t] = fmin(BINS - 1.001, fmax(0, 2 * asin((double)t / TURNS) * (BINS / PCN_PI) - 0.5));
  }
  for (int p = 0; p <= PATHS; p++) {
    const pcn_release release = pcn_quality_at(w->tables->quality, 0.1 * path_step_mm * p, 0);
    for (int part = 0; part < PCN_PARTS; part++) {
      w->release[p][part] = (double)release.water[part];
    }
  }
}

/// Energy within circles. From each radius on it grows with the radius by slope, from a line moved by offset.
typedef struct rings {
  double slope[RADII], offset[RADII];
} rings;

static void begin_slope(rings *to, double radius_mm, double root, double slope) {
  if (root <= RADII - 1) {
    const int next = (int)ceil(root);
    to->slope[next] += slope;
    to->offset[next] += slope * radius_mm;
  }
}

/// A radius and its root in the table's steps.
typedef struct place {
  double radius_mm, root;
} place;

// Spreads energy evenly over the radii between two places.
static void put_energy(rings *to, const place *near, const place *far, double energy) {
  const double narrow_mm = 1e-6, width_mm = far->radius_mm - near->radius_mm;
  if (width_mm > narrow_mm) {
    begin_slope(to, near->radius_mm, near->root, energy / width_mm);
    begin_slope(to, far->radius_mm, far->root, -energy / width_mm);
  } else if (far->root <= RADII - 1) {
    to->offset[(int)ceil(far->root)] -= energy;
  }
}

// Energy left per steradian by what was released in a step; the cosine is that of the kernel's angle.
static double energy_of(const work *w, int step, double from_mm, double slant, double cosine) {
  const double turned = sqrt(fmax(0, 0.5 - 0.5 * cosine)) * TURNS,
               path = fmin(from_mm * slant / path_step_mm, PATHS - 0.001);
  const int t = turned < TURNS ? (int)turned : TURNS - 1, p = (int)path;
  const double position = w->turn[t] + (turned - t) * (w->turn[t + 1] - w->turn[t]), v = path - p;
  const int bin = (int)position;
  const double u = position - bin, *near = w->step[step][bin], *far = w->step[step][bin + 1];
  double energy = 0;
  for (int part = 0; part < PCN_PARTS; part++) {
    const double release = w->release[p][part] + v * (w->release[p + 1][part] - w->release[p][part]);
    energy += (near[part] + u * (far[part] - near[part])) * release;
  }
  return energy;
}

// One direction of travel through a point on the axis: energy by the radius where it was released.
static void gather(const work *w, double depth_mm, double theta, double weight, rings *out) {
  const double s = sin(theta), c = cos(theta), z = w->ssd_mm + depth_mm, aside_z = s * z;
  const double surface_mm = c > 0 ? depth_mm / c : INFINITY;
  place near = {0, 0};
  for (int i = 0; i < w->steps && w->radius_mm[i] < surface_mm && near.root < RADII - 1; i++) {
    const double low = w->radius_mm[i], whole = w->radius_mm[i + 1], high = fmin(whole, surface_mm),
                 r = 0.5 * (low + high);
    const double per_z = 1 / (z - r * c), tangent = r * s * per_z, slant = sqrt(1 + tangent * tangent);
    const double scale = z * per_z;  // where the ray passes the point's own plane, and the inverse square
    const double share = high < whole ? (high - low) / (whole - low) : 1;
    const double energy = energy_of(w, i, depth_mm - r * c, slant, (c - s * tangent) / slant);
    const double radius_mm = high * aside_z / (z - high * c);
    const place far = {radius_mm, sqrt(radius_mm) * w->per_root_mm};
    put_energy(out, &near, &far, weight * share * energy * scale * scale * slant);
    near = far;
  }
}

static void fill_depth(void *data, size_t node, int worker) {
  (void)worker;
  const work *w = data;
  const int angles = w->angles;
  double *ring = w->table[node], slope = 0, offset = 0;
  rings sum = {{0}, {0}};
  for (int a = 0; a < angles; a++) {
    const double lo = direction(a, angles), hi = direction(a + 1, angles);
    gather(w, pcn_pencil_node_mm((int)node), 0.5 * (lo + hi), 2 * PCN_PI * (cos(lo) - cos(hi)), &sum);
  }
  for (int i = 0; i < RADII; i++) {
    slope += sum.slope[i];
    offset += sum.offset[i];
    ring[i] = slope * i * i / (w->per_root_mm * w->per_root_mm) - offset;
  }
}

pencone_status pcn_pencil_circles(pencone_context *ctx, const pcn_photon_tables *tables, double ssd_mm,
                                  const pcn_pencil_quadrature *quadrature, double table[NODES][RADII]) {
  work *w = pcn_alloc(ctx, 1, sizeof *w);
  quadrature = quadrature != NULL ? quadrature : &standard;
  void *step = pcn_alloc(ctx, STEPS_MOST, sizeof *w->step);
  const int made = w != NULL && step != NULL;
  if (made) {
    w->tables = tables;
    w->angles = quadrature->angles;
    w->steps = cut_steps(&tables->kernel, quadrature->parts, w->radius_mm);
    w->ssd_mm = ssd_mm;
    w->per_root_mm = 1 / root_step();
    w->step = step;
    w->table = table;
    fill_steps(w);
    pcn_parallel_for(ctx, NODES, fill_depth, w);
  }
  pcn_free(w);
  pcn_free(step);
  return made ? PENCONE_OK : PENCONE_E_MEMORY;
}

// --- singular values ---------------------------------------------------------------------------

static double dot(const double *a, const double *b, int n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; i++) {
    sum += a[i] * b[i];
  }
  return sum;
}

// The table times itself turned: what the sweeps of all terms need, small.
static void fill_products(double (*table)[RADII], double (*product)[NODES]) {
  for (int i = 0; i < NODES; i++) {
    for (int j = 0; j <= i; j++) {
      product[i][j] = product[j][i] = dot(table[i], table[j], RADII);
    }
  }
}

// The strongest pair of vectors of what is left of the table; it is then taken away. With v of length 1 and u
// = A v the products of A - u v^T are those of A less u u^T.
static void take_term(double (*table)[RADII], double (*product)[NODES], double u[NODES], double v[RADII]) {
  double next[NODES];
  for (int i = 0; i < NODES; i++) {
    u[i] = 1 + 0.01 * i;
  }
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    for (int i = 0; i < NODES; i++) {
      next[i] = dot(product[i], u, NODES);
    }
    const double length = sqrt(dot(next, next, NODES));
    for (int i = 0; i < NODES; i++) {
      u[i] = length > 0 ? next[i] / length : 0;
    }
  }
  memset(v, 0, RADII * sizeof *v);
  for (int i = 0; i < NODES; i++) {
    for (int j = 0; j < RADII; j++) {
      v[j] += u[i] * table[i][j];
    }
  }
  const double length = sqrt(dot(v, v, RADII));
  for (int j = 0; j < RADII && length > 0; j++) {
    v[j] /= length;
  }
  for (int i = 0; i < NODES; i++) {
    u[i] = dot(table[i], v, RADII);
  }
  for (int i = 0; i < NODES; i++) {
    for (int j = 0; j < RADII; j++) {
      table[i][j] -= u[i] * v[j];
    }
    for (int j = 0; j < NODES; j++) {
      product[i][j] -= u[i] * u[j];
    }
  }
}

// Depth values every mm: the term linear, the depth dose that it multiplies by its logarithm.
static void put_depths(pcn_pencil_kernel *k, int term, const double u[NODES], const double dose[NODES]) {
  int i = 0;
  for (int d = 0; d < PCN_PENCIL_DEPTHS; d++) {
    while (i < NODES - 2 && d > pcn_pencil_node_mm(i + 1)) {
      i++;
    }
    const double x = (d - pcn_pencil_node_mm(i)) / (pcn_pencil_node_mm(i + 1) - pcn_pencil_node_mm(i));
    k->depth[d][term] = (float)((u[i] + x * (u[i + 1] - u[i])) * dose[i] * pow(dose[i + 1] / dose[i], x));
  }
}

// The circle of a square of 10 cm.
static int reference_radius(void) {
  return (int)(sqrt(56.4) / root_step());
}

// @param product  room
static void decompose(double (*table)[RADII], double (*product)[NODES], pcn_pencil_kernel *k) {
  double dose[NODES], u[NODES], v[RADII];
  const int reference = reference_radius();
  for (int i = 0; i < NODES; i++) {
    dose[i] = table[i][reference];
    for (int j = 0; j < RADII; j++) {
      table[i][j] /= dose[i];
    }
  }
  fill_products(table, product);
  for (int term = 0; term < k->terms; term++) {
    take_term(table, product, u, v);
    put_depths(k, term, u, dose);
    for (int j = 0; j < RADII; j++) {
      k->circle[j][term] = (float)v[j];
    }
  }
  const int smallest = (int)(sqrt(5) / k->root_step), largest = (int)(sqrt(220) / k->root_step);
  for (int i = 20; pcn_pencil_node_mm(i) <= 400; i++) {
    for (int j = smallest; j < largest; j++) {
      k->residual = fmax(k->residual, fabs(table[i][j]));
    }
  }
}

double pcn_pencil_radius_mm(int j) {
  const double root = j * root_step();
  return root * root;
}

pencone_status pcn_pencil_kernel_split(pencone_context *ctx, double table[NODES][RADII], int terms,
                                       pcn_pencil_kernel **out) {
  *out = NULL;
  for (int i = 0; i < NODES; i++) {
    const double dose = table[i][reference_radius()];
    PCN_CHECK(
        ctx, dose > 0, PENCONE_E_RANGE,
        "pencil beam: dose at depth %g mm in a circle like a field of 10 cm: got %g, expected more than 0",
        pcn_pencil_node_mm(i), dose * PCN_GY_PER_MEV_G);
  }
  double(*product)[NODES] = pcn_alloc(ctx, NODES, sizeof *product);
  pcn_pencil_kernel *k = pcn_calloc(ctx, 1, sizeof *k);
  if (product == NULL || k == NULL) {
    pcn_free(product);
    pcn_free(k);
    return PENCONE_E_MEMORY;
  }
  k->terms = terms;
  k->root_step = root_step();
  decompose(table, product, k);
  pcn_free(product);
  *out = k;
  return PENCONE_OK;
}

pencone_status pcn_pencil_kernel_make(pencone_context *ctx, const pcn_photon_tables *tables,
                                      const pencone_pencil_terms *measured, double ssd_mm, int terms,
                                      pcn_pencil_kernel **out) {
  double(*table)[RADII] = pcn_alloc(ctx, NODES, sizeof *table);
  *out = NULL;
  pencone_status status = table != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK && measured != NULL) {
    pcn_pencil_terms_table(measured, table);
  } else if (status == PENCONE_OK) {
    status = pcn_pencil_circles(ctx, tables, ssd_mm, NULL, table);
  }
  if (status == PENCONE_OK) {
    status = pcn_pencil_kernel_split(ctx, table, terms, out);
  }
  pcn_free(table);
  return status;
}

// SPDX-License-Identifier: Apache-2.0
#include "photon/pencil_kernel.h"

#include "base/base.h"
#include "num/constants.h"
#include <math.h>
#include <string.h>

enum { NODES = 107, ANGLES = 240, STEPS = 240, TURNS = 720, SWEEPS = 60 };
static const double largest_radius_mm = 500;

/// The work: energies of the steps of a kernel, and the table that they fill.
typedef struct work {
  const pcn_photon_tables *tables;
  double ssd_mm, root_step;
  double radius_mm[STEPS + 1];
  float (*step)[STEPS][PCN_PARTS]; ///< [kernel angle][step]: per steradian
  double norm[PCN_PARTS];
  double (*table)[PCN_PENCIL_RADII]; ///< [depth node][radius]
} work;

// Depths in mm: closer where the dose builds up.
static double node_depth(int i) {
  return i <= 20 ? i : (i <= 40 ? 20 + 2 * (i - 20) : (i <= 68 ? 60 + 5 * (i - 40) : 200 + 400.0 / 38 * (i - 68)));
}

static void fill_steps(work *w) {
  const pcn_kernel *k = &w->tables->kernel;
  for (int i = 0; i <= STEPS; i++) { // closer near the release: 600 mm (i / STEPS)^3
    w->radius_mm[i] = 600 * pow((double)i / STEPS, 3);
  }
  for (int part = 0; part < PCN_PARTS; part++) {
    double sum = 0;
    for (int a = 0; a < ANGLES; a++) {
      const double lo = PCN_PI * a / ANGLES, hi = PCN_PI * (a + 1) / ANGLES;
      sum += 2 * PCN_PI * (cos(lo) - cos(hi)) * pcn_kernel_per_sr(k, (pcn_part)part, cos(0.5 * (lo + hi)));
    }
    w->norm[part] = 1 / sum;
    for (int t = 0; t < TURNS; t++) {
      const double cosine = cos(PCN_PI * (t + 0.5) / TURNS);
      double near = 0;
      for (int i = 0; i < STEPS; i++) {
        const double far = pcn_kernel_within(k, (pcn_part)part, cosine, 0.1 * w->radius_mm[i + 1]);
        w->step[t][i][part] = (float)((far - near) * w->norm[part]);
        near = far;
      }
    }
  }
}

// One direction of travel through a point on the axis: energy by the radius where it was released.
static void gather(const work *w, double depth_mm, double theta, double weight, double *ring) {
  const double s = sin(theta), c = cos(theta), z = w->ssd_mm + depth_mm;
  for (int i = 0; i < STEPS; i++) {
    const double r = 0.5 * (w->radius_mm[i] + w->radius_mm[i + 1]);
    const double from_mm = depth_mm - r * c, from_z = z - r * c, aside = r * s;
    if (from_mm < 0) {
      if (c > 0) {
        return; // above the surface, and so is the rest
      }
      continue;
    }
    const double turned = theta + atan2(aside, from_z);
    const int t = (int)fmin(TURNS - 1, turned * (TURNS / PCN_PI));
    const pcn_release release = pcn_quality_at(w->tables->quality, 0.1 * from_mm * hypot(aside, from_z) / from_z, 0);
    double energy = 0;
    for (int part = 0; part < PCN_PARTS; part++) {
      energy += (double)w->step[t][i][part] * (double)release.water[part];
    }
    const double scale = z / from_z; // where the ray passes the point's own plane, and the inverse square
    const int bin = (int)(sqrt(aside * scale) / w->root_step);
    if (bin < PCN_PENCIL_RADII - 1) {
      ring[bin + 1] += weight * energy * scale * scale * hypot(aside, from_z) / from_z;
    }
  }
}

static void fill_depth(void *data, size_t node, int worker) {
  (void)worker;
  const work *w = data;
  double *ring = w->table[node];
  memset(ring, 0, PCN_PENCIL_RADII * sizeof *ring);
  for (int a = 0; a < ANGLES; a++) {
    const double lo = PCN_PI * a / ANGLES, hi = PCN_PI * (a + 1) / ANGLES;
    gather(w, node_depth((int)node), 0.5 * (lo + hi), 2 * PCN_PI * (cos(lo) - cos(hi)), ring);
  }
  for (int i = 1; i < PCN_PENCIL_RADII; i++) {
    ring[i] += ring[i - 1];
  }
}

// --- singular values ---------------------------------------------------------------------------

static double normalise(double *v, int n) {
  double square = 0;
  for (int i = 0; i < n; i++) {
    square += v[i] * v[i];
  }
  const double length = sqrt(square);
  for (int i = 0; i < n && length > 0; i++) {
    v[i] /= length;
  }
  return length;
}

// The strongest pair of vectors of what is left of the table; it is then taken away.
static void take_term(double (*table)[PCN_PENCIL_RADII], double u[NODES], double v[PCN_PENCIL_RADII]) {
  for (int i = 0; i < NODES; i++) {
    u[i] = 1 + 0.01 * i;
  }
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    memset(v, 0, PCN_PENCIL_RADII * sizeof *v);
    for (int i = 0; i < NODES; i++) {
      for (int j = 0; j < PCN_PENCIL_RADII; j++) {
        v[j] += u[i] * table[i][j];
      }
    }
    normalise(v, PCN_PENCIL_RADII);
    for (int i = 0; i < NODES; i++) {
      u[i] = 0;
      for (int j = 0; j < PCN_PENCIL_RADII; j++) {
        u[i] += v[j] * table[i][j];
      }
    }
  }
  for (int i = 0; i < NODES; i++) {
    for (int j = 0; j < PCN_PENCIL_RADII; j++) {
      table[i][j] -= u[i] * v[j];
    }
  }
}

// Depth values every mm: the term linear, the depth dose that it multiplies by its logarithm.
static void put_depths(pcn_pencil_kernel *k, int term, const double u[NODES], const double dose[NODES]) {
  int i = 0;
  for (int d = 0; d < PCN_PENCIL_DEPTHS; d++) {
    while (i < NODES - 2 && d > node_depth(i + 1)) {
      i++;
    }
    const double x = (d - node_depth(i)) / (node_depth(i + 1) - node_depth(i));
    k->depth[d][term] = (float)((u[i] + x * (u[i + 1] - u[i])) * dose[i] * pow(dose[i + 1] / dose[i], x));
  }
}

static void decompose(work *w, pcn_pencil_kernel *k) {
  double dose[NODES], u[NODES], v[PCN_PENCIL_RADII];
  const int reference = (int)(sqrt(56.4) / w->root_step); // the circle of a square of 10 cm
  for (int i = 0; i < NODES; i++) {
    dose[i] = w->table[i][reference];
    for (int j = 0; j < PCN_PENCIL_RADII; j++) {
      w->table[i][j] /= dose[i];
    }
  }
  for (int term = 0; term < k->terms; term++) {
    take_term(w->table, u, v);
    put_depths(k, term, u, dose);
    for (int j = 0; j < PCN_PENCIL_RADII; j++) {
      k->circle[j][term] = (float)v[j];
    }
  }
  const int smallest = (int)(sqrt(5) / w->root_step), largest = (int)(sqrt(220) / w->root_step);
  for (int i = 20; node_depth(i) <= 400; i++) {
    for (int j = smallest; j < largest; j++) {
      k->residual = fmax(k->residual, fabs(w->table[i][j]));
    }
  }
}

pencone_status pcn_pencil_kernel_make(pencone_context *ctx, const pcn_photon_tables *tables, double ssd_mm, int terms,
                                      pcn_pencil_kernel **out) {
  work w = {.tables = tables, .ssd_mm = ssd_mm, .root_step = sqrt(largest_radius_mm) / (PCN_PENCIL_RADII - 1)};
  w.step = pcn_alloc(ctx, TURNS, sizeof *w.step);
  w.table = pcn_alloc(ctx, NODES, sizeof *w.table);
  pcn_pencil_kernel *k = pcn_calloc(ctx, 1, sizeof *k);
  const int made = w.step != NULL && w.table != NULL && k != NULL;
  *out = NULL;
  if (made) {
    k->terms = terms;
    k->root_step = w.root_step;
    fill_steps(&w);
    pcn_parallel_for(ctx, NODES, fill_depth, &w);
    decompose(&w, k);
    *out = k;
  } else {
    pcn_free(k);
  }
  pcn_free(w.step);
  pcn_free(w.table);
  return made ? PENCONE_OK : PENCONE_E_MEMORY;
}

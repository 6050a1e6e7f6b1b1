// SPDX-License-Identifier: Apache-2.0
// The table that pencil-beam kernels are split from: energy on the axis of circles, from point kernels
// (docs/theory/pencil-beam.md, eq. 3).
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"
#include "photon/pencil_kernel.h"
#include "simd/isa.h"

enum { NODES = PCN_PENCIL_NODES, RADII = PCN_PENCIL_RADII, BINS = PCN_KERNEL_ANGLES, PATHS = 642 };
enum { LANES = PCN_PENCIL_STEP_LANES, STEPS_MOST = PCN_PENCIL_STEPS_MOST };
static const double path_step_mm = 2.5;
static const pcn_pencil_quadrature standard = {120, 1};

_Static_assert((int)PCN_PARTS == (int)PCN_PENCIL_PARTS, "the tables are the loops'");

/// A direction of travel through the points on the axis.
typedef struct direction {
  pcn_pencil_way way;
  double weight;  ///< solid angle
} direction;

/// The work: energies of the steps of a kernel, and the table that they fill.
typedef struct work {
  int angles, steps;
  double ssd_mm;
  const pcn_isa *isa;
  pcn_pencil_steps tables;  ///< but for the point's place
  direction *direction;
  float radius_mm[STEPS_MOST + LANES];
  float (*left)[BINS * PCN_PARTS];  ///< [step][angle, part]
  float release[PATHS * PCN_PARTS];
  double (*table)[RADII];  ///< [depth node][radius]
} work;

// --- making ready --------------------------------------------------------------------------------

// Closer in the forward direction, where most of the energy goes; 90 degrees, along the surface, is a bound.
static double bound(int a, int angles) {
  const int ahead = angles * 2 / 3;
  const double quarter = 0.5 * PCN_PI;
  return a <= ahead ? quarter * pow((double)a / ahead, 1.5)
                    : quarter * (1 + (double)(a - ahead) / (angles - ahead));
}

// @param[out] part_sum  what the directions see of each part of the kernel
static void fill_directions(work *w, const pcn_kernel *k, double part_sum[PCN_PARTS]) {
  double low = bound(0, w->angles);
  part_sum[PCN_PRIMARY] = part_sum[PCN_SCATTER] = 0;
  for (int a = 0; a < w->angles; a++) {
    const double high = bound(a + 1, w->angles), theta = 0.5 * (low + high);
    direction *d = &w->direction[a];
    d->way = (pcn_pencil_way){(float)theta, (float)sin(theta), (float)cos(theta), 0};
    d->weight = 2 * PCN_PI * (cos(low) - cos(high));
    for (int part = 0; part < PCN_PARTS; part++) {
      part_sum[part] += d->weight * pcn_kernel_per_sr(k, (pcn_part)part, cos(theta));
    }
    low = high;
  }
}

// Steps between the kernel's radii, where its energy is even: shorter ones where the beam is attenuated along
// them.
static void fill_steps(work *w, const pcn_kernel *k, int parts, const double part_sum[PCN_PARTS]) {
  const double longest_g_cm2 = 2.5;
  w->steps = 0;
  w->radius_mm[0] = 0;
  for (int i = 0; i < PCN_KERNEL_RADII; i++) {
    const double low = k->radius_g_cm2[i], width = k->radius_g_cm2[i + 1] - low;
    const int pieces = parts * (1 + (int)(width / longest_g_cm2));
    for (int p = 1; p <= pieces && w->steps < STEPS_MOST; p++) {
      for (int value = 0; value < BINS * PCN_PARTS; value++) {
        const int bin = value / PCN_PARTS, part = value % PCN_PARTS;
        const double solid =
            2 * PCN_PI * (cos(pcn_radians(k->angle_deg[bin])) - cos(pcn_radians(k->angle_deg[bin + 1])));
        const double *within = k->within[part][bin];
        w->left[w->steps][value] = (float)((within[i + 1] - within[i]) / (pieces * solid * part_sum[part]));
      }
      w->radius_mm[++w->steps] = (float)(10 * (low + width * p / pieces));
    }
  }
}

static void fill_release(work *w, const pcn_quality *quality) {
  for (int p = 0; p < PATHS; p++) {
    const pcn_release release = pcn_quality_at(quality, 0.1 * path_step_mm * p, 0);
    memcpy(w->release + (size_t)p * PCN_PARTS, release.water, sizeof release.water);
  }
}

// --- a depth ---------------------------------------------------------------------------------------

/// Energy within circles. From each radius on it grows with the radius by slope, from a line moved by offset.
typedef struct rings {
  double slope[RADII + 2], offset[RADII + 2];  ///< two more for what is outside of all
} rings;

// One direction of travel through a point on the axis: energy by the radius where it was released, evenly
// between the ends of a step. Steps end at the surface.
static void gather(const work *w, const pcn_pencil_steps *point, const direction *from, rings *out) {
  pcn_pencil_way way = from->way;
  pcn_pencil_spread spread;
  float before = 0;
  int n = 0;
  way.end_mm = way.cosine > 0 ? point->depth_mm / way.cosine : w->radius_mm[w->steps];
  while (n < w->steps && w->radius_mm[n] < way.end_mm) {
    n++;
  }
  if (n > 0) {
    w->isa->pencil_steps(point, &way, (size_t)n, &spread);
  }
  for (int i = 0; i < n + (n > 0); i++) {
    const float energy = i < n ? spread.energy[i] : 0;
    const double more = from->weight * (double)(energy - before);
    out->slope[spread.circle[i]] += more;
    out->offset[spread.circle[i]] += more * (double)spread.radius_mm[i];
    before = energy;
  }
}

static void fill_depth(void *data, size_t node, int worker) {
  (void)worker;
  const work *w = data;
  const double depth_mm = pcn_pencil_node_mm((int)node);
  pcn_pencil_steps point = w->tables;
  double *ring = w->table[node], slope = 0, offset = 0;
  rings sum = {{0}, {0}};
  point.depth_mm = (float)depth_mm;
  point.z_mm = (float)(w->ssd_mm + depth_mm);
  for (int a = 0; a < w->angles; a++) {
    gather(w, &point, &w->direction[a], &sum);
  }
  for (int i = 0; i < RADII; i++) {
    slope += sum.slope[i];
    offset += sum.offset[i];
    ring[i] = slope * pcn_pencil_radius_mm(i) - offset;
  }
}

static void fill_tables(const pcn_photon_tables *tables, int parts, work *w) {
  double part_sum[PCN_PARTS];
  fill_directions(w, &tables->kernel, part_sum);
  fill_steps(w, &tables->kernel, parts, part_sum);
  fill_release(w, tables->quality);
  w->tables = (pcn_pencil_steps){.radius_mm = w->radius_mm,
                                 .left = w->left[0],
                                 .angles = BINS,
                                 .release = w->release,
                                 .paths = PATHS,
                                 .per_path = (float)(1 / path_step_mm),
                                 .per_root = (float)(1 / sqrt(pcn_pencil_radius_mm(1))),
                                 .circles = RADII};
}

pencone_status pcn_pencil_circles(pencone_context *ctx, const pcn_photon_tables *tables, double ssd_mm,
                                  const pcn_pencil_quadrature *quadrature, double table[NODES][RADII]) {
  const pcn_pencil_quadrature *q = quadrature != NULL ? quadrature : &standard;
  work *w = pcn_calloc(ctx, 1, sizeof *w);
  direction *directions = pcn_alloc(ctx, (size_t)q->angles, sizeof *directions);
  void *left = pcn_alloc(ctx, STEPS_MOST, sizeof *w->left);
  const int made = w != NULL && directions != NULL && left != NULL;
  if (made) {
    w->angles = q->angles;
    w->ssd_mm = ssd_mm;
    w->isa = pcn_isa_of(ctx);
    w->direction = directions;
    w->left = left;
    w->table = table;
    fill_tables(tables, q->parts, w);
    pcn_parallel_for(ctx, NODES, fill_depth, w);
  }
  pcn_free(w);
  pcn_free(directions);
  pcn_free(left);
  return made ? PENCONE_OK : PENCONE_E_MEMORY;
}

// SPDX-License-Identifier: Apache-2.0
// The table that pencil-beam kernels are split from: energy on the axis of circles, from point kernels
// (docs/theory/pencil-beam.md, eq. 3). A direction's steps are first placed, many at once; then the kernel
// and the release are looked up; then the energy is spread over the radii.
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "num/constants.h"
#include "photon/pencil_kernel.h"

enum {
  NODES = PCN_PENCIL_NODES,
  RADII = PCN_PENCIL_RADII,
  BINS = PCN_KERNEL_ANGLES,
  PATHS = 642,
  STEPS_MOST = 1024
};
static const double path_step_mm = 2.5;
static const pcn_pencil_quadrature standard = {120, 1};

/// A direction of travel through the points on the axis.
typedef struct direction {
  float bin;  ///< its angle, in bins of the kernel from the first one's centre
  float sine, cosine;
  double weight;  ///< solid angle
} direction;

/// The work: energies of the steps of a kernel, and the table that they fill.
typedef struct work {
  int angles, steps;
  double ssd_mm, per_root_mm;
  direction *direction;
  float radius_mm[STEPS_MOST + 1];
  float (*step)[BINS * PCN_PARTS];   ///< [step][angle, part]: per steradian, at the kernel's angles
  float release[PATHS * PCN_PARTS];  ///< [path, part]: behind steps of water
  double (*table)[RADII];            ///< [depth node][radius]
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
    d->bin = (float)(theta * (BINS / PCN_PI) - 0.5);
    d->sine = (float)sin(theta);
    d->cosine = (float)cos(theta);
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
        w->step[w->steps][value] = (float)((within[i + 1] - within[i]) / (pieces * solid * part_sum[part]));
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

/// Steps along a direction: where their energy was released and where it counts.
typedef struct places {
  int32_t bin[STEPS_MOST], path[STEPS_MOST];      ///< cells of the tables
  float of_bin[STEPS_MOST], of_path[STEPS_MOST];  ///< and positions in them
  float scale[STEPS_MOST];                        ///< inverse square and slant
  float radius_mm[STEPS_MOST + 1];                ///< of their ends in the point's plane; from 0 on
  int32_t circle[STEPS_MOST + 1];                 ///< the first circle outside of that
} places;

// Angles of 0 to 45 degrees by their tangent: fitted for this file by least squares with weights that level
// the error, 1.7e-6.
static inline __attribute__((always_inline)) float angle_of(float tangent) {
  const float s = tangent * tangent;
  float p = -0.0117191197f;
  p = p * s + 0.0526473112f;
  p = p * s - 0.116426446f;
  p = p * s + 0.193540365f;
  p = p * s - 0.332622826f;
  p = p * s + 0.999977231f;
  return p * tangent;
}

// Steps end at the surface. The direction is not that of the photons there: they come from the source.
static void find_places(const work *w, const direction *to, float depth_mm, int n, float end_mm,
                        places *out) {
  const float z = (float)w->ssd_mm + depth_mm, s = to->sine, c = to->cosine, bin = to->bin;
  const float per_root = (float)w->per_root_mm, per_path = (float)(1 / path_step_mm);
  const float last_bin = BINS - 1.001F, last_path = PATHS - 1.001F, last_circle = RADII;
  out->radius_mm[0] = 0;
  out->circle[0] = 0;
#pragma omp simd
  for (int32_t i = 0; i < n; i++) {
    const float high = w->radius_mm[i + 1] < end_mm ? w->radius_mm[i + 1] : end_mm;
    const float r = 0.5f * (w->radius_mm[i] + high), per_z = 1 / (z - r * c), tangent = r * s * per_z;
    const float slant = sqrtf(1 + tangent * tangent);
    const float turned =
        bin + (float)(2 * BINS / PCN_PI) * angle_of(tangent / (1 + slant));  // of half the angle
    const float from_first = turned > 0 ? turned : 0, at = from_first < last_bin ? from_first : last_bin;
    const float behind = (depth_mm - r * c) * slant * per_path,
                path = behind < last_path ? behind : last_path;
    const float magnified = z * per_z;  // where the ray passes the point's own plane, and the inverse square
    const float radius_mm = high * s * z / (z - high * c), root = sqrtf(radius_mm) * per_root;
    const int32_t b = (int32_t)at, p = (int32_t)path,
                  circle = (int32_t)(root < last_circle ? root : last_circle);
    out->bin[i] = b;
    out->of_bin[i] = at - (float)b;
    out->path[i] = p;
    out->of_path[i] = path - (float)p;
    out->scale[i] = magnified * magnified * slant;
    out->radius_mm[i + 1] = radius_mm;
    out->circle[i + 1] = circle + 1;
  }
}

// Energy left per steradian by what was released in a step.
static float energy_of(const work *w, const places *at, int i) {
  const float *left = w->step[i] + at->bin[i] * PCN_PARTS, *release = w->release + at->path[i] * PCN_PARTS;
  float energy = 0;
  for (int part = 0; part < PCN_PARTS; part++) {
    const int next = PCN_PARTS + part;
    energy += (left[part] + at->of_bin[i] * (left[next] - left[part])) *
              (release[part] + at->of_path[i] * (release[next] - release[part]));
  }
  return energy * at->scale[i];
}

/// Energy within circles. From each radius on it grows with the radius by slope, from a line moved by offset.
typedef struct rings {
  double slope[RADII + 2], offset[RADII + 2];  ///< two more for what is outside of all
} rings;

// Energy of a direction's steps, evenly between the radii of their ends.
static void put_energy(const work *w, double weight, int n, const places *at, rings *out) {
  const float narrow_mm = 1e-9F;
  float slope[STEPS_MOST + 1], before = 0;
  for (int i = 0; i < n; i++) {
    slope[i] = energy_of(w, at, i);
  }
#pragma omp simd
  for (int i = 0; i < n; i++) {
    const float width_mm = at->radius_mm[i + 1] - at->radius_mm[i];
    slope[i] /= width_mm > narrow_mm ? width_mm : narrow_mm;
  }
  slope[n] = 0;
  for (int i = 0; i <= n; i++) {
    const double more = weight * (double)(slope[i] - before);
    out->slope[at->circle[i]] += more;
    out->offset[at->circle[i]] += more * (double)at->radius_mm[i];
    before = slope[i];
  }
}

// One direction of travel through a point on the axis: energy by the radius where it was released.
static void gather(const work *w, double depth_mm, const direction *from, rings *out) {
  const double surface_mm = from->cosine > 0 ? depth_mm / (double)from->cosine : INFINITY;
  places at;
  int n = 0;
  while (n < w->steps && (double)w->radius_mm[n] < surface_mm) {
    n++;
  }
  if (n > 0) {
    const double low_mm = (double)w->radius_mm[n - 1], whole_mm = (double)w->radius_mm[n] - low_mm;
    find_places(w, from, (float)depth_mm, n, (float)surface_mm, &at);
    at.scale[n - 1] *= (float)fmin(1, (surface_mm - low_mm) / whole_mm);
    put_energy(w, from->weight, n, &at, out);
  }
}

static void fill_depth(void *data, size_t node, int worker) {
  (void)worker;
  const work *w = data;
  double *ring = w->table[node], slope = 0, offset = 0;
  rings sum = {{0}, {0}};
  for (int a = 0; a < w->angles; a++) {
    gather(w, pcn_pencil_node_mm((int)node), &w->direction[a], &sum);
  }
  for (int i = 0; i < RADII; i++) {
    slope += sum.slope[i];
    offset += sum.offset[i];
    ring[i] = slope * pcn_pencil_radius_mm(i) - offset;
  }
}

pencone_status pcn_pencil_circles(pencone_context *ctx, const pcn_photon_tables *tables, double ssd_mm,
                                  const pcn_pencil_quadrature *quadrature, double table[NODES][RADII]) {
  const pcn_pencil_quadrature *q = quadrature != NULL ? quadrature : &standard;
  work *w = pcn_alloc(ctx, 1, sizeof *w);
  direction *directions = pcn_alloc(ctx, (size_t)q->angles, sizeof *directions);
  void *step = pcn_alloc(ctx, STEPS_MOST, sizeof *w->step);
  const int made = w != NULL && directions != NULL && step != NULL;
  if (made) {
    double part_sum[PCN_PARTS];
    w->angles = q->angles;
    w->ssd_mm = ssd_mm;
    w->per_root_mm = 1 / sqrt(pcn_pencil_radius_mm(1));
    w->direction = directions;
    w->step = step;
    w->table = table;
    fill_directions(w, &tables->kernel, part_sum);
    fill_steps(w, &tables->kernel, q->parts, part_sum);
    fill_release(w, tables->quality);
    pcn_parallel_for(ctx, NODES, fill_depth, w);
  }
  pcn_free(w);
  pcn_free(directions);
  pcn_free(step);
  return made ? PENCONE_OK : PENCONE_E_MEMORY;
}

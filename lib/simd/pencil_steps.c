// SPDX-License-Identifier: Apache-2.0
// In three steps: places in the tables for many steps at once, then what the tables hold there, then many at
// once again.
#include "simd/pencil_steps.h"

#include <math.h>

#include "simd/isa.h"

enum { PARTS = PCN_PENCIL_PARTS, LANES = PCN_PENCIL_STEP_LANES, MOST = PCN_PENCIL_STEPS_MOST };

#define PCN_INLINE static inline __attribute__((always_inline))

/// Cells of the tables and positions in them.
typedef struct places {
  int32_t angle[MOST], path[MOST];
  float of_angle[MOST], of_path[MOST];
  float scale[MOST];  ///< inverse square and slant
} places;

// Angles of 0 to 45 degrees by their tangent: fitted for this file by least squares with weights that level
// the error, 1.7e-6.
PCN_INLINE float angle_of(float tangent) {
  const float s = tangent * tangent;
  float p = -0.0117191197f;
  p = p * s + 0.0526473112f;
  p = p * s - 0.116426446f;
  p = p * s + 0.193540365f;
  p = p * s - 0.332622826f;
  p = p * s + 0.999977231f;
  return p * tangent;
}

// The kernel turns with the photon, which comes from the source.
PCN_INLINE void find_places(const pcn_pencil_steps *steps, const pcn_pencil_way *way, int32_t n,
                            places *restrict at, pcn_pencil_spread *restrict out) {
  const pcn_pencil_steps w = *steps;
  const float z = w.z_mm, s = way->sine, c = way->cosine, end_mm = way->end_mm;
  const float per_angle = (float)w.angles / 3.14159265f, first = per_angle * way->angle - 0.5f;
  const float last_angle = (float)w.angles - 1.001f, last_path = (float)w.paths - 1.001f,
              last = (float)w.circles;
  const float *restrict from_mm = w.radius_mm;
#pragma omp simd
  for (int32_t i = 0; i < n; i++) {
    const float whole = from_mm[i + 1], high = whole < end_mm ? whole : end_mm;
    const float r = 0.5f * (from_mm[i] + high), per_z = 1 / (z - r * c), tangent = r * s * per_z;
    const float slant = sqrtf(1 + tangent * tangent);
    const float turned = first + 2 * per_angle * angle_of(tangent / (1 + slant));  // by half the angle
    const float least = turned > 0 ? turned : 0, angle = least < last_angle ? least : last_angle;
    const float behind = (w.depth_mm - r * c) * slant * w.per_path,
                path = behind < last_path ? behind : last_path;
    const float magnified = z * per_z;  // where the ray passes the point's own plane, and the inverse square
    const float radius_mm = high * s * z / (z - high * c), root = sqrtf(radius_mm) * w.per_root;
    const int32_t a = (int32_t)angle, p = (int32_t)path;
    at->angle[i] = a;
    at->of_angle[i] = angle - (float)a;
    at->path[i] = p;
    at->of_path[i] = path - (float)p;
    at->scale[i] = magnified * magnified * slant;
    out->radius_mm[i + 1] = radius_mm;
    out->circle[i + 1] = (int32_t)(root < last ? root : last) + 1;
  }
}

// Energy left per steradian by what was released in each step.
PCN_INLINE void look_up(const pcn_pencil_steps *steps, const places *at, int32_t n, float *energy) {
  const float *row = steps->left;
  for (int32_t i = 0; i < n; i++, row += steps->angles * PARTS) {
    const float *left = row + at->angle[i] * PARTS, *release = steps->release + at->path[i] * PARTS;
    const float u = at->of_angle[i], v = at->of_path[i];
    float sum = 0;
    for (int part = 0; part < PARTS; part++) {
      const int next = PARTS + part;
      sum += (left[part] + u * (left[next] - left[part])) *
             (release[part] + v * (release[next] - release[part]));
    }
    energy[i] = sum;
  }
  for (int32_t i = n; i % LANES != 0; i++) {
    energy[i] = 0;
  }
}

void PCN_ISA_NAME(pcn_pencil_steps)(const pcn_pencil_steps *steps, const pcn_pencil_way *way, size_t n,
                                    pcn_pencil_spread *out) {
  const float narrow_mm = 1e-9f;
  const int32_t whole = (int32_t)((n + LANES - 1) / LANES * LANES), last = (int32_t)n - 1;
  const float *from_mm = steps->radius_mm;
  places at;
  out->radius_mm[0] = 0;
  out->circle[0] = 0;
  find_places(steps, way, whole, &at, out);
  look_up(steps, &at, (int32_t)n, out->energy);
  if (way->end_mm < from_mm[n]) {
    at.scale[last] *= (way->end_mm - from_mm[last]) / (from_mm[n] - from_mm[last]);
  }
  float *restrict energy = out->energy;
#pragma omp simd
  for (int32_t i = 0; i < whole; i++) {
    const float width_mm = out->radius_mm[i + 1] - out->radius_mm[i];
    energy[i] *= at.scale[i] / (width_mm > narrow_mm ? width_mm : narrow_mm);
  }
}

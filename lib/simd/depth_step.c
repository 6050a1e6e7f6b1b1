// SPDX-License-Identifier: Apache-2.0
// A step crosses one face of the row at most: two voxels for each ray, and the share of the first.
#include "simd/depth_step.h"

#include "simd/isa.h"

#define PCN_INLINE static inline __attribute__((always_inline))

// Voxel of a coordinate, -1 below the row and voxels above it.
PCN_INLINE int32_t voxel_at(float at, float voxels) {
  const float low = at > -1.0f ? at : -1.0f, inside = low < voxels ? low : voxels;
  return (int32_t)(inside + 1.0f) - 1; // positive: truncation rounds down
}

// Known when this is compiled: two, there is a second value; unit, the stride is 1.
PCN_INLINE void step_rays(int two, int unit, const pcn_depth_step *s, size_t n, float *const sum[2]) {
  const float from = s->from, from_step = s->from_step, to = s->to, to_step = s->to_step, length = s->length;
  const float voxels = (float)s->voxels;
  const int32_t count = s->voxels, stride = unit ? 1 : s->stride;
  const float *restrict first = s->value[0], *restrict second = two ? s->value[1] : NULL;
  float *restrict sum_0 = sum[0], *restrict sum_1 = two ? sum[1] : NULL;
#pragma omp simd
  for (size_t k = 0; k < n; k++) {
    const float i = (float)(int32_t)k, a = from + i * from_step, b = to + i * to_step;
    const int32_t va = voxel_at(a, voxels), vb = voxel_at(b, voxels);
    const float face = (float)(va > vb ? va : vb), way = va == vb ? 1.0f : b - a;
    const float near = va == vb ? 1.0f : (face - a) / way;
    const int32_t in_a = va >= 0 && va < count, in_b = vb >= 0 && vb < count;
    const int32_t pa = in_a ? va * stride : 0, pb = in_b ? vb * stride : 0;
    const float weight_a = in_a ? length * near : 0.0f, weight_b = in_b ? length * (1.0f - near) : 0.0f;
    sum_0[k] += weight_a * first[pa] + weight_b * first[pb];
    if (two) {
      sum_1[k] += weight_a * second[pa] + weight_b * second[pb];
    }
  }
}

void PCN_ISA_NAME(pcn_depth_step)(const pcn_depth_step *step, size_t n, float *const sum[2]) {
  if (step->value[1] != NULL) {
    step->stride == 1 ? step_rays(1, 1, step, n, sum) : step_rays(1, 0, step, n, sum);
  } else {
    step->stride == 1 ? step_rays(0, 1, step, n, sum) : step_rays(0, 0, step, n, sum);
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "engine/keep.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/base.h"

// A number in [0, 1) that depends on seed, column and voxel only: the finaliser of SplitMix64 (Steele, Lea
// and Flood 2014, doi:10.1145/2660193.2660195), once for the column and once for the voxel.
static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static double chance(uint64_t stream, int32_t voxel) {
  return (double)(mix(stream ^ (uint64_t)voxel) >> 11) / 9007199254740992.0;
}

// Leaves what is not 0 and in the mask; its sum, and the largest of the whole column: the mask changes no
// entry that it lets through.
static float apply_mask(pcn_column *c, const uint8_t *mask, double *sum) {
  float largest = 0;
  double total = 0;
  int64_t n = 0;
  for (int64_t i = 0; i < c->count; i++) {
    const float v = c->value[i];
    largest = v > largest ? v : largest;
    if (v != 0 && mask[c->voxel[i]] != 0) {
      c->voxel[n] = c->voxel[i];
      c->value[n++] = v;
      total += (double)v;
    }
  }
  c->count = n;
  *sum = total;
  return largest;
}

// Two loops: clang 14 does not take both reductions in one.
static float measure(const pcn_column *c, double *sum) {
  const float *value = c->value;
  const int64_t count = c->count;
  float largest = 0;
  double total = 0;
  for (int64_t i = 0; i < count; i++) {
    largest = value[i] > largest ? value[i] : largest;
  }
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < count; i++) {
    total += (double)value[i];
  }
  *sum = total;
  return largest;
}

enum { RUN = 64 };  // entries that are looked at together

static int count_large(const float *value, int n, float least) {
  int large = 0;
#pragma omp simd reduction(+ : large)
  for (int i = 0; i < n; i++) {
    large += fabsf(value[i]) >= least;
  }
  return large;
}

static double sum_small(const float *value, int n, float least) {
  double small = 0;
#pragma omp simd reduction(+ : small)
  for (int i = 0; i < n; i++) {
    small += fabsf(value[i]) < least ? (double)value[i] : 0;
  }
  return small;
}

// Copies what is large of one run: no branch to mispredict.
static void copy_run(const pcn_column *c, int64_t from, int n, float least, pcn_column *kept) {
  const float *value = c->value + from;
  const int32_t *voxel = c->voxel + from;
  float *restrict to_value = kept->value + kept->count;
  int32_t *restrict to_voxel = kept->voxel + kept->count;
  int64_t count = 0;
  for (int i = 0; i < n; i++) {
    const float v = value[i];
    to_voxel[count] = voxel[i];
    to_value[count] = v;
    count += fabsf(v) >= least;
  }
  kept->count += count;
}

// Entries of the threshold's size on: counted first, so that no more memory is touched than they take. Most
// runs are large throughout.
static pencone_status copy_large(pencone_context *ctx, const pcn_column *c, float threshold, pcn_column *kept,
                                 double *left_out) {
  const float least = threshold > 0 ? threshold : FLT_TRUE_MIN;
  int64_t all = 0;
  for (int64_t i = 0; i < c->count; i += RUN) {
    all += count_large(c->value + i, (int)(c->count - i < RUN ? c->count - i : RUN), least);
  }
  PCN_TRY(pcn_column_reserve(ctx, kept, all + 1));  // one more: where the last that is dropped is written to
  for (int64_t i = 0; i < c->count; i += RUN) {
    const int n = (int)(c->count - i < RUN ? c->count - i : RUN);
    const int large = count_large(c->value + i, n, least);
    if (large == n) {
      memcpy(kept->value + kept->count, c->value + i, (size_t)n * sizeof *kept->value);
      memcpy(kept->voxel + kept->count, c->voxel + i, (size_t)n * sizeof *kept->voxel);
      kept->count += n;
    } else {
      *left_out += sum_small(c->value + i, n, least);
      if (large > 0) {
        copy_run(c, i, n, least, kept);
      }
    }
  }
  return PENCONE_OK;
}

// The same, and of the rest with a chance of value over threshold the threshold itself.
static pencone_status copy_sampled(pencone_context *ctx, const pcn_column *c, float threshold,
                                   uint64_t stream, pcn_column *kept) {
  PCN_TRY(pcn_column_reserve(ctx, kept, c->count));
  int64_t n = 0;
  for (int64_t i = 0; i < c->count; i++) {
    const float v = c->value[i];
    const float size = fabsf(v);
    const int small = size < threshold;
    if (size > 0 && (!small || chance(stream, c->voxel[i]) < (double)size / (double)threshold)) {
      kept->voxel[n] = c->voxel[i];
      kept->value[n++] = small ? copysignf(threshold, v) : v;
    }
  }
  kept->count = n;
  return PENCONE_OK;
}

pencone_dij_column pcn_column_ready(const pcn_column *c, int64_t index) {
  const pencone_dij_column out = {.index = index,
                                  .count = c->count,
                                  .voxel = c->voxel,
                                  .value = c->value,
                                  .sum = c->sum + c->beyond,
                                  .lost = c->below + c->beyond};
  return out;
}

pencone_status pcn_column_keep(pencone_context *ctx, const pencone_dij_options *options, int64_t index,
                               pcn_column *raw, pcn_column *kept, pencone_dij_column *out) {
  double sum, left_out = 0;
  const float largest = options->mask != NULL ? apply_mask(raw, options->mask, &sum) : measure(raw, &sum);
  const float threshold = (float)(options->threshold * (double)largest);
  kept->count = 0;
  if (options->sampling) {
    double sum_kept;
    PCN_TRY(copy_sampled(ctx, raw, threshold, mix(options->seed ^ mix((uint64_t)index)), kept));
    measure(kept, &sum_kept);
    left_out = sum - sum_kept;
  } else {
    PCN_TRY(copy_large(ctx, raw, threshold, kept, &left_out));
  }
  kept->sum = sum;
  kept->below = left_out;
  kept->beyond = raw->beyond;
  *out = pcn_column_ready(kept, index);
  return PENCONE_OK;
}

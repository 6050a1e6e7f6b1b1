// SPDX-License-Identifier: Apache-2.0
#include "engine/keep.h"

#include "base/base.h"
#include <float.h>

// A number in [0, 1) that depends on seed, column and voxel only: the finaliser of SplitMix64 (Steele, Lea and Flood
// 2014, doi:10.1145/2660193.2660195), once for the column and once for the voxel.
static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static double chance(uint64_t stream, int32_t voxel) {
  return (double)(mix(stream ^ (uint64_t)voxel) >> 11) / 9007199254740992.0;
}

// Leaves what is above 0 and in the mask; its sum, and the largest of the whole column: the mask changes no entry that
// it lets through.
static float apply_mask(pcn_column *c, const uint8_t *mask, double *sum) {
  float largest = 0;
  double total = 0;
  int64_t n = 0;
  for (int64_t i = 0; i < c->count; i++) {
    const float v = c->value[i];
    largest = v > largest ? v : largest;
    if (v > 0 && mask[c->voxel[i]] != 0) {
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
    total += value[i] > 0 ? (double)value[i] : 0;
  }
  *sum = total;
  return largest;
}

// Entries from the threshold on: counted first, so that no more memory is touched than they take.
static pencone_status copy_large(pencone_context *ctx, const pcn_column *c, float threshold, pcn_column *kept) {
  const float *value = c->value, least = threshold > 0 ? threshold : FLT_TRUE_MIN;
  const int64_t count = c->count;
  int64_t n = 0;
#pragma omp simd reduction(+ : n)
  for (int64_t i = 0; i < count; i++) {
    n += value[i] >= least;
  }
  PCN_TRY(pcn_column_reserve(ctx, kept, n + 1)); // one more: where the last that is dropped is written to
  int32_t *restrict to_voxel = kept->voxel;
  float *restrict to_value = kept->value;
  n = 0;
  for (int64_t i = 0; i < count; i++) { // no branch to mispredict
    const float v = value[i];
    to_voxel[n] = c->voxel[i];
    to_value[n] = v;
    n += v >= least;
  }
  kept->count = n;
  return PENCONE_OK;
}

// The same, and of the rest with a chance of value over threshold the threshold itself.
static pencone_status copy_sampled(pencone_context *ctx, const pcn_column *c, float threshold, uint64_t stream,
                                   pcn_column *kept) {
  PCN_TRY(pcn_column_reserve(ctx, kept, c->count));
  int64_t n = 0;
  for (int64_t i = 0; i < c->count; i++) {
    const float v = c->value[i];
    const int small = v < threshold;
    if (v > 0 && (!small || chance(stream, c->voxel[i]) < (double)v / (double)threshold)) {
      kept->voxel[n] = c->voxel[i];
      kept->value[n++] = small ? threshold : v;
    }
  }
  kept->count = n;
  return PENCONE_OK;
}

pencone_status pcn_column_keep(pencone_context *ctx, const pencone_dij_options *options, int64_t index, pcn_column *raw,
                               pcn_column *kept, pencone_dij_column *out) {
  double sum, sum_kept;
  const float largest = options->mask != NULL ? apply_mask(raw, options->mask, &sum) : measure(raw, &sum);
  const float threshold = (float)(options->threshold * (double)largest);
  kept->count = 0;
  PCN_TRY(options->sampling ? copy_sampled(ctx, raw, threshold, mix(options->seed ^ mix((uint64_t)index)), kept)
                            : copy_large(ctx, raw, threshold, kept));
  measure(kept, &sum_kept);
  out->index = index;
  out->count = kept->count;
  out->voxel = kept->voxel;
  out->value = kept->value;
  out->sum = sum + raw->beyond;
  out->lost = out->sum - sum_kept;
  return PENCONE_OK;
}

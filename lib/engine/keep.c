// SPDX-License-Identifier: Apache-2.0
#include "engine/keep.h"

#include "base/base.h"
#include <string.h>

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

// What is above 0, its sum, and the largest of the whole column: the mask changes no entry that it lets through.
static float drop_nothing(pcn_column *c, const uint8_t *mask, double *sum) {
  float largest = 0;
  double total = 0;
  int64_t n = 0;
  const int64_t count = c->count;
  if (mask == NULL) {
    const float *value = c->value;
#pragma omp simd reduction(max : largest) reduction(+ : total)
    for (int64_t i = 0; i < count; i++) {
      const float v = value[i] > 0 ? value[i] : 0;
      largest = v > largest ? v : largest;
      total += (double)v;
    }
    *sum = total;
    return largest;
  }
  for (int64_t i = 0; i < count; i++) {
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

// Entries from the threshold on; no branch to mispredict.
static double drop_small(pcn_column *c, float threshold) {
  const int64_t count = c->count;
  int64_t n = 0;
  double kept = 0;
  for (int64_t i = 0; i < count; i++) {
    const float v = c->value[i];
    c->voxel[n] = c->voxel[i];
    c->value[n] = v;
    n += v >= threshold && v > 0;
  }
  const float *value = c->value;
#pragma omp simd reduction(+ : kept)
  for (int64_t i = 0; i < n; i++) {
    kept += (double)value[i];
  }
  c->count = n;
  return kept;
}

static double sample_small(pcn_column *c, float threshold, uint64_t stream) {
  int64_t n = 0;
  double kept = 0;
  for (int64_t i = 0; i < c->count; i++) {
    const float v = c->value[i];
    const int small = v < threshold;
    if (v > 0 && (!small || chance(stream, c->voxel[i]) < (double)v / (double)threshold)) {
      c->voxel[n] = c->voxel[i];
      c->value[n] = small ? threshold : v;
      kept += (double)c->value[n++];
    }
  }
  c->count = n;
  return kept;
}

pencone_status pcn_column_keep(pencone_context *ctx, const pencone_dij_options *options, int64_t index, pcn_column *raw,
                               pcn_column *kept, pencone_dij_column *out) {
  double sum;
  const float largest = drop_nothing(raw, options->mask, &sum), threshold = (float)(options->threshold * (double)largest);
  const double sum_kept = options->sampling ? sample_small(raw, threshold, mix(options->seed ^ mix((uint64_t)index)))
                                            : drop_small(raw, threshold);
  kept->count = 0;
  PCN_TRY(pcn_column_reserve(ctx, kept, raw->count));
  if (raw->count > 0) {
    memcpy(kept->voxel, raw->voxel, (size_t)raw->count * sizeof *kept->voxel);
    memcpy(kept->value, raw->value, (size_t)raw->count * sizeof *kept->value);
  }
  kept->count = raw->count;
  out->index = index;
  out->count = kept->count;
  out->voxel = kept->voxel;
  out->value = kept->value;
  out->sum = sum + raw->beyond;
  out->lost = out->sum - sum_kept;
  return PENCONE_OK;
}
